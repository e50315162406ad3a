"""Weights in 8 bits: each row of a matrix as whole numbers from -127 to 127 and one scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..engines.held import in_8_bits as in_8_bits
from ..model.model import Model
from ..weights import Cell, Weights

Array = np.ndarray[Any, Any]


def levels(columns: int) -> int:
    """The largest whole number that a vector of so many may hold, so that no sum with int8 leaves 32 bits."""
    return min(2**15 - 1, (2**31 - 1) // (127 * columns))


def rounded(net: Model) -> Model:
    """The model with its matrices as the 8 bits have them."""

    def near(a: Array) -> Array:
        q, scales = in_8_bits(a)
        return q.astype(np.float32) * scales[:, None]

    w = net.weights.merged()
    cells = [[Cell(near(W), near(U), b, c) for W, U, b, c in layer] for layer in w.cells]
    return replace(net, weights=Weights(w.convention, cells), V=None if net.V is None else near(net.V))
