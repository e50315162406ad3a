"""The tasks whose answer lies at a known distance back in the sequence, drawn afresh for every mini-batch.

Each generator takes ``(rng, batch, lag)`` and returns ``(x, target)``: x (B, T, I) float32, target as its task says.
All sequences of one mini-batch have the same length, drawn for the batch where the definition lets it vary: no padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..data import adding
from ..model.task import Labels, Numbers

Array = NDArray[np.float32]
Target = NDArray[np.float32] | NDArray[np.int64]
Draw = Callable[[np.random.Generator, int, int], tuple[Array, Target]]


@dataclass(frozen=True)
class Task:
    """A task with a lag.

    Args:
        name: what the figures call it.
        inputs: channels of x.
        outputs: numbers the read-out gives.
        kind: ``"number"``: one number after the last step, the sum of two that are uniform in 0..1; ``"class"``: one
            class after the last step; ``"tag"``: one class at each of the last `tail` steps.
        draw: the generator.
        source: where the definition comes from.
        tail: steps judged, for ``"tag"``.
    """

    name: str
    inputs: int
    outputs: int
    kind: Literal["number", "class", "tag"]
    draw: Draw
    source: str
    tail: int = 1

    @property
    def asked(self) -> Labels | Numbers:
        """The library's task, which has the loss; a number is told in deviations from its mean."""
        if self.kind == "number":
            return Numbers(np.array([1.0]), np.array([1 / math.sqrt(6)]))
        return Labels(np.arange(self.outputs), per_step=self.kind == "tag")

    @property
    def guess(self) -> float:
        """The loss of the best constant answer: the variance of a number, the entropy of equally likely classes."""
        return 1.0 if self.kind == "number" else math.log(self.outputs)


def draw_adding(rng: np.random.Generator, batch: int, lag: int) -> tuple[Array, Target]:
    """The library's adding problem, `gruvy.data.adding`, in `lag` steps: the sum of two marked numbers."""
    drawn = adding(batch, steps=lag, seed=int(rng.integers(2**31)))
    return np.stack(drawn.x), np.asarray(drawn.y)


def draw_order(rng: np.random.Generator, batch: int, lag: int) -> tuple[Array, Target]:
    """The temporal order problem: an X or a Y early, an X or a Y in the middle; which, and in which order?

    Hochreiter & Schmidhuber 1997, section 5.6, task 6a, with all positions in proportion to the length: symbols E
    (first), B (last), a, b, c, d (drawn), X, Y; length T to 1.1 T; the two relevant symbols at T/10..2T/10 and
    5T/10..6T/10; four classes XX, XY, YX, YY.
    """
    T = int(rng.integers(lag, lag + lag // 10 + 1))
    symbols = rng.integers(2, 6, (batch, T))
    symbols[:, 0], symbols[:, -1] = 0, 1
    row = np.arange(batch)
    early = rng.integers(max(1, lag // 10), 2 * lag // 10 + 1, batch)
    middle = rng.integers(5 * lag // 10, 6 * lag // 10 + 1, batch)
    p, q = rng.integers(0, 2, batch), rng.integers(0, 2, batch)
    symbols[row, early], symbols[row, middle] = 6 + p, 6 + q
    return np.eye(8, dtype=np.float32)[symbols], 2 * p + q


def draw_copy(symbols: int, rng: np.random.Generator, batch: int, lag: int) -> tuple[Array, Target]:
    """The copy problem: `symbols` symbols, `lag` blanks, a go sign, and then the symbols again, in order.

    After Hochreiter & Schmidhuber 1997 as Arjovsky, Shah & Bengio 2016 (section 4.1) state it: 8 symbols, blank, go;
    x has `symbols` symbols, `lag` - 1 blanks, the go sign, `symbols` blanks. The target is the class of each of the
    last `symbols` steps.
    """
    drawn = rng.integers(0, 8, (batch, symbols))
    ids = np.full((batch, lag + 2 * symbols), 8)
    ids[:, :symbols] = drawn
    ids[:, symbols + lag - 1] = 9
    return np.eye(10, dtype=np.float32)[ids], drawn


def draw_clue(late: bool, rng: np.random.Generator, batch: int, lag: int) -> tuple[Array, Target]:
    """The clue problem: one of four clues is shown once among distractors and is asked for after the last step.

    Symbols a, b, c, d are drawn for every step, and P, Q, R or S replaces one of them: within the first tenth of the
    sequence, or within the last with ``late=True``. It is half of the temporal order problem: what to remember is
    plain, and only how long decides.
    """
    symbols = rng.integers(0, 4, (batch, lag))
    at = rng.integers(0, max(1, lag // 10), batch)
    clue = rng.integers(0, 4, batch)
    symbols[np.arange(batch), lag - 1 - at if late else at] = 4 + clue
    return np.eye(8, dtype=np.float32)[symbols], clue


_H97 = "Hochreiter & Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997)"
ADDING = Task("adding problem", 2, 1, "number", draw_adding, f"after {_H97}, section 5.4")
ORDER = Task("temporal order", 8, 4, "class", draw_order, f"{_H97}, section 5.6, task 6a, positions scaled with length")
CLUE_EARLY = Task(
    "early clue", 8, 4, "class", partial(draw_clue, False), "one of four clues among distractors, at the start"
)
CLUE_LATE = Task(
    "late clue", 8, 4, "class", partial(draw_clue, True), "one of four clues among distractors, at the end"
)


def copy_task(symbols: int) -> Task:
    """The copy problem with so many symbols to remember (published: 10)."""
    source = f"Arjovsky, Shah & Bengio, ICML 2016, section 4.1, after {_H97}"
    return Task("copy", 10, 8, "tag", partial(draw_copy, symbols), source, tail=symbols)
