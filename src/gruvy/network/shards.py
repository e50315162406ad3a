"""From shards on the disk to a trained network: what `fit_task` is for sequences in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from ..data import Shards
from ..errors import DataError, InputError
from ..model.scaler import Scaler
from ..model.task import Labels, Numbers, Task
from ..training import Batches, History, Settings, ShardBatches, check_device, train
from .fit import batches_for, judged_by

Array = np.ndarray[Any, Any]


def task_of_shards(shards: Shards, name: str) -> Task:
    """The task of that name for the targets of shards.

    Raises:
        InputError: there is no such task. DataError: the targets do not suit it.
    """
    if name not in ("classify", "regress"):
        raise InputError(f'task={name!r}: expected "classify" or "regress" for shards')
    return labels_of_shards(shards) if name == "classify" else numbers_of_shards(shards)


def labels_of_shards(shards: Shards) -> Labels:
    """The classes among all shards.

    Raises:
        DataError: there are several targets a sequence, too many classes, or fewer than 2.
    """
    if shards.classes is None:
        raise DataError(f"target {', '.join(shards.target)}: several, or too many different values; expected classes")
    return Labels.of(list(shards.classes))


def numbers_of_shards(shards: Shards) -> Numbers:
    """The numbers, scaled by the mean and the deviation over all shards.

    Raises:
        DataError: they are text.
    """
    if shards.numbers is None:
        raise DataError(f"target {shards.target[0]!r} holds text; expected numbers")
    return Numbers(*shards.numbers.scaler(), flat=len(shards.target) == 1)


def blind_of_shards(task: Task, shards: Shards) -> float:
    """The least mean loss of answers that are the same for all sequences."""
    if isinstance(task, Numbers) or shards.classes is None:
        return 1.0  # numbers are scaled to deviation 1
    return task.blind(task.encode(list(shards.classes)), np.array(list(shards.classes.values())))


def check_shards(shards: Shards, channels: int | None, **not_taken: Any) -> None:
    """Shards of so many channels, and nothing beside them.

    Raises:
        InputError: other arguments are given. DataError: there are more or fewer channels.
    """
    for name, value in not_taken.items():
        if value is not None:
            raise InputError(f"{name}: given with shards, which bring all there is to learn from; expected None")
    if channels not in (None, len(shards.features)):
        raise DataError(f"X has {len(shards.features)} channels, the network input_units={channels}")


def fit_shards(
    net: torch.nn.Module,
    task: Task,
    shards: Shards,
    scaler: Scaler | None,
    settings: Settings,
    validation: tuple[Sequence[Array], Any] | None = None,
) -> History:
    """Train any module on shards, whose inputs the scaler brings to size; it moves to their device."""
    if settings.batch_size is None:
        raise InputError("batch_size=None: shards are read one at a time; expected a whole number of at least 1")
    net.to(check_device(settings.device))
    load = partial(_load, shards, net, task, scaler)
    counts = np.array([shard.sequences for shard in shards.files])
    content = [counts, *([] if scaler is None else scaler), *(_bytes(shard.digest) for shard in shards.files)]
    content.append(_bytes(repr(shards.options)))
    data, judged = ShardBatches(counts, load, content, shards.steps), judged_by(net, task, validation)
    return train(net, task, data, validation=judged, settings=settings, in_core=True)


def _load(shards: Shards, net: torch.nn.Module, task: Task, scaler: Scaler | None, number: int) -> Batches:
    """The sequences of a shard, scaled, and their targets, encoded."""
    part = shards.read(number)
    kind = np.float64 if next(net.parameters()).dtype == torch.float64 else np.float32
    flat = np.concatenate(part.x)  # in one piece: thousands of small arrays a shard would leave holes in the memory
    flat = (flat if scaler is None else scaler(flat)).astype(kind, copy=False)
    x = np.split(flat, np.cumsum(part.lengths)[:-1])
    return batches_for(net, task, x, part.y, named=f"{shards.files[number].path}: ")


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8)
