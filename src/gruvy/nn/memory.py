"""Memory for results. Large memory serves one call after another: the system hands out fresh pages slowly."""

from __future__ import annotations

import math
import weakref
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..convention import Convention

Block = np.ndarray[Any, Any]

LARGE, KEPT = 4 << 20, 256 << 20  # bytes: below LARGE the C library keeps pages itself; at most KEPT lie idle

_lock = Lock()  # held while blocks are taken out; they may come back meanwhile, at the end of the list
_blocks: list[Block] = []  # those that lie idle


def empty(like: Tensor, *sizes: int) -> Tensor:
    """A tensor of these sizes with the dtype of `like`, not initialised.

    A large one on the CPU lies in a block that goes to a later call once no tensor, view or graph refers to it.
    """
    size = math.prod(sizes) * 8  # the most that a number takes
    if size < LARGE:
        return like.new_empty(sizes)
    size = math.prod(sizes) * like.element_size()
    if size < LARGE or like.device.type != "cpu" or type(like) is not Tensor:
        return like.new_empty(sizes)
    if not _lock.acquire(blocking=False):  # never waited for: after a fork its holder may not exist any more
        return like.new_empty(sizes)
    try:
        block = _taken(size)
    finally:
        _lock.release()
    # The storage that all views share holds this one array, and nobody else does: it dies with the last of them.
    lent = block[:size]
    weakref.finalize(lent, _give_back, block).atexit = False
    return torch.from_numpy(lent).view(like.dtype).view(sizes)


def results(
    x: Tensor, h: Tensor, convention: Convention, keep: bool, out: Tensor | None, h_last: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Memory for y (T, B, H), gates (T, B, G, H) if kept, and the last state (B, H)."""
    T, B, H = x.shape[0], x.shape[1], h.shape[-1]
    # What a backward pass keeps is large, and comes again with the next call.
    if out is not None:
        y = out
    else:
        y = empty(x, T, B, H) if keep else x.new_empty(T, B, H)
    gates = empty(x, T, B, convention.gates, H) if keep else None
    return y, gates, x.new_empty(B, H) if h_last is None else h_last


def rows_of(t: Tensor | None) -> Any:
    """With unit stride in the last axis."""
    if t is None or t.is_contiguous() or t.stride(-1) == 1 or t.shape[-1] == 1:
        return t
    return t.detach().contiguous()


def _give_back(block: Block) -> None:
    _blocks.append(block)  # without the lock: this runs whenever something is freed, in any thread


def _taken(size: int) -> Block:
    """An idle block that fits, or a new one."""
    for k, block in enumerate(_blocks):
        if size <= block.nbytes <= 2 * size:
            return _blocks.pop(k)
    _let_go()
    return np.empty(size + size // 8, np.uint8)


def _let_go() -> None:
    """Forget idle blocks, the newest first, beyond what is kept."""
    excess = sum(block.nbytes for block in _blocks) - KEPT
    for k in reversed(range(len(_blocks))):
        if excess > 0:
            excess -= _blocks.pop(k).nbytes
