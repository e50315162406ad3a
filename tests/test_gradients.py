"""Gradients through time and contributions, against the complex step, finite sums and known products."""

from __future__ import annotations

import numpy as np
import pytest

from compare import assert_apart, assert_close
from gruvy import reference
from gruvy.errors import InputError
from gruvy.inside.contributions import contributions
from gruvy.inside.gradients import Scaled, gradient_norms
from gruvy.reference import Steps
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, irregular, random_weights, small_model

STEP = 1e-30  # of the complex step: Im f(x + i STEP) / STEP has no cancellation, so the step may be this small


def complex_run(w, x, state, options):
    """Top states (B, T, P), final states (B, P), all complex, by the reference alone."""
    lengths, mask, restarts = options.get("lengths"), options.get("mask"), options.get("restarts")
    D = w.directions
    inputs = x.transpose(1, 0, 2)
    for k, layer in enumerate(w.cells):
        ys, lasts = [], []
        for d, cell in enumerate(layer):
            cuts = None if restarts is None else restarts.T
            if d and cuts is not None:
                cuts = np.concatenate([cuts[1:], np.zeros_like(cuts[:1])])
            steps = Steps(lengths, None if mask is None else mask.T, cuts)
            y, last = reference.forward(inputs, state[k * D + d], cell, w.convention, steps, reverse=d == 1)
            ys.append(y)
            lasts.append(last)
        inputs = np.concatenate(ys, axis=-1)
    return inputs.transpose(1, 0, 2), np.concatenate(lasts, axis=-1)


def state_jacobian_norm(w, x, lag):
    """||dh_T / dh_{T-lag}|| of a one-layer net by the complex step."""
    H, T = w.hidden_units, len(x)
    h = np.zeros((1, H))
    if lag < T:
        _, h = reference.forward(x[: T - lag, None], h, w.cells[0][0], w.convention)
    columns = []
    for i in range(H):
        moved = h.astype(complex)
        moved[0, i] += 1j * STEP
        _, last = reference.forward(x[T - lag :, None], moved, w.cells[0][0], w.convention)
        columns.append(last[0].imag / STEP)
    # scaled, because squares of 1e-200 would vanish
    size = np.abs(columns).max()
    return np.log10(np.linalg.norm(np.array(columns) / size)) + np.log10(size)


@pytest.mark.parametrize("size", [0.4, 1.0], ids=["vanishing", "lively"])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_state_gradients_agree_with_the_complex_step_at_every_lag(convention, size):
    rng = np.random.default_rng(10)
    w = random_weights(rng, convention, H=5, size=size)
    x = rng.normal(size=(100, 3))
    found = gradient_norms(w, x[None]).state[0, 0]
    assert found.shape == (101,)
    for lag in (0, 1, 2, 17, 60, 100):
        assert_close(10 ** (found[lag] - state_jacobian_norm(w, x, lag)), 1, "norm", f"lag {lag}")


def test_the_comparison_with_the_complex_step_fails_on_planted_faults():
    rng = np.random.default_rng(10)
    w = random_weights(rng, CONVENTIONS[0], H=5)
    x = rng.normal(size=(20, 3))
    W, U, b, c = w.cells[0][0]
    swapped = Cell(np.roll(W, 5, 0), U, b, c)
    stale = Cell(W, U, b + 1e-9, c)
    faults = [(CONVENTIONS[1], w.cells), (w.convention, [[swapped]]), (w.convention, [[stale]])]
    for fault in (Weights(*arguments) for arguments in faults):
        found = gradient_norms(fault, x[None]).state[0, 0, 17]
        assert_apart(10 ** (found - state_jacobian_norm(w, x, 17)), 1, "norm")


def test_far_below_the_smallest_float():
    # z = σ(b) = .9 a step: the state's share after k steps is .1^k, exactly known
    b = np.array([0.0, np.log(9), 0.0])
    w = Weights("tutorial", [[Cell(np.zeros((3, 1)), np.zeros((3, 1)), b, None)]])
    found = gradient_norms(w, np.zeros((1, 1000, 1))).state[0, 0]
    assert_close(found, -np.arange(1001.0), "norm")


