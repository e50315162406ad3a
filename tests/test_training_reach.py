"""What the loop must reach, with any module."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import gruvy
from gruvy.model.task import Labels, Numbers
from gruvy.network.fit import fit_task, raw_of
from gruvy.training import Batches, Peer, Settings, train
from test_training import QUIET, problem


def adding(n, T, rng):
    """The adding problem: two channels, noise in [0, 1] and two markers; the target is the sum at the markers."""
    x = np.zeros((n, T, 2), np.float32)
    x[:, :, 0] = rng.uniform(size=(n, T))
    first, second = rng.integers(0, T // 2, n), rng.integers(T // 2, T, n)
    rows = np.arange(n)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return list(x), (x[rows, first, 0] + x[rows, second, 0]).astype(np.float64)


@pytest.mark.slow
def test_the_adding_problem_tells_a_gru_from_a_plain_rnn():
    """T = 50, the mean squared error of always answering 1 is 1/6."""
    rng = np.random.default_rng(0)
    X, y = adding(4000, 50, rng)
    Xt, yt = adding(1000, 50, rng)
    task = Numbers.of(y)
    settings = Settings(**QUIET, max_epochs=20, batch_size=32, learning_rate=1e-2)
    errors = {}
    for name in ("GRU", "RNN"):
        torch.manual_seed(0)
        module = gruvy.GRU(2, 64, 1) if name == "GRU" else Peer(torch.nn.RNN(2, 64, batch_first=True), 1)
        fit_task(module, task, X, y, None, None, settings)
        errors[name] = float(np.mean((task.answers(np.stack(raw_of(module, Xt))) - yt) ** 2))
    print(f"mean squared error at T = 50: {errors}")
    assert errors["GRU"] < 0.01
    assert errors["RNN"] > 0.1


def test_train_takes_any_module():
    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.readout = torch.nn.Linear(2, 2)

        def forward(self, x, *, lengths=None):
            y = self.readout(x)
            return SimpleNamespace(outputs=y, last=y.mean(1))

    X, y = problem()
    task = Labels.of(y)
    history = train(Mean(), task, Batches(X, task.encode(y)), settings=Settings(**QUIET, max_epochs=3))
    assert len(history.rows) == 3
