"""What a model answers from the states of a trace, edited or not. NumPy alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..model.model import Model
from ..model.pooling import pool_steps, pooled, running
from .answers import as_answer
from .trace import Trace

Array = np.ndarray[Any, Any]


class ReadOut(NamedTuple):
    """What a person reads: probabilities of the classes, or targets on their own scale.

    final (B, K): the answer to each whole sequence. steps (B, T, K): the answer if the sequence ended at each step, for
    tags that of the step itself, 0 where a step does not count; None where the net reads from the end too.
    outputs (B, O): the scores before the softmax, or the scaled targets, of the whole sequence.
    """

    final: Array
    steps: Array | None
    outputs: Array


def read_out(model: Any, trace: Trace) -> ReadOut:
    """What a model answers from traced states, with its own pooling, read-out and scale.

    Args:
        model: the one that was traced.
        trace: of `trace`, with edits or without.

    Returns:
        `ReadOut`.

    Example:
        >>> from gruvy import Edit, Weights
        >>> from gruvy.inside import trace
        >>> from gruvy.weights import Cell
        >>> w = Weights("tutorial", [[Cell(np.ones((3, 1)), np.ones((3, 1)), None, None)]])
        >>> t = trace(w, np.ones((1, 3, 1)), edits=[Edit("state", "set", 0.5, steps=2)])
        >>> read_out(w, t).final
        array([[0.5]])
    """
    model = Model.of(model)
    # an edited run is in float64, whatever the dtype of the model
    if trace.state.dtype == np.float64 and model.weights.dtype != np.float64:
        V, b_y = (None if a is None else a.astype(np.float64) for a in (model.V, model.b_y))
        model = replace(model, V=V, b_y=b_y, engine="reference")
    D = trace.directions
    hidden = np.concatenate(list(trace.state[-D:]), axis=-1)  # (B, T, P)
    final = np.concatenate(list(trace.final()[-D:]), axis=-1)
    counts = pool_steps(trace.valid, trace.restarts)
    outputs = model.read(pooled(model.pooling, hidden, final, counts))
    steps = None
    if model.per_step or D == 1:
        pooling = "last" if model.per_step else model.pooling
        each = as_answer(model, model.read(_prefixes(pooling, hidden, trace)))
        steps = np.where(trace.valid[..., None], each, 0)
    return ReadOut(as_answer(model, outputs), steps, outputs)


def _prefixes(pooling: str, hidden: Array, trace: Trace) -> Array:
    """What the answer would be read from if each sequence ended at each step that counts: (B, T, P)."""
    if pooling == "last":
        return hidden
    found = np.zeros_like(hidden)
    for b, valid in enumerate(trace.valid):
        begins = np.zeros(len(valid), int) if trace.restarts is None else np.cumsum(trace.restarts[b])
        for part in np.unique(begins):
            steps = np.flatnonzero(valid & (begins == part))
            if len(steps):
                found[b, steps] = running(pooling, hidden[b, steps])
    return found
