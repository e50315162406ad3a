"""Which steps count and where sequences start anew, as callers give it: checked, and brought to an engine's form."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, InputTypeError
from ..reference import Steps

Array = np.ndarray[Any, Any]


def check_steps(lengths: Any, mask: Any, restarts: Any, B: int, T: int) -> Steps:
    """Lengths (B,), mask and restarts (B, T) of a caller as an engine takes them, time first.

    Raises:
        InputError, InputTypeError: one does not fit; the text says which, what came and what was expected.
    """
    flags = (check_flags("mask", mask, B, T), check_flags("restarts", restarts, B, T))
    return Steps(check_lengths(lengths, B, T), *(None if a is None else a.T for a in flags))


def in_order(steps: Steps, reverse: bool) -> Steps:
    """The steps as a direction meets them: a restart before step t comes, for the backward one, before step t - 1.

    It cuts the sequence between the two, wherever one comes from.
    """
    if steps.restarts is None or not reverse:
        return steps
    return steps._replace(restarts=np.concatenate([steps.restarts[1:], np.zeros_like(steps.restarts[:1])]))


def check_lengths(lengths: Any, B: int, T: int) -> Array | None:
    """Lengths as int64 (B,), each 0..T."""
    if lengths is None:
        return None
    a = np.asarray(lengths)
    if a.shape != (B,):
        raise InputError(f"lengths: shape {a.shape}, expected (batch,) = ({B},)")
    if a.size and not np.issubdtype(a.dtype, np.integer):
        raise InputTypeError(f"lengths: dtype {a.dtype}, expected whole numbers")
    if a.size and (a.min() < 0 or a.max() > T):
        bad = int(np.flatnonzero((a < 0) | (a > T))[0])
        raise InputError(f"lengths: {a[bad]} at index {bad}, expected 0 to {T}, the number of steps in x")
    return a.astype(np.int64)


def check_flags(name: str, flags: Any, B: int, T: int) -> Array | None:
    """A mask or restarts as booleans (B, T)."""
    if flags is None:
        return None
    a = np.asarray(flags)
    if a.shape != (B, T):
        raise InputError(f"{name}: shape {a.shape}, expected (batch, time) = ({B}, {T})")
    if a.dtype != bool:
        raise InputTypeError(f"{name}: dtype {a.dtype}, expected booleans")
    return a
