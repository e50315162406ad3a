"""Targets and weights at every step, as `GRUTagger` is given them, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import compute_sample_weight

from ..arrays import check_targets
from ..errors import DataError, InputError
from ..model.task import end_to_end
from ..network.fit import check_weights, step_targets
from .inputs import check_order

Array = np.ndarray[Any, Any]


def cut(rows: Any, lengths: Any, name: str) -> Any:
    """The first `lengths[i]` steps of each of N padded rows; as they are without lengths.

    Raises:
        InputError: the lengths are no whole numbers, one a row and none longer than it.
    """
    if lengths is None or rows is None:
        return rows
    counts = np.asarray(lengths)
    if counts.shape != (len(rows),) or counts.dtype.kind not in "iu":
        raise InputError(f"lengths: shape {counts.shape} of {counts.dtype}, expected {len(rows)} whole numbers")
    kept = []
    for i, (row, count) in enumerate(zip(rows, counts.tolist(), strict=True)):
        if not 0 <= count <= len(row):
            raise InputError(f"lengths[{i}]: {count}, expected 0 to {len(row)}, the steps of {name}[{i}]")
        kept.append(np.asarray(row)[:count])
    return kept


def steps_of(estimator: Any, y: Any, sequences: Sequence[Array]) -> list[Array]:
    """The targets at every step, (T_i,) or (T_i, K) for each sequence.

    Raises:
        ValueError: there are none. InputError, DataError: they do not fit the sequences. InputTypeError: their kinds
            have no order.
    """
    if y is None:
        # scikit-learn's own words
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    given = check_targets(y, len(sequences))
    if given.ndim == 1 and not any(map(np.ndim, given)):
        raise DataError(
            "y: one answer per sequence; expected one per step, arrays (T_i,): "
            "gruvy.GRUClassifier and gruvy.GRURegressor learn one per sequence"
        )
    steps = step_targets(given, [len(x) for x in sequences])
    check_order(end_to_end(steps))
    return steps


def step_weights(sample_weight: Any, sequences: Sequence[Array], lengths: Any = None) -> list[Array] | None:
    """How much each step of each sequence counts, of (N,) or of one array a sequence.

    Raises:
        InputError, InputTypeError: they do not fit, or are no weights.
    """
    if sample_weight is None:
        return None
    sample_weight = sample_weight if isinstance(sample_weight, (list, tuple)) else np.asarray(sample_weight)
    if not len(sample_weight) or np.ndim(sample_weight[0]) == 0:
        weight = check_weights(sample_weight, len(sequences))
        assert weight is not None
        return [np.full(len(x), w) for x, w in zip(sequences, weight, strict=True)]
    each = [np.asarray(w) for w in cut(sample_weight, lengths, "sample_weight")]
    if [w.shape for w in each] != [(len(x),) for x in sequences]:
        raise InputError("sample_weight: expected (sequences,), or for each sequence one number per step")
    flat = check_weights(np.concatenate(each), sum(map(len, each)))
    assert flat is not None
    return np.split(flat, np.cumsum([len(w) for w in each])[:-1])


def class_weights(class_weight: Any, y: Array) -> Array:
    """The weight of the class of each step (S,), or of each yes and no (S, K), as y."""
    if y.ndim == 1:
        return np.asarray(compute_sample_weight(class_weight, y))
    return np.stack([compute_sample_weight(class_weight, column) for column in y.T], axis=1)
