"""What is inside a model, whatever kind it is: the recurrence, the read-out, the scaler, the names. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, InputTypeError
from ..weights import Weights

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Parts:
    """A model taken apart; `task` is "classify", "tag" (a class at every step), "regress" or "" where it is unknown.

    `V` (O, directions * H) and `b_y` (O,) read the output off the top layer's states, pooled over time by `pooling`
    ("last", "mean" or "max"); without them the output is the final state itself.
    `shift` and `scale` (I,) turn what the user has into what the recurrence sees, (x - shift) / scale. For a
    regression, `y_shift` and `y_scale` (O,) turn the output back into what the user has, y * y_scale + y_shift.
    """

    weights: Weights
    V: Array | None = None
    b_y: Array | None = None
    pooling: str = "last"
    task: str = ""
    shift: Array | None = None
    scale: Array | None = None
    y_shift: Array | None = None
    y_scale: Array | None = None
    classes: tuple[Any, ...] = ()

    @property
    def outputs(self) -> int:
        return self.weights.hidden_units * self.weights.directions if self.V is None else len(self.V)

    def seen(self, x: Array) -> Array:
        """What the recurrence sees of the user's x (..., I), scaled in float64."""
        if self.shift is None and self.scale is None:
            return x
        x = np.asarray(x, np.float64) - (0 if self.shift is None else self.shift)
        return np.asarray(x / (1 if self.scale is None else self.scale))

    def pooled(self, hidden: Array, final: Array, steps: Array) -> Array:
        """The states (B, T, P) of the top layer pooled over `steps` (B, T), or the final states (B, P)."""
        if self.pooling not in ("mean", "max"):
            return final
        some, steps = steps.any(axis=1, keepdims=True), steps[..., None]
        if self.pooling == "mean":
            found = np.where(steps, hidden, 0).sum(1) / np.maximum(steps.sum(1), 1)
        else:
            found = np.where(steps, hidden, -np.inf).max(1, initial=-np.inf)
        return np.where(some, found, final)

    def read_out(self, pooled: Array) -> Array:
        """The outputs (..., O): scores of classes, scaled targets, or the states themselves."""
        if self.V is None:
            return pooled
        y = pooled @ self.V.T
        return y if self.b_y is None else y + self.b_y


def parts_of(model: Any) -> Parts:
    """Take a model apart.

    Args:
        model: `Weights`, `Parts`, a `gruvy.GRU`, a `torch.nn.GRU` or `gruvy.nn.GRU`, a fitted estimator, or what
            `gruvy.load` gave.

    Raises:
        InputTypeError: there is no GRU in it.
    """
    if isinstance(model, Parts):
        return model
    if isinstance(model, Weights):
        return Parts(model)
    if hasattr(model, "weight_ih_l0"):  # torch.nn.GRU and gruvy.nn.GRU
        return Parts(Weights.from_torch(model))
    if hasattr(model, "net_") and hasattr(model, "task_"):  # a fitted estimator
        return _with_read_out(model.net_, model.net_.weights(), model.task_, model.input_mean_, model.input_scale_)
    weights = getattr(model, "weights", None)
    weights = weights() if callable(weights) else weights
    if isinstance(weights, Weights):  # gruvy.GRU, a model file's content
        scaler = (getattr(model, name, None) for name in ("input_mean", "input_scale"))
        return _with_read_out(model, weights, getattr(model, "task", None), *scaler)
    if hasattr(getattr(model, "data", None), "weights"):  # a loaded model
        return parts_of(model.data)
    raise InputTypeError(
        f"model: {type(model).__name__}, wanted gruvy.Weights, a GRU of gruvy or torch, a fitted estimator or a "
        "loaded model"
    )


def _with_read_out(model: Any, weights: Weights, task: Any, mean: Any, scale: Any) -> Parts:
    return Parts(
        weights,
        V=_numpy(getattr(model, "V", None)),
        b_y=_numpy(getattr(model, "b_y", None)),
        pooling=getattr(model, "pooling", "last"),
        task=str(getattr(task, "name", "")),
        shift=_numpy(mean),
        scale=_numpy(scale),
        y_shift=_numpy(getattr(task, "mean", None)),
        y_scale=_numpy(getattr(task, "scale", None)),
        classes=tuple(np.asarray(getattr(task, "classes", ())).tolist()),
    )


def _numpy(value: Any) -> Array | None:
    if value is None:
        return None
    detach = getattr(value, "detach", None)
    return np.asarray(value if detach is None else detach().cpu().numpy())


def pool_steps(valid: Array, restarts: Array | None) -> Array:
    """The steps (B, T) that pooling over time looks at: those that count, since the last restart."""
    if restarts is None:
        return valid
    later = np.cumsum(restarts[:, ::-1], axis=1)[:, ::-1] - restarts
    return np.asarray(valid & (later == 0))


def as_batch(x: Any, lengths: Any, units: int, name: str = "x") -> tuple[Array, Any]:
    """A batch (B, T, I) and its lengths, from a batch or from a list of sequences (T_i, I), which is padded by zeros.

    Raises:
        InputError: other shapes, or a list and lengths too.
    """
    if isinstance(x, (list, tuple)) and any(np.ndim(s) != 2 or np.shape(s) != np.shape(x[0]) for s in x):
        sequences = [np.asarray(s) for s in x]
        for i, s in enumerate(sequences):
            if s.ndim != 2 or s.shape[1] != units:
                raise InputError(f"{name}[{i}]: shape {s.shape}, wanted (time, {units})")
        if lengths is not None:
            raise InputError("lengths: given, but a list of sequences has its own; wanted None")
        counts = np.array([len(s) for s in sequences], np.int64)
        batch = np.zeros((len(sequences), int(counts.max()), units), np.result_type(*sequences))
        for row, s in zip(batch, sequences, strict=True):
            row[: len(s)] = s
        return batch, counts
    batch = np.asarray(x)
    if batch.ndim != 3 or batch.shape[2] != units:
        raise InputError(f"{name}: shape {batch.shape}, wanted (batch, time, {units}) or a list of (time, {units})")
    return batch, lengths
