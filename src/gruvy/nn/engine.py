"""The engines that run one layer in one direction on torch tensors, and which one a call gets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ..convention import Convention
from ..engines import native
from ..engines.core import warn_without
from ..engines.threads import threads_for
from ..errors import EngineError
from ..reference import Cell, Steps
from . import memory, plain, triton

_share: ContextVar[int | None] = ContextVar("_share", default=None)  # threads of the core, if not as many as torch's


class Forward(Protocol):
    """As `gruvy.reference.forward`; y and the last state are written to `out` and `h_last` if the engine can.

    Gates only with `keep`.
    """

    def __call__(
        self,
        x: Tensor,
        h: Tensor,
        cell: Cell,
        convention: Convention,
        steps: Steps,
        *,
        reverse: bool,
        keep: bool,
        out: Tensor | None,
        h_last: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]: ...


class Backward(Protocol):
    """As `gruvy.reference.backward`."""

    def __call__(
        self,
        dy: Tensor | None,
        dh: Tensor | None,
        x: Tensor,
        h: Tensor,
        cell: Cell,
        y: Tensor,
        gates: Tensor,
        convention: Convention,
        steps: Steps,
        *,
        reverse: bool,
        needs_dx: bool,
    ) -> tuple[Tensor | None, Tensor, Cell]: ...


class Engine(NamedTuple):
    """An engine; `fills`: it writes into `out` and `h_last`; `merges`: c may be torch's second bias (3H,)."""

    name: str
    forward: Forward
    backward: Backward
    fills: bool
    merges: bool


def _native_forward(
    x: Tensor,
    h: Tensor,
    cell: Cell,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    keep: bool = False,
    out: Tensor | None = None,
    h_last: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    y, gates, last = memory.results(x, h, convention, keep, out, h_last)
    states(memory.rows_of(x), h, cell, convention, steps, last, y, gates, reverse)
    return y, last, gates


def states(
    x: Tensor,
    h: Tensor | None,
    cell: Cell,
    convention: Convention,
    steps: Steps,
    last: Tensor,
    y: Tensor | None,
    gates: Tensor | None,
    reverse: bool,
) -> None:
    """`gruvy.engines.native.forward_into` for tensors, x with unit stride in its last axis."""
    how: dict[str, Any] = {"reverse": reverse, "threads": _threads(x, last)}
    native.forward_into(x, _dense(h), _whole(cell), convention, steps, h_last=last, y=y, gates=gates, **how)


def _native_backward(
    dy: Tensor | None,
    dh: Tensor | None,
    x: Tensor,
    h: Tensor,
    cell: Cell,
    y: Tensor,
    gates: Tensor,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    needs_dx: bool = True,
) -> tuple[Tensor | None, Tensor, Cell]:
    (W, U, _, c), H, x = cell, h.shape[-1], memory.rows_of(x)
    dx = torch.empty_like(x) if needs_dx else None  # with the strides of x, else torch copies it into them
    dh_first, size = h.new_empty(h.shape), native.dc_size(c, H, convention)
    dcell = Cell(_empty(W), _empty(U), W.new_empty(3 * H), None if size is None else W.new_empty(size))
    given = (memory.rows_of(dy), _dense(dh), x, _dense(h), _whole(cell), y, gates, convention, steps)
    native.backward_into(*given, dx=dx, dh=dh_first, dcell=dcell, reverse=reverse, threads=_threads(x, h))
    return dx, dh_first, dcell


def _threads(x: Tensor, h: Tensor) -> int:
    """As many as torch may use, and no more than the native core takes for this size."""
    own = threads_for(x, h)
    return own if own == 1 else min(own, _share.get() or torch.get_num_threads())


@contextmanager
def torch_in_one_thread() -> Iterator[None]:
    """While the block lasts, torch's own operations on a CPU take one thread, and the core as many as before.

    After an operation torch's threads spin for some milliseconds, where they hold up the core's. For small operations,
    as those of a small network's optimiser, they take longer to wake than they save.
    """
    before = torch.get_num_threads()
    token = _share.set(_share.get() or before)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _share.reset(token)


def _empty(t: Tensor) -> Tensor:
    return torch.empty_like(t, memory_format=torch.contiguous_format)


def _whole(cell: Cell) -> Cell:
    dense = all(t is None or t.is_contiguous() for t in cell)
    return cell if dense else Cell(*map(_dense, cell))


def _dense(t: Tensor | None) -> Any:
    return t if t is None or t.is_contiguous() else t.detach().contiguous()


def packed(cells: Sequence[native.Packed]) -> Engine:
    """The native engine for one run of a stack whose weights are packed already, in the order in which it runs them."""
    remaining = iter(cells)

    def forward(
        x: Tensor,
        h: Tensor,
        cell: Cell,
        convention: Convention,
        steps: Steps = Steps(),
        *,
        reverse: bool = False,
        keep: bool = False,
        out: Tensor | None = None,
        h_last: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        y, gates, last = memory.results(x, h, convention, keep, out, h_last)
        how: dict[str, Any] = {"reverse": reverse, "threads": _threads(x, h)}
        next(remaining).forward_into(memory.rows_of(x), _dense(h), steps, h_last=last, y=y, gates=gates, **how)
        return y, last, gates

    return NATIVE._replace(forward=forward)


HALF = (torch.bfloat16, torch.float16)
PLAIN = Engine("torch operations", plain.forward, plain.backward, False, False)
NATIVE = Engine("native", _native_forward, _native_backward, True, True)
TRITON = Engine("triton", triton.forward, triton.backward, True, False)


def asked() -> str | None:
    """The engine that the environment variable ``GRUVY_ENGINE`` forces, or None."""
    name = os.environ.get("GRUVY_ENGINE") or None
    if name not in (None, "native", "reference", "triton"):
        raise EngineError(f'engine {name!r} (GRUVY_ENGINE): expected "native", "reference" or "triton"')
    return name


def inside(x: Tensor) -> torch.dtype:
    """The dtype in which a call with inputs like x is computed: on a CPU at least float32."""
    return torch.float32 if x.dtype in HALF and x.is_cpu and asked() != "triton" else x.dtype


def choose(x: Tensor, forced: str | None, dtype: torch.dtype | None = None) -> tuple[Engine, str]:
    """The engine for an input like x, and why; `forced` as `asked` says. dtype: of what it meets, default `inside(x)`.

    Raises:
        EngineError: a forced engine is unknown or cannot serve: it never falls back in silence.
    """
    if forced == "reference":
        return PLAIN, "GRUVY_ENGINE=reference"
    engine = TRITON if forced == "triton" or (x.is_cuda and not forced) else NATIVE
    there, why = triton.available(x) if engine is TRITON else _native_available(x, dtype or inside(x))
    if there:
        return engine, why
    if forced:
        raise EngineError(f"engine {forced!r} (GRUVY_ENGINE) cannot serve: {why}")
    if x.is_cpu and not native.available()[0] and not torch.compiler.is_compiling():
        warn_without(why)
    return PLAIN, f"no {engine.name} engine: {why}"


def _native_available(x: Tensor, dtype: torch.dtype) -> tuple[bool, str]:
    if not x.is_cpu:
        return False, f"it has the CPU, not {x.device.type}"
    if dtype not in (torch.float32, torch.float64):
        return False, f"it has float32 and float64, not {str(dtype).removeprefix('torch.')}"
    return native.available()
