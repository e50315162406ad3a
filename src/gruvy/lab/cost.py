"""What a GRU costs beside an LSTM: operations and parameters counted from the graphs, and the time of a step."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import MissingExtraError
from ..nn import GRU
from . import scan
from .cells import step_of
from .claims import CHEAPER
from .experiment import Experiment, Numbers, Parts, Settings, repetitions, rows, spread
from .figures import COLOURS, Axis, Figure, Mark, row
from .nets import KINDS, Kind, Net
from .verdict import Verdict, decide
from .weigh import every, interval, some

# The names of torch's operators in a graph, by what they are counted as.
_COUNTED = {"sigmoid": "sigmoids", "tanh": "tanhs", "mul": "multiplications"}
_COUNTED |= dict.fromkeys(("add", "sub", "rsub"), "additions")
# What computes both nets alike. oneDNN would be a third: torch reaches its LSTM, but not its GRU.
FAMILIES = ("torch's operators", "JAX's scan")


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


def torch_step(layer: torch.nn.Module, x: torch.Tensor, onednn: bool = True) -> Callable[[], None]:
    """One forward and backward pass over x (T, B, I), ready to be called; where oneDNN may not help, without it."""

    def once() -> None:
        enabled, *_ = torch.backends.mkldnn.set_flags(_enabled=onednn)  # type: ignore[no-untyped-call]
        try:
            layer.zero_grad()
            layer(x)[0].square().mean().backward()
        finally:
            torch.backends.mkldnn.set_flags(_enabled=enabled)  # type: ignore[no-untyped-call]

    return once


def contestants(x: torch.Tensor, H: int, seed: int) -> tuple[dict[str, Callable[[], None]], dict[str, str]]:
    """Every contestant's training step by its name, and what of gruvy runs; of JAX only where it is installed."""
    torch.manual_seed(seed)
    I = x.shape[2]
    lstm, gru = torch.nn.LSTM(I, H), torch.nn.GRU(I, H)
    ours = {"gruvy GRU": GRU(I, H), "gruvy GRU, tutorial": GRU(I, H, convention="tutorial")}
    found = {
        "torch's operators, LSTM": torch_step(lstm, x, onednn=False),
        "torch's operators, GRU": torch_step(gru, x, onednn=False),
        "torch.nn.LSTM": torch_step(lstm, x),
        "torch.nn.GRU": torch_step(gru, x),
        **{name: torch_step(layer, x) for name, layer in ours.items()},
    }
    with suppress(MissingExtraError):
        for name, layer in (("LSTM", lstm), ("GRU", gru)):
            found[f"JAX's scan, {name}"] = scan.training_step(layer, x)
    return found, {name: layer.path(x).name for name, layer in ours.items()}


def duration(shape: list[int], s: Settings, seed: int) -> dict[str, Any]:
    """Medians of the milliseconds of one training step, all contestants in turn, on one thread of torch's."""
    T, B, I, H = shape
    torch.set_num_threads(1)  # the runner puts it back
    x = torch.randn(T, B, I, generator=torch.Generator().manual_seed(seed))
    steps, paths = contestants(x, H, seed)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(s["repeats"] + 2):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            if turn >= 2:  # the first two compile and warm caches up
                times[name].append(1e3 * (time.perf_counter() - begin))
    ms = {name: statistics.median(values) for name, values in times.items()}
    calls = {name: operations(step) for name, step in steps.items() if not name.startswith("JAX")}
    return {
        "what": "time",
        "shape": shape,
        "seed": seed,
        "threads": torch.get_num_threads(),
        "paths": paths,
        "ms": ms,
        "calls": calls,
    }


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
    """A count for each net, and a timing for each shape and repetition."""
    made: Parts = {f"count {kind}": partial(count, kind, s) for kind in KINDS}
    for shape in s["shapes"]:
        for k in repetitions(s, seed):
            made[f"time, T, B, I, H = {', '.join(map(str, shape))}, seed {k}"] = partial(duration, shape, s, k)
    return made


def ratios(numbers: Numbers, name: str, to: str) -> list[float]:
    """A contestant's time over another's in every repetition, as the geometric mean over the shapes."""
    by_seed: dict[int, list[float]] = {}
    for r in rows(numbers, what="time"):
        by_seed.setdefault(r["seed"], []).append(r["ms"][name] / r["ms"][to])
    return [statistics.geometric_mean(by_seed[seed]) for seed in sorted(by_seed)]


def families(numbers: Numbers) -> dict[str, list[float]]:
    """The GRU's time over the LSTM's in every repetition, by what computes both."""
    timed = rows(numbers, what="time")[0]["ms"]
    return {f: ratios(numbers, f"{f}, GRU", f"{f}, LSTM") for f in FAMILIES if f"{f}, GRU" in timed}


def counts(numbers: Numbers) -> dict[str, dict[str, Any]]:
    """What was counted, by net."""
    return {r["kind"]: r for r in rows(numbers, what="count")}


