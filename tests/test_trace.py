"""The trace: the engine's own numbers, in the shapes promised, and what is computed from them."""

from __future__ import annotations

import numpy as np
import pytest

from compare import assert_apart, assert_close
from gruvy.engines import native
from gruvy.engines.stack import run
from gruvy.errors import InputError, InputTypeError
from gruvy.inside.trace import trace
from gruvy.reference import sigmoid, step
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, irregular, random_weights


def equation(t):
    """The state equation in the traced gates, in the reference's order of operations."""
    h, z, n = t.previous(), t.update, t.candidate
    return np.where(t.valid[None, :, :, None], (1 - z) * n + z * h if t.convention.keeps else (1 - z) * h + z * n, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_the_state_equation_gives_the_traced_state_to_the_last_place(convention, dtype):
    rng = np.random.default_rng(1)
    w = random_weights(rng, convention, layers=2, directions=2, dtype=dtype)
    x, options, valid = irregular(rng)
    state = rng.normal(size=(4, 3, 4))
    t = trace(w, x, state=state, engine="reference", **options)
    assert t.state.dtype == dtype
    np.testing.assert_array_equal(equation(t), t.state)  # bit for bit on the reference
    np.testing.assert_array_equal(t.valid, valid)
    whole = run(w, x, state, engine="reference", **options)
    np.testing.assert_array_equal(np.concatenate(list(t.state[2:]), axis=-1), whole.hidden)
    for a in (t.update, t.reset, t.candidate, t.state, t.keep, t.previous()):
        assert a.shape == (4, 3, 9, 4)
        assert np.all(a[:, ~valid] == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_the_native_engines_state_too(convention, dtype):
    if not native.available()[0]:
        pytest.skip("needs the native core")
    rng = np.random.default_rng(6)
    w = random_weights(rng, convention, H=19, layers=2, directions=2, dtype=dtype)
    x, options, _ = irregular(rng)
    t = trace(w, x, engine="native", **options)
    # The engine's own order: the old state (or the candidate) plus the gate times the difference, rounded once.
    h, z, n = (a.astype(np.longdouble) for a in (t.previous(), t.update, t.candidate))
    difference = (t.previous() - t.candidate if convention.keeps else t.candidate - t.previous()).astype(np.longdouble)
    expected = np.where(t.valid[None, :, :, None], (n if convention.keeps else h) + z * difference, 0).astype(dtype)
    place = np.spacing(np.maximum(np.abs(t.candidate if convention.keeps else t.previous()), np.abs(t.state)))
    assert_close((t.state - expected) / place, np.zeros_like(expected), "places")
    whole = run(w, x, engine="native", **options)
    np.testing.assert_array_equal(np.concatenate(list(t.state[2:]), axis=-1), whole.hidden)


def test_the_comparison_fails_on_planted_faults():
    rng = np.random.default_rng(2)
    t = trace(random_weights(rng, CONVENTIONS[0]), rng.normal(size=(2, 5, 3)), engine="reference")
    for fault in (
        t._replace(update=t.reset),
        t._replace(convention=CONVENTIONS[1]),
        t._replace(initial=t.initial + 1e-9),
        t._replace(candidate=np.nextafter(t.candidate, 9)),
    ):
        assert not np.array_equal(equation(fault), t.state)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_gates_are_the_equations_gates(convention):
    rng = np.random.default_rng(3)
    w = random_weights(rng, convention)
    W, U, b, _ = w.cells[0][0]
    x = rng.normal(size=(2, 6, 3))
    t = trace(w, x, engine="reference")
    h = np.zeros((2, 4))
    for s in range(6):
        r, z = (sigmoid(x[:, s] @ W[k : k + 4].T + h @ U[k : k + 4].T + b[k : k + 4]) for k in (0, 4))
        assert_close(t.reset[0, :, s], r, "equation")
        assert_close(t.update[0, :, s], z, "equation")
        assert_close(t.keep[0, :, s], z if convention.keeps else 1 - z, "equation")
        h = step(x[:, s], h, w.cells[0][0], convention)
        assert_close(t.state[0, :, s], h, "equation")


def test_time_scale_of_a_unit_that_decays_at_a_known_rate():
    # z = σ(b): with b = -log(e^{1/τ} - 1) inverted so that 1 - z = e^{-1/τ}
    taus = np.array([0.5, 3.0, 200.0])
    z = 1 - np.exp(-1 / taus)
    b = np.concatenate([np.zeros(3), np.log(z / (1 - z)), np.zeros(3)])
    w = Weights("tutorial", [[Cell(np.zeros((9, 1)), np.zeros((9, 3)), b, None)]])
    x = np.zeros((1, 500, 1))
    state = np.ones((1, 1, 3))
    t = trace(w, x, state=state)
    assert_close(t.time_scales()[0], taus, "time-scale")
    # after τ steps the state really is 1/e of what it was
    assert_close(t.state[0, 0, [2, 199], [1, 2]], [np.exp(-1)] * 2, "time-scale")
    kept = trace(w.convert("onnx"), x, state=state)
    assert_close(kept.time_scales()[0], taus, "time-scale")


def test_time_scales_at_the_ends():
    b = np.array([0, 0, 800.0, -800.0, 0, 0])
    w = Weights("tutorial", [[Cell(np.zeros((6, 1)), np.zeros((6, 2)), b, None)]])
    x = np.zeros((1, 4, 1))
    np.testing.assert_array_equal(trace(w, x, engine="reference").time_scales(), [[0, np.inf]])
    assert np.isnan(trace(w, x, lengths=[0]).time_scales()).all()
    assert np.isnan(trace(w, x[:, :0]).saturation().update_low).all()


def test_saturation_counts_the_steps_that_count():
    b = np.array([-3.0, 0, 3, -3])
    w = Weights("tutorial", [[Cell(np.zeros((6, 1)), np.zeros((6, 2)), np.concatenate([b, [0, 0]]), None)]])
    s = trace(w, np.zeros((2, 3, 1)), lengths=[3, 1]).saturation()
    assert [a.tolist() for a in s] == [[[0, 1]], [[1, 0]], [[1, 0]], [[0, 0]]]
    with pytest.raises(InputError) as error:
        trace(w, np.zeros((2, 3, 1))).saturation(0.9, 0.1)
    assert str(error.value) == "low, high: 0.9, 0.1; expected 0 <= low <= high <= 1"


def test_a_torch_module_and_a_list_of_sequences():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.GRU(3, 5, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    rng = np.random.default_rng(4)
    x = [rng.normal(size=(n, 3)) for n in (4, 7)]
    t = trace(module, x)
    for b, s in enumerate(x):
        out, _ = module(torch.tensor(s)[None])
        found = np.concatenate([t.state[2, b, : len(s)], t.state[3, b, : len(s)]], axis=-1)
        assert_close(found, out[0], "same")


def test_a_networks_own_trace_starts_where_the_network_does():
    torch = pytest.importorskip("torch")
    import gruvy

    torch.manual_seed(0)
    net = gruvy.GRU(3, 5, 2, layers=2, dtype=torch.float64)
    x, state = torch.randn(4, 6, 3, dtype=torch.float64), torch.randn(2, 4, 5, dtype=torch.float64)
    t = net.trace(x, state=state)
    np.testing.assert_array_equal(t.previous()[:, :, 0], state.numpy())
    assert_close(t.state[1], net(x, state=state).hidden, "same")
    assert_apart(t.state, net.trace(x).state, "another")


def test_bad_input_is_named():
    w = random_weights(np.random.default_rng(5), CONVENTIONS[0])
    cases = [
        (lambda: trace(w, np.zeros((2, 3, 4))), "x: shape (2, 3, 4), expected (batch, time, 3) or a list of (time, 3)"),
        (lambda: trace(w, [np.zeros((2, 3)), np.zeros((2, 4))]), "x[1]: shape (2, 4), expected (time, 3)"),
        (
            lambda: trace(w, [np.zeros((2, 3)), np.zeros((1, 3))], lengths=[2, 1]),
            "lengths: given, but a list of sequences has its own; expected None",
        ),
        (
            lambda: trace(w, np.zeros((2, 3, 3)), state=np.zeros((1, 3, 4))),
            "state: shape (1, 3, 4), expected (layers * directions, batch, hidden units) = (1, 2, 4)",
        ),
        (
            lambda: trace(object(), np.zeros((2, 3, 3))),
            "model: object, expected gruvy.Weights, a GRU of gruvy or torch, a fitted estimator or a loaded model",
        ),
    ]
    for call, text in cases:
        with pytest.raises((InputError, InputTypeError)) as error:
            call()
        assert str(error.value) == text
