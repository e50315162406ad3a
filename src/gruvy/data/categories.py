"""Text among the channels: one channel per category, 1 where it holds and else 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gruvy.data.collection import plural, some
from gruvy.data.options import Options
from gruvy.data.table import Table, as_text, missing
from gruvy.errors import DataError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars

MOST = 100  # categories of a column


def categories(table: Table, options: Options, columns: list[str]) -> dict[str, list[str]]:
    """The categories of each column to be made one-hot: those given, as in training, or those that are there, sorted.

    Raises:
        DataError: a column is not there or no feature, or has no categories or too many.
    """
    table.require(list(options.categories), "one_hot")
    found: dict[str, list[str]] = {}
    for column, known in options.categories.items():
        if column not in columns:
            raise DataError(f"{table.source}: column {column!r} (one_hot) is not among the features")
        found[column] = known or _cells(table, column, options).drop_nulls().unique().sort().to_list()
        if not 0 < len(found[column]) <= MOST:
            raise DataError(
                f"{table.source}, column {column!r} (one_hot) has {len(found[column]):,} categories; "
                f"expected 1 to {MOST}"
            )
    return found


def one_hot(
    table: Table, column: str, categories: list[str], options: Options, notes: list[str]
) -> NDArray[np.float64]:
    """The column as 0 and 1 (rows, categories): NaN at a gap, 0 throughout for a text that is no category."""
    cells = _cells(table, column, options)
    values = np.stack([(cells == category).fill_null(False).to_numpy() for category in categories], axis=1)
    values = values.astype(np.float64)
    gap = cells.is_null().to_numpy()
    unknown = ~gap & (values.sum(axis=1) == 0)
    if unknown.any():
        pl = need("polars")
        texts = cells.filter(pl.Series(unknown)).unique(maintain_order=True).to_list()
        notes.append(
            f"column {column!r} has {plural(int(unknown.sum()), 'cell')} of no category known in training, "
            f"{some([repr(text) for text in texts], 3)}: 0 in each of its channels"
        )
    values[gap] = np.nan
    return values


def channel_names(column: str, categories: list[str]) -> list[str]:
    """`colour=red`, `colour=blue`."""
    return [f"{column}={category}" for category in categories]


def _cells(table: Table, column: str, options: Options) -> polars.Series:
    """The column as text without spaces around it, null at a gap."""
    text = as_text(table.frame[column], table.source).str.strip_chars()
    return text.set(missing(text, options.gap_texts), None)
