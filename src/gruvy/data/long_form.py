"""Tables with one row per step to sequences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gruvy.data.assembly import Steps, assemble
from gruvy.data.collection import Sequences
from gruvy.data.columns import ID_NAMES, TIME_NAMES, feature_columns, guess, without_index
from gruvy.data.options import Options
from gruvy.data.table import MONTH_FIRST, Table
from gruvy.errors import DataError
from gruvy.extras import need


def long_form(table: Table, options: Options) -> Sequences:
    """Sequences of a table with one row per step.

    Raises:
        DataError: as for `gruvy.sequences`.
    """
    notes: list[str] = []
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
    values = np.empty((len(rows), len(names)))
    for channel, name in enumerate(names):  # not all beside the result: that is twice the memory
        values[:, channel] = table.numbers(name)[rows]
    return assemble(Steps(table, rows, values, ids, lengths, names, notes), options)


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
