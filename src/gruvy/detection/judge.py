"""How good a detector is on recordings that it has not heard, at each threshold, and which threshold to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.sound import features_of
from ..model.event_scores import EventScore, score_events
from ..model.events import Event, detect
from ..model.model import Model
from ..model.sound import SoundFeatures
from .streams import JUDGED, Laid, laid
from .words import Words

MINUTE = 60.0
MINUTES = (20, 60)  # with the trigger, and of other words alone
MOST_FALSE = 6.0  # false alarms an hour that a threshold may give
MOST_LATE = 0.15  # seconds that the median delay may be
ALIKE = 0.01  # of F1
THRESHOLDS = (*np.arange(0.05, 0.96, 0.05).round(2).tolist(), 0.97, 0.98, 0.99)

Progress = Callable[[str, int, int], None]


class Rated(NamedTuple):
    """Settings of events, and how good these are in recordings with the trigger and in an hour of other words."""

    threshold: float
    smoothing: float
    heard: EventScore
    other: EventScore


class Minute(NamedTuple):
    """A recording to judge by: the trigger's probabilities (T,), and what was laid, without its samples."""

    probabilities: NDArray[np.float32]
    laid: Laid


class Trials(NamedTuple):
    """Recordings to judge by: with the trigger, and of other words alone."""

    heard: list[Minute]
    other: list[Minute]


def trials(
    model: Model,
    words: Words,
    trigger: str,
    seed: int,
    say: Progress | None = None,
    minutes: tuple[int, int] = MINUTES,
) -> Trials:
    """Recordings laid of the words, as they were recorded, and what a model says of them.

    Args:
        model: of probabilities step by step.
        words: that it has not heard.
        trigger: the word.
        seed: of how the words are laid.
        say: called with what is being done, how much of it is done, and of how much.
        minutes: with the trigger, and of the other words alone.
    """
    assert model.layout is not None
    assert model.classes is not None
    features, mine = SoundFeatures(**model.layout["sound"]), model.classes.tolist().index(trigger)
    rng, found = np.random.default_rng(seed), Trials([], [])
    for minute in range(sum(minutes)):
        if say is not None:
            say("judging", minute, sum(minutes))
        heard = minute < minutes[0]
        made = laid(words, trigger, MINUTE, JUDGED if heard else replace(JUDGED, share=0), rng)
        p = model.predict_proba([features_of(made.samples, features)])[0][:, mine]
        (found.heard if heard else found.other).append(Minute(p, made._replace(samples=made.samples[:0])))
    return found


def rated(found: Trials, features: SoundFeatures, *, smoothing: Sequence[float], refractory: float) -> list[Rated]:
    """The scores for each smoothing and threshold, the lowest first."""
    settings = [{"smoothing": s, "threshold": t, "refractory": refractory} for s in smoothing for t in THRESHOLDS]
    return [at(found, features, **each) for each in settings]


def at(found: Trials, features: SoundFeatures, *, threshold: float, smoothing: float, refractory: float) -> Rated:
    """The scores with these settings."""
    how = {"threshold": threshold, "smoothing": smoothing, "refractory": refractory}
    both = []
    for part in found:
        each = [score_events(heard_in(minute, features, **how), minute.laid.ends, seconds=MINUTE) for minute in part]
        both.append(sum(each[1:], each[0]))
    return Rated(threshold, smoothing, *both)


def heard_in(minute: Minute, features: SoundFeatures, **how: float) -> list[Event]:
    """The events in a minute."""
    return detect(minute.probabilities, step=features.step, start=features.window, **how)


def best(curve: Sequence[Rated]) -> Rated:
    """The best F1 with few false alarms: the middle threshold of those about as good; or else the fewest false alarms.

    Of those alone that are not late. An unheard voice moves the probabilities either way: the middle is farthest from
    where it gets worse.
    """
    quick = [each for each in curve if not each.heard.delay > MOST_LATE]
    few = [each for each in quick if each.other.false_per_hour <= MOST_FALSE]
    if not few:
        return min(quick or curve, key=lambda each: each.other.false_per_hour)
    most = max(few, key=lambda each: each.heard.f1)
    alike = [e for e in few if e.smoothing == most.smoothing and e.heard.f1 >= most.heard.f1 - ALIKE]
    return alike[len(alike) // 2]
