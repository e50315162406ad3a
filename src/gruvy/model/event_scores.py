"""How good events are: each true one is found once, close enough in time, or missed; all others are false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..checks import positive
from ..errors import InputError


class EventScore(NamedTuple):
    """Counts of events, and what follows of them.

    found, missed, false: true events that were found, those that were not, and events that were none. delays: seconds
    from each true event to the one that found it. hours: of the recordings.
    """

    found: int
    missed: int
    false: int
    delays: tuple[float, ...]
    hours: float

    @property
    def precision(self) -> float:
        """The share of the events that were true; NaN if there were none."""
        return _share(self.found, self.found + self.false)

    @property
    def recall(self) -> float:
        """The share of the true events that were found; NaN if there are none."""
        return _share(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of both; NaN if there are neither events nor true ones."""
        return _share(2 * self.found, 2 * self.found + self.missed + self.false)

    @property
    def delay(self) -> float:
        """The median delay in seconds; NaN if none was found."""
        return float(np.median(self.delays)) if self.delays else float("nan")

    @property
    def false_per_hour(self) -> float:
        """False alarms in an hour."""
        return self.false / self.hours

    def __add__(self, other: object) -> EventScore:
        """Of both recordings together."""
        if not isinstance(other, EventScore):
            return NotImplemented
        counts = (self.found + other.found, self.missed + other.missed, self.false + other.false)
        return EventScore(*counts, self.delays + other.delays, self.hours + other.hours)


def score_events(
    events: Sequence[Any],
    truth: Sequence[float],
    *,
    seconds: float,
    early: float = 0.15,
    late: float = 0.5,
) -> EventScore:
    """Judge the events of one recording.

    Args:
        events: times in seconds, or `Event`s, in order.
        truth: when the true events ended, in seconds, in order.
        seconds: how long the recording is.
        early, late: an event from `early` seconds before a true one to `late` seconds after it may have found it. Each
            finds one at most, and the true ones choose in order, the earliest event that is left.

    Raises:
        InputError: a number is out of its range, or times are not in order.

    Example:
        >>> score = score_events([1.1, 5.0], [1.0, 3.0], seconds=3600)
        >>> score.f1, round(score.delay, 3), score.false_per_hour
        (0.5, 0.1, 1.0)
    """
    hours = positive("seconds", seconds) / 3600
    positive("early", early, zero=True)
    positive("late", late, zero=True)
    told = [float(getattr(event, "time", event)) for event in events]
    true = [float(time) for time in truth]
    for name, times in (("events", told), ("truth", true)):
        if not np.isfinite(times).all() or times != sorted(times):
            raise InputError(f"{name}: expected finite times in order")
    delays, left = [], list(told)
    for time in true:
        near = next((other for other in left if time - early <= other <= time + late), None)
        if near is not None:
            left.remove(near)
            delays.append(near - time)
    return EventScore(len(delays), len(true) - len(delays), len(left), tuple(delays), hours)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
