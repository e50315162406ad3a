"""The settings of a forecaster, checked."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

from ..checks import positive, share, whole
from ..errors import InputError
from .scale import KINDS


@dataclass(eq=False)
class Parameters:
    """The settings, from which the constructor is made: `GRUForecaster` explains them."""

    horizon: int = 12
    _: KW_ONLY
    season: int | None = None
    strategy: str = "direct"
    level: float = 0.8
    context: int | None = None
    scaling: str = "auto"
    log: bool | str = "auto"
    calendar: Any = None
    calibration: float = 0.2
    hidden_units: int = 32
    layers: int = 1
    convention: Any = "tutorial"
    dropout: float = 0.0
    init: str = "uniform"
    max_epochs: int | None = None
    batch_size: int | None = 32
    learning_rate: float = 1e-2
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    device: str = "cpu"
    random_state: int | None = None
    progress: bool | str | None = False

    def check(self) -> None:
        """The settings that are not the network's or the loop's.

        Raises:
            InputError: one is out of its range.
        """
        whole("horizon", self.horizon, 1)
        if self.season is not None:
            whole("season", self.season, 2)
        if self.context is not None:
            whole("context", self.context, 1)
        if self.strategy not in ("direct", "recursive"):
            raise InputError(f'strategy={self.strategy!r}: expected "direct" or "recursive"')
        if self.scaling not in ("auto", *KINDS):
            raise InputError(f'scaling={self.scaling!r}: expected "auto", "mean", "last" or "season"')
        if self.scaling == "season" and self.season is None:
            raise InputError('scaling="season": without a season; expected season= too, as 12 for months')
        if self.log not in (True, False, "auto"):
            raise InputError(f'log={self.log!r}: expected True, False or "auto"')
        for name in ("level", "calibration"):
            positive(name, getattr(self, name))
            share(name, getattr(self, name))

    def plain(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        found = {f.name: getattr(self, f.name) for f in fields(Parameters) if f.name not in ("_", "progress")}
        return {**found, "convention": str(found["convention"]), "device": "cpu"}
