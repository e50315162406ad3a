"""What a GRU costs beside an LSTM: operations and parameters counted from the graphs, and the time of a step."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import plotly.graph_objects as go
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from ..nn import GRU
from .cells import step_of
from .experiment import Experiment, Numbers, Parts, Settings, Verdict, decide, rows
from .figures import COLOURS, bars, figure, mark
from .nets import KINDS, Kind, Net

# The names of torch's operators in a graph, by what they are counted as.
_COUNTED = {"sigmoid": "sigmoids", "tanh": "tanhs", "mul": "multiplications"}
_COUNTED |= dict.fromkeys(("add", "sub", "rsub"), "additions")
CONTESTANTS = ("torch RNN", "torch LSTM", "torch GRU", "gruvy GRU", "gruvy GRU, tutorial")


def count(kind: Kind, s: Settings) -> dict[str, Any]:
    """Operations of one step and numbers kept, read off the graph that torch records of the step's equations."""
    I, H = s["inputs"], s["units"]
    net = Net(kind, I, H, 1, seed=0)
    size = 2 * H if kind == "lstm" else H
    one = torch.zeros
    graph = make_fx(step_of(net))(one(I, dtype=torch.float64), one(size, dtype=torch.float64)).graph
    found = {"products": 0, "sigmoids": 0, "tanhs": 0, "additions": 0, "multiplications": 0}
    for node in graph.nodes:
        name = getattr(node.target, "__name__", "").partition(".")[0]
        if name == "mv":
            found["products"] += 2 * math.prod(node.args[0].meta["val"].shape)
        elif name in _COUNTED:
            found[_COUNTED[name]] += node.meta["val"].numel()
    parameters = sum(p.numel() for p in net.recurrent.parameters())
    gates = found["sigmoids"] // H
    return {"what": "count", "kind": kind, "parameters": parameters, "carried": size, "gates": gates, **found}


def layer(name: str, I: int, H: int) -> torch.nn.Module:
    """A contestant."""
    torch.manual_seed(0)
    if name.startswith("gruvy"):
        return GRU(I, H, convention="tutorial" if "tutorial" in name else "torch")
    made: torch.nn.Module = getattr(torch.nn, name.removeprefix("torch "))(I, H)
    return made


def duration(shape: list[int], s: Settings) -> dict[str, Any]:
    """Medians of the milliseconds of one forward and backward pass, all contestants in turn, in one process."""
    T, B, I, H = shape
    x = torch.randn(T, B, I, generator=torch.Generator().manual_seed(0))
    layers = {name: layer(name, I, H) for name in CONTESTANTS}
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}

    def once(name: str) -> None:
        layers[name].zero_grad()
        layers[name](x)[0].square().mean().backward()

    for turn in range(s["repeats"] + 2):
        for name in CONTESTANTS:
            begin = time.perf_counter()
            once(name)
            if turn >= 2:  # the first two warm caches up
                times[name].append(1e3 * (time.perf_counter() - begin))
    paths = {name: layer.path(x).name for name, layer in layers.items() if isinstance(layer, GRU)}
    ms = {name: statistics.median(values) for name, values in times.items()}
    calls = {name: operations(partial(once, name)) for name in CONTESTANTS}
    threads = torch.get_num_threads()
    return {"what": "time", "shape": shape, "threads": threads, "paths": paths, "ms": ms, "calls": calls}


_COLOURS = dict(zip(CONTESTANTS, (COLOURS[k] for k in ("rnn", "lstm", "mark", "gru", "other")), strict=True))


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that torch runs, forward and backward."""

    total: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.total += 1
        return func(*args, **(kwargs or {}))


def operations(call: Callable[[], None]) -> int:
    """How many operators torch runs in a call: what a kernel made of small steps costs."""
    with _Counter() as counter:  # type: ignore[no-untyped-call]
        call()
    return int(counter.total)


def parts(s: Settings, seed: int) -> Parts:
    """A count for each net, and a timing for each shape."""
    made: Parts = {f"count {kind}": partial(count, kind, s) for kind in KINDS}
    for shape in s["shapes"]:
        made[f"time, T, B, I, H = {', '.join(map(str, shape))}"] = partial(duration, shape, s)
    return made


def ratios(numbers: Numbers, name: str) -> list[float]:
    """A contestant's time over torch's LSTM's, for every shape."""
    return [r["ms"][name] / r["ms"]["torch LSTM"] for r in rows(numbers, what="time")]


def counts(numbers: Numbers) -> dict[str, dict[str, Any]]:
    """What was counted, by net."""
    return {r["kind"]: r for r in rows(numbers, what="count")}


def operations_of(row: dict[str, Any]) -> int:
    """All floating-point operations of one step, σ and tanh as one each."""
    return int(sum(row[key] for key in ("products", "sigmoids", "tanhs", "additions", "multiplications")))


