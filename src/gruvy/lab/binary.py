"""The task of the equations' source: learn to add from small numbers, then add large ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..data import Sequences, addition, all_sums, from_bits, random_sums
from ..model.task import Labels
from ..network import GRU
from ..training import Batches, raw_outputs
from .claims import ADDS
from .experiment import Experiment, Numbers, Parts, Settings, percent, repeated, rows, spread, sweep
from .figures import COLOURS, SHAPES, Axis, Figure, label, row, scaled
from .fit import learn
from .nets import KINDS, Kind, Net
from .verdict import Verdict, decide
from .weigh import Answer, every, interval

SETS = ("100 examples", "all 256 pairs")


def examples(which: str, seed: int) -> Sequences:
    """All pairs of 4-bit numbers, or 100 pairs drawn with replacement, as the source draws them."""
    if which == SETS[1]:
        return all_sums(4)
    a, b = np.random.default_rng(seed).integers(0, 16, (2, 100))
    return addition(a, b, 4)


def adder(kind: Kind, units: int, seed: int) -> torch.nn.Module:
    """A net that reads two bits per step and writes one: the tutorial's class itself, or torch's RNN or LSTM."""
    torch.manual_seed(seed)
    return GRU(2, units, 1) if kind == "gru" else Net(kind, 2, units, 1, seed=seed)


def attempt(s: Settings, seed: int, kind: Kind, set: str) -> dict[str, Any]:
    """Learn 4-bit sums, all of them in each step; then be asked for sums of 20-bit numbers."""
    sums, net = examples(set, seed), adder(kind, s["units"], seed)
    task = Labels.of(sums.y, per_step=True)
    adam: dict[str, Any] = {"learning_rate": 0.01, "weight_decay": 0.1, "schedule": "constant", "clip_norm": None}
    data = Batches(sums.x, task.encode(sums.y), per_step=True)
    history = learn(net, task, data, max_epochs=s["steps"], batch_size=None, seed=seed, **adam)

    def ask(questions: Sequences) -> Any:
        raw = raw_outputs(net, Batches(questions.x), per_step=True)
        return from_bits(task.answers(np.stack(raw)))

    asked = random_sums(s["sums"], 20, seed=seed + 1)
    return {
        "loss": float(history.rows[-1]["loss"] or 0.0),
        "1024 + 16": int(ask(addition([1024], [16], 20))[0]),
        "right": float((ask(asked) == from_bits(np.array(asked.y))).mean()),
    }


def parts(s: Settings, seed: int) -> Parts:
    """Every training set, net and seed."""
    return sweep(attempt, s, seed, set=SETS, kind=s["nets"])


def kinds(numbers: Numbers) -> list[Kind]:
    """The nets that were tried, in order."""
    return [kind for kind in KINDS if rows(numbers, kind=kind)]


def right(numbers: Numbers, kind: str, which: str) -> list[float]:
    """The share of the sums right in every bit, in every repetition."""
    return repeated(numbers, "right", kind=kind, set=which)


def learned(numbers: Numbers, which: str) -> Answer:
    """Has the GRU learned to add? Its answers to 1024 + 16 and the random sums have to say so."""
    asked = [float(r["1024 + 16"] == 1040) for r in rows(numbers, kind="gru", set=which)]
    return every((interval(asked).over(1.0), interval(right(numbers, "gru", which)).over(0.99)))


def rule(numbers: Numbers) -> Verdict:
    """Learned: the GRU answers 1024 + 16 with 1040 in every repetition, and at least 99 % of the random 20-bit sums are
    right in every bit, by the interval over the repetitions. Holds: it learns from the source's 100 examples, and from
    all 256 pairs. Holds only when it learns from all 256 pairs: from those alone. Does not hold: from neither. Cannot
    tell: some repetitions learn and others do not, so that the interval holds what is asked."""
    few, whole = (learned(numbers, which) for which in SETS)
    text = "Random sums right in every bit, from 100 examples and from all 256 pairs: " + "; ".join(
        f"{kind.upper()} " + " and ".join(spread(right(numbers, kind, which)) for which in SETS)
        for kind in kinds(numbers)
    )
    sums = [str(r["1024 + 16"]) for r in rows(numbers, kind="gru")]
    text += f". The GRU's 1024 + 16: {', '.join(sums)}."
    return decide(text, every((few, whole)), whole, "it learns from all 256 pairs")


def figures(numbers: Numbers) -> list[Figure]:
    """The share right in every bit."""
    dots = tuple(
        row(f"learned from {which}", scaled(right(numbers, kind, which)), label(kind), COLOURS[kind], SHAPES[kind])
        for which in SETS
        for kind in kinds(numbers)
    )
    x = Axis("right in every bit (%)", ends=(0, 103))
    return [Figure("20-bit sums, learned from 4-bit ones", x, Axis(""), rows=dots)]


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """Every run."""
    written = [
        [r["kind"].upper(), r["set"], str(r["seed"]), str(r["1024 + 16"]), percent(r["right"]), f"{r['loss']:.1e}"]
        for r in numbers.values()
    ]
    return ["net", "learned from", "seed", "1024 + 16", "sums right in every bit", "training loss"], written


EXPERIMENTS = [
    Experiment(
        name="binary",
        claim=ADDS,
        prediction="After 100 examples of 4-bit numbers it adds 1024 and 16, and other 20-bit numbers, without error.",
        method="Two numbers are read bit by bit, the lowest first, and their sum is written at the same time. Learned "
        "from 100 random pairs of 4-bit numbers written in 5 bits, as in K. Jacobs, Create a GRU in TensorFlow (2017), "
        "and from all 256 pairs (the library's training loop: AdamW, rate 0.01, weight decay "
        "0.1, all examples in each step); asked at 20 bits. The GRU is gruvy.GRU(2, 16, 1) as it comes.",
        quick={"nets": ["gru"], "units": 16, "steps": 1000, "sums": 10000, "seeds": 3},
        full={"nets": list(KINDS), "units": 16, "steps": 3000, "sums": 10000, "seeds": 3},
        budget=(0.2, 1.5),
        parts=parts,
        rule=rule,
        figures=figures,
        table=table,
    )
]
