"""What is written once for NumPy and once for torch is the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from compare import assert_close
from gruvy import reference
from gruvy.convention import Convention
from gruvy.engines import steps as numpy_steps
from gruvy.model.pooling import pool_steps, pooled
from gruvy.network.pooling import pool
from gruvy.nn import plain
from gruvy.nn import steps as torch_steps
from gruvy.reference import Cell, Steps

CONVENTIONS = [Convention(r, u) for r in ("before", "after") for u in ("adds", "keeps")]
CASES = list(itertools.product([False, True], repeat=3))


def flags(lengths: bool, mask: bool, restarts: bool, T: int = 6, B: int = 5) -> Steps:
    rng = np.random.default_rng(T)
    return Steps(
        rng.integers(0, T + 1, B) if lengths else None,
        rng.random((T, B)) < 0.6 if mask else None,
        rng.random((T, B)) < 0.3 if restarts else None,
    )


def tensors(steps: Steps) -> Steps:
    return Steps(*(None if a is None else torch.from_numpy(a) for a in steps))


@pytest.mark.parametrize("T", [0, 1, 6])
@pytest.mark.parametrize("which", CASES)
def test_valid_steps(which, T):
    steps = flags(*which, T)
    expected = reference.valid_steps(T, 5, steps)
    found = torch_steps.valid_steps(T, tensors(steps))
    if found is None:
        assert which[:2] == (False, False)
        assert expected.all()
    else:
        assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("which", CASES)
def test_in_order(which, reverse):
    steps = flags(*which)
    found, expected = torch_steps.in_order(tensors(steps), reverse), numpy_steps.in_order(steps, reverse)
    for t, a in zip(found, expected, strict=True):
        assert (t is None) == (a is None)
        assert a is None or np.array_equal(t.numpy(), a)


def test_a_cut_lies_between_the_same_two_steps_from_both_ends():
    steps = Steps(restarts=np.array([[False], [False], [True], [False]]))  # between step 1 and step 2
    assert numpy_steps.in_order(steps, reverse=True).restarts.ravel().tolist() == [False, True, False, False]
    assert numpy_steps.in_order(steps, reverse=False) is steps


@pytest.mark.parametrize("which", CASES)
@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("T", [0, 1, 6])
def test_pool(pooling, which, T):
    rng, steps = np.random.default_rng(1), flags(*which, T)
    hidden, final = rng.normal(size=(5, T, 4)), rng.normal(size=(5, 4))
    valid = reference.valid_steps(T, 5, steps)[..., 0].T
    cuts = None if steps.restarts is None else steps.restarts.T
    expected = pooled(pooling, hidden, final, pool_steps(valid, cuts))
    given = None if which[:2] == (False, False) else torch.from_numpy(valid)
    restarts = None if cuts is None else torch.from_numpy(cuts)
    found = pool(pooling, torch.from_numpy(hidden), torch.from_numpy(final), given, restarts)
    assert_close(found.numpy(), expected)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    "convention", [Convention(r, u) for r in ("before", "after") for u in ("adds", "keeps")], ids=str
)
def test_one_step(convention, bias):
    rng = np.random.default_rng(2)
    x, h = rng.normal(size=(3, 2)), rng.normal(size=(3, 4))
    W, U = rng.normal(size=(12, 2)), rng.normal(size=(12, 4))
    b = rng.normal(size=12) if bias else None
    c = rng.normal(size=4) if bias and convention.reset == "after" else None
    new, gates = reference.cell_forward(x, h, Cell(W, U, b, c), convention)
    tx, th, tW, tU, tb, tc = (None if a is None else torch.from_numpy(a) for a in (x, h, W, U, b, c))
    found, found_gates = plain.cell_forward(torch.nn.functional.linear(tx, tW, tb), th, tU, tc, convention)
    for t, a in zip((found, *found_gates), (new, *gates), strict=True):
        assert_close(t.numpy(), a)
