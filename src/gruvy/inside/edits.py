"""What if: an input that was different, or a gate or a state that is held, over a range of steps. NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from ..errors import InputError, InputTypeError
from ..weights import Weights
from .noise import normal

Array = np.ndarray[Any, Any]

TARGETS = ("input", "update", "reset", "candidate", "state")
DIRECTIONS = ("forward", "backward")
ARITHMETIC = ("set", "scale", "add")  # of numbers, wherever they stand
OF_INPUT = (*ARITHMETIC, "blank", "repeat", "shift", "noise", "cut")


@dataclass(frozen=True)
class Edit:
    """One change to a run, for `trace(..., edits=[...])`: of the input, of a gate, of the candidate or of the state.

    Args:
        target: ``"input"``, ``"update"`` (the gate z in the net's own convention), ``"reset"``, ``"candidate"`` or
            ``"state"``.
        action: what is done over the range of steps.

            - ``"set"``, ``"scale"``, ``"add"``: the number becomes value, is multiplied by it, or has it added. Nothing
              is clipped afterwards.
            - of the input only: ``"blank"`` sets it to what says nothing, the mean of the training data where the model
              knows it, else 0. ``"repeat"`` plays the range again, value times, over the steps after it. ``"shift"``
              moves the range by value steps, later if above 0, and blanks the steps that it leaves. ``"noise"`` adds
              normal noise of standard deviation value. ``"cut"`` leaves the steps out: they don't count, as if the
              sequence were shorter.
        value: a number, or numbers that fit (steps, units) by NumPy's rules, as (units,) or (steps, 1). Inputs are in
            the user's own unit, before any scaler. Not for blank and cut; of repeat 1 if it is left out.
        steps: which step, or the first and the one after the last, counted from 0; default all of them.
        units: which unit, or units, of the layer; of the input which channels; default all.
        layer: counted from 0; default all. direction: ``"forward"``, ``"backward"`` or both.
        seed: of the noise, a whole number from 0 to 2**32 - 1: a step and a channel have one number for a seed, however
            wide the range.
        name: what to call it.

    In a step the equations are followed in their order: the reset gate is changed after its sigmoid and before it is
    used, then the candidate after its tanh, then the update gate after its sigmoid, then the new state, which is what
    the next step, the layer above and the read-out see. Edits of one target are made in the order of the list, each of
    what the ones before it left; all edits of the input come before anything runs. A step's number is its place in the
    sequence, in both directions: the state of step 3 in the backward direction is the one that has read steps T-1 to 3.
    Shift and repeat end with the sequence's own length. At steps that don't count nothing happens, and a restart comes
    before its step is edited.

    Raises:
        InputError, InputTypeError: a field does not fit; the text says which, what was given and what was expected.

    Example:
        >>> Edit("state", "set", 0.0, steps=(2, 5), units=12)
        Edit('state', 'set', 0.0, steps=(2, 5), units=(12,))
    """

    target: str
    action: str
    value: Any = None
    _: KW_ONLY
    steps: Any = None
    units: Any = None
    layer: int | None = None
    direction: str | None = None
    seed: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        _one_of("target", self.target, TARGETS)
        _one_of("action", self.action, OF_INPUT if self.target == "input" else ARITHMETIC)
        for field, found in (
            ("value", self._value()),
            ("steps", _steps(self.steps)),
            ("units", _units(self.units)),
        ):
            object.__setattr__(self, field, found)
        _whole("seed", self.seed, 2**32 - 1)
        if self.layer is not None:
            _whole("layer", self.layer)
        if self.direction is not None:
            _one_of("direction", self.direction, DIRECTIONS)
        if self.target == "input" and (self.layer is not None or self.direction is not None):
            raise InputError("layer, direction: given, but the input has none; expected None")
        if self.action == "cut" and self.units is not None:
            raise InputError(f"units: {self.units}, but a step is cut whole; expected None")

    def __repr__(self) -> str:
        said = [repr(self.target), repr(self.action)] + ([] if self.value is None else [repr(self.value)])
        for field, default in (
            ("steps", None),
            ("units", None),
            ("layer", None),
            ("direction", None),
            ("seed", 0),
            ("name", ""),
        ):
            if getattr(self, field) != default:
                said.append(f"{field}={getattr(self, field)!r}")
        return f"Edit({', '.join(said)})"

    def _value(self) -> Any:
        if self.action in ("blank", "cut"):
            if self.value is not None:
                raise InputError(f"value: {self.value!r}, but {self.action} takes none; expected None")
            return None
        given = 1 if self.value is None and self.action == "repeat" else self.value
        try:
            value = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            value = np.array(np.nan)
        if not np.isfinite(value).all() or value.ndim > 2:
            raise InputError(
                f"value: {self.value!r:.60}, expected a finite number or numbers, (units,) or (steps, units)"
            )
        if self.action in ("repeat", "shift"):
            if value.ndim or value != np.round(value) or (self.action == "repeat" and value < 1):
                what = "times, at least 1" if self.action == "repeat" else "steps"
                raise InputError(f"value: {given!r:.60}, expected a whole number of {what}")
            return int(value)
        if self.action == "noise" and (value.ndim or value < 0):
            raise InputError(f"value: {given!r:.60}, expected a standard deviation of at least 0")
        return _nested(value.tolist())

    def within(self, T: int) -> tuple[int, int]:
        """The first step and the one after the last."""
        return self.steps or (0, T)


class Plan:
    """Edits that fit a net and a batch: what becomes of the input, and what of each number of a step.

    Raises:
        InputError, InputTypeError: an edit does not fit; the text says which, what was given and what was expected.
    """

    def __init__(self, edits: Sequence[Edit], weights: Weights, T: int) -> None:
        self.T, self.channels = T, weights.input_units
        self.inputs: list[tuple[Edit, Any, Array]] = []
        self.changes: list[tuple[Edit, set[int], Any, Array]] = []
        D, H = weights.directions, weights.hidden_units
        if isinstance(edits, Edit) or not all(isinstance(e, Edit) for e in edits):
            raise InputTypeError(f"edits: {edits!r:.60}, expected a list of gruvy.Edit")
        for i, e in enumerate(edits):
            units, value = self._fitted(f"edits[{i}]", e, self.channels if e.target == "input" else H)
            if e.target == "input":
                self.inputs.append((e, units, value))
                continue
            if e.layer is not None and e.layer >= weights.layers:
                raise InputError(f"edits[{i}].layer: {e.layer}, expected 0 to {weights.layers - 1}")
            if e.direction == "backward" and D == 1:
                raise InputError(f"edits[{i}].direction: 'backward', but the net has one direction")
            layers = range(weights.layers) if e.layer is None else [e.layer]
            ways = range(D) if e.direction is None else [DIRECTIONS.index(e.direction)]
            self.changes.append((e, {k * D + d for k in layers for d in ways}, units, value))

    def _fitted(self, name: str, e: Edit, count: int) -> tuple[Any, Array]:
        a, b = e.within(self.T)
        if b > self.T:
            raise InputError(f"{name}.steps: {e.steps}, expected within 0 to {self.T}, the steps there are")
        if e.units is not None and max(e.units) >= count:
            what = "channels" if e.target == "input" else "units"
            raise InputError(f"{name}.units: {max(e.units)}, expected 0 to {count - 1}, the {what} there are")
        units = slice(None) if e.units is None else list(e.units)
        shape = (b - a, count if e.units is None else len(e.units))
        value = np.asarray(0.0 if e.value is None else e.value)
        try:
            return units, np.broadcast_to(value, shape)
        except ValueError:
            raise InputError(
                f"{name}.value: shape {value.shape}, expected a number or what fits (steps, units) = {shape}"
            ) from None

    def change(self, j: int, t: int, name: str, value: Array) -> Array:
        """`engines.stack.run`'s `change`: of layer and direction j at step t, the new value (B, H) of what is named."""
        for e, places, units, by in self.changes:
            a, b = e.within(self.T)
            if e.target == name and j in places and a <= t < b:
                value = value.copy()
                value[:, units] = _arithmetic(e.action, value[:, units], by[t - a])
        return value

    def edited(self, x: Array, lengths: Array | None, mask: Array | None, blank: Array) -> tuple[Array, Array | None]:
        """The inputs (B, T, I) on the user's scale and the mask (B, T) after all edits of the input."""
        x = np.array(x, np.float64)
        ends = np.full(len(x), self.T) if lengths is None else lengths
        for e, units, value in self.inputs:
            a, b = e.within(self.T)
            if e.action == "cut":
                mask = np.ones(x.shape[:2], bool) if mask is None else mask.copy()
                mask[:, a:b] = False
                continue
            for row, end in zip(x, ends, strict=True):
                _edit_row(e, row[:end], a, b, units, value, blank)
        return x, mask


def _edit_row(e: Edit, row: Array, a: int, b: int, units: Any, value: Array, blank: Array) -> None:
    """One edit of one sequence (T_i, I), in place."""
    end = len(row)
    b_here = min(b, end)
    if b_here <= a:
        return
    part = row[a:b_here, units]  # a copy where units are listed, else a view
    if e.action in ARITHMETIC:
        row[a:b_here, units] = _arithmetic(e.action, part, value[: b_here - a])
    elif e.action == "blank":
        row[a:b_here, units] = blank[units]
    elif e.action == "noise":
        channels = np.arange(row.shape[1])[units]
        row[a:b_here, units] = part + value[: b_here - a] * normal(e.seed, np.arange(a, b_here)[:, None], channels)
    elif e.action == "repeat":
        part = part.copy()
        for first in range(b_here, min(end, b_here + e.value * len(part)), len(part)):
            last = min(end, first + len(part))
            row[first:last, units] = part[: last - first]
    else:  # shift
        part = part.copy()
        row[a:b_here, units] = blank[units]
        first, last = max(0, a + e.value), min(end, b_here + e.value)
        if first < last:
            row[first:last, units] = part[first - a - e.value : last - a - e.value]


def _arithmetic(action: str, old: Array, by: Array) -> Array:
    return np.asarray(by if action == "set" else old * by if action == "scale" else old + by)


def _one_of(argument: str, given: Any, known: Sequence[str]) -> None:
    if given not in known:
        raise InputError(f"{argument}={given!r}: expected {', '.join(map(repr, known))}")


def _whole(argument: str, given: Any, most: int | None = None) -> None:
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)):
        raise InputTypeError(f"{argument}: {given!r}, expected a whole number")
    if given < 0 or (most is not None and given > most):
        raise InputError(f"{argument}: {given}, expected {'0 or more' if most is None else f'0 to {most}'}")


def _steps(steps: Any) -> tuple[int, int] | None:
    if steps is None:
        return None
    if isinstance(steps, (int, np.integer)) and not isinstance(steps, bool):
        steps = (steps, steps + 1)
    try:
        a, b = steps
    except (TypeError, ValueError):
        raise InputTypeError(
            f"steps: {steps!r:.60}, expected a step, or the first and the one after the last"
        ) from None
    _whole("steps", a)
    _whole("steps", b)
    if a >= b:
        raise InputError(f"steps: {(int(a), int(b))}, expected the first and the one after the last, which is larger")
    return int(a), int(b)


def _units(units: Any) -> tuple[int, ...] | None:
    if units is None:
        return None
    found = [units] if np.ndim(units) == 0 else list(units)
    for unit in found:
        _whole("units", unit)
    if not found or len(set(found)) < len(found):
        raise InputError(f"units: {found}, expected at least one, and each once")
    return tuple(int(u) for u in found)


def _nested(value: Any) -> Any:
    """Lists as tuples: an edit never changes."""
    return tuple(map(_nested, value)) if isinstance(value, list) else value
