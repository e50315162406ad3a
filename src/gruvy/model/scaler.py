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
        return Moments.of(values, weight, named, column).scaler()

    def __call__(self, x: Any) -> Array:
        """Scaled values (..., K)."""
        return np.asarray((np.asarray(x) - self.mean) / self.scale)

    def back(self, y: Any) -> Array:
        """Values (..., K) on their own scale again."""
        return np.asarray(np.asarray(y) * self.scale + self.mean)


class Moments(NamedTuple):
    """How much was seen of some columns, their means and their variances: amount, mean (K,), variance (K,), float64.

    Example:
        >>> a, b = Moments.of(np.array([[1.0], [2.0]])), Moments.of(np.array([[6.0]]))
        >>> a.merged(b).mean.tolist(), (3 * a.merged(b).variance).round(9).tolist()  # of 1, 2 and 6
        ([3.0], [14.0])
    """

    amount: float
    mean: Array
    variance: Array

    @classmethod
    def of(cls, values: Array, weight: Array | None = None, named: str = "y", column: str = "target") -> Moments:
        """Those of (M, K), weighted by (M,); arguments and errors as for `Scaler.of`."""
        if values.size and max(values.max(), -values.min()) > LARGEST:
            i, k = np.argwhere(np.abs(values) > LARGEST)[0].tolist()
            found = f"{named}: {float(values[i, k])!r} in {column} {k}"
            raise DataError(f"{found}; expected numbers of at most 1e100 in size")
        mean = np.average(values, 0, weight)
        variance = np.average((values - mean) ** 2, 0, weight)
        return cls(float(len(values) if weight is None else weight.sum()), mean, variance)

    def merged(self, other: Moments) -> Moments:
        """Those of both together, without loss where the means are far from 0 (Chan, Golub and LeVeque 1983)."""
        amount = self.amount + other.amount
        mine, theirs, apart = self.amount / amount, other.amount / amount, other.mean - self.mean
        variance = mine * self.variance + theirs * other.variance + mine * theirs * apart**2
        return Moments(amount, self.mean + theirs * apart, variance)

    def scaler(self) -> Scaler:
        """What brings the columns to mean 0 and deviation 1."""
        scale = np.sqrt(self.variance)
        # What is left of a constant column after rounding is no scale to divide by; its mean is its size.
        return Scaler(self.mean, np.where(scale > 1e-12 * np.abs(self.mean), scale, 1.0))
