"""The gated recurrent unit in NumPy: the page to read first.

A GRU reads a sequence one step at a time and carries everything it remembers in one vector, the hidden state `h`.
At each step the update gate `z` decides how much of the state is replaced, and the reset gate `r` how much of the
state the replacement may look at. This is all of it (Cho et al. 2014, https://arxiv.org/abs/1406.1078):
"""

from __future__ import annotations

from typing import Any

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


def tutorial_step(x: Array, h: Array, W_z: Array, U_z: Array, b_z: Array, W_r: Array, U_r: Array, b_r: Array,
                  W_h: Array, U_h: Array, b_h: Array) -> Array:  # fmt: skip
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
# H hidden units. The three weights of a kind are stacked, rows in the order r, z, n: W (3H, I), U (3H, H), b (3H,).
# `c` (H,) is the candidate's own recurrent bias, which only the form with the reset gate after the product has.


def cell(x: Array, h: Array, W: Array, U: Array, b: Array | None, c: Array | None,
         convention: Convention) -> tuple[Array, list[Array]]:  # fmt: skip
    """One step for a batch: x (B, I), h (B, H) -> new state (B, H) and [r, z, n] or [r, z, n, q], each (B, H)."""
    U_r, U_z, U_n = np.split(U, 3)  # each (H, H)
    a = x @ W.T if b is None else x @ W.T + b  # (B, 3H): everything that comes from the input
    a_r, a_z, a_n = np.split(a, 3, axis=-1)  # each (B, H)
    r = sigmoid(a_r + h @ U_r.T)
    z = sigmoid(a_z + h @ U_z.T)
    if convention.reset == "before":
        n = np.tanh(a_n + (r * h) @ U_n.T)
        gates = [r, z, n]
    else:
        q = h @ U_n.T if c is None else h @ U_n.T + c
        n = np.tanh(a_n + r * q)
        gates = [r, z, n, q]
    return (1 - z) * n + z * h if convention.keeps else (1 - z) * h + z * n, gates


def step(x: Array, h: Array, W: Array, U: Array, b: Array | None, c: Array | None, convention: Convention) -> Array:
    """One step for a batch: x (B, I), h (B, H) -> new state (B, H).

    Example:
        >>> W, U, b = np.zeros((3, 1)), np.zeros((3, 1)), np.array([0.0, 50.0, 0.0])
        >>> step(np.ones((1, 1)), np.full((1, 1), 0.5), W, U, b, None, Convention("before", "keeps"))  # z = 1 keeps
        array([[0.5]])
    """
    return cell(x, h, W, U, b, c, convention)[0]


def _order(T: int, reverse: bool) -> range:
    return range(T - 1, -1, -1) if reverse else range(T)


def valid_steps(T: int, B: int, lengths: Array | None, mask: Array | None) -> Array:
    """(T, B, 1): True where a step counts; lengths and mask must both allow it."""
    valid = np.ones((T, B), bool) if lengths is None else np.arange(T)[:, None] < lengths
    return (valid if mask is None else valid & mask)[..., None]


def forward(x: Array, h: Array, W: Array, U: Array, b: Array | None, c: Array | None, convention: Convention, *,
            lengths: Array | None = None, mask: Array | None = None, restarts: Array | None = None,
            reverse: bool = False, gates: Array | None = None,
            out: Array | None = None) -> tuple[Array, Array]:  # fmt: skip
    """Run one layer in one direction over whole sequences.

    Args:
        x: inputs (T, B, I). h: initial state (B, H).
        W, U, b, c: weights (3H, I), (3H, H), biases (3H,) and (H,), rows in the order r, z, n; None is zero.
        convention: which GRU.
        lengths: (B,) number of valid steps of each sequence, or None.
        mask: (T, B), True where a step counts, or None. Where it does not, the state passes through unchanged, and
            whatever x holds there is replaced before any product: zero times NaN would be NaN.
        restarts: (T, B), True where the state becomes zero before the step, in order of processing.
        reverse: process from the last step to the first.
        gates: (T, B, G, H), filled with r, z, n and, with reset after, q = U_n h + c; zeros at steps that don't count.
        out: (T, B, H), filled with the states, or None to allocate.

    Returns:
        States (T, B, H), zero at steps that don't count, and the last state (B, H).

    Example:
        >>> x, h, W, U = np.ones((3, 1, 1)), np.zeros((1, 2)), np.ones((6, 1)), np.zeros((6, 2))
        >>> y, last = forward(x, h, W, U, None, None, Convention.of("tutorial"), lengths=np.array([2]))
        >>> y[:, 0, 0].round(4), last.round(4)
        (array([0.5568, 0.7065, 0.    ]), array([[0.7065, 0.7065]]))
    """
    T, B, _ = x.shape
    valid = valid_steps(T, B, lengths, mask)
    dtype = np.result_type(x, h, W, U, *(v for v in (b, c) if v is not None))
    y = np.zeros((T, B, h.shape[1]), dtype) if out is None else out
    h = h.astype(dtype)
    for t in _order(T, reverse):
        if restarts is not None:
            h = np.where(restarts[t][:, None], 0, h)
        h_new, values = cell(np.where(valid[t], x[t], 0), h, W, U, b, c, convention)
        y[t] = np.where(valid[t], h_new, 0)
        h = np.where(valid[t], h_new, h)
        if gates is not None:
            gates[t] = np.where(valid[t][..., None], np.stack(values, axis=1), 0)
    return y, h


