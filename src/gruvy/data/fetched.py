"""Data sets that are too large for a package: fetched once, when asked for by name, file by file against their sums."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files as resources
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from gruvy import files
from gruvy.errors import DataError
from gruvy.extras import need

SPOKEN_DIGITS = "spoken-digits-wav"
COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
URL = f"https://raw.githubusercontent.com/Jakobovski/free-spoken-digit-dataset/{COMMIT}/recordings/"
SPEAKERS = ("george", "jackson", "nicolas", "theo", "yweweler")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
AT_ONCE = 8  # downloads
PATIENCE = 30  # seconds without an answer
LABELS = "labels.csv"

Progress = Callable[[int, int], None]


def registry() -> dict[str, str]:
    """The SHA-256 sum of each recording, by its name."""
    sums = resources("gruvy.data").joinpath("spoken_digits.sha256").read_bytes()
    names = [f"{digit}_{speaker}_{k}.wav" for digit in range(10) for speaker in SPEAKERS for k in range(50)]
    return {name: sums[32 * k : 32 * k + 32].hex() for k, name in enumerate(names)}


def place() -> Path:
    """Where the recordings lie: in the user's cache, or in the folder that the environment's GRUVY_DATA names."""
    pooch = need("pooch")
    return Path(pooch.create(pooch.os_cache("gruvy"), URL, env="GRUVY_DATA").path) / SPOKEN_DIGITS


def is_here() -> bool:
    """Whether all of them were fetched; what is in the files is not looked at."""
    try:
        folder = place()
    except ImportError:
        return False
    return (folder / LABELS).is_file() and all((folder / name).is_file() for name in registry())


def here() -> Path:
    """Where the recordings lie, all of them.

    Raises:
        DataError: they were not fetched yet. MissingExtraError: pooch, which knows where, is not installed.
    """
    folder = place()
    if not is_here():
        how = f"gruvy datasets {SPOKEN_DIGITS} does it, with --from FILE.zip without the internet"
        raise DataError(f"{SPOKEN_DIGITS} was not fetched yet: {how}")
    return folder


def fetch(folder: Path | None = None, source: Path | None = None, progress: Progress | None = None) -> Path:
    """Have the 2,500 recordings of spoken digits in a folder, with a labels.csv: file, label, speaker.

    What is there already is not fetched again, so that a fetching that broke off goes on.

    Args:
        folder: where they go; by default a folder of the user's cache, from which `load` reads them.
        source: a zip of them to take them from, instead of fetching them.
        progress: called with how many there are, and of how many.

    Returns:
        The folder.

    Raises:
        DataError: a recording cannot be fetched, is not in the zip, or is another than it should be.
        MissingExtraError: pooch is not installed.
    """
    wanted, folder = registry(), place() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    got = _unpacked(folder, wanted, source) if source is not None else _downloaded(folder, wanted)
    for k, _ in enumerate(got, 1):
        if progress is not None:
            progress(k, len(wanted))
    rows = (name.removesuffix(".wav").split("_") for name in wanted)
    told = [f"{d}_{speaker}_{k}.wav,{WORDS[int(d)]},{speaker}" for d, speaker, k in rows]
    files.write(folder / LABELS, "\n".join(["file,label,speaker", *told, ""]))  # the last: all others are there
    return folder


def _downloaded(folder: Path, wanted: dict[str, str]) -> Iterator[str]:
    pooch = need("pooch")
    pooch.get_logger().setLevel(logging.ERROR)
    known = pooch.create(folder, URL, registry={name: f"sha256:{sum}" for name, sum in wanted.items()})
    trouble = need("requests").exceptions

    def one(name: str) -> str:
        try:
            return str(known.fetch(name, downloader=pooch.HTTPDownloader(timeout=PATIENCE)))
        except ValueError as problem:  # of another sum
            raise DataError(f"{URL}{name} is not the recording it was: its SHA-256 sum is another") from problem
        except (trouble.RequestException, OSError) as problem:
            told = f"{URL}{name} cannot be fetched: {_reason(problem, trouble)}"
            raise DataError(f"{told}; what came so far is kept, and the same command goes on") from problem

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(one, wanted)
        finally:
            pool.shutdown(cancel_futures=True)


def _unpacked(folder: Path, wanted: dict[str, str], source: Path) -> Iterator[str]:
    if not source.is_file():
        raise DataError(f"{source} {'is a folder' if source.is_dir() else 'does not exist'}; expected a zip")
    try:
        with ZipFile(source) as opened:
            inside = {name.rpartition("/")[2]: name for name in opened.namelist()}
            for name, sum in wanted.items():
                if name not in inside:
                    raise DataError(f"{source} does not hold {name}; expected the recordings of {SPOKEN_DIGITS}")
                content = opened.read(inside[name])
                if hashlib.sha256(content).hexdigest() != sum:
                    raise DataError(f"{source}: {name} is not the recording it was: its SHA-256 sum is another")
                (folder / name).write_bytes(content)
                yield name
    except BadZipFile as problem:
        raise DataError(f"{source} is no zip that can be read") from problem


def _reason(problem: Exception, trouble: Any) -> str:
    """What went wrong, in few words."""
    response = getattr(problem, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    if isinstance(problem, trouble.Timeout):
        return f"no answer in {PATIENCE} seconds"
    if isinstance(problem, trouble.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(problem, trouble.ConnectionError):
        return "no connection"
    return (problem.strerror if isinstance(problem, OSError) else None) or type(problem).__name__
