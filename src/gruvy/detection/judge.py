"""How good a detector is on recordings that it has not heard, at each threshold, and which threshold to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.sound import features_of
from ..model.event_scores import EventScore, score_events
from ..model.events import detect
from ..model.model import Model
from ..model.sound import SoundFeatures
from .streams import JUDGED, laid
from .words import Words

MINUTE = 60.0
WITH, WITHOUT = 20, 60  # minutes with the trigger, and of other words alone
MOST_FALSE = 6.0  # false alarms an hour that a threshold may give
THRESHOLDS = (*np.arange(0.1, 0.96, 0.05).round(2).tolist(), 0.97, 0.98, 0.99)

Progress = Callable[[str, int, int], None]


class Rated(NamedTuple):
    """A threshold, and how good the events are in recordings with the trigger and in an hour of other words."""

    threshold: float
    heard: EventScore
    other: EventScore


class Trials(NamedTuple):
    """Recordings to judge by: for each minute its probabilities (T,) and the seconds at which the triggers end.

    heard: minutes with the trigger. other: minutes without. words: in the latter.
    """

    heard: list[tuple[NDArray[np.float32], list[float]]]
    other: list[tuple[NDArray[np.float32], list[float]]]
    words: int


def trials(model: Model, words: Words, trigger: str, seed: int, say: Progress | None = None) -> Trials:
    """20 minutes of the words with the trigger and an hour of the others, as they were recorded, and what a model says.

    Args:
        model: of probabilities step by step.
        words: that it has not heard.
        trigger: the word.
        seed: of how the words are laid.
        say: called with what is being done, how much of it is done, and of how much.
    """
    assert model.layout is not None
    assert model.classes is not None
    features, mine = SoundFeatures(**model.layout["sound"]), model.classes.tolist().index(trigger)
    rng, found, count = np.random.default_rng(seed), Trials([], [], 0), 0
    for minute in range(WITH + WITHOUT):
        if say is not None:
            say("judging", minute, WITH + WITHOUT)
        heard = minute < WITH
        made = laid(words, trigger, MINUTE, JUDGED if heard else replace(JUDGED, share=0), rng)
        p = model.predict_proba([features_of(made.samples, features)])[0][:, mine]
        (found.heard if heard else found.other).append((p, made.ends))
        count += 0 if heard else made.words
    return found._replace(words=count)


def rated(found: Trials, features: SoundFeatures, *, smoothing: float, refractory: float) -> list[Rated]:
    """The scores at each threshold, the lowest first."""
    return [at(found, features, threshold=t, smoothing=smoothing, refractory=refractory) for t in THRESHOLDS]


def at(found: Trials, features: SoundFeatures, *, threshold: float, smoothing: float, refractory: float) -> Rated:
    """The scores at one threshold."""
    how = {"threshold": threshold, "smoothing": smoothing, "refractory": refractory}
    both = []
    for part in (found.heard, found.other):
        each = [
            score_events(detect(p, step=features.step, start=features.window, **how), ends, seconds=MINUTE)
            for p, ends in part
        ]
        both.append(sum(each[1:], each[0]))
    return Rated(threshold, *both)


def best(curve: Sequence[Rated]) -> Rated:
    """The best F1 of those with few false alarms, of equals the middle one; or else the fewest false alarms."""
    few = [each for each in curve if each.other.false_per_hour <= MOST_FALSE]
    if not few:
        return min(curve, key=lambda each: each.other.false_per_hour)
    most = max(each.heard.f1 for each in few)
    equals = [each for each in few if each.heard.f1 == most]
    return equals[len(equals) // 2]
