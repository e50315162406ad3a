"""Probabilities to events, whole and in blocks; events against the truth."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import gruvy
from compare import assert_close
from gruvy.errors import InputError, InputTypeError
from gruvy.inside import figures
from gruvy.model.event_scores import event_curve, score_events, true_events
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


def test_true_events_begin_where_their_label_does():
    labels = np.array(["-", "a", "a", "b", "a", "-"])
    assert true_events(labels, "a", step=0.5, start=0.25) == [0.75, 2.25]
    assert true_events(labels == "b", True, step=1) == [3.0]
    assert true_events(["a"], "a", step=1, start=2) == [2]
    assert true_events([], "a", step=1) == []


def test_the_curve_is_the_score_at_each_threshold():
    """Of two recordings, one after the other, as detecting and judging each by itself."""
    rng = np.random.default_rng(0)
    p = [np.clip(rng.random(400) ** 3 + (np.arange(400) % 90 < 6) * 0.4, 0, 1) for _ in range(2)]
    truth = [[90 * k * 0.1 for k in range(1, 5)] for _ in range(2)]
    curve = event_curve(p, truth, step=0.1, thresholds=[0.3, 0.6, 0.9], smoothing=0.3, late=0.8)
    for level, score in zip(curve.thresholds, curve.scores, strict=True):
        each = [
            score_events(gruvy.detect(one, step=0.1, threshold=level, smoothing=0.3), times, seconds=40, late=0.8)
            for one, times in zip(p, truth, strict=True)
        ]
        wanted = each[0] + each[1]
        assert score[:4] == wanted[:4]
        assert_close(score.hours, wanted.hours, "equation")
    f1 = [score.f1 for score in curve.scores]
    assert len(set(f1)) == 3
    assert curve.best == f1.index(max(f1))


def test_a_curve_by_hand():
    """One true event at 2 s; at 0.5 it is found after a second, at 0.25 there is a false alarm too, at 1 nothing."""
    p = [[0.3, 0, 0, 0.7, 0, 0]]
    curve = event_curve(p, [[2.0]], step=1, smoothing=0, late=1, refractory=0, thresholds=[0.25, 0.5, 1.0])
    assert [score[:3] for score in curve.scores] == [(1, 0, 1), (1, 0, 0), (0, 1, 0)]
    assert [score.delays for score in curve.scores] == [(1.0,), (1.0,), ()]
    assert curve.best == 1
    assert_close(curve.scores[0].false_per_hour, 600.0, "equation")


def test_a_curve_of_other_recordings():
    with pytest.raises(InputError, match=r"^truth: of 2 recordings, probabilities of 1; expected as many$"):
        event_curve([[0.1]], [[], []], step=1)


def test_the_curve_as_a_figure():
    curve = event_curve([[0.3, 0, 0, 0.7, 0, 0]], [[2.0]], step=1, smoothing=0, late=1, thresholds=[0.25, 0.5, 1.0])
    figure = figures.event_curve(curve)
    lines = {line.name: line for line in figure.data}
    assert lines["F1"].y == tuple(score.f1 for score in curve.scores)
    assert lines["precision"].y[2] is None  # there were no events
    assert (lines["false alarms an hour"].yaxis, lines["recall"].yaxis) == ("y2", "y")
    assert lines["recall"].x == (0.25, 0.5, 1.0)
