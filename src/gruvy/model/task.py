"""What a network is asked for: labels or numbers, one per sequence or one per step; targets in, answers out.

Everything here is NumPy, because a saved model answers without torch; the loss is `gruvy.training.losses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError, InputError
from .quantiles import Quantiles
from .scaler import Scaler

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Labels:
    """Classes to be told apart: a label per sequence ("classify"), or with `per_step` a label per step ("tag").

    Args:
        classes: the labels that may come, sorted (K,).
        per_step: one label per step instead of one per sequence.

    Example:
        >>> task = Labels.of(["no", "yes", "no"])
        >>> task.encode(["yes", "no"]).tolist(), task.answers(np.array([[0.2, 1.5]])).tolist()
        ([1, 0], ['yes'])
    """

    classes: Array
    per_step: bool = False

    @classmethod
    def of(cls, y: Any, per_step: bool = False) -> Labels:
        """The task that the targets y ask for.

        Raises:
            DataError: y holds one class, or none.
        """
        classes = np.unique(_joined(y) if per_step else np.asarray(y))
        if len(classes) < 2:
            held = f"one class, {classes[0].item()!r}" if len(classes) else "no class"
            raise DataError(f"y has {held}; expected at least 2 classes")
        return cls(classes, per_step)

    @property
    def name(self) -> str:
        return "tag" if self.per_step else "classify"

    @property
    def units(self) -> tuple[int, ...]:
        """Read-out units that serve, the usual number first: one a class; two classes can share one."""
        return (2, 1) if len(self.classes) == 2 else (len(self.classes),)

    def encode(self, y: Any) -> Array:
        """Labels as whole numbers: (N,), or with `per_step` the labels of all sequences end to end (sum of T,)."""
        labels = _joined(y) if self.per_step else np.asarray(y)
        place = np.searchsorted(self.classes, labels).clip(max=len(self.classes) - 1)
        unknown = self.classes[place] != labels
        if unknown.any():
            raise DataError(f"y holds {labels[unknown][0].item()!r}, a class that the training data do not have")
        return place.astype(np.int64)

    def score(self, raw: Array, target: Array, weight: Array) -> float:
        """Accuracy: the weighted share of right answers. raw (M, O), target and weight (M,)."""
        return float(np.average(self._place(raw) == target, weights=weight))

    def blind(self, target: Array, weight: Array) -> float:
        """The least mean loss of answers that are the same for all: the entropy. target and weight (M,)."""
        share = np.bincount(target, weight)
        share = share[share > 0] / share.sum()
        return float(-(share * np.log(share)).sum())

    def probabilities(self, raw: Array) -> Array:
        """Probabilities (..., K) from read-outs (..., O)."""
        raw = self._one_each(raw)
        # The ufuncs themselves: for the few numbers of a stream's step, the methods cost as much again.
        p: Array = np.exp(raw - np.maximum.reduce(raw, axis=-1, keepdims=True))
        p /= np.add.reduce(p, axis=-1, keepdims=True)
        return p

    def log_probabilities(self, raw: Array) -> Array:
        """Natural logarithms of the probabilities (..., K), float64, from read-outs (..., O); tiny ones keep digits."""
        raw = self._one_each(raw).astype(np.float64)
        raw -= raw.max(axis=-1, keepdims=True)
        log_p: Array = raw - np.logaddexp.reduce(raw, axis=-1, keepdims=True)
        return log_p

    def answers(self, raw: Array) -> Array:
        """The likeliest labels (...) from read-outs (..., O)."""
        answers: Array = self.classes[self._place(raw)]
        return answers

    stream = probabilities

    def _one_each(self, raw: Array) -> Array:
        """A read-out for each class: one that two classes share is that of the second, and the first has 0."""
        return np.concatenate([np.zeros_like(raw), raw], axis=-1) if raw.shape[-1] == 1 else raw

    def _place(self, raw: Array) -> Array:
        place: Array = (raw[..., 0] > 0).astype(np.int64) if raw.shape[-1] == 1 else raw.argmax(axis=-1)
        return place


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers to be told, one or several per sequence ("regress"); the network sees them scaled to mean 0, deviation 1.

    Args:
        mean, scale: of the targets (O,).
        flat: the targets came as (N,), so answers do too.

    Example:
        >>> task = Numbers.of(np.array([1.0, 3.0]))
        >>> task.encode([3.0]).tolist(), task.answers(np.array([[1.0], [-1.0]])).tolist()
        ([[1.0]], [3.0, 1.0])
    """

    mean: Array
    scale: Array
    flat: bool = True
    per_step = False
    name = "regress"

    @classmethod
    def of(cls, y: Any, weight: Array | None = None) -> Numbers:
        """The task that the targets y, (N,) or (N, O), ask for; weight (N,) counts in the mean and the deviation."""
        y = np.asarray(y, np.float64)
        return cls(*Scaler.of(y.reshape(len(y), -1), weight), flat=y.ndim == 1)

    @property
    def units(self) -> tuple[int, ...]:
        return (len(self.mean),)

    def encode(self, y: Any) -> Array:
        """Targets (N,) or (N, O) as scaled numbers (N, O)."""
        y = np.asarray(y, np.float64)
        y = y.reshape(len(y), -1)
        if y.shape[1] != len(self.mean):
            raise DataError(f"y has {y.shape[1]} targets per sequence; expected {len(self.mean)}")
        scaled: Array = ((y - self.mean) / self.scale).astype(np.float32)
        return scaled

    def score(self, raw: Array, target: Array, weight: Array) -> float:
        """R², mean of the targets: 1 is perfect, 0 is as good as the mean. raw and target (M, O), weight (M,)."""
        spread = self._spread(target, weight)
        error = np.average((target - raw) ** 2, 0, weight)
        return float(np.mean(1 - error / np.where(spread > 0, spread, 1)))

    def blind(self, target: Array, weight: Array) -> float:
        """The least mean loss of answers that are the same for all: the variance. target (M, O), weight (M,)."""
        return float(self._spread(target, weight).mean())

    def _spread(self, target: Array, weight: Array) -> Array:
        """The variance of each target (O,)."""
        spread: Array = np.average((target - np.average(target, 0, weight)) ** 2, 0, weight)
        return spread

    def answers(self, raw: Array) -> Array:
        """Targets on their own scale, (...) or (..., O), from read-outs (..., O)."""
        return self.shaped(self.back(raw))

    def shaped(self, y: Array) -> Array:
        """(...) for (..., 1) where the targets came so."""
        return y[..., 0] if self.flat else y

    def back(self, raw: Array) -> Array:
        """Targets on their own scale (..., O), from read-outs (..., O)."""
        y: Array = raw * self.scale + self.mean
        return y

    stream = answers


Task = Labels | Numbers | Quantiles
TASKS = ("classify", "regress", "tag")


def task_of(name: str, y: Any, weight: Array | None = None) -> Task:
    """The task of that name for the targets y.

    Raises:
        InputError: there is no such task. DataError: y does not suit it.
    """
    if name == "regress":
        return Numbers.of(y, weight)
    if name in TASKS:
        return Labels.of(y, per_step=name == "tag")
    raise InputError(f'task={name!r}: expected "classify", "regress" or "tag"')


def check_steps(y: Sequence[Any], lengths: Sequence[int]) -> None:
    """One label per step in every sequence.

    Raises:
        DataError: a sequence has more or fewer labels than steps.
    """
    for i, (labels, T) in enumerate(zip(y, lengths, strict=True)):
        if np.shape(labels) not in ((T,), (T, 1)):
            raise DataError(f"y[{i}] has shape {np.shape(labels)}, X[{i}] has {T} steps; expected one label per step")


def _joined(y: Any) -> Array:
    return np.concatenate([np.asarray(labels).reshape(-1) for labels in y]) if len(y) else np.empty(0)
