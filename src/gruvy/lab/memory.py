"""RNNs have a short memory; LSTM and GRU are the answer: which lag does each net still learn to bridge?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable
from functools import partial
from itertools import takewhile
from typing import Any, Literal

from .claims import ANSWER, MEMORY
from .experiment import Experiment, Numbers, Parts, Settings, mean, repeated, rows, spread, sweep
from .figures import STARTED, Axis, Figure, Mark, of_net
from .fit import Budget, judge, train
from .nets import KINDS, STARTS, Kind, Net, Start, equal_size
from .tasks import ADDING, CLUE_EARLY, ORDER, Task, copy_task
from .verdict import Verdict, decide
from .weigh import Answer, every, interval

# Solved: the error on fresh sequences is at most a twentieth of a guess's.
SOLVED = 0.05
By = Literal["units", "parameters"]


def attempt(task: Task, s: Settings, seed: int, lag: int, kind: Kind, start: Start, by: By) -> dict[str, Any]:
    """Train one net at the learning rates of the budget, one after the other, until one solves the task."""
    units = equal_size(kind, task.inputs, s["units"], by)
    best: dict[str, Any] = {}
    for rate in s["learning_rates"]:
        net = Net(kind, task.inputs, units, task.outputs, seed=seed, remember=lag if start == "remember" else 0)
        losses = train(net, task, lag, Budget(s["steps"], rate=rate), seed)
        found = {"rate": rate, "steps": len(losses), **judge(net, task, lag, seed)}
        if not best or found["error"] < best["error"]:
            best = found
        if best["error"] <= SOLVED:
            break
    return {"units": units, **best}


def attempts(task: Callable[[Settings], Task], s: Settings, seed: int) -> Parts:
    """Every lag, net, start, size and seed, each a part; the GRU is what the others are made equal to."""
    made: Parts = {}
    for by in s["equal"]:
        kinds = KINDS if by == "units" else ("rnn", "lstm")
        made |= sweep(partial(attempt, task(s)), s, seed, lag=s["lags"], kind=kinds, start=STARTS, by=[by])
    return made


def errors(numbers: Numbers, lag: int, kind: str, start: str, by: str = "units") -> list[float]:
    """The error of every repetition at a lag."""
    return repeated(numbers, "error", kind=kind, start=start, by="units" if kind == "gru" else by, lag=lag)


def lags_of(numbers: Numbers) -> list[int]:
    """The lags that were tried, the shortest first."""
    return sorted({r["lag"] for r in numbers.values()})


def sizes_of(numbers: Numbers) -> list[str]:
    """The meanings of equal size that were tried, units first."""
    return sorted({r["by"] for r in numbers.values()}, reverse=True)


def reaches(numbers: Numbers, kind: str, start: str, by: str = "units") -> list[int]:
    """Of every repetition the longest lag solved, all shorter ones solved too; 0 if not even the shortest."""
    lags = lags_of(numbers)
    solved = zip(*([e <= SOLVED for e in errors(numbers, lag, kind, start, by)] for lag in lags), strict=True)
    return [
        max([0, *(lag for lag, _ in takewhile(lambda pair: pair[1], zip(lags, one, strict=True)))]) for one in solved
    ]


def doublings(numbers: Numbers, net: list[int], rnn: list[int]) -> list[float]:
    """How many times a net's reach doubles the RNN's, in every repetition: log2 of their ratio.

    Half of the shortest lag stands for a reach of 0. Where both solve the longest lag tried, only longer ones could
    tell: not a number.
    """
    lags = lags_of(numbers)

    def times(a: int, b: int) -> float:
        least = lags[0] / 2
        return math.nan if a == b == lags[-1] else math.log2(max(a, least) / max(b, least))

    return [times(a, b) for a, b in zip(net, rnn, strict=True)]


def best(numbers: Numbers, kind: str, starts: Iterable[str], sizes: Iterable[str]) -> list[int]:
    """The reaches from the start (and at the size) with which this kind of net reaches farthest on average."""
    return max((reaches(numbers, kind, start, by) for start in starts for by in sizes), key=mean)


def rule(numbers: Numbers) -> Verdict:
    """A lag counts as solved when the error on fresh sequences is at most 0.05 of a guess's; a net's reach is the
    longest lag solved with all shorter ones. Every net may take the better of its two starts; the RNN the better of the
    sizes too, where several count as equal. Holds: LSTM and GRU both reach at least twice as far as the RNN (any lag,
    where the RNN reaches none), from their better starts and when all nets have torch's. Holds only when they start set
    to remember: they do from the better starts, not from torch's. Does not hold: not from the better starts either.
    Cannot tell: the interval of the doublings over the repetitions holds 1; or the LSTM or the GRU solves the shortest
    lag in no more than half of the repetitions, so that the budget is too small to speak of memory; or the RNN solves
    the longest lag tried."""
    sizes = sizes_of(numbers)
    gated = [("gru", ["units"]), *(("lstm", [by]) for by in sizes)]

    def farther(starts: Iterable[str]) -> Answer:
        rnn = best(numbers, "rnn", starts, sizes)
        nets = [best(numbers, kind, starts, by) for kind, by in gated]
        return every(interval(doublings(numbers, net, rnn)).over(1.0) for net in nets)

    def reached(by: str, kinds: Iterable[str]) -> str:
        found = {k: [", ".join(map(str, reaches(numbers, k, start, by))) for start in STARTS] for k in kinds}
        return "; ".join(f"{kind.upper()} {' and '.join(both)}" for kind, both in found.items())

    text = f"Longest lag solved in each repetition, from torch's start and set to remember: {reached('units', KINDS)}."
    if len(sizes) > 1:
        text += f" With equal parameters: {reached('parameters', KINDS[:2])}."
    if any(not statistics.median_low(best(numbers, kind, STARTS, by)) for kind, by in gated):
        return Verdict("cannot tell", f"{text} The budget is too small: LSTM or GRU fail at the shortest lag.")
    if statistics.median_low(best(numbers, "rnn", STARTS, sizes)) == lags_of(numbers)[-1]:
        text += " The RNN solves the longest lag tried: longer ones would have to tell."
    far, plainly = farther(STARTS), farther(STARTS[:1])
    return decide(text, every((far, plainly)), far, "the gates start set to remember")


def figures(title: str, numbers: Numbers) -> list[Figure]:
    """Error over lag, each start apart."""
    lags = lags_of(numbers)
    x = Axis("lag (steps)", log=True, ticks=tuple(lags))
    y = Axis("error on fresh sequences (1 = a guess)", ends=(0, max(1.15, *(r["error"] for r in numbers.values()))))
    marks = (Mark(SOLVED, "solved below this"),)
    return [
        Figure(
            f"{title}, {STARTED[start]}",
            x,
            y,
            tuple(of_net(lags, [errors(numbers, lag, kind, start) for lag in lags], kind) for kind in KINDS),
            marks=marks,
        )
        for start in STARTS
    ]


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """One row per net, one column per lag."""
    lags = lags_of(numbers)
    written = []
    for kind in KINDS:
        for by in sizes_of(numbers) if kind != "gru" else ["units"]:
            units = rows(numbers, kind=kind, by=by)[0]["units"]
            for start in STARTS:
                found = [spread(errors(numbers, lag, kind, start, by), "{:.3f}".format) for lag in lags]
                written.append([kind.upper(), str(units), STARTED[start], *found])
    return ["net", "units", "start", *(f"error at lag {lag}" for lag in lags)], written


_QUICK: Settings = {"equal": ["units"], "units": 32, "steps": 300, "learning_rates": [0.01, 0.001], "seeds": 3}
_FULL: Settings = {"equal": ["units"], "units": 32, "steps": 1000, "learning_rates": [0.01, 0.001], "seeds": 3}
_METHOD = (
    "Every net gets the same number of hidden units, training steps (32 fresh sequences each, Adam, gradient norm "
    "clipped at 1, stopped when solved), learning rates (the better one counts) and seeds. Each is tried from torch's "
    "own start and set to remember: its state decays to 1/e within the lag at rest (a bias of the gates; for the RNN, "
    "which has none, an identity matrix)."
)
_PREDICTION = (
    "The RNN's error rises to that of a guess at lags that the LSTM and the GRU still solve, at least twice as long."
)


def _memory(name: str, title: str, task: Callable[[Settings], Task], **more: Any) -> Experiment:
    return Experiment(
        name=name,
        parts=partial(attempts, task),
        rule=rule,
        figures=partial(figures, title),
        table=table,
        **{"claim": MEMORY, "prediction": _PREDICTION, **more},
    )


EXPERIMENTS = [
    _memory(
        "adding",
        "The adding problem: error over lag",
        lambda s: ADDING,
        quick=_QUICK | {"lags": [2, 10]},
        full=_FULL | {"lags": [2, 10, 20, 50, 100, 200]},
        budget=(0.3, 8.0),
        method=f"Two marked numbers in a sequence are to be added ({ADDING.source}). {_METHOD}",
    ),
    _memory(
        "order",
        "Temporal order: error over lag",
        lambda s: ORDER,
        quick=_QUICK | {"steps": 250, "lags": [10, 60]},
        full=_FULL | {"lags": [10, 20, 50, 100, 200]},
        budget=(0.3, 6.0),
        method=f"Which of four orders did two symbols come in ({ORDER.source})? {_METHOD}",
    ),
    _memory(
        "copy",
        "Copy: error over lag",
        lambda s: copy_task(s["symbols"]),
        quick=_QUICK | {"symbols": 2, "steps": 600, "lags": [3, 12]},
        full=_FULL | {"symbols": 2, "steps": 3000, "lags": [3, 12, 48]},
        only_full="its nets learn after 500 to 2,000 steps, and three repetitions take as long as half of the rest.",
        budget=(0.0, 7.0),
        method=f"Symbols are to be repeated after a pause ({copy_task(10).source}; 10 symbols there). {_METHOD}",
    ),
    _memory(
        "answer",
        "The longest lag that each still solves: error over lag",
        lambda s: CLUE_EARLY,
        claim=ANSWER,
        prediction="With the same budget LSTM and GRU solve a task at lags at least twice as long as the RNN's.",
        quick=_QUICK | {"steps": 200, "lags": [20, 80]},
        full=_FULL | {"equal": ["units", "parameters"], "steps": 600, "lags": [10, 20, 40, 80, 160, 320]},
        budget=(0.4, 16.0),
        method=f"One of four symbols is shown at the start and is asked for at the end. {_METHOD} The lag doubles; in "
        "full mode the LSTM and the RNN are also tried with as many parameters as the GRU.",
    ),
]
