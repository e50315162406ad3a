"""A full disk, or a limit on the size of files, while something is written: what was there stays, one line says why."""

from __future__ import annotations

import ctypes
import io
import os
import resource
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from . import kills
from .counts import Broken, Counts
from .workers import Attack, Place, forked, quiet, run

NAMESPACE = 0x20000  # CLONE_NEWNS
OUTPUTS = ("model.safetensors", "model.history.csv", "predictions.csv", "run")


def _mount(folder: Path, size: int) -> None:
    """A disk of so many bytes on the folder, which only this process and its children see."""
    libc = ctypes.CDLL(None, use_errno=True)
    private = 0x44000  # MS_REC | MS_PRIVATE
    if libc.unshare(NAMESPACE) or libc.mount(b"none", b"/", None, private, None):
        raise OSError(ctypes.get_errno(), "unshare")
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}".encode()):
        raise OSError(ctypes.get_errno(), "mount")


@cache
def may_mount() -> bool:
    """Whether this process may make a small disk."""
    with TemporaryDirectory() as folder, quiet():
        return os.waitpid(forked(lambda: _mount(Path(folder), 4096)), 0)[1] == 0


@cache
def content() -> dict[str, bytes]:
    """A good file under each name that is written, the data, and the checkpoint of a training that was killed."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "whole"
        kills.lay_out(folder)
        pid = kills.start(kills.by_command, folder)
        while not (folder / "run").exists():
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        checkpoint = (folder / "run").read_bytes()
        if os.waitpid(kills.start(kills.by_command, folder), 0)[1]:
            raise RuntimeError("the command line does not train")
        return {name: (folder / name).read_bytes() for name in (*OUTPUTS[:3], "data.csv")} | {"run": checkpoint}


def command(words: list[str]) -> tuple[int, str]:
    """A command of gruvy in this process: its exit code and what it says on stderr."""
    from gruvy.cli import main

    said, code = io.StringIO(), 0
    sys.argv, sys.stderr, sys.stdout = ["gruvy", *words], said, io.StringIO()
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stderr, sys.stdout = sys.__stderr__, sys.__stdout__
    return code, said.getvalue()


def save() -> str:
    """`save` over an old model."""
    import gruvy

    model = gruvy.GRUClassifier.load("model.safetensors")
    try:
        model.save("model.safetensors")
    except OSError as error:
        return "models not saved" if str(error) else "error without words"
    return "models saved"


def train() -> str:
    """`gruvy train` over an old model and history, going on from a checkpoint."""
    run, model = Path("run"), Path("model.safetensors")
    planted, old = run.exists(), model.stat().st_ino if model.exists() else 0
    code, said = command(kills.TRAIN)
    _judge(code, said, ("model.safetensors", "model.history.csv"))
    # The new model may have the very bytes of the old one, but it is another file.
    saved = model.exists() and model.stat().st_ino != old
    if code and planted and not saved and not run.exists():
        raise Broken("the checkpoint is gone, and the model is not saved")
    return "trainings that failed" if code else "trainings done"


def predict() -> str:
    """`gruvy predict` over old predictions."""
    code, said = command(["predict", "model.safetensors", "data.csv", "--id", "id", "-o", "predictions.csv"])
    _judge(code, said, ("predictions.csv",))
    return "predictions that failed" if code else "predictions done"


def _judge(code: int, said: str, written: tuple[str, ...]) -> None:
    """Success with the files, or one line."""
    lines = [line for line in said.splitlines() if line.startswith("gruvy: ") and "note:" not in line]
    if code not in (0, 1) or "bug in gruvy" in said or "Traceback" in said:
        raise Broken("a full disk is told as a fault of gruvy's own")
    if code and len(lines) != 1:
        raise Broken(f"a full disk is told in {len(lines)} lines; expected one")
    if code == 0 and not all(Path(name).stat().st_size for name in written):
        raise Broken("success without the file")


JOBS: list[Callable[[], str]] = [save, train, predict]


def full(job: Callable[[], str], r: Random, folder: Path, mount: bool) -> str:
    """One job with little room, in a process of its own, and what it leaves."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = ["model.safetensors", "model.history.csv", "predictions.csv"]
    if job is train:
        names = [*r.sample(names, 2), *(["run"] if r.random() < 0.7 else [])]
    old = {name: content()[name] for name in (*names, "data.csv")}
    needed = sum(-(-len(c) // 4096) * 4096 for c in old.values())
    room = r.randrange(0, 60_000)
    ended = folder.with_name("ended")
    ended.unlink(missing_ok=True)

    def work() -> None:
        from gruvy.training import Settings

        warnings.simplefilter("ignore")
        Settings.__init__.__kwdefaults__["checkpoint_seconds"] = 0.0
        if mount:
            _mount(folder, needed + 4096 * (4 + room // 4096))
        for name, c in old.items():
            (folder / name).write_bytes(c)
        os.chdir(folder)
        if not mount:
            resource.setrlimit(resource.RLIMIT_FSIZE, (r.choice((0, room // 4, room)), resource.RLIM_INFINITY))
        said, failed = "", ""
        with quiet():
            try:
                said = job()
            except Broken as error:
                failed = str(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        ended.write_text("\n".join([said, failed or _lost(old)]))

    status = os.waitpid(forked(work, group=False), 0)[1]
    if status:
        raise Broken(f"{job.__name__}: an error that no full disk excuses, or a crash (status {status})")
    said, failed = ended.read_text().split("\n")
    if failed:
        raise Broken(f"{job.__name__}: {failed}")
    return said


def _lost(old: dict[str, bytes]) -> str:
    """What is neither as it was nor whole and new; empty if nothing."""
    import gruvy

    for name, c in old.items():
        path = Path(name)
        if not path.exists() and name == "run":
            continue  # the training has looked
        if not path.exists():
            return f"{name} is gone"
        now = path.read_bytes()
        if now == c or name == "data.csv":
            continue
        if name == "run":
            continue  # a later one; whether it can be read, the next training says
        if name == "model.safetensors":
            try:
                gruvy.load(path)
            except gruvy.ModelFileError:
                return f"{name} is damaged"
        elif now.count(b"\n") < 2 or not now.endswith(b"\n"):
            return f"{name} is cut short"
    if Path("data.csv").read_bytes() != old["data.csv"]:
        return "data.csv is changed"
    if more := sorted({p.name for p in Path().iterdir()} - set(OUTPUTS) - {"data.csv"}):
        return f"a temporary file is left, such as {kills.pattern(more[0])}"
    return ""


def attack(part: str, seed: int) -> Attack:
    """Jobs, on small disks where one may mount them."""
    content()
    small = may_mount()

    def one(k: int, folder: Path) -> str:
        return full(JOBS[k // 2 % len(JOBS)], Random((seed << 40) + k), folder / "full", small and k % 2 == 1)

    return Attack(name="disk", run=one, seconds=120, again=f"python -m soak again disk {seed}")


def disk(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Jobs for so long."""
    counts = run(attack("", seed), place, seconds=seconds)
    if not may_mount():
        counts.notes.append("this machine lets nobody mount a small disk, so only the size of files was limited")
    return [counts]
