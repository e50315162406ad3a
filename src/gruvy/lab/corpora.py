"""The two corpora of real speech that the lab learns from, as float32 sequences scaled on the training share."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import load

Array = NDArray[np.float32]


class Corpus(NamedTuple):
    """Sequences (T_i, I) to learn from and to judge on, with classes 0, 1, 2 ..."""

    train: list[Array]
    y_train: NDArray[np.int64]
    test: list[Array]
    y_test: NDArray[np.int64]
    classes: int


@cache
def corpus(name: str) -> Corpus:
    """``"spoken-digits"``, a fifth held out, or ``"japanese-vowels"``, split as published.

    Raises:
        MissingExtraError: the package that has the data is not installed.
    """
    data = load(name)
    every = np.concatenate(data.train.x)
    centre, spread = every.mean(0), every.std(0)

    def scaled(xs: list[NDArray[np.floating]]) -> list[Array]:
        return [((x - centre) / spread).astype(np.float32) for x in xs]

    count = len(data.train.x)
    classes, codes = np.unique(np.concatenate([data.train.y, data.test.y]), return_inverse=True)
    return Corpus(scaled(data.train.x), codes[:count], scaled(data.test.x), codes[count:], len(classes))
