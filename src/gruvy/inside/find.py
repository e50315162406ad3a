"""Find this again: where in all sequences the same units do the same, and what excites a unit most. NumPy alone.

Strobelt, Gehrmann, Pfister and Rush 2018 (LSTMVis, https://arxiv.org/abs/1606.07461) search so among an LSTM's cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..arrays import as_sequences
from ..errors import InputError
from ..model.batches import by_length
from ..model.model import Model
from .trace import trace

Array = np.ndarray[Any, Any]


class Place(NamedTuple):
    """A stretch of a sequence: which one, its first step and the one after its last, and the share of agreement."""

    sequence: int
    steps: tuple[int, int]
    share: float


class Found(NamedTuple):
    """Which units were looked for, U of them, with their signs (-1 or 1), and the places, best first."""

    units: Array
    signs: Array
    places: list[Place]


class Peak(NamedTuple):
    """A step at which a unit is excited: which sequence, which step, the state there."""

    sequence: int
    step: int
    value: float


def find(
    model: Any,
    X: Any,
    sequence: int,
    steps: tuple[int, int],
    *,
    threshold: float = 0.3,
    layer: int = -1,
    least: float = 0.5,
    most: int = 50,
) -> Found:
    """Every stretch at which the same units do what they do over a range of steps of one sequence.

    Looked for are the units whose state stays beyond the threshold, on one side of zero, at every step of the range. A
    place is a stretch of the same length; its share is that of the units and steps of it, taken together, at which a
    unit is beyond the threshold on that same side. No two places overlap, nor does one overlap the range itself: the
    best goes first, of equal ones that of the earlier sequence and step.

    Args:
        model: anything `trace` takes.
        X: N sequences, as the model's `predict` takes them.
        sequence, steps: which sequence, and the range: its first step and the one after its last.
        threshold: how far from 0 a state must be, 0 to 1.
        layer: which layer and direction, as `trace` counts them; default the last.
        least: the least share of a place, 0 to 1. most: how many places at most.

    Returns:
        `Found`; without any such unit there are no places.

    Raises:
        InputError, InputTypeError, DataError: an argument does not fit.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> W = np.array([[0.0], [9.0], [3.0]])
        >>> w = Weights("tutorial", [[Cell(W, np.zeros((3, 1)), np.array([0.0, -4.0, 0.0]), None)]])
        >>> X = [np.array([[1.0], [0.0], [0.0], [0.0]]), np.array([[0.0], [0.0], [1.0], [0.0]])]
        >>> find(w, X, 0, (0, 2), threshold=0.9).places
        [Place(sequence=0, steps=(2, 4), share=1.0), Place(sequence=1, steps=(2, 4), share=1.0)]
    """
    states = states_of(model, X, layer)
    if not 0 <= sequence < len(states):
        raise InputError(f"sequence: {sequence}, expected 0 to {len(states) - 1}")
    a, b = steps
    if not 0 <= a < b <= len(states[sequence]):
        raise InputError(f"steps: {steps}, expected a range within 0 to {len(states[sequence])}, the steps there are")
    for name, v in (("threshold", threshold), ("least", least)):
        if not 0 <= v <= 1:
            raise InputError(f"{name}: {v}, expected 0 to 1")
    part = states[sequence][a:b]
    above, below = (np.all(side * part >= threshold, axis=0) for side in (1, -1))
    units = np.flatnonzero(above != below)  # with a threshold of 0 a state of exactly 0 is on both sides
    signs = np.where(above[units], 1, -1)
    if not len(units):
        return Found(units, signs, [])
    length, candidates = b - a, []
    for i, h in enumerate(states):
        agree = np.concatenate([[0], np.cumsum((h[:, units] * signs >= threshold).sum(1))])
        counts = agree[length:] - agree[:-length]
        candidates += [(-int(c), i, t) for t, c in enumerate(counts) if c >= least * length * len(units)]
    places: list[Place] = []
    taken = [np.zeros(len(h), bool) for h in states]
    taken[sequence][a:b] = True
    for count, i, t in sorted(candidates):
        if len(places) == most:
            break
        if not taken[i][t : t + length].any():
            taken[i][t : t + length] = True
            places.append(Place(i, (t, t + length), -count / (length * len(units))))
    return Found(units, signs, places)


def exciting(model: Any, X: Any, unit: int, *, layer: int = -1, count: int = 10, apart: int = 10) -> list[Peak]:
    """The steps of all sequences at which a unit's state is furthest from 0.

    Args:
        model, X, layer: as for `find`.
        unit: which unit.
        count: how many at most. apart: two steps of one sequence are at least so far apart.

    Returns:
        `Peak`s, the largest first; of equal ones that of the earlier sequence and step.

    Raises:
        InputError, InputTypeError, DataError: an argument does not fit.
    """
    states = states_of(model, X, layer)
    H = states[0].shape[1]
    if not 0 <= unit < H:
        raise InputError(f"unit: {unit}, expected 0 to {H - 1}")
    order = sorted((-abs(float(v)), i, t) for i, h in enumerate(states) for t, v in enumerate(h[:, unit]))
    found: list[Peak] = []
    for _, i, t in order:
        if len(found) == count:
            break
        if all(p.sequence != i or abs(p.step - t) >= apart for p in found):
            found.append(Peak(i, t, float(states[i][t, unit])))
    return found


def states_of(model: Any, X: Any, layer: int) -> list[Array]:
    """The states of a layer and direction in every sequence, each (T_i, H), in float64."""
    model = Model.of(model)
    w = model.weights
    sequences: Sequence[Array] = as_sequences(X, channels=w.input_units, allow_empty=False, dtype=None)
    if not -w.layers * w.directions <= layer < w.layers * w.directions:
        raise InputError(f"layer: {layer}, expected 0 to {w.layers * w.directions - 1}, or -1 for the last")
    found: list[Any] = [None] * len(sequences)
    for rows in by_length([len(s) for s in sequences]):
        t = trace(model, [sequences[row] for row in rows], edits=[])
        for k, row in enumerate(rows):
            found[row] = t.state[layer, k, : len(sequences[row])]
    return found
