"""What a forecast is judged by: the simple forecasts that it has to beat, MASE, and the coverage of its interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError

Array = np.ndarray[Any, Any]

BASELINES = ("last value", "seasonal last value", "drift")


def baseline(name: str, history: Array, horizon: int, season: int | None) -> Array:
    """A forecast (horizon, C) that needs no training, from what was observed (T, C).

    Example:
        >>> [baseline(name, np.array([[1.0], [2.0], [4.0]]), 2, 2)[:, 0].tolist() for name in BASELINES]
        [[4.0, 4.0], [2.0, 4.0], [5.5, 7.0]]
    """
    T, k = len(history), np.arange(1, horizon + 1)
    if name == "seasonal last value" and season and season <= T:
        return np.asarray(history[T - season + (k - 1) % season])
    last = np.repeat(history[-1:], horizon, axis=0)
    if name == "drift" and T > 1:  # the straight line through the first and the last value
        last = last + k[:, None] * (history[-1] - history[0]) / (T - 1)
    return np.asarray(last)


def seasonal_error(history: Array, season: int | None, name: str = "series") -> Array:
    """The in-sample error that MASE is scaled by: the mean absolute change from one season to the next, (C,).

    Q = mean |y_t - y_{t-m}| over t = m+1 .. T, with m the season, or 1 without one (Hyndman and Koehler 2006,
    https://doi.org/10.1016/j.ijforecast.2006.03.001, there with m = 1).

    Raises:
        DataError: the series is no longer than a season.
    """
    m = season or 1
    if len(history) <= m:
        raise DataError(f"{name} has {len(history)} steps before the first origin; expected more than a season, {m}")
    return np.asarray(np.abs(history[m:] - history[:-m]).mean(0))


class Interval(NamedTuple):
    """A share and where it lies with 95 % of confidence, if the trials were independent."""

    share: float
    lower: float
    upper: float


def wilson(p: float, trials: int) -> Interval:
    """The share p of so many trials with its interval.

    Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference.

    Example:
        >>> [round(v, 4) for v in wilson(0.8, 10)]
        [0.8, 0.4902, 0.9433]
    """
    z = 1.959963984540054
    middle = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(p * (1 - p) / trials + z * z / (4 * trials**2))
    return Interval(p, max(0.0, float(middle - half)), min(1.0, float(middle + half)))