def operations_of(row: dict[str, Any]) -> int:
    """All floating-point operations of one step, σ and tanh as one each."""
    return int(sum(row[key] for key in ("products", "sigmoids", "tanhs", "additions", "multiplications")))


def algebra(numbers: Numbers) -> str:
    """What follows from the equations alone."""
    gru, lstm = (counts(numbers)[kind] for kind in ("gru", "lstm"))
    return (
        f"Counted in the graph of one step's equations, GRU and LSTM: {gru['carried']} and {lstm['carried']} numbers "
        f"carried, {gru['gates']} and {lstm['gates']} gates, {gru['parameters']} and {lstm['parameters']} parameters, "
        f"{operations_of(gru)} and {operations_of(lstm)} operations."
    )


def rule(numbers: Numbers) -> Verdict:
    """Fewer: the GRU carries fewer numbers, has fewer gates, parameters and operations than the LSTM. Faster, by the
    logarithm of its time over the LSTM's in each repetition: a training step takes less time than the LSTM's computed
    by the same means, torch's operators or JAX's scan. Holds: fewer, and faster by all of them. Holds only when it is
    computed by the right ones: fewer, and faster by some, not by others. Does not hold: not fewer, or faster by none.
    Cannot tell: an interval over the repetitions holds equal times where that decides."""
    gru, lstm = (counts(numbers)[kind] for kind in ("gru", "lstm"))
    fewer = all(gru[k] < lstm[k] for k in ("carried", "gates", "parameters"))
    fewer = fewer and operations_of(gru) < operations_of(lstm)
    found = families(numbers)
    faster = {f: interval([math.log(ratio) for ratio in times]).under(0.0) for f, times in found.items()}
    text = "Time of the GRU's training step over the LSTM's: " + "; ".join(
        f"both by {f} {spread(times, '{:.2f}'.format)}" for f, times in found.items()
    )
    absent = [f for f in FAMILIES if f not in found]
    text += f" ({' and '.join(absent)}: not installed)." if absent else "."
    condition = f"both are computed by {' or '.join(f for f, answer in faster.items() if answer)}"
    return decide(text, every((fewer, *faster.values())), every((fewer, some(faster.values()))), condition)


def figures(numbers: Numbers) -> list[Figure]:
    """Times relative to the LSTM's: like with like, and apart from it what a user of torch gets."""
    like = tuple(row(f, times, "", COLOURS["gru"]) for f, times in families(numbers).items())
    marks = (Mark(1.0, "the LSTM"),)
    x = Axis("time of a training step relative to the LSTM's")
    names = ("torch.nn.GRU", "gruvy GRU", "gruvy GRU, tutorial")
    colours = (COLOURS["other"], COLOURS["gru"], COLOURS["gru"])
    unlike = tuple(
        row(name, ratios(numbers, name, "torch.nn.LSTM"), "", colour)
        for name, colour in zip(names, colours, strict=True)
    )
    title = "Not like with like, and no part of the verdict: beside torch.nn.LSTM, which oneDNN computes"
    return [
        Figure("GRU and LSTM computed by the same means", x, Axis(""), rows=like, marks=marks),
        Figure(title, x, Axis(""), rows=unlike, marks=marks),
    ]


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """Milliseconds, and operators run, a shape and contestant."""
    timed = rows(numbers, what="time")
    written = []
    for shape in dict.fromkeys(tuple(r["shape"]) for r in timed):
        found = [r for r in timed if tuple(r["shape"]) == shape]
        for name in found[0]["ms"]:
            ms = spread([r["ms"][name] for r in found], "{:.2f}".format)
            calls = str(found[0]["calls"].get(name, ""))
            written.append([", ".join(map(str, shape)), str(found[0]["threads"]), name, ms, calls])
    return ["T, B, I, H", "threads", "contestant", "ms per training step (median)", "torch operators run"], written


_SHAPES = [[50, 32, 32, 32], [100, 32, 64, 64], [100, 32, 128, 128], [100, 64, 256, 256]]
EXPERIMENTS = [
    Experiment(
        name="cost",
        claim=CHEAPER,
        prediction="Computed by the same means, a GRU's training step takes less time than an LSTM's of as many units.",
        method="A training step is one forward and backward pass of a layer in float32, contestants in turn on "
        "one thread of torch's, medians; a repetition has its own weights and inputs. Like is compared with like: "
        "both nets by torch's operators (oneDNN switched off), and both by JAX's scan where JAX is installed. What a "
        "user of torch gets is shown apart: torch.nn.LSTM is computed by oneDNN, torch.nn.GRU is not.",
        quick={"inputs": 64, "units": 64, "repeats": 11, "shapes": _SHAPES[:2], "seeds": 3},
        full={"inputs": 64, "units": 64, "repeats": 25, "shapes": _SHAPES, "seeds": 5},
        budget=(0.3, 2.0),
        alone=True,
        parts=parts,
        rule=rule,
        algebra=algebra,
        figures=figures,
        table=table,
    )
]
