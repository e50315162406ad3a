"""The gated recurrent unit in NumPy: the page to read first.

A GRU reads a sequence one step at a time and carries everything it remembers in one vector, the hidden state `h`.
At each step the update gate `z` decides how much of the state is replaced, and the reset gate `r` how much of the
state the replacement may look at. This is all of it (Cho et al. 2014, https://arxiv.org/abs/1406.1078):
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .convention import Convention

Array = np.ndarray[Any, Any]


def sigmoid(a: Array) -> Array:
    """The logistic function, between 0 and 1.

    Complex numbers are welcome down to a real part of -700. Below -709 exp(-a) overflows: real numbers still get
    the right answer, 0, and that warning alone is silenced.
    """
    with np.errstate(over="ignore"):
        s: Array = 1 / (1 + np.exp(-a))
    return s


def tutorial_step(
    x: Array,
    h: Array,
    W_z: Array,
    U_z: Array,
    b_z: Array,
    W_r: Array,
    U_r: Array,
    b_r: Array,
    W_h: Array,
    U_h: Array,
    b_h: Array,
) -> Array:
    """One step of the tutorial's GRU: x (I,), h (H,), W (H, I), U (H, H), b (H,) -> the new state (H,).

    Example:
        >>> one, zero = np.ones((1, 1)), np.zeros(1)
        >>> tutorial_step(np.array([2.0]), np.array([0.5]), 0 * one, 0 * one, zero + 50, *(one, one, zero) * 2)
        array([0.98556699])
    """
    z = sigmoid(W_z @ x + U_z @ h + b_z)  #        update gate: 0 keeps the old state, 1 takes the candidate
    r = sigmoid(W_r @ x + U_r @ h + b_r)  #        reset gate: 0 lets the candidate forget the old state
    n = np.tanh(W_h @ x + U_h @ (r * h) + b_h)  #  candidate
    h = (1 - z) * h + z * n  #                     new state
    return h


# The general form: a batch, and all four functions that are called "GRU". Sizes: T steps, B sequences, I input units,
# H hidden units. What belongs together is passed whole: the weights of a layer in one direction, and which steps count.


class Cell(NamedTuple):
    """The weights of one layer in one direction: NumPy arrays, or torch's tensors where torch runs them.

    W (3H, I), U (3H, H), b (3H,) or None for zero, rows in the order r, z, n. c, the recurrent bias, or None: (H,) for
    the candidate alone, which only the form with the reset gate after the product has; or (3H,) as torch keeps it.
    """

    W: Any
    U: Any
    b: Any
    c: Any


class Steps(NamedTuple):
    """Which steps count and where sequences start anew; each may be None.

    lengths (B,): the number of valid steps of each sequence. mask (T, B): True where a step counts; both must allow it.
    restarts (T, B): True where the state becomes zero before the step, in order of processing.
    """

    lengths: Any = None
    mask: Any = None
    restarts: Any = None


Change = Callable[[str, Array], Array]  # of what is called "reset", "update", "candidate" or "state": its new value


def unchanged(name: str, value: Array) -> Array:
    return value


def cell_forward(
    x: Array, h: Array, cell: Cell, convention: Convention, change: Change = unchanged
) -> tuple[Array, list[Array]]:
    """One step for a batch: x (B, I), h (B, H) -> new state (B, H) and [r, z, n] or [r, z, n, q], each (B, H).

    change: what becomes of each gate, of the candidate and of the new state, for "what if": `gruvy.inside.edits`.
    """
    W, U, b, c = cell
    U_r, U_z, U_n = np.split(U, 3)  # each (H, H)
    a = x @ W.T if b is None else x @ W.T + b  # (B, 3H): everything that comes from the input
    a_r, a_z, a_n = np.split(a, 3, axis=-1)  # each (B, H)
    r = change("reset", sigmoid(a_r + h @ U_r.T))
    z = change("update", sigmoid(a_z + h @ U_z.T))
    if convention.reset == "before":
        n = change("candidate", np.tanh(a_n + (r * h) @ U_n.T))
        gates = [r, z, n]
    else:
        q = h @ U_n.T if c is None else h @ U_n.T + c
        n = change("candidate", np.tanh(a_n + r * q))
        gates = [r, z, n, q]
    h_new = (1 - z) * n + z * h if convention.keeps else (1 - z) * h + z * n
    return change("state", h_new), gates


def cell_backward(
    dh_new: Array, h: Array, gates: Sequence[Array], U: Array, convention: Convention
) -> tuple[Array, list[Array], Array]:
    """The twin of `cell_forward`: the gradients of one step, from that of the new state.

    Args:
        dh_new: gradient of the new state (B, H). h: the old state. gates: r, z, n and, with reset after, q.

    Returns:
        Gradients of the old state (B, H); of a_r, a_z, a_n, what came from the input; and of the product with U_n.
    """
    U_r, U_z, U_n = np.split(U, 3)
    r, z, n = gates[:3]
    # h_new = (1-z) h + z n, or (1-z) n + z h: each factor's share
    if convention.keeps:
        dn, dz, dh = dh_new * (1 - z), dh_new * (h - n), dh_new * z
    else:
        dn, dz, dh = dh_new * z, dh_new * (n - h), dh_new * (1 - z)
    da_n = dn * (1 - n * n)  # n = tanh(a_n + ...): tanh' = 1 - tanh²
    if convention.reset == "before":  # a_n = ... + U_n (r h)
        dq = da_n
        drh = dq @ U_n
        dr, dh = drh * h, dh + drh * r
    else:  # a_n = ... + r q, q = U_n h + c
        dr, dq = da_n * gates[3], da_n * r
        dh = dh + dq @ U_n
    da_r, da_z = dr * r * (1 - r), dz * z * (1 - z)  # σ' = σ (1 - σ)
    return dh + da_r @ U_r + da_z @ U_z, [da_r, da_z, da_n], dq  # h also fed the gates


def step(x: Array, h: Array, cell: Cell, convention: Convention) -> Array:
    """One step for a batch: x (B, I), h (B, H) -> new state (B, H).

    Example:
        >>> W, U, b = np.zeros((3, 1)), np.zeros((3, 1)), np.array([0.0, 50.0, 0.0])
        >>> step(np.ones((1, 1)), np.full((1, 1), 0.5), Cell(W, U, b, None), Convention("before", "keeps"))
        array([[0.5]])
    """
    return cell_forward(x, h, cell, convention)[0]


def valid_steps(T: int, B: int, steps: Steps) -> Array:
    """(T, B, 1): True where a step counts; lengths and mask must both allow it."""
    valid = np.ones((T, B), bool) if steps.lengths is None else np.arange(T)[:, None] < steps.lengths
    return (valid if steps.mask is None else valid & steps.mask)[..., None]


def _order(T: int, reverse: bool) -> range:
    return range(T - 1, -1, -1) if reverse else range(T)


def forward(
    x: Array,
    h: Array,
    cell: Cell,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    gates: Array | None = None,
    out: Array | None = None,
    change: Callable[[int, str, Array], Array] | None = None,
) -> tuple[Array, Array]:
    """Run one layer in one direction over whole sequences.

    Args:
        x: inputs (T, B, I). h: initial state (B, H).
        cell, convention: the weights, and which GRU.
        steps: where a step does not count, the state passes through unchanged, and whatever x holds there is replaced
            before any product: zero times NaN would be NaN.
        reverse: process from the last step to the first.
        gates: (T, B, G, H), filled with r, z, n and, with reset after, q = U_n h + c; zeros at steps that don't count.
        out: (T, B, H), filled with the states, or None to allocate.
        change: as for `cell_forward`, with the number of the step before it.

    Returns:
        States (T, B, H), zero at steps that don't count, and the last state (B, H).

    Example:
        >>> x, h, cell = np.ones((3, 1, 1)), np.zeros((1, 2)), Cell(np.ones((6, 1)), np.zeros((6, 2)), None, None)
        >>> y, last = forward(x, h, cell, Convention.of("tutorial"), Steps(lengths=np.array([2])))
        >>> y[:, 0, 0].round(4), last.round(4)
        (array([0.5568, 0.7065, 0.    ]), array([[0.7065, 0.7065]]))
    """
    T, B, _ = x.shape
    valid = valid_steps(T, B, steps)
    dtype = np.result_type(x, h, *(a for a in cell if a is not None))
    y = np.zeros((T, B, h.shape[1]), dtype) if out is None else out
    h = h.astype(dtype)
    for t in _order(T, reverse):
        if steps.restarts is not None:
            h = np.where(steps.restarts[t][:, None], 0, h)
        step_change = unchanged if change is None else partial(change, t)
        h_new, values = cell_forward(np.where(valid[t], x[t], 0), h, cell, convention, step_change)
        y[t] = np.where(valid[t], h_new, 0)
        h = np.where(valid[t], h_new, h)
        if gates is not None:
            gates[t] = np.where(valid[t][..., None], np.stack(values, axis=1), 0)
    return y, h


def backward(
    dy: Array | None,
    dh: Array | None,
    x: Array,
    h: Array,
    cell: Cell,
    y: Array,
    gates: Array,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    needs_dx: bool = True,
) -> tuple[Array | None, Array, Cell]:
    """Backpropagation through time: the twin of `forward`, its steps in the opposite order.

    Args:
        dy: gradient of the states (T, B, H), or None for zero. dh: gradient of the last state (B, H), or None.
        y, gates: what `forward` gave. The others: as they were given to `forward`.

    Returns:
        dx (T, B, I) or None, dh (B, H) of the initial state, and the gradients of the weights: W, U, b (3H,), and c
        (H,), or None with reset before.
    """
    T, B, _ = x.shape
    W, U, before_product = cell.W, cell.U, convention.reset == "before"
    valid = valid_steps(T, B, steps)
    before = states_before(h, y, valid, steps.restarts, reverse)  # (T, B, H): the state that each step started from
    dh = np.zeros(h.shape, y.dtype) if dh is None else dh
    dW, dU, db = np.zeros_like(W, y.dtype), np.zeros_like(U, y.dtype), np.zeros(len(U), y.dtype)
    dc = None if before_product else np.zeros(h.shape[1], y.dtype)
    dx = np.zeros(x.shape, y.dtype) if needs_dx else None
    for t in reversed(_order(T, reverse)):
        v, h = valid[t], before[t]
        dh_new = np.where(v, dh if dy is None else dh + dy[t], 0)  # so all of it is zero at steps that don't count
        dh_old, (da_r, da_z, da_n), dq = cell_backward(dh_new, h, gates[t].swapaxes(0, 1), U, convention)
        da = np.concatenate([da_r, da_z, da_n], axis=1)  # (B, 3H)
        dU += np.concatenate([da_r.T @ h, da_z.T @ h, dq.T @ (gates[t][:, 0] * h if before_product else h)])
        dW += da.T @ np.where(v, x[t], 0)
        db += da.sum(0)
        if dc is not None:
            dc += dq.sum(0)
        if dx is not None:
            dx[t] = da @ W
        dh = np.where(v, dh_old, dh)  # past a step that doesn't count the gradient goes unchanged, like the state
        if steps.restarts is not None:
            dh = np.where(steps.restarts[t][:, None], 0, dh)
    return dx, dh, Cell(dW, dU, db, dc)


def states_before(h: Array, y: Array, valid: Array, restarts: Array | None, reverse: bool) -> Array:
    """(T, B, H): the state each step started from, after any restart."""
    before = np.zeros_like(y)
    for t in _order(y.shape[0], reverse):
        before[t] = h = h if restarts is None else np.where(restarts[t][:, None], 0, h)
        h = np.where(valid[t], y[t], h)
    return before
