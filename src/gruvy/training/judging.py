"""What a module answers outside of training, and how good it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from ..model.task import Task
from .batches import Batches, by_length

Array = np.ndarray[Any, Any]


def asked_for(per_step: bool, module: torch.nn.Module, prepared: Any = None) -> Callable[..., Any]:
    """What to call for read-outs; a module that can leave out those of every step is told when nobody wants them."""
    call = module if prepared is None else prepared
    leaves_out = not per_step and "outputs" in inspect.signature(module.forward).parameters
    return partial(call, outputs=False) if leaves_out else call


def raw_outputs(module: torch.nn.Module, data: Batches, *, per_step: bool = False, size: int = 256) -> list[Array]:
    """The read-outs of a module in evaluation mode: (O,) for each sequence, or (T_i, O) with `per_step`."""
    raw: list[Any] = [None] * len(data)
    training, run = module.training, asked_for(per_step, module)
    module.eval()
    with torch.no_grad():
        for rows in by_length(data.lengths, size):
            batch = data.take(rows)
            out = run(batch.x, lengths=batch.lengths)
            values = (out.outputs if per_step else out.last).float().cpu().numpy()
            for i, row in enumerate(rows):
                raw[row] = values[i, : data.lengths[row]] if per_step else values[i]
    module.train(training)
    return raw


def judge(module: torch.nn.Module, task: Task, data: Batches) -> tuple[float, float]:
    """Mean loss and score on data with targets."""
    total, raw, targets, weights = 0.0, [], [], []
    run = asked_for(task.per_step, module)
    module.eval()
    with torch.no_grad():
        for rows in by_length(data.lengths, 256):
            batch = data.take(rows)
            out = run(batch.x, lengths=batch.lengths)
            total += float((task.loss(out, batch.target) * batch.weight).sum())
            counted = batch.weight > 0
            raw.append((out.outputs if task.per_step else out.last)[counted].cpu().numpy())
            targets.append(batch.target[counted].cpu().numpy())
            weights.append(batch.weight[counted].cpu().numpy())
    score = task.score(*(np.concatenate(part) for part in (raw, targets, weights)))
    return total / float(data.amounts.sum()), score
