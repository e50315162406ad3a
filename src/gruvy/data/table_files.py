"""CSV and Parquet files as tables; cells of CSV stay text, so that names keep their zeros and errors can quote."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gruvy.data.collection import plural
from gruvy.data.memory_limit import check_decoded
from gruvy.data.parquet_size import decoded_size
from gruvy.data.table import Table, check_names, ending, missing, openable, shown
from gruvy.data.text_files import Text, read_text
from gruvy.errors import DataError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
_DIGITS = r"(\d+|\d*,\d+)([eE][+-]?\d+)?"
_COMMA = rf"^\s*[+-]?{_DIGITS}\s*$"  # a number with a decimal comma, or a whole one
_THOUSANDS = r"^\s*[+-]?[1-9]\d{0,2},\d{3}\s*$"  # 1,234 may be a whole number
_POINT = r"^\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*$"


def read_table(path: Path, *, encoding: str | None = None, decimal: str | None = None) -> Table:
    """The table in a text file (.csv, .tsv, each also packed as .gz; or "-" for standard input) or a .parquet file."""
    if ending(path) != ".parquet":
        return read_csv(path, encoding=encoding, decimal=decimal)
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
    return Table(frame, shown(path), lambda row: f"{shown(path)}, row {row}", decimal or ".")


def read_csv(path: Path, *, encoding: str | None = None, decimal: str | None = None) -> Table:
    """The cells of a text file, whichever of comma, semicolon and tab divides its first line.

    A first line of numbers is data, not names, unless it counts 0, 1, 2, ... or 1, 2, 3, ... Without `decimal`,
    numbers have a decimal comma where nothing else can be meant.
    """
    pl = need("polars")
    text = read_text(path, encoding)
    source, notes = text.source, [*text.notes]
    separator, names, above = _first_line(text, decimal)
    header = not _is_data(names, decimal)
    try:
        frame = pl.read_csv(text.held(), separator=separator, has_header=header, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as problem:
        if "more fields" in str(problem):
            what = f"a row with more cells than its first line has, {len(names)}"
        else:
            what = 'a cell with a quotation mark (") at one end alone'
        raise DataError(f"{source} has {what}") from problem
    if frame.width != len(names):
        raise DataError(f"{source} has a first line of {len(names)} cells, which is read as {frame.width}")
    frame.columns = [f"column_{i + 1}" for i in range(frame.width)]
    if header:
        frame = _named(frame, names, source, notes)
    frame, numbers = _without_blank_lines(frame, text, separator, header)
    if decimal is None and _has_decimal_comma(frame):
        decimal = ","
        notes.append("its numbers are read with a decimal comma")
    offset = above + (2 if header else 1)
    place = lambda row: f"{source}, line {(row if numbers is None else numbers[row]) + offset}"  # noqa: E731
    return Table(frame, source, place, decimal or ".", notes, {"decimal": ","} if decimal == "," else {})


def _named(frame: polars.DataFrame, names: list[str], source: str, notes: list[str]) -> polars.DataFrame:
    """The columns with their names; those at the end that have neither a name nor a value are left out."""
    width = len(names)
    while width > 1 and not names[width - 1] and frame[:, width - 1].is_null().all():
        width -= 1
    if width < len(names):
        notes.append(f"{plural(len(names) - width, 'column')} at the end without a name or a value left out")
    names, frame = names[:width], frame[:, :width]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{source} has two columns called {twice!r}")
    check_names(names, source)
    frame.columns = names
    return frame


def _without_blank_lines(
    frame: polars.DataFrame, text: Text, separator: str, header: bool
) -> tuple[polars.DataFrame, list[int] | None]:
    """The rows but for blank lines, and where each was if some between others went.

    In a table of one column, a blank line between others is a gap.
    """
    pl = need("polars")
    cells = pl.all().is_null() | (pl.all().str.strip_chars() == "")
    full = frame.select(~pl.all_horizontal(cells)).to_series()
    if not full.any():
        raise DataError(f"{text.source} has a first line of names and no rows")
    frame = frame.head(frame.height - int(full.reverse().arg_max() or 0))
    if frame.width == 1 or full.head(frame.height).all():
        return frame, None
    with text.open() as file:  # a blank line and one of separators alone look alike to polars
        try:
            filled = [_is_filled(line) for line in csv.reader(file, delimiter=separator)]
        except csv.Error as problem:
            raise DataError(f"{text.source}: blank lines cannot be told from others ({problem})") from problem
    first = filled.index(True) if True in filled else len(filled)
    filled = filled[first + header :][: frame.height]
    kept = [row for row, some in enumerate(filled) if some]
    return (frame, None) if len(filled) < frame.height else (frame[kept], kept)


def _is_filled(line: list[str]) -> bool:
    return len(line) > 1 or any(cell.strip() for cell in line)


def _first_line(text: Text, decimal: str | None) -> tuple[str, list[str], int]:
    """What divides the cells of the first line that is not blank, these cells, and how many lines are above it."""
    source, above = text.source, 0
    with text.open() as file:
        line = file.readline()
        while line and not line.strip():
            line, above = file.readline(), above + 1
        below = file.readline()
    if not line:
        raise DataError(f"{source} is empty")
    if any(char < " " and char not in "\t\r\n" for char in line):
        raise DataError(f"{source} is not text: its first line holds control characters")
    if line.endswith("\r"):
        raise DataError(f"{source} has lines that end as on an old Macintosh; expected them to end with a line feed")
    try:
        ways = {mark: next(csv.reader([line], delimiter=mark)) for mark in ",;\t"}
    except csv.Error as problem:
        raise DataError(f"{source}: its first line cannot be divided into cells ({problem})") from problem
    separator = max(ways, key=lambda mark: (len(ways[mark]) > 1 and _is_data(ways[mark], ","), len(ways[mark])))
    if len(ways[separator]) == 1 and (decimal == "," or re.search(_COMMA, below)):
        separator = ";"  # which divides no cells, as the comma would
    return separator, [name.strip() for name in ways[separator]], above


def _is_data(names: list[str], decimal: str | None) -> bool:
    try:
        numbers = [float(name if decimal == "." else name.strip().replace(",", ".")) for name in names]
    except ValueError:
        return False
    start = numbers[0]
    return start not in (0, 1) or numbers != [start + i for i in range(len(numbers))]


def _has_decimal_comma(frame: polars.DataFrame) -> bool:
    """Whether a column holds numbers like 1,5 that are no thousands, and no column holds numbers like 1.5.

    Most cells of that column have to be numbers so read; what the others are is not told here.
    """
    pl = need("polars")
    commas = frame.select(pl.all().str.contains(",", literal=True).any()).row(0)
    sure = False
    for name in itertools.compress(frame.columns, commas):
        cells = frame[name].filter(~missing(frame[name]))
        numbers = cells.filter(cells.str.contains(_COMMA))
        if 2 * len(numbers) > len(cells):
            sure = sure or not numbers.filter(numbers.str.contains(",", literal=True)).str.contains(_THOUSANDS).all()
    return sure and not any(frame.select(pl.all().str.contains(_POINT).any()).row(0))
