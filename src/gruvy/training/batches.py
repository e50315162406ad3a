"""Sequences of unequal length as padded batches, neighbours in length together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

Array = np.ndarray[Any, Any]

# Batches are cut from pools of this many batches, sorted by length: little padding, and still a random order.
POOL = 16


class Batch(NamedTuple):
    """Some sequences: x (B, T, I), lengths (B,) or None where all are T, target (B,), (B, O), (B, T) or (B, T, O)."""

    x: torch.Tensor
    lengths: torch.Tensor | None
    target: torch.Tensor
    weight: torch.Tensor  # (B,), or for targets at every step (B, T) or (B, T, O), with zeros past the lengths


class Step(NamedTuple):
    """What a process does in one step of the optimiser: its share of a batch."""

    batch: Batch
    amount: float  # how much the whole batch counts, the shares of all processes together
    counts: bool  # False where there is no share left for this process: its batch is only there to go along


class Batches:
    """Sequences on a device, end to end in one tensor, from which any rows can be taken as one padded batch.

    Args:
        sequences: N arrays (T_i, I).
        targets: None, or one per sequence (N,) or (N, O), or with `per_step` those of each step, end to end
            (sum of T,) or (sum of T, O).
        weights: (N,), or None for ones; with `per_step` also of each step (sum of T,), or of each of its targets.
        per_step: targets are those of each step.
    """

    long = False  # an epoch is too short for a checkpoint within

    def __init__(
        self,
        sequences: Sequence[Array],
        targets: Array | None = None,
        weights: Array | None = None,
        *,
        per_step: bool = False,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.lengths = np.array([len(s) for s in sequences], np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.per_step = per_step
        rows = [*sequences, np.zeros((1, sequences[0].shape[1]), sequences[0].dtype)]  # the last row pads
        self.flat = torch.as_tensor(np.concatenate(rows)).to(device, dtype)
        self.weights = np.ones(len(sequences)) if weights is None else np.asarray(weights, np.float64)
        each = self.weights
        if per_step and len(each) == len(sequences):
            each = np.repeat(each, self.lengths)
        self._steps = np.arange(self.lengths.max(initial=0))
        self.amounts: Array = each  # how much each sequence counts in a mean
        if per_step:
            of_step, owner = each.reshape(len(each), -1).sum(1), np.repeat(np.arange(len(sequences)), self.lengths)
            self.amounts = np.bincount(owner, of_step, len(sequences))
            each = np.concatenate([each, np.zeros((1, *each.shape[1:]))])  # the row that pads counts nothing
        self._weights = torch.as_tensor(each).to(self.flat)
        targets = np.zeros(len(self.flat) if per_step else len(sequences)) if targets is None else targets
        if per_step and len(targets) < len(self.flat):
            targets = np.concatenate([targets, np.zeros_like(targets[:1])])  # a target for the row that pads
        self.targets = torch.as_tensor(targets).to(device)
        if self.targets.is_floating_point():
            self.targets = self.targets.to(dtype)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def total(self) -> float:
        """How much all sequences count."""
        return float(self.amounts.sum())

    @property
    def steps_in_all(self) -> int:
        """Steps of all sequences."""
        return int(self.lengths.sum())

    def content(self) -> Iterator[Array]:
        """All that is learnt from, to tell data from other data."""
        yield from (self.lengths, self.weights, self.flat.cpu().numpy(), self.targets.cpu().numpy())

    def steps(
        self, size: int, rng: np.random.Generator, rank: int, count: int, skip: int = 0
    ) -> tuple[int, Iterator[Step]]:
        """How many steps an epoch has, and what process `rank` of `count` does in each but the first `skip`.

        Every process draws the same batches of `size` sequences and takes its share of each.
        """
        order = shuffled(self.lengths, size, rng)

        def each() -> Iterator[Step]:
            for rows in order[skip:]:
                share = rows[rank::count]
                batch = self.take(share if len(share) else rows[:1])
                yield Step(batch, float(self.amounts[rows].sum()), len(share) > 0)

        return len(order), each()

    def take(self, rows: Array) -> Batch:
        """The sequences of these indices as one batch."""
        lengths = self.lengths[rows]
        steps = self._steps[: lengths.max(initial=0)]
        index = self.starts[rows, None] + steps
        ragged = int(lengths.min(initial=len(steps))) < len(steps)
        if ragged:
            np.putmask(index, steps >= lengths[:, None], len(self.flat) - 1)
        device = self.flat.device
        taken = torch.from_numpy(index.reshape(-1)).to(device)
        which = torch.from_numpy(rows).to(device)

        def each(of: torch.Tensor) -> torch.Tensor:
            return of.index_select(0, taken).view(*index.shape, *of.shape[1:])

        return Batch(
            each(self.flat),
            torch.from_numpy(lengths).to(device) if ragged else None,
            each(self.targets) if self.per_step else self.targets.index_select(0, which),
            each(self._weights) if self.per_step else self._weights.index_select(0, which),
        )


def shuffled(lengths: Array, size: int, rng: np.random.Generator) -> list[Array]:
    """Every index once, in random batches of about equal length; equal lengths give plain random batches."""
    order = rng.permutation(len(lengths))
    batches: list[Array] = []
    for start in range(0, len(order), POOL * size):
        pool = order[start : start + POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.split(pool, range(size, len(pool), size))
    return [batches[i] for i in rng.permutation(len(batches))]
