"""The comparison helper must fail on planted faults, and the faults that matter in a GRU must be visible to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare import assert_close, error
from gruvy import Convention, reference
from gruvy.reference import Cell

Array = np.ndarray[Any, Any]


def case(convention: str) -> dict[str, Array]:
    """Inputs and weights of a small layer, and what the reference makes of them, forward and backward."""
    rng = np.random.default_rng(7)
    T, B, I, H = 4, 3, 2, 3
    of = Convention.of(convention)
    x, h = rng.normal(size=(T, B, I)), rng.normal(size=(B, H))
    W, U, b = rng.normal(size=(3 * H, I)), rng.normal(size=(3 * H, H)), rng.normal(size=3 * H)
    c = rng.normal(size=H) if of.reset == "after" else None
    cell, gates = Cell(W, U, b, c), np.zeros((T, B, of.gates, H))
    y, last = reference.forward(x, h, cell, of, gates=gates)
    dx, dh, (dW, dU, db, _) = reference.backward(np.ones_like(y), None, x, h, cell, y, gates, of)
    assert dx is not None
    return {"y": y, "last": last, "dx": dx, "dh": dh, "dW": dW, "dU": dU, "db": db}


def swapped(U: Array) -> Array:
    r, z, n = np.split(U, 3)
    return np.concatenate([z, r, n])


def stale(b: Array) -> Array:
    """One bias as it was before an update of one per mille."""
    b = b.copy()
    b[0] *= 1.001
    return b


def one_nan(a: Array) -> Array:
    a = a.copy()
    a.flat[-1] = np.nan
    return a


FAULTS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "a gate swapped for another": ("dU", swapped),
    "a wrong sign": ("dW", lambda a: -a),
    "a stale bias": ("db", stale),
    "a NaN": ("y", one_nan),
    "a step late": ("y", lambda a: np.roll(a, 1, axis=0)),
    "another row's state": ("last", lambda a: a[::-1]),
    "another dtype": ("dx", lambda a: a.astype(np.float32)),
    "an axis too many": ("dh", lambda a: a[None]),
    "one row for all": ("dh", lambda a: a[:1]),
}


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_fail(fault: str, convention: str) -> None:
    name, plant = FAULTS[fault]
    right = case(convention)[name]
    assert_close(right.copy(), right)
    with pytest.raises(AssertionError):
        assert_close(plant(right), right)


def test_nan_on_both_sides_fails() -> None:
    with pytest.raises(AssertionError, match="error inf"):
        assert_close(np.array([np.nan]), np.array([np.nan]))


def test_error_is_relative_to_the_largest() -> None:
    assert error([1.0, 3.0], [1.0, 4.0]) == 0.25
    assert error([0.0], [0.0]) == 0.0
    assert error([1e-300], [0.0]) == np.inf


def test_a_hair_over_the_limit_fails_and_says_by_how_much() -> None:
    assert assert_close(np.array([1.0 + 5e-13, 0.0]), np.array([1.0, 0.0])) == pytest.approx(0.5, rel=1e-3)
    with pytest.raises(AssertionError, match=r"last: error 2.000e-12, limit 1e-12"):
        assert_close(np.array([1.0 + 2e-12]), np.array([1.0]), name="last")
    with pytest.raises(AssertionError, match="exact"):
        assert_close(np.array([1.0 + 3e-16]), np.array([1.0]), "exact")
