"""Sequences of unequal length as padded batches, neighbours in length together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError

Array = np.ndarray[Any, Any]

ROWS = 256  # sequences run at once


def by_length(lengths: Any, rows: int = ROWS, steps: int | None = None) -> list[Array]:
    """Every index once, in batches ordered by length, of at most so many rows and, with their padding, steps.

    Example:
        >>> [batch.tolist() for batch in by_length([3, 1, 2], rows=2)]
        [[1, 2], [0]]
    """
    order = np.argsort(lengths, kind="stable")
    found: list[list[int]] = []
    for i in order.tolist():
        if not found or len(found[-1]) == rows or (steps and (len(found[-1]) + 1) * lengths[i] > steps):
            found.append([])
        found[-1].append(i)
    return [np.array(batch) for batch in found]


def padded(sequences: Sequence[Array], dtype: Any) -> tuple[Array, Array]:
    """Sequences (T_i, I), at least one, as one batch (B, T, I), padded by zeros, and their lengths (B,)."""
    lengths = np.array([len(s) for s in sequences], np.int64)
    batch = np.zeros((len(sequences), int(lengths.max()), sequences[0].shape[1]), dtype)
    for row, s in zip(batch, sequences, strict=True):
        row[: len(s)] = s
    return batch, lengths


def as_batch(x: Any, lengths: Any, units: int, name: str = "x") -> tuple[Array, Any]:
    """A batch (B, T, I) and its lengths, from a batch or from a list of sequences (T_i, I), which is padded by zeros.

    Raises:
        InputError: other shapes, or a list and lengths too.
    """
    if isinstance(x, (list, tuple)) and any(np.ndim(s) != 2 or np.shape(s) != np.shape(x[0]) for s in x):
        sequences = [np.asarray(s) for s in x]
        for i, s in enumerate(sequences):
            if s.ndim != 2 or s.shape[1] != units:
                raise InputError(f"{name}[{i}]: shape {s.shape}, expected (time, {units})")
        if lengths is not None:
            raise InputError("lengths: given, but a list of sequences has its own; expected None")
        return padded(sequences, np.result_type(*sequences))
    batch = np.asarray(x)
    if batch.ndim != 3 or batch.shape[2] != units:
        raise InputError(f"{name}: shape {batch.shape}, expected (batch, time, {units}) or a list of (time, {units})")
    return batch, lengths
