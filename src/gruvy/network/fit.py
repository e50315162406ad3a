"""From a user's sequences and targets to a trained network and back: shared by `gruvy.GRU` and the estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from ..arrays import as_sequences, check_targets
from ..errors import DataError, InputError, InputTypeError
from ..model.scaler import LARGEST
from ..model.task import Labels, Task, check_steps
from ..model.yes_no import YesNo
from ..training import Batches, History, Settings, check_device, raw_outputs, train

Array = np.ndarray[Any, Any]
SETTINGS = tuple(f.name for f in fields(Settings))


def settings_of(given: dict[str, Any]) -> Settings:
    """The settings that `gruvy.GRU.fit` was given by name."""
    unknown = sorted(set(given) - set(SETTINGS))
    if unknown:
        raise InputTypeError(f"fit: unknown setting {unknown[0]!r}; there are {', '.join(SETTINGS)}")
    return Settings(**given)


def fit_task(
    net: torch.nn.Module,
    task: Task,
    X: Sequence[Array],
    y: Any,
    weight: Array | None,
    validation: tuple[Sequence[Array], Any] | None,
    settings: Settings,
    in_core: bool = False,
    optimiser: torch.optim.Optimizer | None = None,
) -> History:
    """Train any module on checked sequences and targets; it moves to their device; the last two as for `train`.

    weight: (N,), or as `Batches` takes it for targets at every step.
    """
    net.to(check_device(settings.device))
    data = batches_for(net, task, X, y, weight)
    judged = judged_by(net, task, validation)
    return train(net, task, data, validation=judged, settings=settings, in_core=in_core, optimiser=optimiser)


def batches_for(
    net: torch.nn.Module, task: Task, X: Sequence[Array], y: Any, weight: Array | None = None, *, named: str = ""
) -> Batches:
    """Sequences and targets as a network on its device takes them; `named` stands before X and y in an error.

    Raises:
        DataError: a number is too large for the network's dtype.
    """
    like = next(net.parameters())
    target = task.encode(y)
    if isinstance(task, YesNo) and (weight is None or weight.ndim == 1):  # a loss, and so a weight, of each answer
        of_step = steps_weights(weight, X)
        weight = np.broadcast_to(of_step[:, None], target.shape)
    data = Batches(X, target, weight, per_step=task.per_step, device=like.device, dtype=like.dtype)
    check_range(data, f"{named}X", f"{named}y")
    return data


def steps_weights(weight: Array | None, X: Sequence[Array]) -> Array:
    """The weight of each step, end to end (sum of T,), of one for each sequence (N,), or of none: ones."""
    if weight is not None and len(weight) != len(X):
        return weight
    return np.repeat(np.ones(len(X)) if weight is None else weight, [len(x) for x in X])


def judged_by(net: torch.nn.Module, task: Task, validation: tuple[Sequence[Array], Any] | None) -> Batches | None:
    """What each epoch is judged by."""
    return None if validation is None else batches_for(net, task, *validation, named="validation ")


def check_range(data: Batches, inputs: str, targets: str) -> None:
    """Finite inputs and targets are still finite in the dtype of the network.

    Raises:
        DataError: one is too large.
    """
    kind = str(data.flat.dtype).removeprefix("torch.")
    for name, values, column in ((inputs, data.flat, "channel"), (targets, data.targets, "target")):
        if values.is_floating_point() and not bool(torch.isfinite(values).all()):
            where = torch.nonzero(~torch.isfinite(values))[0].tolist()
            row, place = where[0], where[-1] if len(where) > 1 else 0
            sequence = row if values is data.targets else int(np.searchsorted(data.starts, row, "right")) - 1
            raise DataError(
                f"{name}: sequence {sequence} has a number in {column} {place} that is too large for {kind}; "
                "expected inputs and targets scaled to about 1"
            )


def check_units(task: Task, output_units: int) -> None:
    """The read-out has as many units as the task wants."""
    if output_units not in task.units:
        each = "step" if task.per_step else "sequence"
        held = f"{len(task.classes)} classes" if isinstance(task, Labels) else f"{task.units[0]} targets per {each}"
        wanted = " or ".join(map(str, sorted(task.units)))
        raise InputError(f"y has {held}, the network output_units={output_units}; expected output_units={wanted}")


def check_weights(sample_weight: Any, count: int) -> Array | None:
    """Weights (N,), finite, none below 0, not all 0."""
    if sample_weight is None:
        return None
    try:
        w = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError):
        raise InputTypeError("sample_weight: expected one number per sequence") from None
    if w.shape != (count,):
        raise InputError(f"sample_weight: shape {w.shape}, expected (sequences,) = ({count},)")
    if not np.isfinite(w).all() or (w < 0).any():
        bad = int(np.flatnonzero(~np.isfinite(w) | (w < 0))[0])
        raise InputError(f"sample_weight: {w[bad]} at index {bad}; expected finite numbers of at least 0")
    if not w.any():
        raise InputError("sample_weight: all zero; expected at least one sequence that counts")
    if w.max() > LARGEST:
        raise InputError(f"sample_weight: {w.max()} at index {int(w.argmax())}; expected numbers of at most 1e100")
    return w


def asked(task: Task | None) -> Task:
    """The task that a network was trained for."""
    if task is None:
        raise InputError("the network has no task yet: call fit first, or the network itself for its read-outs")
    return task


def pair(validation: Any) -> tuple[Any, Any]:
    """The validation data's X and y."""
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise InputTypeError("validation: expected a pair (X, y)")
    return validation[0], validation[1]


