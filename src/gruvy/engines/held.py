"""Weights in fewer bytes than the float32 numbers that they meet, as steps of a stream read them.

float16 and bfloat16 hold each weight rounded to nearest; 8 bits hold whole numbers from -127 to 127 and one scale for
each row. Biases stay float32. It is written here alone how a weight is rounded; the engines only read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..reference import Cell
from ..weights import Weights

Array = np.ndarray[Any, Any]


class Held(NamedTuple):
    """A cell: W (3H, I) and U (3H, H) in a format, "float16" and "bfloat16" as the bits, uint16, or "int8".

    scale_W and scale_U (3H,) are those of the rows, in float32, with int8; b and c are the cell's.
    """

    W: Array
    U: Array
    scale_W: Array | None
    scale_U: Array | None
    b: Array | None
    c: Array | None
    format: str


def in_8_bits(a: Array) -> tuple[Array, Array]:
    """A matrix (N, M) as int8 (N, M) and float32 scales (N,): each row times its scale is the row, nearly.

    Example:
        >>> q, scales = in_8_bits(np.array([[254.0, -128.0], [0.0, 0.0]]))
        >>> q.tolist(), scales.tolist()
        ([[127, -64], [0, 0]], [2.0, 1.0])
    """
    most = np.abs(a).max(axis=1, initial=0)
    scales = np.where(most > 0, most / 127, 1).astype(np.float32)
    return np.rint(a / scales[:, None]).clip(-127, 127).astype(np.int8), scales


def _in_16_bits(a: Array) -> tuple[Array, None]:
    with np.errstate(over="ignore"):  # infinite then, and seen
        return a.astype(np.float16).view(np.uint16), None


def _in_bfloat16(a: Array) -> tuple[Array, None]:
    """The upper half of a float32 number's bits, rounded to nearest, to even where two are as near."""
    bits = a.astype(np.float32).view(np.uint32)
    return ((bits + (np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1)))) >> np.uint32(16)).astype(
        np.uint16
    ), None


_ROUND: dict[str, Callable[[Array], tuple[Array, Array | None]]] = {
    "float16": _in_16_bits,
    "bfloat16": _in_bfloat16,
    "int8": in_8_bits,
}


def hold(cell: Cell, format: str) -> Held:
    """A cell in a format: "float16", "bfloat16" or "int8"."""
    (W, scale_W), (U, scale_U) = (_ROUND[format](a) for a in (cell.W, cell.U))
    b, c = (None if a is None else a.astype(np.float32, copy=False) for a in (cell.b, cell.c))
    return Held(W, U, scale_W, scale_U, b, c, format)


def widened(held: Held) -> Cell:
    """The float32 cell with the numbers that a held one stands for."""

    def wide(a: Array, scale: Array | None) -> Array:
        if scale is not None:
            return a.astype(np.float32) * scale[:, None]
        if held.format == "float16":
            return a.view(np.float16).astype(np.float32)
        return (a.astype(np.uint32) << 16).view(np.float32)

    return Cell(wide(held.W, held.scale_W), wide(held.U, held.scale_U), held.b, held.c)


def rounded(weights: Weights, format: str) -> Weights:
    """The weights in float32, W and U as a format holds them.

    Raises:
        InputError: a weight is too large for it.
    """
    w = weights.merged()
    cells = [[widened(hold(cell, format)) for cell in layer] for layer in w.cells]
    for k, (layer, old) in enumerate(zip(cells, w.cells, strict=True)):
        for new, cell in zip(layer, old, strict=True):
            for a, was in ((new.W, cell.W), (new.U, cell.U)):
                if not np.isfinite(a).all():
                    most = was.flat[int(np.argmin(np.isfinite(a)))]
                    raise InputError(f"weights: {most:.7g} in layer {k}, beyond what {format} holds")
    return Weights(w.convention, cells)
