"""The space of states: the plane against the covariance's eigenvectors, fixed points against those known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gruvy
from compare import assert_apart, assert_close
from gruvy.errors import InputError
from gruvy.inside import trace
from gruvy.inside.statespace import _step, fixed_points, plane
from gruvy.reference import cell_forward
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights, small_model


@pytest.mark.parametrize("directions", [1, 2])
def test_the_plane_is_the_covariances(directions):
    rng = np.random.default_rng(1)
    w = random_weights(rng, CONVENTIONS[0], layers=2, directions=directions)
    X = [rng.normal(size=(n, 3)) for n in (9, 4, 6)]
    states = np.concatenate([np.concatenate(list(trace(w, x[None]).state[-directions:, 0]), axis=1) for x in X])
    found = plane(w, X)
    values, vectors = np.linalg.eigh(np.cov(states.T))
    assert_close(found.mean, states.mean(0), "engine")
    assert_close(found.shares, values[::-1][:2] / values.sum(), "engine")
    for axis, vector in zip(found.axes, vectors.T[::-1], strict=False):
        assert_close(axis * np.sign(axis @ vector), vector, "derivative")
        assert axis[np.abs(axis).argmax()] > 0


def test_one_unit_has_a_line():
    w = random_weights(np.random.default_rng(2), CONVENTIONS[0], H=1)
    found = plane(w, np.random.default_rng(3).normal(size=(2, 5, 3)))
    np.testing.assert_array_equal(found.axes, [[1], [0]])
    np.testing.assert_array_equal(found.shares, [1, 0])


def bistable(reset, update, u, b=(0.0, 0.0), z=0.5):
    """Two units that never meet: h' = keep h + (1 - keep) tanh(u h / 2 + b); the reset gate is 1/2."""
    U_n, H = np.diag(np.asarray(u, float)), len(u)
    U = np.concatenate([np.zeros((2 * H, H)), U_n])
    bias = math.log(z / (1 - z))
    a = np.concatenate([np.zeros(H), np.full(H, bias), b if reset == "before" else np.zeros(H)])
    c = None if reset == "before" else 2 * np.asarray(b, float)
    return Weights(gruvy.Convention(reset, update), [[Cell(np.zeros((3 * H, 1)), U, a, c)]])


def root(u, b, lowest, highest):
    """Where h = tanh(u h / 2 + b), by halving."""
    sign = math.tanh(u * lowest / 2 + b) - lowest > 0
    for _ in range(200):
        middle = (lowest + highest) / 2
        if (math.tanh(u * middle / 2 + b) - middle > 0) == sign:
            lowest = middle
        else:
            highest = middle
    return middle


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("update", ["adds", "keeps"])
def test_fixed_points_that_are_known_by_hand(reset, update):
    z, u = 0.2, (4.0, 1.0)
    w = bistable(reset, update, u, z=z)
    keep = z if update == "keeps" else 1 - z
    far = root(4.0, 0.0, 0.5, 1.0)
    points = fixed_points(w, np.zeros(1), np.array([[-0.8, 0.3], [-0.01, 0.2], [0.7, -0.4], [0.9, 0.1]]))
    assert [p.kind for p in points] == ["stable", "saddle", "stable"]
    for p, h in zip(points, ((-far, 0.0), (0.0, 0.0), (far, 0.0)), strict=True):
        assert_close(p.state[0] + 1, np.array(h) + 1, "same")
        slopes = [keep + (1 - keep) * by / 2 * (1 - v * v) for by, v in zip(u, h, strict=True)]
        assert_close(p.eigenvalues.real, np.array(sorted(slopes, reverse=True)), "same")
        assert_close(p.time_constants, -1 / np.log(sorted(slopes, reverse=True)), "derivative")


def test_a_slow_point_where_two_fixed_points_have_just_met():
    # tanh(u h / 2 + b) - h has its least value where its slope is 0: tanh² = 1 - 2 / u
    u, b = 4.0, 0.56
    a = -math.atanh(math.sqrt(1 - 2 / u))
    h = (a - b) * 2 / u
    speed = (math.tanh(a) - h) / 2
    w = bistable("before", "adds", (u,), (b,))
    points = fixed_points(w, np.zeros(1), np.array([[-0.75], [-0.7], [0.9]]), slow=0.1)
    assert [p.kind for p in points] == ["stable", "slow"]
    assert_close(points[1].speed, speed, "derivative")
    assert_close(points[1].state, np.array([[h]]), "rounded")
    assert_close(points[0].state, np.array([[root(u, b, 0.5, 1.0)]]), "same")
    assert len(fixed_points(w, np.zeros(1), np.array([[-0.75], [0.9]]), slow=speed / 2)) == 1


def test_a_planted_fault_in_the_weights_moves_the_points():
    w = bistable("before", "adds", (4.0, 1.0))
    other = bistable("before", "adds", (4.0 + 1e-6, 1.0))
    start = np.array([[0.9, 0.0]])
    a, b = (fixed_points(v, np.zeros(1), start)[0] for v in (w, other))
    assert_apart(a.state, b.state, "same")


def test_the_input_is_held_on_the_users_scale():
    W = np.array([[0.0], [0.0], [1.0]])
    w = Weights("tutorial", [[Cell(W, np.zeros((3, 1)), None, None)]])
    model = small_model(w, shift=np.array([2.0]), scale=np.array([4.0]))
    (point,) = fixed_points(model, np.array([4.0]), np.zeros((1, 1)))
    assert_close(point.state, np.array([[math.tanh(0.5)]]), "same")
    assert_close(point.time_constants, np.array([1 / math.log(2)]), "equation")


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_the_jacobian_of_all_layers_is_the_complex_steps(convention):
    rng = np.random.default_rng(4)
    w = random_weights(rng, convention, layers=3)
    x, state, step = rng.normal(size=3), rng.normal(size=(3, 4)), 1e-30

    def forward(s):
        inputs, new = x[None], []
        for (cell,), h in zip(w.cells, s, strict=True):
            inputs = cell_forward(inputs, h[None], cell, convention)[0]
            new.append(inputs[0])
        return np.stack(new)

    move, jacobian = _step(w, x, state)
    assert_close(move, (forward(state) - state).ravel(), "same")
    for i in range(12):
        pushed = state.astype(complex)
        pushed.reshape(-1)[i] += 1j * step
        assert_close(jacobian[:, i], forward(pushed).imag.ravel() / step, "derivative")


def test_several_layers_come_to_rest_together():
    rng = np.random.default_rng(5)
    w = random_weights(rng, CONVENTIONS[3], layers=2, size=0.4)
    (point,) = fixed_points(w, np.ones(3), np.zeros((1, 2, 4)))
    t = trace(w, np.ones((1, 400, 3)))
    assert point.kind == "stable"
    assert_close(point.state, t.state[:, 0, -1], "derivative")


def test_arguments_that_do_not_fit():
    rng = np.random.default_rng(6)
    w = random_weights(rng, CONVENTIONS[0])
    with pytest.raises(InputError, match=r"x: shape \(2,\), expected \(3,\)"):
        fixed_points(w, np.zeros(2), np.zeros((1, 4)))
    with pytest.raises(InputError, match=r"starts: shape \(1, 3\), expected \(N, 1, 4\)"):
        fixed_points(w, np.zeros(3), np.zeros((1, 3)))
    with pytest.raises(InputError, match="both directions"):
        fixed_points(random_weights(rng, CONVENTIONS[0], directions=2), np.zeros(3), np.zeros((1, 4)))
    assert fixed_points(w, np.zeros(3), np.zeros((0, 4))) == []
