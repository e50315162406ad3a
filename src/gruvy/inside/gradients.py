"""Gradients through time, in float64 and in log scale. NumPy alone.

The Jacobian of the last state by an earlier one is the product of the one-step Jacobians in between, and it shrinks
or grows exponentially. So each product is kept as a mantissa and a power of two, which is exact: nothing underflows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..model.batches import as_batch
from ..model.model import Model
from ..model.pooling import pool_steps, shares
from ..reference import Cell, cell_backward
from .trace import Trace, trace

Array = np.ndarray[Any, Any]

_NOTHING = -(2**40)  # the exponent of a zero


class Scaled(NamedTuple):
    """Numbers m * 2**e: m (B, K, ...) with the largest of each row between 0.5 and 1, and e (B,)."""

    m: Array
    e: Array

    @classmethod
    def of(cls, m: Array, e: Array | int = 0) -> Scaled:
        """Move the magnitude of each row into its exponent: exact."""
        size = np.abs(m).max(axis=tuple(range(1, m.ndim)), initial=0)
        shift = np.frexp(size)[1].astype(np.int64)
        return cls(np.ldexp(m, -_column(shift, m)), np.where(size > 0, e + shift, _NOTHING))

    def plus(self, other: Scaled) -> Scaled:
        e = np.maximum(self.e, other.e)
        model = [np.ldexp(a.m, _column(np.maximum(a.e - e, -5000), a.m)) for a in (self, other)]
        return Scaled.of(model[0] + model[1], e)

    def where(self, rows: Array, other: Scaled) -> Scaled:
        return Scaled(np.where(_column(rows, self.m), self.m, other.m), np.where(rows, self.e, other.e))

    def log_norm(self) -> Array:
        """log10 of the Frobenius norm of each row, -infinity for 0."""
        with np.errstate(divide="ignore"):
            logs: Array = np.log10(np.sqrt((self.m**2).sum(axis=tuple(range(1, self.m.ndim)))))
        return np.where(np.isfinite(logs), logs + self.e * np.log10(2.0), -np.inf)


def _column(a: Array, m: Array) -> Array:
    a = a.reshape(-1, *(1,) * (m.ndim - 1))
    return a if a.dtype == bool else a.astype(np.int32)


class GradientNorms(NamedTuple):
    """log10 of the Frobenius norm of Jacobians at every lag k, NaN past a sequence's first step, -inf for exactly 0.

    state (layers * directions, B, T + 1): of the last state by the state k steps before, within a layer and
    direction, the layer's input held fixed. input (B, T): of the output by the input k steps before the last.
    A lag counts the steps that count.
    """

    state: Array
    input: Array


def gradient_norms(
    model: Any, x: Any, *, lengths: Any = None, mask: Any = None, restarts: Any = None, state: Any = None
) -> GradientNorms:
    """How gradients shrink or grow on their way back through time.

    Args:
        model: anything `trace` takes, trained or not. The output is its read-out (scores before the softmax), pooled
            as it pools; without a read-out it is the final state of the top layer.
        x: inputs (B, T, I) or a list of (T_i, I).
        lengths, mask, restarts, state: as in `trace`.

    Returns:
        `GradientNorms`, float64, whatever the dtype of the model.

    Raises:
        InputError, InputTypeError: an argument does not fit.

    Source: the chain rule on the one-step Jacobian of the state equation.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> b = np.array([0.0, -2.0, 0.0])  # z = σ(-2) = 0.12: each step keeps 0.88 of the state
        >>> w = Weights("tutorial", [[Cell(np.zeros((3, 1)), np.zeros((3, 1)), b, None)]])
        >>> gradient_norms(w, np.ones((1, 2000, 1))).state[0, 0, ::500].round(2)
        array([   0.  ,  -27.56,  -55.12,  -82.69, -110.25])
    """
    model, t, _ = traced(model, x, lengths, mask, restarts, state)
    w, (B, T), H = model.weights, t.valid.shape, model.weights.hidden_units
    D, O = w.directions, model.outputs
    eye = np.broadcast_to(np.eye(H), (B, H, H))
    norms = np.full((w.layers * D, B, T + 1), np.nan)
    dy: list[Scaled] | None
    last, dy = _seeds(model, t)
    for k in reversed(range(w.layers)):
        dx = [Scaled.of(np.zeros((B, O, w.cells[k][0].W.shape[1]))) for _ in range(T)]
        for d in range(D):
            j, half = k * D + d, slice(d * H, (d + 1) * H)
            back = _Back(w.cells[k][d], t, j)
            norms[j] = back.lags(Scaled.of(eye.copy()))
            seed = Scaled.of(last[..., half]) if k == w.layers - 1 else Scaled.of(np.zeros((B, O, H)))
            steps = None if dy is None else [Scaled.of(g.m[..., half], g.e) for g in dy]
            dx = [a.plus(b) for a, b in zip(dx, back.inputs(seed, steps), strict=True)]
        dy = dx
    by_step = np.stack([g.log_norm() for g in dx], axis=1) if T else np.zeros((B, 0))
    if model.scaler is not None:  # the user's x, not the scaled one
        by_step = np.stack([Scaled.of(g.m / model.scaler.scale, g.e).log_norm() for g in dx], axis=1)
    by_lag = np.full((B, T), np.nan)
    for b in range(B):
        steps_that_count = np.flatnonzero(t.valid[b])
        by_lag[b, : len(steps_that_count)] = by_step[b, steps_that_count[::-1]]
    return GradientNorms(norms, by_lag)


def traced(model: Any, x: Any, lengths: Any, mask: Any, restarts: Any, state: Any) -> tuple[Model, Trace, Array]:
    model = Model.of(model)
    wide = model.weights.merged().astype(np.float64)
    V, b_y = (None if a is None else a.astype(np.float64) for a in (model.V, model.b_y))
    model = replace(model, weights=wide, V=V, b_y=b_y, engine="reference")
    x, lengths = as_batch(x, lengths, wide.input_units)
    x = model.seen(np.asarray(x, np.float64))
    found = trace(wide, x, lengths=lengths, mask=mask, restarts=restarts, state=state, engine="reference")
    return model, found, x


def _seeds(model: Model, t: Trace) -> tuple[Array, list[Scaled] | None]:
    """The gradient of each output by the final states (B, O, P), and by the top layer's states of each step."""
    (B, T), P = t.valid.shape, model.weights.hidden_units * model.weights.directions
    V = np.eye(P) if model.V is None else np.asarray(model.V, np.float64)
    last = np.broadcast_to(V, (B, *V.shape))
    if model.pooling not in ("mean", "max"):
        return last, None
    steps = pool_steps(t.valid, t.restarts)
    share = shares(model.pooling, top_states(t), steps)
    some = np.asarray(steps.any(axis=1))  # where there is none, the final state is read instead
    return np.where(some[:, None, None], 0, last), [Scaled.of(V * share[:, s, None, :]) for s in range(T)]


