"""The loop: any torch module, any task, one process or many."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..model.task import Task
from ..network.net import GRU
from ..nn.engine import choose, torch_in_one_thread
from . import checkpoint
from .batches import Batches, shuffled
from .history import History, Row, reporter
from .judging import asked_for, judge
from .processes import check_device, start

Array = np.ndarray[Any, Any]
SMALL = 2**19  # parameters, of a network whose optimiser gains nothing from a second thread


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
        share = done / warm if done < warm else 0.5 + 0.5 * math.cos(math.pi * (done - warm) / (1 - warm))
        return self.learning_rate * share


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
    stopped = "finished"
    with reporter(settings.max_epochs, settings.progress if run.processes.rank == 0 else False) as report:
        try:
            for row in run.epochs():
                report(row)
                if settings.on_epoch is not None:
                    settings.on_epoch(row)
                if settings.patience and validation and len(run.rows) - run.best >= settings.patience:
                    stopped = "early"
                    break
        except KeyboardInterrupt:
            stopped = "interrupted"
    if run.best_state is not None:
        module.load_state_dict(run.best_state)
    module.eval()
    if settings.checkpoint is not None and stopped != "interrupted" and run.processes.rank == 0:
        Path(settings.checkpoint).unlink(missing_ok=True)
    return History(run.rows, stopped, run.best or len(run.rows))


class _Run:
    """The state of a run between its epochs."""

    def __init__(self, module: torch.nn.Module, task: Task, data: Batches, validation: Batches | None,
                 settings: Settings) -> None:  # fmt: skip
        self.module, self.task, self.data, self.validation, self.settings = module, task, data, validation, settings
        self.processes = start(check_device(settings.device))
        self.prepared = asked_for(task.per_step, module, self.processes.prepare(module))
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        # Fused: one call for all parameters; torch's plain one costs more than the recurrence of a small batch.
        fused = all(p.device.type in ("cpu", "cuda") for p in self.parameters)
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused
        )
        # What is left for torch to do, where the core runs the recurrence.
        native = isinstance(module, GRU) and choose(self.parameters[0])[0].name == "native"
        self.small = native and not task.per_step and sum(p.numel() for p in self.parameters) < SMALL
        self.seed = int(np.random.default_rng(settings.seed).integers(2**31))
        self.rng = np.random.default_rng(self.seed)  # of the order; torch's own generator is for dropout
        self.size = settings.batch_size or len(data)
        self.rows: list[Row] = []
        self.best, self.best_loss = 0, math.inf
        self.best_state: dict[str, Any] | None = None

    def epochs(self) -> Iterator[Row]:
        """Train an epoch at a time, each giving its row."""
        devices = [self.processes.device] if self.processes.device.type not in ("cpu", "meta") else []
        with torch.random.fork_rng(devices, device_type=devices[0].type if devices else "cuda"):
            torch.manual_seed(self.seed)
            self._resume()
            before = float(self.rows[-1]["seconds"] or 0) if self.rows else 0.0
            started, saved = time.perf_counter() - before, before
            while len(self.rows) < self.settings.max_epochs:
                row: Row = {"epoch": len(self.rows) + 1, "loss": self._epoch(), "val_loss": None, "val_score": None}
                if self.validation is not None:
                    row["val_loss"], row["val_score"] = judge(self.module, self.task, self.validation)
                seconds = time.perf_counter() - started
                row |= {"learning_rate": self.optimiser.param_groups[0]["lr"], "seconds": seconds}
                self._keep(row)
                path = self.settings.checkpoint
                if path is not None and seconds - saved >= self.settings.checkpoint_seconds:
                    saved = seconds
                    self._save(path)
                yield row

    def _epoch(self) -> float:
        """One pass over the data; the mean loss."""
        self.module.train()
        order = shuffled(self.data.lengths, self.size, self.rng)
        total = torch.zeros((), device=self.processes.device, dtype=self.parameters[0].dtype)
        with torch_in_one_thread() if self.small else nullcontext():
            for k, rows in enumerate(order):
                rate = self.settings.rate((len(self.rows) + (k + 1) / len(order)) / self.settings.max_epochs)
                for group in self.optimiser.param_groups:
                    group["lr"] = rate
                total += self._step(rows)
        loss = float(self.processes.sum(total)) / float(self.data.amounts.sum())
        if not math.isfinite(loss):
            raise InputError(
                f"learning_rate={self.settings.learning_rate!r}: the loss became {loss} in epoch "
                f"{len(self.rows) + 1}; a smaller one may help"
            )
        return loss

    def _step(self, rows: Array) -> torch.Tensor:
        """One step of the optimiser; the sum of the losses of this process's share."""
        # Each of several processes takes its share of the rows, and weighs it so that the average of the processes'
        # gradients is the gradient of the whole batch.
        amount = float(self.data.amounts[rows].sum())
        share, count = rows[self.processes.rank :: self.processes.count], self.processes.count
        batch = self.data.take(share if len(share) else rows[:1])
        losses = self.task.loss(self.prepared(batch.x, lengths=batch.lengths), batch.target)
        loss = torch.dot(losses.flatten(), batch.weight.flatten())
        if not len(share):
            loss = loss * 0
        for parameter in self.parameters:  # as zero_grad does, for a tenth of the time
            parameter.grad = None
        self.processes.backward(loss, count / amount)
        if self.settings.clip_norm is not None:
            self.processes.clip(self.parameters, self.settings.clip_norm)
        self.optimiser.step()
        return loss.detach()

    def _keep(self, row: Row) -> None:
        self.rows.append(row)
        loss = row["val_loss"]
        if loss is not None and loss < self.best_loss:
            self.best, self.best_loss = len(self.rows), loss
            self.best_state = {name: t.detach().clone() for name, t in self.module.state_dict().items()}

    def _fingerprint(self) -> str:
        """Tells this run from others: its data, settings and network."""
        digest = hashlib.sha256()
        unfit = ("device", "progress", "checkpoint", "checkpoint_seconds", "on_epoch")  # may differ when a run goes on
        said = {f.name: getattr(self.settings, f.name) for f in fields(self.settings) if f.name not in unfit}
        shapes = [(name, tuple(p.shape)) for name, p in self.module.named_parameters()]
        digest.update(repr((said, shapes, repr(self.module), self.task.name, self.validation is None)).encode())
        for data in filter(None, (self.data, self.validation)):
            for a in (data.lengths, data.weights, data.flat.cpu().numpy(), data.targets.cpu().numpy()):
                digest.update(np.ascontiguousarray(a).tobytes())
        return digest.hexdigest()

    def _save(self, path: str | os.PathLike[str]) -> None:
        if self.processes.rank:
            return
        checkpoint.write(
            path,
            {
                "fingerprint": self._fingerprint(),
                "module": self.module.state_dict(),
                "optimiser": self.optimiser.state_dict()["state"],
                "torch_rng": torch.get_rng_state(),
                "order_rng": json.dumps(self.rng.bit_generator.state),
                "seed": self.seed, "rows": self.rows, "best": self.best, "best_state": self.best_state,
                "best_loss": self.best_loss,
            },
        )  # fmt: skip

    def _resume(self) -> None:
        if self.settings.checkpoint is None:
            return
        state = checkpoint.read(self.settings.checkpoint, self._fingerprint())
        if state is None:
            return
        self.module.load_state_dict(state["module"])
        loaded = {int(i): values for i, values in state["optimiser"].items()}
        self.optimiser.load_state_dict({"state": loaded, "param_groups": self.optimiser.state_dict()["param_groups"]})
        torch.set_rng_state(state["torch_rng"])
        self.rng.bit_generator.state = json.loads(state["order_rng"])
        self.seed, self.rows = state["seed"], state["rows"]
        self.best, self.best_loss, self.best_state = state["best"], state["best_loss"], state["best_state"]
