"""The loop: any torch module, any task, one process or many."""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, NoReturn

import numpy as np
import torch

from ..errors import InputError
from ..model.task import Task
from ..nn.engine import asked, choose, torch_in_one_thread
from . import checkpoint
from .batches import Batches, Step
from .history import History, Row, reporter
from .judging import asked_for, judge
from .keeper import Keeper, fingerprint
from .losses import losses
from .optimiser import adamw
from .optimiser import step as optimise
from .plan import Plan
from .processes import check_device, start
from .settings import Settings
from .shards import ShardBatches
from .snapshots import Snapshots
from .verdict import diverged, had_ended, left_out, other_processes

SMALL = 2**19  # parameters, of a network whose optimiser gains nothing from a second thread


def train(
    module: torch.nn.Module,
    task: Task,
    data: Batches | ShardBatches,
    *,
    validation: Batches | None = None,
    settings: Settings,
    in_core: bool = False,
    optimiser: torch.optim.Optimizer | None = None,
) -> History:
    """Train a module in place.

    Args:
        module: called as ``module(x, lengths=lengths)`` with x (B, T, I) and lengths (B,) or None; its result has
            ``outputs`` (B, T, O) and ``last`` (B, O).
        task: gives the loss and the score.
        data: sequences with encoded targets, on the device, or shard by shard.
        validation: judged after each epoch; the weights of the best epoch are kept.
        settings: the rest.
        in_core: gruvy's core runs what is large in the module, where it can; torch then keeps out of its way.
        optimiser: one of the module's parameters, with what it knows of earlier runs; None begins a new one.

    Returns:
        The history. Ctrl-C ends the training, keeps the best so far and is told by ``history.stopped``.

    Raises:
        InputError: the loss or a parameter became infinite or NaN: the module keeps the weights of the last good epoch;
            or the checkpoint cannot be written. ModelFileError: the checkpoint is damaged.
    """
    run = _Run(module, task, data, validation, settings, in_core, optimiser)
    stopped = run.resume()
    if stopped is not None:
        module.eval()
        return run.history(stopped)
    stopped = "finished"
    with (
        run.processes,
        reporter(run.plan.epochs, settings.progress if run.processes.rank == 0 else False) as report,
    ):
        try:
            for row in run.epochs():
                with run.processes.heeding():
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
    if run.lost_in_all and run.processes.rank == 0:
        warnings.warn(left_out(run.lost_in_all), stacklevel=4)
    if stopped != "interrupted":
        run.save(stopped)
    return run.history(stopped)


