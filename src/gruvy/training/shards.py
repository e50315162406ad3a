"""Training data larger than memory: one shard at a time, while the next is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..errors import InputError
from .batches import Batches, Step, shuffled

Array = np.ndarray[Any, Any]


class ShardBatches:
    """Sequences in shards, of which a process holds one, and the next that is being read; for `train`, as `Batches`.

    Args:
        counts: how many sequences each shard has (S,).
        load: a shard's sequences by its number; called in another thread.
        content: arrays that tell these data from others.
        steps_in_all: steps of all sequences.
    """

    long = True  # an epoch may take hours: checkpoints are written within

    def __init__(
        self, counts: Array, load: Callable[[int], Batches], content: Iterable[Array], steps_in_all: int
    ) -> None:
        self.steps_in_all = steps_in_all
        self.counts, self.load, self._content = np.asarray(counts, np.int64), load, list(content)
        self._reader = ThreadPoolExecutor(1)  # one for all epochs: allocators keep memory for each thread that was

    def __len__(self) -> int:
        return int(self.counts.sum())

    @property
    def total(self) -> float:
        """How much all sequences count."""
        return float(len(self))

    def content(self) -> Iterator[Array]:
        """What tells these data from others."""
        yield from self._content

    def steps(
        self, size: int, rng: np.random.Generator, rank: int, count: int, skip: int = 0
    ) -> tuple[int, Iterator[Step]]:
        """How many steps an epoch has, and what process `rank` of `count` does in each but the first `skip`.

        All processes draw the same order of shards and, for each shard, a seed for the order inside it. Process r takes
        shards r, r + count, ... of that order, and from each batches of its share of `size`. Batch k of every process
        together are the batch of step k, whatever the size of each. A process that has used up its shards goes along
        with batches that do not count, so that every sequence is used once and nobody waits.

        Raises:
            InputError: there are fewer shards than processes.
        """
        if count > len(self.counts):
            raise InputError(f"{count} processes for {len(self.counts)} shards; expected a shard for each, or more")
        order = rng.permutation(len(self.counts))
        seeds = rng.integers(2**63, size=len(self.counts))
        shares = [max(1, size // count + (r < size % count)) for r in range(count)]
        sizes = [self._sizes(order[r::count], seeds, shares[r]) for r in range(count)]
        amounts = np.zeros(max(len(each) for each in sizes))
        for each in sizes:
            amounts[: len(each)] += each
        return len(amounts), self._each(order[rank::count], seeds, shares[rank], amounts, skip)

    def _sizes(self, shards: Array, seeds: Array, size: int) -> list[int]:
        """How many sequences each batch of these shards has: this does not depend on their lengths."""
        return [len(rows) for i in shards for rows in _drawn(np.zeros(self.counts[i]), size, seeds[i])]

    def _each(self, shards: Array, seeds: Array, size: int, amounts: Array, skip: int) -> Iterator[Step]:
        ends = np.cumsum([len(self._sizes(shards[n : n + 1], seeds, size)) for n in range(len(shards))])
        first = min(int(np.searchsorted(ends, skip, "right")), len(shards) - 1)  # the last also for those past its end
        ahead = self._reader.submit(self.load, int(shards[first]))
        for n in range(first, len(shards)):
            data = ahead.result()
            if n + 1 < len(shards):
                ahead = self._reader.submit(self.load, int(shards[n + 1]))
            drawn = _drawn(data.lengths, size, seeds[shards[n]])
            start = int(ends[n]) - len(drawn)
            for k, rows in enumerate(drawn, start):
                if k >= skip:
                    yield Step(data.take(rows), float(amounts[k]), True)
        for k in range(max(skip, int(ends[-1])), len(amounts)):
            yield Step(data.take(np.zeros(1, np.int64)), float(amounts[k]), False)


def _drawn(lengths: Array, size: int, seed: Any) -> list[Array]:
    """The batches of a shard."""
    return shuffled(lengths, size, np.random.default_rng(int(seed)))
