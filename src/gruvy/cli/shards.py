"""`gruvy train --stream`: a folder of Parquet files that is read one file at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from gruvy.cli import reading
from gruvy.cli.app import say
from gruvy.data.collection import plural
from gruvy.errors import DataError, InputError

if TYPE_CHECKING:
    from gruvy.data import Sequences, Shards


def is_streamed(data: str, id: str | None, stream: bool) -> bool:
    """Whether to read one file at a time: as asked for, or since the folder is larger than a quarter of the memory.

    A folder without a column of ids holds one recording a file, and is read whole.
    """
    from gruvy.data.memory_limit import limit
    from gruvy.data.shard_files import parquet_files

    folder = Path(data)
    if stream or id is None or not folder.is_dir():
        return stream
    size, most = sum(path.stat().st_size for path in parquet_files(folder)), limit()
    if size > most:
        say(f"{data} has {size:,} bytes, more than {most:,}: it is read one file at a time (--stream)")
    return size > most


def sequences_for(
    page: Console,
    layout: reading.Layout,
    data: str,
    test: str | None,
    wanted: dict[str, Any],
    seed: int,
    task: str | None,
) -> tuple[Shards, Shards | Sequences, str]:
    """What to train on, what to judge on, and what for: "classify" or "regress"."""
    known = _shards(layout, data, wanted)
    told = [f"{data}: {known!r}"[:-1].replace(": Shards(", ": ", 1), *(f"  {note}" for note in reading.notes(known))]
    held_out: Shards | Sequences
    if test is None:
        if len(known.files) < 2:
            raise DataError(f"{data} has 1 file, and files are held out whole: expected several, or --test FILE")
        order = np.random.default_rng(seed).permutation(len(known.files))
        held = max(1, round(0.2 * len(order)))
        known, held_out = known.select(np.sort(order[held:])), known.select(np.sort(order[:held]))
        how = f"{plural(held, 'file')} held out"
    else:
        alike = layout.alike(known)
        held_out = _shards(alike, test, wanted) if Path(test).is_dir() else alike.read(test, **wanted)[0]
        how = f"judged on {test}"
    told.append(f"{len(known):,} to learn from, {len(held_out):,} to be judged on ({how})")
    page.print("\n".join(told), markup=False)
    return known, held_out, task or _guess(known)


def _shards(layout: reading.Layout, folder: str, wanted: dict[str, Any]) -> Shards:
    from gruvy.data import shards

    target = wanted["target"]
    if not Path(folder).is_dir():
        raise DataError(f"{folder} is not a folder; expected a folder of .parquet files with --stream")
    if layout.id is None or not target:
        raise InputError("--stream needs --id and --target, the columns that tell sequences apart and to predict")
    for option, given in (("wide", layout.wide), ("group", wanted["group"])):
        if given:
            raise InputError(f"--{option} has no meaning with --stream, which holds out whole files of one row a step")
    for option, given in (("one-hot", layout.one_hot), ("indicator", layout.indicator)):
        if given:
            raise InputError(f"--{option} has no meaning with --stream, which does not know all files from the start")
    return shards(
        folder,
        id=layout.id,
        target=target[0] if len(target) == 1 else target,
        time=layout.time,
        features=layout.features,
        window=layout.window,
        step=layout.step,
        missing=layout.missing or "error",
        drop=layout.drop or (),
        na=layout.na or (),
        target_at=wanted["target_at"],
    )


def _guess(known: Shards) -> str:
    """As `gruvy.data.guess_task`, of targets that are only counted."""
    from gruvy.data import guess_task

    if known.classes is None:
        return "regress"
    values = np.array(list(known.classes))
    return guess_task(values if 2 * len(values) > len(known) else np.repeat(values, 2))


def commonest(known: Shards) -> Any:
    """The commonest class of the files, the first where several are."""
    assert known.classes is not None
    return max(sorted(known.classes), key=known.classes.__getitem__)


def refuse(data: str, id: str | None) -> None:
    """Refuse a folder whose files hold several sequences each, where each would be taken as one recording.

    Raises:
        DataError: the first file has the column of ids with more than one value.
    """
    if id is None or not Path(data).is_dir():
        return
    from gruvy.data.shard_files import parquet_files
    from gruvy.data.table_files import read_table

    for path in parquet_files(Path(data))[:1]:
        frame = read_table(path).frame
        if id in frame.columns and frame[id].n_unique() > 1:
            raise DataError(
                f"{path} holds several sequences, told apart by the column {id!r}, and a folder is read as one "
                "recording a file: give one file at a time"
            )