def test_a_restart_is_exactly_zero_and_short_sequences_end():
    w = random_weights(np.random.default_rng(11), CONVENTIONS[0])
    restarts = np.zeros((2, 6), bool)
    restarts[0, 3] = True
    g = gradient_norms(w, np.ones((2, 6, 3)), lengths=[6, 4], restarts=restarts)
    assert np.isfinite(g.state[0, 0, :3]).all()
    assert (g.state[0, 0, 3:] == -np.inf).all()
    assert np.isfinite(g.state[0, 1, :5]).all()
    assert np.isnan(g.state[0, 1, 5:]).all()
    assert np.isfinite(g.input[0, :3]).all()
    assert (g.input[0, 3:] == -np.inf).all()
    assert np.isnan(g.input[1, 4:]).all()


def parts_for(rng, w, pooling):
    P = w.hidden_units * w.directions
    return small_model(
        w, rng.normal(size=(2, P)), rng.normal(size=2), pooling, "classify", rng.normal(size=3), np.array([0.5, 2, 3])
    )


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 1), (2, 2)])
def test_input_gradients_agree_with_the_complex_step(layers, directions, convention, pooling):
    rng = np.random.default_rng(12)
    w = random_weights(rng, convention, layers=layers, directions=directions)
    parts = parts_for(rng, w, pooling)
    x, options, valid = irregular(rng)
    state = rng.normal(size=(layers * directions, 3, 4))
    g = gradient_norms(parts, x, state=state, **options)
    clean = (np.where(valid[..., None], x, 0) - parts.scaler.mean) / parts.scaler.scale
    hidden, _ = complex_run(w, clean, state, options)
    counted = valid.copy()
    counted[0, :5] = False  # pooling looks at what no restart follows
    best = np.where(counted[..., None], hidden.real, -np.inf).argmax(1)  # where max pooling takes each unit from

    def outputs(seen):
        top, last = complex_run(w, seen, state, options)
        if pooling == "mean":
            last = (top * counted[..., None]).sum(1) / np.maximum(counted.sum(1), 1)[:, None]
        if pooling == "max":
            last = np.take_along_axis(top, best[:, None], 1)[:, 0] * counted.any(1)[:, None]
        return last @ parts.V.T

    for b in range(3):
        steps = np.flatnonzero(valid[b])[::-1]
        assert np.isnan(g.input[b, len(steps) :]).all()
        for lag, s in enumerate(steps):
            J = []
            for i in range(3):
                moved = clean.astype(complex)
                moved[b, s, i] += 1j * STEP / parts.scaler.scale[i]
                J.append(outputs(moved)[b].imag / STEP)
            expected = np.linalg.norm(J)
            if expected == 0:
                assert g.input[b, lag] == -np.inf
            else:
                assert_close(10 ** (g.input[b, lag] - np.log10(expected)), 1, "norm")


def test_gradients_below_the_smallest_float_agree_with_forty_digits():
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(13)
    W, U, b = rng.normal(size=(3, 1)), rng.normal(size=(3, 1)), np.array([0.3, 12.0, -0.2])
    x = rng.normal(size=(101, 1))
    g = gradient_norms(Weights("tutorial", [[Cell(W, U, b, None)]]), x[None])
    with mpmath.workdps(40):
        exact = ([mpmath.mpf(float(v)) for v in a.ravel()] for a in (W, U, b))
        (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n) = exact
        h, dx, dh = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(1)  # derivatives by x_0 and by h_0, forward
        for s, value in enumerate(x[:, 0]):
            v = mpmath.mpf(float(value))
            r, z = (1 / (1 + mpmath.exp(-(w * v + u * h + c))) for w, u, c in ((w_r, u_r, b_r), (w_z, u_z, b_z)))
            n = mpmath.tanh(w_n * v + u_n * r * h + b_n)

            def new(d, one, h=h, r=r, z=z, n=n):  # the derivative of the new state from those of the old and of x
                dr, dz = r * (1 - r) * (w_r * one + u_r * d), z * (1 - z) * (w_z * one + u_z * d)
                dn = (1 - n**2) * (w_n * one + u_n * (dr * h + r * d))
                return (1 - z) * d + z * dn + dz * (n - h)

            dx, dh = new(dx, 1 if s == 0 else 0), new(dh, 0)
            h = (1 - z) * h + z * n
        expected = [float(mpmath.log10(abs(d))) for d in (dx, dh)]
    assert expected[0] < -40
    assert_close(np.array([g.input[0, 100], g.state[0, 0, 101]]), expected, "norm")


