"""The lab's tasks against their definitions, its nets against what they are said to be, its Jacobians against torch."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gruvy  # noqa: E402
from compare import assert_close  # noqa: E402
from gruvy.data import adding  # noqa: E402
from gruvy.lab import equal_size, fit, tasks  # noqa: E402
from gruvy.lab.cells import log_norms, step_of  # noqa: E402
from gruvy.lab.nets import KINDS, Net, parameters  # noqa: E402


@pytest.mark.parametrize("lag", [10, 20, 100])
def test_adding_is_the_librarys(lag):
    rng = np.random.default_rng(lag)
    for _ in range(20):
        x, target = tasks.draw_adding(rng, 64, lag)
        assert x.shape == (64, lag, 2)
        assert x[..., 0].min() >= 0
        assert x[..., 0].max() < 1
        marked = x[..., 1] == 1
        np.testing.assert_array_equal(marked.sum(1), 2)
        at = np.stack([np.flatnonzero(row) for row in marked])
        assert at[:, 0].max() < lag // 2
        assert at[:, 1].min() >= lag // 2
        numbers = np.take_along_axis(x[..., 0], at, axis=1)
        assert_close(target, numbers.sum(1), "rounded")
        assert set(np.unique(x[..., 1][~marked])) == {0.0}
    seed = int(np.random.default_rng(lag).integers(2**31))
    x, target = tasks.draw_adding(np.random.default_rng(lag), 64, lag)
    same = adding(64, lag, seed)
    np.testing.assert_array_equal(x, same.x)
    np.testing.assert_array_equal(target, same.y)


def test_adding_has_the_variance_that_its_guess_is_scored_with():
    _, target = tasks.draw_adding(np.random.default_rng(0), 200_000, 10)
    # Two numbers uniform in 0..1, of variance 1/12 each.
    assert_close(target.astype(np.float64).var(), 1 / 6, "variance of 200,000")
    told = tasks.ADDING.asked.encode(target)
    assert_close(told.astype(np.float64).var(), tasks.ADDING.guess, "variance of 200,000")
    assert_close(told.mean(), 0.0, "mean of 200,000")


@pytest.mark.parametrize("lag", [10, 100])
def test_temporal_order_is_what_was_published(lag):
    x, y = tasks.draw_order(np.random.default_rng(1), 500, lag)
    symbols = x.argmax(2)
    np.testing.assert_array_equal(x.sum(2), 1)
    np.testing.assert_array_equal(symbols[:, 0], 0)
    np.testing.assert_array_equal(symbols[:, -1], 1)
    relevant = symbols >= 6
    np.testing.assert_array_equal(relevant.sum(1), 2)
    at = np.stack([np.flatnonzero(row) for row in relevant])
    assert lag // 10 <= at[:, 0].min()
    assert at[:, 0].max() <= 2 * lag // 10
    assert 5 * lag // 10 <= at[:, 1].min()
    assert at[:, 1].max() <= 6 * lag // 10
    first, second = (np.take_along_axis(symbols, at[:, k : k + 1], 1)[:, 0] - 6 for k in (0, 1))
    np.testing.assert_array_equal(y, 2 * first + second)
    assert set(y) == {0, 1, 2, 3}


def test_copy_is_what_was_published():
    x, y = tasks.copy_task(10).draw(np.random.default_rng(2), 50, 30)
    assert x.shape == (50, 30 + 20, 10)
    symbols = x.argmax(2)
    np.testing.assert_array_equal(symbols[:, :10], y)
    np.testing.assert_array_equal(symbols[:, 10:39], 8)
    np.testing.assert_array_equal(symbols[:, 39], 9)
    np.testing.assert_array_equal(symbols[:, 40:], 8)
    assert y.max() == 7


@pytest.mark.parametrize(("task", "where"), [(tasks.CLUE_EARLY, slice(0, 4)), (tasks.CLUE_LATE, slice(36, 40))])
def test_the_clue_is_shown_once_and_where_it_is_said_to_be(task, where):
    x, y = task.draw(np.random.default_rng(3), 200, 40)
    clues = x[..., 4:]
    np.testing.assert_array_equal(clues.sum((1, 2)), 1)
    np.testing.assert_array_equal(clues[:, where].sum((1, 2)), 1)
    np.testing.assert_array_equal(clues.sum(1).argmax(1), y)


def test_equal_size_counts_parameters_as_torch_has_them_less_the_second_bias():
    for kind, layer in (("rnn", torch.nn.RNN), ("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)):
        found = sum(p.numel() for name, p in layer(5, 7).named_parameters() if name != "bias_hh_l0")
        assert parameters(kind, 5, 7) == found
    for kind in KINDS:
        assert equal_size(kind, 5, 40) == 40
        H = equal_size(kind, 5, 40, "parameters")
        wanted = parameters("gru", 5, 40)
        misses = [abs(parameters(kind, 5, k) - wanted) for k in (H - 1, H, H + 1)]
        assert misses[1] == min(misses)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [5, 50])
def test_set_to_remember_decays_to_1_over_e_in_so_many_steps(kind, steps):
    net = Net(kind, 2, 6, 1, seed=0, remember=steps).double()
    # At rest: weights 0, so that the gates are at their biases alone (the RNN's own matrix stays; tanh is near linear).
    with torch.no_grad():
        for name, p in net.recurrent.named_parameters():
            if name.startswith("weight") and not (kind == "rnn" and "hh" in name):
                p.zero_()
    H = 6
    step = step_of(net)
    state = torch.full((2 * H if kind == "lstm" else H,), 1e-4, dtype=torch.float64)
    begin = state[-1].item()
    for _ in range(steps):
        state = step(torch.zeros(2, dtype=torch.float64), state)
    assert_close(state[-1].item() / begin, np.float64(1 / math.e), "decay")


@pytest.mark.parametrize("steps", [5, 50])
def test_set_to_remember_is_the_librarys(steps):
    ours = Net("gru", 2, 6, 1, seed=0, remember=steps).recurrent
    theirs = gruvy.GRU(2, 6, 1, init=f"remember:{steps}")
    assert torch.equal(ours.bias_ih_l0, theirs.b_l0)
    assert not ours.bias_hh_l0.any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_cells_are_the_layers(kind):
    net = Net(kind, 3, 4, 1, seed=1).double()
    x = torch.randn(1, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h, _ = net.recurrent(x)
    state = torch.zeros(8 if kind == "lstm" else 4, dtype=torch.float64)
    step = step_of(net)
    for t in range(6):
        state = step(x[0, t], state)
        assert_close(state[:4], h[0, t])


@pytest.mark.parametrize("kind", KINDS)
def test_jacobian_norms_are_autograds(kind):
    net = Net(kind, 3, 4, 1, seed=1).double()
    x = torch.randn(2, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = log_norms(net, x)
    step = step_of(net)
    size = 8 if kind == "lstm" else 4
    for b in range(2):
        for k in range(8):
            state = torch.zeros(size, dtype=torch.float64)
            for t in range(7 - k):
                state = step(x[b, t], state)

            def rest(state, b=b, k=k):
                for t in range(7 - k, 7):
                    state = step(x[b, t], state)
                return state

            J = torch.autograd.functional.jacobian(rest, state)
            assert_close(10 ** found[b, k], torch.linalg.matrix_norm(J), "norm")


def test_the_grus_jacobian_norms_are_those_of_the_trace():
    gradients = pytest.importorskip("gruvy.inside.gradients")
    net = Net("gru", 3, 4, 1, seed=2).double()
    x = torch.randn(2, 100, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = gradients.gradient_norms(net.recurrent, x.numpy()).state[0]
    assert_close(log_norms(net, x), expected, "norm")


def test_a_training_run_repeats_exactly_and_stops_when_solved():
    def run(steps):
        net = Net("gru", 8, 16, 4, seed=0, remember=10)
        return fit.train(net, tasks.CLUE_EARLY, 10, fit.Budget(steps, rate=0.02), 0), net

    (a, _), (b, net) = run(600), run(600)
    assert a == b
    assert len(a) < 600
    assert np.mean(a[-20:]) < 0.01 * math.log(4)
    assert np.mean(a[-21:-1]) >= 0.01 * math.log(4)
    assert fit.judge(net, tasks.CLUE_EARLY, 10, 0) == {"error": 0.0, "right": 1.0}


def test_a_guess_scores_about_1():
    for task in (tasks.ADDING, tasks.ORDER, tasks.copy_task(3), tasks.CLUE_LATE):
        net = Net("rnn", task.inputs, 4, task.outputs, seed=0)
        with torch.no_grad():
            net.readout.weight.zero_()
            net.readout.bias.zero_()
        assert_close(fit.judge(net, task, 20, 0, 4000)["error"], 1.0, "error of 4,000 guesses")
