"""`torch.onnx.export(dynamo=True)`: a stack of layers as ONNX's own GRU nodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import EngineError
from ..reference import Steps
from . import stack
from .stack import Result, Shape


def onnx_nodes(
    x: Tensor, h: Tensor, weights: Sequence[Tensor], steps: Steps, noise: Tensor | None, shape: Shape, gates: bool
) -> Result:
    """The call as GRU nodes, one for each layer and direction; arguments as for `stack.forward`.

    Raises:
        EngineError: what the node does not have is asked for, or torch is older than 2.8, which cannot write it.
    """
    asked_for = [name for name, value in zip(Steps._fields, steps, strict=True) if value is not None]
    asked_for += ["return_gates"] if gates else []
    asked_for += ["dropout"] if noise is not None else []
    if asked_for:
        raise EngineError(f"torch.onnx.export: dynamo=True does not support {asked_for[0]} of gruvy.nn.GRU")
    if not hasattr(torch.onnx, "ops") or not hasattr(torch.onnx.ops, "symbolic_multi_out"):
        raise EngineError("torch.onnx.export: dynamo=True with gruvy.nn.GRU needs torch 2.8 or newer")
    (T, B, _), (cells, _, H), D = x.shape, h.shape, shape.directions
    each, lasts = len(weights) // cells, []
    for k in range(cells // D):
        ys = []
        for d in range(D):
            i = k * D + d
            W, U, b, c = stack.merge(weights[i * each : (i + 1) * each], shape.convention)
            W, U = (_rows(w, shape) for w in (W, U))
            b = x.new_zeros(3 * H) if b is None else _rows(b, shape)
            c = x.new_zeros(3 * H) if c is None else torch.cat([x.new_zeros(2 * H), c])
            y, last = torch.onnx.ops.symbolic_multi_out(
                "GRU",
                (x, W[None], U[None], torch.cat([b, c])[None], None, h[i : i + 1]),
                {
                    "hidden_size": H,
                    "linear_before_reset": int(shape.convention.reset == "after"),
                    "direction": "reverse" if d else "forward",
                },
                dtypes=(x.dtype, x.dtype),
                shapes=((T, 1, B, H), (1, B, H)),
            )
            ys.append(y[:, 0])
            lasts.append(last)
        x = torch.cat(ys, dim=-1) if D == 2 else ys[0]
    return Result(x, torch.cat(lasts), [], [])


def _rows(w: Tensor, shape: Shape) -> Tensor:
    """Rows in ONNX's order z, r, n; negated z rows make an update gate that adds one that keeps."""
    H = len(w) // 3
    r, z, n = w[:H], w[H : 2 * H], w[2 * H :]  # slices, which torch folds into constants
    return torch.cat([z if shape.convention.keeps else -z, r, n])
