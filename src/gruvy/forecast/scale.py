"""How the numbers of a series become the network's: differences, or distance from the mean, in units of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError

Array = np.ndarray[Any, Any]

KINDS = ("mean", "last", "season")


class Scaling(NamedTuple):
    """What a series is compared with.

    Attributes:
        kind: "mean" of the series, its "last" value, or the value one "season" before.
        season: steps.
        log: the logarithm of the series is taken first.
    """

    kind: str
    season: int
    log: bool

    @property
    def lag(self) -> int:
        """How many steps back a value is compared with; 0 for the mean."""
        return {"mean": 0, "last": 1, "season": self.season}[self.kind]

    def inner(self, values: Array, name: str) -> Array:
        """The values (T, C), or their logarithms.

        Raises:
            DataError: a value has no logarithm.
        """
        if not self.log:
            return values
        if (values <= 0).any():
            t, c = np.argwhere(values <= 0)[0].tolist()
            raise DataError(
                f"{name} holds {values[t, c]:g} at step {t}, feature {c}; the model takes logarithms (log=True): "
                "expected numbers above 0"
            )
        return np.asarray(np.log(values))

    def outer(self, v: Array) -> Array:
        """The values again."""
        return np.exp(v) if self.log else v

    def differences(self, v: Array) -> Array:
        """Inner values (T, C) less those `lag` steps before, (T - lag, C); for the mean as they are."""
        return v[self.lag :] - v[: len(v) - self.lag] if self.lag else v

    def units(self, v: Array) -> tuple[Array, Array]:
        """Centre (C,) and unit (C,) of a series' inner values (T, C): mean and deviation; or 0 and the differences'
        root mean square. A unit of 0, of a series that does not change, becomes 1."""
        d = self.differences(v)
        centre = v.mean(0) if self.lag == 0 else np.zeros(v.shape[1])
        size = np.sqrt(np.square(d - centre).mean(0)) if len(d) else np.zeros(v.shape[1])
        return centre, np.where(size > 1e-12 * np.abs(v).max(0, initial=0), size, 1.0)

    def base(self, before: Array, centre: Array, horizon: int) -> Array:
        """What the next `horizon` steps are compared with: (N, horizon, C).

        Args:
            before: the last inner values (N, L, C), L at least `lag`; centre: (N, C).
        """
        if self.lag == 0:
            return np.repeat(centre[:, None], horizon, axis=1)
        last = before[:, before.shape[1] - self.lag :]  # (N, lag, C)
        return last[:, np.arange(horizon) % self.lag]