def rule(numbers: Numbers) -> Verdict:
    """Fewer: the GRU carries fewer numbers, has fewer gates, parameters and operations than the LSTM. Faster: the
    geometric mean over the shapes of its time over torch's LSTM's is under 1, for torch's GRU and for gruvy's in both
    conventions. Holds: fewer, and all are faster. Holds only when the kernel is the right one: fewer, and one
    of them is faster. Else it does not hold."""
    by = counts(numbers)
    gru, lstm = by["gru"], by["lstm"]
    fewer = all(gru[k] < lstm[k] for k in ("carried", "gates", "parameters"))
    fewer = fewer and operations_of(gru) < operations_of(lstm)
    mean = {name: statistics.geometric_mean(ratios(numbers, name)) for name in CONTESTANTS[2:]}
    path = rows(numbers, what="time")[0]["paths"]["gruvy GRU, tutorial"]
    text = (
        f"GRU and LSTM: {gru['carried']} and {lstm['carried']} numbers carried, {gru['gates']} and {lstm['gates']} "
        f"gates, {gru['parameters']} and {lstm['parameters']} parameters, {operations_of(gru)} and "
        f"{operations_of(lstm)} operations per step. Time of a training step over torch's LSTM's: "
        f"torch's GRU {mean['torch GRU']:.2f}, gruvy's {mean['gruvy GRU']:.2f}, gruvy's in the "
        f"tutorial's convention {mean['gruvy GRU, tutorial']:.2f} (run by: {path})."
    )
    fast = [name for name, value in mean.items() if value < 1]
    if fewer and not fast:
        text = f"Fewer operations, but not faster with any kernel. {text}"
    condition = f"the kernel is that of {' and '.join(fast)}"
    return decide(text, fewer and len(fast) == len(mean), fewer and bool(fast), condition)


def figures(numbers: Numbers) -> list[go.Figure]:
    """Counts and times relative to the LSTM's, torch's and gruvy's apart, and how many operators run."""
    by = counts(numbers)
    first = figure("One step, counted from its graph", "", "share of the LSTM's (%)", barmode="group")
    names = {"carried": "numbers carried", "gates": "gates (σ per unit)", "parameters": "parameters"}
    for kind in KINDS:
        shares = [100 * by[kind][k] / by["lstm"][k] for k in names]
        shares.append(100 * operations_of(by[kind]) / operations_of(by["lstm"]))
        x = [*names.values(), "operations"]
        bars(first, x, shares, kind.upper(), COLOURS[kind])
    timed = rows(numbers, what="time")
    x = [f"T, B, I, H = {', '.join(map(str, r['shape']))}" for r in timed]
    figures = [first]
    for title, names_of in (
        ("Time of a training step: torch against torch", CONTESTANTS[:3:2]),
        ("Time of a training step: gruvy against torch's LSTM", CONTESTANTS[3:]),
    ):
        times = figure(title, "", "time relative to the LSTM's", barmode="group")
        for name in names_of:
            bars(times, x, ratios(numbers, name), name, _COLOURS[name], 2)
        mark(times, 1, "torch's LSTM")
        figures.append(times)
    title = "What decides it: torch operators run in a training step"
    calls = figure(title, "", "operators", yaxis_type="log", barmode="group")
    for name in CONTESTANTS:
        bars(calls, x, [r["calls"][name] for r in timed], name, _COLOURS[name], None)
    calls.update_yaxes(dtick=1)
    return [*figures, calls]


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """Milliseconds, and operators run, a shape and contestant: torch against torch, then gruvy."""
    written = [
        [", ".join(map(str, r["shape"])), str(r["threads"]), name, f"{r['ms'][name]:.2f}", str(r["calls"][name])]
        for r in rows(numbers, what="time")
        for name in CONTESTANTS
    ]
    return ["T, B, I, H", "threads", "contestant", "ms per training step (median)", "torch operators run"], written


_SHAPES = [[50, 32, 32, 32], [100, 32, 64, 64], [100, 32, 128, 128], [100, 64, 256, 256]]
EXPERIMENTS = [
    Experiment(
        name="cost",
        claim="A GRU has no cell state, two gates and fewer operations, and trains a little faster than an LSTM.",
        prediction="Three quarters of the LSTM's parameters and products, half of its numbers carried; less time.",
        method="Operations are counted in the graph that torch records of one step's equations. A training step is one "
        "forward and backward pass of a layer in float32, contestants in turn in one process, medians. What decides it "
        "beside the arithmetic: how many small operators the kernel runs.",
        quick={"inputs": 64, "units": 64, "repeats": 15, "shapes": _SHAPES[:2]},
        full={"inputs": 64, "units": 64, "repeats": 25, "shapes": _SHAPES},
        budget=(0.1, 1.0),
        alone=True,
        parts=parts,
        rule=rule,
        figures=figures,
        table=table,
    )
]
