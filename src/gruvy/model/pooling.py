"""What the answer for a whole sequence reads of its states: the last, their mean or their maximum.

A mean is summed in float64 and in the order of the steps, so that a stream, a batch and one sequence get the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

POOLINGS = ("last", "mean", "max")


def pool_steps(valid: Array, restarts: Array | None) -> Array:
    """The steps (B, T) that pooling over time looks at: those that count, since the last restart."""
    if restarts is None:
        return valid
    later = np.cumsum(restarts[:, ::-1], axis=1)[:, ::-1] - restarts
    return np.asarray(valid & (later == 0))


def pooled(pooling: str, hidden: Array, final: Array, steps: Array) -> Array:
    """The states hidden (B, T, P) pooled over `steps` (B, T); over no step the final states (B, P): (B, P)."""
    if pooling == "last":
        return final
    total, highest = np.zeros(final.shape), np.full(final.shape, -np.inf)
    for t in range(hidden.shape[1]):
        on = steps[:, t, None]
        if pooling == "mean":
            total += np.where(on, hidden[:, t], 0)
        else:
            np.maximum(highest, np.where(on, hidden[:, t], -np.inf), out=highest)
    found = total / np.maximum(steps.sum(1), 1)[:, None] if pooling == "mean" else highest
    return np.where(steps.any(axis=1, keepdims=True), found, final).astype(hidden.dtype, copy=False)


def running(pooling: str, hidden: Array) -> Array:
    """The states (T, P) pooled over all steps so far, at every step: (T, P)."""
    if pooling == "mean":
        return np.asarray(np.cumsum(hidden, axis=0, dtype=np.float64) / np.arange(1, len(hidden) + 1)[:, None])
    return np.asarray(np.maximum.accumulate(hidden, axis=0)) if pooling == "max" else hidden


def shares(pooling: str, hidden: Array, steps: Array) -> Array:
    """The derivative of the pooled state by each step's state, (B, T, P): 1/n for mean, 1 at the maximum for max."""
    if pooling == "mean":
        return np.broadcast_to((steps / np.maximum(steps.sum(1, keepdims=True), 1))[..., None], hidden.shape)
    if not hidden.shape[1]:
        return np.zeros(hidden.shape)
    best = np.where(steps[..., None], hidden, -np.inf).argmax(1)[:, None, :]
    return np.asarray((np.arange(hidden.shape[1])[None, :, None] == best) & steps[..., None])
