"""The space of states: its two principal directions, and where the state would come to rest. NumPy alone.

Sussillo and Barak 2013, https://doi.org/10.1162/NECO_a_00409: fixed and slow points are minima of the state's speed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..model.model import Model
from ..reference import cell_backward, cell_forward
from ..weights import Weights
from .find import states_of

Array = np.ndarray[Any, Any]

STILL = 1e-8  # a step of the state that is shorter than this is rounding
_ITERATIONS = 200


class Plane(NamedTuple):
    """The plane that holds most of the states' variance: the mean (P,), two axes (2, P), and their shares of it (2,).

    A state h lies at ``axes @ (h - mean)``.
    """

    mean: Array
    axes: Array
    shares: Array


class Point(NamedTuple):
    """A point where the state stays, or nearly.

    state (layers, H). speed: how far one step moves it. eigenvalues: of the step's Jacobian there, largest first.
    time_constants: in steps, -1 / log|eigenvalue|: a distance along that direction shrinks to 1/e in so many steps;
    below 0 it grows e times in as many. kind: "stable", "saddle" or "unstable" where it is a fixed point, "slow" where
    the speed has a minimum above 0.
    """

    state: Array
    speed: float
    eigenvalues: Array
    time_constants: Array
    kind: str


def plane(model: Any, X: Any) -> Plane:
    """The two principal directions of the top layer's states over all steps of all sequences.

    Args:
        model: anything `trace` takes.
        X: sequences, as the model's `predict` takes them.

    Returns:
        `Plane`, P = directions * H. An axis's largest component is above 0; where all states lie on one line the
        second axis is 0.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.ones((6, 1)), np.zeros((6, 2)), None, None)]])
        >>> plane(w, np.ones((1, 5, 1))).axes.round(3)  # both units do the same
        array([[0.707, 0.707],
               [0.   , 0.   ]])
    """
    model = Model.of(model)
    D = model.weights.directions
    ways = [np.concatenate(states_of(model, X, d - D)) for d in range(D)]
    return plane_of(np.concatenate(ways, axis=1))


def plane_of(states: Array) -> Plane:
    """The same of states (N, P)."""
    mean = states.mean(0)
    _, size, axes = np.linalg.svd(states - mean, full_matrices=False)
    P, total = states.shape[1], float((size**2).sum())
    two, shares = np.zeros((2, P)), np.zeros(2)
    for k in range(min(2, int((size > 1e-12 * size[0]).sum()))):  # a smaller one is rounding, in any direction
        largest = axes[k, np.abs(axes[k]).argmax()]
        two[k], shares[k] = axes[k] * (np.sign(largest) or 1), size[k] ** 2 / total if total else 0
    return Plane(mean, two, shares)


def fixed_points(model: Any, x: Any, starts: Any, *, slow: float | None = None) -> list[Point]:
    """Fixed and slow points of a net under a constant input, from where it has been.

    The length of the state's step, squared, is minimised from each start by Levenberg's and Marquardt's method.

    Args:
        model: anything `trace` takes, of one direction.
        x: the input (I,), on the user's scale, that is held.
        starts: states to begin from, (N, H), or (N, layers, H).
        slow: the largest speed of a slow point; default a tenth of the median speed at the starts.

    Returns:
        `Point`s, each once, the fixed ones first, then by speed. Of several layers the state is that of all together.

    Raises:
        InputError: the net has two directions, or an argument does not fit.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.zeros((3, 1)), np.array([[0.0], [0.0], [4.0]]), None, None)]])
        >>> for p in fixed_points(w, np.zeros(1), np.array([[-0.9], [0.01], [0.9]])):  # h = tanh(2 h)
        ...     print(p.kind, p.state.round(4)[0, 0], p.time_constants.round(2)[0])
        stable -0.9575 1.85
        unstable 0.0 -2.47
        stable 0.9575 1.85
    """
    model = Model.of(model)
    w = model.weights.merged().astype(np.float64)
    if w.directions == 2:
        raise InputError("model: it reads in both directions, so it has no state that goes from step to step")
    held = np.asarray(x, np.float64)
    if held.shape != (w.input_units,):
        raise InputError(f"x: shape {held.shape}, expected ({w.input_units},)")
    begin = np.asarray(starts, np.float64)
    if begin.ndim == 2 and w.layers == 1:
        begin = begin[:, None]
    if begin.shape[1:] != (w.layers, w.hidden_units):
        raise InputError(f"starts: shape {np.shape(starts)}, expected (N, {w.layers}, {w.hidden_units})")
    held = model.seen(held)
    speeds = [_size(_step(w, held, s)[0]) for s in begin]
    most = float(np.median(speeds)) / 10 if slow is None and len(speeds) else slow or 0.0
    found: list[Point] = []
    for start in begin:
        state, speed, jacobian, settled = _slowest(w, held, start)
        if speed > STILL and (not settled or speed > most):
            continue
        if any(_size(p.state - state) < 1e-4 * max(1.0, _size(state)) for p in found):
            continue
        found.append(_point(state, speed, jacobian))
    return sorted(found, key=lambda p: (p.kind == "slow", p.speed if p.kind == "slow" else 0, p.state.ravel().tolist()))


def _point(state: Array, speed: float, jacobian: Array) -> Point:
    values = np.linalg.eigvals(jacobian)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    with np.errstate(divide="ignore"):
        constants = np.asarray(-1 / np.log(np.abs(values)))
    outside = np.abs(values) > 1
    if speed > STILL:
        kind = "slow"
    elif outside.all():
        kind = "unstable"
    else:
        kind = "saddle" if outside.any() else "stable"
    return Point(state, speed, values, constants, kind)


def _slowest(w: Weights, x: Array, state: Array) -> tuple[Array, float, Array, bool]:
    """A minimum of the speed: the state, its speed, the step's Jacobian, and whether the search came to an end."""
    damping, n = 1e-3, state.size
    move, jacobian = _step(w, x, state)
    for _ in range(_ITERATIONS):
        A = jacobian - np.eye(n)
        slope = A.T @ move  # of half the squared speed
        if _size(move) < STILL or _size(slope) < 1e-9 * _size(move):
            break
        new = state - np.linalg.solve(A.T @ A + damping * np.eye(n), slope).reshape(state.shape)
        new_move, new_jacobian = _step(w, x, new)
        if _size(new_move) < _size(move):
            state, move, jacobian, damping = new, new_move, new_jacobian, max(damping / 5, 1e-12)
        elif damping > 1e12:  # no step is short enough to gain
            break
        else:
            damping *= 4
    for _ in range(3 if _size(move) < STILL else 0):  # Newton's steps: to the last place
        new = state - np.linalg.lstsq(jacobian - np.eye(n), move)[0].reshape(state.shape)
        new_move, new_jacobian = _step(w, x, new)
        if _size(new_move) < _size(move):
            state, move, jacobian = new, new_move, new_jacobian
    return state, _size(move), jacobian, _size((jacobian - np.eye(n)).T @ move) < 1e-6 * _size(move)


def _step(w: Weights, x: Array, state: Array) -> tuple[Array, Array]:
    """How one step moves the states (layers, H) under input x (I,), flat, and the step's Jacobian (n, n)."""
    L, H = state.shape
    jacobian, new, inputs = np.zeros((L * H, L * H)), np.empty_like(state), x[None]
    by_input = np.zeros((len(x), L * H))  # the derivative of the layer's input by all old states
    for k, (cell,) in enumerate(w.cells):
        h = state[k][None]
        y, gates = cell_forward(inputs, h, cell, w.convention)
        dh, da, _ = cell_backward(np.eye(H), h, gates, cell.U, w.convention)  # row i: the derivatives of unit i
        rows = slice(k * H, (k + 1) * H)
        jacobian[rows] = np.concatenate(da, axis=1) @ cell.W @ by_input
        jacobian[rows, rows] += dh
        new[k], inputs, by_input = y[0], y, jacobian[rows]
    return (new - state).ravel(), jacobian


def _size(a: Array) -> float:
    return float(np.linalg.norm(a))
