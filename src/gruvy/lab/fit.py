"""The library's training loop on mini-batches drawn afresh, and judging: a budget is a number of steps, not a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import training
from ..model.task import Labels, Numbers
from ..training import Batches, History, Settings, raw_outputs
from .experiment import mean
from .nets import Net
from .tasks import Task


@dataclass(frozen=True)
class Budget:
    """What every net of a comparison gets: steps, sequences per step, learning rate of Adam, gradient norm allowed."""

    steps: int
    batch: int = 32
    rate: float = 3e-3
    clip: float = 1.0


class Drawn(Batches):
    """Sequences of a task that are drawn anew whenever they are taken: no step sees what an earlier one saw."""

    def __init__(self, task: Task, lag: int, count: int, rng: np.random.Generator) -> None:
        self.task, self.lag, self.rng = task, lag, rng
        self.draw(count)

    def draw(self, count: int) -> None:
        """Hold so many new ones; a target that only the last steps have is filled up in front with what counts 0."""
        x, drawn = self.task.draw(self.rng, count, self.lag)
        target: np.ndarray[Any, Any] = drawn
        tag = self.task.kind == "tag"
        if tag:
            target = np.pad(target, ((0, 0), (x.shape[1] - self.task.tail, 0)))
        super().__init__(list(x), self.task.asked.encode(target), per_step=tag)
        if tag:
            self.amounts = np.full(count, float(self.task.tail))

    def take(self, rows: np.ndarray[Any, Any]) -> Any:
        """As many new ones."""
        self.draw(len(rows))
        batch = super().take(np.arange(len(rows)))
        if self.per_step:
            batch.weight[:, : -self.task.tail] = 0
        return batch


class _SolvedError(Exception):
    """Ends a training early."""


def learn(net: torch.nn.Module, task: Labels | Numbers, data: Batches, **settings: Any) -> History:
    """`gruvy.training.train`, but that Ctrl-C, which ends a training in good order, here is to end the lab."""
    history = training.train(net, task, data, settings=Settings(progress=False, **settings))
    if history.stopped == "interrupted":
        raise KeyboardInterrupt
    return history


def train(
    net: Net, task: Task, lag: int, budget: Budget, seed: int, watch: Callable[[torch.Tensor], None] | None = None
) -> list[float]:
    """Train in place, until solved or out of steps; returns the loss of every step.

    Solved, and stopped: the mean loss of the last 20 steps is under a hundredth of a guess's. `watch` is called in each
    step with the gradient of the loss by the input (B, T, I); a watched training is not stopped.
    """
    losses: list[float] = []

    def note(row: dict[str, float | None]) -> None:
        losses.append(float(row["loss"] or 0.0))
        if watch is None and len(losses) >= 20 and mean(losses[-20:]) < 0.01 * task.guess:
            raise _SolvedError

    def watched(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        if watch is not None:
            given[0].requires_grad_().register_hook(watch)  # type: ignore[no-untyped-call]

    data = Drawn(task, lag, budget.batch, np.random.default_rng([seed, lag]))
    adam: dict[str, Any] = {"learning_rate": budget.rate, "weight_decay": 0.0, "schedule": "constant"}
    adam |= {"max_epochs": budget.steps, "batch_size": None, "clip_norm": budget.clip}  # an epoch is a step
    hook = net.register_forward_pre_hook(watched)
    with suppress(_SolvedError):
        learn(net, task.asked, data, seed=seed, on_epoch=note, **adam)
    hook.remove()
    return losses


def judge(net: Net, task: Task, lag: int, seed: int, sequences: int = 512) -> dict[str, float]:
    """Error on fresh sequences: ``error`` relative to guessing (1 = a guess, 0 = perfect) and ``right``, a share.

    A number's error is its squared error over the target's variance, and it is right within 0.04 of its range
    (Hochreiter & Schmidhuber 1997); a class's error is the share wrong over the share a guess gets wrong.
    """
    x, target = task.draw(np.random.default_rng([seed, lag, 1]), sequences, lag)
    raw = np.stack(raw_outputs(net, Batches(list(x)), per_step=task.kind == "tag"))
    answers = task.asked.answers(raw[:, -task.tail :] if task.kind == "tag" else raw)
    if task.kind == "number":
        miss = answers - target
        return {"error": float((miss**2).mean() / target.var()), "right": float((np.abs(miss) < 0.08).mean())}
    wrong = float((answers != target).mean())
    return {"error": wrong / (1.0 - 1.0 / task.outputs), "right": 1.0 - wrong}
