"""The native engine's way through a usual step of a stream: checks, layers, pooling, read-out and answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .core import core
from .native import Packed
from .threads import may_share, threads_for_step

Array = np.ndarray[Any, Any]


Pair = tuple[Array, Array]
Push = Callable[[Any, Array], int]


def feed(
    cells: Sequence[Packed],
    pooling: str,
    hidden: Array,
    pooled: Array,
    steps: Array,
    *,
    scaler: Pair | None = None,
    readout: tuple[Array, Array | None] | None = None,
    back: Pair | None = None,
    answers: str = "numbers",
) -> Push:
    """What does all of a usual step of a stream of packed layers in one call: push(x, y).

    It takes x, an array of float32 or float64, (B, I), or (I,) for B = 1, and fills y (B, A), the answer. It gives 1,
    or 2 where x has no axis of streams; or 0, and nothing was done, since x is something else, or rounding it would
    make a finite number infinite.

    Args:
        cells: a layer each. pooling: "last", "mean" or "max".
        hidden, pooled, steps: what the stream remembers, (layers, B, H), (B, H) float64 and (B,) int64: written to.
        scaler: mean and scale (I,) of the inputs, float64, or None.
        readout: V (O, H) and b (O,) or None; or None for the pooled states themselves.
        back: mean and scale (O,) of the targets, or None; y is float64 with them, else of the cells' dtype.
        answers: "numbers", the read-out itself, A = O; "softmax" or "sigmoids" of it; or "two", the softmax of 0 and
            of the one number that is read out, A = 2.
    """

    def whole(arrays: Any) -> list[Any]:
        return [None if a is None else np.ascontiguousarray(a) for a in arrays or (None, None)]

    own = [cell.core for cell in cells]
    given = (own, hidden, *whole(scaler), *whole(readout), *whole(back), pooling, pooled, steps, answers)
    push: Push = core.Feed(*given).push
    weights, rows = max(cell.weights for cell in cells), hidden.shape[1]
    if not may_share(weights):
        return push
    shared: Any = push
    return lambda x, y: int(shared(x, y, threads_for_step(rows, weights)))
