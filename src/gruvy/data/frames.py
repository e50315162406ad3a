"""Tables to sequences: one row a step (long form) or one row a sequence (wide form)."""

from __future__ import annotations

import re
from collections.abc import Sequence as Ordered
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gruvy.data.collection import Sequences
from gruvy.data.recordings import Options, Steps, assemble
from gruvy.data.table import Table, from_frame
from gruvy.errors import DataError
from gruvy.extras import need

ID_NAMES = ("id", "sequence", "sequence_id", "series", "series_id", "recording", "recording_id")
TIME_NAMES = ("time", "timestamp", "step", "t", "date", "datetime")
_NUMBERED = re.compile(r"(.*\D)(\d+)")  # x_0, x.1, x2


def sequences(
    frame: Any,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | Ordered[str] | None = None,
    features: Ordered[str] | None = None,
    group: str | None = None,
    ignore: Ordered[str] = (),
    wide: bool = False,
    window: int | None = None,
    step: int | None = None,
    missing: str = "error",
    target_at: str = "constant",
) -> Sequences:
    """The sequences in a polars or pandas frame, one row a step (or, with wide=True, one row a sequence).

    Arguments:
        frame: a polars or pandas DataFrame, or a polars LazyFrame.
        id: the column that tells sequences apart; by default the one called id, sequence, series or recording.
        time: the column to sort each sequence by; by default the one called time, timestamp, step, t or date.
            Without one, the order of the rows holds.
        target: the column, or columns, with the target; it must not change inside a sequence. None: no targets.
        features: the columns that are channels (in wide form, columns or channels); by default all others.
        group: the column whose values stay on one side of every split, such as the person recorded.
        ignore: columns that are not read, whether they are there or not.
        wide: one row is one sequence; columns like x_0, x_1, y_0, y_1 are channels x and y, others one channel.
            Empty cells at the end of a row end its sequence.
        window, step: cut every sequence into windows of so many steps, one every `step` steps (default: window).
            Each window's id says where it is from; its group is its recording unless `group` is given.
        missing: "error" refuses gaps; "forward" carries the last value of the same sequence on.
        target_at: "constant" refuses a target that changes inside a sequence; "last" takes its last value.

    Returns:
        Sequences, in the order in which their ids first come.

    Raises:
        DataError: a column that is not there, a cell that is not a number, a gap, a target that changes.
        MissingExtraError: polars is not installed.

    >>> import polars
    >>> frame = polars.DataFrame({"id": ["a", "a", "b"], "x": [1.0, 2.0, 3.0], "label": ["up", "up", "down"]})
    >>> sequences(frame, target="label")
    Sequences(2 of 1 to 2 steps, 1 channel: x; label: down 1, up 1)
    """
    options = Options(missing, window, step, target_at)
    table = from_frame(frame)
    form = wide_form if wide else long_form
    return form(table, options, id=id, time=time, target=target, features=features, group=group, ignore=ignore)


def long_form(
    table: Table,
    options: Options,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | Ordered[str] | None = None,
    features: Ordered[str] | None = None,
    group: str | None = None,
    ignore: Ordered[str] = (),
) -> Sequences:
    """Sequences of a table with one row a step."""
    targets = _list(target)
    notes: list[str] = []
    taken = {*targets, *(features or ()), *([group] if group else ())}
    id = id or _guess(table, "id", ID_NAMES, taken, notes)
    time = time or _guess(table, "time", TIME_NAMES, taken, notes)
    if id is None and options.window is None:
        raise DataError(
            f"{table.source} has no column that tells sequences apart: name it with id= (--id), "
            "or say wide=True (--wide) for one sequence a row, or window= (--window) to cut one long recording"
        )
    names = _features(table, [id, time, group], targets, features, ignore)
    order, ids, lengths = _order(table, id, time)
    steps = Steps(
        values=np.stack([table.numbers(name) for name in names], axis=1)[order],
        ids=ids,
        lengths=lengths,
        features=names,
        targets={name: table.frame[name].gather(order) for name in targets},
        groups=(group, table.names(group, "group").gather(order)) if group else None,
        source=table.source,
        place=lambda row: table.place(int(order[row])),
        notes=notes,
    )
    return assemble(steps, options)


