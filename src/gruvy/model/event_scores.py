"""How good events are: each true one is found once, close enough in time, or missed; all others are false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from ..checks import positive
from ..errors import InputError
from .events import Detection

THRESHOLDS = tuple(k / 20 for k in range(1, 20))


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


class EventCurve(NamedTuple):
    """The scores of events at each threshold."""

    thresholds: tuple[float, ...]
    scores: tuple[EventScore, ...]

    @property
    def best(self) -> int:
        """The place of the highest F1, the first where several are."""
        return int(np.argmax(np.nan_to_num([score.f1 for score in self.scores])))


def event_curve(
    probabilities: Sequence[Any],
    truth: Sequence[Sequence[float]],
    *,
    step: float,
    start: float = 0.0,
    thresholds: Any = THRESHOLDS,
    smoothing: float = 0.1,
    refractory: float = 0.6,
    early: float = 0.15,
    late: float = 0.5,
) -> EventCurve:
    """Judge the events of several recordings over the threshold.

    Args:
        probabilities: for each recording one for each step (T_i,), as a column of ``tagger.predict_proba(X)[i]``.
        truth: for each recording the times of its true events, as of `true_events`.
        step, start, smoothing, refractory: as for `gruvy.detect`.
        thresholds: each above 0 and up to 1, in order.
        early, late: as for `score_events`.

    Raises:
        InputError, InputTypeError: as `gruvy.detect` and `score_events`, or the counts differ.

    Example:
        >>> curve = event_curve([[0, 0.6, 0, 0, 0.3, 0]], [[1.0]], step=1, smoothing=0, thresholds=[0.2, 0.5])
        >>> [score.false for score in curve.scores], curve.thresholds[curve.best]
        ([1, 0], 0.5)
    """
    if len(probabilities) != len(truth) or not len(truth):
        raise InputError(f"truth: of {len(truth)} recordings, probabilities of {len(probabilities)}; expected as many")
    first = max(start, step)  # seconds that the first probability tells of
    scores = []
    for threshold in (levels := tuple(float(level) for level in thresholds)):
        how = Detection(step=step, start=start, threshold=threshold, smoothing=smoothing, refractory=refractory)
        each = (
            score_events(how.detector()(p), times, seconds=first + step * max(0, len(p) - 1), early=early, late=late)
            for p, times in zip(probabilities, truth, strict=True)
        )
        scores.append(reduce(EventScore.__add__, each))
    return EventCurve(levels, tuple(scores))


def true_events(labels: Any, label: Any, *, step: float, start: float = 0.0) -> list[float]:
    """When the stretches of steps with this label begin, in seconds.

    Args:
        labels: (T,), one for each step. step, start: as for `gruvy.detect`.

    Example:
        >>> true_events(["-", "seven", "seven", "-", "seven"], "seven", step=0.5, start=1)
        [1.5, 3.0]
    """
    on = np.asarray(np.asarray(labels) == label)
    return [start + int(i) * step for i in np.flatnonzero(on & ~np.append(False, on[:-1]))]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
