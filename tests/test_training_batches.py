"""Batches: what is padded, what comes once, and what a weight is."""

from __future__ import annotations

import numpy as np
import pytest

from compare import assert_close
from gruvy.model.batches import by_length
from gruvy.model.task import Labels
from gruvy.network.fit import fit_task
from gruvy.training import Batches, Settings
from gruvy.training.batches import shuffled
from test_training import QUIET, net, problem


def test_a_batch_is_padded_and_weighs_what_counts():
    X = [np.arange(6.0).reshape(3, 2), np.array([[7.0, 8.0]]), np.ones((3, 2))]
    data = Batches(X, np.array([4, 5, 6]), np.array([1.0, 2.0, 3.0]))
    batch = data.take(np.array([1, 0]))
    assert batch.x.tolist() == [[[7, 8], [0, 0], [0, 0]], [[0, 1], [2, 3], [4, 5]]]
    assert batch.lengths.tolist() == [1, 3]
    assert batch.target.tolist() == [5, 4]
    assert batch.weight.tolist() == [2, 1]
    assert data.take(np.array([0, 2])).lengths is None
    tags = Batches(X, np.array([1, 2, 3, 4, 5, 6, 7]), np.array([1.0, 2.0, 3.0]), per_step=True)
    batch = tags.take(np.array([1, 2]))
    assert batch.target[:, 0].tolist() == [4, 5]
    assert batch.target[1].tolist() == [5, 6, 7]
    assert batch.weight.tolist() == [[2, 0, 0], [3, 3, 3]]
    assert tags.amounts.tolist() == [3, 2, 9]


@pytest.mark.parametrize("size", [1, 7, 32, 1000])
def test_every_sequence_comes_once_and_with_its_like(size):
    lengths = np.random.default_rng(0).integers(1, 90, 1000)
    batches = shuffled(lengths, size, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert max(map(len, batches)) == size
    ordered = by_length(lengths, size)
    assert sorted(np.concatenate(ordered).tolist()) == list(range(1000))
    assert (np.diff(lengths[np.concatenate(ordered)]) >= 0).all()
    if size == 32:
        padded = sum(len(b) * lengths[b].max() for b in batches)
        assert padded < 1.1 * lengths.sum()  # random batches would nearly double it
        again = shuffled(lengths, size, np.random.default_rng(2))
        assert [b.tolist() for b in batches] != [b.tolist() for b in again]


def test_a_weight_is_a_number_of_copies():
    X, y = problem(10)
    weights = np.random.default_rng(0).integers(1, 4, 10)
    copies = np.repeat(np.arange(10), weights)
    settings = Settings(**QUIET, max_epochs=10, batch_size=None)
    a, b = net().double(), net().double()
    task = Labels.of(y)
    fit_task(a, task, X, y, weights, None, settings)
    fit_task(b, task, [X[i] for i in copies], y[copies], None, None, settings)
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert_close(p, q, "trained")
