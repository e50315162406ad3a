"""Functional models of Keras: a chain of layers comes over, anything else is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
sys.path[:0] = [{here!r}]
import warnings
import keras
import numpy as np
from compare import assert_apart, assert_close
from gruvy import convert
from gruvy.errors import InputError
from peer_nets import double
from gruvy.engines.stack import run
L = keras.layers
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)

def answer(m, x):
    top = np.concatenate(list(run(double(m).weights, x).state[-m.weights.directions:]), 1)
    return (top @ double(m).V.T + double(m).b_y).astype(np.float32)

def chain(direct):
    at = given = L.Input((None, 4))
    around = (lambda layer: layer) if direct else L.Bidirectional
    at = L.Dropout(0.3)(around(L.GRU(3, return_sequences=True))(at))
    at = around(L.GRU(3))(at)
    return keras.Model(given, L.Dense(2)(at))

for direct in (True, False):
    model = chain(direct)
    wanted = keras.ops.convert_to_numpy(model(x))
    path = {tmp!r} + "/m.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    for back in (convert.from_keras(model), convert.read(path)):
        assert_close(answer(back, x), wanted, "peer")
        assert_apart(answer(back, x[:, ::-1]), wanted, "peer")

given = L.Input((None, 4))
low = L.GRU(4, return_sequences=True)(given)
skipped = keras.Model(given, L.Dense(2)(L.GRU(4)(L.Add()([given, low]))))
state = L.Input((4,))
started = keras.Model([given, state], L.Dense(2)(L.GRU(4)(given, initial_state=state)))
two = keras.Model(given, [low, L.Dense(2)(L.GRU(4)(low))])
for model, text in ((skipped, "reads"), (started, "reads"), (two, "chain's two ends")):
    try:
        convert.from_keras(model)
    except InputError as error:
        assert text in str(error), error
        print(error)
    else:
        raise AssertionError(model.name)
print("ran")
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_chain_comes_over_and_nothing_else(tmp_path: Path, backend: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(here=str(Path(__file__).parent), tmp=str(tmp_path))],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.endswith("ran\n"), ran.stderr[-2000:]
