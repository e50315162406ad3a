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
from gruvy.data.table import MONTH_FIRST, Table, from_frame
from gruvy.errors import DataError
from gruvy.extras import need

ID_NAMES = ("id", "sequence", "sequence_id", "series", "series_id", "recording", "recording_id")
TIME_NAMES = ("time", "timestamp", "step", "t", "date", "datetime")
_NUMBERED = re.compile(r"(.*\D)(\d{1,18})")  # x_0, x.1, x2
_NUMBER = re.compile(r"\d+(\.\d+)?")  # 0, 12, 0.5: a step of the channel without a name


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
        id: the column that tells sequences apart; by default the one called id, sequence, series or recording, or in
            wide form the one that is no step and has another text in each row.
        time: the column to sort each sequence by; by default the one called time, timestamp, step, t or date.
            Without one, the order of the rows holds.
        target: the column, or columns, with the target; it must not change inside a sequence. None: no targets.
        features: the columns that are channels (in wide form, columns or channels); by default all others.
        group: the column whose values stay on one side of every split, such as the person recorded.
        ignore: columns that are not read, whether they are there or not.
        wide: one row is one sequence; columns like x_0, x_1, y_0, y_1 are channels x and y; columns like 0, 1, 2, or
            none of which has a number, are one channel. Where some are numbered, others are refused. Empty cells at
            the end of a row end its sequence.
        window, step: cut every sequence into windows of so many steps, one every `step` steps (default: window).
            Each window's id says where it is from; its group is its recording unless `group` is given.
        missing: "error" refuses gaps; "forward" carries the last value of the same sequence on.
        target_at: "constant" refuses a target that changes inside a sequence; "last" takes its last value.

    Returns:
        Sequences, in the order in which their ids first come.

    Raises:
        DataError: a column that is not there, a cell that is not a number, a gap, a target that changes, a column of
            which it is not clear what it is.
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
    if features is None:
        names = _without_index(table, names, id, notes)
    order, ids, lengths = _order(table, id, time, notes)
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
    chosen = _list(features)
    if chosen and set(chosen) <= set(columns):
        columns, chosen = chosen, []
        loose: list[str] = []
    else:
        columns = _without_index(table, columns, None, notes)
        loose = _loose(columns)
    if id is None and len(loose) == 1 and table.names_rows(loose[0]):
        id = loose[0]
        columns = [name for name in columns if name != id]
        notes.append(f"column {id!r} is taken as the id")
    elif loose and not chosen:
        _refuse_loose(table.source, columns, loose)
    channels = _channels(columns, chosen, table.source, notes)
    cells = {name: table.numbers(name) for names in channels.values() for name in names}
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


def _without_index(table: Table, names: list[str], id: str | None, notes: list[str]) -> list[str]:
    """The columns but for the nameless one that pandas and R write, which counts the rows, or those of each sequence.

    Raises:
        DataError: it has no name and does not count rows.
    """
    for name in names:
        if name.strip() in ("", "Unnamed: 0"):
            if not table.counts(name, id):
                raise DataError(
                    f"{table.source}, column {name!r} has no name of its own and does not count the rows: "
                    "give it a name, or choose the features (--features)"
                )
            notes.append(f"column {name!r}, which counts the rows, is left out")
            return [other for other in names if other != name]
    return names


def _order(
    table: Table, id: str | None, time: str | None, notes: list[str]
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Rows by sequence (in order of first appearance) and time, the sequences' names and their lengths."""
    pl = need("polars")
    count = table.frame.height
    if id is None:
        order, ids, lengths = np.arange(count), [Path(table.source).stem], np.array([count])
    else:
        rows = pl.DataFrame({"id": table.names(id, "id"), "row": np.arange(count)})
        groups = rows.group_by("id", maintain_order=True).agg(pl.col("row"))
        ids, order = groups["id"].to_list(), groups["row"].explode().to_numpy()
        lengths = groups["row"].list.len().cast(pl.Int64).to_numpy()
    if time is not None:
        sequence = np.repeat(np.arange(len(ids)), lengths)
        keys = table.order(time)
        first, *others = [order[np.lexsort((key[order], sequence))] for key in keys.values()]
        read = next(iter(keys))
        if any(not np.array_equal(first, other) for other in others):
            notes.append(
                f"days and months of column {time!r} could be either and are read as {read}; "
                "dates like 2024-12-31 leave no doubt"
            )
        elif read == MONTH_FIRST:
            notes.append(f"days and months of column {time!r} are read as {read}, as only this fits every row")
        order = first
    return order, ids, lengths


def _step(name: str) -> tuple[str, float] | None:
    """The channel and the step that a column of wide form is named after: x_0 and x.0, and 0 of the channel x."""
    if _NUMBER.fullmatch(name):
        return "x", float(name)
    part = _NUMBERED.fullmatch(name)
    return None if part is None else (part[1].rstrip("_.- ") or "x", int(part[2]))


def _loose(columns: list[str]) -> list[str]:
    """The columns that are not named after a step, where others are."""
    loose = [name for name in columns if _step(name) is None]
    return loose if len(loose) < len(columns) else []


def _refuse_loose(source: str, columns: list[str], loose: list[str]) -> None:
    numbered = next(name for name in columns if name not in loose)
    some = ", ".join(map(repr, loose[:6])) + (f" and {len(loose) - 6} more" if len(loose) > 6 else "")
    which = f"column {some} has" if len(loose) == 1 else f"columns {some} have"
    raise DataError(
        f"{source}: {which} no number of a step in the name, as {numbered!r} has: say which is the id (--id), the "
        "target (--target) or the group (--group), or choose the channels (--features)"
    )


def _channels(columns: list[str], wanted: list[str], source: str, notes: list[str]) -> dict[str, list[str]]:
    """The columns of each channel in order of time: x_0, x_1, y_0, y_1 are two of each; without numbers, all are one.

    `wanted` picks channels; the one without a name is called x.
    """
    channels: dict[str, list[tuple[float, str]]] = {}
    for name in columns:
        step = _step(name)
        if step is not None:
            channels.setdefault(step[0], []).append((step[1], name))
    mixed = any(_step(name) is None for name in columns)
    if (not wanted and mixed) or (wanted == ["x"] and "x" not in channels):
        notes.append(f"columns {columns[0]!r} to {columns[-1]!r} are taken as {len(columns)} steps of one channel")
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
