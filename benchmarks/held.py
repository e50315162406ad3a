"""Weights held in fewer bytes: the time of a step by units, and the accuracy on spoken digits.

    python benchmarks/held.py [--rounds 31] [--seeds 3] [--write]

Steps of one stream, as many inputs as units, the four ways in turns, in one thread: medians and quartiles of the
ratios, above 1 faster than float32. Accuracy is of `GRUClassifier` on the sequences held out, whose file is loaded in
each way. --write puts the table into docs/deploy.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import gruvy
from gruvy.bench.machine import describe
from gruvy.data import load
from gruvy.engines import stack
from gruvy.engines.threads import set_threads
from gruvy.model.model import FORMATS
from gruvy.weights import Cell, Weights

PAGE = Path(__file__).resolve().parents[1] / "docs/deploy.md"
SIZES = (64, 256, 512, 1024)
STEPS = 5  # of one timing


def ratios(units: int, rounds: int) -> dict[str, list[float]]:
    """How many times faster than float32 a step of each way is, round by round; microseconds of float32's."""
    rng = np.random.default_rng(0)
    shapes = ((3 * units, units), (3 * units, units), (3 * units,), (units,))
    cell = Cell(*((rng.normal(size=shape) / np.sqrt(units)).astype(np.float32) for shape in shapes))
    ways = {None: None, **FORMATS}
    cells = {name: stack.packed(Weights("torch", [[cell]]), way)[0][0] for name, way in ways.items()}
    x, h = rng.normal(size=(1, units)).astype(np.float32), np.zeros((1, units), np.float32)
    times: dict[str | None, list[float]] = {name: [] for name in cells}
    for _ in range(rounds):
        for name, packed in cells.items():
            packed.step_into(x, h, h)
            begin = time.perf_counter()
            for _ in range(STEPS):
                packed.step_into(x, h, h)
            times[name].append((time.perf_counter() - begin) / STEPS * 1e6)
    full = times.pop(None)
    found = {str(name): [a / b for a, b in zip(full, own, strict=True)] for name, own in times.items()}
    return {"": full, **found}


def accuracies(seeds: int) -> dict[str, list[float]]:
    """By the way that the weights are held, "" for as they are: the accuracy of each seed's net."""
    data = load("spoken-digits")
    found: dict[str, list[float]] = {name: [] for name in ("", *FORMATS)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.safetensors"
        for seed in range(seeds):
            gruvy.GRUClassifier(64, max_epochs=12, random_state=seed).fit(data.train.x, data.train.y).save(path)
            for name, own in found.items():
                answers = gruvy.load(path, weights=name or None).predict(data.test.x)
                own.append(float(np.mean(answers == data.test.y)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    print(", ".join(describe().values()))
    set_threads(1)
    rows = []
    for units in SIZES:
        found = ratios(units, asked.rounds)
        micros = statistics.median(found.pop(""))
        quartiles = [statistics.quantiles(own, n=4) for own in found.values()]
        cells = [f"{middle:.1f} ({low:.1f} to {high:.1f})" for low, middle, high in quartiles]
        rows.append(
            f"| a step at {units:,} units, times faster than float32 ({micros:,.1f} µs) | {' | '.join(cells)} |"
        )
        print(rows[-1], flush=True)
    if asked.seeds:
        accuracy = accuracies(asked.seeds)
        full = statistics.fmean(accuracy.pop(""))
        cells = [f"{statistics.fmean(own) - full:+.4f}" for own in accuracy.values()]
        seeds = "a net" if asked.seeds == 1 else f"mean of {asked.seeds} nets"
        rows.append(
            f"| accuracy on spoken digits beside float32's {full:.4f}, {seeds} of 64 units | {' | '.join(cells)} |"
        )
        print(rows[-1])
    if asked.write:
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split("| | half | bfloat16 | int8 |\n| --- | --- | --- | --- |\n")
        _, *after = rest.split("\n\n", 1)
        table = "| | half | bfloat16 | int8 |\n| --- | --- | --- | --- |\n" + "\n".join(rows)
        PAGE.write_text("\n\n".join([head + table, *after]), encoding="utf-8")


if __name__ == "__main__":
    main()