def checked(X: Any, y: Any, channels: int, task: str) -> tuple[list[Array], Any]:
    """Sequences and targets for a task by name, checked."""
    X = as_sequences(X, channels=channels, dtype=None)
    y = check_targets(y, len(X))
    if task == "tag":
        y = step_targets(y, [len(x) for x in X])
    elif task == "regress":
        y = check_numbers(y)
    elif y.ndim != 1:
        raise InputError(f'y: shape {y.shape}, expected one label per sequence; task="tag" has one per step')
    elif y.dtype == object and any(map(np.ndim, y)):
        raise InputError('y: an array for each sequence, expected one label; task="tag" has one per step')
    return X, y


def step_targets(y: Any, lengths: Sequence[int]) -> list[Array]:
    """Targets at every step as one array a sequence, (T_i,) or (T_i, K).

    Raises:
        DataError: one does not fit its sequence. InputTypeError, InputError: one holds nothing that can be learnt.
    """
    try:
        each = [np.asarray(labels) for labels in y]
    except ValueError as problem:
        raise DataError("y: ragged at a sequence; expected as many targets at each of its steps") from problem
    check_steps(each, lengths)
    for i, labels in enumerate(each):
        if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
            place = np.argwhere(~np.isfinite(labels))[0]
            raise InputError(f"y[{i}]: {labels[tuple(place)]} at step {place[0]}; expected finite numbers")
    return each


def check_numbers(y: Any) -> Array:
    """Targets (N,) or (N, K) as float64, finite."""
    if len(y) and getattr(y, "dtype", None) == np.object_ and any(map(np.ndim, y)):
        raise InputError(
            "y: numbers at every step; expected (sequences,) or (sequences, targets); "
            "gruvy.GRUTagger learns them at every step"
        )
    try:
        numbers: Array = np.asarray(y, np.float64)
    except (TypeError, ValueError):
        raise InputTypeError("y: expected numbers") from None
    if numbers.ndim not in (1, 2):
        raise InputError(f"y: shape {numbers.shape}, expected (sequences,) or (sequences, targets)")
    if not np.isfinite(numbers).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(numbers))[0]))
        raise InputError(f"y: {numbers[place]} for sequence {place[0]}; expected finite numbers")
    return numbers


def raw_of(net: torch.nn.Module, sequences: Sequence[Array], per_step: bool = False) -> list[Array]:
    """Read-outs of any module that `fit_task` can train, for checked sequences."""
    parameter = next(net.parameters())
    return raw_outputs(net, Batches(sequences, device=parameter.device, dtype=parameter.dtype), per_step=per_step)
