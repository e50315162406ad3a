"""The recurrence on NumPy arrays: validate once, choose an engine, and run layers and directions through it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import reference
from ..errors import EngineError, InputError, InputTypeError
from ..weights import Weights
from . import native

Array = np.ndarray[Any, Any]


class Choice(NamedTuple):
    """An engine: its name, its module (`forward`, `backward`, `step`), and why it was chosen."""

    name: str
    reason: str
    module: ModuleType


class Run(NamedTuple):
    """What `run` gives: hidden (B, T, D*H), state (layers*D, B, H), and with gates=True, else None: gates
    (layers*D, T, B, G, H), and layers (layers, B, T, D*H), the states of every layer."""

    hidden: Array
    state: Array
    gates: Array | None
    layers: Array | None


def choose(engine: str | None = None, dtype: Any = np.float32) -> Choice:
    """The engine that will run, and the reason.

    Args:
        engine: ``"native"`` or ``"reference"`` to force one; None asks the environment variable ``GRUVY_ENGINE``, and
            without it takes the fastest there is.
        dtype: of the numbers. The native engine has float32 and float64.

    Raises:
        EngineError: a forced engine is unknown, absent, or has no such dtype: it never falls back in silence.

    Example:
        >>> choose("reference").reason
        'asked for'
    """
    asked, source = (engine, "asked for") if engine else (os.environ.get("GRUVY_ENGINE"), "GRUVY_ENGINE")
    if asked and asked not in ("native", "reference"):
        raise EngineError(f'engine {asked!r} ({source}): wanted "native" or "reference"')
    if asked == "reference":
        return Choice("reference", source, reference)
    there, why = native.available()
    if there and np.dtype(dtype) not in (np.float32, np.float64):
        there, why = False, f"it has float32 and float64, not {np.dtype(dtype)}"
    if asked == "native":
        if not there:
            raise EngineError(f"engine 'native' ({source}) cannot serve: {why}")
        return Choice("native", source, native)
    return Choice("native", why, native) if there else Choice("reference", f"no native engine: {why}", reference)


def run(weights: Weights, x: Any, state: Any = None, *, lengths: Any = None, mask: Any = None, restarts: Any = None,
        gates: bool = False, engine: str | None = None,
        cells: Sequence[Sequence[native.Packed]] | None = None) -> Run:  # fmt: skip
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

    Returns:
        `Run`: hidden states of the top layer (B, T, directions * H), zero where a step does not count; final states
        (layers * directions, B, H); gates (layers * directions, T, B, G, H) and the states of every layer
        (layers, B, T, directions * H), or None.

    Raises:
        InputError, InputTypeError: an argument does not fit; the text says which, what came and what was wanted.

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
        raise InputError(f"x: shape {x.shape}, wanted (batch, time, {w.input_units})")
    x = x.astype(w.dtype, copy=False)
    B, T, _ = x.shape
    D, H = w.directions, w.hidden_units
    h0 = _state(state, (w.layers * D, B, H), w.dtype)
    lengths, mask, restarts = (
        check_lengths(lengths, B, T),
        check_flags("mask", mask, B, T),
        check_flags("restarts", restarts, B, T),
    )
    module = choose(engine, w.dtype).module
    # Engines are time first. A restart cuts the sequence: the backward direction is cut at the same place, which for
    # it lies before the step on the other side.
    valid = None if mask is None else mask.T
    forward_cuts = None if restarts is None else restarts.T
    backward_cuts = None if restarts is None else reversed_restarts(restarts.T)
    inputs = x.transpose(1, 0, 2)
    last = np.empty_like(h0)
    saved = np.empty((w.layers * D, T, B, w.convention.gates, H), w.dtype) if gates else None
    layers = np.empty((w.layers, B, T, D * H), w.dtype) if gates else None
    for k, layer in enumerate(w.cells):
        hidden = np.empty((B, T, D * H), w.dtype) if layers is None else layers[k]
        for d, (W, U, b, c) in enumerate(layer):
            how: dict[str, Any] = {
                "lengths": lengths, "mask": valid, "restarts": backward_cuts if d else forward_cuts,
                "reverse": d == 1, "gates": None if saved is None else saved[k * D + d],
                "out": hidden.transpose(1, 0, 2)[:, :, d * H : (d + 1) * H],
            }  # fmt: skip
            if cells is not None:
                _, last[k * D + d] = cells[k][d].forward(inputs, h0[k * D + d], **how)
            else:
                _, last[k * D + d] = module.forward(inputs, h0[k * D + d], W, U, b, c, w.convention, **how)
        inputs = hidden.transpose(1, 0, 2)
    return Run(hidden, last, saved, layers)


def packed(weights: Weights) -> list[list[native.Packed]]:
    """Every layer's and direction's weights packed once, for `run` and for steps on the native engine."""
    w = weights.merged()
    return [[native.pack(*cell, w.convention) for cell in layer] for layer in w.cells]


def reversed_restarts(restarts: Array) -> Array:
    """Restarts (T, B) as the backward direction meets them: before step t when the sequence restarts at t + 1."""
    return np.concatenate([restarts[1:], np.zeros_like(restarts[:1])])


def _state(state: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    if state is None:
        return np.zeros(shape, dtype)
    state = np.asarray(state)
    if state.shape != shape:
        raise InputError(f"state: shape {state.shape}, wanted (layers * directions, batch, hidden units) = {shape}")
    return np.asarray(state, dtype)


def check_lengths(lengths: Any, B: int, T: int) -> Array | None:
    """Lengths as int64 (B,), each 0..T."""
    if lengths is None:
        return None
    a = np.asarray(lengths)
    if a.shape != (B,):
        raise InputError(f"lengths: shape {a.shape}, wanted (batch,) = ({B},)")
    if a.size and not np.issubdtype(a.dtype, np.integer):
        raise InputTypeError(f"lengths: dtype {a.dtype}, wanted whole numbers")
    if a.size and (a.min() < 0 or a.max() > T):
        bad = int(np.flatnonzero((a < 0) | (a > T))[0])
        raise InputError(f"lengths: {a[bad]} at index {bad}, wanted 0 to {T}, the number of steps in x")
    return a.astype(np.int64)


def check_flags(name: str, flags: Any, B: int, T: int) -> Array | None:
    """A mask or restarts as booleans (B, T)."""
    if flags is None:
        return None
    a = np.asarray(flags)
    if a.shape != (B, T):
        raise InputError(f"{name}: shape {a.shape}, wanted (batch, time) = ({B}, {T})")
    if a.dtype != bool:
        raise InputTypeError(f"{name}: dtype {a.dtype}, wanted booleans")
    return a
