"""What tracing costs beside a plain forward pass of the same engine: medians of interleaved runs, and their ratio.

Usage: python benchmarks/trace.py [--engine native|reference]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from gruvy.engines.stack import choose, run
from gruvy.inside.trace import trace
from gruvy.weights import Cell, Weights

# sequences, steps, input units, hidden units, layers, directions
SHAPES = [(1, 100, 13, 64, 1, 1), (32, 100, 13, 64, 1, 1), (64, 200, 32, 128, 1, 1), (16, 100, 13, 64, 2, 2)]


def weights(I: int, H: int, layers: int, directions: int) -> Weights:
    rng = np.random.default_rng(0)

    def cell(width: int) -> Cell:
        shapes = ((3 * H, width), (3 * H, H), (3 * H,), (H,))
        return Cell(*(rng.uniform(-1, 1, s).astype(np.float32) / np.sqrt(H) for s in shapes))

    widths = [I] + [directions * H] * (layers - 1)
    return Weights("torch", [[cell(width) for _ in range(directions)] for width in widths])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("native", "reference"))
    engine = choose(parser.parse_args().engine).name
    print(f"engine: {engine}\nB, T, I, H, layers, directions       plain      traced     ratio")
    for B, T, I, H, layers, directions in SHAPES:
        w = weights(I, H, layers, directions)
        x = np.random.default_rng(1).normal(size=(B, T, I)).astype(np.float32)
        traced = trace(w, x, engine=engine)
        plain = run(w, x, engine=engine)
        # no time is worth printing if the results differ
        np.testing.assert_array_equal(np.concatenate(list(traced.state[-directions:]), axis=-1), plain.hidden)
        times: tuple[list[float], list[float]] = ([], [])
        start = time.perf_counter()
        while time.perf_counter() - start < 4 or len(times[0]) < 5:
            for found, call in zip(times, (run, trace), strict=True):
                begin = time.perf_counter()
                call(w, x, engine=engine)
                found.append(time.perf_counter() - begin)
        a, b = map(statistics.median, times)
        shape = f"{B}, {T}, {I}, {H}, {layers}, {directions}"
        print(f"{shape:<32} {a * 1e3:8.2f} ms {b * 1e3:8.2f} ms {b / a:8.2f}")


if __name__ == "__main__":
    main()
