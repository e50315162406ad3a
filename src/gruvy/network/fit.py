"""From a user's sequences and targets to a trained network and back: shared by `gruvy.GRU` and the estimators."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .._version import __version__
from ..arrays import as_sequences, check_targets
from ..errors import InputError, InputTypeError, ModelFileError
from ..model import file as model_file
from ..model.task import Labels, Task, check_steps, task_of
from ..training import Batches, History, Settings, check_device, raw_outputs, train

if TYPE_CHECKING:
    from .net import GRU

Array = np.ndarray[Any, Any]
SETTINGS = tuple(f.name for f in fields(Settings))


def fit_network(net: GRU, X: Any, y: Any, name: str, sample_weight: Any, validation: Any,
                settings: dict[str, Any]) -> None:  # fmt: skip
    """`gruvy.GRU.fit`."""
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise InputTypeError(f"fit: unknown setting {unknown[0]!r}; there are {', '.join(SETTINGS)}")
    chosen = Settings(**settings)
    X, y = _pair(net, X, y, name)
    weight = check_weights(sample_weight, len(X))
    task = task_of(name, y, weight)
    check_units(net, task)
    judged = None
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise InputTypeError("validation: wanted a pair (X, y)")
        judged = _pair(net, validation[0], validation[1], name)
    net.history = fit_task(net, task, X, y, weight, judged, chosen)
    net.task = task


def fit_task(net: torch.nn.Module, task: Task, X: Sequence[Array], y: Any, weight: Array | None,
             validation: tuple[Sequence[Array], Any] | None, settings: Settings) -> History:  # fmt: skip
    """Train any module on checked sequences and targets; it moves to the device of the settings."""
    device = check_device(settings.device)
    net.to(device)
    kind: dict[str, Any] = {"per_step": task.per_step, "device": device, "dtype": next(net.parameters()).dtype}
    data = Batches(X, task.encode(y), weight, **kind)
    judged = None if validation is None else Batches(validation[0], task.encode(validation[1]), **kind)
    return train(net, task, data, validation=judged, settings=settings)


def check_units(net: GRU, task: Task) -> None:
    """The read-out has as many units as the task wants."""
    if net.output_units not in task.units:
        held = f"{len(task.classes)} classes" if isinstance(task, Labels) else f"{task.units[0]} targets a sequence"
        wanted = " or ".join(map(str, sorted(task.units)))
        raise InputError(f"y has {held}, the network output_units={net.output_units}; wanted output_units={wanted}")


def check_weights(sample_weight: Any, count: int) -> Array | None:
    """Weights (N,), finite, none below 0, not all 0."""
    if sample_weight is None:
        return None
    try:
        w = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError):
        raise InputTypeError("sample_weight: wanted one number a sequence") from None
    if w.shape != (count,):
        raise InputError(f"sample_weight: shape {w.shape}, wanted (sequences,) = ({count},)")
    if not np.isfinite(w).all() or (w < 0).any():
        bad = int(np.flatnonzero(~np.isfinite(w) | (w < 0))[0])
        raise InputError(f"sample_weight: {w[bad]} at index {bad}; wanted finite numbers of at least 0")
    if not w.any():
        raise InputError("sample_weight: all zero; wanted at least one sequence that counts")
    return w


def _pair(net: GRU, X: Any, y: Any, name: str) -> tuple[list[Array], Any]:
    X = as_sequences(X, channels=net.input_units, dtype=None)
    y = check_targets(y, len(X))
    if name == "tag":
        check_steps(y, [len(x) for x in X])
    elif name == "regress":
        y = check_numbers(y)
    elif y.ndim != 1:
        raise InputError(f'y: shape {y.shape}, wanted one label a sequence; task="tag" has one a step')
    return X, y


def check_numbers(y: Any) -> Array:
    """Targets (N,) or (N, K) as float64, finite."""
    try:
        numbers: Array = np.asarray(y, np.float64)
    except (TypeError, ValueError):
        raise InputTypeError("y: wanted numbers") from None
    if numbers.ndim not in (1, 2):
        raise InputError(f"y: shape {numbers.shape}, wanted (sequences,) or (sequences, targets)")
    if not np.isfinite(numbers).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(numbers))[0]))
        raise InputError(f"y: {numbers[place]} for sequence {place[0]}; wanted finite numbers")
    return numbers


def raw_answers(net: GRU, X: Any, kind: str) -> Any:
    """`predict` and `predict_proba` of `gruvy.GRU`."""
    task = net.task
    if task is None:
        raise InputError("the network has no task yet: call fit first, or the network itself for its read-outs")
    if kind == "probabilities" and not isinstance(task, Labels):
        raise InputError(f'task="{task.name}" has no probabilities; predict gives its numbers')
    sequences = as_sequences(X, channels=net.input_units, allow_empty=True, dtype=None)
    raw = raw_of(net, sequences, task.per_step)
    answer = getattr(task, kind)
    if not task.per_step:
        return answer(np.stack(raw))
    answers = [answer(r) for r in raw]
    return answers if isinstance(X, (list, tuple)) or np.asarray(X).dtype == object else np.stack(answers)


def raw_of(net: torch.nn.Module, sequences: Sequence[Array], per_step: bool = False) -> list[Array]:
    """Read-outs of any module that `fit_task` can train, for checked sequences."""
    parameter = next(net.parameters())
    return raw_outputs(net, Batches(sequences, device=parameter.device, dtype=parameter.dtype), per_step=per_step)


def model_of(net: GRU, **more: Any) -> model_file.Model:
    """A network as data; `more` are further fields of `model_file.Model`."""
    versions = {"gruvy": __version__, "torch": torch.__version__, "numpy": np.__version__}
    return model_file.Model(
        weights=net.weights(), V=net.V.detach().cpu().numpy(), b_y=net.b_y.detach().cpu().numpy(),
        pooling=net.pooling, versions=versions, **more,
    )  # fmt: skip


def save_network(net: GRU, path: str | os.PathLike[str]) -> None:
    """`gruvy.GRU.save`."""
    model_file.write(path, model_of(net, task=net.task, settings={"dropout": net.dropout}))


def network_of(model: model_file.Model) -> GRU:
    """The network in a model; it takes inputs as the file's network saw them, that is scaled."""
    from .net import GRU

    w = model.weights
    net = GRU(
        w.input_units, w.hidden_units, len(model.b_y), layers=w.layers, bidirectional=w.directions == 2,
        convention=w.convention, pooling=model.pooling, dropout=model.settings.get("dropout", 0.0),
        dtype=torch.float64 if w.dtype == np.float64 else torch.float32,
    ).load_weights(w)  # fmt: skip
    with torch.no_grad():
        net.V.copy_(torch.tensor(model.V))
        net.b_y.copy_(torch.tensor(model.b_y))
    net.task = model.task
    return net.eval()


def load_network(path: str | os.PathLike[str]) -> GRU:
    """`gruvy.GRU.load`.

    Raises:
        ModelFileError: not a network's file.
    """
    model = model_file.read(path)
    if model.input_mean is not None:
        raise ModelFileError(f"{path}: holds a {model.settings['estimator']}; its own load reads it")
    return network_of(model)
