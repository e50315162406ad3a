"""From columns of steps to sequences: gaps, windows, one target and one group for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gruvy.data.collection import Sequences
from gruvy.data.table import labels, missing
from gruvy.errors import DataError, InputError
from gruvy.extras import need

if TYPE_CHECKING:
    import polars

FORWARD = 'missing="forward" (--missing forward)'


@dataclass(frozen=True)
class Options:
    """How steps become sequences: the options that every layout shares, checked."""

    missing: str = "error"
    window: int | None = None
    step: int | None = None
    target_at: str = "constant"

    def __post_init__(self) -> None:
        if self.missing not in ("error", "forward"):
            raise InputError(f'missing={self.missing!r}: wanted "error" or "forward"')
        if self.target_at not in ("constant", "last"):
            raise InputError(f'target_at={self.target_at!r}: wanted "constant" or "last"')
        for name, value in (("window", self.window), ("step", self.step)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InputError(f"{name}={value!r}: wanted a whole number of steps, at least 1")
        if self.step is not None and self.window is None:
            raise InputError(f"step={self.step}: wanted window= (--window) with it")


@dataclass(frozen=True)
class Steps:
    """All steps of all recordings, one after the other.

    values (R, I) float64 with NaN for gaps; ids and lengths of the N recordings, R steps in all;
    targets: K columns of R targets; groups: R group names or None; place: where step r came from.
    """

    values: NDArray[np.float64]
    ids: list[str]
    lengths: NDArray[np.int64]
    features: list[str]
    targets: dict[str, polars.Series]
    groups: tuple[str, polars.Series] | None
    source: str
    place: Callable[[int], str]
    notes: list[str]


def assemble(steps: Steps, options: Options) -> Sequences:
    """Fill or refuse the gaps, cut the windows, and give each sequence its target and its group."""
    lengths = steps.lengths
    ends = np.cumsum(lengths)
    starts = ends - lengths
    values = _whole(steps, starts, ends, options.missing)
    recording, first, last = cut(starts, ends, options.window, options.step)
    notes = list(steps.notes)
    if options.window is None:
        ids = steps.ids
    else:
        offsets = first - starts[recording]
        spans = zip(recording, offsets, last - first, strict=True)
        ids = [f"{steps.ids[r]}[{offset}:{offset + length}]" for r, offset, length in spans]
        notes.append(f"{len(lengths)} recordings were cut into {len(ids)} windows")
    targets = [_one_each(name, column, first, last, ids, steps, options) for name, column in steps.targets.items()]
    groups: NDArray[Any] | None = None
    if steps.groups is not None:
        name, column = steps.groups
        groups = np.array(_constant(name, column, first, last, ids, "group", steps).gather(first).to_list())
    elif options.window is not None:
        groups = np.array(steps.ids)[recording]
    return Sequences(
        [values[a:b] for a, b in zip(first, last, strict=True)],
        y=_targets(targets, list(steps.targets)),
        ids=ids,
        groups=groups,
        features=steps.features,
        target=list(steps.targets),
        notes=notes,
    )


def cut(
    starts: NDArray[np.int64], ends: NDArray[np.int64], window: int | None, step: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Which recording each sequence is from, and its first step and the one past its last.

    Windows start every `step` steps (by default they do not overlap); what is left at the end is not used,
    but a recording shorter than one window is one sequence.
    """
    if window is None:
        return np.arange(len(starts)), starts, ends
    spans = [
        (recording, a, min(a + window, end))
        for recording, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True))
        for a in range(start, max(end - window, start) + 1, step or window)
    ]
    recording, first, last = np.array(spans, dtype=np.int64).T
    return recording, first, last


def _whole(steps: Steps, starts: NDArray[np.int64], ends: NDArray[np.int64], rule: str) -> NDArray[np.float64]:
    """The values without gaps: as they are, or with the last value carried on inside each recording."""
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


def _constant(
    name: str,
    column: polars.Series,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    ids: list[str],
    what: Literal["target", "group"],
    steps: Steps,
) -> polars.Series:
    """The column, once it is known not to change inside any sequence."""
    changes = column.ne_missing(column.shift(1)).to_numpy().astype(np.int64)
    changes[0] = 0
    so_far = np.cumsum(changes)
    changing = np.flatnonzero((so_far[last - 1] > so_far[first]) & (last > first))
    if len(changing):
        n = int(changing[0])
        r = int(first[n]) + 1 + int(np.argmax(changes[first[n] + 1 : last[n]]))
        change = f"changes from {column[r - 1]!r} to {column[r]!r} inside sequence {ids[n]!r}"
        help = '; target_at="last" (--target-at last) takes the last one' if what == "target" else ""
        raise DataError(f"{steps.place(r)}: {what} {name!r} {change}{help}")
    return column


def _one_each(
    name: str,
    column: polars.Series,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    ids: list[str],
    steps: Steps,
    options: Options,
) -> polars.Series:
    """One target for each sequence."""
    pl = need("polars")
    if options.target_at == "constant":
        column = _constant(name, column, first, last, ids, "target", steps)
    chosen = column.gather(last - 1)
    empty = missing(chosen) if chosen.dtype == pl.String else chosen.is_null()
    if chosen.dtype.is_float():
        empty = empty | chosen.is_nan().fill_null(True)
    if empty.any():
        n = int(empty.arg_max() or 0)
        raise DataError(f"{steps.place(int(last[n]) - 1)}: sequence {ids[n]!r} has no target {name!r}")
    numbers = labels(chosen)
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():  # such as a number of 5,000 digits
        n = int(np.argmin(np.isfinite(numbers)))
        where = f"{steps.place(int(last[n]) - 1)}: sequence {ids[n]!r}"
        raise DataError(f"{where} has infinity as target {name!r}; every value must be finite")
    return chosen


def _targets(columns: list[polars.Series], names: list[str]) -> NDArray[Any] | None:
    if not columns:
        return None
    each = [labels(column) for column in columns]
    if len(each) == 1:
        return each[0]
    for name, column in zip(names, each, strict=True):
        if column.dtype.kind not in "iuf":
            raise DataError(f"target {name!r} is not numeric; several targets must all be numbers")
    return np.stack([column.astype(np.float64) for column in each], axis=1)
