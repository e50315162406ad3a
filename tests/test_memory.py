"""How long a net remembers: nudges against the complex step and the product of Jacobians, on every kind of net."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compare import assert_apart, assert_close
from gruvy import reference
from gruvy.errors import InputError
from gruvy.inside.gradients import gradient_norms
from gruvy.inside.memory import lasting, memory, nudged
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights, small_model

STEP = 1e-30  # of the complex step


def by_complex_step(parts, x, j, unit, at):
    """Norms of the change of layer j's states and of the outputs so far, at every step from `at` on."""
    w, inputs = parts.weights, x[:, None].astype(complex)
    for k, (cell,) in enumerate(w.cells):
        h = np.zeros((1, w.hidden_units), complex)
        if k == j:
            first, h = reference.forward(inputs[: at + 1], h, cell, w.convention)
            h = h.copy()
            h[0, unit] += 1j * STEP
            second, _ = reference.forward(inputs[at + 1 :], h, cell, w.convention)
            inputs = np.concatenate([first[:at], h[None], second])
            own = inputs[at:, 0].imag / STEP
        else:
            inputs, _ = reference.forward(inputs, h, cell, w.convention)
    top = inputs[:, 0]
    if parts.pooling == "mean":
        top = np.cumsum(top, 0) / np.arange(1, len(top) + 1)[:, None]
    elif parts.pooling == "max":
        best = np.array([top.real[: s + 1].argmax(0) for s in range(len(top))])
        top = np.take_along_axis(top, best, 0)
    return np.linalg.norm(own, axis=1), np.linalg.norm((top @ parts.V.T).imag[at:] / STEP, axis=1)


def net(convention, layers, pooling, rng):
    w = random_weights(rng, convention, H=5, layers=layers, size=0.7)
    return small_model(w, rng.normal(size=(3, 5)), rng.normal(size=3), pooling, "classify", classes=("a", "b", "c"))


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_nudges_agree_with_the_complex_step(convention, pooling):
    rng = np.random.default_rng(50)
    parts, x = net(convention, 2, pooling, rng), rng.normal(size=(30, 3))
    for at in (0, 11, 29):
        found = nudged(parts, x[None], at=at)
        for j in (0, 1):
            for unit in (0, 4):
                state, answer = by_complex_step(parts, x, j, unit, at)
                assert_close(found.state[j, 0, unit, : 30 - at], state, "derivative", f"state {j} {unit} {at}")
                assert_close(found.answer[j, 0, unit, : 30 - at], answer, "derivative", f"answer {j} {unit} {at}")
                assert np.isnan(found.state[j, 0, unit, 30 - at :]).all()


def test_the_comparison_fails_on_planted_faults():
    rng = np.random.default_rng(50)
    parts, x = net(CONVENTIONS[0], 1, "last", rng), rng.normal(size=(30, 3))
    state, answer = by_complex_step(parts, x, 0, 2, 5)
    cell = parts.weights.cells[0][0]
    U = cell.U.copy()
    U[[0, 1]] = U[[1, 0]]
    swapped = replace(parts, weights=Weights("tutorial", [[cell._replace(U=U)]]))
    found = nudged(swapped, x[None], at=5)
    assert_apart(found.state[0, 0, 2, :25], state, "derivative")
    assert_apart(nudged(parts, x[None], at=6).state[0, 0, 2, :24], state[1:], "derivative")  # a step late
    assert_apart(nudged(parts, x[None], at=5).answer[0, 0, 1, :25], answer, "derivative")  # another unit


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_all_nudges_together_make_the_product_of_the_jacobians(convention, directions):
    """The squares of all units' effects on the last state add up to its Jacobian's Frobenius norm."""
    rng = np.random.default_rng(51)
    w = random_weights(rng, convention, H=4, layers=2, directions=directions, size=0.5)
    x, T = rng.normal(size=(2, 40, 3)), 40
    norms = gradient_norms(w, x).state
    for lag in (0, 3, 20, 39):
        for j in range(2 * directions):
            at = lag if j % directions else T - 1 - lag  # the last state of the backward direction is the first step's
            effect = nudged(w, x, at=at).state[j, :, :, lag]
            assert_close(np.log10(np.sqrt((effect**2).sum(1))), norms[j, :, lag], "norm", f"{j} {lag}")


def test_lengths_end_a_sequence_and_one_direction_alone_answers_on_the_way():
    rng = np.random.default_rng(52)
    parts = net(CONVENTIONS[3], 2, "mean", rng)
    x = rng.normal(size=(2, 12, 3))
    x[1, 7:] = np.nan
    both, alone = nudged(parts, x, at=4, lengths=[12, 7]), nudged(parts, x[1:, :7], at=4)
    for many, one in zip(both, alone, strict=True):
        np.testing.assert_array_equal(np.isnan(many[:, 1, ..., :7]), np.isnan(one[:, 0]))
        assert_close(np.nan_to_num(many[:, 1, ..., :7]), np.nan_to_num(one[:, 0]), "same")
        assert np.isnan(many[:, 1, ..., 7:]).all()
    assert np.isnan(memory(parts, x, at=9, lengths=[12, 7]).state[:, 1]).all()
    two = random_weights(rng, CONVENTIONS[3], H=4, directions=2)
    assert np.isnan(memory(two, x[:1], at=4).answer).all()
    assert not np.isnan(memory(two, x[:1], at=4).state).any()


def test_the_leak_alone_is_the_memory_of_a_unit_that_talks_to_nobody():
    """z is held by its bias, U is 0: the effect is (1 - z)^k, under 1/e from k = ceil(-1 / log(1 - z)) on; by hand."""
    b = np.repeat([0.0, -3.0, 0.0], 2)
    b[2] = -1.0
    w = Weights("tutorial", [[Cell(np.zeros((6, 1)), np.zeros((6, 2)), b, None)]])
    found = memory(w, np.ones((1, 60, 1)), at=5)
    keep = 1 - 1 / (1 + np.exp(-np.array([-1.0, -3.0])))
    np.testing.assert_array_equal(found.state[0, 0], np.ceil(-1 / np.log(keep)))
    np.testing.assert_array_equal(found.state[0, 0], [4, 21])
    # one unit that hands its state on to another is remembered there, though its own term leaks at once
    U = np.zeros((6, 2))
    U[5, 0] = 30.0
    handed = Weights("tutorial", [[Cell(np.zeros((6, 1)), U, b, None)]])
    assert memory(handed, np.ones((1, 60, 1)), at=5).state[0, 0, 0] > 21


def test_an_effect_lasts_until_it_stays_small():
    effect = np.array(
        [[1.0, 0.3, 2.0, 0.8, 0.7, 0.1], [1, 0.9, 0.9, 0.9, 0.9, 0.9], [0] * 6, [1, 0.1, np.nan] + [np.nan] * 3]
    )
    np.testing.assert_array_equal(lasting(effect), [4, np.inf, np.nan, 1])


def test_what_does_not_fit():
    w = random_weights(np.random.default_rng(0), CONVENTIONS[0])
    for at in (-1, 5, 1.5, True, None):
        with pytest.raises(InputError) as error:
            memory(w, np.ones((1, 5, 3)), at=at)
        assert str(error.value) == f"at: {at!r}, expected a step from 0 to 4"
