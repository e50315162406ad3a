"""A table whose every cell knows its place, so that errors can say where: columns as numbers, labels, names, order."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Sequence as Ordered
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gruvy.data.collection import some
from gruvy.errors import DataError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars

MISSING = ["", "na", "n/a", "nan", "null", "none", "?"]  # in lower case: cells that stand for no value

DAY_FIRST, MONTH_FIRST = "day/month/year", "month/day/year"
_DAY_AND_MONTH = r"^\s*(\d{1,2})([/.-])(\d{1,2})([/.-]\d{4})"  # either of the two may come first

DECIMALS = (".", ",")  # between the whole part of a number and the rest

RECORDING, LABEL = "(recording)", "(label)"  # columns added to the tables of a folder


def shown(path: Path) -> str:
    """A path as text that can be printed and written, where it is no UTF-8 too."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def ending(path: Path) -> str:
    """A path's ending in lower case: ".csv", ".csv.gz"."""
    packed = path.suffix.lower() if path.suffix.lower() == ".gz" else ""
    return (path.with_suffix("") if packed else path).suffix.lower() + packed


def without_ending(path: Path) -> Path:
    """A path without its ending."""
    return path.with_name(path.name[: len(path.name) - len(ending(path))] or path.name)


def openable(path: Path) -> Path | BytesIO:
    """A path as polars takes it, which opens no name that is not UTF-8."""
    return path if shown(path) == str(path) else BytesIO(path.read_bytes())


def check_names(names: Ordered[str], source: str) -> None:
    """Refuse a name that polars takes for a pattern of names.

    Raises:
        DataError: there is one.
    """
    for name in names:
        if name.startswith("^") and name.endswith("$"):
            raise DataError(
                f"{source} has a column {name[:40]!r}; expected names that do not begin with ^ and end with $"
            )


@dataclass(frozen=True)
class Table:
    """A polars frame, what to call it, and where each of its rows came from ("data.csv, line 4").

    decimal: the point of its numbers in text; notes: what was decided in reading it, a sentence each; found: as in
    `Sequences`.
    """

    frame: polars.DataFrame
    source: str
    place: Callable[[int], str]
    decimal: str = "."
    notes: list[str] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.frame.columns, self.source)

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

    def numbers(self, column: str, na: Ordered[str] = (), truths: list[str] | None = None) -> NDArray[np.float64]:
        """The column as float64, NaN where there is no value; true and false, where there is nothing else, as 1 and 0.

        Arguments:
            column: its name.
            na: what means a gap, beside what always does.
            truths: gets the name of a column of true and false.

        Raises:
            DataError: a cell is not a number.
        """
        pl = need("polars")
        series = self.frame[column]
        if series.dtype in (pl.Categorical, pl.Enum):
            series = as_text(series, self.source)
        if series.dtype == pl.String:
            values = as_numbers(series, self.decimal)
            if values.null_count():  # gaps, spaces around a number, or something else
                text = series.str.strip_chars()
                values = as_numbers(text, self.decimal)
                bad = values.is_null() & ~missing(text, na)
                truth = text.str.to_lowercase().replace_strict({"true": 1.0, "false": 0.0}, default=None)
                if bad.any() and (bad == truth.is_not_null()).all() and values.null_count() == len(values):
                    values = truth
                    if truths is not None:
                        truths.append(column)
                elif bad.any():
                    self._refuse(series, int(bad.arg_max() or 0), all(values.is_null()))
        elif series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
            values = series.cast(pl.Float64)
        else:
            raise DataError(f"{self.source}, column {column!r} holds {series.dtype}; expected numbers")
        result: NDArray[np.float64] = values.fill_null(float("nan")).to_numpy()
        if na:  # a number however it is spelt, -999 and -999.0
            numbers = as_numbers(pl.Series(na, dtype=pl.String), self.decimal).drop_nulls().to_numpy()
            result = np.where(np.isin(result, numbers), np.nan, result)
        return result

    def _refuse(self, series: polars.Series, row: int, everywhere: bool) -> None:
        """Refuse a cell that is no number, in a column of other things or among numbers."""
        cell, then = series[row], "if it means a gap: na= (--na)"
        other = next(mark for mark in DECIMALS if mark != self.decimal)
        if as_numbers(series[row : row + 1], other).null_count() == 0:
            then = f"decimal={other!r} (--decimal {other}) reads it as one"
        elif everywhere and len(series) > 1:
            raise DataError(
                f"{self.source}, column {series.name!r} holds text such as {cell!r}, and features are numbers: say "
                "that it is the target (--target) or the group (--group), leave it out (--drop), make one channel "
                "of each text (--one-hot), or choose the features (--features)"
            )
        raise DataError(f"{self.place(row)}, column {series.name!r}: {cell!r} is not a number; {then}")

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
        series = self.frame[column]
        if series.dtype != pl.String and not series.dtype.is_numeric():
            return False
        values = series.cast(pl.Float64, strict=False)
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
        return {how: series.rank("dense").to_numpy() for how, series in self.moments(column).items()}

    def moments(self, column: str) -> dict[str, polars.Series]:
        """The column as numbers, dates or times of day, by how it was read; the reading to take comes first."""
        pl = need("polars")
        series = self.frame[column]
        if series.dtype == pl.String:
            text = self.names(column, "time")
            numbers = as_numbers(text, self.decimal)
            if not numbers.null_count():
                return {"": numbers}
            return _moments(text, f"{self.source}, column {column!r} (time)", self.decimal)
        if series.null_count():
            row = int(series.is_null().arg_max() or 0)
            raise DataError(f"{self.place(row)}, column {column!r} (time) is empty; expected a value in every row")
        return {"": series}


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


def said_of_truths(columns: list[str]) -> list[str]:
    """The note that columns of true and false were read as numbers; none where there are none."""
    names = some([repr(column) for column in columns], 3)
    return [f"true and false in column{'s' * (len(columns) > 1)} {names} are read as 1 and 0"] if columns else []


def as_numbers(text: polars.Series, decimal: str) -> polars.Series:
    """Text as numbers with this decimal point, null where a cell is none."""
    pl = need("polars")
    if decimal == ",":
        text = text.str.replace_many([",", "."], [".", ","])  # a point is then no part of a number
    numbers: polars.Series = text.cast(pl.Float64, strict=False)
    return numbers


def missing(text: polars.Series, na: Ordered[str] = ()) -> polars.Series:
    """Which cells of a text column stand for no value: those that always do, and those in `na`, in upper case too."""
    known = [*MISSING, *(word.strip().lower() for word in na)]
    return text.is_null() | text.str.strip_chars().str.to_lowercase().is_in(known)


def _moments(text: polars.Series, where: str, decimal: str) -> dict[str, polars.Series]:
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
    example = text.filter(as_numbers(text, decimal).is_null())[0]
    raise DataError(f"{where}: {example!r} is neither a number nor part of a column of dates or times")


def labels(series: polars.Series, decimal: str = ".") -> NDArray[Any]:
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
    numbers = as_numbers(text, decimal)
    if not numbers.null_count() and not text.str.contains(r"^[+-]?0\d").any() and whole.null_count():
        return numbers.to_numpy()
    return np.array(text.to_list(), dtype=np.str_)
