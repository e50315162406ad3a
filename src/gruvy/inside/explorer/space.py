"""The space of states as the page draws it: two principal directions, and where the state comes to rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...model.model import Model
from ..statespace import Point, fixed_points, plane_of
from ..trace import blank_of
from .aggregate import pack
from .traces import Traces

Array = np.ndarray[Any, Any]

MOST_STATES = 100_000  # of them the directions are taken
MOST_UNITS = 128  # of all layers together, for which fixed points are looked for
STARTS = 32


def space(model: Model, traces: Traces) -> dict[str, Any]:
    """The plane that holds most of the variance of the top layer's states, and the fixed and slow points in it.

    The points are those under an input that says nothing, sought from states that were visited; none are looked for in
    a net of two directions, or of more than 128 units.
    """
    w, D = model.weights, model.weights.directions
    total = sum(map(len, traces.chosen))
    every = max(1, total // MOST_STATES)
    tops, starts, seen = [], [], 0
    for batch, t in traces:
        for k, i in enumerate(batch):
            steps = np.arange(-seen % every, len(traces.chosen[i]), every)
            tops.append(np.concatenate(list(t.state[-D:, k][:, steps].astype(np.float64)), axis=1))
            begin = np.arange(-seen % max(1, total // STARTS), len(traces.chosen[i]), max(1, total // STARTS))
            starts.append(t.state[:, k][:, begin].transpose(1, 0, 2).astype(np.float64))
            seen += len(traces.chosen[i])
    found = plane_of(np.concatenate(tops))
    points: list[Point] = []
    looked = D == 1 and w.layers * w.hidden_units <= MOST_UNITS
    if looked:
        points = fixed_points(model, blank_of(model), np.concatenate(starts)[:STARTS])
    return {
        "mean": pack(found.mean),
        "axes": pack(found.axes),
        "shares": found.shares.tolist(),
        "looked": looked,
        "points": [_point(p, found.mean, found.axes) for p in points],
    }


def _point(p: Point, mean: Array, axes: Array) -> dict[str, Any]:
    slowest = p.time_constants[0] if len(p.time_constants) else np.nan
    return {
        "at": (axes @ (p.state[-1] - mean)).tolist(),
        "kind": p.kind,
        "speed": p.speed,
        "slowest": float(slowest) if np.isfinite(slowest) else None,
    }
