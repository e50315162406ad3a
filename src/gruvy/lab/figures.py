"""What the lab's figures show, as data: the page draws them, and whoever does not see them has them read out.

A figure is curves over a number, or rows of dots, one dot for each repetition with the mean and its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .nets import NAMES, Kind, Start
from .weigh import interval

# One colour, marker and dash per net: whoever does not tell the colours apart has the others.
COLOURS = {"rnn": "vermilion", "lstm": "blue", "gru": "green", "other": "pink", "mark": "orange"}
SHAPES = {"rnn": "square", "lstm": "diamond", "gru": "circle"}
DASHES = {"rnn": "dash", "lstm": "dot", "gru": "solid"}
STARTED = {"plain": "torch's start", "remember": "set to remember"}
Number = float | int


@dataclass(frozen=True)
class Axis:
    """What is drawn along an axis: its label with the unit, whether by powers, its ends and ticks if they are set."""

    label: str
    log: bool = False
    ends: tuple[Number, Number] | None = None
    ticks: tuple[Number, ...] = ()


@dataclass(frozen=True)
class Curve:
    """One line, through means where there are repetitions.

    Args:
        name: what it stands for.
        colour: of the palette, by name.
        x: where, in order.
        y: the means.
        low, high: the ends of the means' intervals, empty where nothing is repeated.
        dots: for each x the repetitions, empty where they are too many to be drawn.
    """

    name: str
    colour: str
    x: list[Number]
    y: list[float]
    shape: str = "none"  # circle, square, diamond or triangle
    dash: str = "solid"  # or dash, dot
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    dots: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Row:
    """One row of dots: a dot for each repetition, their mean, the ends of its interval."""

    name: str
    series: str
    colour: str
    dots: tuple[float, ...]
    mean: float
    low: float
    high: float
    shape: str = "circle"


@dataclass(frozen=True)
class Mark:
    """A line across the figure, and what it stands for."""

    at: float
    text: str


@dataclass(frozen=True)
class Figure:
    """A figure: curves over `x`, or rows along `x` with names for `y`."""

    title: str
    x: Axis
    y: Axis
    curves: tuple[Curve, ...] = ()
    rows: tuple[Row, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def said(self) -> str:
        """What there is to see, in words and numbers, for whoever does not see it."""
        return f"{self.title}. " + " ".join([*map(self._curve, self.curves), *map(self._row, self.rows)])

    def _curve(self, c: Curve) -> str:
        few = range(len(c.x)) if len(c.x) <= 6 else (0, len(c.x) // 2, len(c.x) - 1)
        return f"{c.name}: " + ", ".join(f"{c.y[k]:.3g} at {c.x[k]:g}" for k in few) + "."

    def _row(self, r: Row) -> str:
        name = f"{r.name}, {r.series}" if r.series and r.series != r.name else r.name
        return f"{name}: {r.mean:.3g}" + (f" ({r.low:.3g} to {r.high:.3g})" if r.low < r.high else "") + "."

    def drawn(self) -> dict[str, Any]:
        """All of it as JSON takes it, with as many digits as can be seen."""
        found: dict[str, Any] = _short(asdict(self))
        return found | {"said": self.said}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _short(v) for key, v in value.items()}
    return [_short(v) for v in value] if isinstance(value, list | tuple) else value


def label(kind: Kind, start: Start | None = None) -> str:
    """What a net is called."""
    return NAMES[kind] if start is None else f"{NAMES[kind]}, {STARTED[start]}"


def curve(
    x: Sequence[Number], repeated: Sequence[Sequence[float]], name: str, colour: str, *, dots: bool = True, **style: Any
) -> Curve:
    """A curve through the means of the repetitions at each x, with their intervals and, if asked for, all of them."""
    found = [interval(values) for values in repeated]
    many = min(map(len, repeated)) > 1
    ends: dict[str, Any] = {"low": tuple(v.low for v in found), "high": tuple(v.high for v in found)} if many else {}
    shown: dict[str, Any] = {"dots": tuple(map(tuple, repeated))} if dots else {}
    return Curve(name, colour, list(x), [v.mean for v in found], **ends, **shown, **style)


def of_net(x: Sequence[Number], repeated: Sequence[Sequence[float]], kind: Kind, **style: Any) -> Curve:
    """One net's curve in its colour, marker and dash."""
    looks = {"shape": SHAPES[kind], "dash": DASHES[kind]}
    return curve(x, repeated, label(kind), COLOURS[kind], **{**looks, **style})


def row(name: str, values: Sequence[float], series: str, colour: str, shape: str = "circle") -> Row:
    """A row of repetitions, their mean and its interval; of a single number, the number alone."""
    found = interval(values)
    low, high = (found.low, found.high) if len(values) > 1 else (found.mean, found.mean)
    return Row(name, series, colour, tuple(values), found.mean, low, high, shape)


def scaled(values: Sequence[float], by: float = 100.0) -> list[float]:
    """Shares as percent."""
    return [by * value for value in values]
