"""RNNs have a short memory; LSTM and GRU are the answer: which lag does each net still learn to bridge?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Literal

import plotly.graph_objects as go

from .experiment import Experiment, Numbers, Parts, Settings, Verdict, average, decide, rows, sweep
from .figures import figure, line, mark
from .fit import Budget, judge, train
from .nets import KINDS, NETS, STARTS, Kind, Net, Start, equal_size
from .tasks import ADDING, CLUE_EARLY, ORDER, Task, copy_task

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


def attempts(task: Callable[[Settings], Task], sizes: tuple[By, ...], s: Settings, seed: int) -> Parts:
    """Every lag, net, start, size and seed, each a part; the GRU is what the others are made equal to."""
    made: Parts = {}
    for by in sizes:
        kinds = KINDS if by == "units" else ("rnn", "lstm")
        made |= sweep(partial(attempt, task(s)), s, seed, lag=s["lags"], kind=kinds, start=STARTS, by=[by])
    return made


def errors(numbers: Numbers, kind: str, start: str, by: str = "units") -> dict[int, float]:
    """Mean error over the seeds, at each lag."""
    by = "units" if kind == "gru" else by
    lags = sorted({r["lag"] for r in rows(numbers, kind=kind, start=start, by=by)})
    return {lag: average(numbers, "error", kind=kind, start=start, by=by, lag=lag) for lag in lags}


def reach(numbers: Numbers, kind: str, start: str, by: str = "units") -> int:
    """The longest lag solved, all shorter ones solved too; 0 if not even the shortest."""
    longest = 0
    for lag, error in errors(numbers, kind, start, by).items():
        if error > SOLVED:
            break
        longest = lag
    return longest


def rule(numbers: Numbers) -> Verdict:
    """A lag counts as solved when the error on fresh sequences, averaged over seeds, is at most 0.05 of a guess's; a
    net's reach is the longest lag solved with all shorter ones; the RNN's is the better of its two starts. Holds: LSTM
    and GRU both reach at least twice as far as the RNN from torch's own start (or any lag, where the RNN reaches
    none). Holds only when they start set to remember: so started they do. Else it does not hold."""
    sizes = sorted({r["by"] for r in numbers.values()}, reverse=True)
    rnn = max(reach(numbers, "rnn", start, by) for start in STARTS for by in sizes)
    gated = {
        start: min(reach(numbers, kind, start, by) for kind in ("lstm", "gru") for by in sizes) for start in STARTS
    }

    def reached(by: str, kinds: Iterable[str]) -> str:
        found = {kind: [str(reach(numbers, kind, start, by)) for start in STARTS] for kind in kinds}
        return "; ".join(f"{kind.upper()} {' and '.join(both)}" for kind, both in found.items())

    text = f"Longest lag solved, from torch's start and set to remember: {reached('units', KINDS)}."
    if len(sizes) > 1:
        text += f" With equal parameters: {reached('parameters', KINDS[:2])}."
    if rnn == max(r["lag"] for r in numbers.values()):
        text += " The RNN solves the longest lag tried: longer ones would have to tell."
    if not any(reach(numbers, kind, start, by) for kind, start in NETS for by in sizes):
        text += " No net solves even the shortest lag tried: with a larger budget they might differ."
    far = {start: gated[start] >= max(2 * rnn, 1) for start in STARTS}
    return decide(text, far["plain"], far["remember"], "the gates start set to remember")


def figures(title: str, numbers: Numbers) -> list[go.Figure]:
    """Error over lag."""
    fig = figure(title, "lag (steps)", "error on fresh sequences (1 = a guess)", xaxis_type="log")
    lags = sorted({r["lag"] for r in numbers.values()})
    for kind, start in NETS:
        found = errors(numbers, kind, start)
        line(fig, list(found), list(found.values()), kind, start)
    mark(fig, SOLVED, "solved below this")
    fig.update_xaxes(tickvals=lags, ticktext=[str(lag) for lag in lags])
    fig.update_yaxes(range=[-0.05, 1.15])
    return [fig]


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """One row per net, one column per lag."""
    lags = sorted({r["lag"] for r in numbers.values()})
    sizes = sorted({r["by"] for r in numbers.values()}, reverse=True)
    written = []
    for kind in KINDS:
        for by in sizes if kind != "gru" else ["units"]:
            for start in STARTS:
                found = errors(numbers, kind, start, by)
                units = rows(numbers, kind=kind, by=by)[0]["units"]
                written.append([kind.upper(), str(units), start, *(f"{found[lag]:.3f}" for lag in lags)])
    return ["net", "units", "start", *(f"error at lag {lag}" for lag in lags)], written


_QUICK: Settings = {"units": 32, "steps": 300, "learning_rates": [0.01, 0.001], "seeds": 1}
_FULL: Settings = {"units": 32, "steps": 1000, "learning_rates": [0.01, 0.001], "seeds": 3}
_METHOD = (
    "Every net gets the same number of hidden units, training steps (32 fresh sequences each, Adam, gradient norm "
    "clipped at 1, stopped when solved), learning rates (the better one counts) and seeds. Each is tried from torch's "
    "own start and set to remember: its state decays to 1/e within the lag at rest (a bias of the gates; for the RNN, "
    "which has none, an identity matrix)."
)
_CLAIM = "RNNs have a short memory."
_PREDICTION = (
    "The RNN's error rises to that of a guess at lags that the LSTM and the GRU still solve, at least twice as long."
)


def _memory(
    name: str, title: str, task: Callable[[Settings], Task], sizes: tuple[By, ...] = ("units",), **more: Any
) -> Experiment:
    return Experiment(
        name=name,
        parts=partial(attempts, task, sizes),
        rule=rule,
        figures=partial(figures, title),
        table=table,
        **{"claim": _CLAIM, "prediction": _PREDICTION, **more},
    )


EXPERIMENTS = [
    _memory(
        "adding",
        "The adding problem: error over lag",
        lambda s: ADDING,
        quick=_QUICK | {"lags": [10, 30, 90]},
        full=_FULL | {"lags": [10, 20, 50, 100, 200]},
        budget=(0.7, 8.0),
        method=f"Two marked numbers in a sequence are to be added ({ADDING.source}). {_METHOD}",
    ),
    _memory(
        "order",
        "Temporal order: error over lag",
        lambda s: ORDER,
        quick=_QUICK | {"steps": 400, "lags": [10, 30, 90]},
        full=_FULL | {"lags": [10, 20, 50, 100, 200]},
        budget=(0.9, 6.0),
        method=f"Which of four orders did two symbols come in ({ORDER.source})? {_METHOD}",
    ),
    _memory(
        "copy",
        "Copy: error over lag",
        lambda s: copy_task(s["symbols"]),
        quick=_QUICK | {"symbols": 3, "lags": [5, 20]},
        full=_FULL | {"symbols": 4, "steps": 2000, "lags": [5, 10, 20]},
        budget=(0.5, 5.0),
        method=f"Symbols are to be repeated after a pause ({copy_task(10).source}; 10 symbols there). {_METHOD}",
    ),
    _memory(
        "answer",
        "The longest lag that each still solves: error over lag",
        lambda s: CLUE_EARLY,
        ("units", "parameters"),
        claim="LSTM and GRU are the answer to the short memory.",
        prediction="With the same budget LSTM and GRU solve a task at lags at least twice as long as the RNN's.",
        quick=_QUICK | {"steps": 200, "lags": [20, 80]},
        full=_FULL | {"steps": 600, "lags": [10, 20, 40, 80, 160, 320], "seeds": 2},
        budget=(0.9, 11.0),
        method=f"One of four symbols is shown at the start and is asked for at the end. {_METHOD} The lag doubles; the "
        "LSTM and the RNN are also tried with as many parameters as the GRU.",
    ),
]
