"""Whether a training has learnt what it was given, told from its losses."""

from __future__ import annotations

import os

import numpy as np
import torch

from .history import History, Row

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


def diverged(rate: float, rows: list[Row], best: int, sums: torch.Tensor, named: list[str], all_lost: bool) -> str:
    """What is to be said where nothing more can be learnt.

    Args:
        rate: the learning rate. rows: the epochs before. best: the one whose weights are kept, or 0 for the last.
        sums: the loss of each batch. named: the parameters that are infinite or NaN. all_lost: no batch had a finite
            gradient.
    """
    bad = torch.nonzero(~torch.isfinite(sums)).flatten().tolist()
    where = f"batch {bad[0] + 1 if bad else len(sums)}"
    if not bad and all_lost:
        what, where = "the gradient was infinite or NaN", "every batch"
    elif not bad and named:
        what = f"{named[0]} became infinite or NaN"
    else:  # if each loss is finite, their sum is too large: it was the last batch
        what = f"the loss became {float(sums[bad[0]] if bad else sums.sum())}"
    also = f", and {named[0]} infinite or NaN" if bad and named else ""
    kept = best or len(rows)
    return (
        f"learning_rate={rate!r}: {what} in {where} of epoch {len(rows) + 1}{also}; the weights of "
        f"{f'epoch {kept}' if kept else 'the start'} are kept; a smaller learning_rate may help, or inputs and targets "
        "scaled to about 1"
    )


def left_out(batches: int) -> str:
    """What is to be said of batches from whose gradients nothing could be learnt."""
    return (
        f"the gradient was infinite or NaN in {batches} batch{'es' * (batches != 1)}, from which nothing was learnt; a "
        "smaller learning_rate may help"
    )


def had_ended(path: str | os.PathLike[str], epochs: int) -> str:
    """What is said where a checkpoint holds a training that is over."""
    return (
        f"checkpoint {str(path)!r}: this training had ended after {epochs} epochs; its weights are taken and nothing "
        "is trained; save() removes the checkpoint"
    )


def other_processes(path: str | os.PathLike[str], before: int, now: int) -> str:
    """What is said where a checkpoint in mid-epoch was written by another number of processes."""
    return (
        f"checkpoint {str(path)!r}: written in mid-epoch by {before} processes, and now there are {now}; expected "
        f"{before} again, or delete it to start anew"
    )
