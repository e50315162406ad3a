"""CSV and Parquet files as tables; cells of CSV stay text, so that names keep their zeros and errors can quote."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from gruvy.data.memory_limit import check_decoded
from gruvy.data.parquet_size import decoded_size
from gruvy.data.table import Table, openable, shown
from gruvy.errors import DataError
from gruvy.extras import need

TABLES = (".csv", ".tsv", ".parquet")


def read_table(path: Path) -> Table:
    """The table in a .csv, .tsv or .parquet file."""
    if path.suffix.lower() != ".parquet":
        return read_csv(path)
    pl = need("polars")
    try:
        check_decoded(path, decoded_size(path))
        frame = pl.read_parquet(openable(path), glob=False)
    except DataError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
        first = str(problem).partition("\n")[0]
        raise DataError(f"{path} is not a Parquet file that can be read ({first})") from problem
    if frame.height == 0:
        raise DataError(f"{path} has no rows; at least 1 is expected")
    return Table(frame, shown(path), lambda row: f"{shown(path)}, row {row}")


def read_csv(path: Path) -> Table:
    """The cells of a CSV file, whichever of comma, semicolon and tab divides its first line.

    A first line of numbers is data, not names, unless it counts 0, 1, 2, ... or 1, 2, 3, ...
    """
    pl = need("polars")
    separator, names = _first_line(path)
    header = not _is_data(names)
    if header and len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise DataError(f"{path} has two columns called {twice!r}")
    try:
        frame = pl.read_csv(openable(path), separator=separator, has_header=header, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as problem:
        if "utf-8" in str(problem):
            raise DataError(f"{path} is not UTF-8 text") from problem
        raise DataError(f"{path} has a row with more cells than its first line has, {len(names)}") from problem
    if frame.width != len(names):
        raise DataError(f"{path} has a first line of {len(names)} cells, which is read as {frame.width}")
    frame.columns = names if header else [f"column_{i + 1}" for i in range(frame.width)]
    rows = frame.select(~pl.all_horizontal(pl.all().is_null())).to_series()
    if not rows.any():
        raise DataError(f"{path} has a first line of names and no rows")
    frame = frame.head(frame.height - int(rows.reverse().arg_max()))  # blank lines at the end are no rows
    offset = 2 if header else 1
    return Table(frame, shown(path), lambda row: f"{shown(path)}, line {row + offset}")


def _first_line(path: Path) -> tuple[str, list[str]]:
    """What divides the cells of the first line, and these cells."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8 text") from problem
    if not line.strip():
        raise DataError(f"{path} is empty")
    if any(char < " " and char not in "\t\r\n" for char in line):
        raise DataError(f"{path} is not text: its first line holds control characters")
    separator = max(",;\t", key=line.count)
    try:
        cells = next(csv.reader([line], delimiter=separator))
    except csv.Error as problem:
        raise DataError(f"{path}: its first line cannot be divided into cells ({problem})") from problem
    return separator, [name.strip() for name in cells]


def _is_data(names: list[str]) -> bool:
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return False
    start = numbers[0]
    return start not in (0, 1) or numbers != [start + i for i in range(len(numbers))]
