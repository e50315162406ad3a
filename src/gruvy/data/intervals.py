"""Labels of stretches of time, from Audacity's label tracks and from tables, to a label at each step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Sequence as Ordered
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gruvy.data.columns import FILE_NAMES, LABELS, TARGET_NAMES
from gruvy.data.options import Options
from gruvy.data.table import Table, ending, labels, shown, without_ending
from gruvy.data.table_files import TABLES, read_table
from gruvy.data.text_files import read_text
from gruvy.errors import DataError

TRACK = ".txt"  # the ending of what Audacity exports
START_NAMES, END_NAMES = ("start", "begin", "onset"), ("end", "stop", "offset")
DECIMALS = 9  # of a time: 0.1 + 0.2 is 0.3


class Interval(NamedTuple):
    """A label from `start` up to, and without, `end`, in the unit of the steps' times; and where it is from."""

    start: float
    end: float
    label: Any
    place: str = ""


class Tracks(NamedTuple):
    """The intervals of each recording by its name, or of the only one under None; and the label of all other steps."""

    of: dict[str | None, list[Interval]]
    source: str
    background: str

    def at(self, name: str, times: ArrayLike, alone: bool) -> NDArray[Any]:
        """The labels at the steps of a recording.

        Raises:
            DataError: the intervals are of one recording, and there are several; or as `labels_at`.
        """
        if None in self.of and not alone:
            raise DataError(f"{self.source} does not say of which recording; expected a column file or id in a table")
        return labels_at(times, self.of.get(None, self.of.get(name, [])), self.background)

    def check(self, names: Ordered[str]) -> None:
        """Refuse intervals of a recording that is not there.

        Raises:
            DataError: there are some.
        """
        for name, intervals in self.of.items():
            if name is not None and name not in names and intervals:
                raise DataError(f"{intervals[0].place}: there is no recording {name!r}")


def labels_at(times: ArrayLike, intervals: Iterable[Ordered[Any]], background: Any = "background") -> NDArray[Any]:
    """The label at each of some times: of the interval that it lies in, start <= time < end, or else the background.

    An interval in which no time lies, such as a point of Audacity, marks the first time after it.

    Arguments:
        times: (T,), in order, in the unit of the intervals.
        intervals: each (start, end, label).
        background: the label of times in no interval.

    Returns:
        (T,) labels.

    Raises:
        DataError: an interval ends before it begins, begins more than a step after the last time, or marks times that
            another with another label does too.

    >>> labels_at([0.0, 0.5, 1.0, 1.5], [(0.4, 1.0, "seven"), (1.1, 1.1, "click")], "-").tolist()
    ['-', 'seven', '-', 'click']
    """
    at = np.round(np.asarray(times, np.float64), DECIMALS)
    slack = float(at[-1] - at[-2]) if len(at) > 1 else math.inf
    found: list[Any] = [background] * len(at)
    owner: dict[int, Interval] = {}
    for i, given in enumerate(intervals):
        one = Interval(*given)
        where = one.place or f"intervals[{i}]"
        said = f"{where}: {one.label!r} from {one.start:g} to {one.end:g}"
        if not (math.isfinite(one.start) and math.isfinite(one.end)) or one.end < one.start:
            raise DataError(f"{said}; expected an end that is not before the start")
        first, last = (int(np.searchsorted(at, round(edge, DECIMALS))) for edge in (one.start, one.end))
        if len(at) and first == len(at):
            if one.start > at[-1] + slack:
                raise DataError(f"{said} begins after the recording, whose last step is at {at[-1]:g}")
            first = len(at) - 1
        for t in range(first, min(max(last, first + 1), len(at))):
            other = owner.setdefault(t, one)
            if other.label != one.label:
                raise DataError(f"{said} shares the step at {at[t]:g} with {other.label!r}; expected one label a step")
            found[t] = one.label
    return np.array(found)


def tracks_of(options: Options, default: Path, names: Ordered[str] = ()) -> Tracks | None:
    """The intervals that `labels` names, or those beside the data; None where there are none.

    Arguments:
        default: where they would lie: a track for one file, or a folder with one beside each recording or a labels.csv.
        names: of a folder's recordings.
    """
    if options.target_at != "each" or options.target is not None:
        return None
    background = options.background if options.background is not None else "background"
    if options.labels is not None:
        path = Path(options.labels)
        if not path.is_file():
            raise DataError(f"{path} does not exist; expected the intervals of labels= (--labels)")
        return Tracks(read_intervals(path, options), shown(path), background)
    if not default.is_dir():
        return Tracks(read_intervals(default, options), shown(default), background) if default.is_file() else None
    table = default / LABELS
    if table.is_file() and _edges(read_table(table, encoding=options.encoding, decimal=options.decimal)):
        return Tracks(read_intervals(table, options), shown(table), background)
    there = {name: path for name in names if (path := default / f"{name}{TRACK}").is_file()}
    if not there:
        return None
    for name in names:
        if name not in there:
            raise DataError(
                f"{default / name}{TRACK} does not exist; expected a label track, if empty, of each recording"
            )
    of: dict[str | None, list[Interval]] = {name: read_track(path, options) for name, path in there.items()}
    return Tracks(of, f"the label tracks in {default}", background)


def read_intervals(path: Path, options: Options) -> dict[str | None, list[Interval]]:
    """The intervals of a label track, or of a table with the columns start, end and label, and file for several."""
    if ending(path) not in TABLES:
        return {None: read_track(path, options)}
    table = read_table(path, encoding=options.encoding, decimal=options.decimal)
    start, end, label = (_column(table, known) for known in (START_NAMES, END_NAMES, TARGET_NAMES))
    file = next((column for column in table.columns if column.lower() in FILE_NAMES), None)
    values = labels(table.frame[label], table.decimal).tolist()
    files = [None] * len(values) if file is None else table.names(file, "labels").to_list()
    of: dict[str | None, list[Interval]] = {}
    rows = zip(files, table.numbers(start), table.numbers(end), values, strict=True)
    for row, (name, a, b, value) in enumerate(rows):
        if name is not None and ending(Path(name)):
            name = without_ending(Path(name)).as_posix()
        of.setdefault(name, []).append(Interval(float(a), float(b), str(value), table.place(row)))
    return of


def read_track(path: Path, options: Options) -> list[Interval]:
    """The intervals of Audacity's label track: start, end and label between tabs; its lines of frequencies have no say.

    Raises:
        DataError: a line is none.
    """
    found = []
    with read_text(path, options.encoding).open() as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith("\\"):
                continue
            start, *others = line.rstrip("\r\n").split("\t", 2)
            try:
                edges = [float(cell.replace(",", ".")) for cell in (start, *others[:1])]
            except ValueError:
                edges = []
            if len(edges) < 2:
                raise DataError(
                    f"{shown(path)}, line {number}: {line.strip()[:40]!r}; expected start, end and label, a tab between"
                )
            label = others[1].strip() if len(others) > 1 else ""
            found.append(Interval(edges[0], edges[1], label, f"{shown(path)}, line {number}"))
    return found


def _edges(table: Table) -> bool:
    """Whether a table has stretches of time, and not a label for each recording."""
    names = {column.lower() for column in table.columns}
    return all(names.intersection(known) for known in (START_NAMES, END_NAMES))


def _column(table: Table, known: Ordered[str]) -> str:
    for column in table.columns:
        if column.lower() in known:
            return column
    raise DataError(f"{table.source} has no column {known[0]!r}; expected start, end and label, and file for several")
