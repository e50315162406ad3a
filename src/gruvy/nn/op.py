"""The recurrence as one operation of torch, `gruvy::gru`, for a whole stack of layers.

In eager mode it is an `autograd.Function`, which costs half of what a custom operator does; where a graph is recorded
(`torch.compile`, `torch.export`) it is a custom operator, so the graph holds one node whatever the number of steps.
Both save the gates, unless those are to be computed again, and share the backward pass written by hand. Where a
gradient is itself differentiated, the plain operations run instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..convention import Convention
from ..errors import EngineError
from ..reference import Steps
from . import stack, torch_private
from .check import check_values
from .engine import Engine, asked, choose
from .stack import Gradients, Shape


def _again(grads: Sequence[Tensor | None]) -> bool:
    """True where the backward pass must itself be differentiable, or meets the wrappers of a vmap."""
    if torch.is_grad_enabled() or torch_private.transformed():
        return True
    return any(g is not None and torch_private.is_batched(g) for g in grads)


def _backward(grads: Gradients, saved: _Saved, shape: Shape, needs: Sequence[bool]) -> list[Tensor | None]:
    """Gradients of (x, h, *weights) that can be differentiated again: through the plain operations."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, so that each gradient is the partial one even where an input was computed from another.
        x, h, *weights = (t.view_as(t) for t in (saved.x, saved.h, *saved.weights))
        result = stack.forward(x, h, weights, saved.steps, saved.noise, shape, bool(grads.gates))
        outputs = [(result.y, grads.y), (result.last, grads.last)]
        outputs += zip(result.lower if grads.lower else (), grads.lower, strict=True)
        outputs += zip(result.gates, grads.gates, strict=True)
        given = [(o, g) for o, g in outputs if g is not None and o.requires_grad]
        wanted = [t for t, need in zip((x, h, *weights), needs, strict=True) if need]
        found = iter(
            torch.autograd.grad(
                [o for o, _ in given], wanted, [g for _, g in given], create_graph=create_graph, allow_unused=True
            )
        )
        return [next(found) if need else None for need in needs]


class _Saved(NamedTuple):
    """What a backward pass needs: the arguments of `stack.forward`, every layer's states, and the gates."""

    x: Tensor
    h: Tensor
    weights: list[Tensor]
    steps: Steps
    noise: Tensor | None
    hidden: list[Tensor]
    gates: list[Tensor]


def _save(ctx: Any, shape: Shape, saved: _Saved) -> None:
    ctx.set_materialize_grads(False)
    ctx.shape, ctx.layers, ctx.gates = shape, len(saved.hidden), len(saved.gates)
    x, h, weights, steps, noise, hidden, gates = saved
    ctx.save_for_backward(x, h, *steps, noise, *hidden, *gates, *weights)


def _saved(ctx: Any) -> _Saved:
    x, h, lengths, mask, restarts, noise, *more = ctx.saved_tensors
    layers, kept = ctx.layers, ctx.gates
    hidden, gates, weights = more[:layers], more[layers : layers + kept], more[layers + kept :]
    return _Saved(x, h, weights, Steps(lengths, mask, restarts), noise, hidden, gates)


def _states(ctx: Any, saved: _Saved) -> Tensor:
    """The top layer's states as forward gave them; made again if the caller has written into them since."""
    if torch_private.version(ctx.top) == ctx.version:
        top: Tensor = ctx.top
        return top
    with torch.no_grad(), stack.own_precision(saved.x):
        x, h, weights, steps, noise, *_ = saved
        return stack.forward(x, h, weights, steps, noise, ctx.shape, bool(saved.gates), ctx.engine).y


