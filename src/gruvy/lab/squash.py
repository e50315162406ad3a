"""σ and tanh: what they squash to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..reference import sigmoid
from .experiment import Experiment, Numbers, Parts, Settings, Verdict, decide
from .figures import COLOURS, figure

FUNCTIONS: dict[str, Callable[[Any], Any]] = {"sigma": sigmoid, "tanh": np.tanh}


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


def rule(numbers: Numbers) -> Verdict:
    """Holds: all values of both functions lie between 0 and 1. Holds only when: one of them does, and is named. Does
    not hold: neither does."""
    inside = {r["name"]: r["smallest"] >= 0.0 and r["largest"] <= 1.0 for r in numbers.values()}
    signs = {"sigma": "σ", "tanh": "tanh"}
    text = "; ".join(
        f"{signs[r['name']]} lies between {r['smallest']:.4f} and {r['largest']:.4f}, {r['at_0']:g} at 0"
        for r in numbers.values()
    )
    one, other = (", ".join(signs[name] for name, v in inside.items() if v is side) for side in (True, False))
    return decide(f"{text}.", all(inside.values()), any(inside.values()), f"{one} is meant, not {other}")


def figures(numbers: Numbers) -> list[go.Figure]:
    """Both curves."""
    fig = figure("σ squashes to 0..1, tanh to −1..1", "a", "value")
    for r, colour in zip(numbers.values(), (COLOURS["lstm"], COLOURS["rnn"]), strict=True):
        name = "σ(a), the gates" if r["name"] == "sigma" else "tanh(a), the candidate"
        fig.add_trace(go.Scatter(x=r["a"], y=r["y"], name=name, line={"color": colour, "width": 2}))
    fig.add_hrect(y0=0, y1=1, line_width=0, fillcolor="#888888", opacity=0.15, annotation_text="0..1")
    return [fig]


_SETTINGS: Settings = {"range": 8.0, "points": 2001}
EXPERIMENTS = [
    Experiment(
        name="squash",
        claim="σ and tanh squash their argument to between 0 and 1.",
        prediction="All values of both functions lie between 0 and 1.",
        method="Both functions in float64 on an even grid from -8 to 8.",
        quick=_SETTINGS,
        full=_SETTINGS,
        budget=(0.0, 0.0),
        parts=parts,
        rule=rule,
        figures=figures,
    )
]
