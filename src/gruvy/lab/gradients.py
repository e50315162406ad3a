"""Gradients shrink as they go back through time, and so the early steps do not learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from .cells import log_norms
from .experiment import Experiment, Numbers, Parts, Settings, Verdict, average, decide, mean, percent, rows, sweep
from .figures import COLOURS, STARTED, bars, figure, label, line, mark, percent_bars
from .fit import Budget, judge, train
from .nets import KINDS, NETS, STARTS, Kind, Net, Start
from .tasks import CLUE_EARLY, CLUE_LATE

STAGES = ("untrained", "set to remember", "trained from there")
# A gradient that has shrunk by a million is lost among the others.
LOST = -6.0


def norms(s: Settings, seed: int, kind: Kind, stage: str) -> dict[str, Any]:
    """log10 of the norm of the state's Jacobian at every lag, relative to lag 0, geometric mean over sequences."""
    lag = s["lag"]
    net = Net(
        kind, CLUE_EARLY.inputs, s["units"], CLUE_EARLY.outputs, seed=seed, remember=0 if stage == STAGES[0] else lag
    )
    right = None
    if stage == STAGES[2]:
        train(net, CLUE_EARLY, lag, Budget(s["steps"], rate=0.01 if kind != "rnn" else 0.001), seed)
        right = judge(net, CLUE_EARLY, lag, seed)["right"]
    x, _ = CLUE_EARLY.draw(np.random.default_rng(seed), s["sequences"], lag)
    logs = log_norms(net, torch.from_numpy(x)).mean(0)
    return {"log10": [round(v, 4) for v in logs - logs[0]], "right": right}


def parts_gradients(s: Settings, seed: int) -> Parts:
    """Every net, stage and seed."""
    return sweep(norms, s, seed, kind=KINDS, stage=STAGES)


def curve(numbers: Numbers, what: str, **which: Any) -> list[float]:
    """A list of numbers, mean over seeds."""
    return [mean(values) for values in zip(*(r[what] for r in rows(numbers, **which)), strict=True)]


def rule_gradients(numbers: Numbers) -> Verdict:
    """Lost: at the longest lag the norm is under a millionth of what it was at lag 0. Holds: the untrained RNN's
    gradient is lost, the untrained LSTM's and GRU's are not. Holds only when the gates are set to remember: the RNN's
    is lost, theirs are lost untrained, and are not when set to remember and when trained from there. Else it does not
    hold."""
    curves = {(kind, stage): curve(numbers, "log10", kind=kind, stage=stage) for kind in KINDS for stage in STAGES}
    last = {of: values[-1] for of, values in curves.items()}
    text = "; ".join(
        f"{kind.upper()} {last[kind, STAGES[0]]:.1f} untrained, {last[kind, STAGES[1]]:.1f} set to remember, "
        f"{last[kind, STAGES[2]]:.1f} trained from there"
        for kind in KINDS
    )
    text = f"At lag {len(curves['rnn', STAGES[0]]) - 1} the norm is 10 to the power of: {text}."
    rnn_lost = last["rnn", STAGES[0]] < LOST
    kept = {stage: min(last["lstm", stage], last["gru", stage]) >= LOST for stage in STAGES}
    condition = "the gates are set to remember: an untrained LSTM and GRU lose their gradient too"
    return decide(text, rnn_lost and kept[STAGES[0]], rnn_lost and kept[STAGES[1]] and kept[STAGES[2]], condition)


def figures_gradients(numbers: Numbers) -> list[go.Figure]:
    """Norm over lag, one line per net and stage."""
    title = "What is left of ∂state<sub>T</sub>/∂state<sub>T−k</sub>"
    fig = figure(title, "lag k (steps)", "log₁₀ of the norm, relative to k = 0")
    dashes = dict(zip(STAGES, ("dot", "dash", "solid"), strict=True))
    for kind in KINDS:
        for stage in STAGES:
            y = curve(numbers, "log10", kind=kind, stage=stage)
            style = {"color": COLOURS[kind], "dash": dashes[stage], "width": 2}
            line(fig, list(range(len(y))), y, kind, mode="lines", name=f"{label(kind)}, {stage}", line=style)
    mark(fig, LOST, "a millionth", "bottom left")
    return [fig]


