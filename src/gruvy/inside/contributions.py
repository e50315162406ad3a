"""What each step of the input contributed to the answer: integrated gradients, completeness checked. NumPy alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engines.choose import choose
from ..engines.stack import Run, run
from ..errors import InputError
from ..model.model import Model
from ..model.pooling import pool_steps, pooled, shares
from ..reference import Steps
from .answers import as_answer, leads
from .gradients import traced
from .trace import Trace

Array = np.ndarray[Any, Any]

_HALVINGS = 20


class _Net:
    """A model with its lengths and initial state fixed: outputs of inputs, and gradients of outputs by inputs."""

    def __init__(self, model: Model, t: Trace, engine: str | None, at: Array | None = None) -> None:
        self.model, self.engine, self.at = model, engine, at
        self.initial, self.valid, self.restarts = t.initial, t.valid, t.restarts
        self.steps = pool_steps(t.valid, t.restarts)
        self.module = choose(engine, np.float64).module
        self.ways = [t.steps(d) for d in range(t.directions)]

    def _way(self, d: int, rows: Array) -> Steps:
        return Steps(*(None if a is None else a[:, rows] for a in self.ways[d]))

    def _run(self, x: Array, rows: Array) -> Run:
        """The run of inputs x (B, T, I) for the sequences `rows`, with every layer's gates and states."""
        mask, restarts = self.valid[rows], None if self.restarts is None else self.restarts[rows]
        w, h = self.model.weights, self.initial[:, rows]
        return run(w, x, h, mask=mask, restarts=restarts, gates=True, engine=self.engine)

    def outputs(self, x: Array, rows: Array) -> Array:
        """Outputs (B, O) of inputs x (B, T, I) for the sequences `rows`."""
        found = self._run(x, rows)
        if self.at is not None:
            return self.model.read(found.hidden[np.arange(len(rows)), self.at[rows]])
        final = np.concatenate(list(found.state[-self.model.weights.directions :]), axis=1)
        return self.model.read(pooled(self.model.pooling, found.hidden, final, self.steps[rows]))

    def gradient(self, x: Array, target: Array, rows: Array) -> Array:
        """Gradient (B, T, I) of output target[b] by the input, for the sequences `rows`."""
        w, V = self.model.weights, self.model.V
        D, H, c = w.directions, w.hidden_units, w.convention
        found = self._run(x, rows)
        assert found.gates is not None  # asked for
        assert found.layers is not None
        seed = np.eye(D * H)[target] if V is None else np.asarray(V, np.float64)[target]  # (B, P)
        dy: Array | None = None
        if self.at is not None:
            dy = np.zeros((x.shape[1], len(rows), D * H))
            dy[self.at[rows], np.arange(len(rows))] = seed
            seed = np.zeros_like(seed)
        elif self.model.pooling in ("mean", "max"):
            dy = (shares(self.model.pooling, found.hidden, self.steps[rows]) * seed[:, None]).transpose(1, 0, 2)
            seed = np.where(self.steps[rows].any(axis=1, keepdims=True), 0, seed)
        for k in reversed(range(w.layers)):
            inputs = (x if k == 0 else found.layers[k - 1]).transpose(1, 0, 2)
            dx = np.zeros(inputs.shape)
            for d, cell in enumerate(w.cells[k]):
                j, half = k * D + d, slice(d * H, (d + 1) * H)
                dh = seed[:, half].copy() if k == w.layers - 1 else None
                step = None if dy is None else np.ascontiguousarray(dy[:, :, half])
                y, h = found.layers[k].transpose(1, 0, 2)[:, :, half], self.initial[j][rows]
                way, gates = self._way(d, rows), found.gates[j]
                dx += self.module.backward(step, dh, inputs, h, cell, y, gates, c, way, reverse=d == 1)[0]
            dy = dx
        assert dy is not None  # there is at least one layer
        return dy.transpose(1, 0, 2)


class Contributions(NamedTuple):
    """What each number of the input contributed to an output.

    values (B, T, I): they add up to output - base; zero at steps that don't count. target (B,): which output.
    output (B,): that output at x. base (B,): at the baseline. gap (B,): output - base - the sum of the values.
    """

    values: Array
    target: Array
    output: Array
    base: Array
    gap: Array