class Function(torch.autograd.Function):
    """`gruvy::gru` in eager mode."""

    @staticmethod
    def forward(
        ctx: Any,
        fixed: tuple[Shape, bool, Engine, Steps, Tensor | None, bool],  # as one argument: torch looks at each one
        x: Tensor,
        h: Tensor,
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:
        shape, gates, engine, steps, noise, recompute = fixed
        y, last, lower, kept = stack.forward(x, h, weights, steps, noise, shape, gates or not recompute, engine)
        _save(ctx, shape, _Saved(x, h, list(weights), steps, noise, lower, kept))
        # Callers may write into what a layer gives them, as torch's own layers allow: the version tells, see _states.
        ctx.engine, ctx.top, ctx.version = engine, y.detach(), torch_private.version(y)
        return (y, last, *lower, *kept) if gates else (y, last)

    @staticmethod
    def backward(ctx: Any, *douts: Tensor | None) -> tuple[Any, ...]:
        saved, below = _saved(ctx), ctx.layers
        saved = saved._replace(hidden=[*saved.hidden, _states(ctx, saved)])
        grads = _gradients(saved, douts[0], douts[1], douts[2 : 2 + below], douts[2 + below :])
        needs = ctx.needs_input_grad[1:]
        with stack.own_precision(saved.x):
            if _again(douts):
                return (None, *_backward(grads, saved, ctx.shape, needs))
            dx, dh, dweights = stack.backward(grads, *saved, ctx.shape, needs[0], ctx.engine)
        return (None, dx, dh, *dweights)


def _gradients(
    saved: _Saved,
    dy: Tensor | None,
    dlast: Tensor | None,
    dlower: Sequence[Tensor | None],
    dgates: Sequence[Tensor | None],
) -> Gradients:
    """The gradients with each list whole or empty."""

    def whole(of: Sequence[Tensor], given: Sequence[Tensor | None]) -> list[Tensor]:
        if all(g is None for g in given):
            return []
        return [torch.zeros_like(o) if g is None else g for o, g in zip(of, given, strict=True)]

    return Gradients(dy, dlast, whole(saved.hidden[:-1], dlower), whole(saved.gates, dgates))


# The operator's schema is in torch's terms: tensors, lists of them, a name for the convention.
_STACK = (
    "Tensor x, Tensor h, Tensor[] weights, Tensor? lengths, Tensor? mask, Tensor? restarts, Tensor? noise, "
    "str convention, int directions"
)


@torch.library.custom_op(
    "gruvy::gru",
    mutates_args=(),
    schema=f"({_STACK}, bool keep, bool recompute) -> (Tensor, Tensor, Tensor[], Tensor[])",
)
def gru(
    x: Tensor,
    h: Tensor,
    weights: list[Tensor],
    lengths: Tensor | None,
    mask: Tensor | None,
    restarts: Tensor | None,
    noise: Tensor | None,
    convention: str,
    directions: int,
    keep: bool,
    recompute: bool,
) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
    if torch_private.in_forward_mode():  # torch would take the tangent for zero, in silence
        raise EngineError(
            "gruvy::gru: no forward-mode derivative in a recorded graph; call the layer, not the exported program"
        )
    check_values(lengths, x.shape[0])
    shape = Shape(Convention.of(convention), directions)
    with stack.own_precision(x):
        steps, engine = Steps(lengths, mask, restarts), choose(x, asked(), x.dtype)[0]
        y, last, lower, gates = stack.forward(x, h, weights, steps, noise, shape, keep and not recompute, engine)
    return y, last, lower if keep else [], gates


@gru.register_fake
def _(
    x: Tensor,
    h: Tensor,
    weights: list[Tensor],
    lengths: Tensor | None,
    mask: Tensor | None,
    restarts: Tensor | None,
    noise: Tensor | None,
    convention: str,
    directions: int,
    keep: bool,
    recompute: bool,
) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
    if torch.onnx.is_in_onnx_export():  # there torch would say that an operator has no translation, in many lines
        raise EngineError("torch.onnx.export: an exported program with gruvy.nn.GRU, expected the module itself")
    (T, B, _), (cells, _, H), G = x.shape, h.shape, Convention.of(convention).gates
    lower = [x.new_empty(T, B, directions * H) for _ in range(cells // directions - 1)] if keep else []
    gates = [x.new_empty(T, B, G, H) for _ in range(cells)] if keep and not recompute else []
    return x.new_empty(T, B, directions * H), h.new_empty(h.shape), lower, gates


@torch.library.custom_op(
    "gruvy::gru_backward",
    mutates_args=(),
    schema=f"(Tensor? dy, Tensor? dlast, Tensor[] dlower, Tensor[] dgates, {_STACK}, Tensor[] hidden, "
    "Tensor[] gates, bool needs_dx) -> (Tensor, Tensor, Tensor[])",
)
def _gru_backward(
    dy: Tensor | None,
    dlast: Tensor | None,
    dlower: list[Tensor],
    dgates: list[Tensor],
    x: Tensor,
    h: Tensor,
    weights: list[Tensor],
    lengths: Tensor | None,
    mask: Tensor | None,
    restarts: Tensor | None,
    noise: Tensor | None,
    convention: str,
    directions: int,
    hidden: list[Tensor],
    gates: list[Tensor],
    needs_dx: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    with stack.own_precision(x):
        saved = _Saved(x, h, weights, Steps(lengths, mask, restarts), noise, hidden, gates)
        shape, engine = Shape(Convention.of(convention), directions), choose(x, asked(), x.dtype)[0]
        dx, dh, dweights = stack.backward(Gradients(dy, dlast, dlower, dgates), *saved, shape, needs_dx, engine)
    return x.new_empty(0) if dx is None else dx.contiguous(), dh, dweights  # as the shapes below say


@_gru_backward.register_fake
def _(
    dy: Tensor | None,
    dlast: Tensor | None,
    dlower: list[Tensor],
    dgates: list[Tensor],
    x: Tensor,
    h: Tensor,
    weights: list[Tensor],
    lengths: Tensor | None,
    mask: Tensor | None,
    restarts: Tensor | None,
    noise: Tensor | None,
    convention: str,
    directions: int,
    hidden: list[Tensor],
    gates: list[Tensor],
    needs_dx: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    dx = x.new_empty(x.shape if needs_dx else 0)
    return dx, h.new_empty(h.shape), [w.new_empty(w.shape) for w in weights]


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
    x, h, weights, lengths, mask, restarts, noise, convention, directions, _, _ = inputs
    y, _, lower, gates = output
    saved = _Saved(x, h, weights, Steps(lengths, mask, restarts), noise, [*lower, y], gates)
    _save(ctx, Shape(Convention.of(convention), directions), saved)


def _op_backward(
    ctx: Any, dy: Tensor | None, dlast: Tensor | None, dlower: list[Tensor | None], dgates: list[Tensor | None]
) -> tuple[Any, ...]:
    saved = _saved(ctx)
    grads = _gradients(saved, dy, dlast, dlower, dgates)
    needs_dx, needs_dh, needs_dweights, *_ = ctx.needs_input_grad
    nothing = (None,) * 8
    if _again([dy, dlast, *dlower, *dgates]):
        found = _backward(grads, saved, ctx.shape, [needs_dx, needs_dh, *needs_dweights])
        return found[0], found[1], found[2:], *nothing
    x, h, weights, steps, noise, hidden, gates = saved
    given = (grads.y, grads.last, list(grads.lower), list(grads.gates), x, h, weights, *steps, noise)
    shape = (str(ctx.shape.convention), ctx.shape.directions)
    dx, dh, dweights = _gru_backward(*given, *shape, hidden, gates, needs_dx)
    return dx if needs_dx else None, dh, dweights, *nothing


gru.register_autograd(_op_backward, setup_context=_setup_context)
