"""Large memory that one call after another uses again: the system hands out fresh pages slowly, one fault for each."""

from __future__ import annotations

import math
import sys
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

LARGE, KEPT = 4 << 20, 256 << 20  # bytes: below LARGE the C library keeps pages itself; at most KEPT lie idle

_lock = Lock()
_blocks: list[np.ndarray[Any, Any]] = [np.empty(0, np.uint8)]
_alone = sys.getrefcount(_blocks[0])  # what is counted for a block in which no tensor lies
_blocks.clear()


def empty(like: Tensor, *sizes: int) -> Tensor:
    """A tensor of these sizes with the dtype of `like`, not initialised.

    A large one on the CPU lies in a block that goes to a later call once no tensor, view or graph refers to it.
    """
    size = math.prod(sizes) * like.element_size()
    if size < LARGE or like.device.type != "cpu" or type(like) is not Tensor:
        return like.new_empty(sizes)
    if not _lock.acquire(blocking=False):  # never waited for: after a fork its holder may not exist any more
        return like.new_empty(sizes)
    try:
        fits = (k for k in range(len(_blocks)) if _idle(k) and size <= _blocks[k].nbytes <= 2 * size)
        k = next(fits, None)
        if k is None:
            _let_go()
            k = len(_blocks)
            _blocks.append(np.empty(size + size // 8, np.uint8))
        flat = torch.from_numpy(_blocks[k][:size])
    finally:
        _lock.release()
    return flat.view(like.dtype).view(sizes)


def _idle(k: int) -> bool:
    """True if no tensor lies in block k: each would hold a reference to it."""
    return sys.getrefcount(_blocks[k]) == _alone


def _let_go() -> None:
    """Forget idle blocks, the newest first, beyond what is kept."""
    idle = [k for k in range(len(_blocks)) if _idle(k)]
    excess = sum(_blocks[k].nbytes for k in idle) - KEPT
    for k in reversed(idle):
        if excess > 0:
            excess -= _blocks[k].nbytes
            del _blocks[k]
