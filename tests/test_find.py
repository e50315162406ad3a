"""Find this again, what excites a unit, and who made an answer: against loops over everything."""

from __future__ import annotations

import numpy as np
import pytest

from compare import assert_apart, assert_close
from edit_cases import by_hand, leads, random_case, random_edits
from gruvy.errors import InputError
from gruvy.inside.edits import Edit
from gruvy.inside.find import exciting, find
from gruvy.inside.influence import influence
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights


def states(model, X, layer):
    return [by_hand(model, x, [])["state"][layer] for x in X]


def by_loops(model, X, sequence, steps, threshold, layer, least, most):
    found = states(model, X, layer)
    a, b = steps
    looked = []
    for u in range(found[0].shape[1]):
        values = [found[sequence][t, u] for t in range(a, b)]
        if min(values) >= threshold or max(values) <= -threshold:
            looked.append((u, 1 if values[0] > 0 else -1))
    windows = []
    for i, h in enumerate(found):
        for t in range(len(h) - (b - a) + 1):
            hits = sum(h[t + k, u] * sign >= threshold for u, sign in looked for k in range(b - a))
            if looked and hits / (len(looked) * (b - a)) >= least:
                windows.append((hits, -i, -t))
    free, places = [(sequence, t) for t in range(a, b)], []
    for hits, i, t in sorted(windows, reverse=True):
        own = [(-i, -t + k) for k in range(b - a)]
        if len(places) < most and not set(own) & set(free):
            free += own
            places.append((-i, (-t, -t + b - a), hits / (len(looked) * (b - a))))
    return looked, places


@pytest.mark.parametrize("seed", range(20))
def test_places_are_those_that_loops_find(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    w = random_weights(rng, CONVENTIONS[seed % 4], layers=2, directions=2, size=1.5)
    X = [rng.normal(size=(int(rng.integers(1, 12)), 3)) for _ in range(5)]
    i, layer = int(np.argmax([len(x) for x in X])), int(rng.integers(4))
    a = int(rng.integers(len(X[i])))
    b = int(rng.integers(a + 1, min(len(X[i]), a + 3) + 1))
    threshold, least, most = float(rng.uniform(0.02, 0.5)), float(rng.choice([0, 0.5, 1])), int(rng.choice([2, 50]))
    found = find(w, X, i, (a, b), threshold=threshold, layer=layer, least=least, most=most)
    looked, places = by_loops(Of(w), X, i, (a, b), threshold, layer, least, most)
    assert list(zip(found.units, found.signs, strict=True)) == looked
    assert [tuple(p) for p in found.places] == places
    unit, count, apart = int(rng.integers(4)), int(rng.integers(1, 12)), int(rng.integers(1, 5))
    peaks = exciting(w, X, unit, layer=layer, count=count, apart=apart)
    all_steps = [(abs(h[t, unit]), s, t) for s, h in enumerate(states(Of(w), X, layer)) for t in range(len(h))]
    expected = []
    for size, s, t in sorted(all_steps, reverse=True):
        if len(expected) < count and not any(s == r and abs(t - q) < apart for _, r, q in expected):
            expected.append((size, s, t))
    assert [(p.sequence, p.step) for p in peaks] == [e[1:] for e in expected]
    assert_close(np.abs([p.value for p in peaks]), np.array([e[0] for e in expected]), "same")


class Of:
    """Weights as a model of nothing but them, for `by_hand`."""

    def __init__(self, weights):
        self.weights, self.scaler, self.pooling, self.task = weights, None, "last", None
        P = weights.directions * weights.hidden_units
        self.V, self.b_y = np.eye(P), np.zeros(P)


@pytest.mark.parametrize("seed", range(12))
def test_influence_is_the_difference_that_blanking_makes(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    model, X, _ = random_case(rng, irregular=False)
    x, T = X[0], X.shape[1]
    edits = random_edits(rng, model, T, count=2)
    found, expected = influence(model, x, edits=edits), np.zeros((T, T))
    before = [e for e in edits if e.target == "input"]
    inside = [e for e in edits if e.target != "input"]
    whole = by_hand(model, x, edits)
    final = model.weights.directions == 2 and model.task != "tag"
    told = whole["final"][None] if final else whole["steps"]
    says = [leads(model, p) for p in told]
    for s in range(T):
        blanked = by_hand(model, x, [*before, Edit("input", "blank", steps=s), *inside])
        off = blanked["final"][None] if final else blanked["steps"]
        expected[s, : len(told)] = [off[t, k] for t, k in enumerate(says)]
    # what is left without the step: the difference itself may be small
    assert_close(told[np.arange(len(told)), says] - found, expected[:, : len(told)], "same")
    if not final and model.weights.directions == 1:
        assert np.all(np.tril(found, -1) == 0)


def test_planted_faults_are_seen():
    rng = np.random.default_rng(3)
    w = random_weights(rng, CONVENTIONS[0], size=1.5)
    x = rng.normal(size=(6, 3))
    other = w.cells[0][0]._replace(b=w.cells[0][0].b + 1e-6)
    assert_apart(influence(Weights("tutorial", [[other]]), x), influence(w, x), "same")
    X = [x, rng.normal(size=(9, 3))]
    _, places = by_loops(Of(w), X, 0, (2, 4), 0.1, 0, 0.5, 9)
    assert places
    late = [(i, (a + 1, b + 1), share) for i, (a, b), share in places]
    assert [tuple(p) for p in find(w, X, 0, (2, 4), threshold=0.1).places] == places != late


def test_a_motif_that_was_put_in_is_found_again():
    """The unit takes its input where it is loud and keeps it; the motif is loud up, then loud down."""
    W = np.array([[0.0, 0.0], [0.0, 30.0], [9.0, 0.0]])
    w = Weights("tutorial", [[Cell(W, np.zeros((3, 1)), np.array([0.0, -15.0, 0.0]), None)]])
    X = [np.zeros((20, 2)) for _ in range(4)]
    for i, t in ((0, 3), (1, 9), (3, 14)):
        X[i][t], X[i][t + 3] = (1, 1), (-1, 1)
    found = find(w, X, 0, (3, 6), threshold=0.9, least=1)
    assert [(p.sequence, p.steps) for p in found.places] == [(1, (9, 12)), (3, (14, 17))]
    assert find(w, X, 0, (0, 2), threshold=0.9).places == []  # no unit is beyond the threshold
    assert [p.sequence for p in exciting(w, X, 0, count=3, apart=99)] == [0, 1, 3]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"sequence": 2}, "sequence: 2, expected 0 to 1"),
        ({"steps": (3, 3)}, r"steps: \(3, 3\), expected a range within 0 to 5"),
        ({"threshold": 2}, "threshold: 2, expected 0 to 1"),
        ({"least": -1}, "least: -1, expected 0 to 1"),
        ({"layer": 1}, "layer: 1, expected 0 to 0, or -1 for the last"),
    ],
)
def test_arguments_that_do_not_fit(given, text):
    w = random_weights(np.random.default_rng(0), CONVENTIONS[0])
    X = np.zeros((2, 5, 3))
    fields = {"sequence": 0, "steps": (0, 2)} | given
    with pytest.raises(InputError, match=text):
        find(w, X, fields.pop("sequence"), fields.pop("steps"), **fields)
    with pytest.raises(InputError, match="unit: 4, expected 0 to 3"):
        exciting(w, X, 4)
    with pytest.raises(InputError, match="expected one sequence"):
        influence(w, X)
