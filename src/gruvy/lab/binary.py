"""The task of the equations' source: learn to add from small numbers, then add large ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from ..network import GRU
from .experiment import Experiment, Numbers, Settings, Verdict, mean, percent
from .figures import COLOURS, figure, label
from .nets import KINDS, Kind, Net

Integers = NDArray[np.int64]
SETS = ("100 examples", "all 256 pairs")


def bits(numbers: Integers, count: int) -> NDArray[np.float32]:
    """The lowest bit first: (N,) to (N, count)."""
    return ((numbers[:, None] >> np.arange(count)) & 1).astype(np.float32)


def question(a: Integers, b: Integers, count: int) -> torch.Tensor:
    """x (N, count, 2): a bit of each number a step."""
    return torch.from_numpy(np.stack([bits(a, count), bits(b, count)], axis=2))


def examples(which: str, seed: int) -> tuple[Integers, Integers]:
    """All pairs of 4-bit numbers, or 100 pairs drawn with replacement, as the source draws them."""
    if which == SETS[1]:
        a, b = np.divmod(np.arange(256), 16)
        return a, b
    a, b = np.random.default_rng(seed).integers(0, 16, (2, 100))
    return a, b


def adder(kind: Kind, units: int, seed: int) -> nn.Module:
    """A net that reads two bits a step and writes one: the tutorial's class itself, or another net of equal units."""
    if kind != "gru":
        return Net(kind, 2, units, 1, seed=seed)
    torch.manual_seed(seed)
    return GRU(2, units, 1)


def write(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The score of a 1 at every step (N, T)."""
    out = net(x)
    return torch.as_tensor((out.outputs if isinstance(net, GRU) else out)[..., 0])


def ask(net: nn.Module, a: Integers, b: Integers, count: int) -> Integers:
    """The net's sums of `count` bits."""
    with torch.no_grad():
        answer = write(net, question(a, b, count)).numpy() > 0
    return np.asarray(answer @ (1 << np.arange(count)))


def attempt(kind: Kind, which: str, s: Settings, seed: int) -> dict[str, Any]:
    """Learn 4-bit sums written in 5 bits, all at once each step; then be asked at 20 bits."""
    a, b = examples(which, seed)
    x, target = question(a, b, 5), torch.from_numpy(bits(a + b, 5))
    net = adder(kind, s["units"], seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(s["steps"]):
        loss = F.binary_cross_entropy_with_logits(write(net, x), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    p, q = np.random.default_rng([seed, 20]).integers(0, 2**19, (2, s["sums"]))
    one = int(ask(net, np.array([1024]), np.array([16]), 20)[0])
    return {
        "kind": kind, "set": which, "seed": seed, "loss": float(loss.detach()), "1024 + 16": one,
        "right": float((ask(net, p, q, 20) == p + q).mean()),
    }  # fmt: skip


def parts(s: Settings, seed: int) -> dict[str, Callable[[], dict[str, Any]]]:
    """Every net, training set and seed."""
    return {
        f"{kind}, {which}, seed {seed + k}": partial(attempt, kind, which, s, seed + k)
        for which in SETS
        for kind in KINDS
        for k in range(s["seeds"])
    }


def _right(numbers: Numbers, kind: str, which: str) -> float:
    return mean(r["right"] for r in numbers.values() if (r["kind"], r["set"]) == (kind, which))


def rule(numbers: Numbers) -> Verdict:
    """Learned: 1024 + 16 is answered with 1040 for every seed, and at least 99 % of the random 20-bit sums are right in
    every bit on average. Holds: the GRU learns it from the source's 100 examples. Holds only when it sees all 256
    pairs: it learns it from those alone. Else it does not hold."""
    learned = {}
    for which in SETS:
        asked = [r["1024 + 16"] for r in numbers.values() if (r["kind"], r["set"]) == ("gru", which)]
        learned[which] = set(asked) == {1040} and _right(numbers, "gru", which) >= 0.99
    text = "Random sums right in every bit, from 100 examples and from all 256 pairs: " + "; ".join(
        f"{kind.upper()} {percent(_right(numbers, kind, SETS[0]))} and {percent(_right(numbers, kind, SETS[1]))}"
        for kind in KINDS
    )
    sums = [str(r["1024 + 16"]) for r in numbers.values() if r["kind"] == "gru"]
    text += f". The GRU's 1024 + 16: {', '.join(sums)}."
    if learned[SETS[0]]:
        return Verdict("holds", text)
    if learned[SETS[1]]:
        return Verdict("holds only when", text, "it learns from all 256 pairs")
    return Verdict("does not hold", text)


def figures(numbers: Numbers) -> list[go.Figure]:
    """The share right in every bit."""
    fig = figure("20-bit sums, learned from 4-bit ones", "", "right in every bit (%)", barmode="group")
    for kind in KINDS:
        shares = [100 * _right(numbers, kind, which) for which in SETS]
        names = [f"learned from {which}" for which in SETS]
        fig.add_trace(go.Bar(x=names, y=shares, name=label(kind), marker_color=COLOURS[kind], texttemplate="%{y:.1f}"))
    fig.update_yaxes(range=[0, 109])
    return [fig]


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """Every run."""
    rows = [
        [r["kind"].upper(), r["set"], str(r["seed"]), str(r["1024 + 16"]), percent(r["right"]), f"{r['loss']:.1e}"]
        for r in numbers.values()
    ]
    return ["net", "learned from", "seed", "1024 + 16", "sums right in every bit", "training loss"], rows


EXPERIMENTS = [
    Experiment(
        name="binary",
        claim="A GRU learns to add two numbers (the task of the equations' source).",
        prediction="After 100 examples of 4-bit numbers it adds 1024 and 16, and other 20-bit numbers, without error.",
        method="Two numbers are read bit by bit, the lowest first, and their sum is written at the same time. Learned "
        "from 100 random pairs of 4-bit numbers written in 5 bits, as in K. Jacobs, Create a GRU in TensorFlow (2017), "
        "and from all 256 pairs (AdamW, rate 0.01, weight decay 0.1, all examples in each step); asked at 20 bits.",
        quick={"units": 16, "steps": 3000, "sums": 10000, "seeds": 1},
        full={"units": 16, "steps": 3000, "sums": 10000, "seeds": 3},
        budget=(0.5, 1.5),
        parts=parts,
        rule=rule,
        figures=figures,
        table=table,
    )
]
