"""Random nets as C code, compiled and run, for the tests of `gruvy.export.to_c`."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import assert_close
from gruvy.export import CFiles
from gruvy.model.model import Model
from gruvy.weights import Weights
from small_nets import CONVENTIONS, random_weights, small_model

POOLINGS, KINDS = ("last", "mean", "max"), ("", "classify", "tag", "regress")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1"]
# Reads whether a sequence begins and the numbers of a step, as floats; writes the answer and the bytes of a state.
DRIVER = """
#include "net.h"
#include <stdio.h>
int main(void)
{
    static net_state state;
    float row[1 + NET_INPUTS], answer[NET_OUTPUTS + 1];
    net_init(&state);
    answer[NET_OUTPUTS] = (float)sizeof state;
    while (fread(row, sizeof row, 1, stdin) == 1) {
        if (row[0] > 0.0f)
            net_reset(&state);
        net_step(&state, row + 1, answer);
        fwrite(answer, sizeof answer, 1, stdout);
    }
    return 0;
}
"""


def other(name: str) -> list[str]:
    if shutil.which(name) is None:
        pytest.skip(f"another C compiler: needs {name}")
    return [name]


def net(seed: int, **more: Any) -> Model:
    """A random net: every convention with every pooling and task in 48 seeds; layers, sizes and biases differ."""
    rng = np.random.default_rng(seed)
    convention, pooling, kind = CONVENTIONS[seed % 4], POOLINGS[seed // 4 % 3], KINDS[seed // 12 % 4]
    L, I, H, O = (int(rng.integers(*each)) for each in ((1, 4), (1, 6), (1, 14), (1, 4)))
    w = random_weights(rng, convention, I, H, L, 1, np.float32, **more)
    if seed % 3 == 0:  # torch's two biases
        w = w_map(w, lambda cell: cell._replace(c=rng.normal(size=3 * H).astype(np.float32)))
    elif seed % 5 == 0:
        w = w_map(w, lambda cell: cell._replace(b=None, c=None))
    V, b_y = rng.normal(size=(O, H)).astype(np.float32), rng.normal(size=O).astype(np.float32)
    classes = [f"class {k}" for k in range(max(O, 2))] if kind[:1] in ("c", "t") else ()
    scales = rng.normal(size=I) * 100, rng.uniform(0.1, 100, I), rng.normal(size=O), rng.uniform(1, 10, O)
    model = small_model(w, V, b_y, pooling, kind, *scales, classes)
    return model if seed % 7 else small_model(w, V, None, pooling, kind, classes=classes)


def w_map(w: Weights, change: Any) -> Weights:
    return Weights(w.convention, [[change(cell) for cell in layer] for layer in w.cells])


def drawn(model: Model, seed: int, lengths: tuple[int, ...] = (50, 1, 9)) -> list[Any]:
    rng, I = np.random.default_rng(seed), model.weights.input_units
    X = [rng.normal(size=(n, I)) for n in lengths]
    return [(x if model.scaler is None else model.scaler.back(x)).astype(np.float32) for x in X]


def program(done: CFiles, compiler: list[str]) -> Path:
    """The written code and the driver, compiled."""
    folder = done.files[0].parent
    (folder / "driver.c").write_text(DRIVER)
    built = [*compiler, *STRICT, "net.c", "driver.c", "-o", "driver", "-lm"]
    subprocess.run(built, cwd=folder, check=True)
    return folder / "driver"


def answers(done: CFiles, X: list[Any], compiler: list[str], runner: tuple[str, ...] = ()) -> Any:
    """The answers to all steps of the sequences (M, O); the bytes of a state are what was told."""
    rows = [np.hstack([np.arange(len(x))[:, None] == 0, x]) for x in X]
    given = np.concatenate(rows).astype(np.float32).tobytes()
    ran = subprocess.run([*runner, program(done, compiler)], input=given, capture_output=True, check=True)
    found = np.frombuffer(ran.stdout, np.float32).reshape(sum(map(len, X)), -1)
    assert (found[:, -1] == done.state).all()
    return found[:, :-1]


def streamed(model: Model, X: list[Any]) -> Any:
    """The same of the runtime."""
    found = []
    for x in X:
        stream = model.stream()
        found += [np.reshape(stream.push(row), -1) for row in x]
    return np.array(found).astype(np.float32)


def check(model: Model, found: Any, X: list[Any]) -> None:
    """Three layers over fifty steps: the C code and the runtime are each within 1e-6 of the same net in float64."""
    V, b_y = (None if a is None else a.astype(np.float64) for a in (model.V, model.b_y))
    assert_close(found, streamed(replace(model, weights=model.weights.astype(np.float64), V=V, b_y=b_y), X), "answer")
    assert_close(found, streamed(model, X), "engine")


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    said = ["make", "-s", f"CFLAGS={' '.join(STRICT)}", *words]
    return subprocess.run(said, cwd=folder, capture_output=True, text=True, check=False)
