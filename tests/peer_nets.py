"""Random nets for the tests of conversion, and how a peer's layers are run over a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from gruvy.model.model import Model
from gruvy.weights import Cell, Weights


def net(seed: int, convention: str = "torch", *, tall: bool = True, layers: int = 0, directions: int = 0, O: int = 2):
    """A random model: sizes, layers and directions by the seed; tall: both biases whole, as torch keeps them."""
    r = np.random.default_rng(seed)
    I, H = (int(n) for n in r.integers(1, 5, 2))
    L, D = layers or int(r.integers(1, 3)), directions or int(r.integers(1, 3))

    def numbers(*shape: int) -> Any:
        return (r.normal(size=shape) / 2).astype(np.float32)

    after = convention == "torch" or convention.startswith("after")
    cells = [
        [
            Cell(
                numbers(3 * H, I if k == 0 else D * H),
                numbers(3 * H, H),
                numbers(3 * H),
                numbers(3 * H) if tall else numbers(H) if after else None,
            )
            for _ in range(D)
        ]
        for k in range(L)
    ]
    return Model(weights=Weights(convention, cells), V=numbers(O, D * H) / 2, b_y=numbers(O))


def inputs(seed: int, model: Model, T: int | None = None) -> Any:
    r = np.random.default_rng(10_000 + seed)
    return r.normal(size=(2, T or int(r.integers(1, 12)), model.weights.input_units)).astype(np.float32)


def double(model: Model) -> Model:
    """The model in float64: what the peer's float32 is held against."""
    return Model(weights=model.weights.astype(np.float64), V=np.float64(model.V), b_y=np.float64(model.b_y))


def same(a: Weights, b: Weights) -> bool:
    """Whether two have the same arrays, bit for bit."""
    found = [list(w.arrays()) for w in (a, b)]
    return [n for *n, _ in found[0]] == [n for *n, _ in found[1]] and all(
        x[2].tobytes() == y[2].tobytes() and x[2].shape == y[2].shape for x, y in zip(*found, strict=True)
    )
