"""The last stage of a table's way: its steps, in order, to sequences without gaps, in windows, each with its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gruvy.data.collection import Sequences
from gruvy.data.options import Options
from gruvy.data.table import Table, labels, missing
from gruvy.errors import DataError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars

FORWARD = 'missing="forward" (--missing forward)'


@dataclass(frozen=True)
class Steps:
    """All steps of all recordings of a table, one after the other: R steps of N recordings.

    rows (R,): the table's row that each step is from; values (R, I), float64, with NaN for gaps; ids and lengths (N,);
    features: names of the I channels.
    """

    table: Table
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    ids: list[str]
    lengths: NDArray[np.int64]
    features: list[str]
    notes: list[str]

    def place(self, step: int) -> str:
        """Where a step stands in the user's file or frame."""
        return self.table.place(int(self.rows[step]))

    def column(self, name: str) -> polars.Series:
        """Another column of the table, at every step (R,)."""
        return self.table.frame[name].gather(self.rows)


class Spans(NamedTuple):
    """The sequences to be: which recording each is from, its first step, the one past its last, and its name."""

    recording: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    ids: list[str]


def assemble(steps: Steps, options: Options) -> Sequences:
    """Fill or refuse the gaps, cut the windows, and give each sequence its target and its group."""
    group = options.group
    named = steps.table.names(group, "group").gather(steps.rows) if group else None
    values = _whole(steps, options.missing)
    spans, notes = cut(steps, options.window, options.step), steps.notes
    if options.window is not None:
        notes = [*notes, f"{len(steps.ids)} recordings were cut into {len(spans.ids)} windows"]
    targets = {name: _one_each(name, steps, spans, options) for name in options.targets}
    groups: NDArray[Any] | None = None
    if group and named is not None:
        _refuse_changes("group", group, named, steps, spans)
        groups = np.array(named.gather(spans.first).to_list())
    elif options.window is not None:
        groups = np.array(steps.ids)[spans.recording]
    return Sequences(
        [values[a:b] for a, b in zip(spans.first, spans.last, strict=True)],
        y=_targets(targets),
        ids=spans.ids,
        groups=groups,
        features=steps.features,
        target=options.targets,
        notes=notes,
    )


def cut(steps: Steps, window: int | None, step: int | None) -> Spans:
    """The recordings as they are, or in windows.

    Windows start every `step` steps (by default they do not overlap); what is left at the end is not used,
    but a recording shorter than one window is one sequence.
    """
    ends = np.cumsum(steps.lengths)
    starts = ends - steps.lengths
    if window is None:
        return Spans(np.arange(len(starts)), starts, ends, steps.ids)
    spans = [
        (recording, a, min(a + window, end))
        for recording, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True))
        for a in range(start, max(end - window, start) + 1, step or window)
    ]
    recording, first, last = np.array(spans, dtype=np.int64).T
    places = zip(recording, first - starts[recording], last - starts[recording], strict=True)
    return Spans(recording, first, last, [f"{steps.ids[n]}[{a}:{b}]" for n, a, b in places])


def _whole(steps: Steps, rule: str) -> NDArray[np.float64]:
    """The values without gaps: as they are, or with the last value carried on inside each recording."""
    ends = np.cumsum(steps.lengths)
    starts = ends - steps.lengths
    values = steps.values
    gaps = np.isnan(values)
    if gaps.any() and rule == "forward":
        row = np.where(gaps, 0, np.arange(len(values))[:, np.newaxis])
        for a, b in zip(starts, ends, strict=True):
            row[a:b] = np.maximum.accumulate(np.maximum(row[a:b], a), axis=0)
        values = np.take_along_axis(values, row, axis=0)
    bad = ~np.isfinite(values)
    if not bad.any():
        return values
    r, feature = (int(index) for index in np.argwhere(bad)[0])
    n = int(np.searchsorted(ends, r, side="right"))
    if np.isinf(values[r, feature]):
        what, then = "infinity", "; every value must be finite"
    else:
        what, then = "no value", f"; {FORWARD} carries the last one on"
        if rule == "forward":
            then = ", and none before it to carry forward"
    name, step = steps.features[feature], r - int(starts[n])
    raise DataError(f"{steps.place(r)}: sequence {steps.ids[n]!r} has {what} at step {step}, feature {name!r}{then}")


def _refuse_changes(
    what: Literal["target", "group"], name: str, column: polars.Series, steps: Steps, spans: Spans
) -> None:
    """Refuse a column that changes inside a sequence."""
    first, last = spans.first, spans.last
    changes = column.ne_missing(column.shift(1)).to_numpy().astype(np.int64)
    changes[0] = 0
    so_far = np.cumsum(changes)
    changing = np.flatnonzero((so_far[last - 1] > so_far[first]) & (last > first))
    if len(changing):
        n = int(changing[0])
        r = int(first[n]) + 1 + int(np.argmax(changes[first[n] + 1 : last[n]]))
        change = f"changes from {column[r - 1]!r} to {column[r]!r} inside sequence {spans.ids[n]!r}"
        help = '; target_at="last" (--target-at last) takes the last one' if what == "target" else ""
        raise DataError(f"{steps.place(r)}: {what} {name!r} {change}{help}")


def _one_each(name: str, steps: Steps, spans: Spans, options: Options) -> polars.Series:
    """One target for each sequence."""
    pl = need("polars")
    column = steps.column(name)
    if options.target_at == "constant":
        _refuse_changes("target", name, column, steps, spans)
    chosen = column.gather(spans.last - 1)

    def where(n: int) -> str:
        return f"{steps.place(int(spans.last[n]) - 1)}: sequence {spans.ids[n]!r}"

    empty = missing(chosen) if chosen.dtype == pl.String else chosen.is_null()
    if chosen.dtype.is_float():
        empty = empty | chosen.is_nan().fill_null(True)
    if empty.any():
        n = int(empty.arg_max() or 0)
        raise DataError(f"{where(n)} has no target {name!r}")
    numbers = labels(chosen)
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():  # such as a number of 5,000 digits
        n = int(np.argmin(np.isfinite(numbers)))
        raise DataError(f"{where(n)} has infinity as target {name!r}; every value must be finite")
    return chosen


def _targets(columns: dict[str, polars.Series]) -> NDArray[Any] | None:
    each = {name: labels(column) for name, column in columns.items()}
    if len(each) < 2:
        return next(iter(each.values()), None)
    for name, column in each.items():
        if column.dtype.kind not in "iuf":
            raise DataError(f"target {name!r} is not numeric; several targets must all be numbers")
    return np.stack([column.astype(np.float64) for column in each.values()], axis=1)
