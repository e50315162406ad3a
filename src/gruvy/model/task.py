"""What a network is asked for: labels or numbers, one per sequence or one per step; targets in, answers out.

Everything here is NumPy, because a saved model answers without torch; the loss is `gruvy.training.losses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engines.probabilities import softmax
from ..errors import DataError, InputError
from .quantiles import Quantiles
from .scaler import Scaler
from .yes_no import YesNo

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Labels:
    """Classes to be told apart: a label per sequence ("classify"), or with `per_step` a label per step ("tag").

    Args:
        classes: the labels that may come, sorted (K,).
        per_step: one label per step instead of one per sequence.
        threshold: of two classes, the second is the answer from this probability on; None for the likelier.

    Example:
        >>> task = Labels.of(["no", "yes", "no"])
        >>> task.encode(["yes", "no"]).tolist(), task.answers(np.array([[0.2, 1.5]])).tolist()
        ([1, 0], ['yes'])
    """

    classes: Array
    per_step: bool = False
    threshold: float | None = None

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
        return softmax(self._one_each(raw))

    def log_probabilities(self, raw: Array) -> Array:
        """Natural logarithms of the probabilities (..., K), float64, from read-outs (..., O); tiny ones keep digits."""
        raw = self._one_each(raw).astype(np.float64)
        raw -= raw.max(axis=-1, keepdims=True)
        log_p: Array = raw - np.logaddexp.reduce(raw, axis=-1, keepdims=True)
        return log_p

    def answers(self, raw: Array) -> Array:
        """The likeliest labels (...) from read-outs (..., O), or what the threshold says."""
        answers: Array = self.classes[self._place(raw)]
        return answers

    def chosen(self, p: Array) -> Array:
        """The labels (...) of probabilities (..., K)."""
        answers: Array = self.classes[self.places(p)]
        return answers

    def places(self, p: Array) -> Array:
        """Where the labels (...) of probabilities (..., K) stand among the classes."""
        return np.asarray(p.argmax(axis=-1) if self.threshold is None else p[..., 1] >= self.threshold, np.int64)

    stream = probabilities

    def _one_each(self, raw: Array) -> Array:
        """A read-out for each class: one that two classes share is that of the second, and the first has 0."""
        return np.concatenate([np.zeros_like(raw), raw], axis=-1) if raw.shape[-1] == 1 else raw

    def _place(self, raw: Array) -> Array:
        if self.threshold is not None:
            return self.places(self.probabilities(raw))
        place: Array = (raw[..., 0] > 0).astype(np.int64) if raw.shape[-1] == 1 else raw.argmax(axis=-1)
        return place


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers to be told, one or several per sequence ("regress"), or with `per_step` per step ("tag").

    The network sees them scaled to mean 0, deviation 1.

    Args:
        mean, scale: of the targets (O,).
        flat: the targets came as (N,), so answers do too.
        per_step: numbers for each step instead of each sequence.

    Example:
        >>> task = Numbers.of(np.array([1.0, 3.0]))
        >>> task.encode([3.0]).tolist(), task.answers(np.array([[1.0], [-1.0]])).tolist()
        ([[1.0]], [3.0, 1.0])
    """

    mean: Array
    scale: Array
    flat: bool = True
    per_step: bool = False

    @classmethod
    def of(cls, y: Any, weight: Array | None = None, per_step: bool = False) -> Numbers:
        """The task that the targets y ask for, (N,) or (N, O), or those of the steps of each sequence.

        weight, (N,) or one per step end to end, counts in the mean and the deviation.
        """
        y = np.asarray(end_to_end(y) if per_step else y, np.float64)
        return cls(*Scaler.of(y.reshape(len(y), -1), weight), flat=y.ndim == 1, per_step=per_step)

    @property
    def name(self) -> str:
        return "tag" if self.per_step else "regress"

    @property
    def units(self) -> tuple[int, ...]:
        return (len(self.mean),)

    def encode(self, y: Any) -> Array:
        """Targets (N,) or (N, O), or with `per_step` those of all sequences end to end, as scaled numbers (..., O)."""
        y = np.asarray(end_to_end(y) if self.per_step else y, np.float64)
        y = y.reshape(len(y), -1)
        if y.shape[1] != len(self.mean):
            each = "step" if self.per_step else "sequence"
            raise DataError(f"y has {y.shape[1]} targets per {each}; expected {len(self.mean)}")
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


