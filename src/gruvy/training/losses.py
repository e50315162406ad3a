"""How far a module's read-outs are from the targets of a task."""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn import functional as F

from ..model.quantiles import Quantiles
from ..model.task import Numbers, Task
from ..model.yes_no import YesNo


class Readouts(Protocol):
    """What the training loop needs of a module's result: read-outs of every step and of the whole sequence."""

    @property
    def outputs(self) -> torch.Tensor: ...  # (B, T, O)
    @property
    def last(self) -> torch.Tensor: ...  # (B, O)


def losses(task: Task, out: Readouts, target: torch.Tensor) -> torch.Tensor:
    """Of each sequence (B,), or of each step (B, T) where targets are one per step; of each yes or no (B, T, K).

    Numbers: the squared error, mean of the targets. Quantiles: the pinball loss (Koenker and Bassett 1978), mean of
    numbers and levels. Labels, and yes or no: the cross entropy.
    """
    if isinstance(task, Quantiles):
        levels = out.last.new_tensor(task.levels)
        above = target[..., None] - out.last.view(*target.shape, len(levels))  # (B, K, Q)
        return torch.maximum(levels * above, (levels - 1) * above).mean((-2, -1))
    raw = out.outputs if task.per_step else out.last
    if isinstance(task, Numbers):
        return (raw - target).square().mean(-1)
    if isinstance(task, YesNo):
        return F.binary_cross_entropy_with_logits(raw, target, reduction="none")
    if raw.shape[-1] == 1:
        return F.binary_cross_entropy_with_logits(raw[..., 0], target.to(raw.dtype), reduction="none")
    return F.cross_entropy(raw.movedim(-1, 1), target, reduction="none")
