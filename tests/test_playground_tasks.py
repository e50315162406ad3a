"""The playground's tasks are the lab's, by their properties; its random numbers; its tests of a net."""

from __future__ import annotations

import math

import numpy as np
import pytest

from compare import assert_close, limit
from gruvy import reference
from gruvy.data import addition, all_sums, from_bits
from gruvy.lab import tasks
from gruvy.lab.nets import KINDS
from gruvy.reference import Cell
from playground_nets import Drawn, node, planted

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
def test_a_net_is_tested_on_what_it_has_not_seen_and_counted_as_the_lab_counts(task, tmp_path):
    """How many are right, by `gruvy.reference` with the net's weights and the lab's rule; and one sequence closer."""
    units, lag, batch, steps = (16, 4, 256, 140) if task == "addition" else (8, 20, 16, 40)
    given = {**LEARNED, "kind": "gru", "task": task, "units": units, "lag": lag, "batch": batch, "steps": steps}

    def found(**more):
        (found,) = node(("learn", given), **more)
        asked, net = found["asked"], Drawn("gru", task, units, seed=0)
        p = net.split(found["end"])
        x = np.reshape(asked["x"], (asked["B"], asked["T"], net.I))
        y = np.reshape(asked["y"], (asked["B"], -1))
        cell = Cell(p["W"], p["U"], p["b"], None)

        def said(x):
            h, _ = reference.forward(x.swapaxes(0, 1), np.zeros((len(x), net.units)), cell, net.convention)
            return h.swapaxes(0, 1) @ p["V"].T + p["b_y"]

        raw = said(x)
        if task == "addition":
            right = ((raw[..., 0] > 0) == y).all(1)
        elif task == "clue":
            right = raw[:, -1].argmax(1) == y[:, 0]
        else:
            right = np.abs(raw[:, -1, 0] / np.sqrt(6) + 1 - y[:, 0]) < limit("right sum")
        return found, int(right.sum()), said

    got, right, said = found()
    assert got["test"]["of"] == got["asked"]["B"] == (1000 if task == "addition" else 200)
    assert got["test"]["right"] == right
    assert 0 < right < got["test"]["of"]
    assert not got["test"]["solved"]
    assert got["overLag"][0] == 0
    assert len(got["overLag"]) == got["lags"]["T"] + 1
    seen = got["seen"]
    assert set(seen["rows"]) == {"state", "keeps", "reset"}
    raw = said(np.reshape(seen["x"], (1, seen["T"], -1)))[0]
    if task == "addition":
        x = np.reshape(seen["x"], (21, 2))
        assert (from_bits(x.T) == [1023, 1]).all()
        assert from_bits([seen["y"]]) == 1024
        assert seen["answers"] == (raw[:, 0] > 0).tolist()
        assert_close(np.array(seen["sure"]), 1 / (1 + np.exp(-np.abs(raw[:, 0]))), "derivative")
    elif task == "clue":
        shares = np.exp(raw[-1]) / np.exp(raw[-1]).sum()
        assert seen["answers"] == [int(shares.argmax())]
        assert_close(np.array(seen["sure"]), shares.max(keepdims=True), "derivative")
    else:
        assert_close(np.array(seen["answers"]), raw[-1] / np.sqrt(6) + 1, "derivative")
    rule = {
        "addition": ("answer(t) === y[i * T + t]) t++", "answer(t) === y[i * T + t]) t += 2"),
        "clue": ("this.answer(T - 1) === y[i]", "this.answer(0) === y[i]"),
        "adding": ("< 0.08", "< 0.16"),
    }
    wrong, right, _ = found(source=planted(tmp_path / "src", "nets.js", *rule[task]))
    assert wrong["test"]["right"] != right


@pytest.mark.parametrize("kind", KINDS)
def test_how_steps_are_dealt_out_changes_nothing(kind):
    """50 steps at once, or some at a time: the same tests at the same steps, the same net."""
    given = {**LEARNED, "kind": kind, "task": "clue", "batch": 4}
    one, other = node(("advance", {**given, "counts": [50]}), ("advance", {**given, "counts": [1, 18, 2, 0, 25, 4]}))
    assert one == other
    assert [test["step"] for test in one["tests"]] == [20, 40]
    assert len(one["losses"]) == one["steps"] == 50


def test_a_gate_that_is_held_is_seen_so():
    given = {**LEARNED, "kind": "gru", "task": "clue", "batch": 4, "steps": 2, "held": {"z": 0.25}}
    lstm = {**given, "kind": "lstm", "held": {"f": 1, "o": 0.5}}
    first, second = node(("learn", given), ("learn", lstm))
    assert set(first["seen"]["rows"]["keeps"]) == {0.75}
    assert len(set(first["seen"]["rows"]["reset"])) > 20
    assert set(second["seen"]["rows"]["keeps"]) == {1}
    assert set(second["seen"]["rows"]["shows"]) == {0.5}
    assert len(set(second["seen"]["rows"]["lets in"])) > 20
