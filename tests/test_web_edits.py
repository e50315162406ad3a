"""The page's edits, sentence, finds and influences against Python's, number by number."""

from __future__ import annotations

import numpy as np
import pytest

from compare import assert_apart, assert_close
from edit_cases import WHERE, random_case, random_edits
from gruvy.inside import describe, exciting, find, influence, read_out, trace
from gruvy.inside.edits import Edit
from small_nets import CONVENTIONS, random_weights, small_model
from web_numbers import computed, data_of, sequence, told


def case(seed, **more):
    """A random float32 model, as a page carries it, and a sequence."""
    rng = np.random.default_rng(seed)
    model, X, _ = random_case(rng, np.float32, irregular=False)
    return rng, model, X[0]


def test_runs_with_random_edits_are_pythons():
    cases, expected, kinds = [], [], set()
    for seed in range(120):
        rng, model, x = case(seed)
        edits = random_edits(rng, model, len(x))
        kinds.add(
            (model.weights.convention.reset, model.weights.layers, model.weights.directions, model.task, model.pooling)
        )
        cases.append({"what": "run", "data": data_of(model), "s": sequence(x), "edits": [told(e) for e in edits]})
        seen = trace(model, x[None], edits=edits)
        expected.append((seen, read_out(model, seen), edits))
    assert {k[0] for k in kinds} == {"before", "after"}
    assert len(kinds) > 40
    count = 0
    for seed, (found, (seen, answers, edits)) in enumerate(zip(computed(cases), expected, strict=True)):
        print(f"seed {seed}: {edits}")
        for name in WHERE:
            a = getattr(seen, name)[:, 0]
            assert_close(np.array(found[name]).reshape(a.shape), a, "same", name)
            count += a.size
        assert_close(np.array(found["final"]), answers.final[0], "same", "final")
        assert (found["steps"] is None) == (answers.steps is None)
        count += len(found["final"])
        if answers.steps is not None:
            assert_close(np.array(found["steps"]), answers.steps[0], "same", "steps")
            count += answers.steps.size
    print(f"{count} numbers")
    assert count > 20_000


def test_a_planted_fault_is_seen():
    _, model, x = case(3)
    edits = [Edit("state", "set", 0.5, steps=(1, 3), units=0)]
    (found,) = computed([{"what": "run", "data": data_of(model), "s": sequence(x), "edits": [told(e) for e in edits]}])
    for other in (
        [Edit("state", "set", 0.5 + 1e-9, steps=(1, 3), units=0)],
        [Edit("state", "set", 0.5, steps=(1, 4), units=0)],
        [Edit("state", "set", 0.5, steps=(1, 3), units=1)],
        [Edit("candidate", "set", 0.5, steps=(1, 3), units=0)],
    ):
        a = trace(model, x[None], edits=other).state[:, 0]
        assert_apart(np.array(found["state"]).reshape(a.shape), a, "same")


def test_sentences_are_pythons():
    cases, expected = [], []
    for seed in range(60):
        rng, model, x = case(seed)
        edits = random_edits(rng, model, len(x), count=int(rng.integers(2)))
        step = int(rng.integers(len(x))) if model.task == "tag" else None
        names = [] if model.classes is None else [str(c) for c in model.classes]
        cases.append(
            {
                "what": "describe",
                "data": data_of(model),
                "s": sequence(x),
                "edits": [told(e) for e in edits],
                "step": step,
                "names": names,
            }
        )
        expected.append(describe(model, x, edits=edits, step=step))
    carriers = 0
    for seed, (found, d) in enumerate(zip(computed(cases), expected, strict=True)):
        print(f"seed {seed}: {d.text}")
        assert found["text"] == d.text
        assert_close(found["value"], d.value, "same")
        assert found["steps"] == (None if d.steps is None else list(d.steps))
        carriers += d.carrier is not None
        if d.carrier is not None:
            assert [found["carrier"][k] for k in ("layer", "direction", "unit")] == list(d.carrier[:3])
            assert_close(found["kept"], d.kept, "same")
    assert carriers > 20


def test_finds_are_pythons():
    cases, expected = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        w = random_weights(rng, CONVENTIONS[seed % 4], layers=2, directions=2, dtype=np.float32, size=1.5)
        model = small_model(
            w, rng.normal(size=(3, 8)).astype(np.float32), None, "last", "classify", classes=("a", "b", "c")
        )
        X = [rng.normal(size=(int(rng.integers(3, 15)), 3)).astype(np.float32) for _ in range(6)]
        j, i, unit = (int(rng.integers(n)) for n in (4, 6, 4))
        more = {"threshold": float(rng.uniform(0.02, 0.5)), "least": 0.5, "most": 9}
        cases.append(
            {
                "what": "find",
                "data": data_of(model),
                "sequences": [sequence(x) for x in X],
                "j": j,
                "sequence": i,
                "steps": (1, 3),
                "unit": unit,
                "count": 7,
                "apart": 3,
                **more,
            }
        )
        expected.append(
            (find(model, X, i, (1, 3), layer=j, **more), exciting(model, X, unit, layer=j, count=7, apart=3))
        )
    places = 0
    for answer, (found, peaks) in zip(computed(cases), expected, strict=True):
        assert answer["found"]["units"] == found.units.tolist()
        assert answer["found"]["signs"] == found.signs.tolist()
        assert [(p["sequence"], tuple(p["steps"]), p["share"]) for p in answer["found"]["places"]] == [
            tuple(p) for p in found.places
        ]
        assert [(p["sequence"], p["step"]) for p in answer["peaks"]] == [p[:2] for p in peaks]
        assert_close(np.array([p["value"] for p in answer["peaks"]]), np.array([p.value for p in peaks]), "same")
        places += len(found.places)
    assert places > 20


