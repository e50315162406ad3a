"""Whole files of every kind that gruvy reads, from which the damaged ones are made. Written by gruvy itself."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np

from .workers import forked, quiet

FIT = {"max_epochs": 3, "batch_size": 4, "seed": 5, "progress": False, "checkpoint_seconds": 0.0}


def net() -> Any:
    """The net of the checkpoints, and what it learns."""
    import torch

    import gruvy

    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    X = [rng.normal(size=(n, 2)).astype("f") for n in (4, 5, 6, 5, 4, 6, 7, 3)]
    return gruvy.GRU(2, 3, 2), X, list("abababab")


@cache
def of(kind: str) -> list[bytes]:
    """The samples of a kind, made in a process of its own: polars and torch start threads, which no fork survives."""
    read, write = os.pipe()

    def work() -> None:
        warnings.simplefilter("ignore")
        with TemporaryDirectory() as folder, quiet():
            made = MAKERS[kind](Path(folder))
        with os.fdopen(write, "wb") as out:
            pickle.dump(made, out)

    pid = forked(work)
    os.close(write)
    with os.fdopen(read, "rb") as back:
        content = back.read()
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError(f"the samples of {kind} could not be made")
    made: list[bytes] = pickle.loads(content)  # of our own making
    return made


def models(folder: Path) -> list[bytes]:
    """Every task, pooling and direction, with and without scales."""
    import gruvy

    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)).astype("f") for n in (4, 5, 6, 5, 4, 6, 7, 3)]
    how: dict[str, Any] = {"hidden_units": 3, "max_epochs": 1, "random_state": 0}
    classify, regress = gruvy.GRUClassifier, gruvy.GRURegressor
    made: list[Any] = [
        classify(**how).fit(X, list("abababab")),
        classify(**how, pooling="mean", bidirectional=True, class_weight={1: 2.0, 5: 1.0}).fit(X, [1, 5] * 4),
        classify(**how, layers=2, convention="torch", scale_inputs=False).fit(
            rng.normal(size=(8, 6)), list("abcabcab")
        ),
        regress(**how, pooling="max").fit(X, rng.normal(size=8)),
        regress(**how, convention="torch").fit(X, rng.normal(size=(8, 2))),
        gruvy.GRU(2, 3, 2).fit(X, [rng.integers(0, 2, len(x)) for x in X], task="tag", max_epochs=1, progress=False),
        gruvy.GRU(2, 3, 2, layers=2, bidirectional=True),
    ]
    files = []
    for i, model in enumerate(made):
        model.save(folder / f"{i}.safetensors")
        files.append((folder / f"{i}.safetensors").read_bytes())
    return files


def checkpoints(folder: Path) -> list[bytes]:
    """One of a run that goes on, and one of a run that has ended if gruvy leaves it."""
    from gruvy.training import loop

    loop.time = SimpleNamespace(perf_counter=lambda: 0.0)  # type: ignore[assignment]  (the same files each time)
    files = []
    for last in (1, 2):
        path = folder / "run"

        def stop(row: Any, last: int = last) -> None:
            if row["epoch"] == last:
                raise KeyboardInterrupt

        a, X, y = net()
        a.fit(X, y, checkpoint=path, on_epoch=stop, validation=(X[:3], y[:3]), **FIT)
        files.append(path.read_bytes())
    a, X, y = net()
    a.fit(X, y, checkpoint=path, validation=(X[:3], y[:3]), **FIT)
    return [_ordered(content) for content in (*files, *([path.read_bytes()] if path.exists() else []))]


def _ordered(content: bytes) -> bytes:
    """With the names in the header in order, which safetensors does not keep."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + content[8 + size :]


