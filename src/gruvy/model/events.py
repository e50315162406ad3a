"""From the probability at each step to events: the same for a whole recording and for one that comes in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..checks import positive
from ..errors import InputError, InputTypeError

Array = np.ndarray[Any, Any]


class Event(NamedTuple):
    """Something was heard: when, in seconds, and the smoothed probability that reached the threshold."""

    time: float
    probability: float


@dataclass(frozen=True, kw_only=True)
class Detection:
    """How probabilities become events.

    Args:
        step: seconds from one probability to the next.
        start: the time of the first probability, in seconds: the end of what it was told from.
        threshold: an event is where the smoothed probability reaches it, above 0 and up to 1.
        smoothing: seconds over which probabilities are averaged, up to each step; 0 takes them as they are.
        refractory: seconds after an event in which there is no other; after them, a probability that has stayed
            above the threshold is an event again.

    Raises:
        InputError: one is out of its range.
    """

    step: float
    start: float = 0.0
    threshold: float = 0.5
    smoothing: float = 0.1
    refractory: float = 0.6

    def __post_init__(self) -> None:
        positive("step", self.step)
        positive("start", self.start, zero=True)
        positive("smoothing", self.smoothing, zero=True)
        positive("refractory", self.refractory, zero=True)
        if positive("threshold", self.threshold) > 1:
            raise InputError(f"threshold={self.threshold!r}: expected a number above 0 and up to 1")

    @property
    def window(self) -> int:
        """Probabilities in one average."""
        return max(1, round(self.smoothing / self.step))

    @property
    def pause(self) -> int:
        """The least steps from one event to the next."""
        return max(1, round(self.refractory / self.step))

    def detector(self) -> Detector:
        """What hears a recording in pieces."""
        return Detector(self)


def kept(detection: Detection, trigger: str) -> dict[str, Any]:
    """What a model's file says of detection; `step` and `start` follow from its features of sound."""
    said = {name: getattr(detection, name) for name in ("threshold", "smoothing", "refractory")}
    return {"trigger": trigger, **said}


def fits(said: Any) -> bool:
    """Whether what a model's file says of detection is complete and in its ranges."""
    if not isinstance(said, dict) or set(said) != {"trigger", "threshold", "smoothing", "refractory"}:
        return False
    try:
        of_file(said, step=0.01, start=0.0)
    except InputError:
        return False
    return isinstance(said["trigger"], str)


def of_file(said: dict[str, Any], *, step: float, start: float) -> Detection:
    """The settings that `kept` gave."""
    return Detection(step=step, start=start, **{name: value for name, value in said.items() if name != "trigger"})


class Detector:
    """Probabilities in, in blocks of any size, events out; `Detection.detector` makes it. Its memory does not grow.

    Example:
        >>> hear = Detection(step=0.1, smoothing=0.0).detector()
        >>> hear([0.1, 0.2]), hear([0.9])
        ([], [Event(time=0.2, probability=0.9)])
    """

    def __init__(self, detection: Detection) -> None:
        self.detection = detection
        self._last = np.zeros(detection.window - 1)  # before the first probability there is silence: zeros
        self._steps, self._free = 0, 0  # steps heard; the first at which there may be an event

    def __call__(self, probabilities: Any) -> list[Event]:
        """The events in the next probabilities (n,)."""
        d, p = self.detection, _probabilities(probabilities)
        heard = np.concatenate([self._last, p])
        # Each average is a sum of its own, in the same order: a running sum would depend on the blocks.
        smoothed = np.zeros(len(p))
        for k in range(d.window):
            smoothed += heard[k : k + len(p)]
        smoothed /= d.window
        self._last = heard[len(heard) - (d.window - 1) :]
        found = []
        for i in np.flatnonzero(smoothed >= d.threshold).tolist():
            step = self._steps + i
            if step >= self._free:
                found.append(Event(round(d.start + step * d.step, 6), float(smoothed[i])))
                self._free = step + d.pause
        self._steps += len(p)
        return found


def detect(
    probabilities: Any,
    *,
    step: float,
    start: float = 0.0,
    threshold: float = 0.5,
    smoothing: float = 0.1,
    refractory: float = 0.6,
) -> list[Event]:
    """The events in the probabilities of a whole recording; `Detection(...).detector()` hears it in pieces, the same.

    Args:
        probabilities: (T,), one for each step, from 0 to 1; as a column of ``model.predict_proba([x])[0]``.
        step, start, threshold, smoothing, refractory: see `gruvy.model.events.Detection`; all but the threshold in
            seconds.

    Returns:
        `Event(time, probability)` for each, in order; the time in seconds.

    Raises:
        InputError, InputTypeError: a setting is out of its range, or the probabilities are none.

    Example:
        >>> detect([0, 0.2, 0.9, 0.9, 0, 0, 0, 0.8], step=0.1, smoothing=0.1, refractory=0.3)
        [Event(time=0.2, probability=0.9), Event(time=0.7, probability=0.8)]
    """
    detection = Detection(step=step, start=start, threshold=threshold, smoothing=smoothing, refractory=refractory)
    return detection.detector()(probabilities)


def _probabilities(given: Any) -> Array:
    try:
        p: Array = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise InputTypeError(f"probabilities: {type(given).__name__}, expected numbers (T,)") from None
    if p.ndim != 1:
        raise InputError(f"probabilities: shape {p.shape}, expected (T,), one class: predict_proba([x])[0][:, 1]")
    bad = np.flatnonzero(~((p >= 0) & (p <= 1)))
    if len(bad):
        raise InputError(f"probabilities: {p[bad[0]]} at step {bad[0]}; expected numbers from 0 to 1")
    return p
