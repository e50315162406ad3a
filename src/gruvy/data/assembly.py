"""The last stage of a table's way: its steps, in order, to sequences without gaps, in windows, each with its target."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gruvy.arrays import as_objects
from gruvy.data.collection import Sequences, plural, some
from gruvy.data.gaps import filled, indicators, refuse_gaps, refuse_infinity
from gruvy.data.options import Options, each
from gruvy.data.steps import Steps
from gruvy.data.table import labels, missing
from gruvy.errors import DataError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars


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
    steps, values = _whole(steps, options)
    spans, notes = cut(steps, options.window, options.step), steps.notes
    if options.window is not None:
        notes = [*notes, f"{len(steps.ids)} recordings were cut into {len(spans.ids)} windows"]
    if options.missing == "drop":
        spans, more = _without_gaps(steps, values, spans)
        notes = [*notes, *more]
    at_each = options.target_at == "each"
    found = {name: _targets_of(name, steps, spans, options) for name in options.targets}
    y = _together(found, steps.table.decimal)
    if at_each and y is not None:
        y = as_objects(np.split(y, np.cumsum(spans.last - spans.first)[:-1]))
    groups: NDArray[Any] | None = None
    if group and named is not None:
        _refuse_changes("group", group, named, steps, spans)
        groups = np.array(named.gather(spans.first).to_list())
    elif options.window is not None:
        groups = np.array(steps.ids)[spans.recording]
    return Sequences(
        [values[a:b] for a, b in zip(spans.first, spans.last, strict=True)],
        y=y,
        ids=spans.ids,
        groups=groups,
        features=steps.features,
        target=options.targets,
        notes=notes,
        found=steps.found,
    )


def _whole(steps: Steps, options: Options) -> tuple[Steps, NDArray[np.float64]]:
    """The values with gaps filled, and the channels that say where, if wanted; gaps are left for "drop" alone."""
    refuse_infinity(steps)
    values = filled(steps.values, steps.lengths, options.missing)
    if options.missing != "drop":
        refuse_gaps(steps, values, options.missing)
    if options.indicator is False:
        return steps, values
    where, columns = indicators(steps, None if options.indicator is True else each(options.indicator))
    names = [f"{column}_missing" for column in columns]
    for name in names:
        if name in steps.features:
            raise DataError(
                f"{steps.table.source} has a column {name!r}, the name of the channel that indicator= (--indicator) "
                "adds; expected another"
            )
    told = f"channels that are 1 at gaps: {some(names, 6)}" if names else "no gaps, so no channels that show them"
    found = {**steps.found, "indicator": columns}
    features, sources = [*steps.features, *names], [*steps.sources, *columns]
    return replace(steps, features=features, sources=sources, notes=[*steps.notes, told], found=found), np.hstack(
        [values, where]
    )


def _without_gaps(steps: Steps, values: NDArray[np.float64], spans: Spans) -> tuple[Spans, list[str]]:
    """The sequences without a gap, and a note of how many had one."""
    gaps = np.concatenate([[0], np.cumsum(np.isnan(values).any(axis=1))])
    keep = np.flatnonzero(gaps[spans.last] == gaps[spans.first])
    left = len(spans.ids) - len(keep)
    if not left:
        return spans, []
    if not len(keep):
        raise DataError(f'{steps.table.source}: missing="drop" (--missing drop) leaves no sequence: each has a gap')
    gone = [name for name, a, b in zip(spans.ids, gaps[spans.first], gaps[spans.last], strict=True) if a < b]
    ids = [spans.ids[n] for n in keep]
    note = f"{left:,} of {plural(len(spans.ids), 'sequence')} left out for their gaps: {some(gone, 3)}"
    return Spans(spans.recording[keep], spans.first[keep], spans.last[keep], ids), [note]


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
        final, each = (f'target_at="{at}" (--target-at {at})' for at in ("last", "each"))
        help = f"; {final} takes the last one, {each} one at every step" if what == "target" else ""
        raise DataError(f"{steps.place(r)}: {what} {name!r} {change}{help}")


def _targets_of(name: str, steps: Steps, spans: Spans, options: Options) -> polars.Series:
    """One target for each sequence, or for each step of all of them, one after the other."""
    pl = need("polars")
    column = steps.column(name)
    if options.target_at == "constant":
        _refuse_changes("target", name, column, steps, spans)
    rows, owner = spans.last - 1, np.arange(len(spans.ids))
    if options.target_at == "each":
        lengths = spans.last - spans.first
        owner = np.repeat(owner, lengths)
        rows = np.arange(len(owner)) + np.repeat(spans.first - np.cumsum(lengths) + lengths, lengths)
    chosen = column.gather(rows)

    def where(n: int) -> str:
        return f"{steps.place(int(rows[n]))}: sequence {spans.ids[owner[n]]!r}"

    empty = missing(chosen) if chosen.dtype == pl.String else chosen.is_null()
    if chosen.dtype.is_float():
        empty = empty | chosen.is_nan().fill_null(True)
    if empty.any():
        n = int(empty.arg_max() or 0)
        raise DataError(f"{where(n)} has no target {name!r}")
    numbers = labels(chosen, steps.table.decimal)
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():  # such as a number of 5,000 digits
        n = int(np.argmin(np.isfinite(numbers)))
        raise DataError(f"{where(n)} has infinity as target {name!r}; every value must be finite")
    return chosen


def _together(columns: dict[str, polars.Series], decimal: str) -> NDArray[Any] | None:
    found = {name: labels(column, decimal) for name, column in columns.items()}
    if len(found) < 2:
        return next(iter(found.values()), None)
    for name, column in found.items():
        if column.dtype.kind not in "iuf":
            raise DataError(f"target {name!r} is not numeric; several targets must all be numbers")
    return np.stack([column.astype(np.float64) for column in found.values()], axis=1)
