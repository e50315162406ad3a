"""Who made this: what each later answer would have been had a step said nothing. NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.batches import as_batch
from ..model.model import Model
from .answers import leads
from .edits import Edit, Plan
from .read_out import read_out
from .trace import blank_of, trace

Array = np.ndarray[Any, Any]


def influence(model: Any, x: Any, *, edits: Sequence[Edit] = ()) -> Array:
    """How much each step of a sequence changed the answer at every later one, by blanking it.

    Args:
        model: anything `trace` takes.
        x: one sequence (T, I).
        edits: made before; those of the input come before the step is blanked.

    Returns:
        (T, T): row s, column t: the answer at step t minus what it is with step s blank. Of classes it is the
        probability of the one that leads at step t without blanking, of numbers the first. Zero where t is before s,
        but for tags of a net that reads in both directions. (T, 1), of the final answer alone, for a net that has no
        answer at every step.

    Raises:
        InputError, InputTypeError: an argument does not fit.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.array([[0.0], [0.0], [1.0]]), np.zeros((3, 1)), None, None)]])
        >>> influence(w, np.array([[1.0], [0.0], [2.0]])).round(3)  # tanh(x) is halved at each step
        array([[0.381, 0.19 , 0.095],
               [0.   , 0.   , 0.   ],
               [0.   , 0.   , 0.482]])
    """
    model = Model.of(model)
    given = np.asarray(x)
    x = as_batch(given[None] if given.ndim == 2 else given, None, model.weights.input_units)[0]
    if len(x) != 1:
        raise InputError(f"x: shape {given.shape}, expected one sequence (time, {model.weights.input_units})")
    T = x.shape[1]
    blank = blank_of(model)
    x, mask = Plan(edits, model.weights, T).edited(x, None, None, blank)
    inside = [e for e in edits if e.target != "input"]
    blanked = np.repeat(x, T + 1, axis=0)  # the last one as it is
    blanked[np.arange(T), np.arange(T)] = blank
    masks = None if mask is None else np.repeat(mask, T + 1, axis=0)
    found = read_out(model, trace(model, blanked, mask=masks, edits=inside))
    told = found.final[:, None] if found.steps is None else found.steps  # (T + 1, T, K)
    one = np.take_along_axis(told, leads(model, told[T])[None, :, None], axis=2)[..., 0]
    return np.asarray(one[T] - one[:T])
