"""Gradients shrink as they go back through time, and so the early steps do not learn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from .cells import log_norms
from .claims import EARLY, GRADIENTS
from .experiment import Experiment, Numbers, Parts, Settings, average, repeated, rows, spread, sweep
from .figures import COLOURS, STARTED, Axis, Figure, Mark, label, of_net, row, scaled
from .fit import Budget, judge, train
from .nets import KINDS, NETS, STARTS, Kind, Net, Start
from .tasks import CLUE_EARLY, CLUE_LATE
from .verdict import Verdict, decide
from .weigh import Answer, every, interval

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
        net, right = learned(s, seed, kind)
    x, _ = CLUE_EARLY.draw(np.random.default_rng(seed), s["sequences"], lag)
    logs = log_norms(net, torch.from_numpy(x)).mean(0)
    return {"log10": [round(v, 4) for v in logs - logs[0]], "right": right}


def learned(s: Settings, seed: int, kind: Kind) -> tuple[Net, float]:
    """A net that was set to remember and learned the early clue, at the rate that did best; and its right answers."""
    lag, task = s["lag"], CLUE_EARLY
    tried = []
    for rate in s["learning_rates"]:
        net = Net(kind, task.inputs, s["units"], task.outputs, seed=seed, remember=lag)
        train(net, task, lag, Budget(s["steps"], rate=rate), seed)
        tried.append((net, judge(net, task, lag, seed)["right"]))
        if tried[-1][1] > 0.95:
            break
    return max(tried, key=lambda one: one[1])


def parts_gradients(s: Settings, seed: int) -> Parts:
    """Every net, stage and seed."""
    return sweep(norms, s, seed, kind=KINDS, stage=STAGES)


def last(numbers: Numbers, kind: str, stage: str) -> list[float]:
    """What is left at the longest lag, in every repetition: log10 relative to lag 0."""
    return [r["log10"][-1] for r in rows(numbers, kind=kind, stage=stage)]


def rule_gradients(numbers: Numbers) -> Verdict:
    """Lost: at the longest lag the norm is under a millionth of what it was at lag 0, by its logarithm over the
    repetitions. Holds: the untrained RNN's gradient is lost, the untrained LSTM's and GRU's are not. Holds only when
    the gates are set to remember: the untrained RNN's is lost, and so are theirs; all three set to remember and trained
    from there, LSTM and GRU keep theirs at both stages and learn (more than half of the answers are right; a guess: a
    quarter), and the RNN, whatever its gradient, does not learn. Does not hold: neither. Cannot tell: an interval holds
    the millionth, or the half, where that decides."""
    text = "; ".join(
        f"{kind.upper()} "
        + ", ".join(f"{spread(last(numbers, kind, stage), '{:.1f}'.format)} {stage}" for stage in STAGES)
        for kind in KINDS
    )
    text = f"At lag {len(rows(numbers)[0]['log10']) - 1} the norm is 10 to the power of: {text}. Right once trained: "
    shares = (f"{k.upper()} {spread(repeated(numbers, 'right', kind=k, stage=STAGES[2]))}" for k in KINDS)
    text += ", ".join(shares) + "."

    def kept(kind: str, stage: str) -> Answer:
        return interval(last(numbers, kind, stage)).over(LOST)

    def learns(kind: str) -> Answer:
        return interval(repeated(numbers, "right", kind=kind, stage=STAGES[2])).over(0.5)

    untrained = every(kept(kind, STAGES[0]) for kind in ("lstm", "gru"))
    remembering = every(kept(kind, stage) for kind in ("lstm", "gru") for stage in STAGES[1:])
    condition = "the gates are set to remember: an untrained LSTM and GRU lose their gradient too"
    shrinks = interval(last(numbers, "rnn", STAGES[0])).under(LOST)
    rnn = learns("rnn")
    alone = every((None if rnn is None else not rnn, learns("lstm"), learns("gru")))
    return decide(text, every((shrinks, untrained)), every((shrinks, remembering, alone)), condition)


def figures_gradients(numbers: Numbers) -> list[Figure]:
    """Norm over lag, one line per net, one figure per stage."""
    x, y = Axis("lag k (steps)"), Axis("log₁₀ of the norm, relative to k = 0")
    made = []
    for stage in STAGES:
        curves = []
        for kind in KINDS:
            repeats = list(zip(*(r["log10"] for r in rows(numbers, kind=kind, stage=stage)), strict=True))
            curves.append(of_net(list(range(len(repeats))), repeats, kind, dots=False, shape="none"))
        title = f"What is left of ∂state(T) / ∂state(T − k), {stage}"
        made.append(Figure(title, x, y, tuple(curves), marks=(Mark(LOST, "a millionth"),)))
    return made


def watch(s: Settings, seed: int, kind: Kind, start: Start, late: bool) -> dict[str, Any]:
    """Train on a late or an early clue, and note how much of the loss' gradient reaches each step's input."""
    task, lag = (CLUE_LATE if late else CLUE_EARLY), s["lag"]
    net = Net(kind, task.inputs, s["units"], task.outputs, seed=seed, remember=lag if start == "remember" else 0)
    profile: list[np.ndarray] = []

    def note(gradient: torch.Tensor) -> None:
        if len(profile) < s["steps_watched"]:
            by_step = gradient.double().norm(dim=2).mean(0)  # (T,)
            profile.append((by_step / by_step.sum()).numpy())

    train(net, task, lag, Budget(s["steps"], rate=s["learning_rate"]), seed, note)
    share = np.mean(profile, axis=0)
    return {
        "right": judge(net, task, lag, seed)["right"],
        "first_tenth": float(share[: lag // 10].sum()),
        "share": [float(f"{v:.4g}") for v in share],
    }


def parts_early(s: Settings, seed: int) -> Parts:
    """Every net and start, with an early and a late clue."""
    return sweep(watch, s, seed, kind=KINDS, start=STARTS, late=(False, True))


def right(numbers: Numbers, start: str, late: bool, kind: str = "rnn") -> list[float]:
    """The share of right answers in every repetition."""
    return repeated(numbers, "right", kind=kind, start=start, late=late)


def rule_early(numbers: Numbers) -> Verdict:
    """The RNN fails early when it answers at most half of the questions about an early clue (a guess: a quarter) and
    at least eight tenths of those about a late one. Holds: it fails early from both of its starts, and from torch's
    under a thousandth of the gradient reaches the first tenth of the steps. Holds only when the RNN starts as torch
    starts it: so it is from torch's start alone. Does not hold: it is not so from torch's start. Cannot tell: an
    interval over the repetitions holds one of these numbers where that decides, or the RNN does not learn the late clue
    from torch's start, so that the budget is too small."""

    def share(kind: Kind, start: Start) -> str:
        at = {late: spread(right(numbers, start, late, kind)) for late in (False, True)}
        tenth = average(numbers, "first_tenth", kind=kind, start=start, late=False)
        return f"{label(kind, start)}: {at[False]}, {at[True]}, {tenth:.1e}"

    text = "Right with an early clue, with a late one, and share of the gradient in the first tenth of the steps: "
    text += "; ".join(share(*of) for of in NETS) + "."

    def fails(start: str) -> Answer:
        late = interval(right(numbers, start, True)).over(0.8)
        return every((interval(right(numbers, start, False)).under(0.5), late))

    if interval(right(numbers, STARTS[0], True)).over(0.8) is False:
        return Verdict("cannot tell", f"{text} The budget is too small: the RNN does not learn the late clue either.")
    tenths = repeated(numbers, "first_tenth", kind="rnn", start=STARTS[0], late=False)
    little = interval([math.log10(max(tenth, 1e-300)) for tenth in tenths]).under(-3.0)
    plain = every((little, fails(STARTS[0])))
    return decide(text, every((plain, fails(STARTS[1]))), plain, "the RNN starts as torch starts it")


