"""A plan and its margins as JSON can hold them, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import share, whole
from ..model.model import Model
from ..model.quantiles import Quantiles
from .calendar import FEATURES
from .scale import KINDS, Scaling
from .windows import Plan

Array = np.ndarray[Any, Any]


def plan_out(plan: Plan, margins: Array) -> dict[str, Any]:
    """For a model file."""
    return {**plan._asdict(), "scaling": plan.scaling._asdict(), "margins": margins.tolist()}


def plan_in(said: dict[str, Any], model: Model) -> tuple[Plan, Array]:
    """The plan and the margins of a model file.

    Raises:
        ValueError, TypeError, KeyError: they are none, or do not fit the network beside them.
    """
    rest = dict(said)
    margins = np.array(rest.pop("margins"), np.float64)
    scaling = Scaling(**rest.pop("scaling"))
    plan = Plan(scaling=scaling, **rest)._replace(levels=tuple(rest["levels"]))
    for name, least in (("horizon", 1), ("context", 1), ("channels", 1), ("past", 0), ("known", 0)):
        whole(name, getattr(plan, name), least)
    whole("season", scaling.season, 1)
    if scaling.kind not in KINDS or type(scaling.log) is not bool or not set(plan.calendar) <= set(FEATURES):
        raise ValueError("plan")
    lower, middle, upper = (share("levels", v) for v in plan.levels)
    task, known = model.target, plan.known * plan.at_once + 2 * len(plan.calendar)
    if (
        plan.strategy not in ("direct", "recursive")
        or not isinstance(task, Quantiles)
        or task.levels.tolist() != [lower, middle, upper]
        or len(task.mean) != plan.at_once * plan.channels
        or model.weights.input_units != plan.channels + plan.past + known
        or model.weights.directions != 1
        or margins.shape != (plan.horizon, plan.channels)
        or not np.isfinite(margins).all()
    ):
        raise ValueError("plan")
    return plan, margins
