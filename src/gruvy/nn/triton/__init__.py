"""The recurrence on a GPU, written in Triton: every convention, mask and restart in one launch a pass.

The kernels, in `held` and `read`, run the steps; the products over all steps are torch's. Triton comes with torch's
builds for CUDA, and is imported with the first call that wants it.
"""

from __future__ import annotations

import functools
import importlib
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...convention import Convention
from ...reference import Cell, Steps
from .. import memory, plain
from ..steps import valid_steps

_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
# Rows of the batch for a block, the least that tensor cores take; units of a tile, and units that it sums over.
ROWS, COLS, DEEP = 16, 64, 32
# Bytes of the weights that a block holds at most: 128 units in half precision, 64 in float32. Twice as many units would
# not stay in registers and shared memory, as compiled for compute capabilities 8.0 and 9.0. Beside them a block takes
# so many for what its threads exchange and for the steps it reads ahead.
_HELD, _BESIDE = 96 << 10, 28 << 10
# Fusing a product and a sum into one rounding is Triton's default no longer; it only makes results nearer.
OPTIONS: dict[str, Any] = {"num_warps": 8, "num_stages": 2, "enable_fp_fusion": True}


@functools.cache
def installed() -> tuple[bool, str]:
    """Whether Triton can be imported, and its version or what is wrong."""
    try:
        version: str = importlib.import_module("triton").__version__
        importlib.import_module(f"{__name__}.held")
        importlib.import_module(f"{__name__}.read")
    except ModuleNotFoundError as missing:
        if missing.name == "triton":
            return False, "triton is not installed"
        return False, f"triton does not import: {missing}"
    except Exception as problem:  # whatever a broken installation raises is what the reader must see
        return False, f"triton does not import: {type(problem).__name__}: {problem}"
    return True, f"triton {version}"


def available(x: Tensor) -> tuple[bool, str]:
    """Whether this engine can run an input like x, and why not, or its version."""
    if x.dtype not in _DTYPES:
        return False, f"it has float32, float16 and bfloat16, not {str(x.dtype).removeprefix('torch.')}"
    there, why = installed()
    if not there:
        return False, why
    if _kernels("parts").INTERPRETED:
        return True, f"{why}, interpreted"
    if not x.is_cuda:
        return False, f"it has CUDA, not {x.device.type}"
    if torch.version.hip is not None:
        return False, "it has NVIDIA's GPUs, not AMD's"
    has = torch.cuda.get_device_capability(x.device)
    if has < (8, 0):
        return False, f"it has GPUs from compute capability 8.0 on, not {has[0]}.{has[1]}"
    return True, why


