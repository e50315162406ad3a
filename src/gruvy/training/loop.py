"""The loop: any torch module, any task, one process or many."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..tasks import Task
from . import checkpoint
from .batches import Batches, by_length, shuffled
from .history import History, Row, reporter
from .processes import check_device, start

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Args:
        max_epochs: passes over the training data.
        batch_size: sequences a step; None takes all of them in every step.
        learning_rate: of AdamW, at its highest: it warms up over the first tenth of all steps and then falls to zero
            along a cosine; with ``schedule="constant"`` it stays.
        weight_decay: of AdamW.
        clip_norm: the norm to which a longer gradient is cut; None does not cut.
        patience: with validation data, stop after this many epochs without a lower validation loss; None goes on. The
            weights of the best epoch are kept in either case.
        seed: makes a run repeat exactly on one machine with one number of threads; None draws one.
        device: of torch.
        progress: None shows a bar if stderr is a terminal; True also prints lines if it is not; text does as True and
            is the title; False shows nothing.
        checkpoint: a file to save the run to, at most every `checkpoint_seconds`; if it is there, that run goes on. It
            is deleted when training ends.
        on_epoch: called with the row of each epoch.

    Raises:
        InputError: a setting is out of its range.
    """

    max_epochs: int = 50
    batch_size: int | None = 32
    learning_rate: float = 5e-3
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    schedule: str = "cosine"
    patience: int | None = None
    seed: int | None = None
    device: str | torch.device = "cpu"
    progress: bool | str | None = None
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_seconds: float = 30.0
    on_epoch: Callable[[Row], object] | None = None

    def __post_init__(self) -> None:
        for name, least in (("max_epochs", 1), ("batch_size", 1), ("patience", 1), ("seed", 0)):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if not (whole and value >= least) and not (value is None and name != "max_epochs"):
                raise InputError(f"{name}={value!r}: wanted a whole number of at least {least}")
        for name, above in (("learning_rate", True), ("weight_decay", False), ("clip_norm", True)):
            value = getattr(self, name)
            if value is None and name == "clip_norm":
                continue
            real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)
            if not real or value < 0 or (above and value == 0):
                raise InputError(f"{name}={value!r}: wanted a number {'above 0' if above else 'of at least 0'}")
        if self.schedule not in ("cosine", "constant"):
            raise InputError(f'schedule={self.schedule!r}: wanted "cosine" or "constant"')

    def rate(self, done: float) -> float:
        """The learning rate when this share of all steps is done."""
        if self.schedule == "constant":
            return self.learning_rate
        warm = 0.1
        return self.learning_rate * (done / warm if done < warm else 0.5 + 0.5 * math.cos(math.pi * (done - warm) / 0.9))


def train(module: torch.nn.Module, task: Task, data: Batches, *, validation: Batches | None = None,
          settings: Settings) -> History:  # fmt: skip
    """Train a module in place.

    Args:
        module: called as ``module(x, lengths=lengths)`` with x (B, T, I) and lengths (B,) or None; its result has
            ``outputs`` (B, T, O) and ``last`` (B, O).
        task: gives the loss and the score.
        data: sequences with encoded targets, on the device.
        validation: judged after each epoch; the weights of the best epoch are kept.
        settings: the rest.

    Returns:
        The history. Ctrl-C ends the training, keeps the best so far and is told by ``history.stopped``.

    Raises:
        InputError: the loss became infinite or NaN.
    """
    run = _Run(module, task, data, validation, settings)
    with reporter(settings.max_epochs, settings.progress if run.processes.rank == 0 else False) as report:
        stopped = "finished"
        try:
            for row in run.epochs():
                report(row)
                if settings.on_epoch is not None:
                    settings.on_epoch(row)
                if settings.patience is not None and len(run.rows) - run.best >= settings.patience > 0 and validation:
                    stopped = "early" if len(run.rows) < settings.max_epochs else "finished"
                    break
        except KeyboardInterrupt:
            stopped = "interrupted"
    if run.best_state is not None:
        module.load_state_dict(run.best_state)
    if settings.checkpoint is not None and stopped != "interrupted" and run.processes.rank == 0:
        with open(os.devnull):  # placeholder
            pass
    module.eval()
    return History(run.rows, stopped, run.best)
