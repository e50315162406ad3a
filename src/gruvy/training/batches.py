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
    """Some sequences: x (B, T, I), lengths (B,) or None where all are T, target (B,), (B, O) or (B, T)."""

    x: torch.Tensor
    lengths: torch.Tensor | None
    target: torch.Tensor
    weight: torch.Tensor  # (B,), or (B, T) with zeros past the lengths where targets are one per step


class Step(NamedTuple):
    """What a process does in one step of the optimiser: its share of a batch."""

    batch: Batch
    amount: float  # how much the whole batch counts, the shares of all processes together
    counts: bool  # False where there is no share left for this process: its batch is only there to go along


class Batches:
    """Sequences on a device, end to end in one tensor, from which any rows can be taken as one padded batch.

    Args:
        sequences: N arrays (T_i, I).
        targets: None, or one per sequence (N,) or (N, O), or with `per_step` one per step, end to end (sum of T,).
        weights: (N,), or None for ones.
        per_step: targets are one per step.
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
        self._weights = torch.as_tensor(self.weights).to(self.flat)
        self._steps = np.arange(self.lengths.max(initial=0))
        self.amounts = self.weights * (self.lengths if per_step else 1)  # how much each sequence counts in a mean
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
        past = steps >= lengths[:, None] if ragged else None
        if past is not None:
            np.putmask(index, past, len(self.flat) - 1)
        device = self.flat.device
        taken = torch.from_numpy(index.reshape(-1)).to(device)
        which = torch.from_numpy(rows).to(device)
        weight = self._weights.index_select(0, which)
        if self.per_step:
            weight = weight[:, None].repeat(1, len(steps))
            if past is not None:
                weight.masked_fill_(torch.from_numpy(past).to(device), 0)
        target = self.targets.index_select(0, taken if self.per_step else which)
        return Batch(
            self.flat.index_select(0, taken).view(*index.shape, self.flat.shape[1]),
            torch.from_numpy(lengths).to(device) if ragged else None,
            target.view(index.shape) if self.per_step else target,
            weight,
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
