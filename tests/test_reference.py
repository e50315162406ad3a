"""The reference against the complex step, hand calculations, and the edges the mathematics defines."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import assert_close, limit
from gruvy import reference
from gruvy.convention import PRESETS, Convention
from gruvy.reference import Cell
from native_cases import gradients, whole

CONVENTIONS = [Convention(r, u) for r, u in itertools.product(("before", "after"), ("adds", "keeps"))]


def problem(convention, seed=0, T=5, B=4, I=2, H=3, edges=True):
    rng = np.random.default_rng(seed)
    args = {
        "x": rng.normal(size=(T, B, I)),
        "h": rng.normal(size=(B, H)),
        "W": rng.normal(size=(3 * H, I)),
        "U": rng.normal(size=(3 * H, H)) / np.sqrt(H),
        "b": rng.normal(size=3 * H),
        "c": rng.normal(size=H) if convention.reset == "after" else None,
    }
    options = {}
    if edges:
        options = {
            "lengths": rng.integers(0, T + 1, B),
            "mask": rng.random((T, B)) < 0.8,
            "restarts": rng.random((T, B)) < 0.3,
        }
    dy, dh = rng.normal(size=(T, B, H)), rng.normal(size=(B, H))
    return args, options, dy, dh


def loss(args, options, dy, dh, convention, reverse):
    y, last = reference.forward(**whole(args | options), convention=convention, reverse=reverse)
    return (y * dy).sum() + (last * dh).sum()


def complex_step(args, options, dy, dh, convention, reverse, step=1e-30):
    """The exact derivative of the loss in every number of every argument."""
    gradients = {}
    for name, value in args.items():
        if value is None:
            continue
        gradient = np.empty_like(value)
        for index in np.ndindex(value.shape):
            moved = value.astype(complex)
            moved[index] += 1j * step
            gradient[index] = loss({**args, name: moved}, options, dy, dh, convention, reverse).imag / step
        gradients[name] = gradient
    return gradients


def by_hand(args, options, dy, dh, convention, reverse):
    T, B, _ = args["x"].shape
    gates = np.empty((T, B, convention.gates, args["h"].shape[1]))
    given = {**whole(args | options), "convention": convention, "gates": gates, "reverse": reverse}
    y, _ = reference.forward(**given)
    result = gradients(reference.backward(dy, dh, **given, y=y))
    return {name.removeprefix("d"): value for name, value in result.items() if value is not None}


def worst(actual, expected):
    assert actual.keys() == expected.keys()
    errors = []
    for name, e in expected.items():
        error, size = np.max(np.abs(actual[name] - e)), np.max(np.abs(e))
        errors.append(error / size if size else np.where(error == 0, 0, np.inf))  # a zero must be met exactly
    return np.max(errors)


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("edges", [False, True], ids=["whole", "edges"])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_backward_is_the_complex_step(convention, edges, reverse, seed):
    case = (*problem(convention, seed, edges=edges), convention, reverse)
    assert worst(by_hand(*case), complex_step(*case)) < limit("derivative")


FAULTS = ["swapped gates", "wrong sign", "stale bias", "wrong convention", "nan", "wrong mask"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_complex_step_catches(fault):
    convention = Convention.of("torch")
    args, options, dy, dh = problem(convention, seed=1)
    truth = complex_step(args, options, dy, dh, convention, False)
    wrong = by_hand(args, options, dy, dh, convention, False)
    if fault == "swapped gates":
        wrong["U"] = wrong["U"][[3, 4, 5, 0, 1, 2, 6, 7, 8]]
    elif fault == "wrong sign":
        wrong["c"] = -wrong["c"]
    elif fault == "stale bias":
        wrong = by_hand({**args, "b": args["b"] + 1e-9}, options, dy, dh, convention, False)
    elif fault == "wrong convention":
        wrong = by_hand(args, options, dy, dh, Convention("after", "adds"), False)
    elif fault == "nan":
        wrong["h"] = wrong["h"] * np.nan
    else:
        wrong = by_hand(args, {**options, "mask": ~options["mask"]}, dy, dh, convention, False)
    assert not worst(wrong, truth) < limit("derivative")


def test_the_tutorials_equations_by_hand():
    x, h = 0.3, -0.5
    W_z, U_z, b_z, W_r, U_r, b_r, W_h, U_h, b_h = 0.7, -1.1, 0.2, 1.3, 0.4, -0.6, -0.9, 0.8, 0.1

    def s(a):
        return 1 / (1 + math.exp(-a))

    z = s(W_z * x + U_z * h + b_z)
    r = s(W_r * x + U_r * h + b_r)
    n = math.tanh(W_h * x + U_h * (r * h) + b_h)
    expected = (1 - z) * h + z * n
    one = [np.array([[v]]) if k % 3 < 2 else np.array([v])
           for k, v in enumerate((W_z, U_z, b_z, W_r, U_r, b_r, W_h, U_h, b_h))]  # fmt: skip
    assert_close(reference.tutorial_step(np.array([x]), np.array([h]), *one)[0], expected, "equation")
    W, U, b = np.array([[W_r], [W_z], [W_h]]), np.array([[U_r], [U_z], [U_h]]), np.array([b_r, b_z, b_h])
    for update, z_sign in (("adds", 1), ("keeps", -1)):  # negating the z rows is the same function
        sign = np.array([1, z_sign, 1])
        cell = Cell(W * sign[:, None], U * sign[:, None], b * sign, None)
        new = reference.step(np.array([[x]]), np.array([[h]]), cell, Convention("before", update))
        assert_close(new[0, 0], expected, "equation")


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_clamped_gates(convention):
    """z at its two ends takes the old state or the candidate; r at 0 forgets the old state, at 1 uses all of it."""
    rng = np.random.default_rng(2)
    H = 4
    args, _, _, _ = problem(convention, T=1, H=H, edges=False)
    x, h, b = args["x"][0], args["h"], args["b"]
    W, U = args["W"] * 1, args["U"] * 1
    W[: 2 * H] = U[: 2 * H] = 0  # gates by their bias alone
    c = None if args["c"] is None else rng.normal(size=H)
    W_n, U_n, b_n = W[2 * H :], U[2 * H :], b[2 * H :]
    for r in (0, 1):
        inner = h @ U_n.T + (0 if c is None else c)
        n = np.tanh(x @ W_n.T + b_n + r * inner)
        for z in (0, 1):
            clamp = np.concatenate([np.full(H, 800.0 * (2 * r - 1)), np.full(H, 800.0 * (2 * z - 1)), b_n])
            new = reference.step(x, h, Cell(W, U, clamp, c), convention)
            expected = h if z == (1 if convention.keeps else 0) else n
            assert_close(new, expected, "equation")


def test_sigmoid_where_exp_overflows():
    assert reference.sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


@given(
    T=st.integers(0, 5), B=st.integers(0, 4), I=st.integers(0, 3), H=st.integers(1, 4), seed=st.integers(0, 2**31),
    convention=st.sampled_from(CONVENTIONS), reverse=st.booleans(),
)  # fmt: skip
def test_edges(T, B, I, H, seed, convention, reverse):
    """Invalid steps: states and gradients exactly zero, the state passes; what they hold matters not, be it NaN."""
    args, options, dy, dh = problem(convention, seed, T, B, I, H)
    valid = (np.arange(T)[:, None] < options["lengths"]) & options["mask"]
    poisoned = np.where(valid[..., None], args["x"], np.nan)
    results = []
    for x, g in ((args["x"], dy), (poisoned, np.where(valid[..., None], dy, np.nan))):
        gates = np.full((T, B, convention.gates, H), np.nan)
        a = {**args, "x": x}
        given = {**whole(a | options), "convention": convention, "gates": gates, "reverse": reverse}
        y, last = reference.forward(**given)
        dx, *back = gradients(reference.backward(g, dh, **given, y=y)).values()
        assert not y[~valid].any()
        assert not gates[~valid].any()
        assert not dx[~valid].any()
        results.append([y, last, dx, *(v for v in back if v is not None)])
    for clean, dirty in zip(*results, strict=True):
        np.testing.assert_array_equal(clean, dirty)
    # the state of a row with no valid step and no restart is its initial state
    still = ~valid.any(0) & ~options["restarts"].any(0)
    np.testing.assert_array_equal(results[0][1][still], args["h"][still])


@given(seed=st.integers(0, 2**31), convention=st.sampled_from(CONVENTIONS), cut=st.integers(0, 6))
def test_chunks_and_restarts(seed, convention, cut):
    """Two chunks with the state carried are the whole; a restart makes what follows a sequence of its own."""
    args, _, _, _ = problem(convention, seed, T=6, edges=False)
    x, rest = args["x"], {**args, "convention": convention}
    together, last = reference.forward(**whole(rest))
    a, state = reference.forward(**whole({**rest, "x": x[:cut]}))
    b, end = reference.forward(**whole({**rest, "x": x[cut:], "h": state}))
    np.testing.assert_array_equal(np.concatenate([a, b]), together)
    np.testing.assert_array_equal(end, last)
    restarts = np.zeros((6, 4), bool)
    restarts[cut : cut + 1] = True
    y, _ = reference.forward(**whole({**rest, "restarts": restarts}))
    fresh, _ = reference.forward(**whole({**rest, "x": x[cut:], "h": np.zeros_like(args["h"])}))
    np.testing.assert_array_equal(y, np.concatenate([a, fresh]))


@pytest.mark.parametrize("name", PRESETS)
def test_float32_stays_float32(name):
    args, options, *_ = problem(PRESETS[name])
    single = {n: None if v is None else v.astype(np.float32) for n, v in args.items()}
    y, last = reference.forward(**whole(single | options), convention=PRESETS[name])
    assert y.dtype == last.dtype == np.float32