Task = Labels | Numbers | Quantiles | YesNo
TASKS = ("classify", "regress", "tag")
ANSWERS = ("auto", "classes", "numbers", "yes-no")


def task_of(name: str, y: Any, weight: Array | None = None) -> Task:
    """The task of that name for the targets y.

    Raises:
        InputError: there is no such task. DataError: y does not suit it.
    """
    if name == "regress":
        return Numbers.of(y, weight)
    if name == "classify":
        return Labels.of(y)
    if name == "tag":
        return task_of_steps(y, weight=None if weight is None else np.repeat(weight, [len(each) for each in y]))
    raise InputError(f'task={name!r}: expected "classify", "regress" or "tag"')


def task_of_steps(y: Any, answers: str = "auto", weight: Array | None = None) -> Task:
    """The task that targets at every step ask for.

    Args:
        y: N arrays (T_i,) or (T_i, K), checked by `check_steps`.
        answers: ``"classes"``, ``"numbers"`` or ``"yes-no"``, K of them at each step; ``"auto"`` takes numbers with
            fractions as numbers, several columns of nothing but 0 and 1 as yes and no, other columns as numbers, and
            all else as classes.
        weight: of each step, end to end, for the scale of numbers.

    Raises:
        InputError: there are no such answers, or y is of another kind. DataError: y holds one class.

    Example:
        >>> [type(task_of_steps(y)).__name__ for y in ([["a", "b"]], [[0.5, 1.5]], [[[0, 1], [1, 1]]])]
        ['Labels', 'Numbers', 'YesNo']
    """
    flat = end_to_end(y)
    several, numeric = flat.ndim == 2 and flat.shape[1] > 1, flat.dtype.kind in "biuf"
    binary = numeric and bool(np.isin(flat, (0, 1)).all())
    fractions = flat.dtype.kind == "f" and bool((flat != np.round(flat)).any())
    if answers not in ANSWERS:
        raise InputError(f"answers={answers!r}: expected {', '.join(ANSWERS[:-1])} or {ANSWERS[-1]}")
    if answers == "auto":
        answers = ("yes-no" if binary else "numbers") if several else "numbers" if fractions else "classes"
    if answers == "classes" and not several:
        return Labels.of(y, per_step=True)
    if answers == "numbers" and numeric:
        return Numbers.of(y, weight, per_step=True)
    if answers == "yes-no" and binary:
        return YesNo(1 if flat.ndim == 1 else flat.shape[1])
    held = "text" if not numeric else f"{flat.shape[1]} targets per step" if several else "other numbers than 0 and 1"
    raise InputError(f'y: holds {held}; expected other targets for answers="{answers}"')


def check_steps(y: Sequence[Any], lengths: Sequence[int]) -> None:
    """One target, or as many as in the other sequences, per step in every sequence.

    Raises:
        DataError: a sequence has targets for more or fewer steps, or more or fewer of them at each.
    """
    first = np.shape(y[0])[1:] if len(y) else ()
    for i, (labels, T) in enumerate(zip(y, lengths, strict=True)):
        shape = np.shape(labels)
        if shape[:1] != (T,) or len(shape) > 2 or 0 in shape[1:]:
            raise DataError(f"y[{i}] has shape {shape}, X[{i}] has {T} steps; expected one label per step")
        if shape[1:] != first:
            raise DataError(f"y[{i}] has shape {shape}, y[0] {np.shape(y[0])}; expected as many targets per step")


def end_to_end(y: Any) -> Array:
    """The targets at every step of all sequences, (sum of T,) or (sum of T, K)."""
    return np.concatenate([np.asarray(each) for each in y]) if len(y) else np.empty(0)


def _joined(y: Any) -> Array:
    """One target per step, (sum of T,)."""
    return end_to_end(y).reshape(-1)
