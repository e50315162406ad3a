"""What a trained net must reach on data that others have published results for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import gruvy
from gruvy.data import load

pytestmark = pytest.mark.slow


class Mnist1d(torch.nn.Module):
    """The published model for MNIST-1D: both directions, 6 hidden units, all 40 x 12 outputs to the read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = gruvy.nn.GRU(1, 6, batch_first=True, bidirectional=True)
        self.read = torch.nn.Linear(2 * 6 * 40, 10)

    def forward(self, x):
        output, _ = self.gru(x)
        return self.read(output.flatten(1))


def test_mnist1d():
    """As published (Greydanus and Kobak 2024; .91): Adam at 0.01, batches of 100 in the order that the data are in. The
    published run has 6,000 steps at that rate; here it falls to zero in the last 200, so that fewer do."""
    data = load("mnist1d")
    x, x_test = (torch.tensor(np.stack(part.x)) for part in (data.train, data.test))
    y, y_test = (torch.tensor(part.y) for part in (data.train, data.test))
    assert x.shape == (4000, 40, 1)
    assert x_test.shape == (1000, 40, 1)
    torch.manual_seed(0)
    net, steps = Mnist1d(), 1500
    assert sum(p.numel() for p in net.parameters()) == 5134  # as the published run prints
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for k in range(steps):
        rows = slice(k * 100 % 4000, k * 100 % 4000 + 100)
        loss = F.cross_entropy(net(x[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        accuracy = (net(x_test).argmax(1) == y_test).double().mean().item()
    print(f"MNIST-1D, 6 units, both directions: {accuracy:.3f}")
    assert accuracy >= 0.88


def test_spoken_digits():
    data = load("spoken-digits")
    clf = gruvy.GRUClassifier(hidden_units=64, max_epochs=15, random_state=0).fit(data.train.x, data.train.y)
    accuracy = clf.score(data.test.x, data.test.y)
    assert len(data.test.x) == 600
    print(f"spoken digits, 64 units: {accuracy:.4f}")
    assert accuracy >= 0.985


def test_japanese_vowels():
    data = load("japanese-vowels")
    assert (len(data.train.x), len(data.test.x)) == (270, 370)
    accuracy = [
        gruvy.GRUClassifier(hidden_units=64, max_epochs=50, random_state=seed)
        .fit(data.train.x, data.train.y)
        .score(data.test.x, data.test.y)
        for seed in range(3)
    ]
    print(f"JapaneseVowels, 3 seeds: {accuracy}")
    assert np.mean(accuracy) >= 0.95
