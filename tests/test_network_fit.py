"""What `gruvy.GRU.fit` must reach."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close


def sums(n=64, bits=4, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 2**bits, (2, n))

    def digits(v):
        return (v[:, None] >> np.arange(bits + 1)) & 1

    return np.stack([digits(a), digits(b)], axis=-1).astype(np.float32), digits(a + b)


def test_fit_a_label_a_step():
    X, y = sums()
    torch.manual_seed(0)
    net = gruvy.GRU(2, 16, 1)
    assert net.fit(X, y, task="tag", max_epochs=150, batch_size=None, learning_rate=2e-2, seed=0) is net
    assert len(net.history.rows) == 150
    assert (net.predict(X) == y).mean() > 0.95
    listed = net.predict(list(X))
    assert isinstance(listed, list)
    assert np.array_equal(listed[3], net.predict(X)[3])
    p = net.predict_proba(X)
    assert p.shape == (64, 5, 2)
    assert_close(p.sum(-1), np.ones((64, 5), p.dtype), "total")
    np.testing.assert_array_equal(p.argmax(-1), net.predict(X))


def test_fit_numbers_on_their_own_scale():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(T, 2)) for T in rng.integers(3, 9, 80)]
    y = np.array([[5000 + 100 * x[-1, 0], x[:, 1].mean()] for x in X])
    torch.manual_seed(0)
    net = gruvy.GRU(2, 16, 2)
    net.fit(X, y, task="regress", max_epochs=60, learning_rate=2e-2, seed=0)
    answers = net.predict(X)
    assert answers.shape == (80, 2)
    assert (np.abs(answers - y).mean(0) < 0.4 * y.std(0)).all()


def test_fit_classes_with_validation_keeps_the_best():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6, 1)) + 3 * np.repeat([0, 1, 2], 20)[:, None, None]
    y = np.repeat(["a", "b", "c"], 20)
    torch.manual_seed(0)
    net = gruvy.GRU(1, 8, 3)
    net.fit(X, y, max_epochs=15, learning_rate=2e-2, validation=(X[::2], y[::2]), seed=0)
    assert net.history.best == 1 + int(np.argmin(net.history["val_loss"]))
    assert (net.predict(X) == y).mean() > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_binary_addition(seed):
    """All sums of two 4-bit numbers are learnt; then 20-bit numbers are added, never seen before."""
    a, b = (v.ravel() for v in np.meshgrid(np.arange(16), np.arange(16)))

    def digits(v, count):
        return (v[:, None] >> np.arange(count)) & 1

    def inputs(a, b, count):
        return np.stack([digits(a, count), digits(b, count)], axis=-1).astype(np.float32)

    torch.manual_seed(seed)
    net = gruvy.GRU(2, 16, 1)
    net.fit(
        inputs(a, b, 5), digits(a + b, 5), task="tag", max_epochs=3000, batch_size=None, learning_rate=1e-2,
        weight_decay=0.1, schedule="constant", clip_norm=None, seed=seed,
    )  # fmt: skip
    answer = net.predict(inputs(np.array([1024]), np.array([16]), 21))[0]
    assert int((answer * 2 ** np.arange(21)).sum()) == 1040
    a, b = np.random.default_rng(100 + seed).integers(0, 2**20, (2, 10_000))
    right = (net.predict(inputs(a, b, 21)) == digits(a + b, 21)).all(1).mean()
    print(f"seed {seed}: {right:.4f} of 10,000 random 20-bit sums right in every bit")
    assert right >= 0.99
