"""What a trained model says at every step of a sequence. NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import as_sequences
from ..errors import InputError
from ..model.model import Model
from ..model.pooling import running
from ..model.task import Labels
from ..model.yes_no import YesNo

Array = np.ndarray[Any, Any]

CHUNK = 2_000_000  # units * steps that are run at once


def as_answer(model: Model, outputs: Array) -> Array:
    """What a person reads of outputs (..., O): probabilities of the classes, or targets on their own scale."""
    if isinstance(model.target, (Labels, YesNo)):
        return model.target.probabilities(outputs)
    return outputs if model.target is None else model.target.back(outputs)


def leads(model: Model, answer: Array) -> Array:
    """Which class a model says (...), of probabilities (..., K): as `predict` takes it; 0 of numbers."""
    return model.target.places(answer) if isinstance(model.target, Labels) else np.zeros(answer.shape[:-1], np.int64)


def answers(model: Any, X: Any) -> list[Array]:
    """The answer at every step: of a tagger what it says there, of others what they would say if the sequence ended.

    Args:
        model: anything `trace` takes; without a task its read-out, or its states, are the answer.
        X: sequences as the model's `predict` takes them: a list of (T_i, I) arrays, (N, T, I) or (N, T).

    Returns:
        Of each sequence (T_i, K): probabilities of the classes in the model's order, or (T_i, O): targets on their own
        scale.

    Raises:
        InputError, InputTypeError, DataError: an argument does not fit; the model reads in both directions and answers
            once a sequence, so that it has no answer before the end.

    Source: the read-out of the states so far, pooled as the model pools.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.ones((3, 1)), np.zeros((3, 1)), None, None)]])
        >>> answers(w, np.ones((1, 3, 1)))[0].round(3)[:, 0]
        array([0.557, 0.707, 0.747])
    """
    model = Model.of(model)
    w = model.weights
    sequences = as_sequences(X, channels=w.input_units, allow_empty=False)
    if w.directions == 2 and model.task != "tag":
        raise InputError("model: it reads in both directions, so it has no answer before the end")
    found: list[Array] = [np.zeros((0, model.outputs))] * len(sequences)
    for rows, hidden, _ in model.states(sequences, CHUNK // (w.directions * w.hidden_units)):
        for i, h in zip(rows, hidden, strict=True):
            found[i] = as_answer(model, model.read(h if model.task == "tag" else running(model.pooling, h)))
    return found
