"""Frames of polars and pandas to sequences."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gruvy.data.collection import Sequences
from gruvy.data.long_form import long_form
from gruvy.data.options import Options
from gruvy.data.table import Table
from gruvy.data.wide_form import wide_form
from gruvy.errors import DataError, InputTypeError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars


def sequences(
    frame: Any,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | Ordered[str] | None = None,
    features: Ordered[str] | None = None,
    group: str | None = None,
    ignore: Ordered[str] = (),
    drop: str | Ordered[str] = (),
    wide: bool = False,
    window: int | None = None,
    step: int | None = None,
    missing: str = "error",
    indicator: bool | Ordered[str] = False,
    na: str | Ordered[str] = (),
    one_hot: str | Ordered[str] | Mapping[str, Ordered[str]] = (),
    decimal: str | None = None,
    target_at: str = "constant",
) -> Sequences:
    """The sequences in a polars or pandas frame, one row per step (or, with wide=True, one row per sequence).

    Arguments:
        frame: a polars or pandas DataFrame, or a polars LazyFrame.
        id: the column that tells sequences apart; by default the one called id, sequence, series or recording, or the
            only one that ends in _id, or in wide form the one that is no step and has another text in each row.
        time: the column to sort each sequence by; by default the one called time, timestamp, step, t or date.
            Without one, the order of the rows holds.
        target: the column, or columns, with the target; it must not change inside a sequence, but see target_at. None:
            no targets.
        features: the columns that are channels (in wide form, columns or channels); by default all others.
        group: the column whose values stay on one side of every split, such as the person recorded.
        ignore: columns that are not read, whether they are there or not.
        drop: columns that are left out; they must be there.
        wide: one row is one sequence; columns like x_0, x_1, y_0, y_1 are channels x and y; columns like 0, 1, 2, or
            none of which has a number, are one channel. Where some are numbered, others are refused. Empty cells at
            the end of a row end its sequence.
        window, step: cut every sequence into windows of so many steps, one every `step` steps (default: window).
            Each window's id says where it is from; its group is its recording unless `group` is given.
        missing: "error" refuses gaps. From the same channel of the same sequence, "forward" takes the last value,
            "backward" the next one, "linear" the line between both (before the first value and after the last one,
            that value), "mean" the mean. "zero" takes 0. "drop" leaves out the sequences with gaps.
        indicator: True adds for each column with gaps a channel, named column_missing, that is 1 where it has one and
            else 0; columns add it for just these.
        na: texts, such as "-999", that mean a gap in the channels, beside empty cells, NA, N/A, NaN, null, None and ?.
        one_hot: columns, each of whose texts becomes a channel column=text, 1 where the text stands and else 0; with
            the texts, {column: texts}, just these: any other is 0 in each channel, which a note says.
        decimal: "." or ",", the decimal point of numbers in text; by default ".".
        target_at: "constant" refuses a target that changes inside a sequence; "last" takes its last value; "each"
            takes it at every step: y is then one array (T_i,) for each sequence, or (T_i, K) of several columns.

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
    options = Options(
        id=id,
        time=time,
        target=target,
        features=features,
        group=group,
        ignore=ignore,
        drop=drop,
        wide=wide,
        window=window,
        step=step,
        missing=missing,
        indicator=indicator,
        na=na,
        one_hot=one_hot,
        decimal=decimal,
        target_at=target_at,
    )
    return (wide_form if wide else long_form)(replace(from_frame(frame), decimal=decimal or "."), options)


def from_frame(frame: Any) -> Table:
    """A table of a polars or pandas frame; a named pandas index becomes columns."""
    pl = need("polars")
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, pl.DataFrame):
        if type(frame).__module__.partition(".")[0] != "pandas" or not hasattr(frame, "columns"):
            raise InputTypeError(f"frame is of type {type(frame).__name__}; expected a polars or pandas DataFrame")
        if frame.index.nlevels > 1 or frame.index.names[0] is not None:
            frame = frame.reset_index()
        frame = pl.DataFrame([_from_pandas(str(name), frame[name]) for name in frame.columns])
    if frame.height == 0:
        raise DataError("frame has no rows; at least 1 is expected")
    return Table(frame, "frame", lambda row: f"frame, row {row}")


def _from_pandas(name: str, column: Any) -> polars.Series:
    """Without pyarrow, which polars' own conversion wants."""
    pl = need("polars")
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        numbers: polars.Series = pl.Series(name, column.to_numpy())
        return numbers
    values = [None if empty else value for value, empty in zip(column.to_list(), column.isna(), strict=True)]
    try:
        series: polars.Series = pl.Series(name, values)
    except (TypeError, pl.exceptions.PolarsError):  # numbers and text in one column
        series = pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    return series
