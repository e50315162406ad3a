"""Whether a training has learnt what it was given, told from its losses."""

from __future__ import annotations

import numpy as np

from .history import History

LEARNT = 0.5  # of the loss without looking at the sequences: above, the training set was not learnt
FALLING = 0.7  # of the loss in the middle of the training: below, at its end, it was still falling
ENOUGH = 0.1  # of the loss without looking: below, more is of little use


def trouble(history: History, blind: float) -> str | None:
    """What is to be said of a training that has ended, or None.

    Args:
        history: of the training. blind: the loss of the best answer that is the same for all sequences.

    Example:
        >>> rows = [{"epoch": i + 1, "loss": 0.7} for i in range(10)]
        >>> trouble(History(rows, "finished", 10), 0.69)[:72]
        'the training set was not learnt: the loss is 0.7 after 10 epochs, and 0.'
    """
    losses = np.array(history["loss"], np.float64)
    count = len(losses)
    if count == 0 or history.stopped != "finished" or not blind > 0:
        return None
    last = float(losses[-max(1, count // 20) :].mean())
    middle = float(losses[int(0.45 * count) : max(1, int(0.55 * count) + 1)].mean())
    epochs = f"{count} epoch{'s' * (count != 1)}"
    falling = last < FALLING * middle and last > ENOUGH * blind
    if last > LEARNT * blind:
        more = (
            "it was still falling, so more max_epochs help"
            if falling
            else ("more max_epochs, hidden_units or another learning_rate may help, or the sequences do not tell")
        )
        return (
            f"the training set was not learnt: the loss is {last:.3g} after {epochs}, and {blind:.3g} for always "
            f"giving the same answer; {more}"
        )
    if falling:
        return (
            f"the loss was still falling when the training ended: {middle:.3g} after half of its {epochs}, {last:.3g} "
            "at the end; more max_epochs may help"
        )
    return None
