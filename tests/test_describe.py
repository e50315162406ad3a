"""The sentence on a run: by brute force, with sequences that are really shorter and units switched off by hand."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from compare import assert_close
from edit_cases import by_hand, leads, random_case
from gruvy.errors import InputError
from gruvy.inside.describe import describe
from gruvy.inside.edits import Edit
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights, small_model


def tells(model, x, step=None):
    """The answer (K,) that is meant, by hand."""
    found = by_hand(model, np.asarray(x, float), [])
    return found["final"] if step is None else found["steps"][step]


def brute(model, x, step):
    """Range and unit by trying all of them on sequences that are really shorter."""
    x, T, classes = np.asarray(x, float), len(x), model.classes is not None
    whole, best = tells(model, x, step), 0
    best = leads(model, whole)
    steps = None
    half = None
    if not classes:
        course = by_hand(model, x, [])["steps"][:, 0]
        half = (max(course) - min(course)) / 2
    for length in range(1, T):
        found = []
        for a in range(T - length + 1):
            if step is not None and a <= step < a + length:
                continue
            at = None if step is None else step - (length if a + length <= step else 0)
            left = tells(model, np.concatenate([x[:a], x[a + length :]]), at)
            if classes and leads(model, left) != best:
                found.append((left[best], a, left))
            if not classes and abs(left[0] - whole[0]) >= half:
                found.append((-abs(left[0] - whole[0]), a, left))
        if found:
            _, a, left = min(found, key=lambda f: f[:2])
            steps = (a, a + length)
            break
    if steps is None:
        return None, None, None
    other, w, drops = leads(model, left), model.weights, []
    for k, d, u in itertools.product(range(w.layers), range(w.directions), range(w.hidden_units)):
        over = (steps[0], T) if d == 0 else (0, steps[1])
        edit = Edit("state", "set", 0.0, steps=over, units=u, layer=k, direction=["forward", "backward"][d])
        found = by_hand(model, x, [edit])
        off = found["final"] if step is None else found["steps"][step]
        if classes:
            drop = np.log(whole[best] / whole[other]) - np.log(off[best] / off[other])
        else:
            drop = (whole[0] - off[0]) * np.sign(whole[0] - left[0])
        drops.append((drop, (k, d, u), off[best]))
    return steps, left, max(drops, key=lambda v: v[0]) if max(drops)[0] > 0 else None


@pytest.mark.parametrize("seed", range(30))
def test_the_sentence_is_what_trying_everything_says(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    model, X, _ = random_case(rng, irregular=False)
    x = X[0, :8]
    if model.classes is None and model.weights.directions == 2:
        assert describe(model, x).steps is None
        return
    step = None if model.task != "tag" else int(rng.integers(len(x)))
    found = describe(model, x, step=step)
    steps, left, carrier = brute(model, x, step)
    assert found.steps == steps
    best = leads(model, tells(model, x, step))
    assert_close(found.value, tells(model, x, step)[best], "same")
    if steps is None:
        assert (found.without, found.carrier) == (None, None)
        return
    k = leads(model, left)
    assert found.without.says == (None if model.classes is None else model.classes[k])
    assert_close(found.without.value, left[k], "same")
    if carrier is None:
        assert found.carrier is None
        return
    _, (layer, d, unit), kept = carrier
    way = None if model.weights.directions == 1 else ["forward", "backward"][d]
    assert found.carrier[:3] == (layer, way, unit)
    assert_close(found.kept, kept, "same")


def counter():
    """One unit that takes the first channel where the second is 1, and keeps where it is 0; scores ±5 h."""
    W = np.array([[0.0, 0.0], [0.0, 8.0], [3.0, 0.0]])
    w = Weights("tutorial", [[Cell(W, np.zeros((3, 1)), np.array([0.0, -4.0, 0.0]), None)]])
    V = np.array([[-5.0], [5.0]])
    return small_model(w, V, np.zeros(2), "last", "classify", classes=("no", "yes"))


def test_every_number_of_a_sentence_can_be_read_off_the_run():
    values = [(1, 0.5)] * 6 + [(0, 0.5)] * 2 + [(-0.2, 0.4)] * 3 + [(1, 0.6)] * 4 + [(-1, 0.8)] + [(-0.9, 1)] * 3
    model, x = counter(), np.array(values, float)
    course = by_hand(model, x, [])["steps"]
    found = describe(model, x)
    says = course.argmax(1)
    turn = max(t for t in range(1, len(x)) if says[t] != says[t - 1])
    assert found.turn == (turn, "yes", "no")
    runs, start = [], None
    for t in range(turn + 1):
        if t < turn and course[t].max() >= 0.9 and (start is None or says[t] == says[start]):
            start = t if start is None else start
        elif start is not None:
            runs.append((t - start, start, t))
            start = t if t < turn and course[t].max() >= 0.9 else None
    _, a, b = max(runs)
    assert found.sure[:3] == (["no", "yes"][says[a]], a, b)
    assert_close(found.sure[3], course[a:b].max(1).min(), "same")
    numbers = re.findall(r"[\d.]*\d", found.text)
    least = np.floor(100 * found.sure[3]) / 100
    assert [float(v) for v in numbers[:4]] == [a + 1, b, float(f"{least:.2f}"), turn + 1]


def loud(x):
    return np.stack([np.array(x, float), np.ones(len(x))], axis=1)


TEXTS = [
    (
        [1, 1, 1, 1, -1],
        "Sure of yes from step 1 to 4 (at least .99), turned to no at step 5 (over .99 at the end); without step 5 it "
        "says yes (over .99); unit 0 carries most of it: switched off from step 5, no goes from over .99 to .50.",
    ),
    (
        [1, 1, -1, -1, 1],
        "Sure of no from step 3 to 4 (at least .99), turned to yes at step 5 (over .99 at the end); without step 5 it "
        "says no (over .99); unit 0 carries the difference: switched off from step 5, it says no (.50).",
    ),
    (
        [0.01, 0.01, -1],
        "Not sure before it turned from yes to no at step 3 (over .99 at the end); without step 3 it says yes (.57); "
        "unit 0 carries most of it: switched off from step 3, no goes from over .99 to .50.",
    ),
    ([0.1323], "Says yes (.98). Sure of yes at step 1 (at least .97); no range of steps changes what it says."),
]


@pytest.mark.parametrize(("x", "text"), TEXTS)
def test_sentences(x, text):
    assert describe(counter(), loud(x)).text == text


def test_edits_come_first():
    found = describe(counter(), loud([1, 1, -1]), edits=[Edit("input", "set", 1.0, steps=2)])
    assert found[:8] == describe(counter(), loud([1, 1, 1]))[:8]
    assert found.says == "yes"


def test_arguments_that_do_not_fit():
    w = random_weights(np.random.default_rng(0), CONVENTIONS[0])
    for x in (np.zeros((2, 5, 3)), np.zeros((0, 3))):
        with pytest.raises(InputError, match="expected one sequence of at least one step"):
            describe(w, x)
    with pytest.raises(InputError, match="step: 2, expected None, or 0 to 4 of a model that answers at every step"):
        describe(w, np.zeros((5, 3)), step=2)


def test_names_of_classes():
    assert describe(counter(), loud([1]), names=["nein", "ja"]).says == "ja"
