"""One checked call through a stack of layers, on its way: for `gruvy.nn.GRU` and `gruvy.GRU`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..engines.native import Packed
from ..errors import EngineError
from . import op, stack
from .check import Call
from .engine import NATIVE, inside
from .engine import packed as use_packed
from .onnx_nodes import onnx_nodes
from .route import Route
from .stack import Result, Shape


def recur(
    call: Call,
    weights: Sequence[Tensor],
    shape: Shape,
    route: Route,
    *,
    dropout: float = 0.0,
    gates: bool = False,
    recompute: bool = False,
    packed: Sequence[Packed] | None = None,
) -> Result:
    """Run a call that does not go to torch's kernel.

    Args:
        weights: flat, as torch keeps them or merged: see `gruvy.nn.stack`.
        dropout: the share dropped between layers, 0 where nothing trains.
        gates: keep the lower layers' states and every gate; they are empty otherwise.
        recompute: keep no gates for the backward pass, which then computes them again.
        packed: the weights of every layer and direction packed, for a call without gradients on the native engine.

    Raises:
        EngineError: packed weights, and gradients expected.
    """
    how: dict[str, Any] = {"dropout": dropout, "gates": gates, "recompute": recompute, "packed": packed}
    if call.autocast:  # a recurrence in half precision would carry its rounding from step to step
        with torch.autocast(call.autocast, enabled=False):
            return recur(call._replace(autocast=None), weights, shape, route, **how)
    if (own := inside(call.x)) != call.x.dtype:
        wide = call._replace(x=call.x.to(own), h=call.h.to(own))
        found = recur(wide, [w.to(own) for w in weights], shape, route, **how)
        return Result(*(_rounded(part, call.x.dtype) for part in found))
    x, h, steps = call.x, call.h, call.steps
    noise = _noise(x, h, shape, dropout)
    if route.way == "plain":
        return stack.forward(x, h, weights, steps, noise, shape, gates)
    engine = route.engine
    if engine is None:
        # Asked of torch.onnx alone, the second question would load its exporter in every process.
        if torch.compiler.is_compiling() and torch.onnx.is_in_onnx_export():
            return onnx_nodes(x, h, weights, steps, noise, shape, gates)
        keep = route.trained or gates
        given = (x, h, list(weights), *steps, noise, str(shape.convention), shape.directions, keep)
        return Result(*op.gru(*given, recompute and not gates))
    if packed is not None and engine is NATIVE:
        if route.trained:
            raise EngineError("frozen: this call would record gradients; run it under torch.inference_mode()")
        engine = use_packed(packed)
    if not route.trained:
        return stack.forward(x, h, weights, steps, noise, shape, gates, engine)
    fixed = (shape, gates, engine, steps, noise, recompute)
    y, last, *more = op.Function.apply(fixed, x, h, *weights)  # type: ignore[no-untyped-call]
    below = h.shape[0] // shape.directions - 1
    return Result(y, last, more[:below], more[below:])


def torch_kernel(call: Call, weights: Sequence[Tensor], shape: Shape, *, dropout: float) -> tuple[Tensor, Tensor]:
    """Merged weights through torch's own kernel: states (T, B, D*H) and last states (L*D, B, H)."""
    cells, D = call.h.shape[0], shape.directions
    own = stack.torch_form(weights, cells)
    y, last = torch.gru(call.x, call.h, own, True, cells // D, dropout, dropout > 0, D == 2, False)
    return y, last


def _rounded(part: Any, dtype: torch.dtype) -> Any:
    return part.to(dtype) if isinstance(part, Tensor) else [t.to(dtype) for t in part]


def _noise(x: Tensor, h: Tensor, shape: Shape, dropout: float) -> Tensor | None:
    """What dropout multiplies into the hand-over between layers: (layers - 1, T, B, D*H)."""
    below = h.shape[0] // shape.directions - 1
    if dropout == 0 or below == 0:
        return None
    return F.dropout(x.new_ones(below, x.shape[0], x.shape[1], shape.directions * h.shape[-1]), dropout)
