"""σ and tanh: what they squash to."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..reference import sigmoid
from .claims import SQUASHES
from .experiment import Experiment, Numbers, Parts, Settings
from .figures import COLOURS, Axis, Curve, Figure, Mark
from .verdict import Verdict, decide
from .weigh import Answer, every, some

FUNCTIONS: dict[str, Callable[[Any], Any]] = {"sigma": sigmoid, "tanh": np.tanh}
SIGNS = {"sigma": "σ", "tanh": "tanh"}


def measure(name: str, s: Settings) -> dict[str, Any]:
    """The function on an even grid: its smallest and largest value, and every twentieth point to draw."""
    a = np.linspace(-s["range"], s["range"], s["points"])
    y = FUNCTIONS[name](a)
    every = slice(None, None, max(1, s["points"] // 200))
    ends = {"smallest": float(y.min()), "largest": float(y.max()), "at_0": float(FUNCTIONS[name](np.zeros(1))[0])}
    return {"name": name, **ends, "a": a[every].round(4).tolist(), "y": y[every].round(6).tolist()}


def parts(s: Settings, seed: int) -> Parts:
    """Both functions; nothing is drawn at random."""
    return {name: partial(measure, name, s) for name in FUNCTIONS}


def algebra(numbers: Numbers) -> str:
    """What follows from the definitions alone."""
    said = (f"{SIGNS[r['name']]} between {r['smallest']:.4f} and {r['largest']:.4f}" for r in numbers.values())
    return (
        "0 < σ(a) < 1 and -1 < tanh(a) < 1 for every a, and tanh(a) = 2 σ(2a) - 1: no experiment decides that. "
        f"Checked in float64 on a grid: {', '.join(said)}."
    )


def rule(numbers: Numbers) -> Verdict:
    """Holds: all values of both functions lie between 0 and 1. Holds only when: one of them does, and is named. Does
    not hold: neither does. Cannot tell: a value is not a number."""
    ends = {r["name"]: (r["smallest"], r["largest"]) for r in numbers.values()}
    known = all(math.isfinite(end) for both in ends.values() for end in both)
    inside = {name: low >= 0.0 and high <= 1.0 for name, (low, high) in ends.items()}
    text = "; ".join(
        f"{SIGNS[r['name']]} lies between {r['smallest']:.4f} and {r['largest']:.4f}, {r['at_0']:g} at 0"
        for r in numbers.values()
    )
    one, other = (", ".join(SIGNS[name] for name, v in inside.items() if v is side) for side in (True, False))
    answers: list[Answer] = [v if known else None for v in inside.values()]
    return decide(f"{text}.", every(answers), some(answers), f"{one} is meant, not {other}")


def figures(numbers: Numbers) -> list[Figure]:
    """Both curves."""
    names = {
        "sigma": ("σ(a), the gates", COLOURS["lstm"], "solid"),
        "tanh": ("tanh(a), the candidate", COLOURS["rnn"], "dash"),
    }
    curves = tuple(
        Curve(names[r["name"]][0], names[r["name"]][1], r["a"], r["y"], dash=names[r["name"]][2])
        for r in numbers.values()
    )
    marks = (Mark(0.0, "0"), Mark(1.0, "1"))
    return [
        Figure("σ squashes to 0..1, tanh to −1..1", Axis("a"), Axis("value", ends=(-1.1, 1.1)), curves, marks=marks)
    ]


_SETTINGS: Settings = {"range": 8.0, "points": 2001}
EXPERIMENTS = [
    Experiment(
        name="squash",
        claim=SQUASHES,
        prediction="All values of both functions lie between 0 and 1.",
        method="Both functions in float64 on an even grid from -8 to 8.",
        quick=_SETTINGS,
        full=_SETTINGS,
        budget=(0.0, 0.0),
        parts=parts,
        rule=rule,
        algebra=algebra,
        identity=True,
        figures=figures,
    )
]