def test_influences_are_pythons():
    cases, expected = [], []
    for seed in range(25):
        rng, model, x = case(seed)
        edits = random_edits(rng, model, len(x), count=int(rng.integers(3)))
        cases.append({"what": "influence", "data": data_of(model), "s": sequence(x), "edits": [told(e) for e in edits]})
        expected.append((influence(model, x, edits=edits), read_out(model, trace(model, x[None], edits=edits)).final))
    for seed, (found, (wanted, scale)) in enumerate(zip(computed(cases), expected, strict=True)):
        print(f"seed {seed}")
        # beside the answers themselves: a difference of them may be small
        size = np.abs(scale).max()
        assert_close(np.array(found) + size, wanted + size, "same")


@pytest.mark.parametrize("wire", ["x", "h"])
@pytest.mark.parametrize("gate", ["r", "z", "n"])
def test_sources_are_the_products_of_the_equations(gate, wire):
    cases, expected = [], []
    for seed in range(8):
        rng, model, x = case(seed)
        seen, w = trace(model, x[None], edits=[]), model.weights
        j, unit, t = (
            int(rng.integers(w.layers * w.directions)),
            int(rng.integers(w.hidden_units)),
            int(rng.integers(len(x))),
        )
        cell, k = w.cells[j // w.directions][j % w.directions], "rzn".index(gate) * w.hidden_units + unit
        below = seen.state[(j // w.directions - 1) * w.directions : j // w.directions * w.directions, 0, t].ravel()
        source = (
            (model.seen(x[t].astype(float)) if j < w.directions else below) if wire == "x" else seen.previous()[j, 0, t]
        )
        if wire == "h" and gate == "n" and w.convention.reset == "before":
            source = source * seen.reset[j, 0, t]
        row = (cell.W if wire == "x" else cell.U)[k].astype(float)
        expected.append((row * source, row))
        cases.append(
            {
                "what": "sources",
                "data": data_of(model),
                "s": sequence(x),
                "j": j,
                "unit": unit,
                "t": t,
                "gate": gate,
                "wire": wire,
            }
        )
    for found, (products, row) in zip(computed(cases), expected, strict=True):
        order = np.argsort(-np.abs(products), kind="stable")
        assert [f["index"] for f in found] == order.tolist()
        assert_close(np.array([f["value"] for f in found], float), products[order], "same")
        assert_close(np.array([f["weight"] for f in found], float), row[order], "exact")


NOT_OF_INPUT = (
    {"target": "h"}, {"action": "sing"}, {"steps": [3, 3]}, {"steps": [-1, 3]}, {"steps": [6, 7]}, {"steps": "all"},
    {"units": [99]}, {"units": [0, 0]}, {"units": []}, {"action": "set"}, {"action": "set", "value": "1"},
    {"action": "set", "value": [[1], ["x"]]}, {"action": "shift", "value": 0.5}, {"action": "noise", "value": -1},
    {"action": "cut", "units": [0]}, {"action": "repeat", "value": 0}, {"seed": -1},
)  # fmt: skip
NOT_OF_STATE = ({"layer": 9}, {"direction": "up"}, {"action": "blank"}, {"value": None})


def test_edits_that_do_not_fit_are_left_out():
    model = case(0)[1]
    T = 6
    good = told(Edit("input", "blank", steps=(1, 3)))
    state = told(Edit("state", "set", 0.0))
    wrong = [
        None,
        3,
        "cut",
        {},
        *(good | change for change in NOT_OF_INPUT),
        *(state | change for change in NOT_OF_STATE),
    ]
    s = {"x": [], "steps": T}
    late = told(Edit("input", "blank", steps=(4, 99)))
    (found, none) = computed([
        {"what": "fitting", "data": data_of(model), "s": s, "edits": [*wrong, good, late]},
        {"what": "fitting", "data": data_of(model), "s": s, "edits": "cut"},
    ])  # fmt: skip
    assert [e["steps"] for e in found] == [[1, 3], [4, 6]]
    assert none == []


def test_the_line_of_python_makes_the_same_edit():
    edits = []
    for seed in range(30):
        rng, model, x = case(seed)
        edits += random_edits(rng, model, len(x))
    (lines,) = computed([{"what": "python", "edits": [told(e) for e in edits]}])
    assert [eval(line, {"Edit": Edit}) for line in lines] == edits
