"""A forecaster at origins of the past, where what came after is known, beside forecasts that need no training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..checks import whole
from ..data.collection import plural
from ..errors import DataError
from .measure import BASELINES, Interval, baseline, seasonal_error, wilson
from .predictor import Forecast
from .series import Panel

Array = np.ndarray[Any, Any]


class Forecaster(Protocol):
    """What is tried: `GRUForecaster`, not trained yet."""

    horizon: int
    season: int | None
    level: float

    def fit(self, series: Panel) -> Any: ...
    def predict(self, series: Panel, *, horizon: int) -> Forecast: ...


@dataclass(frozen=True, eq=False)
class Backtest:
    """How good forecasts were, of N series at R origins: `str` is the table.

    Attributes:
        actual, median, lower, upper: (N, R, h, C). baselines: (N, R, h, C) of each, by name.
        origins: the number of steps observed at each origin (N, R).
        scale: the in-sample seasonal error (N, C) by which MASE divides.
        level: the share of numbers that the interval is to hold.
        season: steps, or None.
    """

    actual: Array
    median: Array
    lower: Array
    upper: Array
    baselines: dict[str, Array]
    origins: Array
    scale: Array
    level: float
    season: int | None

    @property
    def mase(self) -> dict[str, float]:
        """The mean absolute error of gruvy and of each baseline, in units of the in-sample seasonal error.

        Below 1 is better than a seasonal last value one step ahead was in training. It leaves out series that did not
        change from season to season in training, and is NaN if none did.
        """
        said = {"gruvy": self.median, **self.baselines}
        changed = self.scale > 0  # (N, C)
        if not changed.any():
            return dict.fromkeys(said, float("nan"))
        size = np.where(changed, self.scale, np.inf)[:, None, None]
        each = {name: np.abs(found - self.actual) / size for name, found in said.items()}
        return {name: float(error.mean((1, 2))[changed].mean()) for name, error in each.items()}

    @property
    def inside(self) -> Array:
        """Which numbers fell into their interval: (N, R, h, C) booleans."""
        return np.asarray((self.lower <= self.actual) & (self.actual <= self.upper))

    @property
    def coverage(self) -> Interval:
        """The share of numbers that fell into their interval, with its binomial interval.

        A number that was forecast from several origins counts once in the interval, which takes the numbers for
        independent: those of one series are not quite, and the true interval is wider.
        """
        return wilson(float(self.inside.mean()), self.numbers)

    @property
    def numbers(self) -> int:
        """How many numbers were forecast, from one origin or several."""
        h = self.actual.shape[2]
        steps = [len(np.unique(at[:, None] + np.arange(h))) for at in self.origins]
        return sum(steps) * int(self.actual.shape[3])

    @property
    def beats(self) -> list[str]:
        """The baselines with a larger error than gruvy."""
        mase = self.mase
        return [name for name in self.baselines if mase["gruvy"] < mase[name]]

    def __str__(self) -> str:
        mase = self.mase
        width = max(map(len, mase))
        N, R, h, _ = self.actual.shape
        lines = [f"{'':{width}}    MASE", *(f"{name:{width}}  {error:6.3f}" for name, error in mase.items())]
        if self.season is None:
            lines = [line for line in lines if not line.startswith("seasonal")]
        share, lower, upper = self.coverage
        lines.append(
            f"{N:,} series, {plural(R, 'origin')}, {plural(h, 'step')}; the {100 * self.level:g} % interval held "
            f"{100 * share:.1f} % ({100 * lower:.1f} to {100 * upper:.1f})"
        )
        still = int((self.scale == 0).any(axis=1).sum())
        if still:
            lines.append(f"MASE leaves out {still:,} series that did not change from season to season in training")
        worse = [name for name in self.baselines if name not in self.beats]
        lines.append("gruvy beats each baseline" if not worse else f"gruvy does not beat {', '.join(worse)}")
        return "\n".join(lines)


def backtest(of: Forecaster, panel: Panel, origins: int, stride: int, horizon: int, refit: bool) -> Backtest:
    """As `GRUForecaster.backtest` says.

    Raises:
        InputError, DataError: a series is too short for so many origins.
    """
    R, step = whole("origins", origins, 1), whole("stride", stride, 1)
    back = horizon + step * np.arange(R - 1, -1, -1)  # steps before the end, the earliest origin first
    for i, T in enumerate(panel.lengths):
        if back[0] >= T:
            raise DataError(f"{panel.name(i)} has {T} steps; {R} origins and {horizon} steps need more than {back[0]}")
    said: list[list[Array]] = [[], [], []]
    for r, b in enumerate(back):
        seen = panel.head([T - int(b) for T in panel.lengths], of.horizon)
        if r == 0 or refit:
            of.fit(seen)
        found = of.predict(seen, horizon=horizon)
        for kept, a in zip(said, (found.median, found.lower, found.upper), strict=True):
            kept.append(a.reshape(len(panel), horizon, -1))
    ends = np.array(panel.lengths)[:, None] - back
    actual = np.array([[v[n : n + horizon] for n in at] for v, at in zip(panel.values, ends, strict=True)])
    names = BASELINES if of.season else [name for name in BASELINES if not name.startswith("seasonal")]
    simple = {
        name: np.array(
            [[baseline(name, v[:n], horizon, of.season) for n in at] for v, at in zip(panel.values, ends, strict=True)]
        )
        for name in names
    }
    scale = [
        seasonal_error(v[: at[0]], of.season, panel.name(i))
        for i, (v, at) in enumerate(zip(panel.values, ends, strict=True))
    ]
    median, lower, upper = (np.stack(part, axis=1) for part in said)
    return Backtest(actual, median, lower, upper, simple, ends, np.array(scale), of.level, of.season)
