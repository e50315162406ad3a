"""A folder of Parquet files that together are larger than the memory: each a shard, read one at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gruvy.data.collection import Sequences
from gruvy.data.long_form import long_form
from gruvy.data.memory_limit import TooLargeError
from gruvy.data.options import Options
from gruvy.data.table import openable
from gruvy.data.table_files import read_table
from gruvy.errors import DataError, InputError
from gruvy.extras import need
from gruvy.model.scaler import Moments

MOST_CLASSES = 10_000  # a target with more distinct values has no classes


class Shard(NamedTuple):
    """One file, and what a pass over it found.

    `kind` is that of the targets' dtype; `classes` how often each target comes, None for numbers that are too many;
    `inputs` and `numbers` are of the channels and of the targets; `digest` is the SHA-256 of the file.
    """

    path: Path
    sequences: int
    steps: int
    kind: str
    classes: Counter[Any] | None
    inputs: Moments
    numbers: Moments | None
    digest: str


@dataclass(frozen=True, repr=False)
class Shards:
    """Sequences in files of which one at a time is in memory, as `gruvy.data.shards` finds them.

    Attributes:
        files: each file and what is known of it.
        features: the names of the channels. target: the names of the targets.
        notes: what was guessed while reading, a sentence each.
    """

    files: list[Shard]
    options: Options
    features: list[str]
    target: list[str]
    notes: list[str]

    def __len__(self) -> int:
        return sum(shard.sequences for shard in self.files)

    @property
    def steps(self) -> int:
        """How many steps all sequences have together."""
        return sum(shard.steps for shard in self.files)

    @property
    def inputs(self) -> Moments:
        """Mean and variance of each channel, over all steps."""
        return reduce(Moments.merged, [shard.inputs for shard in self.files])

    @property
    def numbers(self) -> Moments | None:
        """Mean and variance of the targets, over all sequences; None where they are text."""
        found = [shard.numbers for shard in self.files if shard.numbers is not None]
        return reduce(Moments.merged, found) if len(found) == len(self.files) else None

    @property
    def classes(self) -> Counter[Any] | None:
        """How often each target comes; None for several targets and for more than 10,000 distinct ones."""
        found: Counter[Any] = Counter()
        for shard in self.files:
            if shard.classes is None or len(found) > MOST_CLASSES:
                return None
            text = self._text and shard.kind != "U"
            found.update({str(k): n for k, n in shard.classes.items()} if text else shard.classes)
        return found if len(found) <= MOST_CLASSES else None

    def read(self, number: int) -> Sequences:
        """The sequences of one file.

        Raises:
            DataError: the file changed after it was first read.
        """
        shard = self.files[number]
        found = _read(shard.path, self.options)
        if (len(found), int(found.lengths.sum())) != (shard.sequences, shard.steps):
            raise DataError(f"{shard.path} changed while it was in use; expected the same sequences as at first")
        if self._text and found.y is not None and found.y.dtype.kind != "U":
            return replace(found, y=found.y.astype(np.str_))
        return found

    def select(self, files: ArrayLike) -> Shards:
        """The shards in the files at these positions."""
        return replace(self, files=[self.files[i] for i in np.atleast_1d(files)])

    @property
    def _text(self) -> bool:
        """Whether a file has targets that are text: whole numbers in others are text too."""
        return any(shard.kind == "U" for shard in self.files)

    def __repr__(self) -> str:
        count = f"{len(self):,} sequences, {self.steps:,} steps in {len(self.files)} files"
        return f"Shards({count}; channels {', '.join(self.features)}; target {', '.join(self.target)})"


def shards(
    folder: str | Path,
    *,
    id: str,
    target: str | Ordered[str],
    time: str | None = None,
    features: Ordered[str] | None = None,
    ignore: Ordered[str] = (),
    drop: str | Ordered[str] = (),
    window: int | None = None,
    step: int | None = None,
    missing: str = "error",
    na: str | Ordered[str] = (),
    target_at: str = "constant",
) -> Shards:
    """The sequences in a folder of Parquet files that need not fit into memory together, for `fit` in place of X and y.

    Each file has one row a step, and each of its sequences is whole: none goes on in another file. All files are read
    once, one after the other, for what training has to know of all: classes, means and deviations. Then `fit` reads
    them again in each epoch, in another order each time, and holds two at most.

    Arguments:
        folder: holds the .parquet files, in subfolders too.
        id: the column that tells sequences apart.
        target: the column, or columns, with the target.
        others: as for `gruvy.sequences`.

    Raises:
        DataError: a sequence is in two files, the files have different columns or kinds of targets, a file alone is too
            large for the memory; else as for `gruvy.data.read`.
        MissingExtraError: polars is not installed.
    """
    folder = Path(folder)
    options = Options(
        id=id,
        time=time,
        target=target,
        features=features,
        ignore=ignore,
        drop=drop,
        window=window,
        step=step,
        missing=missing,
        na=na,
        target_at=target_at,
    )
    if target_at == "each":
        raise InputError('target_at="each": shards have one target for each sequence; expected "constant" or "last"')
    paths = parquet_files(folder)
    if not paths:
        raise DataError(f"{folder} holds no .parquet files; expected a folder with at least one")
    found: list[Shard] = []
    hashes, features, notes = [], list[str](), list[str]()
    for path in paths:
        part = _read(path, options)
        features, notes = (features, notes) if found else (part.features, part.notes)
        if part.features != features:
            if set(part.features) != set(features):
                have, first = ", ".join(part.features), ", ".join(features)
                raise DataError(f"{path} has the features {have}; {paths[0]} has {first}")
            part = _read(path, replace(options, features=features))
        found.append(_scanned(path, part))
        hashes.append(_hashes(part, options))
        del part  # before the next is read
        _check_kinds(found[0], found[-1])
    _check_whole(found, hashes, id)
    return Shards(found, replace(options, features=features), features, options.targets, notes)


def parquet_files(folder: Path) -> list[Path]:
    """Every .parquet file in a folder and its subfolders, but for what is hidden."""
    return [
        path
        for path in sorted(folder.rglob("*.parquet"))
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    ]


def _read(path: Path, options: Options) -> Sequences:
    try:
        return long_form(read_table(path), options)
    except TooLargeError as error:
        raise DataError(
            f"{error}; or write smaller files, with whole sequences in each: for i in range(64): "
            f'polars.scan_parquet("{path.name}").filter(polars.col("{options.id}").hash() % 64 == i)'
            '.sink_parquet(f"shards/{i}.parquet")'
        ) from error


def _scanned(path: Path, part: Sequences) -> Shard:
    y = np.asarray(part.y)
    numbers = None if y.dtype.kind == "U" else Moments.of(y.reshape(len(y), -1).astype(np.float64))
    classes: Counter[Any] | None = None
    if y.ndim == 1:
        values, counts = np.unique(y, return_counts=True)
        if len(values) <= MOST_CLASSES:
            classes = Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    inputs = Moments.of(np.concatenate(part.x), None, str(path), "channel")
    return Shard(path, len(part), int(part.lengths.sum()), y.dtype.kind, classes, inputs, numbers, digest)


def _check_kinds(first: Shard, shard: Shard) -> None:
    """Text and whole numbers go together, as in "7" and "x7", and all numbers do."""
    for kinds in ("Uiu", "iuf", "b"):
        if first.kind in kinds and shard.kind in kinds:
            return
    words = {"U": "text", "b": "booleans", "f": "numbers"}
    told = [words.get(each.kind, "whole numbers") for each in (shard, first)]
    raise DataError(
        f"{shard.path} has {told[0]} as targets, {first.path} has {told[1]}; expected one kind in all files"
    )


def _hashes(part: Sequences, options: Options) -> NDArray[np.uint64]:
    """One number for each name of a recording: names of all files would fill the memory."""
    pl = need("polars")
    recordings = part.ids if options.window is None else np.unique(np.asarray(part.groups))
    hashes: NDArray[np.uint64] = pl.Series(recordings, dtype=pl.String).hash().to_numpy()
    return hashes


def _check_whole(found: list[Shard], hashes: list[NDArray[np.uint64]], id: str) -> None:
    """Refuse a sequence in two files."""
    every, shard = np.concatenate(hashes), np.repeat(np.arange(len(found)), [len(each) for each in hashes])
    order = np.argsort(every, kind="stable")
    twice = np.flatnonzero(every[order][1:] == every[order][:-1])
    for i in twice:  # also where two names only have the same hash
        a, b = (found[n].path for n in shard[order[i : i + 2]])
        both = _names(a, id) & _names(b, id) if a != b else set()
        if both:
            raise DataError(f"sequence {min(both)!r} is in {a} and in {b}; expected each sequence whole in one file")


def _names(path: Path, id: str) -> set[str]:
    pl = need("polars")
    column = pl.read_parquet(openable(path), columns=[id], glob=False)[id]
    return set(column.unique().cast(pl.String).str.strip_chars())
