"""Half precision through `gruvy.nn.GRU` against `torch.nn.GRU` on the same input, on the CPU.

    python benchmarks/half.py [--threads 2] [--rounds 9] [--only bfloat16]

Both are first compared with torch's layer in float64; then they are timed in turns, forward alone and with backward. A
ratio above 1: gruvy is faster. `path` says who ran the call, which for torch's own kernel is torch on both sides.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import gruvy
from gruvy.bench.machine import describe, use_threads
from gruvy.bench.problem import GRID

BOUND = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}  # half a unit of the last place


def call(layer: torch.nn.GRU, x: torch.Tensor, dy: torch.Tensor, train: bool) -> list[torch.Tensor]:
    if not train:
        with torch.inference_mode():
            return [layer(x)[0]]
    output, _ = layer(x)
    return [output.detach(), *torch.autograd.grad(output, list(layer.parameters()), dy)]


def off(found: list[torch.Tensor], exact: list[torch.Tensor]) -> float:
    """The largest error, relative to the largest number of its tensor."""
    errors = [(a.double() - b).abs().max() / b.abs().max() for a, b in zip(found, exact, strict=True)]
    return float(max(errors))


def in_turns(jobs: list[Callable[[], Any]], rounds: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in jobs]
    for k in range(rounds + 1):
        for job, taken in zip(jobs, times, strict=True):
            begin = time.perf_counter()
            job()
            if k:
                taken.append(time.perf_counter() - begin)
            time.sleep(0.002)  # the other's threads go to sleep
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=("bfloat16", "float16"))
    asked = parser.parse_args()
    use_threads(asked.threads)
    print(", ".join(describe().values()))
    for dtype in BOUND:
        name = str(dtype).removeprefix("torch.")
        if asked.only not in (None, name):
            continue
        print(f"\n{name}: T, B, I, H | forward | with backward | error of gruvy, of torch | path")
        all_ratios: list[list[float]] = [[], []]
        for T, B, I, H in GRID:
            torch.manual_seed(0)
            theirs, ours = torch.nn.GRU(I, H, dtype=dtype), gruvy.nn.GRU(I, H, dtype=dtype)
            exact = torch.nn.GRU(I, H, dtype=torch.float64)
            for twin in (ours, exact):
                twin.load_state_dict(theirs.state_dict())
            x, dy = torch.randn(T, B, I, dtype=dtype), torch.randn(T, B, H, dtype=dtype)
            true = call(exact, x.double(), dy.double(), True)
            errors = [off(call(layer, x, dy, True), true) for layer in (ours, theirs)]
            path = ours.path(x)
            assert path.name != "native" or errors[0] < 1.01 * BOUND[dtype], errors
            told = []
            for ratios, train in zip(all_ratios, (False, True), strict=True):
                one, other = in_turns([partial(call, layer, x, dy, train) for layer in (theirs, ours)], asked.rounds)
                own = [a / b for a, b in zip(one, other, strict=True)]
                ratios.append(statistics.median(own))
                told.append(f"{ratios[-1]:.2f} ({min(own):.2f} to {max(own):.2f})")
            print(
                f"{T}, {B}, {I}, {H} | {' | '.join(told)} | {errors[0]:.1e}, {errors[1]:.1e} | {path.name}", flush=True
            )
        means = [math.exp(statistics.fmean(map(math.log, ratios))) for ratios in all_ratios]
        print(f"geometric mean | {means[0]:.2f} | {means[1]:.2f} |  | ")


if __name__ == "__main__":
    main()
