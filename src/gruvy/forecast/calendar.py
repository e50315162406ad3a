"""When the steps of a series are: their distance, the times to come, and what the calendar says of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError, InputError

Array = np.ndarray[Any, Any]

FEATURES = ("month", "weekday", "hour")
_DAY = 86_400


class Clock(NamedTuple):
    """Steps of equal distance.

    Attributes:
        start: the first step: a number, or a time in whole seconds; with months, in whole months.
        step: from each step to the next, in the same unit.
        unit: "number", "second" or "month".
        within: seconds from the begin of the month, or, below 0, from its end: for months alone.
    """

    start: float
    step: float
    unit: str
    within: int = 0

    def times(self, first: int, count: int) -> Array:
        """The times of `count` steps from the step `first` on: numbers, or datetime64[s]."""
        at = np.arange(first, first + count)
        if self.unit == "number":
            found: Array = self.start + self.step * at
            return found
        moved = (self.start + self.step * at).astype(np.int64)
        if self.unit == "second":
            return moved.astype("datetime64[s]")
        months = (moved + (self.within < 0)).astype("datetime64[M]")
        return np.asarray(months.astype("datetime64[s]") + np.timedelta64(self.within, "s"))

    def features(self) -> list[str]:
        """What of the calendar changes from step to step: the month below a year, the weekday below a week, and so on.

        Example:
            >>> clock_of(np.arange("2024-01", "2025-01", dtype="datetime64[M]"), 12).features()
            ['month']
        """
        if self.unit == "number":
            return []
        if self.unit == "month":
            return ["month"] if self.step % 12 else []
        return [name for name, most in zip(FEATURES, (366 * _DAY, 7 * _DAY, _DAY), strict=True) if self.step % most]

    def waves(self, names: list[str], first: int, count: int) -> Array:
        """Sine and cosine of the month of the year, the day of the week, the hour of the day: (count, 2 * names)."""
        if not names:
            return np.zeros((count, 0))
        times = self.times(first, count)
        seconds = times.astype("datetime64[s]").astype(np.int64)
        turn = {
            "month": times.astype("datetime64[M]").astype(np.int64) % 12 / 12,
            "weekday": (seconds // _DAY + 3) % 7 / 7,  # 1970 began on a Thursday
            "hour": seconds % _DAY / _DAY,
        }
        angles = 2 * np.pi * np.stack([turn[name] for name in names], axis=1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def clock_of(times: Any, length: int, name: str = "times") -> Clock:
    """The clock that gives these times (T,): numbers, or dates that NumPy reads as datetime64.

    Raises:
        DataError: they are none, of another number, not in order, or not at equal distances.
    """
    given = np.asarray(times.to_numpy() if hasattr(times, "to_numpy") else times)
    if given.dtype.kind in "iuf":
        at, unit = given.astype(np.float64), "number"
    else:
        try:
            at, unit = given.astype("datetime64[s]"), "second"
        except (ValueError, TypeError):
            raise DataError(f"{name} has dtype {given.dtype}; expected dates or numbers") from None
    if at.shape != (length,):
        raise DataError(f"{name} has shape {at.shape}, its series has {length} steps; expected ({length},)")
    if np.isnat(at).any() if unit == "second" else not np.isfinite(at).all():
        raise DataError(f"{name} holds a step without a time; expected one for each")
    if unit == "second":
        months = _months(at)
        if months is not None:
            return months
        at = at.astype(np.int64).astype(np.float64)
    steps = np.diff(at)
    step = float(steps[0]) if len(steps) else 1.0
    if len(steps) and (step <= 0 or np.abs(steps - step).max() > 1e-6 * abs(step)):
        i = int(np.argmax(np.abs(steps - step))) if step > 0 else 0
        how = "is not after the one before" if steps[i] <= 0 else "comes at another distance than the first two"
        raise DataError(f"{name}: step {i + 1}, {given[i + 1]}, {how}; expected equal distances in order of time")
    return Clock(float(at[0]), step, unit)


def _months(at: Array) -> Clock | None:
    """A clock of months, where all times stand at one distance from the begin or from the end of theirs."""
    months = at.astype("datetime64[M]")
    number = months.astype(np.int64)
    steps = np.diff(number)
    if not len(steps) or steps[0] <= 0 or (steps != steps[0]).any():
        return None
    for shift in (0, 1):
        within = (at - (months + shift).astype("datetime64[s]")).astype(np.int64)
        if (within == within[0]).all():
            return Clock(float(number[0]), float(steps[0]), "month", int(within[0]))
    return None


def chosen(calendar: Any, clocks: list[Clock] | None) -> list[str]:
    """The features of the calendar that a model takes.

    Args:
        calendar: None for none, "auto" for those that change from step to step, or their names.

    Raises:
        InputError: there is no such feature, or there are no times to take it of.
    """
    if calendar is None:
        return []
    names = [calendar] if isinstance(calendar, str) else list(calendar)
    if names != ["auto"] and not set(names) <= set(FEATURES):
        raise InputError(f'calendar={calendar!r}: expected None, "auto" or some of {", ".join(FEATURES)}')
    if clocks is None:
        raise InputError(f"calendar={calendar!r}: without times; expected times= too, or calendar=None")
    if names == ["auto"]:
        return clocks[0].features()
    if any(clock.unit == "number" for clock in clocks):
        raise InputError(f"calendar={calendar!r}: the times are numbers; expected dates, or calendar=None")
    return names
