"""What if: an edited run against the equations written out again, one sequence and one unit at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gruvy
from compare import assert_apart, assert_close
from edit_cases import WHERE, by_hand, random_case, random_edits
from gruvy.errors import InputError, InputTypeError
from gruvy.inside import read_out, trace
from gruvy.inside.edits import Edit
from gruvy.inside.noise import normal
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, irregular, random_weights, small_model


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_no_edits_are_the_reference_to_the_bit(convention):
    rng = np.random.default_rng(1)
    w = random_weights(rng, convention, layers=2, directions=2, dtype=np.float32)
    x, options, _ = irregular(rng)
    plain, edited = trace(w.astype(np.float64), x, engine="reference", **options), trace(w, x, edits=[], **options)
    for name in ("update", "reset", "candidate", "state", "valid"):
        np.testing.assert_array_equal(getattr(edited, name), getattr(plain, name), name)
    assert edited.state.dtype == np.float64


@pytest.mark.parametrize("seed", range(40))
def test_edits_do_what_the_equations_written_out_say(seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    model, X, options = random_case(rng)
    edits = random_edits(rng, model, X.shape[1])
    found = trace(model, X, edits=edits, **options)
    told = read_out(model, found)
    for b in range(len(X)):
        lone = by_hand(model, X[b], edits, **{k: v[b] for k, v in options.items()})
        for name in WHERE:
            assert_close(getattr(found, name)[:, b], lone[name], "same", f"{name} of {edits}")
        assert_close(told.final[b], lone["final"], "same", "final")
        if told.steps is not None:
            assert_close(told.steps[b], lone["steps"], "same", "steps")
        np.testing.assert_array_equal(found.valid[b], lone["valid"])


@pytest.mark.parametrize("fault", ["late", "backward", "order", "unscaled", "gate"])
def test_the_comparison_fails_on_planted_faults(fault):
    rng = np.random.default_rng(5)
    w = random_weights(rng, CONVENTIONS[0], directions=2)
    model = small_model(w, shift=np.array([1.0, 2, 3]), scale=np.array([2.0, 2, 2]))
    x = rng.normal(size=(7, 3))
    edits = [
        Edit("input", "set", 1.0, steps=(1, 3)),
        Edit("state", "set", 0.9, steps=(2, 4), units=1),
        Edit("state", "scale", 0.5, steps=(3, 5)),
        Edit("reset", "set", 0.1, steps=6),
    ]
    found = trace(model, x[None], edits=edits)
    assert_close(found.state[:, 0], by_hand(model, x, edits)["state"], "same")
    assert_apart(found.state[:, 0], by_hand(model, x, edits, fault=fault)["state"], "same")


def one_unit(keeps=False):
    """z = 1/2 whatever comes; the candidate is tanh(x)."""
    W, zero = np.array([[0.0], [0.0], [1.0]]), np.zeros((3, 1))
    return Weights(gruvy.Convention("before", "keeps" if keeps else "adds"), [[Cell(W, zero, None, None)]])


def test_what_a_hand_calculation_says():
    w, x, n = one_unit(), np.array([[[1.0], [1.0], [1.0], [1.0]]]), math.tanh(1)
    plain = [n / 2, n * 3 / 4, n * 7 / 8, n * 15 / 16]

    def state(*edits):
        return trace(w, x, edits=list(edits)).state[0, 0, :, 0].tolist()

    assert_close(state(), plain, "equation")
    assert_close(state(Edit("state", "set", 0.0, steps=1)), [n / 2, 0, n / 2, n * 3 / 4], "equation")
    assert_close(state(Edit("update", "set", 0.0, steps=(1, 3))), [n / 2, n / 2, n / 2, n * 3 / 4], "equation")
    assert_close(state(Edit("update", "set", 1.0, steps=(1, 3))), [n / 2, n, n, n], "equation")
    assert_close(state(Edit("candidate", "scale", 2.0, steps=0)), [n, n, n, n], "equation")
    assert_close(state(Edit("input", "blank", steps=(1, 4))), [n / 2, n / 4, n / 8, n / 16], "equation")
    assert_close(state(Edit("input", "cut", steps=(1, 3))), [n / 2, 0, 0, n * 3 / 4], "equation")
    twice = [Edit("state", "add", 1.0, steps=0), Edit("state", "scale", 2.0, steps=0)]
    assert_close(state(*twice)[:1], [n + 2], "equation")
    assert_close(state(*twice[::-1])[:1], [n + 1], "equation")
    # the gate is the net's own: in a net where it keeps, 0 takes the candidate
    kept = trace(one_unit(keeps=True), x, edits=[Edit("update", "set", 0.0)])
    assert_close(kept.state[0, 0, :, 0], np.full(4, n), "equation")


def test_the_input_as_it_is_after_each_edit():
    """With z = 1 and the candidate tanh(x) the state is the input itself."""
    w, x = one_unit(), np.arange(1.0, 9) / 10

    def seen(*edits, length=8):
        t = trace(w, x[None, :, None], edits=[Edit("update", "set", 1.0), *edits], lengths=np.array([length]))
        return np.arctanh(t.state[0, 0, :, 0]).round(9).tolist()

    def edit(action, value=None, steps=(2, 4), **more):
        return Edit("input", action, value, steps=steps, **more)

    assert seen(edit("repeat")) == [0.1, 0.2, 0.3, 0.4, 0.3, 0.4, 0.7, 0.8]
    assert seen(edit("repeat", 5)) == [0.1, 0.2, 0.3, 0.4, 0.3, 0.4, 0.3, 0.4]
    assert seen(edit("repeat", 5), length=5) == [0.1, 0.2, 0.3, 0.4, 0.3, 0, 0, 0]
    assert seen(edit("shift", 1)) == [0.1, 0.2, 0, 0.3, 0.4, 0.6, 0.7, 0.8]
    assert seen(edit("shift", 3)) == [0.1, 0.2, 0, 0, 0.5, 0.3, 0.4, 0.8]
    assert seen(edit("shift", -3)) == [0.4, 0.2, 0, 0, 0.5, 0.6, 0.7, 0.8]
    assert seen(edit("shift", 99)) == [0.1, 0.2, 0, 0, 0.5, 0.6, 0.7, 0.8]
    assert seen(edit("set", [[1.0], [2.0]])) == [0.1, 0.2, 1, 2, 0.5, 0.6, 0.7, 0.8]
    assert seen(edit("add", 1.0), edit("scale", 2.0, steps=3)) == [0.1, 0.2, 1.3, 2.8, 0.5, 0.6, 0.7, 0.8]
    assert seen(edit("repeat"), edit("shift", -1, steps=(5, 8))) == [0.1, 0.2, 0.3, 0.4, 0.4, 0.7, 0.8, 0]


def test_cut_steps_are_as_if_the_sequence_were_shorter():
    rng = np.random.default_rng(7)
    w = random_weights(rng, CONVENTIONS[3], layers=2, directions=2)
    x = rng.normal(size=(1, 9, 3))
    cut, short = trace(w, x, edits=[Edit("input", "cut", steps=(3, 6))]), trace(w, np.delete(x, [3, 4, 5], axis=1))
    np.testing.assert_array_equal(
        np.delete(cut.state, [3, 4, 5], axis=2), trace(w, np.delete(x, [3, 4, 5], axis=1), edits=[]).state
    )
    assert_close(cut.final(), short.final(), "engine")
    for pooling in ("last", "mean", "max"):
        model = small_model(w, rng.normal(size=(2, 8)), rng.normal(size=2), pooling, "classify", classes=(0, 1))
        told = read_out(model, trace(model, x, edits=[Edit("input", "cut", steps=(3, 6))]))
        assert_close(told.final, model.predict_proba(np.delete(x, [3, 4, 5], axis=1)), "engine")


@pytest.mark.parametrize("kind", ["classify", "regress", "tag"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_answers_without_edits_are_the_models(kind, pooling):
    rng = np.random.default_rng(8)
    w = random_weights(rng, CONVENTIONS[1], layers=2)
    V, b_y = rng.normal(size=(3, 4)), rng.normal(size=3)
    own = {"y_shift": np.array([1.0, 2, 3]), "y_scale": np.array([2.0, 3, 4])} if kind == "regress" else {}
    model = small_model(w, V, b_y, "last" if kind == "tag" else pooling, kind, classes=("a", "b", "c"), **own)
    X = [rng.normal(size=(n, 3)) for n in (7, 4)]
    told = read_out(model, trace(model, X))
    ask = model.predict if kind == "regress" else model.predict_proba
    if kind == "tag":
        for steps, expected in zip(told.steps, ask(X), strict=True):
            assert_close(steps[: len(expected)], expected, "engine")
        return
    assert_close(told.final, ask(X), "engine")
    for t in range(1, 8):  # if it ended at each step
        assert_close(told.steps[:1, t - 1], ask([X[0][:t]]), "engine")
    assert np.all(told.steps[1, 4:] == 0)


def test_the_numbers_of_noise():
    a = normal(3, np.arange(400)[:, None], np.arange(50))
    assert_close(a[7:9, 3], normal(3, np.arange(7, 9), 3), "exact")  # its place alone
    scale = 1 / math.sqrt(a.size)
    assert abs(a.mean()) < 4 * scale
    assert abs((a**2).mean() - 1) < 4 * math.sqrt(2) * scale
    assert abs((a**4).mean() - 3) < 4 * math.sqrt(96) * scale
    for other in (
        a[1:, :-1] * a[:-1, 1:],
        a[1:] * a[:-1],
        a[:, 1:] * a[:, :-1],
        a * normal(4, np.arange(400)[:, None], np.arange(50)),
    ):
        assert abs(other.mean()) < 4 / math.sqrt(other.size)
    # by hand: the mixing of 1 and of 2**32 - 1, as MurmurHash3's own tables have them
    from gruvy.inside.noise import mixed

    assert mixed(np.array([0, 1, 2**32 - 1])).tolist() == [0, 0x514E28B7, 0x81F16F39]


def test_an_edit_is_a_value():
    e = Edit("input", "set", np.array([[1.0], [2.0]]), steps=(np.int64(2), 4), units=np.array([1]), name="louder")
    assert e == eval(repr(e))
    assert hash(e) == hash(Edit("input", "set", [[1, 2][:1], [2.0]], steps=(2, 4), units=[1], name="louder"))
    assert repr(e) == "Edit('input', 'set', ((1.0,), (2.0,)), steps=(2, 4), units=(1,), name='louder')"


WRONG = [
    ({"target": "h"}, "target='h': expected 'input', 'update', 'reset', 'candidate', 'state'"),
    ({"action": "blank"}, "action='blank': expected 'set', 'scale', 'add'"),
    ({"value": None}, "value: None, expected a finite number or numbers, (units,) or (steps, units)"),
    ({"value": np.inf}, "value: inf, expected a finite number or numbers, (units,) or (steps, units)"),
    ({"value": "a"}, "value: 'a', expected a finite number or numbers, (units,) or (steps, units)"),
    ({"steps": (3, 3)}, "steps: (3, 3), expected the first and the one after the last, which is larger"),
    ({"steps": -1}, "steps: -1, expected 0 or more"),
    ({"steps": "a"}, "steps: 'a', expected a step, or the first and the one after the last"),
    ({"steps": (0, 1.5)}, "steps: 1.5, expected a whole number"),
    ({"units": [1, 1]}, "units: [1, 1], expected at least one, and each once"),
    ({"layer": True}, "layer: True, expected a whole number"),
    ({"direction": 1}, "direction=1: expected 'forward', 'backward'"),
    ({"seed": 2**32}, "seed: 4294967296, expected 0 to 4294967295"),
    ({"target": "input", "layer": 0}, "layer, direction: given, but the input has none; expected None"),
    ({"target": "input", "action": "cut"}, "value: 0.0, but cut takes none; expected None"),
    (
        {"target": "input", "action": "cut", "value": None, "units": 1},
        "units: (1,), but a step is cut whole; expected None",
    ),
    ({"target": "input", "action": "repeat"}, "value: 0.0, expected a whole number of times, at least 1"),
    ({"target": "input", "action": "shift", "value": 0.5}, "value: 0.5, expected a whole number of steps"),
    ({"target": "input", "action": "noise", "value": -1}, "value: -1, expected a standard deviation of at least 0"),
]


@pytest.mark.parametrize(("given", "text"), WRONG)
def test_a_wrong_edit_says_so(given, text):
    fields = {"target": "state", "action": "set", "value": 0.0} | given
    with pytest.raises((InputError, InputTypeError)) as raised:
        Edit(fields.pop("target"), fields.pop("action"), fields.pop("value"), **fields)
    assert str(raised.value) == text


UNFIT = [
    ([Edit("state", "set", 0, steps=(2, 9))], "edits[0].steps: (2, 9), expected within 0 to 5, the steps there are"),
    ([Edit("state", "set", 0, units=4)], "edits[0].units: 4, expected 0 to 3, the units there are"),
    ([Edit("input", "set", 0, units=3)], "edits[0].units: 3, expected 0 to 2, the channels there are"),
    ([Edit("state", "set", 0, layer=1)], "edits[0].layer: 1, expected 0 to 0"),
    ([Edit("state", "set", 0, direction="backward")], "edits[0].direction: 'backward', but the net has one direction"),
    (
        [Edit("state", "set", [1, 2, 3])],
        "edits[0].value: shape (3,), expected a number or what fits (steps, units) = (5, 4)",
    ),
    (["cut"], "edits: ['cut'], expected a list of gruvy.Edit"),
    (Edit("state", "set", 0), "edits: Edit('state', 'set', 0.0), expected a list of gruvy.Edit"),
]


@pytest.mark.parametrize(("edits", "text"), UNFIT)
def test_an_edit_that_does_not_fit_the_net_says_so(edits, text):
    w = random_weights(np.random.default_rng(9), CONVENTIONS[0])
    with pytest.raises((InputError, InputTypeError)) as raised:
        trace(w, np.zeros((1, 5, 3)), edits=edits)
    assert str(raised.value) == text


def test_a_forced_engine_is_not_replaced_in_silence():
    w = random_weights(np.random.default_rng(9), CONVENTIONS[0])
    with pytest.raises(InputError, match='expected "reference" or None'):
        trace(w, np.zeros((1, 5, 3)), edits=[], engine="native")


def test_a_network_too():
    net = gruvy.GRU(3, 4, 2)
    x = np.random.default_rng(10).normal(size=(2, 5, 3)).astype(np.float32)
    edits = [gruvy.Edit("state", "set", 0.5, units=(1, 2), steps=3)]
    assert_close(net.trace(x, edits=edits).state, trace(net, x, edits=edits).state, "exact")
    assert np.all(net.trace(x, edits=edits).state[0, :, 3, 1:3] == 0.5)
