"""Damage that learns: atheris keeps the files that reach new lines of gruvy, and damages those further.

`python -m soak.guided KIND SECONDS SEED FOLDER` is the process that does it; atheris ends it where it likes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

from . import ALONE
from .counts import KEPT, Counts
from .workers import Place

KINDS = ("model", "npz", "csv")  # read by Python that can be watched
LEAST = 60


def guided(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Each kind for its share of the time."""
    why = ""
    if importlib.util.find_spec("atheris") is None:
        why = 'atheris is not installed: pip install "gruvy[soak]"'
    elif seconds < LEAST:
        why = f"it starts slowly, and is left out where its share of the time is below {LEAST} seconds"
    if why:
        counts = Counts("files: guided")
        counts.notes.append(f"no damage was guided by what it reached: {why}")
        return [counts]
    return [_kind(kind, seconds / len(KINDS), seed, place) for kind in KINDS]


def _kind(kind: str, seconds: float, seed: int, place: Place) -> Counts:
    from . import samples

    counts, folder = Counts(f"files: {kind}, guided"), place.scratch / f"guided-{kind}"
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for i, content in enumerate(samples.of(kind)):
        (corpus / str(i)).write_bytes(content)
    words = [sys.executable, "-m", "soak.guided", kind, f"{seconds:.0f}", str(seed), str(folder)]
    env = os.environ | ALONE | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, env=env)
    said = json.loads((folder / "counts").read_text()) if (folder / "counts").exists() else {"tried": 0}
    counts.tried, counts.accepted, counts.refused = (said.get(n, 0) for n in ("tried", "accepted", "refused"))
    counts.seen["files that reach new lines"] = len(list(corpus.iterdir())) - len(samples.of(kind))
    failures = [json.loads(line) for line in (folder / "failures").read_text().splitlines()]
    if done.returncode or not counts.tried:
        last = next((line for line in done.stderr.splitlines() if "ERROR" in line), done.stderr[-200:])
        crash = next(folder.glob("artifact-*"), None)
        failures.append({"what": f"crash: {last}", "file": "" if crash is None else str(crash)})
    for failure in failures:
        found = counts.fail(failure["what"])
        if failure["file"] and len(found.shown) < KEPT:
            kept = place.kept / f"files-{kind}-guided"
            kept.mkdir(parents=True, exist_ok=True)
            found.shown.append(shutil.copy(failure["file"], kept))
    place.tick(counts.tried, counts.failed)
    return counts


def main(kind: str, seconds: str, seed: str, folder: str) -> None:
    import atheris

    with atheris.instrument_imports(include=["gruvy"]):
        from . import files
        from .counts import name_of
        from .workers import warm

        warm(torch=False)
        import gruvy.estimators.base  # noqa: F401
    from gruvy.errors import Error

    read, _, change, ending, *_ = files.KINDS[kind]
    place = Path(folder)
    corpus = [path.read_bytes() for path in sorted((place / "corpus").iterdir())]
    counts = {"tried": 0, "accepted": 0, "refused": 0}
    failed: dict[str, int] = {}

    def one(data: bytes) -> None:
        counts["tried"] += 1
        try:
            read(data, place / f"{kind}{ending}", Random(len(data)))
            counts["accepted"] += 1
        except Error:
            counts["refused"] += 1
        except BaseException as error:
            what = name_of(error)
            failed[what] = failed.get(what, 0) + 1
            kept = ""
            if failed[what] <= KEPT:
                kept = str(place / f"{counts['tried']}-{kind}{ending}")
                Path(kept).write_bytes(data)
            with (place / "failures").open("a") as out:
                out.write(json.dumps({"what": what, "file": kept}) + "\n")
        if counts["tried"] % 50 == 0:
            (place / "counts").write_text(json.dumps(counts))

    def mutate(data: bytes, most: int, number: int) -> bytes:
        r = Random(number)
        if r.random() < 0.5:
            return atheris.Mutate(data, most)  # type: ignore[no-any-return]
        return change(r, bytes(data) or r.choice(corpus), corpus)[:most]

    (place / "failures").write_text("")
    words = [
        "soak", f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=30", "-rss_limit_mb=3000", "-max_len=20000",
        "-len_control=0",  # else lengths begin at a few bytes, and no file reaches beyond its first line
        "-verbosity=0", f"-artifact_prefix={place}/artifact-", str(place / "corpus"),
    ]  # fmt: skip
    atheris.Setup(words, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    arguments: list[Any] = sys.argv[1:]
    main(*arguments)
