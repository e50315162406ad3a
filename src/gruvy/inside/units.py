"""Which rows a heat map of units has, and in which order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from .trace import Trace

Array = np.ndarray[Any, Any]

MOST_ROWS = 512


def order_of(trace: Trace, values: Array, layer: int, order: str) -> Array:
    """The units of a layer (H,) in an order; values (H, T) is what is shown of them."""
    if order == "number":
        return np.arange(len(values))
    if order == "time-scale":
        return np.argsort(-np.nan_to_num(trace.time_scales()[layer]), kind="stable")
    if order == "similarity":
        # Seriation: units along the first principal direction of what they do.
        middle = values - values.mean(0)
        if not middle.size:
            return np.arange(len(values))
        return np.argsort(np.linalg.svd(middle, full_matrices=False)[0][:, 0], kind="stable")
    raise InputError(f'order={order!r}: expected "time-scale", "similarity" or "number"')


def fewer(values: Array, units: Array) -> tuple[Array, list[str], int]:
    """Rows averaged where there are more units than a screen has rows; their labels; how many make one."""
    together = -(-len(values) // MOST_ROWS)
    starts = np.arange(0, len(values), together)
    counts = np.diff([*starts, len(values)])
    labels = [str(u) if together == 1 else f"{u} and {n - 1} more" for u, n in zip(units[starts], counts, strict=True)]
    return np.add.reduceat(values, starts, axis=0) / counts[:, None], labels, together
