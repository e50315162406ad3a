"""Tables with one row per step to sequences."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gruvy.data.assembly import assemble
from gruvy.data.categories import categories, channel_names, one_hot
from gruvy.data.collection import Sequences
from gruvy.data.columns import ID_NAMES, TIME_NAMES, feature_columns, guess, without_index
from gruvy.data.intervals import Tracks
from gruvy.data.options import Options
from gruvy.data.steps import Steps
from gruvy.data.table import LABEL, MONTH_FIRST, Table, said_of_truths, without_ending
from gruvy.errors import DataError
from gruvy.extras import need


def long_form(table: Table, options: Options, tracks: Tracks | None = None) -> Sequences:
    """Sequences of a table with one row per step; with tracks, the labels at the steps are theirs.

    Raises:
        DataError: as for `gruvy.sequences`.
    """
    notes = [*table.notes]
    id = options.id or guess(table, "id", ID_NAMES, options, notes)
    time = options.time or guess(table, "time", TIME_NAMES, options, notes)
    if id is None and options.window is None:
        raise DataError(
            f"{table.source} has no column that tells sequences apart: name it with id= (--id), "
            "or say wide=True (--wide) for one sequence per row, or window= (--window) to cut one long recording"
        )
    names = feature_columns(
        table, replace(options, id=id, time=time), None if options.features is None else options.chosen
    )
    if options.features is None:
        names = without_index(table, names, id, notes)
    rows, ids, lengths = _order(table, id, time, notes)
    hot = categories(table, options, names)
    channels = {name: channel_names(name, hot[name]) if name in hot else [name] for name in names}
    features = [channel for each in channels.values() for channel in each]
    twice = next((channel for channel, count in Counter(features).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{table.source} has a column {twice!r}, the name of a channel of one_hot= (--one-hot)")
    sources = [name for name, each in channels.items() for _ in each]
    values, at = np.empty((len(rows), len(features))), 0
    truths: list[str] = []
    for name, each in channels.items():  # not all beside the result: that is twice the memory
        if name in hot:
            values[:, at : at + len(each)] = one_hot(table, name, hot[name], options, notes)[rows]
        else:
            values[:, at] = table.numbers(name, options.gap_texts, truths)[rows]
        at += len(each)
    notes += said_of_truths(truths)
    found = {**table.found, "features": names}
    if hot:
        found["one_hot"] = hot
    if tracks is not None:
        found["background"] = tracks.background
        table = _tagged(table, time, rows, ids, lengths, tracks)
        options = replace(options, target=LABEL, labels=None)
    made = assemble(Steps(table, rows, values, ids, lengths, features, sources, notes, found), options)
    return made if tracks is None else replace(made, target=["label"])


def _tagged(
    table: Table, time: str | None, rows: NDArray[np.int64], ids: list[str], lengths: NDArray[np.int64], tracks: Tracks
) -> Table:
    """The table with a column of the labels at its steps."""
    pl = need("polars")
    if time is None:
        raise DataError(f"{table.source} has no column of times, and {tracks.source} needs one: time= (--time)")
    tracks.check(ids)
    times = np.split(table.numbers(time)[rows], np.cumsum(lengths)[:-1])
    column = np.empty(len(rows), object)
    column[rows] = np.concatenate([tracks.at(name, t, len(ids) == 1) for name, t in zip(ids, times, strict=True)])
    return replace(table, frame=table.frame.with_columns(pl.Series(LABEL, column.tolist(), pl.String)))


def _order(
    table: Table, id: str | None, time: str | None, notes: list[str]
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Rows by sequence (in order of first appearance) and time, the sequences' names and their lengths."""
    pl = need("polars")
    count = table.frame.height
    if id is None:
        order, ids, lengths = np.arange(count), [without_ending(Path(table.source)).name], np.array([count])
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
