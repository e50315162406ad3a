"""Training on drawn mini-batches and judging on fresh ones: a budget is a number of steps, never a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from .nets import Net
from .tasks import Target, Task


@dataclass(frozen=True)
class Budget:
    """What every net of a comparison gets: steps, sequences a step, learning rate of Adam, gradient norm allowed."""

    steps: int
    batch: int = 32
    rate: float = 3e-3
    clip: float = 1.0


def loss_of(task: Task, out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error or mean cross-entropy; out (B, tail, O), target (B,) or (B, tail)."""
    if task.kind == "number":
        return F.mse_loss(out[:, -1, 0], target)
    return F.cross_entropy(out.flatten(0, 1), target.reshape(-1))


def train(
    net: Net, task: Task, lag: int, budget: Budget, seed: int, watch: Callable[[int, torch.Tensor], None] | None = None
) -> list[float]:
    """Train in place, until solved or out of steps; returns the loss of every step.

    Solved, and stopped: the mean loss of the last 20 steps is under a hundredth of a guess's. ``watch(step, x)`` is
    called after each backward pass, with x.grad in place; a watched training is not stopped.
    """
    rng = np.random.default_rng([seed, lag])
    optimiser = torch.optim.Adam(net.parameters(), lr=budget.rate)
    losses = []
    for step in range(budget.steps):
        x, target = tensors(*task.draw(rng, budget.batch, lag))
        x.requires_grad_(watch is not None)
        loss = loss_of(task, net.last(x, task.tail), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if watch is not None:
            watch(step, x)
        torch.nn.utils.clip_grad_norm_(net.parameters(), budget.clip)
        optimiser.step()
        losses.append(float(loss.detach()))
        if watch is None and len(losses) >= 20 and sum(losses[-20:]) / 20 < 0.01 * task.guess:
            break
    return losses


def judge(net: Net, task: Task, lag: int, seed: int, sequences: int = 512) -> dict[str, float]:
    """Error on fresh sequences: ``error`` relative to guessing (1 = a guess, 0 = perfect) and ``right``, a share.

    A number's error is its squared error over the target's variance, and it is right within 0.04 (Hochreiter &
    Schmidhuber 1997); a class's error is the share wrong over the share a guess gets wrong.
    """
    rng = np.random.default_rng([seed, lag, 1])
    x, target = tensors(*task.draw(rng, sequences, lag))
    with torch.no_grad():
        out = net.last(x, task.tail)
    if task.kind == "number":
        miss = out[:, -1, 0] - target
        return {"error": float((miss**2).mean() / target.var()), "right": float((miss.abs() < 0.04).float().mean())}
    wrong = float((out.argmax(-1).flatten() != target.flatten()).float().mean())
    return {"error": wrong / (1.0 - 1.0 / task.outputs), "right": 1.0 - wrong}


def tensors(x: np.ndarray, target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(x), torch.from_numpy(target)
