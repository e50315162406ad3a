"""How to train: the settings of a run."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..checks import positive, whole
from ..errors import InputError
from .history import Row


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Args:
        max_epochs: passes over the training data. None suits them to the data: some 2,000 steps of the optimiser, at
            least 30 passes, fewer where the data are very long; and once the loss has become flat near zero, the rate
            falls to zero within a quarter of the epochs so far, and training ends.
        batch_size: sequences per step; None takes all of them in every step.
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
        checkpoint: a file to save the run to, at most every `checkpoint_seconds`; if it is there, that run goes on.
            When training ends it holds the result, until `save` has put the model on the disk and removes it.
        on_epoch: called with the row of each epoch.
        snapshots: keep the weights as they were at up to so many epochs, evenly spread from before the first on, to
            look at them beside each other later; 0 keeps none.

    Raises:
        InputError: a setting is out of its range.
    """

    max_epochs: int | None = None
    batch_size: int | None = 32
    learning_rate: float = 1e-2
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
    snapshots: int = 0

    def __post_init__(self) -> None:
        for name, least in (("max_epochs", 1), ("batch_size", 1), ("patience", 1), ("seed", 0), ("snapshots", 0)):
            value = getattr(self, name)
            if value is not None:
                whole(name, value, least)
        positive("learning_rate", self.learning_rate)
        positive("weight_decay", self.weight_decay, zero=True)
        if self.clip_norm is not None:
            positive("clip_norm", self.clip_norm)
        if self.schedule not in ("cosine", "constant"):
            raise InputError(f'schedule={self.schedule!r}: expected "cosine" or "constant"')

    def rate(self, done: float) -> float:
        """The learning rate when this share of all steps is done."""
        if self.schedule == "constant":
            return self.learning_rate
        warm = 0.1
        share = done / warm if done < warm else 0.5 + 0.5 * math.cos(math.pi * (done - warm) / (1 - warm))
        return self.learning_rate * share
