"""The recurrence on NumPy arrays: validate once, choose an engine, and run layers and directions through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..weights import Weights
from . import native
from .choose import choose
from .held import hold
from .steps import check_steps, in_order

Array = np.ndarray[Any, Any]


class Run(NamedTuple):
    """What `run` gives: hidden (B, T, D*H), state (layers*D, B, H), and with gates=True, else None: gates
    (layers*D, T, B, G, H), and layers (layers, B, T, D*H), the states of every layer."""

    hidden: Array
    state: Array
    gates: Array | None
    layers: Array | None


def run(
    weights: Weights,
    x: Any,
    state: Any = None,
    *,
    lengths: Any = None,
    mask: Any = None,
    restarts: Any = None,
    gates: bool = False,
    engine: str | None = None,
    cells: Sequence[Sequence[native.Packed]] | None = None,
    change: Callable[[int, int, str, Array], Array] | None = None,
) -> Run:
    """Run a whole GRU, every layer and direction, over a batch of sequences.

    Args:
        weights: the weights; results have their dtype.
        x: inputs (B, T, I).
        state: initial states (layers * directions, B, H), default zeros.
        lengths: (B,) whole numbers 0..T, the valid steps of each sequence; default T.
        mask: (B, T) booleans, True where a step counts; default all.
        restarts: (B, T) booleans, True where a sequence starts anew: its state becomes zero before that step.
        gates: also return r, z, n (and, with reset after, U_n h + c) of every layer and direction.
        engine: ``"native"``, ``"reference"`` or None for the fastest.
        cells: the same weights packed for the native engine, `packed`; it runs them then.
        change: of the reference engine alone, `reference.forward`'s, with the number of the layer and direction before.

    Returns:
        `Run`: hidden states of the top layer (B, T, directions * H), zero where a step does not count; final states
        (layers * directions, B, H); gates (layers * directions, T, B, G, H) and the states of every layer
        (layers, B, T, directions * H), or None.

    Raises:
        InputError, InputTypeError: an argument does not fit; the text says which, what was given and what was expected.

    Example:
        >>> import numpy as np
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.ones((6, 1)), np.zeros((6, 2)), None, None)]])
        >>> run(w, np.ones((1, 3, 1))).hidden.shape
        (1, 3, 2)
    """
    w = weights if cells is not None else weights.merged()
    x = np.asarray(x)
    if x.ndim != 3 or x.shape[2] != w.input_units:
        raise InputError(f"x: shape {x.shape}, expected (batch, time, {w.input_units})")
    x = x.astype(w.dtype, copy=False)
    B, T, _ = x.shape
    D, H = w.directions, w.hidden_units
    h0 = check_state(state, (w.layers * D, B, H), w.dtype)
    steps = check_steps(lengths, mask, restarts, B, T)
    module = choose(engine, w.dtype).module
    ways = [in_order(steps, reverse=d == 1) for d in range(D)]
    inputs = x.transpose(1, 0, 2)
    last = np.empty_like(h0)
    saved = np.empty((w.layers * D, T, B, w.convention.gates, H), w.dtype) if gates else None
    layers = np.empty((w.layers, B, T, D * H), w.dtype) if gates else None
    for k, layer in enumerate(w.cells):
        hidden = np.empty((B, T, D * H), w.dtype) if layers is None else layers[k]
        outputs = hidden.transpose(1, 0, 2)
        for d, cell in enumerate(layer):
            i, h = k * D + d, h0[k * D + d]
            kept = None if saved is None else saved[i]
            how: dict[str, Any] = {"reverse": d == 1, "gates": kept, "out": outputs[:, :, d * H : (d + 1) * H]}
            if change is not None:
                how["change"] = partial(change, i)
            if cells is not None:
                _, last[i] = cells[k][d].forward(inputs, h, ways[d], **how)
            else:
                _, last[i] = module.forward(inputs, h, cell, w.convention, ways[d], **how)
        inputs = outputs
    return Run(hidden, last, saved, layers)


def packed(weights: Weights, format: str | None = None) -> list[list[native.Packed]]:
    """Every layer's and direction's weights packed once, for `run` and for steps on the native engine.

    format: of `gruvy.engines.held`, in which they stay; default as they are.
    """
    w = weights.merged()
    cells = [[cell if format is None else hold(cell, format) for cell in layer] for layer in w.cells]
    return [[native.Packed(cell, w.convention) for cell in layer] for layer in cells]


def check_state(state: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """An initial state (layers * directions, B, H); None is zeros."""
    if state is None:
        return np.zeros(shape, dtype)
    state = np.asarray(state)
    if state.shape != shape:
        raise InputError(f"state: shape {state.shape}, expected (layers * directions, batch, hidden units) = {shape}")
    return np.asarray(state, dtype)
