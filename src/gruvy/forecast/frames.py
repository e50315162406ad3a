"""A table with one row per step to a panel: a file, or a frame of polars or pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.columns import ID_NAMES, TIME_NAMES, guess
from ..data.frames import from_frame
from ..data.long_form import long_form
from ..data.options import Options
from ..data.table import Table
from ..data.table_files import read_table
from ..errors import DataError, InputError
from ..extras import need
from .calendar import Clock, clock_of
from .series import Panel

if TYPE_CHECKING:
    import polars

Array = np.ndarray[Any, Any]

ROW, ALL = "(row)", "(series)"  # columns added to a table: its rows' numbers, and one name for all of them


def panel(
    frame: Any,
    *,
    target: str | Sequence[str],
    id: str | None = None,
    time: str | None = None,
    past: Sequence[str] = (),
    known: Sequence[str] = (),
) -> Panel:
    """The series in a polars or pandas frame, or in a .csv, .tsv or .parquet file, with one row per step.

    Rows at the end of a series that have no target are steps to come: they bring the columns known ahead.

    Args:
        frame: the frame, or the path of a file.
        target: the column to forecast, or several, the channels of each series.
        id: the column that tells series apart; by default the one called id, series or the like; without one, all rows
            are one series.
        time: the column of dates or numbers to sort by; by default the one called time, date or the like.
        past: columns known up to now only. known: columns known ahead.

    Returns:
        A `Panel`, for `GRUForecaster.fit`, `predict` and `backtest`.

    Raises:
        DataError: a column is not there, a value is missing or no number, or two rows of a series have one time.
        MissingExtraError: polars is not installed.

    Example:
        >>> import polars
        >>> shop = polars.DataFrame({"date": ["2024-01-01", "2024-01-02", "2024-01-03"], "sold": [3, 4, None],
        ...     "holiday": [0, 1, 0]})
        >>> found = panel(shop, target="sold", known=["holiday"])
        >>> found.values[0][:, 0].tolist(), found.known[0][:, 0].tolist(), found.times_after(1)[0].astype(str).tolist()
        ([3.0, 4.0], [0.0, 1.0, 0.0], ['2024-01-03T00:00:00'])
    """
    table = read_table(Path(frame)) if isinstance(frame, (str, Path)) else from_frame(frame)
    targets = [target] if isinstance(target, str) else list(target)
    names = {"targets": targets, "past": list(past), "known": list(known)}
    if not targets:
        raise InputError("target: no column; expected the one to forecast")
    for option, columns in names.items():
        table.require(columns, option.removesuffix("s"))
    notes: list[str] = []
    taken = Options(id=id, time=time, target=[name for columns in names.values() for name in columns])
    id = id or guess(table, "id", ID_NAMES, taken, notes)
    time = time or guess(table, "time", TIME_NAMES, taken, notes)
    rows, ids = _rows(table, id, time, notes)
    cells = {name: table.numbers(name) for name in taken.targets}
    values, before, ahead = [], [], []
    for name, at in zip(ids, rows, strict=True):
        found, p, k = (_columns(cells, part, at) for part in names.values())
        there = ~np.isnan(found).all(axis=1)
        T = int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
        if T == 0:
            raise DataError(f"{table.source}: series {name!r} has no value of {', '.join(targets)}")
        for part, given in ((names["targets"], found[:T]), (names["past"], p[:T]), (names["known"], k)):
            _refuse_gaps(table, name, part, given, at)
        values.append(found[:T])
        before.append(p[:T])
        ahead.append(k if k.shape[1] else np.zeros((10**9, 0)))
    clocks = None if time is None else _clocks(table, time, rows, ids, notes)
    shape = ("many", "channels" if len(targets) > 1 else "flat")
    return Panel(values, before, ahead, clocks, ids, names, shape, notes)


def _rows(table: Table, id: str | None, time: str | None, notes: list[str]) -> tuple[list[Array], list[str]]:
    """The rows of each series in order of time, and its name."""
    pl = need("polars")
    added = [pl.Series(ROW, np.arange(table.frame.height))]
    if id is None:
        added.append(pl.Series(ALL, [Path(table.source).stem] * table.frame.height))
    whole = replace(table, frame=table.frame.with_columns(added))
    ordered = long_form(whole, Options(id=id or ALL, time=time or ROW, features=[ROW]))
    notes += ordered.notes
    return [x[:, 0].astype(np.int64) for x in ordered.x], ordered.ids


def _columns(cells: dict[str, Array], names: list[str], rows: Array) -> Array:
    """Some columns at some rows: (rows, columns)."""
    return np.stack([cells[name][rows] for name in names], axis=1) if names else np.zeros((len(rows), 0))


def _refuse_gaps(table: Table, series: str, names: Sequence[str], values: Array, rows: Array) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        step, column = bad[0].tolist()
        what = "no value" if np.isnan(values[step, column]) else "infinity"
        raise DataError(
            f"{table.place(int(rows[step]))}: series {series!r} has {what} at step {step}, column {names[column]!r}; "
            "expected a number at every step up to the last"
        )


def _clocks(table: Table, time: str, rows: Sequence[Array], ids: Sequence[str], notes: list[str]) -> list[Clock] | None:
    """When each series begins and how long its steps are; None, with a note, where steps are of unequal length."""
    problem = ""
    for at in map(_times, table.moments(time).values()):
        for name, of in zip(ids, rows, strict=True):
            same = np.flatnonzero(at[of][1:] == at[of][:-1])
            if len(same):
                first = int(of[same[0] + 1])
                raise DataError(
                    f"{table.place(first)}: series {name!r} has two rows of one time, {table.frame[time][first]}; "
                    "expected one, and the column that tells series apart as id= (--id)"
                )
        try:
            return [clock_of(at[of], len(of), f"times of series {name!r}") for name, of in zip(ids, rows, strict=True)]
        except DataError as error:
            problem = problem or str(error)
    notes.append(f"forecasts come without times and calendar: {problem}")
    return None


def _times(column: polars.Series) -> Array:
    """Dates as datetime64[s]; all else as float64."""
    pl = need("polars")
    if column.dtype == pl.Date or column.dtype == pl.Datetime:
        return np.asarray(column.cast(pl.Datetime("ms")).to_numpy().astype("datetime64[s]"))
    if column.dtype == pl.Time or column.dtype == pl.Duration:
        column = column.cast(pl.Int64)
    return np.asarray(column.cast(pl.Float64).to_numpy())
