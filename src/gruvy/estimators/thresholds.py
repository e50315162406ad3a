"""From which probability on the answer is the second class, or yes: as said, or with the highest F1 held out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve

from ..errors import InputError
from ..model.task import Labels, Task
from ..model.yes_no import YesNo

Array = np.ndarray[Any, Any]


def with_threshold(task: Task, threshold: Any) -> Task:
    """The task with this threshold for all its answers; ``"tuned"`` comes later.

    Raises:
        InputError: it is no probability, or the task has no threshold.
    """
    if threshold == "tuned":
        threshold_of(task, needed=True)
        threshold = 0.5
    number = isinstance(threshold, (int, float, np.number)) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold <= 1:
        raise InputError(f'threshold={threshold!r}: expected a number from 0 to 1, or "tuned"')
    if threshold == 0.5:
        return _put(task, None)
    threshold_of(task, needed=True)
    return _put(task, np.full(task.count, float(threshold)) if isinstance(task, YesNo) else float(threshold))


def threshold_of(task: Task, needed: bool = False) -> float | Array | None:
    """The threshold in use, a number or (K,); None where there is none.

    Raises:
        InputError: it is needed, and there is none.
    """
    if isinstance(task, YesNo):
        return np.full(task.count, 0.5) if task.thresholds is None else task.thresholds
    if isinstance(task, Labels) and len(task.classes) == 2:
        return 0.5 if task.threshold is None else task.threshold
    if needed:
        held = f"{len(task.classes)} classes" if isinstance(task, Labels) else "numbers"
        raise InputError(f"threshold: y has {held}, which no threshold decides between; expected 0.5, the default")
    return None


def tuned(task: Task, raw: Array, y: Any, weight: Array) -> Task:
    """The task with the thresholds of the highest F1 on steps end to end: raw (S, O), weight (S,), y by sequence.

    Raises:
        InputError: the task has none.
    """
    threshold_of(task, needed=True)
    if isinstance(task, YesNo):
        p, truth = task.probabilities(raw), task.encode(y)
        return _put(task, np.array([best(t, one, weight) for t, one in zip(truth.T, p.T, strict=True)]))
    assert isinstance(task, Labels)
    return _put(task, best(task.encode(y), task.probabilities(raw)[:, 1], weight))


def best(truth: Array, p: Array, weight: Array | None = None) -> float:
    """The threshold with the highest F1, halfway down to the next probability; 0.5 where nothing is true. All (S,).

    Example:
        >>> best(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.9]))
        0.25
    """
    counted = p if weight is None else p[weight > 0]
    if not truth[slice(None) if weight is None else weight > 0].any():
        return 0.5
    precision, recall, levels = precision_recall_curve(truth, p, sample_weight=weight)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    found = float(levels[int(np.argmax(f1[: len(levels)]))])
    below = counted[counted < found]
    return (found + float(below.max(initial=0.0))) / 2


def _put(task: Task, value: Any) -> Task:
    if isinstance(task, YesNo):
        return replace(task, thresholds=value)
    return replace(task, threshold=value) if isinstance(task, Labels) else task
