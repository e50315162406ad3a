"""Layers and directions over an engine, forward and backward: what every way through `gruvy.nn.GRU` shares.

Weights come flat. As torch keeps them: for each layer and direction weight_ih, weight_hh and, with biases, bias_ih,
bias_hh. Or merged, as an engine takes them: W (3H, I), U (3H, H), b (3H,) and, with reset after, c (H,). Tensors are
time first. An engine runs one layer in one direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..convention import Convention
from ..reference import Cell, Steps
from . import plain
from .engine import PLAIN, Engine
from .steps import in_order


class Shape(NamedTuple):
    """What is fixed for a stack whatever comes in: its convention, and 1 or 2 directions."""

    convention: Convention
    directions: int


class Result(NamedTuple):
    """Top layer's states y (T, B, D*H), last states (L*D, B, H), lower layers' states and gates (T, B, G, H)."""

    y: Tensor
    last: Tensor
    lower: list[Tensor]
    gates: list[Tensor]


class Gradients(NamedTuple):
    """Gradients of a `Result`, in its order. y and last may be None for zero; lower and gates come whole or empty."""

    y: Tensor | None
    last: Tensor | None
    lower: Sequence[Tensor]
    gates: Sequence[Tensor]


def own_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Autocast switched off: a recurrence in half precision would carry its rounding from step to step."""
    kind = x.device.type
    if kind != "meta" and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def merge(weights: Sequence[Tensor], convention: Convention) -> Cell:
    """Torch's two biases are only ever added, but for the candidate's with reset after."""
    if len(weights) == 2:
        return Cell(weights[0], weights[1], None, None)
    if _merged(weights):
        W, U, b, *c = weights
        return Cell(W, U, b, c[0] if c else None)
    W, U, b_ih, b_hh = weights
    if convention.reset == "before":
        return Cell(W, U, b_ih + b_hh, None)
    H = U.shape[1]
    return Cell(W, U, torch.cat([b_ih[: 2 * H] + b_hh[: 2 * H], b_ih[2 * H :]]), b_hh[2 * H :])


def taken(weights: Sequence[Tensor], convention: Convention, engine: Engine) -> Cell:
    """A cell as an engine takes it: the native one adds torch's two biases itself."""
    return Cell(*weights) if engine.merges and len(weights) == 4 else merge(weights, convention)


def torch_form(weights: Sequence[Tensor], cells: int) -> list[Tensor]:
    """Merged weights with reset after as torch keeps them; the redundant biases are zeros."""
    each = len(weights) // cells
    found: list[Tensor] = []
    for W, U, b, c in (weights[i : i + each] for i in range(0, len(weights), each)):
        found += [W, U, b, F.pad(c, (2 * U.shape[1], 0))]
    return found


def _merged(weights: Sequence[Tensor]) -> bool:
    """True if one cell's weights are W, U, b or W, U, b, c."""
    return len(weights) == 3 or (len(weights) == 4 and weights[3].shape[0] == weights[1].shape[1])


