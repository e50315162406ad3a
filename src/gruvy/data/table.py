"""A table whose every cell knows its place, so that errors can say where: columns as numbers, labels, names, order."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gruvy.errors import DataError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars

MISSING = ["", "na", "n/a", "nan", "null", "none", "?"]  # in lower case: cells that stand for no value

DAY_FIRST, MONTH_FIRST = "day/month/year", "month/day/year"
_DAY_AND_MONTH = r"^\s*(\d{1,2})([/.-])(\d{1,2})([/.-]\d{4})"  # either of the two may come first

RECORDING, LABEL = "(recording)", "(label)"  # columns added to the tables of a folder


def shown(path: Path) -> str:
    """A path as text that can be printed and written, where it is no UTF-8 too."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def openable(path: Path) -> Path | BytesIO:
    """A path as polars takes it, which opens no name that is not UTF-8."""
    return path if shown(path) == str(path) else BytesIO(path.read_bytes())


@dataclass(frozen=True)
class Table:
    """A polars frame, what to call it, and where each of its rows came from ("data.csv, line 4")."""

    frame: polars.DataFrame
    source: str
    place: Callable[[int], str]

    @property
    def columns(self) -> list[str]:
        """The columns that were there, without those that were added."""
        return [column for column in self.frame.columns if column not in (RECORDING, LABEL)]

    def require(self, columns: Ordered[str], option: str) -> None:
        """Refuse columns that the table lacks, and lists, bytes and other things that are no single value."""
        pl = need("polars")
        for column in columns:
            if column not in self.frame.columns:
                have = ", ".join(self.columns)
                raise DataError(f"{self.source} has no column {column!r} ({option}); its columns are {have}")
            dtype = self.frame[column].dtype
            if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
                raise DataError(
                    f"{self.source}, column {column!r} ({option}) holds {dtype}; expected one number or text per row"
                )

    def numbers(self, column: str) -> NDArray[np.float64]:
        """The column as float64, NaN where there is no value; refuses a cell that is not a number."""
        pl = need("polars")
        series = self.frame[column]
        if series.dtype in (pl.Categorical, pl.Enum):
            series = as_text(series, self.source)
        if series.dtype == pl.String:
            values = series.cast(pl.Float64, strict=False)
            if values.null_count():  # gaps, spaces around a number, or something else
                text = series.str.strip_chars()
                values = text.cast(pl.Float64, strict=False)
                bad = values.is_null() & ~missing(text)
                if bad.any():
                    row = int(bad.arg_max() or 0)
                    where = f"{self.source}, column {column!r}"
                    if values.null_count() == len(values) > 1:  # the whole column is something else
                        raise DataError(
                            f"{where} holds text such as {series[row]!r}, and features are numbers: say that it is "
                            "the target (--target) or the group (--group), or choose the features (--features)"
                        )
                    raise DataError(f"{self.place(row)}, column {column!r}: {series[row]!r} is not a number")
        elif series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
            values = series.cast(pl.Float64)
        else:
            raise DataError(f"{self.source}, column {column!r} holds {series.dtype}; expected numbers")
        result: NDArray[np.float64] = values.fill_null(float("nan")).to_numpy()
        return result

    def names(self, column: str, option: str) -> polars.Series:
        """The column as text; refuses a cell without a value."""
        text = as_text(self.frame[column], self.source).str.strip_chars()
        empty = text.is_null() | (text == "")
        if empty.any():
            row = int(empty.arg_max() or 0)
            raise DataError(f"{self.place(row)}, column {column!r} ({option}) is empty; expected a value in every row")
        return text

    def names_rows(self, column: str) -> bool:
        """Whether the column is text, another one in each row: a name for it."""
        pl = need("polars")
        series = self.frame[column]
        if series.dtype != pl.String or series.n_unique() < len(series) or missing(series).any():
            return False
        return not series.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().any()

    def counts(self, column: str, id: str | None) -> bool:
        """Whether the column counts, from 0 or 1, all rows or those of each run of one `id`."""
        pl = need("polars")
        values = self.frame[column].cast(pl.Float64, strict=False)
        if values.null_count():
            return False
        numbers, row = values.to_numpy(), np.arange(len(values))
        new = row == 0
        if id is not None:
            new |= self.frame[id].ne_missing(self.frame[id].shift(1)).to_numpy()
        within = row - np.maximum.accumulate(np.where(new, row, 0))
        return any(np.array_equal(numbers, counted + start) for counted in (row, within) for start in (0, 1))

    def order(self, column: str) -> dict[str, NDArray[Any]]:
        """Sort keys of the column, its numbers, dates or times, by how it was read; the reading to take comes first.

        There are two where every day could be a month and every month a day.
        """
        pl = need("polars")
        series = self.frame[column]
        found = {"": series}
        if series.dtype == pl.String:
            text = self.names(column, "time")
            found = {"": text.cast(pl.Float64, strict=False)}
            if found[""].null_count():
                found = moments(text, f"{self.source}, column {column!r} (time)")
        elif series.null_count():
            row = int(series.is_null().arg_max() or 0)
            raise DataError(f"{self.place(row)}, column {column!r} (time) is empty; expected a value in every row")
        return {how: series.rank("dense").to_numpy() for how, series in found.items()}


def as_text(series: polars.Series, source: str) -> polars.Series:
    """A column as text; refuses a kind that has no text, and values beyond what can be written, as far dates."""
    pl = need("polars")
    try:
        text: polars.Series = series.cast(pl.String)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as problem:
        raise DataError(
            f"{source}, column {series.name!r} holds {series.dtype} that cannot be written as text; "
            "expected one number or text per row"
        ) from problem
    return text


def missing(text: polars.Series) -> polars.Series:
    """Which cells of a text column stand for no value."""
    return text.is_null() | text.str.strip_chars().str.to_lowercase().is_in(MISSING)


def moments(text: polars.Series, where: str) -> dict[str, polars.Series]:
    """Text as dates or as times of day, in whichever format polars finds for all of it, by how it was read."""
    pl = need("polars")
    readings = {"": text}
    if text.str.contains(_DAY_AND_MONTH).all():  # polars reads days first
        readings = {DAY_FIRST: text, MONTH_FIRST: text.str.replace(_DAY_AND_MONTH, "$3$2$1$4")}
    found: dict[str, polars.Series] = {}
    for how, dates in readings.items():
        with suppress(pl.exceptions.PolarsError):
            found[how] = dates.str.to_datetime()
    if found:
        return found
    with suppress(pl.exceptions.PolarsError):
        return {"": text.str.to_time()}
    numbers = text.cast(pl.Float64, strict=False)
    example = text.filter(numbers.is_null())[0]
    raise DataError(f"{where}: {example!r} is neither a number nor part of a column of dates or times")


def labels(series: polars.Series) -> NDArray[Any]:
    """Targets in their natural type: whole numbers, numbers, booleans or text; "007" stays text."""
    pl = need("polars")
    if series.dtype == pl.Boolean:
        return series.to_numpy()
    if series.dtype.is_numeric():
        return series.to_numpy()
    text = as_text(series, "the table").str.strip_chars()
    whole = text.cast(pl.Int64, strict=False)
    if not whole.null_count() and (whole.cast(pl.String) == text).all():
        return whole.to_numpy()
    numbers = text.cast(pl.Float64, strict=False)
    if not numbers.null_count() and not text.str.contains(r"^[+-]?0\d").any() and whole.null_count():
        return numbers.to_numpy()
    return np.array(text.to_list(), dtype=np.str_)
