"""Means and deviations of columns: what makes inputs and targets alike in size."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError

Array = np.ndarray[Any, Any]

LARGEST = 1e100  # the squares of such numbers, and the sums of these, stay far from where float64 ends


class Scaler(NamedTuple):
    """(x - mean) / scale, in float64: mean and scale (K,), float64.

    Example:
        >>> s = Scaler.of(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> s(np.array([[3.0, 6.0]])).tolist(), s.back(np.array([1.0, 1.0])).tolist()
        ([[1.0, 1.0]], [3.0, 6.0])
    """

    mean: Array
    scale: Array

    @classmethod
    def of(cls, values: Array, weight: Array | None = None, named: str = "y", column: str = "target") -> Scaler:
        """Mean and standard deviation of each column of (M, K), weighted by (M,); a deviation of 0 becomes 1.

        Raises:
            DataError: a number is beyond 1e100; `named` and `column` are what the text calls the values and a column.
        """
        if values.size and max(values.max(), -values.min()) > LARGEST:
            i, k = np.argwhere(np.abs(values) > LARGEST)[0].tolist()
            found = f"{named}: {float(values[i, k])!r} in {column} {k}"
            raise DataError(f"{found}; expected numbers of at most 1e100 in size")
        mean = np.average(values, 0, weight)
        scale = np.sqrt(np.average((values - mean) ** 2, 0, weight))
        # What is left of a constant column after rounding is no scale to divide by; its mean is its size.
        return cls(mean, np.where(scale > 1e-12 * np.abs(mean), scale, 1.0))

    def __call__(self, x: Any) -> Array:
        """Scaled values (..., K)."""
        return np.asarray((np.asarray(x) - self.mean) / self.scale)

    def back(self, y: Any) -> Array:
        """Values (..., K) on their own scale again."""
        return np.asarray(np.asarray(y) * self.scale + self.mean)