def archives(folder: Path) -> list[bytes]:
    rng, files = np.random.default_rng(0), []
    several: list[dict[str, Any]] = [
        {"X": rng.normal(size=(4, 5, 2)), "y": np.array(list("abab")), "ids": np.arange(4),
         "groups": np.arange(4) // 2},
        {"X": rng.normal(size=(4, 5)).astype("f"), "y": rng.normal(size=(4, 2))},
        {"values": rng.normal(size=(9, 2)), "lengths": np.array([4, 2, 3]), "features": np.array(["u", "v"]),
         "y": np.arange(3)},
    ]  # fmt: skip
    for arrays in several:
        for write in (np.savez, np.savez_compressed):
            out = io.BytesIO()
            write(out, **arrays)
            files.append(out.getvalue())
    return files


LONG = b"id,time,u,v,label,group\n" + b"".join(
    b"%s,%d,%d.5,%d,%s,%s\n" % (b"abcd"[i // 4 : i // 4 + 1], i % 4, i, i * i, b"xy"[i // 8 : i // 8 + 1], b"g")
    for i in range(16)
)
WIDE = b"id,u_0,u_1,u_2,v_0,v_1,v_2,label\n" + b"".join(
    b"%d,1,2,3,%d,5,6,%s\n" % (i, i, b"ab"[i % 2 : i % 2 + 1]) for i in range(6)
)
DATED = b"when,u,label\n" + b"".join(b"2024-01-%02d 10:00:00,%d,%d\n" % (i + 1, i, i % 2) for i in range(9))


def texts(folder: Path) -> list[bytes]:
    return [LONG, WIDE, DATED, LONG.replace(b",", b"\t")]


def parquets(folder: Path) -> list[bytes]:
    """Columns of every type, with each way to pack them."""
    import polars as pl

    long, files = pl.read_csv(io.BytesIO(LONG)), []
    odd = {
        "list": pl.Series([[1.0, 2.0]] * 16), "struct": pl.Series([{"a": 1}] * 16), "bytes": pl.Series([b"\xff"] * 16),
        "date": pl.Series(["2024-01-02"] * 16).str.to_date(), "null": pl.Series([None] * 16),
        "category": pl.Series(list("abcd") * 4, dtype=pl.Categorical),
        "decimal": pl.Series(["1.5"] * 16).cast(pl.Decimal(9, 2)),
        "duration": pl.Series([3] * 16).cast(pl.Duration("ms")), "gaps": pl.Series([1.0, None] * 8),
        "time": pl.Series([5] * 16).cast(pl.Time), "array": pl.Series([[1, 2]] * 16).cast(pl.Array(pl.Int64, 2)),
        "big": pl.Series([2**63] * 16, dtype=pl.UInt64), "nan": pl.Series([float("nan")] * 16),
    }  # fmt: skip
    frames = [long, pl.read_csv(io.BytesIO(WIDE)), long.with_columns(pl.col("label").cast(pl.Categorical))]
    frames += [
        long.with_columns(column.alias(where)) for column in odd.values() for where in ("u", "label", "time", "id")
    ]
    for i, frame in enumerate(frames):
        for pack in ("uncompressed", "snappy", "zstd", "gzip") if i < 3 else ("uncompressed",):
            out = io.BytesIO()
            frame.write_parquet(out, compression=pack)  # type: ignore[arg-type]
            files.append(out.getvalue())
    return files


def archive_bombs(folder: Path) -> list[bytes]:
    """Small archives that unpack to far more than the soak allows."""
    out = io.BytesIO()
    np.savez_compressed(out, X=np.zeros((300, 50_000, 1)))
    return [out.getvalue()]


def parquet_bombs(folder: Path) -> list[bytes]:
    """Small tables of a great many equal rows."""
    import polars as pl

    out = io.BytesIO()
    same = [pl.repeat(1.0, 8_000_000, eager=True).alias(name) for name in "abc"]
    pl.DataFrame(same).write_parquet(out, compression="zstd")
    return [out.getvalue()]


MAKERS: dict[str, Callable[[Path], list[bytes]]] = {
    "model": models, "checkpoint": checkpoints, "npz": archives, "csv": texts, "parquet": parquets,
    "npz bomb": archive_bombs, "parquet bomb": parquet_bombs,
}  # fmt: skip