class _Run:
    """The state of a run between its epochs."""

    def __init__(
        self,
        module: torch.nn.Module,
        task: Task,
        data: Batches | ShardBatches,
        validation: Batches | None,
        settings: Settings,
        in_core: bool,
        optimiser: torch.optim.Optimizer | None,
    ) -> None:
        self.module, self.task, self.data, self.validation, self.settings = module, task, data, validation, settings
        self.processes = start(check_device(settings.device))
        self.prepared = asked_for(task.per_step, module, self.processes.prepare(module))
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.weights = [p.detach() for p in self.parameters]
        self.optimiser = adamw(self.parameters, settings) if optimiser is None else optimiser
        # What is left for torch to do, where the core runs the recurrence.
        native = in_core and choose(self.parameters[0], asked())[0].name == "native"
        self.small = native and not task.per_step and sum(p.numel() for p in self.parameters) < SMALL
        # A seed that each process drew for itself would give each another order of the rows.
        self.seed = self.processes.share(int(np.random.default_rng(settings.seed).integers(2**31)))
        self.rng = np.random.default_rng(self.seed)  # of the order; torch's own generator is for dropout
        self.size = settings.batch_size or len(data)
        self.plan = Plan(settings, len(data), self.size, data.steps_in_all)
        self.rows: list[Row] = []
        self.best, self.best_loss = 0, math.inf
        self.best_state: dict[str, Any] | None = None
        self.snapshots = Snapshots()
        self.snapshots.see(0, module, settings.snapshots)
        self.buffers = [b.detach() for b in module.buffers()]
        self._remember(self._flat())
        self.rngs: torch.Tensor | None = None
        self.done = 0  # steps of this epoch
        self.lost: torch.Tensor | float = 0.0  # of them, from a gradient that was infinite or NaN, since it began here
        self.lost_in_all = 0
        self.sums = self.parameters[0].new_zeros(1).detach()  # of the losses of each of these steps
        self.began = self.rng.bit_generator.state  # what the order of this epoch was drawn from
        self.before = 0.0  # seconds, until this process took over
        self.started = self.saved = 0.0
        path, told = settings.checkpoint, ""
        if path is not None or self.processes.count > 1:
            told = fingerprint(module, task, settings, data, validation)
        if any(other != told for other in self.processes.gather(told)):
            raise InputError("the processes were given different data, settings or networks; expected the same in each")
        self.keeper = None if path is None else Keeper(path, self.processes, told)

    def history(self, stopped: str) -> History:
        path = self.settings.checkpoint
        kept = None if path is None or stopped == "interrupted" else os.path.abspath(path)
        return History(self.rows, stopped, self.best or len(self.rows), kept, self.snapshots or None)

    def epochs(self) -> Iterator[Row]:
        """Train an epoch at a time, each giving its row."""
        devices = [self.processes.device] if self.processes.device.type not in ("cpu", "meta") else []
        with torch.random.fork_rng(devices, device_type=devices[0].type if devices else "cuda"):
            torch.manual_seed(self.seed + self.processes.rank)  # dropout of its own in each process
            if self.rngs is not None:
                own = self.rngs[self.processes.rank % len(self.rngs)]
                torch.set_rng_state(own.clone())  # of a row that is not the first torch reads something else
            if self.keeper is not None:
                self.keeper.begin(self._state(None))
            self.started, self.saved = time.perf_counter() - self.before, self.before
            while len(self.rows) < self.plan.epochs:
                row: Row = {"epoch": len(self.rows) + 1, "loss": self._epoch(), "val_loss": None, "val_score": None}
                if self.validation is not None:
                    row["val_loss"], row["val_score"] = judge(self.module, self.task, self.validation)
                row |= {"learning_rate": self.optimiser.param_groups[0]["lr"], "seconds": self._seconds()}
                row = self.processes.share(row)  # and with it every decision that follows from it
                self._keep(row)
                self._save_if_due(float(row["seconds"] or 0))
                yield row
                if self.processes.interrupted():
                    raise KeyboardInterrupt

    def _epoch(self) -> float:
        """One pass over the data, or what is left of one; the mean loss."""
        self.module.train()
        self.began = self.rng.bit_generator.state
        ours, before = (self.processes.rank, self.processes.count), self.sums[: self.done]
        count, steps = self.data.steps(self.size, self.rng, *ours, skip=self.done)
        if self.keeper is not None and self.done > count:
            raise checkpoint.damaged(self.keeper.path, f"{self.done} steps of an epoch of {count}")
        # In one piece: a small tensor kept of each step, between large ones that go, would leave holes in the memory.
        self.sums = self.sums.new_zeros(count)
        self.sums[: self.done], self.lost = before, 0.0
        with torch_in_one_thread() if self.small else nullcontext():
            for k, step in enumerate(steps, self.done):
                rate = self.plan.rate(len(self.rows) + (k + 1) / count)
                for group in self.optimiser.param_groups:
                    group["lr"] = rate
                self.sums[k] = self._step(step)
                self.done = k + 1
                if k % 16 == 15:
                    if self.keeper is not None and self.data.long:
                        self._save_if_due(self.processes.share(self._seconds()))
                    if self.processes.interrupted():
                        raise KeyboardInterrupt
        sums = self.processes.sum(self.sums)
        lost, self.done = int(self.lost), 0
        self.lost_in_all += lost
        loss = float(sums.sum()) / self.data.total
        flat = self._flat()
        # The largest number of all parameters: infinite or NaN if one is. Another norm could overflow on its own.
        finite = math.isfinite(loss) and math.isfinite(float(torch.linalg.vector_norm(flat, math.inf)))
        if not finite or lost == count:
            self._give_up(sums, lost == count)
        self._remember(flat)
        return loss

    def _flat(self) -> torch.Tensor:
        """All parameters end to end, copied."""
        return torch.cat([w.flatten() for w in self.weights])

    def _remember(self, flat: torch.Tensor) -> None:
        """Keep the weights of an epoch that left them finite, to go back to."""
        self.good = flat
        self.good_buffers = [b.clone() for b in self.buffers]

    def _give_up(self, sums: torch.Tensor, all_lost: bool) -> NoReturn:
        """Put the last good weights back and say what went wrong, where, and what to change."""
        named = [name for name, p in self.module.named_parameters() if not bool(torch.isfinite(p).all())]
        good = [*torch.split(self.good, [w.numel() for w in self.weights]), *self.good_buffers]
        for now, before in zip((*self.weights, *self.buffers), good, strict=True):
            now.copy_(before.view(now.shape))
        if self.best_state is not None:
            self.module.load_state_dict(self.best_state)
        self.module.eval()
        raise InputError(diverged(self.settings.learning_rate, self.rows, self.best, sums, named, all_lost))

    def _step(self, step: Step) -> torch.Tensor:
        """One step of the optimiser; the sum of the losses of this process's share."""
        # Each of several processes has its share of the batch, and weighs it so that the average of the processes'
        # gradients is the gradient of the whole batch.
        batch = step.batch
        each = losses(self.task, self.prepared(batch.x, lengths=batch.lengths), batch.target)
        loss = torch.dot(each.flatten(), batch.weight.flatten())
        if not step.counts:
            loss = loss * 0
        for parameter in self.parameters:  # as zero_grad does, for a tenth of the time
            parameter.grad = None
        self.processes.backward(loss, self.processes.count / step.amount)
        norm = self.settings.clip_norm
        found = None if norm is None else self.processes.clip(self.parameters, norm)
        self.lost += optimise(self.optimiser, found)
        return loss.detach()

    def _keep(self, row: Row) -> None:
        self.rows.append(row)
        self.plan.see(self.rows)
        self.snapshots.see(len(self.rows), self.module, self.settings.snapshots)
        loss = row["val_loss"]
        if loss is not None and loss < self.best_loss:
            self.best, self.best_loss = len(self.rows), loss
            self.best_state = {name: t.detach().clone() for name, t in self.module.state_dict().items()}

    def _state(self, stopped: str | None) -> dict[str, Any]:
        """What a checkpoint holds; of a run that has ended only its result."""
        going_on, within = stopped is None, None
        if self.done:
            within = self._within(self.processes.sum(self.sums[: self.done].clone()))
        rngs = self.processes.gather(torch.get_rng_state())
        return {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict()["state"] if (self.rows or within) and going_on else None,
            "torch_rng": torch.stack(rngs),
            "order_rng": json.dumps(self.began if within else self.rng.bit_generator.state),
            "within": within,
            "seed": self.seed,
            "rows": self.rows,
            "best": self.best,
            "best_loss": self.best_loss,
            "best_state": self.best_state if going_on else None,
            "snapshots": {str(epoch): state for epoch, state in self.snapshots.items()},
            "judged": self.validation is not None,
            "stopped": stopped,
        }

    def _within(self, sums: torch.Tensor) -> dict[str, Any]:
        """What a checkpoint in mid-epoch holds beside: the steps done, and the weights before them."""
        good = {"weights": self.good, **{str(i): b for i, b in enumerate(self.good_buffers)}}
        return {"losses": sums, "good": good, "seconds": self._seconds()}

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _save_if_due(self, seconds: float) -> None:
        if seconds - self.saved >= self.settings.checkpoint_seconds:
            self.saved = seconds
            self.save()

    def save(self, stopped: str | None = None) -> None:
        """Write the checkpoint, if one is asked for."""
        if self.keeper is not None:
            self.keeper.write(self._state(stopped))

    def resume(self) -> str | None:
        """Go on from the checkpoint, if there is one; how its training ended, if it has.

        Raises:
            InputError, ModelFileError: it cannot be written, is of another run or damaged.
        """
        if self.keeper is None or (found := self.keeper.read(self._like(), self.plan.epochs)) is None:
            return None
        count, now = len(found["torch_rng"]), self.processes.count
        if found["within"] is not None and count != now:  # each process has its own shards
            raise InputError(other_processes(self.keeper.path, count, now))
        try:
            self._take(found)
        except Exception as error:  # a value that names, shapes and dtypes do not tell, such as another convention
            raise checkpoint.damaged(self.keeper.path, str(error)) from error
        stopped: str | None = found["stopped"]
        if stopped is not None and self.processes.rank == 0:
            warnings.warn(had_ended(self.keeper.path, len(self.rows)), stacklevel=4)
        return stopped

    def _like(self) -> dict[str, Any]:
        """What a checkpoint of this run has to look like."""
        step = torch.zeros(())
        moments = {str(i): {"step": step, "exp_avg": p, "exp_avg_sq": p} for i, p in enumerate(self.parameters)}
        within = self._within(self.sums[:1]) if self.data.long else None
        return self._state(None) | {"optimiser": moments, "within": within, "snapshots": self.settings.snapshots}

    def _take(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        if state["optimiser"] is not None:
            moments = {int(i): values for i, values in state["optimiser"].items()}
            groups = self.optimiser.state_dict()["param_groups"]
            self.optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.rngs = state["torch_rng"]
        self.rng.bit_generator.state = json.loads(state["order_rng"])
        self.seed, self.rows = state["seed"], state["rows"]
        self.plan.replay(self.rows)
        self.best, self.best_loss, self.best_state = state["best"], state["best_loss"], state["best_state"]
        self.snapshots = Snapshots({int(epoch): kept for epoch, kept in state["snapshots"].items()})
        self._remember(self._flat())
        self.before = float(self.rows[-1]["seconds"] or 0) if self.rows else 0.0
        within = state["within"]
        if within is not None:
            self._take_within(within)

    def _take_within(self, within: dict[str, Any]) -> None:
        """Go on in mid-epoch."""
        sums = within["losses"].to(self.sums.device)
        self.sums = sums if self.processes.rank == 0 else torch.zeros_like(sums)  # they are of all processes
        self.done = len(sums)
        good = {name: t.to(self.good.device) for name, t in within["good"].items()}
        self.good, self.good_buffers = good.pop("weights"), list(good.values())
        self.before = within["seconds"]