def test_scaled_numbers_add_across_magnitudes():
    a = Scaled.of(np.array([[[3.0]], [[0.0]]]), np.array([-4000, 0]))
    b = Scaled.of(np.array([[[5.0]], [[2.0]]]), np.array([-4001, -4000]))
    total = a.plus(b)
    np.testing.assert_array_equal(np.ldexp(total.m, (total.e + 4000)[:, None, None].astype(int)), [[[5.5]], [[2.0]]])
    assert Scaled.of(np.zeros((1, 2, 2))).log_norm() == -np.inf


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (2, 2)])
def test_contributions_add_up(layers, directions, pooling):
    rng = np.random.default_rng(14)
    w = random_weights(rng, CONVENTIONS[1], layers=layers, directions=directions, size=0.5)
    parts = parts_for(rng, w, pooling)
    x, options, valid = irregular(rng)
    c = contributions(parts, x, target=np.array([0, 1, 1]), tolerance=1e-6, **options)
    assert_close(c.values.sum((1, 2)), c.output - c.base, "integral")
    assert (c.values[~valid] == 0).all()
    assert_close(c.gap, c.output - c.base - c.values.sum((1, 2)), "difference")
    # the output really is the model's
    seen = (np.where(valid[..., None], x, 0) - parts.scaler.mean) / parts.scaler.scale
    _, last = complex_run(w, seen, np.zeros((layers * directions, 3, 4)), options)
    if pooling == "last":
        expected = (last @ parts.V.T + parts.b_y)[[0, 1, 2], [0, 1, 1]]
        assert_close(c.output, expected, "same")


def test_contributions_of_a_nearly_linear_net_are_its_terms():
    # r = z = 1 and a tiny weight: h_t = tanh(w x_t), so each output reads only the last step: contribution w x_last
    b = np.array([50.0, 50.0, 0.0])
    w = Weights("tutorial", [[Cell(np.array([[0.0, 0], [0, 0], [1e-5, 2e-5]]), np.zeros((3, 3))[:, :1], b, None)]])
    c = contributions(w, np.array([[[9.0, 9.0], [1.0, 1.0]]]))
    assert_close(c.values[0], [[0, 0], [1e-5, 2e-5]], "linear")


@pytest.mark.parametrize("engine", ["reference", None])
def test_contributions_of_a_float32_net_are_in_float64(engine):
    rng = np.random.default_rng(16)
    w = random_weights(rng, CONVENTIONS[3], layers=2, directions=2).astype(np.float32)
    x = rng.normal(size=(2, 5, 3)).astype(np.float32)
    found = contributions(w, x, target=1, tolerance=1e-8, engine=engine)
    expected = contributions(w.astype(np.float64), x.astype(np.float64), target=1, tolerance=1e-8, engine="reference")
    assert_close(found.values, expected.values, "same")
    assert found.values.dtype == np.float64


def test_contributions_choose_the_highest_output_and_name_what_is_wrong():
    rng = np.random.default_rng(15)
    parts = parts_for(rng, random_weights(rng, CONVENTIONS[0]), "last")
    x = rng.normal(size=(4, 5, 3))
    c = contributions(parts, x)
    both = [contributions(parts, x, target=k).output for k in (0, 1)]
    np.testing.assert_array_equal(c.target, np.argmax(both, axis=0))
    assert not contributions(parts, x, baseline=x).values.any()
    for options, text in [
        ({"target": 2}, "target: 2, expected 0 to 1, the outputs there are"),
        ({"target": [0]}, "target: shape (1,), dtype int64; expected a whole number, or (4,) of them"),
        ({"baseline": np.zeros((5, 3))}, "baseline: shape (5, 3), expected (3,) or (4, 5, 3)"),
    ]:
        with pytest.raises(InputError) as error:
            contributions(parts, x, **options)
        assert str(error.value) == text
