"""A task of several questions at every step, each answered by yes or no: which of 88 notes sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.probabilities import sigmoids
from ..errors import DataError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class YesNo:
    """K independent answers at every step ("tag"), each 1 for yes or 0 for no: a probability of yes for each.

    Args:
        count: K.
        thresholds: (K,), the probabilities from which on the answer is yes; None for 0.5.

    Example:
        >>> task = YesNo(2)
        >>> task.encode([[[0, 1], [1, 1]], [[0, 0]]]).tolist(), task.answers(np.array([[-1.0, 2.0]])).tolist()
        ([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], [[0, 1]])
    """

    count: int
    thresholds: Array | None = None
    per_step = True
    name = "tag"

    @property
    def units(self) -> tuple[int, ...]:
        return (self.count,)

    def encode(self, y: Any) -> Array:
        """The answers of all sequences end to end, (sum of T, K), as numbers.

        Raises:
            DataError: there are more or fewer than K, or others than 0 and 1.
        """
        flat = np.concatenate([a[:, None] if a.ndim == 1 else a for a in map(np.asarray, y)])
        if flat.shape[1] != self.count:
            raise DataError(f"y has {flat.shape[1]} targets per step; expected {self.count}")
        if flat.dtype.kind not in "biuf" or not np.isin(flat, (0, 1)).all():
            raise DataError("y holds something else than 0 and 1; expected yes (1) or no (0)")
        encoded: Array = flat.astype(np.float32)
        return encoded

    def score(self, raw: Array, target: Array, weight: Array) -> float:
        """The weighted share of right answers; raw, target and weight are all (M,) or all (M, K)."""
        return float(np.average((raw > 0) == (target > 0.5), weights=weight))

    def blind(self, target: Array, weight: Array) -> float:
        """The least mean loss of answers that are the same at all steps: the mean entropy. Both (M, K)."""
        amount = weight.sum(0)
        p = (target * weight).sum(0) / np.where(amount > 0, amount, 1)
        entropy = -sum(q * np.log(np.where(q > 0, q, 1)) for q in (p, 1 - p))
        return float(np.average(entropy, weights=amount))

    def probabilities(self, raw: Array) -> Array:
        """The probability of each yes (..., K) from read-outs (..., K)."""
        return sigmoids(raw)

    def log_probabilities(self, raw: Array) -> Array:
        """Natural logarithms of the probabilities of yes, float64; tiny ones keep digits."""
        log_p: Array = -np.logaddexp(0, -raw.astype(np.float64))
        return log_p

    def answers(self, raw: Array) -> Array:
        """1 for yes and 0 for no (..., K) from read-outs (..., K)."""
        return self.chosen(self.probabilities(raw))

    def chosen(self, p: Array) -> Array:
        """1 for yes and 0 for no (..., K) from probabilities of yes."""
        return np.asarray(p >= (0.5 if self.thresholds is None else self.thresholds), np.int64)

    stream = probabilities
