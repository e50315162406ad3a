"""A folder of small Parquet shards, and the same sequences in memory."""

from __future__ import annotations

import numpy as np
import polars as pl


def sequences(count, seed=0, offset=0):
    """Sequences of unequal length whose last number decides, and a number to regress."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(3, 2, (T, 2)) for T in rng.integers(2, 9, count)]
    up = [bool(x[-1, 0] > 3) for x in X]
    return [f"s{offset + i}" for i in range(count)], X, np.where(up, "up", "down"), np.array([x[:, 1].sum() for x in X])


def frame(ids, X, labels, numbers):
    rows = [len(x) for x in X]
    flat = np.concatenate(X)
    return pl.DataFrame(
        {
            "id": np.repeat(ids, rows),
            "time": np.concatenate([np.arange(n) for n in rows]),
            "a": flat[:, 0],
            "b": flat[:, 1],
            "label": np.repeat(labels, rows),
            "number": np.repeat(numbers, rows),
        }
    )


def written(folder, counts):
    """Shards of so many sequences; all of them, in the order of the files."""
    folder.mkdir(exist_ok=True)
    parts = [sequences(n, seed, 1000 * seed) for seed, n in enumerate(counts)]
    for i, part in enumerate(parts):
        frame(*part).write_parquet(folder / f"{i:02d}.parquet")
    ids = [name for part in parts for name in part[0]]
    X = [x for part in parts for x in part[1]]
    return ids, X, np.concatenate([p[2] for p in parts]), np.concatenate([p[3] for p in parts])
