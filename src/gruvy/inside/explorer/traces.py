"""The traces of the chosen sequences, and what they say of every unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...model.model import Model
from ..answers import CHUNK
from ..trace import Trace, trace
from . import aggregate
from .choosing import batches

Array = np.ndarray[Any, Any]

MOST_CELLS = 40_000_000  # units * steps of one sequence that is traced here: a few GB


class Traces:
    """The traces of sequences in batches, made once where they fit the memory, and else for each reader anew."""

    def __init__(self, model: Model, chosen: list[Array]) -> None:
        self.model, self.chosen = model, chosen
        self.shape = (model.weights.layers * model.weights.directions, model.weights.hidden_units)
        self.kept: list[tuple[list[int], Trace]] = []
        self.fits = sum(map(len, chosen)) * self.shape[0] * self.shape[1] <= MOST_CELLS

    def __iter__(self) -> Iterator[tuple[list[int], Trace]]:
        if self.kept:
            yield from self.kept
            return
        for batch in batches(self.chosen, CHUNK // (self.shape[0] * self.shape[1])):
            found = batch.tolist(), trace(self.model, [self.chosen[b] for b in batch], engine=self.model.engine)
            if self.fits:
                self.kept.append(found)
            yield found

    def units(self, sampled: bool) -> tuple[Array, Array, Array]:
        """Of every unit over all steps: its time-scale, its saturation and, if asked, what it did at some steps.

        Returns:
            (layers * D, H), (4, layers * D, H) and, to see which move alike, (layers * D, H, features).
        """
        shape, chosen = self.shape, self.chosen
        decay, shares, steps = np.zeros(shape), np.zeros((4, *shape)), 0
        every = max(1, sum(map(len, chosen)) // aggregate.SAMPLES)
        samples = [np.zeros((*shape, 0))]
        for batch, t in self:
            count = int(t.valid.sum())
            with np.errstate(divide="ignore"):
                decay = decay + count / t.time_scales()
            shares = shares + count * np.stack(t.saturation())
            if sampled:
                samples += [
                    aggregate.sample(t, k, np.arange(-(steps + i) % every, n, every))
                    for k, (i, n) in enumerate(_places(chosen, batch))
                ]
            steps += count
        with np.errstate(divide="ignore"):
            return np.asarray(steps / decay), shares / steps, np.concatenate(samples, axis=2)


def _places(chosen: list[Array], batch: list[int]) -> list[tuple[int, int]]:
    """How many steps of the batch come before each of its sequences, and how many the sequence has."""
    counts = [len(chosen[b]) for b in batch]
    return list(zip(np.cumsum([0, *counts])[:-1].tolist(), counts, strict=True))
