"""Which way a call goes, and why: torch's own kernel, ordinary operations, or gruvy's one operation on an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..convention import Convention
from ..errors import EngineError
from . import torch_private
from .check import Call
from .engine import HALF, NATIVE, Engine, asked, choose, inside

# From so many steps on, without and with gradients recorded, a call is faster than torch's kernel, which has less to
# prepare, large layers' weights above all: layers of up to 64 units, of up to 128, larger ones. A cell's kernel has
# less to prepare than a layer's where gradients are recorded.
_FEW_64, _FEW_128, _FEW_LARGE, _FEW_CELL = (1, 1), (2, 2), (8, 4), (1, 2)
# In half precision layers of up to 128 units and larger ones: weights are first brought to float32.
_FEW_HALF, _FEW_HALF_LARGE = 4, 8
# Where the processor multiplies bfloat16 itself, at twice the speed of float32, torch's kernel is slower only up to
# 128 units, and up to 256 where it has many short steps: fewer rows, more steps.
_SHORT_STEP = (256, 16, 32)


class Path(NamedTuple):
    """Which way a call takes, and why."""

    name: str
    reason: str


class Route(NamedTuple):
    """The way of one call, "torch kernel", "plain" operations or the "op", and why.

    engine: what runs the op, or None where it is recorded and chooses when it runs. trained: gradients are recorded.
    """

    way: str
    reason: str
    engine: Engine | None
    trained: bool


def route(
    call: Call,
    weights: Sequence[Tensor],
    convention: Convention,
    frozen: bool,
    gates: bool,
    cell: bool = False,
    recompute: bool = False,
) -> Route:
    """The way of a checked call.

    Args:
        frozen: packed weights are at hand. gates: they are asked for. cell: it is a `GRUCell`.
        recompute: gates are not to be kept for the backward pass.

    Raises:
        EngineError: a forced engine is unknown or cannot serve.
    """
    x, forced = call.x, asked()
    wanted = trained(x, call.h, weights)
    if torch_private.transformed():
        why = "a functorch transform or a forward-mode level is active"
        if forced in ("native", "triton"):
            raise EngineError(f"engine {forced!r} (GRUVY_ENGINE) cannot serve: {why}")
        return Route("plain", why, None, wanted)
    own = _why_own(call, convention, frozen, gates, recompute and wanted)
    engine = None
    # On a GPU torch's kernel is cuDNN's; at which sizes those of `triton` would be faster is not measured.
    if own or forced or not x.is_cuda:
        engine = None if torch.compiler.is_compiling() or x.is_meta else choose(x, forced)[0]
        own = own or _why_faster(call, wanted, forced, engine, cell)
    if not own:
        return Route("torch kernel", "nothing that torch.nn.GRU lacks is asked for", None, wanted)
    if torch_private.traced():
        return Route("plain", "torch.jit.trace records ordinary operations only", None, wanted)
    return Route("op", own, None if recorded(x) else engine, wanted)


def path_of(call: Call, way: Route) -> Path:
    """What `path` says of a call that goes this way."""
    if way.way != "op":
        return Path(way.way, way.reason)
    engine, why = choose(call.x, asked())
    reason = way.reason if why in way.reason else f"{way.reason}; {why}"
    if (own := inside(call.x)) != call.x.dtype:
        names = (str(dtype).removeprefix("torch.") for dtype in (own, call.x.dtype))
        reason += "; computed in {}, results rounded to {}".format(*names)
    return Path(engine.name, reason)


def trained(x: Tensor, h: Tensor, weights: Sequence[Tensor]) -> bool:
    """True where gradients are recorded."""
    if not torch.is_grad_enabled():
        return False
    return x.requires_grad or h.requires_grad or any(w.requires_grad for w in weights)


def recorded(x: Tensor) -> bool:
    """True where operations are recorded or only their shapes are computed, not their values."""
    return torch.compiler.is_compiling() or x.is_meta or torch_private.dispatched()


def _why_own(call: Call, convention: Convention, frozen: bool, gates: bool, recompute: bool) -> str:
    """What torch's kernel could not do; empty if it could."""
    if convention.name != "torch":
        return f'convention "{convention}"'
    if call.x.shape[0] == 0:
        return "no steps"
    if not (gates or frozen or recompute) and all(given is None for given in call.steps):
        return ""
    asked_for = [name for name, value in zip(call.steps._fields, call.steps, strict=True) if value is not None]
    if call.packed is not None:
        asked_for.remove("lengths")
    asked_for += [name for name, there in (("return_gates", gates), ("recompute", recompute)) if there]
    return ", ".join(asked_for) or ("frozen" if frozen else "")


def _why_faster(call: Call, wanted: bool, forced: str | None, engine: Engine | None, cell: bool) -> str:
    """Why gruvy runs a call that torch's kernel could run too; empty if it does not."""
    if forced:
        return f"GRUVY_ENGINE={forced}"
    if not call.x.is_cpu:
        return ""
    if torch.compiler.is_compiling():
        return "a graph is recorded, which one operation keeps small"
    if call.autocast:
        return "autocast: the recurrence stays in its own precision"
    if torch_private.traced() or engine is not NATIVE:
        return ""
    (T, B, _), H = call.x.shape, call.h.shape[-1]
    if _enough_half(call.x.dtype, T, B, H) if call.x.dtype in HALF else enough(T, H, wanted, cell):
        return "faster than torch's kernel"
    return ""


def enough(T: int, H: int, wanted: bool, cell: bool = False) -> bool:
    """Whether there are enough steps to be faster than torch's kernel."""
    small = _FEW_CELL if cell else _FEW_64
    few, few_trained = small if H <= 64 else _FEW_128 if H <= 128 else _FEW_LARGE
    return (few_trained if wanted else few) <= T


def _enough_half(dtype: torch.dtype, T: int, B: int, H: int) -> bool:
    """`enough` for a dtype of half precision."""
    if (_FEW_HALF if H <= 128 else _FEW_HALF_LARGE) > T:
        return False
    units, rows, steps = _SHORT_STEP
    short = H <= 128 or (units >= H and rows >= B and steps <= T)
    return short or dtype is not torch.bfloat16 or not torch_private.multiplies_bfloat16()