def backward(dy: Array | None, dh: Array | None, x: Array, h: Array, W: Array, U: Array, b: Array | None,
             c: Array | None, y: Array, gates: Array, convention: Convention, *, lengths: Array | None = None,
             mask: Array | None = None, restarts: Array | None = None, reverse: bool = False,
             needs_dx: bool = True) -> tuple[Array | None, Array, Array, Array, Array, Array | None]:  # fmt: skip
    """Backpropagation through time: the twin of `forward`, its steps in the opposite order.

    Args:
        dy: gradient of the states (T, B, H), or None for zero. dh: gradient of the last state (B, H), or None.
        y, gates: what `forward` gave. The others: as they were given to `forward`.

    Returns:
        dx (T, B, I) or None, dh (B, H) of the initial state, dW (3H, I), dU (3H, H), db (3H,), and dc (H,) or None.
    """
    T, B, _ = x.shape
    H = h.shape[1]
    valid = valid_steps(T, B, lengths, mask)
    before = states_before(h, y, valid, restarts, reverse)  # (T, B, H): the state that each step started from
    U_r, U_z, U_n = np.split(U, 3)
    dh = np.zeros_like(y[:1].sum(0)) if dh is None else dh
    dW, dU, db = np.zeros_like(W, y.dtype), np.zeros_like(U, y.dtype), np.zeros(3 * H, y.dtype)
    dc = np.zeros(H, y.dtype) if convention.reset == "after" else None
    dx = np.zeros(x.shape, y.dtype) if needs_dx else None
    for t in reversed(_order(T, reverse)):
        v = valid[t]
        h, r, z, n = before[t], *(gates[t][:, k] for k in range(3))
        dh_new = np.where(v, dh if dy is None else dh + dy[t], 0)
        # h_new = (1-z) h + z n, or (1-z) n + z h: each factor's share
        if convention.keeps:
            dn, dz, dh_old = dh_new * (1 - z), dh_new * (h - n), dh_new * z
        else:
            dn, dz, dh_old = dh_new * z, dh_new * (n - h), dh_new * (1 - z)
        da_n = dn * (1 - n * n)  # n = tanh(a_n + ...): tanh' = 1 - tanh²
        if convention.reset == "before":  # a_n = ... + U_n (r h)
            drh = da_n @ U_n
            dr, dh_old = drh * h, dh_old + drh * r
            dU_n = da_n.T @ (r * h)
        else:  # a_n = ... + r q, q = U_n h + c
            q = gates[t][:, 3]
            dr, dq = da_n * q, da_n * r
            dh_old = dh_old + dq @ U_n
            dU_n = dq.T @ h
            dc += dq.sum(0)
        da_r, da_z = dr * r * (1 - r), dz * z * (1 - z)  # σ' = σ (1 - σ)
        dh_old = dh_old + da_r @ U_r + da_z @ U_z  # h also fed the gates
        da = np.concatenate([da_r, da_z, da_n], axis=1)  # (B, 3H), zero at steps that don't count
        dU += np.concatenate([da_r.T @ h, da_z.T @ h, dU_n])
        dW += da.T @ np.where(v, x[t], 0)
        db += da.sum(0)
        if dx is not None:
            dx[t] = da @ W
        dh = np.where(v, dh_old, dh)  # past a step that doesn't count the gradient goes unchanged, like the state
        if restarts is not None:
            dh = np.where(restarts[t][:, None], 0, dh)
    return dx, dh, dW, dU, db, dc


def states_before(h: Array, y: Array, valid: Array, restarts: Array | None, reverse: bool) -> Array:
    """(T, B, H): the state each step started from, after any restart."""
    before = np.zeros_like(y)
    for t in _order(y.shape[0], reverse):
        before[t] = h = h if restarts is None else np.where(restarts[t][:, None], 0, h)
        h = np.where(valid[t], y[t], h)
    return before
