"""The playground's tasks are the lab's, by their properties; its random numbers; its tests of a net."""

from __future__ import annotations

import math

import numpy as np
import pytest

from compare import assert_close, limit
from gruvy.data import addition, all_sums, from_bits
from gruvy.lab import tasks
from playground_nets import node, planted

LAB = {"clue": tasks.CLUE_EARLY, "adding": tasks.ADDING}


def drawn(name, seed=0, batch=200, lag=40, test=False, **more):
    (found,) = node(("task", {"name": name, "seed": seed, "batch": batch, "lag": lag, "test": test}), **more)
    x = np.array(found["x"]).reshape(found["B"], found["T"], -1)
    y = np.array(found["y"]).reshape(found["B"], -1)
    return x, y if y.shape[1] > 1 else y[:, 0]


def are_clues(x, y, lag):
    """What `gruvy.lab.tasks.draw_clue` says of the early clue."""
    symbols = x.argmax(2)
    np.testing.assert_array_equal(x.sum(2), 1)
    np.testing.assert_array_equal(np.sort(x, axis=2)[:, :, :-1], 0)
    assert x.shape[1:] == (lag, 8)
    shown = symbols >= 4
    np.testing.assert_array_equal(shown.sum(1), 1)
    assert shown.argmax(1).max() == max(1, lag // 10) - 1
    np.testing.assert_array_equal(symbols[shown] - 4, y)
    assert set(y) == {0, 1, 2, 3}
    assert set(symbols[~shown]) == {0, 1, 2, 3}


def are_sums_of_marked_numbers(x, y, lag):
    """What `gruvy.data.adding` says of the adding problem."""
    assert x.shape[1:] == (lag, 2)
    assert x[..., 0].min() >= 0
    assert x[..., 0].max() < 1
    marked = x[..., 1] == 1
    assert set(np.unique(x[..., 1])) == {0, 1}
    np.testing.assert_array_equal(marked[:, : lag // 2].sum(1), 1)
    np.testing.assert_array_equal(marked[:, lag // 2 :].sum(1), 1)
    assert_close(y, (x[..., 0] * marked).sum(1), "equation")
    places = set(np.nonzero(marked)[1])
    assert {0, lag - 1} <= places or lag > 20


PROPERTIES = {"clue": are_clues, "adding": are_sums_of_marked_numbers}


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("lag", [9, 20, 100])
def test_a_task_is_the_labs(name, lag):
    x, y = drawn(name, lag=lag, batch=1000)
    PROPERTIES[name](x, y, lag)
    of_lab = LAB[name].draw(np.random.default_rng(0), 1000, lag)
    PROPERTIES[name](*(a.astype(np.float64) if name == "clue" else a for a in of_lab), lag) if name == "clue" else None
    assert of_lab[0].shape == x.shape
    assert (LAB[name].inputs, LAB[name].kind) == (x.shape[2], {"clue": "class", "adding": "number"}[name])
    again, other = drawn(name, lag=lag, batch=1000), drawn(name, seed=1, lag=lag, batch=1000)
    np.testing.assert_array_equal(x, again[0])
    assert (x != other[0]).any()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("clue", "Math.floor(lag / 10))", "Math.floor(lag / 5))"),
        ("clue", "random.whole(0, CLUES);\n    for", "0;\n    for"),
        ("adding", "random.whole(half, lag)]", "random.whole(0, half)]"),
        ("adding", "y[i] += x[(i * lag + at) * 2];", "y[i] += x[(i * lag + t0) * 2];".replace("t0", "0")),
    ],
)
def test_another_task_is_seen(name, old, new, tmp_path):
    source = planted(tmp_path / "src", "tasks.js", old, new)
    with pytest.raises(AssertionError):
        PROPERTIES[name](*drawn(name, lag=100, batch=1000, source=source), 100)


def test_sums_are_the_librarys():
    x, y = drawn("addition", batch=256, lag=4)
    every = all_sums(4)
    np.testing.assert_array_equal(x, every.x)
    np.testing.assert_array_equal(y, every.y)
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2**20, (2, 50))
    (found,) = node(("sums", {"a": a, "b": b, "bits": 20}))
    large = addition(a, b, 20)
    np.testing.assert_array_equal(np.reshape(found["x"], (50, 21, 2)), large.x)
    np.testing.assert_array_equal(np.reshape(found["y"], (50, 21)), large.y)
    x, y = drawn("addition", batch=500, lag=4, test=True)
    first, second = from_bits(x[..., 0]), from_bits(x[..., 1])
    assert x.shape == (500, 21, 2)
    assert len(set(first)) > 490
    assert max(first.max(), second.max()) > 2**20 - 2**14
    np.testing.assert_array_equal(from_bits(y), first + second)
    x, _ = drawn("addition", batch=256, lag=8)  # more pairs than the batch: some of them by chance
    assert x.shape == (256, 9, 2)


def test_a_guess_is_what_the_lab_says():
    (found,) = node(("tasks", {}))
    for name, task in LAB.items():
        assert_close(np.float64(found[name]["guess"]), np.float64(task.guess), "equation", name)
    assert_close(np.float64(found["addition"]["guess"]), np.float64(math.log(2)), "equation")
    _, y = drawn("adding", batch=20_000, lag=10)
    assert_close(y.var(), np.float64(1 / 6), "variance of 20,000")


def test_random_numbers_are_uniform_and_the_seeds():
    one, same, other, both = node(*(("uniform", {"seeds": s, "count": 200_000}) for s in ([1], [1], [2], [1, 2])))
    assert one == same
    for numbers in (one, other, both):
        u = np.array(numbers)
        assert u.min() >= 0
        assert u.max() < 1
        standard = (u - 0.5) * math.sqrt(12)
        assert abs(standard.mean()) < limit("mean of 200,000")
        assert abs((standard[1:] * standard[:-1]).mean()) < limit("mean of 200,000")  # each knows nothing of the next
        counts = np.histogram(u, 64, (0, 1))[0]
        chi = ((counts - len(u) / 64) ** 2 / (len(u) / 64)).sum()
        assert 30 < chi < 110  # 63 degrees of freedom: within four standard deviations
    for first, second in ((one, other), (one, both), (other, both)):
        assert abs(np.corrcoef(first, second)[0, 1]) < limit("mean of 200,000")


LEARNED = {"lag": 20, "units": 8, "seed": 3, "rate": 0.01, "remember": 0, "held": {}, "decay": 0.0, "clip": 1.0}


@pytest.mark.parametrize("task", ["clue", "adding", "addition"])
def test_a_net_is_tested_on_what_it_has_not_seen_and_counted_as_the_lab_counts(task):
    """The share right, from what `look` says of single sequences of the test."""
    batch = 256 if task == "addition" else 16
    lag = 4 if task == "addition" else 20
    (found,) = node(("learn", {**LEARNED, "kind": "gru", "task": task, "lag": lag, "batch": batch, "steps": 3}))
    of = {"addition": 1000}.get(task, 500)
    assert found["test"]["of"] == found["asked"]["B"] == of
    assert 0 <= found["test"]["right"] <= of
    assert not found["test"]["solved"]
    lags = found["overLag"]
    assert lags[0] == 0
    assert len(lags) == found["lags"]["T"] + 1
    seen = found["seen"]
    if task == "addition":
        x = np.reshape(seen["x"], (21, 2))
        assert (from_bits(x.T) == [1023, 1]).all()
        assert from_bits([seen["y"]]) == 1024
        assert len(seen["answers"]) == 21
    else:
        assert len(seen["answers"]) == 1
    assert set(seen["rows"]) == {"state", "keeps", "reset"}
    assert all(0.5 <= p <= 1 for p in seen["sure"]) or task == "clue"
