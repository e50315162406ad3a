"""How long a net remembers: nudge its state, and see how many steps later that still matters. NumPy alone.

The nudge is as small as one likes: its effect is the derivative, carried forward from step to step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..convention import Convention
from ..errors import InputError
from ..model.model import Model
from ..reference import Cell
from .gradients import top_states, traced
from .trace import Trace

Array = np.ndarray[Any, Any]


class Nudged(NamedTuple):
    """The size of an effect per size of the nudge, at lags 0, 1, 2 ...; NaN past the sequence's end.

    state (layers * directions, B, H, lags): of each unit's nudge, on its layer's own state. answer, the same shape: on
    the scores or scaled targets. state_together, answer_together (layers * directions, B, lags): all units at once,
    each by the same.
    """

    state: Array
    answer: Array
    state_together: Array
    answer_together: Array


class Memory(NamedTuple):
    """Steps until an effect has fallen for good under 1/e of its largest.

    state, answer (layers * directions, B, H), of each unit's nudge; state_together, answer_together
    (layers * directions, B), of all at once. Infinite where it has not by the sequence's end, NaN where there is none.
    """

    state: Array
    answer: Array
    state_together: Array
    answer_together: Array


def memory(model: Any, x: Any, *, at: int, lengths: Any = None) -> Memory:
    """How many steps a nudge of the state matters, on its way through the whole net.

    The time-scales of `trace` look at the leak of a unit's own term alone; here what a unit tells others, and gets back
    from them, counts too.

    Args:
        model: anything `trace` takes.
        x: inputs (B, T, I) or a list of (T_i, I), as the model's `predict` takes them.
        at: the step, from 0, after which the state is nudged; a sequence that ends before it has NaN.
        lengths: (B,) valid steps of each sequence, default T.

    Returns:
        `Memory`, float64.

    Raises:
        InputError, InputTypeError: an argument does not fit.

    Source: the derivative of the state equation, forward in time.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> b = np.array([0.0, -2.0, 0.0])  # z = σ(-2) = 0.12: each step keeps 0.88 of the state
        >>> w = Weights("tutorial", [[Cell(np.zeros((3, 1)), np.zeros((3, 1)), b, None)]])
        >>> memory(w, np.ones((1, 50, 1)), at=10).state
        array([[[8.]]])
    """
    return Memory(*(lasting(effect) for effect in nudged(model, x, at=at, lengths=lengths)))


def lasting(effect: Array) -> Array:
    """Steps until effects (..., lags) have fallen for good under 1/e of the largest.

    Example:
        >>> lasting(np.array([[1, 0.5, 0.5, 0.1], [1, 0.2, 3, 0.5], [1, 1, 1, 1], [0, 0, 0, 0]]))
        array([ 3.,  3., inf, nan])
    """
    most = np.nanmax(np.where(np.isnan(effect), 0, effect), axis=-1)
    count = (~np.isnan(effect)).sum(-1)
    still = np.where(np.isnan(effect), False, effect >= most[..., None] / np.e)
    found = effect.shape[-1] - still[..., ::-1].argmax(-1).astype(np.float64)
    return np.where(most > 0, np.where(found == count, np.inf, found), np.nan)


def nudged(model: Any, x: Any, *, at: int, lengths: Any = None) -> Nudged:
    """What a nudge of each unit's state does at every later step; arguments and errors as of `memory`.

    Of a net that reads in both directions the answer stands at the end alone, so `answer` is NaN. In the backward
    direction lag 1 is the step before.
    """
    net, t, _ = traced(model, x, lengths, None, None, None)
    (B, T), w = t.valid.shape, net.weights
    if isinstance(at, bool) or not isinstance(at, (int, np.integer)) or not 0 <= at < T:
        raise InputError(f"at: {at!r}, expected a step from 0 to {T - 1}")
    D, H, LD = w.directions, w.hidden_units, w.layers * w.directions
    found = Nudged(*(np.full((LD, B, *more, T), np.nan) for more in ((H,), (H,), (), ())))
    for j in range(LD):
        tangents = _forward(w.cells[j // D][j % D], t, j, None, at)
        lags = range(at, -1, -1) if j % D else range(at, T)
        _measure(found.state[j], found.state_together[j], tangents, lags, t.valid, at)
        if D == 2:
            continue
        for k in range(j + 1, w.layers):
            tangents = _forward(w.cells[k][0], t, k, tangents, None)
        _measure(found.answer[j], found.answer_together[j], _read(net, t, tangents), lags, t.valid, at)
    return found


def _forward(cell: Cell, t: Trace, j: int, below: list[Array] | None, at: int | None) -> list[Array]:
    """Tangents (B, K, H) of a layer's states at every step, from its inputs' or from a nudge after step `at`."""
    (B, T), H = t.valid.shape, t.state.shape[-1]
    previous, reverse = t.previous()[j], j % t.directions == 1
    v = np.zeros((B, H if below is None else below[0].shape[1], H))
    found = [v] * T
    for s in range(T - 1, -1, -1) if reverse else range(T):
        gates = [a[j, :, s, None, :] for a in (t.reset, t.update, t.candidate)]
        dx = None if below is None else below[s]
        new = _step(v, dx, previous[:, s, None, :], gates, cell, t.convention)
        v = np.where(t.valid[:, s, None, None], new, v)
        if s == at:
            v = np.broadcast_to(np.eye(H), (B, H, H))
        found[s] = v
    return found


def _step(v: Array, dx: Array | None, h: Array, gates: list[Array], cell: Cell, convention: Convention) -> Array:
    """Tangents (B, K, H) of the new state, from v of the old one and dx (B, K, I) of the input."""
    r, z, n = gates
    W_r, W_z, W_n = np.split(cell.W, 3)
    U_r, U_z, U_n = np.split(cell.U, 3)
    dr, dz, dn = v @ U_r.T, v @ U_z.T, np.zeros_like(v)
    if dx is not None:
        dr, dz, dn = dr + dx @ W_r.T, dz + dx @ W_z.T, dx @ W_n.T
    dr, dz = dr * r * (1 - r), dz * z * (1 - z)  # σ' = σ (1 - σ)
    if convention.reset == "before":  # a_n = ... + U_n (r h)
        dn = dn + (dr * h + r * v) @ U_n.T
    else:  # a_n = ... + r q, q = U_n h + c
        q = h @ U_n.T if cell.c is None else h @ U_n.T + cell.c
        dn = dn + dr * q + r * (v @ U_n.T)
    dn = dn * (1 - n * n)  # tanh' = 1 - tanh²
    if convention.keeps:
        return np.asarray((1 - z) * dn + z * v + dz * (h - n))
    return np.asarray(z * dn + (1 - z) * v + dz * (n - h))


def _read(net: Model, t: Trace, tangents: list[Array]) -> list[Array]:
    """Tangents of the outputs so far (B, K, O), pooled as the net pools."""
    top, found = top_states(t), []
    pooled, most = np.zeros_like(tangents[0]), np.full(top[:, 0].shape, -np.inf)
    for s, tangent in enumerate(tangents):
        if net.task == "tag" or net.pooling not in ("mean", "max"):
            pooled = tangent
        elif net.pooling == "mean":
            pooled = pooled + (tangent - pooled) / (s + 1)
        else:
            higher = top[:, s] > most
            most, pooled = np.maximum(most, top[:, s]), np.where(higher[:, None], tangent, pooled)
        found.append(pooled if net.V is None else pooled @ np.asarray(net.V, np.float64).T)
    return found


def _measure(each: Array, together: Array, tangents: list[Array], lags: range, valid: Array, at: int) -> None:
    """The norms of tangents (B, K, M) at each lag, of every nudge and of all at once, where the steps count."""
    for lag, s in enumerate(lags):
        rows = valid[:, s] & valid[:, at]
        v = tangents[s][rows]
        each[rows, :, lag] = np.linalg.norm(v, axis=-1)
        together[rows, lag] = np.linalg.norm(v.sum(1), axis=-1) / np.sqrt(v.shape[1])
