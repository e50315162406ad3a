"""A task whose answers are quantiles of numbers: what a forecast reads of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from .scaler import Scaler

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Quantiles of one or several numbers per sequence; the network sees these scaled to mean 0, deviation 1.

    Args:
        mean, scale: of the numbers (K,).
        levels: the quantiles (Q,), increasing, between 0 and 1.

    Example:
        >>> task = Quantiles(np.array([10.0]), np.array([2.0]), np.array([0.1, 0.5, 0.9]))
        >>> task.units, task.answers(np.array([[-1.0, 0.0, 1.5]])).tolist()
        ((3,), [[[8.0, 10.0, 13.0]]])
    """

    mean: Array
    scale: Array
    levels: Array
    per_step = False
    name = "quantiles"

    @classmethod
    def of(cls, y: Array, levels: Any) -> Quantiles:
        """The task that the numbers y (N, K) ask for."""
        return cls(*Scaler.of(y), levels=np.asarray(levels, np.float64))

    @property
    def units(self) -> tuple[int, ...]:
        return (len(self.mean) * len(self.levels),)

    def encode(self, y: Any) -> Array:
        """Numbers (N, K), scaled."""
        y = np.asarray(y, np.float64)
        if y.ndim != 2 or y.shape[1] != len(self.mean):
            raise DataError(f"y has shape {y.shape}; expected (sequences, {len(self.mean)})")
        scaled: Array = ((y - self.mean) / self.scale).astype(np.float32)
        return scaled

    def score(self, raw: Array, target: Array, weight: Array) -> float:
        """1 - the weighted mean of the medians' absolute errors over that of zeros: raw (M, K*Q), target (M, K)."""
        median = self._split(raw)[..., int(np.abs(self.levels - 0.5).argmin())]
        error, size = (np.average(np.abs(d).mean(1), weights=weight) for d in (target - median, target))
        return float(1 - error / size) if size else 0.0

    def blind(self, target: Array, weight: Array) -> float:
        """The least mean loss of one answer for all, the data's quantiles: target (M, K), weight (M,).

        Example:
            >>> task = Quantiles(np.array([0.0]), np.array([1.0]), np.array([0.5]))
            >>> task.blind(np.array([[0.0], [1.0], [5.0]]), np.ones(3))  # half of 1, 0 and 4
            0.8333333333333334
        """
        order = np.argsort(target, axis=0)
        passed = np.cumsum(weight[order], axis=0) / weight.sum()
        losses = []
        for level in self.levels:
            quantile = np.take_along_axis(np.take_along_axis(target, order, 0), (passed >= level).argmax(0)[None], 0)
            above = target - quantile
            losses.append(np.average(np.maximum(level * above, (level - 1) * above), 0, weight).mean())
        return float(np.mean(losses))

    def answers(self, raw: Array) -> Array:
        """Quantiles on their own scale (..., K, Q), increasing, from read-outs (..., K*Q)."""
        # Each is learnt for itself and may come out of order: sorted they are nearer to the truth
        # (Chernozhukov, Fernández-Val and Galichon 2010).
        found: Array = np.sort(self._split(raw), axis=-1) * self.scale[:, None] + self.mean[:, None]
        return found

    def back(self, raw: Array) -> Array:
        """The same end to end (..., K*Q)."""
        return self.answers(raw).reshape(raw.shape)

    stream = answers

    def _split(self, raw: Array) -> Array:
        return raw.reshape(*raw.shape[:-1], len(self.mean), len(self.levels))