def contributions(
    model: Any,
    x: Any,
    *,
    target: Any = None,
    baseline: Any = None,
    lengths: Any = None,
    mask: Any = None,
    restarts: Any = None,
    state: Any = None,
    tolerance: float = 1e-4,
    at: Any = None,
    engine: str | None = None,
) -> Contributions:
    """What each step and feature of the input contributed to the answer, by integrated gradients.

    Args:
        model: anything `trace` takes; the output is its score before the softmax, or its scaled target.
        x: inputs (B, T, I) or a list of (T_i, I), as the model's `predict` takes them.
        target: the output's index, one for all or (B,); default what the model says of each sequence, of numbers the
            highest.
        baseline: (I,) or (B, T, I), the input that says nothing; default the mean of the training data where the
            model knows it, else zeros.
        lengths, mask, restarts, state: as in `trace`.
        tolerance: the largest |gap| allowed, relative to the sum of the |values|. The path is halved where that
            is missed, up to twenty times.
        at: of a model that answers at every step, the step whose answer is explained, one for all or (B,); default
            the end.
        engine: ``"native"``, ``"reference"`` or None for the fastest.

    Returns:
        `Contributions`, float64. `gap` says how far completeness is missed.

    Raises:
        InputError, InputTypeError: an argument does not fit.

    Source: Sundararajan, Taly, Yan 2017, https://arxiv.org/abs/1703.01365, by adaptive Gauss-Legendre quadrature.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.ones((3, 1)), np.ones((3, 1)), None, None)]])
        >>> c = contributions(w, np.array([[[1.0], [0.0], [2.0]]]))
        >>> c.values[0, :, 0].round(3), (c.output - c.base).round(3)
        (array([0.221, 0.   , 0.716]), array([0.937]))
    """
    model, t, seen = traced(model, x, lengths, mask, restarts, state)
    (B, T), w = t.valid.shape, model.weights
    base = np.zeros(w.input_units) if baseline is None else model.seen(np.asarray(baseline, np.float64))
    if base.shape not in ((w.input_units,), seen.shape):
        raise InputError(f"baseline: shape {base.shape}, expected ({w.input_units},) or {seen.shape}")
    seen = np.where(t.valid[..., None], seen, 0)  # whatever the padding holds, NaN too
    start = np.where(t.valid[..., None], base, 0)
    net = _Net(model, t, engine, None if at is None else _places(model, at, t.valid))
    rows = np.arange(B)
    here, there = net.outputs(seen, rows), net.outputs(start, rows)
    if target is None:
        said = model.classes is not None and model.outputs > 1
        target = leads(model, as_answer(model, here)) if said else here.argmax(1)
    else:
        target = _targets(target, B, model.outputs)
    output, base = here[rows, target], there[rows, target]
    values, way = np.zeros_like(seen), seen - start
    at, weight = np.polynomial.legendre.leggauss(8)
    # Each panel a..b of the path has a completeness of its own, so only those that miss it are halved: with max
    # pooling the gradient jumps on the way, and a finer rule over the whole path would hardly help.
    row, a, b, f_a, f_b = rows, np.zeros(B), np.ones(B), base, output
    for depth in range(_HALVINGS + 1):
        if not len(row) or not T:
            break
        part = np.zeros((len(row), *seen.shape[1:]))
        for node, share in zip((at + 1) / 2, weight / 2, strict=True):
            place = a + (b - a) * node
            part += share * net.gradient(start[row] + place[:, None, None] * way[row], target[row], row)
        part *= (b - a)[:, None, None] * way[row]
        if depth == 0:
            allowed = tolerance / 8 * np.abs(part).sum((1, 2))  # for each panel; a few will use it up
        missed = (np.abs(f_b - f_a - part.sum((1, 2))) > allowed[row]) & (depth < _HALVINGS)
        np.add.at(values, row[~missed], part[~missed])
        row, a, b, f_a, f_b = (v[missed] for v in (row, a, b, f_a, f_b))
        middle = (a + b) / 2
        f = net.outputs(start[row] + middle[:, None, None] * way[row], row)[np.arange(len(row)), target[row]]
        row, a, b = np.tile(row, 2), np.concatenate([a, middle]), np.concatenate([middle, b])
        f_a, f_b = np.concatenate([f_a, f]), np.concatenate([f, f_b])
    return Contributions(values, target, output, base, output - base - values.sum((1, 2)))


def _places(model: Model, at: Any, valid: Array) -> Array:
    """Which step of each sequence is explained."""
    (B, T), a = valid.shape, np.asarray(at)
    if model.task != "tag":
        raise InputError("at: a step, of a model that answers once a sequence; expected None")
    if a.shape not in ((), (B,)) or not np.issubdtype(a.dtype, np.integer):
        raise InputError(f"at: shape {a.shape}, dtype {a.dtype}; expected a whole number, or ({B},) of them")
    places = np.broadcast_to(a, (B,)).astype(np.int64)
    for b, t in enumerate(places):
        if not (0 <= t < T and valid[b, t]):
            raise InputError(f"at: {t}, which is no step of sequence {b} that counts")
    return places


def _targets(target: Any, B: int, O: int) -> Array:
    a = np.asarray(target)
    if a.shape not in ((), (B,)) or not np.issubdtype(a.dtype, np.integer):
        raise InputError(f"target: shape {a.shape}, dtype {a.dtype}; expected a whole number, or ({B},) of them")
    if a.size and (a.min() < 0 or a.max() >= O):
        raise InputError(
            f"target: {a.max() if a.max() >= O else a.min()}, expected 0 to {O - 1}, the outputs there are"
        )
    return np.broadcast_to(a, (B,)).astype(np.int64)