def watch(s: Settings, seed: int, kind: Kind, start: Start, late: bool) -> dict[str, Any]:
    """Train on a late or an early clue, and note how much of the loss' gradient reaches each step's input."""
    task, lag = (CLUE_LATE if late else CLUE_EARLY), s["lag"]
    net = Net(kind, task.inputs, s["units"], task.outputs, seed=seed, remember=lag if start == "remember" else 0)
    profile: list[np.ndarray] = []

    def note(gradient: torch.Tensor) -> None:
        if len(profile) < s["steps_watched"]:
            by_step = gradient.double().norm(dim=2).mean(0)  # (T,)
            profile.append((by_step / by_step.sum()).numpy())

    train(net, task, lag, Budget(s["steps"], rate=0.01 if kind != "rnn" else 0.001), seed, note)
    share = np.mean(profile, axis=0)
    return {
        "right": judge(net, task, lag, seed)["right"],
        "first_tenth": float(share[: lag // 10].sum()),
        "share": [float(f"{v:.4g}") for v in share],
    }


def parts_early(s: Settings, seed: int) -> Parts:
    """Every net and start, with an early and a late clue."""
    return sweep(watch, s, seed, kind=KINDS, start=STARTS, late=(False, True))


def rule_early(numbers: Numbers) -> Verdict:
    """A net fails early when it answers at most half of the questions about an early clue (a guess: a quarter) and at
    least eight tenths of those about a late one. Holds: the RNN fails early from either start, and from torch's under a
    thousandth of the gradient reaches the first tenth of the steps. Holds only when the RNN starts as torch starts it:
    so it is from torch's start alone. Else it does not hold."""

    found = {
        (kind, start): (
            average(numbers, "right", kind=kind, start=start, late=False),
            average(numbers, "right", kind=kind, start=start, late=True),
            average(numbers, "first_tenth", kind=kind, start=start, late=False),
        )
        for kind, start in NETS
    }
    fails = {start: found["rnn", start][0] <= 0.5 and found["rnn", start][1] >= 0.8 for start in STARTS}
    lost = found["rnn", "plain"][2] < 1e-3
    text = "Right with an early clue, with a late one, and share of the gradient in the first tenth of the steps: "
    text += "; ".join(
        f"{label(*of)}: {percent(early)}, {percent(late)}, {tenth:.1e}" for of, (early, late, tenth) in found.items()
    )
    text += "."
    plain = lost and fails["plain"]
    return decide(text, plain and fails["remember"], plain, "the RNN starts as torch starts it")


def figures_early(numbers: Numbers) -> list[go.Figure]:
    """The share of the gradient at every step, and the accuracies."""
    title = "Which steps the gradient reaches while training begins (early clue)"
    steps = figure(title, "step of the sequence", "share of the gradient", yaxis_type="log")
    for kind, start in NETS:
        y = [max(v, 1e-30) for v in curve(numbers, "share", kind=kind, start=start, late=False)]
        line(steps, list(range(1, len(y) + 1)), y, kind, start, mode="lines")
    steps.update_yaxes(exponentformat="power")
    right = percent_bars("The same question, its clue early or late", "right answers")
    names = [f"{label(kind)}<br>{STARTED[start]}" for kind, start in NETS]
    for late, name, colour in ((False, "clue early", COLOURS["rnn"]), (True, "clue late", COLOURS["lstm"])):
        shares = [100 * average(numbers, "right", kind=kind, start=start, late=late) for kind, start in NETS]
        bars(right, names, shares, name, colour)
    mark(right, 25, "a guess")
    return [steps, right]


EXPERIMENTS = [
    Experiment(
        name="gradients",
        claim="Gradients shrink as they go back through time; an LSTM or a GRU keeps them.",
        prediction="The norm of ∂state_T/∂state_{T-k} falls exponentially with k in the RNN and stays in LSTM and GRU.",
        method="The Frobenius norm of the full Jacobian of the state (of the LSTM: h and c), in float64, at every lag, "
        "geometric mean over sequences of the early-clue task: untrained, set to remember (see the adding problem), "
        "and trained on that task from there.",
        quick={"units": 64, "lag": 100, "sequences": 4, "steps": 400, "seeds": 1},
        full={"units": 64, "lag": 100, "sequences": 16, "steps": 500, "seeds": 5},
        budget=(0.3, 1.5),
        parts=parts_gradients,
        rule=rule_gradients,
        figures=figures_gradients,
    ),
    Experiment(
        name="early",
        claim="So the early steps of a long sequence do not learn.",
        prediction="An RNN learns a question whose clue is late and not the same question with the clue early; next to "
        "nothing of the loss' gradient reaches the early steps.",
        method="One of four symbols is shown in the first tenth of the steps, or in the last, and asked for at the "
        "end. The norm of ∂loss/∂x_t is noted for every step t during the first steps of training.",
        quick={"units": 32, "lag": 60, "steps": 250, "steps_watched": 50, "seeds": 1},
        full={"units": 32, "lag": 100, "steps": 600, "steps_watched": 100, "seeds": 3},
        budget=(0.4, 2.0),
        parts=parts_early,
        rule=rule_early,
        figures=figures_early,
    ),
]
