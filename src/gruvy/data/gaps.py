"""Gaps in the channels of a table: filled by a rule inside each sequence, or refused with their place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gruvy.data.steps import Steps
from gruvy.errors import DataError

_NO_VALUE = {
    "error": '; missing="forward" (--missing forward) carries the last one on',
    "forward": ", and none before it to carry forward",
    "backward": ", and none after it to carry backward",
    "linear": ", and none elsewhere in the sequence",
    "mean": ", and none elsewhere in the sequence",
}


def indicators(steps: Steps, wanted: list[str] | None) -> tuple[NDArray[np.float64], list[str]]:
    """For each column with gaps, or each one wanted, 1 where it has none of its values and else 0: (R, k); the columns.

    Raises:
        DataError: a column that is wanted is no channel.
    """
    gaps = np.isnan(steps.values)
    place = {source: channel for channel, source in reversed(list(enumerate(steps.sources)))}
    for name in wanted or []:
        if name not in place:
            raise DataError(
                f"{steps.table.source} has no channel {name!r} (indicator); its channels are {', '.join(place)}"
            )
    columns = [name for name in dict.fromkeys(steps.sources) if gaps[:, place[name]].any()]
    columns = columns if wanted is None else wanted
    return gaps[:, [place[name] for name in columns]].astype(np.float64), columns


def filled(values: NDArray[np.float64], lengths: NDArray[np.int64], rule: str) -> NDArray[np.float64]:
    """The values (R, I) with gaps filled from the same channel of the same sequence, where the rule finds something.

    "forward" takes the value before, "backward" the one after, "linear" the line between both (beyond the first and
    the last value, that value), "mean" the mean of the sequence, "zero" 0; "error" and "drop" fill nothing.
    """
    channels = np.flatnonzero(np.isnan(values).any(axis=0))
    if rule in ("error", "drop") or not len(channels):
        return values
    values = values.copy()
    for channel in channels:
        values[:, channel] = _filled(values[:, channel], lengths, rule)
    return values


def _filled(x: NDArray[np.float64], lengths: NDArray[np.int64], rule: str) -> NDArray[Any]:
    gap, row, ends = np.isnan(x), np.arange(len(x)), np.cumsum(lengths)
    if rule == "zero":
        return np.where(gap, 0.0, x)
    if rule == "mean":
        known = np.add.reduceat(~gap, ends - lengths, dtype=np.int64)
        total = np.add.reduceat(np.where(gap, 0.0, x), ends - lengths)
        mean = np.divide(total, known, out=np.full(len(known), np.nan), where=known > 0)
        return np.where(gap, np.repeat(mean, lengths), x)
    before = np.maximum.accumulate(np.where(gap, -1, row))  # the row of the last value, of whichever sequence
    after = np.minimum.accumulate(np.where(gap, len(x), row)[::-1])[::-1]
    earlier = np.where(before >= np.repeat(ends - lengths, lengths), x[before], np.nan)
    later = np.where(after < np.repeat(ends, lengths), x[np.minimum(after, len(x) - 1)], np.nan)
    if rule == "forward":
        return earlier
    if rule == "backward":
        return later
    share = (row - before) / np.maximum(after - before, 1)
    between = (1 - share) * earlier + share * later
    return np.where(gap, np.where(np.isnan(earlier), later, np.where(np.isnan(later), earlier, between)), x)


def refuse_infinity(steps: Steps) -> None:
    """Refuse a value that is not finite, with its place."""
    bad = np.isinf(steps.values)
    if bad.any():
        where, _ = _first(steps, bad, "infinity")
        raise DataError(f"{where}; every value must be finite")


def refuse_gaps(steps: Steps, values: NDArray[np.float64], rule: str) -> None:
    """Refuse a gap that the rule left in the values, with its place and what else could be done."""
    bad = np.isnan(values)
    if not bad.any():
        return
    for channel in np.flatnonzero(np.isnan(steps.values).all(axis=0)):
        name = steps.sources[channel]
        raise DataError(
            f"{steps.table.source}, column {name!r} holds no value: drop={name!r} (--drop {name}) leaves it out, "
            'missing="zero" (--missing zero) takes 0'
        )
    where, known = _first(steps, bad, "no value")
    then = ""
    if rule != "error":
        fills = 'missing="linear", "mean" or "zero" (--missing)' if known else 'missing="zero" (--missing zero)'
        then = f'; {fills} fills it, "drop" leaves the sequence out'
    raise DataError(f"{where}{_NO_VALUE[rule]}{then}")


def _first(steps: Steps, bad: NDArray[np.bool_], what: str) -> tuple[str, bool]:
    """The first bad value and its place, in words, and whether its sequence has a value in that channel."""
    r, channel = (int(index) for index in np.argwhere(bad)[0])
    ends = np.cumsum(steps.lengths)
    n = int(np.searchsorted(ends, r, side="right"))
    start = int(ends[n] - steps.lengths[n])
    known = not np.isnan(steps.values[start : ends[n], channel]).all()
    where = f"sequence {steps.ids[n]!r} has {what} at step {r - start}, feature {steps.features[channel]!r}"
    return f"{steps.place(r)}: {where}", known
