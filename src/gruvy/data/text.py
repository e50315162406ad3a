"""CSV files as tables of text: every cell as it stands, so that names keep their zeros and errors can quote."""

from __future__ import annotations

import csv
from pathlib import Path

from gruvy.data.table import Table
from gruvy.errors import DataError
from gruvy.extras import need


def read_csv(path: Path) -> Table:
    """The cells of a CSV file, whichever of comma, semicolon and tab divides its first line.

    A first line of numbers is data, not names, unless it counts 0, 1, 2, ... or 1, 2, 3, ...
    """
    pl = need("polars", "data")
    separator, names = _first_line(path)
    header = not _is_data(names)
    if header:
        for name in names:
            if names.count(name) > 1:
                raise DataError(f"{path} has two columns called {name!r}")
    try:
        frame = pl.read_csv(path, separator=separator, has_header=header, infer_schema=False)
    except pl.exceptions.ComputeError as problem:
        if "utf-8" in str(problem):
            raise DataError(f"{path} is not UTF-8 text") from problem
        raise DataError(f"{path} has a row with more cells than its first line has, {len(names)}") from problem
    frame.columns = names if header else [f"column_{i + 1}" for i in range(frame.width)]
    rows = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series()
    if not rows.any():
        raise DataError(f"{path} has a first line of names and no rows")
    frame = frame.head(frame.height - int(rows.reverse().arg_max()))  # blank lines at the end are no rows
    offset = 2 if header else 1
    return Table(frame, str(path), lambda row: f"{path}, line {row + offset}")


def _first_line(path: Path) -> tuple[str, list[str]]:
    """What divides the cells of the first line, and these cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8 text") from problem
    if not line.strip():
        raise DataError(f"{path} is empty")
    separator = max(",;\t", key=line.count)
    return separator, [name.strip() for name in next(csv.reader([line], delimiter=separator))]


def _is_data(names: list[str]) -> bool:
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return False
    start = numbers[0]
    return start not in (0, 1) or numbers != [start + i for i in range(len(numbers))]
