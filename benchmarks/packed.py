"""Training on packed sequences: `gruvy.nn.GRU` in the place of `torch.nn.GRU`, on the CPU.

    python benchmarks/packed.py [--threads 1] [--rounds 3] [--steps 100 400 1460]

Both are given the same `PackedSequence` of 32 sequences, one channel, 64 units, and the same weights; gradients are
compared first. torch's backward pass takes time that grows with the square of the steps. A ratio above 1: gruvy is
faster.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence

import gruvy
from gruvy.bench.machine import describe, use_threads

SEQUENCES, UNITS, LIMIT = 32, 64, 1e-4


def gradients(layer: torch.nn.GRU, x: list[Tensor]) -> list[Tensor]:
    output, h_n = layer(pack_sequence(x, enforce_sorted=False))
    return list(torch.autograd.grad(output.data.sin().sum() + h_n.sum(), list(layer.parameters())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 400, 1460])
    asked = parser.parse_args()
    use_threads(asked.threads)
    torch.manual_seed(0)
    theirs = torch.nn.GRU(1, UNITS)
    ours = gruvy.nn.GRU(1, UNITS)
    ours.load_state_dict(theirs.state_dict())
    print(", ".join(describe().values()))
    print("| steps | ratio, median (least to most) |\n| --- | --- |")
    for T in asked.steps:
        x = [torch.randn(T - T * k // 100, 1) for k in range(SEQUENCES)]
        wanted, found = gradients(theirs, x), gradients(ours, x)
        off = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, wanted, strict=True))
        if off > LIMIT:
            raise SystemExit(f"{T} steps: the gradients differ by {off:.1e}")
        ratios = []
        for _ in range(asked.rounds):
            taken = []
            for layer in (theirs, ours):
                begin = time.perf_counter()
                gradients(layer, x)
                taken.append(time.perf_counter() - begin)
            ratios.append(taken[0] / taken[1])
        print(f"| {T:,} | {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) |", flush=True)


if __name__ == "__main__":
    main()
