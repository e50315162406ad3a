"""Series to what a network reads: windows that end at an origin, the last step observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError
from .scale import Scaling
from .series import Panel

Array = np.ndarray[Any, Any]


class Plan(NamedTuple):
    """How a model forecasts, beside its network.

    Attributes:
        horizon: steps, at most. strategy: "direct" or "recursive".
        scaling: what a series is compared with.
        context: steps that are read before the first that is forecast.
        channels, past, known: how many columns of each kind.
        calendar: features of the calendar.
        levels: the quantiles (lower, median, upper).
    """

    horizon: int
    strategy: str
    scaling: Scaling
    context: int
    channels: int
    past: int
    known: int
    calendar: list[str]
    levels: tuple[float, float, float]

    @property
    def needed(self) -> int:
        """The steps of a series that a forecast needs."""
        return self.context + self.scaling.lag

    @property
    def at_once(self) -> int:
        """The steps that the network reads out at once."""
        return self.horizon if self.strategy == "direct" else 1


class Windows(NamedTuple):
    """N windows of W steps.

    Attributes:
        own: the series' own numbers and the past-only columns (N, W, C + P), scaled.
        ahead: what is known ahead (N, W + horizon - 1, A): row w belongs to the step after step w of the window.
        before: the last inner values (N, lag, C); centre, unit: (N, C).
        series: which series each is of (N,); origins: its last step (N,).
    """

    own: Array
    ahead: Array
    before: Array
    centre: Array
    unit: Array
    series: Array
    origins: Array

    def inputs(self, plan: Plan) -> Array:
        """What the network reads (N, W, I): at each step its own numbers, and what is known of the steps that it
        is to forecast: of one, or with the direct strategy of the calendar of one and the other columns of all."""
        W, K = self.own.shape[1], plan.known
        near = self.ahead[:, :W]
        if plan.strategy == "recursive" or K == 0:
            return np.concatenate([self.own, near], axis=2)
        far = [self.ahead[:, k : W + k, :K] for k in range(1, plan.horizon)]
        return np.concatenate([self.own, near, *far], axis=2)

    def take(self, rows: Array) -> Windows:
        """Those at these places."""
        return Windows(*(part[rows] for part in self))


def check_lengths(panel: Panel, plan: Plan, more: int, what: str) -> None:
    """Every series is long enough.

    Raises:
        DataError: one is shorter than what is read of it and `more` steps.
    """
    for i, T in enumerate(panel.lengths):
        if plan.needed + more > T:
            raise DataError(f"{panel.name(i)} has {T} steps, too few {what}; expected at least {plan.needed + more}")


def windows(panel: Panel, plan: Plan, origins: Sequence[Array], measured: Sequence[int] | None = None) -> Windows:
    """Windows of the series.

    Args:
        panel: the series; with known columns of at least `horizon` steps after each origin.
        origins: of each series the steps after which to forecast.
        measured: how many steps of each series its centre and unit are of; None, as for every forecast, takes for
            each window those up to its origin.

    Raises:
        DataError: what is known ahead ends before the horizon.
    """
    W, h, lag = plan.context, plan.horizon, plan.scaling.lag
    own, ahead, before, centres, units = [], [], [], [], []
    for i, at in enumerate(origins):
        v, past = plan.scaling.inner(panel.values[i], panel.name(i)), panel.past[i]
        ends = at + 1 if measured is None else np.full(len(at), measured[i])
        each = {int(n): (*plan.scaling.units(v[:n]), *_spread(past[:n])) for n in np.unique(ends)}
        centre, unit, middle, spread = (
            np.array([each[int(n)][k] for n in ends]).reshape(len(at), -1) for k in range(4)
        )  # (N, C) and (N, P)
        d = np.full(v.shape, np.nan)
        d[lag:] = plan.scaling.differences(v)
        last = int(at.max(initial=-1)) + h
        known = panel.known[i]
        if len(known) <= last and known.shape[1]:
            there = len(known) - 1 - (last - h)
            raise DataError(f"known: {panel.name(i)} has the values of {there} steps to come; expected {h}")
        known = known[: last + 1]
        if panel.clocks is not None:
            known = np.concatenate([known, panel.clocks[i].waves(plan.calendar, 0, last + 1)], axis=1)
        read = at[:, None] + np.arange(1 - W, 1)
        mine = (d[read] - centre[:, None]) / unit[:, None]
        own.append(np.concatenate([mine, (past[read] - middle[:, None]) / spread[:, None]], axis=2))
        ahead.append(known[at[:, None] + np.arange(2 - W, h + 1)])
        before.append(v[at[:, None] + np.arange(1 - lag, 1)])
        centres.append(centre)
        units.append(unit)
    series = np.repeat(np.arange(len(origins)), [len(at) for at in origins])
    parts = [np.concatenate(part) for part in (own, ahead, before, centres, units, origins)]
    return Windows._make([*parts[:5], series, parts[5]])


def _spread(past: Array) -> tuple[Array, Array]:
    """Mean and deviation of columns (T, P); a deviation of 0 becomes 1."""
    deviation = past.std(0)
    return past.mean(0), np.where(deviation > 0, deviation, 1.0)


def truth(panel: Panel, origins: Sequence[Array], horizon: int) -> Array:
    """What came after each origin: (N, horizon, C)."""
    steps = np.arange(1, horizon + 1)
    return np.concatenate([v[at[:, None] + steps] for v, at in zip(panel.values, origins, strict=True)])