def wide_form(
    table: Table,
    options: Options,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | Ordered[str] | None = None,
    features: Ordered[str] | None = None,
    group: str | None = None,
    ignore: Ordered[str] = (),
) -> Sequences:
    """Sequences of a table with one row a sequence."""
    if time is not None:
        raise DataError(f"time={time!r} has no meaning in wide form, where the columns are the steps")
    targets = _list(target)
    notes: list[str] = []
    taken = {*targets, *(features or ()), *([group] if group else ())}
    id = id or _guess(table, "id", ID_NAMES, taken, notes)
    columns = _features(table, [id, time, group], targets, None, ignore)
    channels = _channels(columns, features, table.source)
    cells = {name: table.numbers(name) for name in columns}
    grid = np.stack([np.stack([cells[name] for name in names], axis=1) for names in channels.values()], axis=2)
    full = np.any(~np.isnan(grid), axis=2)
    lengths = grid.shape[1] - np.argmax(full[:, ::-1], axis=1)
    lengths[~full.any(axis=1)] = 0
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise DataError(f"{table.place(int(empty[0]))} has no values; wanted at least 1 step")
    if lengths.min() < lengths.max():
        notes.append(f"empty cells at the end of a row end its sequence: {lengths.min()} to {lengths.max()} steps")
    row = np.repeat(np.arange(len(grid)), lengths)
    steps = Steps(
        values=np.concatenate([x[:length] for x, length in zip(grid, lengths, strict=True)]),
        ids=table.names(id, "id").to_list() if id else [str(i) for i in range(len(grid))],
        lengths=lengths,
        features=list(channels),
        targets={name: table.frame[name].gather(row) for name in targets},
        groups=(group, table.names(group, "group").gather(row)) if group else None,
        source=table.source,
        place=lambda r: table.place(int(row[r])),
        notes=notes,
    )
    return assemble(steps, options)


def _list(target: str | Ordered[str] | None) -> list[str]:
    return [] if target is None else [target] if isinstance(target, str) else list(target)


def _guess(table: Table, what: str, likely: tuple[str, ...], taken: set[str], notes: list[str]) -> str | None:
    for name in likely:
        for column in table.columns:
            if column.lower() == name and column not in taken:
                notes.append(f"column {column!r} is taken as the {what}")
                return column
    return None


def _features(
    table: Table,
    others: list[str | None],
    targets: list[str],
    features: Ordered[str] | None,
    ignore: Ordered[str],
) -> list[str]:
    """The columns that are channels; every column asked for must be there."""
    for option, columns in (("id", others[:1]), ("time", others[1:-1]), ("group", others[-1:]), ("target", targets)):
        table.require([name for name in columns if name is not None], option)
    if features is None:
        names = [name for name in table.frame.columns if name not in {*others, *targets, *ignore}]
    else:
        names = _list(features)
        table.require(names, "features")
    if not names:
        have = ", ".join(table.columns)
        raise DataError(f"{table.source} has no column left for features; its columns are {have}")
    return names


def _order(table: Table, id: str | None, time: str | None) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Rows by sequence (in order of first appearance) and time, the sequences' names and their lengths."""
    pl = need("polars", "data")
    count = table.frame.height
    if id is None:
        order, ids, lengths = np.arange(count), [Path(table.source).stem], np.array([count])
    else:
        rows = pl.DataFrame({"id": table.names(id, "id"), "row": np.arange(count)})
        groups = rows.group_by("id", maintain_order=True).agg(pl.col("row"))
        ids, order = groups["id"].to_list(), groups["row"].explode().to_numpy()
        lengths = groups["row"].list.len().cast(pl.Int64).to_numpy()
    if time is not None:
        order = order[np.lexsort((table.order(time)[order], np.repeat(np.arange(len(ids)), lengths)))]
    return order, ids, lengths


def _channels(columns: list[str], features: Ordered[str] | None, source: str) -> dict[str, list[str]]:
    """The columns of each channel in order of time: x_0, x_1, y_0, y_1 are two of each; without numbers, all are one.

    `features` picks columns, or channels; the one without a name is called x.
    """
    wanted = _list(features)
    if wanted and set(wanted) <= set(columns):
        columns, wanted = wanted, []
    numbered = {name: _NUMBERED.fullmatch(name) for name in columns}
    channels: dict[str, list[tuple[int, str]]] = {}
    for name, part in numbered.items():
        if part is not None:
            channels.setdefault(part[1].rstrip("_.- ") or "x", []).append((int(part[2]), name))
    if (not wanted and not all(numbered.values())) or (wanted == ["x"] and "x" not in channels):
        return {"x": columns}
    for channel in wanted:
        if channel not in channels:
            raise DataError(
                f"{source} has no column or channel {channel!r} (features); its columns are {', '.join(columns)}"
            )
    channels = {channel: sorted(channels[channel]) for channel in wanted or channels}
    first, *others = channels
    for channel in others:
        if [number for number, _ in channels[channel]] != [number for number, _ in channels[first]]:
            raise DataError(f"{source}: channel {channel!r} has other steps than channel {first!r}")
    return {channel: [name for _, name in steps] for channel, steps in channels.items()}
