"""From series to a trained and calibrated model: which scaling, then the training, then the intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import DataError
from ..model.model import Model
from ..model.quantiles import Quantiles
from ..model.scaler import Scaler
from ..network import GRU
from ..network.fit import fit_task
from ..training import History, Settings
from . import predictor
from .calendar import chosen
from .scale import KINDS, Scaling
from .series import Panel
from .settings import Parameters
from .windows import Plan, check_lengths, truth, windows

Array = np.ndarray[Any, Any]

STEPS = 150  # of the optimiser, where max_epochs is None
FEWEST = 8  # windows to train on, below which nothing is chosen by


@dataclass
class Fitted:
    """What a fit finds: a model, how it forecasts, by how much its intervals are widened, how it went."""

    model: Model
    plan: Plan
    margins: Array
    history: History
    choices: dict[str, float]


def fitted(of: Parameters, panel: Panel) -> Fitted:
    """Choose the scaling, train, and calibrate on windows held out.

    Raises:
        InputError, DataError: the series do not suit, or are too short.
    """
    options = scalings(of, panel)
    plan = first_plan(of, panel, max(options, key=lambda option: option.lag))
    held = calibration_counts(of, panel, plan)
    rest = [T - plan.horizon - n + 1 for T, n in zip(panel.lengths, held, strict=True)]  # what training may see
    scaling, choices = choose(of, panel, plan, rest, options)
    plan = plan._replace(scaling=scaling)
    model, history = train(of, panel, plan, rest, of.progress)
    ends = [np.arange(T - plan.horizon - n, T - plan.horizon) for T, n in zip(panel.lengths, held, strict=True)]
    given = windows(panel, plan, ends)
    found = predictor.predict(model, plan, given)
    came = plan.scaling.inner(truth(panel, ends, plan.horizon), "series")
    return Fitted(model, plan, predictor.margins(predictor.scores(found, given, came), of.level), history, choices)


def scalings(of: Parameters, panel: Panel) -> list[Scaling]:
    """Those to choose from; the first where there is too little to choose by."""
    kinds = [k for k in reversed(KINDS) if k != "season" or of.season] if of.scaling == "auto" else [of.scaling]
    logs = [bool(of.log)]
    if of.log == "auto":
        logs = [False, True] if all((v > 0).all() for v in panel.values) else [False]
    return [Scaling(kind, of.season or 1, log) for kind in kinds for log in logs]


def first_plan(of: Parameters, panel: Panel, scaling: Scaling) -> Plan:
    """The plan with one of the scalings.

    Raises:
        InputError: past-only columns with the recursive strategy, or a calendar without times.
    """
    shortest = min(panel.lengths)
    context = of.context
    if context is None:
        context = min(max(of.season or 1, of.horizon), max(shortest // 6, 1))
    alpha = (1 - of.level) / 2
    past = panel.past[0].shape[1]
    if past and of.strategy == "recursive":
        raise DataError(
            'past: columns known up to now only cannot be fed back with strategy="recursive"; expected None, '
            "such columns as further channels of series, or the direct strategy"
        )
    return Plan(
        horizon=of.horizon,
        strategy=of.strategy,
        scaling=scaling,
        context=context,
        channels=panel.values[0].shape[1],
        past=past,
        known=panel.known[0].shape[1],
        calendar=chosen(of.calendar, panel.clocks),
        levels=(alpha, 0.5, 1 - alpha),
    )


def calibration_counts(of: Parameters, panel: Panel, plan: Plan) -> list[int]:
    """How many windows of each series are held out: its share, and in all enough for a margin to be read of them.

    Raises:
        DataError: a series is too short.
    """
    enough = int(np.ceil(of.level / (1 - of.level) - 1e-9))
    least = max(-(-enough // len(panel)), 1)
    check_lengths(panel, plan, plan.at_once + plan.horizon + least, "to train and to calibrate on")
    found = []
    for T in panel.lengths:
        most = T - plan.horizon - plan.needed - plan.at_once
        found.append(min(max(least, round(of.calibration * (T - plan.horizon - plan.needed + 1))), most))
    return found


def choose(
    of: Parameters, panel: Panel, plan: Plan, rest: list[int], options: list[Scaling]
) -> tuple[Scaling, dict[str, float]]:
    """The scaling with the smallest absolute error on the last training windows, and the error of each.

    These are a fifth of them, or those of a whole season where these are more, but no more than a third. The error of
    a series counts in units of its mean change from step to step.
    """
    if len(options) == 1:
        return options[0], {}
    h, ends, before = plan.horizon, [], []
    for n in rest:
        windows_of = max(n - h - plan.needed + 1, 0)
        count = max(windows_of // 5, min(of.season or 1, windows_of // 3))
        ends.append(np.arange(n - h - count, n - h))
        before.append(n - h - count + 1)
    if sum(max(n - plan.at_once - plan.needed + 1, 0) for n in before) < FEWEST or not all(map(len, ends)):
        return options[0], {}
    change = [np.abs(np.diff(v[:n], axis=0)).mean(0) for v, n in zip(panel.values, before, strict=True)]
    size = np.repeat([np.where(c > 0, c, 1.0) for c in change], [len(at) for at in ends], axis=0)
    came = truth(panel, ends, h)
    errors = {}
    for option in options:
        tried = plan._replace(scaling=option)
        model, _ = train(of, panel, tried, before, False)
        given = windows(panel, tried, ends)
        found = predictor.predict(model, tried, given)
        median = predictor.bounds(tried, found, given, np.zeros(()))[1]
        errors[option] = float(np.mean(np.abs(median - came) / size[:, None]))
    best = min(options, key=lambda option: errors[option])
    return best, {f"{option.kind}{', log' if option.log else ''}": error for option, error in errors.items()}


def train(
    of: Parameters, panel: Panel, plan: Plan, ends: list[int], progress: bool | str | None
) -> tuple[Model, History]:
    """A network trained on the first so many steps of each series."""
    at = [np.arange(plan.needed - 1, max(n - plan.at_once, plan.needed - 1)) for n in ends]
    given = windows(panel, plan, at, ends)
    x = given.inputs(plan)
    came = plan.scaling.inner(truth(panel, at, plan.at_once), "series")
    base = plan.scaling.base(given.before, given.centre, plan.at_once)
    y = ((came - base) / given.unit[:, None]).reshape(len(x), -1)
    task = Quantiles.of(y, plan.levels)
    scaler = Scaler.of(x.reshape(-1, x.shape[-1]), named="series", column="input")
    seed = int(np.random.default_rng(of.random_state).integers(2**31 - 1))
    batch = of.batch_size or len(x)
    settings = Settings(
        max_epochs=of.max_epochs or max(5, round(STEPS / -(-len(x) // batch))),
        batch_size=of.batch_size,
        learning_rate=of.learning_rate,
        weight_decay=of.weight_decay,
        clip_norm=of.clip_norm,
        seed=seed,
        device=of.device,
        progress=progress,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        kind = {name: getattr(of, name) for name in ("layers", "convention", "dropout", "init")}
        net = GRU(x.shape[-1], of.hidden_units, task.units[0], **kind)
    scaled = [row.astype(np.float32) for row in scaler(x)]
    history = fit_task(net, task, scaled, y, None, None, settings, in_core=True)
    return net.model(target=task, scaler=scaler), history
