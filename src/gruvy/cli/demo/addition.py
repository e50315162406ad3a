"""Act one: a net of 16 units learns to add, and carries what it has learnt to numbers it has never seen."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

import gruvy
from gruvy.data import Sequences, addition, all_sums, from_bits, random_sums

BITS, LONG = 4, 20  # digits of the numbers it learns from, and of those it is asked
WANTED = 0.99  # share of the long sums that must be right in every bit


def learn_to_add(page: Console) -> list[str]:
    """Train, ask, print; gives what did not come out as it should."""
    torch.manual_seed(0)  # the net starts from random weights
    net = gruvy.GRU(2, 16, 1)
    page.print("[bold]>>> net = gruvy.GRU(2, 16, 1); print(net.equations())[/bold]")
    page.print(str(net.equations()), markup=False)
    page.print()
    page.print(
        "Two binary numbers go in, one digit of each per step, the lowest first; a digit of their sum comes out.\n"
        f"The net is shown all {4**BITS} sums of two {BITS}-digit numbers, and nothing else."
    )

    sums = all_sums(BITS)
    started = time.perf_counter()
    # A rate that stays high gives the decay of the weights time to leave only what adding needs.
    net.fit(
        sums.x,
        sums.y,
        task="tag",
        batch_size=None,
        max_epochs=3000,
        learning_rate=1e-2,
        weight_decay=0.1,
        schedule="constant",
        clip_norm=None,
        seed=0,
        progress="learning to add",
    )
    # Ctrl-C ends a training in good order; here it is to end the demo.
    if net.history is not None and net.history.stopped == "interrupted":
        raise KeyboardInterrupt
    seconds = time.perf_counter() - started
    right = np.mean(every_bit(net, sums))
    page.print(f"After {seconds:.0f} seconds it has {right:.0%} of them right.")
    page.print()

    page.print(f"Now numbers of {LONG} digits, five times as long as any it has seen:")
    question = addition([1024], [16], LONG)
    answer = int(from_bits(np.array(net.predict(question.x)))[0])
    page.print(f"  [bold]1024 + 16 = {answer}[/bold]")
    asked = random_sums(10_000, LONG, seed=1)
    share = float(np.mean(every_bit(net, asked)))
    page.print(f"  of {len(asked):,} random sums, {share:.2%} are right in every one of their {LONG + 1} bits")

    trouble = []
    if answer != 1040:
        trouble.append(f"1024 + 16 came out as {answer}")
    if share < WANTED:
        trouble.append(f"{share:.2%} of the long sums are right; it should be {WANTED:.0%} or more")
    return trouble


def every_bit(net: gruvy.GRU, sums: Sequences) -> NDArray[np.bool_]:
    """For each sum, whether every bit of the answer is right: (N,)."""
    return np.asarray(np.all(np.array(net.predict(sums.x)) == sums.y, axis=1))