def _kernels(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def columns(H: int) -> int:
    """The power of two that holds H, 16 at least: as many units a block of threads works on at once."""
    return max(16, 1 << (H - 1).bit_length())


def holds(x: Tensor, H: int) -> bool:
    """Whether a block of threads can hold the weights of a layer of H units, for an input like x."""
    held = 3 * columns(H) ** 2 * x.element_size()
    if not x.is_cuda or held > _HELD:
        return held <= _HELD
    device: Any = torch.cuda.get_device_properties(x.device)
    return bool(held + _BESIDE <= device.shared_memory_per_block_optin)


def _precision(x: Tensor) -> dict[str, Any]:
    """How factors are rounded; float32 to TF32 only where torch may do so in products of its own."""
    backends: Any = torch.backends
    matmul = backends.cuda.matmul
    rounding = getattr(matmul, "fp32_precision", None)  # since torch 2.9
    if rounding is None:
        rounding = "tf32" if matmul.allow_tf32 else "ieee"
    elif rounding == "none":
        rounding = backends.fp32_precision
    return {
        "PRECISION": "tf32" if x.dtype == torch.float32 and rounding == "tf32" else "ieee",
        "WIDE": _kernels("parts").INTERPRETED,
    }


def _flags(T: int, steps: Steps) -> tuple[Tensor | None, Tensor | None]:
    """Where steps count and where sequences start anew, each (T, B) or None, rows next to each other."""
    valid, restarts = valid_steps(T, steps), steps.restarts
    return (
        None if valid is None else valid[..., 0].contiguous(),
        None if restarts is None else restarts.contiguous(),
    )


def _moving(t: Tensor | None, reverse: bool, instead: Tensor) -> tuple[Tensor, int]:
    """The first step that is met, and how far the next one is; `instead` of a tensor that is not there."""
    if t is None:
        return instead, 0
    return (t[-1], -t.stride(0)) if reverse else (t[0], t.stride(0))


def _on(x: Tensor) -> AbstractContextManager[Any]:
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()


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
    """As `gruvy.nn.engine.Forward` says."""
    y, gates, last = memory.results(x, h, convention, keep, out, h_last)
    (T, B, _), H = x.shape, h.shape[-1]
    if T == 0 or B == 0:
        last.copy_(h)
        return y, last, gates
    # What padding holds stays in its own rows of a, which the kernel does not take.
    a, U, h = memory.rows_of(F.linear(x, cell.W, cell.b)), cell.U.contiguous(), h.contiguous()
    valid, restarts = _flags(T, steps)
    (a_0, a_t), (y_0, y_t), (g_0, g_t) = (_moving(t, reverse, a) for t in (a, y, gates))
    (valid_0, _), (restarts_0, _) = (_moving(t, reverse, a) for t in (valid, restarts))
    how: dict[str, Any] = {
        "AFTER": convention.reset == "after",
        "KEEPS": convention.keeps,
        "BIAS": cell.c is not None,
        "VALID": valid is not None,
        "RESTARTS": restarts is not None,
        "KEEP": keep,
        "ROWS": ROWS,
        **_precision(x),
        **OPTIONS,
    }
    flags, c = (valid_0, restarts_0, -B if reverse else B), a if cell.c is None else cell.c.contiguous()
    states = (y_0, y_t, y.stride(1), g_0, g_t)
    grid = (-(-B // ROWS),)
    with _on(x):
        if holds(x, H):
            held = (a_0, a_t, a.stride(1), U, c, h, *flags, *states, last, T, B, H)
            _kernels("held").forward[grid](*held, **how, COLS=columns(H))
        else:
            turns, fed = h.new_empty(2, B, H, dtype=torch.float32), x.new_empty(B, H)
            turns[0] = h
            read = (a_0, a_t, a.stride(1), U, c, turns[0], turns[1], *flags, *states, fed, T, B, H)
            _kernels("read").forward[grid](*read, **how, COLS=COLS, DEEP=DEEP)
            last.copy_(turns[T % 2])
    return y, last, gates


def backward(
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
    """As `gruvy.nn.engine.Backward` says."""
    (T, B, _), H = x.shape, h.shape[-1]
    before, da = x.new_empty(T, B, H), x.new_empty(T, B, 3 * H)
    dq = x.new_empty(T, B, H) if convention.reset == "after" else None
    dh = torch.zeros_like(h) if dh is None else dh.contiguous()
    if T > 0 and B > 0:
        dh = _run_backward(memory.rows_of(dy), dh, h, cell, y, gates, convention, steps, reverse, before, da, dq)
    return plain.gathered(dh, x, before, gates, da, dq, cell, valid_steps(T, steps), needs_dx)


def _run_backward(
    dy: Tensor | None,
    dh: Tensor,
    h: Tensor,
    cell: Cell,
    y: Tensor,
    gates: Tensor,
    convention: Convention,
    steps: Steps,
    reverse: bool,
    before: Tensor,
    da: Tensor,
    dq: Tensor | None,
) -> Tensor:
    """Fills before, da and dq; gives the gradient of the initial state."""
    T, B, H = before.shape
    valid, restarts = _flags(T, steps)
    U, y = cell.U.contiguous(), memory.rows_of(y)
    flags: dict[str, Any] = {"VALID": valid is not None, "RESTARTS": restarts is not None}
    how: dict[str, Any] = {
        "AFTER": convention.reset == "after",
        "KEEPS": convention.keeps,
        "DY": dy is not None,
        "ROWS": ROWS,
        **flags,
        **_precision(h),
        **OPTIONS,
    }

    def met(back: bool, *tensors: Tensor | None) -> list[Any]:
        return [_moving(t, back, before) for t in tensors]

    blocks, cols = -(-B // ROWS), min(COLS, columns(H))
    with _on(h):
        (y_0, y_t), (valid_0, _), (restarts_0, _), (before_0, b_t) = met(reverse, y, valid, restarts, before)
        begun = (h.contiguous(), y_0, y_t, y.stride(1), valid_0, restarts_0, -B if reverse else B, before_0, b_t)
        grid = (blocks, -(-H // cols))
        _kernels("held").begun[grid](*begun, T, B, H, **flags, ROWS=ROWS, COLS=cols, **OPTIONS)

        back = not reverse
        (valid_0, _), (restarts_0, _), (before_0, b_t) = met(back, valid, restarts, before)
        (dy_0, dy_t), (g_0, g_t), (da_0, da_t), (dq_0, _) = met(back, dy, gates, da, dq)
        flow = (U, before_0, b_t, g_0, g_t, valid_0, restarts_0, -B if back else B, da_0, da_t, dq_0)
        dy_b = 0 if dy is None else dy.stride(1)
        if holds(h, H):
            dfirst = torch.empty_like(dh)
            held = (dy_0, dy_t, dy_b, dh, *flow, dfirst, T, B, H)
            _kernels("held").backward[(blocks,)](*held, **how, COLS=columns(H))
            return dfirst
        dstates = dh.to(torch.float32, copy=True)
        read = (dy_0, dy_t, dy_b, dstates, *flow, T, B, H)
        _kernels("read").backward[(blocks,)](*read, **how, COLS=COLS, DEEP=DEEP)
        return dstates.to(dh.dtype)
