"""A trained forecaster at work, with NumPy alone: windows in, quantiles of the steps to come out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..model.model import Model
from .windows import Plan, Windows

Array = np.ndarray[Any, Any]


class Forecast(NamedTuple):
    """What a forecaster says of the steps to come.

    `median`, `lower`, `upper`: (N, horizon) for series (T,), (N, horizon, C) for series (T, C); without the first axis
    where one series was given alone. `level`: the share of numbers that the interval is to hold. `times`: of the steps,
    an array (horizon,) for each series, or None where the series came without.
    """

    median: Array
    lower: Array
    upper: Array
    level: float
    times: list[Array] | None


class Predicted(NamedTuple):
    """Quantiles of N windows, in the series' units from what they are compared with.

    `relative` (N, h, C, 3): lower, median, upper. `base` (N, h, C): what each step is compared with, an inner value.
    """

    relative: Array
    base: Array


def predict(model: Model, plan: Plan, given: Windows) -> Predicted:
    """The quantiles of the horizon's steps, read of the state after the last step observed."""
    return (_direct if plan.strategy == "direct" else _recursive)(model, plan, given)


def _direct(model: Model, plan: Plan, given: Windows) -> Predicted:
    """All steps from one read-out."""
    answers = model.predict(given.inputs(plan))  # (N, h*C, 3)
    relative = answers.reshape(len(answers), plan.horizon, plan.channels, 3)
    return Predicted(relative, plan.scaling.base(given.before, given.centre, plan.horizon))


def _recursive(model: Model, plan: Plan, given: Windows) -> Predicted:
    """One step ahead, and its median fed back: the state goes on from where it stands, and is never computed anew."""
    lag, W, N = plan.scaling.lag, plan.context, len(given.own)
    x = given.inputs(plan)
    stream = model.stream(batch=N)
    for t in range(W):
        answer = stream.push(x[:, t])
    relative = np.empty((N, plan.horizon, plan.channels, 3))
    base = np.empty((N, plan.horizon, plan.channels))
    before = given.before
    for k in range(plan.horizon):
        if k:
            fed = relative[:, k - 1, :, 1]
            answer = stream.push(np.concatenate([fed, given.ahead[:, W + k - 1]], axis=1))
        relative[:, k] = answer
        base[:, k] = plan.scaling.base(before, given.centre, 1)[:, 0]
        if lag:
            now = base[:, k] + given.unit * relative[:, k, :, 1]
            before = np.concatenate([before[:, 1:], now[:, None]], axis=1)
    return Predicted(relative, base)


def scores(found: Predicted, given: Windows, actual: Array) -> Array:
    """How far outside its interval each number fell, in units, below 0 inside: (N, h, C). actual: inner values."""
    at = (actual - found.base) / given.unit[:, None]
    return np.maximum(found.relative[..., 0] - at, at - found.relative[..., 2])


def margins(scores: Array, level: float) -> Array:
    """By how much to widen the interval of each step: (h, C), so that `level` of numbers alike fall inside.

    Split-conformal: the ceil((n + 1) level)-th smallest of n scores, of data that training has not seen (Romano,
    Patterson and Candès 2019, https://arxiv.org/abs/1905.03222).
    """
    n = len(scores)
    place = min(int(np.ceil((n + 1) * level - 1e-9)), n)
    return np.asarray(np.sort(scores, axis=0)[place - 1])


def bounds(plan: Plan, found: Predicted, given: Windows, widen: Array) -> tuple[Array, Array, Array]:
    """Lower bound, median and upper bound of each number, each (N, h, C), in the data's own units."""
    lower, median, upper = (found.relative[..., q] for q in range(3))
    kept = (np.minimum(lower - widen, median), median, np.maximum(upper + widen, median))
    unit = given.unit[:, None]
    return tuple(plan.scaling.outer(found.base + unit * part) for part in kept)  # type: ignore[return-value]
