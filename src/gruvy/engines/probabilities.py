"""Probabilities from the numbers of a read-out: by the core, whose bits are those of every processor, or by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..reference import sigmoid
from . import core

Array = np.ndarray[Any, Any]


def softmax(raw: Array) -> Array:
    """e^raw over its sum along the last axis, of raw's dtype; rows with NaN or +infinity are NaN.

    Example:
        >>> softmax(np.log([[1.0, 3.0]])).round(3).tolist()
        [[0.25, 0.75]]
    """
    found = _by_core(raw, "softmax")
    if found is None:
        found = np.exp(raw - raw.max(axis=-1, keepdims=True))
        found /= found.sum(axis=-1, keepdims=True)
    return found


def sigmoids(raw: Array) -> Array:
    """1 / (1 + e^-raw), of raw's dtype.

    Example:
        >>> sigmoids(np.array([0.0, 1000.0, -1000.0])).round(3).tolist()
        [0.5, 1.0, 0.0]
    """
    found = _by_core(raw, "sigmoids")
    return sigmoid(raw) if found is None else found


def _by_core(raw: Array, answers: str) -> Array | None:
    """A new array, or None where the core is not there, or not for this dtype."""
    if not core.available()[0] or raw.dtype not in (np.float32, np.float64):
        return None
    found = np.array(raw, order="C")
    core.core.probabilities(found.reshape(-1, raw.shape[-1]), answers=answers, isa=core.isa())
    return found
