"""Tables with one row per sequence to sequences: columns like x_0, x_1, y_0, y_1 are the steps of channels x and y."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from gruvy.data.assembly import assemble
from gruvy.data.collection import Sequences
from gruvy.data.columns import ID_NAMES, feature_columns, guess, without_index
from gruvy.data.options import Options
from gruvy.data.steps import Steps
from gruvy.data.table import Table, said_of_truths
from gruvy.errors import DataError

_NUMBERED = re.compile(r"(.*\D)(\d{1,18})")  # x_0, x.1, x2
_NUMBER = re.compile(r"\d+(\.\d+)?")  # 0, 12, 0.5: a step of the channel without a name


def wide_form(table: Table, options: Options) -> Sequences:
    """Sequences of a table with one row per sequence.

    Raises:
        DataError: as for `gruvy.sequences`.
    """
    if options.time is not None:
        raise DataError(f"time={options.time!r} has no meaning in wide form, where the columns are the steps")
    if options.target_at == "each":
        raise DataError(
            f"{table.source}: a target at every step has no meaning in wide form (--wide), where a row is a sequence"
        )
    if options.categories:
        raise DataError(
            f"one_hot={', '.join(options.categories)} has no meaning in wide form, where the columns are the steps"
        )
    notes = [*table.notes]
    id = options.id or guess(table, "id", ID_NAMES, options, notes)
    columns = feature_columns(table, replace(options, id=id), None)
    chosen = options.chosen
    if chosen and set(chosen) <= set(columns):
        columns, chosen = chosen, []
        loose: list[str] = []
    else:
        columns = without_index(table, columns, None, notes)
        loose = _loose(columns)
    if id is None and len(loose) == 1 and table.names_rows(loose[0]):
        id = loose[0]
        columns = [name for name in columns if name != id]
        notes.append(f"column {id!r} is taken as the id")
    elif loose and not chosen:
        _refuse_loose(table.source, columns, loose)
    channels = _channels(columns, chosen, table.source, notes)
    truths: list[str] = []
    cells = {name: table.numbers(name, options.gap_texts, truths) for names in channels.values() for name in names}
    notes += said_of_truths(truths)
    grid = np.stack([np.stack([cells[name] for name in names], axis=1) for names in channels.values()], axis=2)
    full = np.any(~np.isnan(grid), axis=2)
    lengths = grid.shape[1] - np.argmax(full[:, ::-1], axis=1)
    lengths[~full.any(axis=1)] = 0
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise DataError(f"{table.place(int(empty[0]))} has no values; expected at least 1 step")
    if lengths.min() < lengths.max():
        notes.append(f"empty cells at the end of a row end its sequence: {lengths.min()} to {lengths.max()} steps")
    rows = np.repeat(np.arange(len(grid)), lengths)
    values = np.concatenate([x[:length] for x, length in zip(grid, lengths, strict=True)])
    ids = table.names(id, "id").to_list() if id else [str(i) for i in range(len(grid))]
    found = {**table.found, "features": options.chosen or list(channels)}
    names = list(channels)
    return assemble(Steps(table, rows, values, ids, lengths, names, names, notes, found), options)


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
        "target (--target) or the group (--group), leave it out (--drop), or choose the channels (--features)"
    )


def _channels(columns: list[str], wanted: list[str], source: str, notes: list[str]) -> dict[str, list[str]]:
    """The columns of each channel in order of time: x_0, x_1, y_0, y_1 are two of each; without numbers, all are one.

    `expected` picks channels; the one without a name is called x.
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
