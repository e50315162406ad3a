"""Probabilities to events, whole and in blocks; events against the truth."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import gruvy
from compare import assert_close
from gruvy.errors import InputError, InputTypeError
from gruvy.model.event_scores import score_events
from gruvy.model.events import Detection


def by_hand(p, step, start, threshold, smoothing, refractory):
    """The definition, in plain Python: the mean of the last n, zeros before the first, and a pause after each."""
    n, pause = max(1, round(smoothing / step)), max(1, round(refractory / step))
    padded, times, free = [0.0] * (n - 1) + list(p), [], 0
    for i in range(len(p)):
        if math.fsum(padded[i : i + n]) / n >= threshold and i >= free:
            times.append(round(start + i * step, 6))
            free = i + pause
    return times


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 0.13])
@pytest.mark.parametrize("refractory", [0.0, 0.6])
def test_it_is_the_definition_and_the_same_in_blocks(smoothing, refractory):
    rng = np.random.default_rng(0)
    p = np.clip(np.cumsum(rng.normal(size=3000)) / 20 % 2 - 0.5, 0, 1)
    settings = {"step": 0.01, "start": 0.025, "threshold": 0.6, "smoothing": smoothing, "refractory": refractory}
    whole = gruvy.detect(p, **settings)
    assert len(whole) > 5
    assert [event.time for event in whole] == by_hand(p, **settings)
    for size in (1, 7, 100, 2999):
        hear = Detection(**settings).detector()
        assert [event for i in range(0, len(p), size) for event in hear(p[i : i + size])] == whole
        assert hear([]) == []


def test_a_refractory_time_ends():
    """What stays above the threshold is an event again after it, and no earlier."""
    p = np.full(100, 0.9)
    times = [event.time for event in gruvy.detect(p, step=0.1, smoothing=0, refractory=4.0)]
    assert times == [0.0, 4.0, 8.0]


def test_memory_does_not_grow():
    hear = Detection(step=0.01).detector()
    for _ in range(50):
        hear(np.zeros(1000))
    assert len(hear._last) == 9


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"step": 0}, "step=0: expected a number above 0"),
        ({"threshold": 1.5}, "threshold=1.5: expected a number above 0 and up to 1"),
        ({"threshold": 0}, "threshold=0: expected a number above 0"),
        ({"smoothing": -1}, "smoothing=-1: expected a number of at least 0"),
        ({"refractory": math.nan}, "refractory=nan: expected a number of at least 0"),
    ],
)
def test_a_setting_out_of_range_is_refused(given, text):
    with pytest.raises(InputError, match=re.escape(text)):
        gruvy.detect([0.5], **{"step": 0.1, **given})


def test_what_is_no_probability_is_refused():
    with pytest.raises(InputError, match=re.escape("probabilities: nan at step 1; expected numbers from 0 to 1")):
        gruvy.detect([0.5, math.nan], step=0.1)
    with pytest.raises(InputError, match=re.escape("probabilities: shape (3, 2), expected (T,)")):
        gruvy.detect(np.zeros((3, 2)), step=0.1)
    with pytest.raises(InputTypeError, match=re.escape("probabilities: str, expected numbers (T,)")):
        gruvy.detect("no", step=0.1)


def test_scores_by_hand():
    """Found at 1.1 and, early, at 2.9; 3.2 is a second answer to the same word; 7 is missed; 9 is nothing."""
    score = score_events([1.1, 2.9, 3.2, 9.0], [1.0, 3.0, 7.0], seconds=1800)
    assert (score.found, score.missed, score.false) == (2, 1, 2)
    assert_close(np.array([score.precision, score.recall, score.f1]), np.array([2 / 4, 2 / 3, 4 / 7]))
    assert_close(np.array([score.delay, score.false_per_hour]), np.array([0.0, 4.0]), "answer")
    both = score + score_events([], [1.0], seconds=1800)
    assert (both.found, both.missed, both.false, both.hours) == (2, 2, 2, 1.0)


def test_an_event_finds_one_word_only():
    score = score_events([1.3], [1.0, 1.2], seconds=10)
    assert (score.found, score.missed, score.false) == (1, 1, 0)


def test_the_limits_of_the_tolerance_count():
    times = [10.0, 20.0, 30.0, 40.0]
    score = score_events([9.75, 19.5, 30.5, 40.75], times, seconds=60, early=0.25, late=0.5)
    assert score.found == 2
    nothing = score_events([], [], seconds=60)
    assert all(map(math.isnan, (nothing.f1, nothing.delay)))
    assert nothing.false_per_hour == 0


def test_times_out_of_order_are_refused():
    with pytest.raises(InputError, match=re.escape("truth: expected finite times in order")):
        score_events([1.0], [2.0, 1.0], seconds=10)