def figures_early(numbers: Numbers) -> list[Figure]:
    """The share of the gradient at every step, and the accuracies."""
    made = []
    for start in STARTS:
        curves = []
        for kind in KINDS:
            parts = rows(numbers, kind=kind, start=start, late=False)
            repeats = list(zip(*([math.log10(max(v, 1e-30)) for v in r["share"]] for r in parts), strict=True))
            curves.append(of_net(list(range(1, len(repeats) + 1)), repeats, kind, dots=False, shape="none"))
        title = f"Which steps the gradient reaches while training begins (early clue), {STARTED[start]}"
        x, y = Axis("step of the sequence"), Axis("log₁₀ of the share of the gradient")
        made.append(Figure(title, x, y, tuple(curves)))
    shown = ((False, "clue early", COLOURS["rnn"], "square"), (True, "clue late", COLOURS["lstm"], "diamond"))
    dots = tuple(
        row(label(kind, start), scaled(right(numbers, start, late, kind)), name, colour, shape)
        for kind, start in NETS
        for late, name, colour, shape in shown
    )
    x = Axis("right answers (%)", ends=(0, 103))
    made.append(
        Figure("The same question, its clue early or late", x, Axis(""), rows=dots, marks=(Mark(25, "a guess"),))
    )
    return made


EXPERIMENTS = [
    Experiment(
        name="gradients",
        claim=GRADIENTS,
        prediction="The norm of ∂state(T) / ∂state(T − k) falls exponentially with k in the RNN, and stays in LSTM "
        "and GRU.",
        method="The Frobenius norm of the full Jacobian of the state (of the LSTM: h and c), in float64, at every lag, "
        "geometric mean over sequences of the early-clue task: untrained, set to remember (see the adding problem), "
        "and trained on that task from there (the better of the learning rates counts).",
        quick={"units": 64, "lag": 100, "sequences": 4, "steps": 300, "learning_rates": [0.01, 0.001], "seeds": 3},
        full={"units": 64, "lag": 100, "sequences": 16, "steps": 600, "learning_rates": [0.01, 0.001], "seeds": 5},
        budget=(0.4, 2.0),
        parts=parts_gradients,
        rule=rule_gradients,
        figures=figures_gradients,
    ),
    Experiment(
        name="early",
        claim=EARLY,
        prediction="An RNN learns a question whose clue is late and not the same question with the clue early; next to "
        "nothing of the loss' gradient reaches the early steps.",
        method="One of four symbols is shown in the first tenth of the steps, or in the last, and asked for at the "
        "end. The norm of ∂loss/∂x_t is noted for every step t during the first steps of training. Each net is tried "
        "from torch's own start and set to remember.",
        quick={"units": 32, "lag": 60, "steps": 250, "learning_rate": 0.003, "steps_watched": 50, "seeds": 3},
        full={"units": 32, "lag": 100, "steps": 600, "learning_rate": 0.003, "steps_watched": 100, "seeds": 5},
        budget=(0.3, 2.0),
        parts=parts_early,
        rule=rule_early,
        figures=figures_early,
    ),
]
