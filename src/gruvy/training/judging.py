"""What a module answers outside of training, and how good it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from ..model.batches import by_length
from ..model.task import Task
from .batches import Batch, Batches
from .losses import Readouts, losses

Array = np.ndarray[Any, Any]


def asked_for(per_step: bool, module: torch.nn.Module, prepared: Any = None) -> Callable[..., Any]:
    """What to call for read-outs; a module that can leave out those of every step is told when nobody needs them."""
    call = module if prepared is None else prepared
    leaves_out = not per_step and "outputs" in inspect.signature(module.forward).parameters
    return partial(call, outputs=False) if leaves_out else call


def _answered(
    module: torch.nn.Module, data: Batches, per_step: bool, size: int = 256
) -> Iterator[tuple[Array, Batch, Readouts]]:
    """Batch by batch, ordered by length: its places, itself, and what the module in evaluation mode says."""
    training, run = module.training, asked_for(per_step, module)
    module.eval()
    for rows in by_length(data.lengths, size):
        batch = data.take(rows)
        yield rows, batch, run(batch.x, lengths=batch.lengths)
    module.train(training)


@torch.no_grad()
def raw_outputs(module: torch.nn.Module, data: Batches, *, per_step: bool = False, size: int = 256) -> list[Array]:
    """The read-outs of a module in evaluation mode: (O,) for each sequence, or (T_i, O) with `per_step`."""
    raw: list[Any] = [None] * len(data)
    for rows, _, out in _answered(module, data, per_step, size):
        values = (out.outputs if per_step else out.last).float().cpu().numpy()
        for i, row in enumerate(rows):
            raw[row] = values[i, : data.lengths[row]] if per_step else values[i]
    return raw


@torch.no_grad()
def judge(module: torch.nn.Module, task: Task, data: Batches) -> tuple[float, float]:
    """Mean loss and score on data with targets."""
    total, found = 0.0, []
    for _, batch, out in _answered(module, data, task.per_step):
        total += float((losses(task, out, batch.target) * batch.weight).sum())
        counted = batch.weight > 0
        raw = out.outputs if task.per_step else out.last
        found.append([values[counted].cpu().numpy() for values in (raw, batch.target, batch.weight)])
    score = task.score(*(np.concatenate(part) for part in zip(*found, strict=True)))
    return total / float(data.amounts.sum()), score