def forward(
    x: Tensor,
    h: Tensor,
    weights: Sequence[Tensor],
    steps: Steps,
    noise: Tensor | None,
    shape: Shape,
    keep: bool,
    engine: Engine = PLAIN,
) -> Result:
    """x (T, B, I), h (L*D, B, H); noise (L-1, T, B, D*H) multiplies what one layer hands to the next, or None."""
    convention, D = shape
    H = h.shape[-1]
    each = len(weights) // h.shape[0]
    if len(weights) == each and engine.fills:  # all in one: small calls would notice the lists below
        last = h.new_empty(h.shape)
        cell = taken(weights, convention, engine)
        y, _, g = engine.forward(x, h[0], cell, convention, steps, reverse=False, keep=keep, out=None, h_last=last[0])
        return Result(y, last, [], [] if g is None else [g])
    # What an autograd function returns must be no view, and to join states that there are is a copy.
    filled = h.new_empty(h.shape) if engine.fills else None
    ends: list[Tensor] = []
    lower: list[Tensor] = []
    gates: list[Tensor] = []
    ways = [in_order(steps, reverse=d == 1) for d in range(D)]
    for k in range(h.shape[0] // D):
        if k > 0:
            lower.append(x)
            x = x if noise is None else x * noise[k - 1]
        ys = []
        # Two directions side by side in one tensor, where the engine can write them there.
        both = x.new_empty(*x.shape[:2], 2 * H) if D == 2 and engine.fills else None
        for d in range(D):
            i = k * D + d
            cell = taken(weights[i * each : (i + 1) * each], convention, engine)
            out = None if both is None else both[..., d * H : (d + 1) * H]
            own = None if filled is None else filled[i]
            how: dict[str, Any] = {"reverse": d == 1, "keep": keep, "out": out, "h_last": own}
            y, h_last, g = engine.forward(x, h[i], cell, convention, ways[d], **how)
            ys.append(y)
            ends.append(h_last)
            if g is not None:
                gates.append(g)
        x = both if both is not None else ys[0] if D == 1 else torch.cat(ys, dim=-1)
    return Result(x, torch.stack(ends) if filled is None else filled, lower, gates)


def backward(
    grads: Gradients,
    x: Tensor,
    h: Tensor,
    weights: Sequence[Tensor],
    steps: Steps,
    noise: Tensor | None,
    hidden: Sequence[Tensor],
    gates: Sequence[Tensor],
    shape: Shape,
    needs_dx: bool,
    engine: Engine = PLAIN,
) -> tuple[Tensor | None, Tensor, list[Tensor]]:
    """The twin of `forward`: gradients of x (None if not needed), h, and every weight; hidden: each layer's states.

    Without gates each layer computes its own again, with the same bits.
    """
    convention, D = shape
    H, each = h.shape[-1], len(weights) // h.shape[0]
    ways = [in_order(steps, reverse=d == 1) for d in range(D)]
    dh: list[Tensor] = []
    dweights: list[Tensor] = []
    dy = grads.y
    for k in reversed(range(h.shape[0] // D)):
        inputs = x if k == 0 else hidden[k - 1]
        if k > 0 and noise is not None:
            inputs = inputs * noise[k - 1]
        dx: Tensor | None = None
        dh_layer, dweights_layer = [], []
        for d in range(D):
            i = k * D + d
            cell = weights[i * each : (i + 1) * each]
            given_cell = taken(cell, convention, PLAIN if grads.gates else engine)
            own = (..., slice(d * H, (d + 1) * H))
            dy_own, y_own = (dy, hidden[k]) if D == 1 else (None if dy is None else dy[own], hidden[k][own])
            if gates:
                g: Any = gates[i]
            else:
                how: dict[str, Any] = {"reverse": d == 1, "keep": True, "out": None, "h_last": None}
                _, _, g = engine.forward(inputs, h[i], given_cell, convention, ways[d], **how)
            # Only the torch operations take gradients of the gates themselves.
            run = partial(plain.backward, dgates=grads.gates[i]) if grads.gates else engine.backward
            dlast = None if grads.last is None else grads.last[i]
            given = (dy_own, dlast, inputs, h[i], given_cell, y_own, g, convention, ways[d])
            dx_d, dh_d, (dW, dU, db, dc) = run(*given, reverse=d == 1, needs_dx=needs_dx or k > 0)
            dx = dx_d if dx is None or dx_d is None else dx + dx_d
            dh_layer.append(dh_d)
            dweights_layer += [dW, dU]
            if _merged(cell):
                dweights_layer += [db] if dc is None else [db, dc]
            elif dc is not None and dc.shape == db.shape:  # the engine took torch's two biases
                dweights_layer += [db, dc]
            elif each == 4:  # the two biases of r and z were added, so they share a gradient
                dweights_layer += [db, db.clone() if dc is None else torch.cat([db[: 2 * H], dc])]
        dh[:0], dweights[:0] = dh_layer, dweights_layer
        dy = dx
        if k > 0 and dy is not None:
            dy = dy if noise is None else dy * noise[k - 1]
            dy = dy + grads.lower[k - 1] if grads.lower else dy
    return (dy if needs_dx else None), dh[0][None] if len(dh) == 1 else torch.stack(dh), dweights