def top_states(t: Trace) -> Array:
    """The top layer's states, directions joined: (B, T, P)."""
    return np.concatenate(list(t.state[-t.directions :]), axis=-1)


class _Back:
    """One layer and direction, walked backwards with K gradients at once."""

    def __init__(self, cell: Cell, t: Trace, j: int) -> None:
        self.cell, self.h, self.gates = cell, t.previous()[j], (t.reset[j], t.update[j], t.candidate[j])
        self.valid, self.convention = t.valid, t.convention
        T = self.valid.shape[1]
        reverse = j % t.directions == 1
        self.order = range(T) if reverse else range(T - 1, -1, -1)
        self.cuts = t.steps(j).restarts

    def step(self, s: int, g: Array) -> tuple[Array, Array]:
        """Through step s: g (B, K, H) by the new state -> (B, K, H) by the old state, (B, K, 3H) by the products."""
        h, *gates = (a[:, s, None, :] for a in (self.h, *self.gates))
        if self.convention.reset == "after":
            q = h @ self.cell.U[2 * h.shape[-1] :].T
            gates.append(q if self.cell.c is None else q + self.cell.c)
        dh, da, _ = cell_backward(g, h, gates, self.cell.U, self.convention)
        return dh, np.concatenate(da, axis=-1)

    def _cut(self, s: int, g: Scaled) -> Scaled:
        return g if self.cuts is None else Scaled.of(np.where(self.cuts[s][:, None, None], 0, g.m), g.e)

    def lags(self, g: Scaled) -> Array:
        """log10 norms (B, T + 1) of g carried back by 0, 1, 2 ... steps that count."""
        B, T = self.valid.shape
        norms, lag, rows = np.full((B, T + 1), np.nan), np.zeros(B, np.int64), np.arange(B)
        norms[:, 0] = g.log_norm()
        for s in self.order:
            v = self.valid[:, s]
            g = self._cut(s, Scaled.of(self.step(s, g.m)[0], g.e).where(v, g))
            lag += v
            norms[rows[v], lag[v]] = g.log_norm()[v]
        return norms

    def inputs(self, g: Scaled, dy: list[Scaled] | None) -> list[Scaled]:
        """Gradients (B, K, I) by the input of each step, from g by the last state and dy by the states."""
        dx: list[Scaled] = [g] * self.valid.shape[1]
        for s in self.order:
            v = self.valid[:, s]
            new = g if dy is None else g.plus(dy[s])
            old, da = self.step(s, new.m)
            dx[s] = Scaled.of(np.where(v[:, None, None], da @ self.cell.W, 0), new.e)
            g = self._cut(s, Scaled.of(old, new.e).where(v, g))
        return dx
