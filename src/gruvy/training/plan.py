"""How long to train, and at which rate: as the settings say, or as the data and the loss suggest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .history import Row
from .settings import Settings

STEPS = 2_000  # of the optimiser, that a small data set is given
LEAST = 30  # epochs, that a large one is given
WORK = 30_000_000  # steps of sequences read in all, beyond which long sequences are given less
FEWEST = 5  # epochs, however large the data

LEARNT = 0.01  # of the first epoch's loss: what is left is learnt by heart
WINDOW = 5  # epochs over which the loss is averaged for that
COOLING = 0.25  # of the epochs so far, in which the rate then falls to zero


def epochs_for(count: int, size: int, steps: int) -> int:
    """Epochs for so many sequences, with so many steps in all, in batches of `size`.

    Example:
        >>> epochs_for(50, 32, 50 * 150), epochs_for(100, 32, 100 * 1460), epochs_for(10_000, 32, 500_000)
        (1000, 206, 30)
    """
    wanted = max(LEAST, math.ceil(STEPS / math.ceil(count / size)))
    return max(FEWEST, min(wanted, math.ceil(WORK / max(1, steps))))


class Plan:
    """The epochs of a run and the learning rate at each of its steps; a run that goes on plans the same from its rows.

    Args:
        settings: with ``max_epochs=None`` the data decide, and a loss that has become flat near zero ends the run.
        count, size, steps: of the data, as `epochs_for` takes them.
    """

    def __init__(self, settings: Settings, count: int, size: int, steps: int) -> None:
        self.settings = settings
        self.epochs = settings.max_epochs or epochs_for(count, size, steps)
        self.cooled: tuple[int, float] | None = None  # the epochs done, and the rate then, when the loss was flat

    def rate(self, epochs: float) -> float:
        """The learning rate when so many epochs are done."""
        if self.cooled is None:
            return self.settings.rate(epochs / self.epochs)
        since, rate = self.cooled
        return rate * (0.5 + 0.5 * math.cos(math.pi * (epochs - since) / (self.epochs - since)))

    def see(self, rows: Sequence[Row]) -> None:
        """Look at the rows so far, after each epoch: once the loss is flat near zero, the rate falls, to end."""
        done = len(rows)
        if self.settings.max_epochs is not None or self.cooled is not None or done < 2 * WINDOW:
            return
        first, last = (float(row["loss"] or 0) for row in (rows[0], rows[-1]))
        mean = sum(float(row["loss"] or 0) for row in rows[-WINDOW:]) / WINDOW
        if max(mean, last) <= LEARNT * first:
            self.cooled = done, self.rate(done)
            self.epochs = min(self.epochs, done + max(WINDOW, math.ceil(COOLING * done)))

    def replay(self, rows: Sequence[Row]) -> None:
        """See the rows of a run that goes on, as it saw them."""
        for done in range(1, len(rows) + 1):
            self.see(rows[:done])
