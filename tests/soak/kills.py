"""Trainings killed at random instants and started again until they end: the model is that of a run left alone."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from safetensors import SafetensorError, safe_open

from .counts import Broken, Counts
from .workers import Attack, Place, Seen, forked, quiet, run

MODEL, RUN, ANSWERS = "model.safetensors", "run", "predictions.csv"
EXPECTED = {MODEL, ANSWERS, "model.history.csv", "data.csv"}
OLD = b"what was there before"
TRAIN = ["train", "data.csv", "--id", "id", "--target", "label", "-o", MODEL, "--checkpoint", RUN,
         "--validation", "0.2", "--max-epochs", "8", "--hidden-units", "8", "--dropout", "0.1"]  # fmt: skip


def data() -> tuple[list[np.ndarray], list[str]]:
    """Sequences of two kinds."""
    rng = np.random.default_rng(1)
    X = [rng.normal(size=(rng.integers(8, 30), 3)).astype("f") + 0.3 * (i % 2) for i in range(40)]
    return X, ["up", "down"] * 20


def by_network() -> None:
    """`gruvy.GRU.fit`, judged after each epoch."""
    import torch

    import gruvy

    torch.manual_seed(0)
    X, y = data()
    net = gruvy.GRU(3, 8, 2, layers=2, dropout=0.2)
    net.fit(X[8:], y[8:], validation=(X[:8], y[:8]), max_epochs=8, batch_size=8, seed=4, progress=False, checkpoint=RUN,
            checkpoint_seconds=0.0)  # fmt: skip
    net.save(MODEL)


def by_estimator() -> None:
    """`gruvy.GRUClassifier.fit`, which stops early."""
    import gruvy

    X, y = data()
    gruvy.GRUClassifier(
        8, max_epochs=8, validation_fraction=0.2, patience=4, random_state=0, bidirectional=True, checkpoint=RUN
    ).fit(X, y).save(MODEL)


def by_command() -> None:
    """`gruvy train`, then `gruvy predict`."""
    from gruvy.cli import main

    for words in (TRAIN, ["predict", MODEL, "data.csv", "--id", "id", "-o", ANSWERS]):
        sys.argv = ["gruvy", *words]
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise


WAYS: list[Callable[[], None]] = [by_network, by_estimator, by_command]


def lay_out(folder: Path) -> None:
    """An old model, old predictions and the data of the command line."""
    folder.mkdir(parents=True)
    for name in (MODEL, ANSWERS):
        (folder / name).write_bytes(OLD)
    X, y = data()
    named = enumerate(zip(X, y, strict=True))
    rows = [f"{i},{','.join(map(str, step))},{label}" for i, (x, label) in named for step in x]
    (folder / "data.csv").write_text("\n".join(["id,a,b,c,label", *rows]))


def start(way: Callable[[], None], folder: Path) -> int:
    def work() -> None:
        from gruvy.training import Settings

        warnings.simplefilter("ignore")
        os.chdir(folder)
        # Estimators and commands have no setting for it, and a run of a second would write no checkpoint.
        Settings.__init__.__kwdefaults__["checkpoint_seconds"] = 0.0
        with quiet():
            way()

    return forked(work, group=False)


@cache
def alone(way: Callable[[], None]) -> tuple[dict[str, bytes], float]:
    """What a run left alone writes, and how long it takes."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "alone"
        lay_out(folder)
        begun = time.monotonic()
        if os.waitpid(start(way, folder), 0)[1]:
            raise RuntimeError(f"{way.__name__}: does not train")
        return {name: (folder / name).read_bytes() for name in (MODEL, ANSWERS)}, time.monotonic() - begun


def _whole(folder: Path, want: dict[str, bytes]) -> None:
    """After a kill: each file is the old one or the new one, and a checkpoint can be read."""
    for name, new in want.items():
        if (folder / name).read_bytes() not in (OLD, new):
            raise Broken(f"{name}: neither the old file nor the new one after a kill")
    if (folder / RUN).exists():
        try:
            with safe_open(folder / RUN, framework="np"):
                pass
        except SafetensorError as error:
            raise Broken("the checkpoint cannot be read after a kill") from error


def killed(way: Callable[[], None], r: Random, folder: Path) -> dict[str, int]:
    """One run, killed once or more often."""
    want, seconds = alone(way)
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder)
    seen = {"kills": 0, "kills after a checkpoint": 0}
    for _ in range(r.choice((1, 1, 2, 3))):
        pid = start(way, folder)
        what = r.random()
        if what < 0.8:
            # A checkpoint, or a file half written.
            there = (folder / RUN).exists if what < 0.6 else lambda: any(n[0] == "." for n in os.listdir(folder))
            until = time.monotonic() + 20 * seconds + 20
            while not there() and time.monotonic() < until and not _ended(pid):
                time.sleep(0.0005)
        if what < 0.6 or what > 0.8:
            time.sleep(r.random() * seconds * r.choice((0.1, 1.0)))
        after = (folder / RUN).exists()
        os.kill(pid, signal.SIGKILL)  # one that has just ended waits for us, and takes it
        if os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
            seen["kills"] += 1
            seen["kills after a checkpoint"] += after
        _whole(folder, want)
    status = os.waitpid(start(way, folder), 0)[1]
    if status:
        raise Broken(f"{way.__name__}: a killed run does not go on")
    for name, new in want.items():
        if (folder / name).read_bytes() != new:
            raise Broken(f"{way.__name__}: {name} has other bits than that of a run left alone")
    if (folder / RUN).exists():
        raise Broken(f"{way.__name__}: the checkpoint is still there when the model is saved")
    if more := {path.name for path in folder.iterdir()} - EXPECTED:
        raise Broken(f"{way.__name__}: a temporary file is left, such as {pattern(min(more))}")
    return seen


def _ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def pattern(name: str) -> str:
    """The name without its random end."""
    return name if len(name) < 9 else name[:-8] + "…"


def attack(part: str, seed: int) -> Attack:
    """Runs, each killed."""

    def one(k: int, folder: Path) -> Seen:
        return killed(WAYS[k % len(WAYS)], Random((seed << 40) + k), folder / "killed")

    for way in WAYS:
        alone(way)
    return Attack(name="kills", run=one, seconds=300, again=f"python -m soak again kills {seed}")


def kills(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Runs for so long."""
    begun = time.monotonic()
    made = attack("", seed)
    # A disk, where there is one: writing takes time there, in which a kill may fall.
    slow = replace(place, scratch=place.kept.with_name("soak-kills"))
    try:
        return [run(made, slow, seconds=seconds - (time.monotonic() - begun))]
    finally:
        shutil.rmtree(slow.scratch, ignore_errors=True)
