"""Damaged files in every reader: each is read or refused with an error of gruvy's own."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load

from gruvy.errors import ModelFileError

from . import containers, mutate, samples
from .counts import Broken, Counts
from .workers import MB, Attack, Place, memory_from_here, run

Sample = tuple[str, bytes]
BOMBS = 0.003  # the share of files that unpack to hundreds of megabytes


def _draw(kind: str, change: mutate.Mutator, ending: str, seed: int, k: int) -> Sample:
    """The damaged file of case k, and its name in a collection of findings."""
    r, files = Random((seed << 40) + k), samples.of(kind)
    if f"{kind} bomb" in samples.MAKERS and r.random() < BOMBS:
        bomb = samples.of(f"{kind} bomb")[0]
        return f"{seed}-{k}{ending}", r.choice((bomb, mutate.raw(r, bomb, files)))
    content = r.choice(files)
    content = change(r, content, files) if r.random() > 0.03 else content
    return f"{seed}-{k}{ending}", content[: mutate.MOST]


def _options(r: Random) -> dict[str, Any]:
    """How a table is asked for."""
    some = {
        "id": "id", "time": "time", "target": "label", "group": "group", "features": ["u", "v"], "wide": True,
        "window": 2, "missing": "forward", "target_at": "last",
    }  # fmt: skip
    return {name: value for name, value in some.items() if r.random() < 0.35}


def read_model(content: bytes, path: Path, r: Random) -> str:
    """`gruvy.load` and predict; the estimator and the network of the same file."""
    import gruvy

    path.write_bytes(content)
    refused: list[ModelFileError] = []
    try:
        model = gruvy.load(path)
    except ModelFileError as error:
        if r.random() > 0.05:  # the others read it the same way: now and then is enough
            raise
        refused.append(error)
    else:
        answers = model.predict(_inputs(model.data.weights.input_units, model.data.width))
        if len(answers) != 2:
            raise Broken(f"predict: {len(answers)} answers to 2 sequences")
        if model.classes is not None:
            model.predict_proba(_inputs(model.data.weights.input_units, model.data.width))
        repr(model)
        if r.random() > 0.3:
            return ""
    for one in (gruvy.GRUClassifier, gruvy.GRURegressor):
        try:
            estimator = one.load(path)
        except ModelFileError as error:
            refused.append(error)
        else:
            estimator.predict(_inputs(estimator.net_.input_units, estimator.width_))
    net = gruvy.GRU.load(path)
    if net.task is not None:
        net.predict(_inputs(net.input_units, None))
    if refused and "GRU" not in str(refused[-1]):
        raise refused[-1]
    return ""


def _inputs(channels: int, width: Any) -> Any:
    """Two sequences that a model of so many channels, or of one channel and so many steps, should take."""
    if width is None:
        return [np.ones((n, channels), "f") for n in (2, 3)]
    if isinstance(width, bool) or not isinstance(width, int):
        raise Broken("a model was loaded whose width is no whole number")
    return np.ones((2, min(max(width, 0), 1000)), "f")


def resume(content: bytes, path: Path, r: Random) -> str:
    """A run that goes on from the checkpoint."""
    import torch

    path.write_bytes(content)
    net, X, y = samples.net()
    net.fit(X, y, checkpoint=path, validation=(X[:3], y[:3]), **samples.FIT)
    bad = [name for name, p in net.named_parameters() if not torch.isfinite(p).all()]
    if bad:
        raise Broken("a fit from a damaged checkpoint ended with weights that are not finite, and no error")
    return ""


def read_data(content: bytes, path: Path, r: Random) -> str:
    import gruvy

    path.write_bytes(content)
    options = {} if path.suffix == ".npz" else _options(r)
    made = gruvy.data.read(path, **options)
    repr(made)
    if any(not np.isfinite(x).all() for x in made.x):
        raise Broken("data.read gave numbers that are not finite")
    return ""


def read_folder(content: bytes, path: Path, r: Random) -> str:
    """Recordings, one damaged, with labels from subfolders, a column, or a labels.csv that may be the damaged file."""
    import gruvy

    folder = path.with_name("folder")
    shutil.rmtree(folder, ignore_errors=True)
    layout, whole = r.randrange(3), b"time,u,v,label\n0,1,2,a\n1,2,3,a\n"
    for i, name in enumerate(("one", "two", "three")):
        place = folder / ("ab"[i % 2] if layout == 0 else "")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.csv").write_bytes(content if i == 1 and r.random() < 0.7 else whole)
    if layout == 1:
        good = b"file,label\none,a\ntwo,b\nthree,a\n"
        (folder / "labels.csv").write_bytes(
            r.choice((content, mutate.text(r, good, [good]), mutate.raw(r, good, [good])))
        )
    if r.random() < 0.1:
        odd = r.choice(
            (b"\xff.csv", b"-.csv", b"\n.csv", b"a.b.csv", "é.csv".encode(), b".hidden.csv", b"x.parquet", b"x.CSV")
        )
        Path(os.fsdecode(os.fsencode(folder) + b"/" + odd)).write_bytes(whole)
    if r.random() < 0.02:
        (folder / "loop.csv").symlink_to("loop.csv")
    options = {
        name: value for name, value in _options(r).items() if name not in ("wide", "features") or r.random() < 0.1
    }
    made = gruvy.data.read(folder, **options)
    repr(made)
    return ""


def _in_model(r: Random, content: bytes, others: list[bytes]) -> bytes:
    return containers.safetensors(r, content, others, "gruvy")


def _in_checkpoint(r: Random, content: bytes, others: list[bytes]) -> bytes:
    content = containers.safetensors(r, content, others, "gruvy-checkpoint")
    return _signed(content) if r.random() < 0.8 else content


def _signed(content: bytes) -> bytes:
    """With a checksum that fits, where checkpoints have one: else no damage would reach what lies behind it."""
    from gruvy.training import checkpoint

    if not hasattr(checkpoint, "digest"):
        return content
    size = struct.unpack("<Q", content[:8])[0]
    try:
        header = json.loads(content[8 : 8 + size])
        said = header["__metadata__"][checkpoint.KEY]
        header["__metadata__"][checkpoint.DIGEST] = checkpoint.digest(said, load(content))
    except (LookupError, TypeError, ValueError, RecursionError, SafetensorError):
        return content
    signed = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(signed)) + signed + content[8 + size :]


# kind: how it is read, what is damaged and how, the file's ending, the memory it may take, its share of the time.
# A damaged small file has no right to more than ten times its size and 100 MB; packed ones may unpack to more.
KINDS: dict[str, tuple[Callable[[bytes, Path, Random], str], str, mutate.Mutator, str, int, float]] = {
    "model": (read_model, "model", mutate.mixed(_in_model), ".safetensors", 110 * MB, 0.40),
    "checkpoint": (resume, "checkpoint", mutate.mixed(_in_checkpoint), ".safetensors", 110 * MB, 0.20),
    "npz": (read_data, "npz", mutate.mixed(containers.archive), ".npz", 400 * MB, 0.13),
    "csv": (read_data, "csv", mutate.mixed(mutate.text), ".csv", 200 * MB, 0.12),
    "parquet": (read_data, "parquet", mutate.raw, ".parquet", 400 * MB, 0.1),
    "folder": (read_folder, "csv", mutate.mixed(mutate.text), ".csv", 200 * MB, 0.05),
}


def reread(kind: str, name: str, content: bytes, folder: Path) -> str:
    """Read a damaged file in the way that its name stands for."""
    read, _, _, ending, *_ = KINDS[kind]
    seed, k = name.removesuffix(ending).split("-")
    return read(content, folder / f"{kind}{ending}", Random(~((int(seed) << 40) + int(k))))


def attack(kind: str, seed: int) -> Attack:
    """The attack on one kind of file."""
    _, of, change, ending, memory, _ = KINDS[kind]

    def draw(k: int) -> Sample:
        return _draw(of, change, ending, seed, k)

    def one(k: int, folder: Path) -> str:
        name, content = draw(k)
        memory_from_here()
        return reread(kind, name, content, folder)

    for name in {of, f"{of} bomb"} & set(samples.MAKERS):
        samples.of(name)  # before the workers, which would each make them anew
    return Attack(name=f"files: {kind}", run=one, keep=draw, memory=memory, seconds=20,
                  again=f"python -m soak again files:{kind} {seed}")  # fmt: skip


def files(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Every kind, each for its share of the time."""
    return [run(attack(kind, seed), place, seconds=seconds * share) for kind, (*_, share) in KINDS.items()]
