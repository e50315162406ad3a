"""`GRUForecaster`: the next steps of one or many series, with intervals."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..checks import whole
from ..errors import InputError, ModelFileError
from ..model import file as model_file
from ..model.model import Model
from . import predictor
from .backtest import Backtest, backtest
from .plan import plan_in, plan_out
from .predictor import Forecast
from .series import Panel
from .settings import Parameters
from .windows import Plan, Windows, check_lengths, windows

if TYPE_CHECKING:
    from ..training import History

Array = np.ndarray[Any, Any]


class GRUForecaster(Parameters):
    """A forecaster of one or many series: a GRU reads the last steps and says the quantiles of those to come.

    Every series is brought to one size: its logarithm is taken or not, it is compared with its mean, with its last
    value or with the value one season before, and measured in units of its own deviation. Which is best is found on a
    validation part, see `scaling`. The last windows of each series are held out from training; they tell how wide the
    interval has to be.

    Args:
        horizon: steps to forecast, at most.
        season: steps after which a series repeats itself, as 12 for months; None for none.
        strategy: ``"direct"`` reads all steps out of the state after the last step observed; ``"recursive"`` one, which
            is fed back to go on from that state.
        level: the share of numbers that an interval is to hold.
        context: steps that are read before the first that is forecast; None takes a season or the horizon, the longer;
            of short series no more than a sixth.
        scaling: ``"mean"``, ``"last"``, ``"season"``, or ``"auto"``: the one with the smallest absolute error on the
            last fifth of the training windows, or on the last season of them if that is more.
        log: whether to take logarithms; ``"auto"`` tries both where all numbers are above 0.
        calendar: None for none; ``"auto"`` for those of month, weekday and hour that change from step to step (of
            monthly series the month; of daily ones the month and the weekday; of shorter steps the hour too); or names.
            Each comes as its sine and cosine.
        calibration: the share of each series' windows held out to calibrate the interval.
        hidden_units, layers, convention, dropout, init: of the network, see `gruvy.GRU`.
        max_epochs: passes over the training windows; None takes as many as make 150 steps of the optimiser, at least 5.
        batch_size, learning_rate, weight_decay, clip_norm: see `gruvy.training.Settings`.
        device: of torch. random_state: a whole number makes a fit repeat exactly, on one machine with one number of
            threads. progress: as for `GRUClassifier`.

    Attributes:
        model_: the `gruvy.model.model.Model`, which takes what `gruvy.forecast.windows` makes. plan_: how it forecasts.
        margins_: by how much each step's interval was widened (horizon, C), in the series' own units. history_: one row
            per epoch; None where the forecaster was loaded. choices_: the error of each scaling that was tried.

    Example:
        >>> t = np.arange(120)
        >>> series = 10 + np.sin(2 * np.pi * t / 12)
        >>> forecaster = GRUForecaster(3, season=12, scaling="season", log=False, max_epochs=2, random_state=0)
        >>> forecaster.fit(series).predict(series).median.round(1)
        array([10. , 10.5, 10.9])
    """

    model_: Model
    plan_: Plan
    margins_: Array
    history_: History | None
    choices_: dict[str, float]

    def fit(self, series: Any, *, past: Any = None, known: Any = None, times: Any = None) -> Self:
        """Train, and calibrate the intervals on windows that training has not seen.

        Args:
            series: one series, an array (T,) or (T, C) of C channels that are all forecast; or a list of such; or a
                `Panel`, as `gruvy.forecast.panel` makes of a frame, which brings what follows.
            past: columns known up to now only, (T, P) or a list; for the direct strategy.
            known: columns known ahead, (T, K) or a list, such as prices or holidays; more steps than T may be there.
            times: of the steps, (T,) dates or numbers at equal distances, or a list.

        Raises:
            InputError, InputTypeError, DataError: the series or a setting do not suit.
        """
        from .fit import fitted

        self.check()
        panel = Panel.of(series, past, known, times)
        found = fitted(self, panel)
        self.model_, self.plan_, self.margins_ = found.model, found.plan, found.margins
        self.history_, self.choices_, self.panel_ = found.history, found.choices, panel
        return self

    def predict(
        self,
        series: Any = None,
        *,
        past: Any = None,
        known: Any = None,
        times: Any = None,
        horizon: int | None = None,
    ) -> Forecast:
        """The steps after the last of each series.

        Args:
            series: as for `fit`, each from its begin on; default those of `fit`. Centre and unit are measured on all
                of each.
            past, times: as for `fit`.
            known: as for `fit`, with the values of the steps to come: (T + horizon, K).
            horizon: default that of training, and at most that.

        Returns:
            `Forecast`.

        Raises:
            InputError, InputTypeError, DataError: the series do not suit the model, or are too short.
        """
        panel = self._panel(series, past, known, times)
        h = self._at_most(horizon)
        plan = self.plan_
        check_lengths(panel, plan, 0, "to forecast from")
        ends = [np.array([T - 1]) for T in panel.lengths]
        given = windows(panel, plan, ends)
        found = predictor.predict(self.model_, plan, given)
        lower, median, upper = (_shaped(a[:, :h], panel) for a in self._bounds(found, given))
        return Forecast(median, lower, upper, self.level, panel.times_after(h))

    def backtest(
        self,
        series: Any,
        *,
        origins: int = 10,
        stride: int = 1,
        horizon: int | None = None,
        refit: bool = False,
        past: Any = None,
        known: Any = None,
        times: Any = None,
    ) -> Backtest:
        """How good forecasts from the last `origins` origins would have been, beside last value, seasonal last value
        and drift.

        A forecaster with these settings is trained on what lies before the first origin, or anew at each; this one
        stays as it is. Centre and unit of a series are always of what lies before the origin.

        Args:
            series, past, known, times: as for `fit`.
            origins: how many. stride: steps from one to the next.
            horizon: steps to judge; default that of training, and at most that.
            refit: train anew at each origin.

        Returns:
            `Backtest`, whose text is the table.

        Raises:
            InputError, InputTypeError, DataError: the series or a setting do not suit.
        """
        self.check()
        panel = Panel.of(series, past, known, times)
        return backtest(replace(self), panel, origins, stride, self._at_most(horizon), refit)

    def _panel(self, series: Any, past: Any = None, known: Any = None, times: Any = None) -> Panel:
        """What to forecast from, with the columns of training."""
        self._fitted()
        if series is None:
            if not hasattr(self, "panel_"):
                raise InputError("series: None, and a loaded forecaster has no series of its own; expected series")
            panel = self.panel_
        else:
            panel = Panel.of(series, past, known, times)
        plan = self.plan_
        for name, columns, expected in (
            ("series", panel.values[0].shape[1], plan.channels),
            ("past", panel.past[0].shape[1], plan.past),
            ("known", panel.known[0].shape[1], plan.known),
        ):
            if columns != expected:
                raise InputError(f"{name}: {columns} channels; the forecaster was trained on {expected}")
        if plan.calendar and panel.clocks is None:
            raise InputError(f"times: None; the forecaster was trained with {', '.join(plan.calendar)} of the calendar")
        return panel

    def _bounds(self, found: predictor.Predicted, given: Windows) -> tuple[Array, Array, Array]:
        return predictor.bounds(self.plan_, found, given, self.margins_)

    def _fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise InputError("this GRUForecaster is not fitted yet: call fit first")

    def _at_most(self, horizon: int | None) -> int:
        if horizon is None:
            return self.horizon
        if whole("horizon", horizon, 1) > self.horizon:
            raise InputError(f"horizon={horizon}: longer than trained; expected at most {self.horizon}")
        return horizon

    def save(self, path: str | os.PathLike[str], *, layout: dict[str, Any] | None = None) -> None:
        """Write the fitted forecaster to one file, from which `load` predicts the same, without torch.

        Args:
            path: the file; an old one is replaced only when the new one is complete.
            layout: how the file that the series came from holds them, see `gruvy.model.model.Model`; by default that
                of the file that the forecaster was loaded from.
        """
        self._fitted()
        settings = {"estimator": type(self).__name__, **self.plain(), "plan": plan_out(self.plan_, self.margins_)}
        names = self.panel_.names if hasattr(self, "panel_") else self.model_.columns
        kept = self.model_.layout if layout is None else layout
        model_file.write(path, replace(self.model_, settings=settings, columns=names, layout=kept))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The fitted forecaster in a file that `save` wrote. Needs no torch.

        Raises:
            ModelFileError: the file is not there, no gruvy model, damaged, newer, or holds something else.
        """
        model = model_file.load(path)
        settings = dict(model.settings)
        made = settings.pop("estimator", None)
        if made != cls.__name__:
            raise ModelFileError(f"{path}: holds {'a network' if made is None else f'a {made}'}, no {cls.__name__}")
        with model_file.fitting(path):
            plan, margins = plan_in(settings.pop("plan"), model)
            self = cls(**settings)
            self.check()
            if (self.horizon, self.strategy) != (plan.horizon, plan.strategy):
                raise ValueError("plan")
        self.model_, self.plan_, self.margins_ = model, plan, margins
        self.history_, self.choices_ = None, {}
        return self


def _shaped(a: Array, panel: Panel) -> Array:
    """Answers (N, h, C) as the series were given."""
    many, flat = panel.shape[0] == "many", panel.shape[1] == "flat"
    a = a[..., 0] if flat else a
    return a if many else a[0]
