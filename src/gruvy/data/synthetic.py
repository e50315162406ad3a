"""Tasks that are made, not measured: binary addition and the adding problem."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gruvy.checks import whole
from gruvy.data.collection import Sequences
from gruvy.errors import InputError


def to_bits(numbers: ArrayLike, bits: int) -> NDArray[np.int64]:
    """The binary digits of whole numbers, least significant first.

    Arguments:
        numbers: (N,) whole numbers, 0 to 2**bits - 1.
        bits: how many digits, 1 to 62.

    Returns:
        (N, bits) of 0 and 1.

    >>> to_bits([6, 1], bits=3).tolist()
    [[0, 1, 1], [1, 0, 0]]
    """
    if not 1 <= bits <= 62:
        raise InputError(f"bits={bits}: expected 1 to 62")
    values = np.atleast_1d(np.asarray(numbers))
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise InputError(f"numbers has dtype {values.dtype} and shape {values.shape}; expected (N,) whole numbers")
    outside = values[(values < 0) | (values >= 2**bits)]
    if len(outside):
        raise InputError(f"numbers holds {outside[0]}; expected 0 to {2**bits - 1}, which have {bits} bits")
    result: NDArray[np.int64] = values.astype(np.int64)[:, np.newaxis] >> np.arange(bits) & 1
    return result


def from_bits(bits: ArrayLike) -> NDArray[np.int64]:
    """The whole numbers (N,) whose binary digits (N, T) these are, least significant first; above 0.5 counts as 1.

    >>> from_bits([[0, 1, 1], [0.9, 0.2, 0.1]]).tolist()
    [6, 1]
    """
    digits = np.asarray(bits)
    if digits.ndim != 2 or not 1 <= digits.shape[1] <= 63:
        raise InputError(f"bits has shape {digits.shape}; expected (N, T) with T from 1 to 63")
    result: NDArray[np.int64] = (digits > 0.5).astype(np.int64) @ (1 << np.arange(digits.shape[1], dtype=np.int64))
    return result


def addition(a: ArrayLike, b: ArrayLike, bits: int) -> Sequences:
    """Sums of two numbers, digit by digit: the next digit of a and b in, the next digit of a + b out.

    Arguments:
        a, b: (N,) whole numbers, 0 to 2**bits - 1.
        bits: digits of a and b; the sums have one more, so the sequences have bits + 1 steps.

    Returns:
        Sequences with x (bits + 1, 2) and y (N, bits + 1) of 0 and 1, least significant first.

    >>> sums = addition([1024], [16], bits=20)
    >>> sums.x[0].shape, from_bits(sums.y).tolist()
    ((21, 2), [1040])
    """
    if not 1 <= bits <= 61:
        raise InputError(f"bits={bits}: expected 1 to 61")
    digits = [np.pad(to_bits(numbers, bits), ((0, 0), (0, 1))) for numbers in (a, b)]
    if len(digits[0]) != len(digits[1]):
        raise InputError(f"a has {len(digits[0])} numbers, b has {len(digits[1])}; expected as many in each")
    first, second = np.atleast_1d(np.asarray(a)), np.atleast_1d(np.asarray(b))
    return Sequences(
        list(np.stack(digits, axis=2).astype(np.float32)),
        y=to_bits(first.astype(np.int64) + second.astype(np.int64), bits + 1),
        ids=[f"{i}+{j}" for i, j in zip(first.tolist(), second.tolist(), strict=True)],
        features=["a", "b"],
        target=["a+b"],
    )


def all_sums(bits: int = 4) -> Sequences:
    """Every sum of two numbers of so many bits (at most 10): 256 for 4 bits."""
    if not 1 <= bits <= 10:
        raise InputError(f"bits={bits}: expected 1 to 10; there are 4**bits pairs")
    a, b = np.divmod(np.arange(4**bits), 2**bits)
    return addition(a, b, bits)


def random_sums(count: int, bits: int = 20, seed: int = 0) -> Sequences:
    """So many sums of two random numbers of so many bits."""
    if not 1 <= bits <= 61:
        raise InputError(f"bits={bits}: expected 1 to 61")
    a, b = np.random.default_rng(seed).integers(0, 2**bits, size=(2, whole("count", count, 1)))
    return addition(a, b, bits)


def adding(count: int, steps: int = 50, seed: int = 0) -> Sequences:
    """The adding problem (Hochreiter and Schmidhuber, 1997): remember two marked numbers and give their sum.

    Arguments:
        count: N, how many sequences.
        steps: T, at least 2. Channel "value" is uniform in [0, 1); channel "marker" is 1 at one step of the first
            half and at one of the second, else 0.
        seed: the same seed gives the same sequences.

    Returns:
        Sequences with x (T, 2) and y (N,), the sum of the marked values; always answering 1 has an error of 1/6.
    """
    count, steps = whole("count", count, 1), whole("steps", steps, 2)
    rng = np.random.default_rng(seed)
    x = np.zeros((count, steps, 2), dtype=np.float32)
    x[:, :, 0] = rng.random((count, steps), dtype=np.float32)
    rows = np.arange(count)
    first, second = rng.integers(0, steps // 2, count), rng.integers(steps // 2, steps, count)
    x[rows, first, 1] = x[rows, second, 1] = 1
    y = x[rows, first, 0] + x[rows, second, 0]
    return Sequences(list(x), y=y, features=["value", "marker"], target=["sum"])
