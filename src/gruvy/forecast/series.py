"""What is forecast from: one or many series with what is known beside them, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays import as_sequences
from ..errors import DataError, InputError
from .calendar import Clock, clock_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Panel:
    """N series of C channels, in order of time. `Panel.of` makes it of arrays, `gruvy.forecast.panel` of a frame.

    Attributes:
        values: (T_i, C) each: what is forecast.
        past: (T_i, P) each: columns known up to now only.
        known: (T_i + F_i, K) each: columns known ahead, for F_i steps to come too.
        clocks: when each series begins and how long its steps are, or None.
        ids: names of the series.
        names: of the columns, under "targets", "past" and "known"; empty where they have none.
        shape: how answers are given back: "one" series or "many", each "flat" (T,) or with "channels".
        notes: what was guessed while reading, a sentence each.
    """

    values: list[Array]
    past: list[Array]
    known: list[Array]
    clocks: list[Clock] | None = None
    ids: list[str] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    shape: tuple[str, str] = ("many", "flat")
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, series: Any, past: Any = None, known: Any = None, times: Any = None) -> Panel:
        """The series in arrays, as `GRUForecaster.fit` takes them.

        Raises:
            InputTypeError, DataError: they hold no such series; the text says which, where, and what was expected.
        """
        if isinstance(series, Panel):
            if past is not None or known is not None or times is not None:
                raise InputError("past, known, times: given beside a Panel, which brings its own; expected None")
            return series
        one = not isinstance(series, (list, tuple))
        items = [_plain(series)] if one else [_plain(item) for item in series]
        for i, item in enumerate(items):
            if np.ndim(item) not in (1, 2):
                where = "series" if one else f"series[{i}]"
                raise DataError(f"{where} has shape {np.shape(item)}; expected (steps,) or (steps, channels)")
        flat = all(np.ndim(item) == 1 for item in items)
        values = as_sequences(items, name="series", dtype=np.float64)
        lengths = [len(v) for v in values]
        before = _beside(past, "past", values, one)
        for i, (p, T) in enumerate(zip(before, lengths, strict=True)):
            if len(p) != T:
                raise DataError(f"past[{i}] has {len(p)} steps, series[{i}] has {T}; expected as many")
        ahead = _beside(known, "known", values, one)
        for i, (k, T) in enumerate(zip(ahead, lengths, strict=True)):
            if len(k) < T:
                raise DataError(f"known[{i}] has {len(k)} steps, series[{i}] has {T}; expected at least as many")
        clocks = None
        if times is not None:
            given = [times] if one else list(times)
            if len(given) != len(values):
                raise DataError(f"times has {len(given)} arrays, series has {len(values)}; expected one for each")
            clocks = [clock_of(t, T, f"times[{i}]") for i, (t, T) in enumerate(zip(given, lengths, strict=True))]
        ids = [str(i) for i in range(len(values))]
        shape = ("one" if one else "many", "flat" if flat else "channels")
        return cls(values, before, ahead, clocks, ids, shape=shape)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> list[int]:
        """T_i: how many steps of each series were observed."""
        return [len(v) for v in self.values]

    def head(self, lengths: Sequence[int], horizon: int = 0) -> Panel:
        """Only the first so many steps of each series, and what is known of `horizon` more."""
        return Panel(
            [v[:n] for v, n in zip(self.values, lengths, strict=True)],
            [p[:n] for p, n in zip(self.past, lengths, strict=True)],
            [k[: n + horizon] for k, n in zip(self.known, lengths, strict=True)],
            self.clocks,
            self.ids,
            self.names,
            self.shape,
            self.notes,
        )

    def times_after(self, horizon: int) -> list[Array] | None:
        """The times of the steps after the last of each series."""
        if self.clocks is None:
            return None
        return [clock.times(T, horizon) for clock, T in zip(self.clocks, self.lengths, strict=True)]

    def name(self, i: int) -> str:
        """What errors call a series."""
        return f"series {self.ids[i]!r}" if self.names else f"series[{i}]"


def _plain(item: Any) -> Any:
    """A pandas or polars column as an array; all else as it is."""
    return item.to_numpy() if hasattr(item, "to_numpy") else item


def _beside(given: Any, name: str, values: list[Array], one: bool) -> list[Array]:
    """Columns beside the series, (T_i, K) each; none at all where nothing is given."""
    if given is None:
        return [np.zeros((10**9 if name == "known" else len(v), 0)) for v in values]
    items = [_plain(given)] if one else [_plain(item) for item in given]
    if len(items) != len(values):
        raise DataError(f"{name} has {len(items)} arrays, series has {len(values)}; expected one for each")
    return list(as_sequences(items, name=name, dtype=np.float64))
