"""The usual call, judged in one look: with few numbers, checks and choices would cost more than the native core.

One layer in one direction, plain tensors of a CPU that fit, nothing asked for that torch lacks, nothing recorded or
transformed. What is not usual goes the long way, `check`, `route` and `recur`, where every error and reason is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..convention import Convention
from ..engines import native
from ..reference import Steps
from . import memory, op, torch_private
from .engine import NATIVE, asked, states
from .route import enough, trained
from .stack import Shape, taken

_PLAIN = (Tensor, torch.nn.Parameter)
_TYPES = (torch.float32, torch.float64)
_ALL = Steps()


def usual(x: Any, h: Any, weights: Sequence[Tensor], axes: int) -> bool:
    """Whether a call of x and h, or None, could be usual, x of so many axes; their sizes are not looked at."""
    if torch.compiler.is_compiling():  # before all else: what follows is not to be traced
        return False
    W = weights[0]
    dtype = W.dtype
    return (
        type(x) is Tensor
        and x.dim() == axes
        and x.dtype is dtype
        and x.is_cpu
        and (h is None or (type(h) is Tensor and h.dtype is dtype and h.is_cpu))
        and type(W) in _PLAIN
        and W.is_cpu
        and dtype in _TYPES
        and not torch_private.transformed()
        and not torch_private.dispatched()
        and not torch_private.traced()
        and not torch.is_autocast_enabled("cpu")
        and asked() is None
        and native.available()[0]
    )


def layer(
    x: Tensor, h: Tensor | None, weights: Sequence[Tensor], convention: Convention
) -> tuple[Tensor, Tensor] | None:
    """States (T, B, H) and the last (1, B, H) of a call that may be `usual`, x (T, B, I); None if it is not usual."""
    (T, B, I), (H3, W_I), H = x.shape, weights[0].shape, weights[1].shape[1]
    if T == 0 or I != W_I or H3 != 3 * H or (h is not None and h.shape != (1, B, H)):
        return None
    wanted = trained(x, x if h is None else h, weights)
    if convention.name == "torch" and not enough(T, H, wanted):
        h = x.new_zeros(1, B, H) if h is None else h
        return torch.gru(x, h, list(weights), len(weights) == 4, 1, 0.0, False, False, False)
    if wanted:
        return _recorded(x, x.new_zeros(1, B, H) if h is None else h, weights, convention)
    y, last = x.new_empty(T, B, H), x.new_empty(1, B, H)
    first = None if h is None else h[0]
    states(memory.rows_of(x), first, taken(weights, convention, NATIVE), convention, _ALL, last[0], y, None, False)
    return y, last


def step(x: Tensor, h: Tensor | None, weights: Sequence[Tensor], convention: Convention) -> Tensor | None:
    """The state (B, H) after one step of a call that may be `usual`, x (B, I); None if it is not usual."""
    (B, I), (H3, W_I), H = x.shape, weights[0].shape, weights[1].shape[1]
    if I != W_I or H3 != 3 * H or (h is not None and h.shape != (B, H)):
        return None
    wanted = trained(x, x if h is None else h, weights)
    if convention.name == "torch" and not enough(1, H, wanted, cell=True):
        return torch.gru_cell(x, x.new_zeros(B, H) if h is None else h, *weights)
    if wanted:
        return _recorded(x[None], x.new_zeros(1, B, H) if h is None else h[None], weights, convention)[1][0]
    last = x.new_empty(B, H)
    states(memory.rows_of(x[None]), h, taken(weights, convention, NATIVE), convention, _ALL, last, None, None, False)
    return last


def _recorded(x: Tensor, h: Tensor, weights: Sequence[Tensor], convention: Convention) -> tuple[Tensor, Tensor]:
    fixed = (Shape(convention, 1), False, NATIVE, _ALL, None, False)
    found: tuple[Tensor, Tensor] = op.Function.apply(fixed, x, h, *weights)  # type: ignore[no-untyped-call]
    return found
