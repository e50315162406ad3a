"""Importance of channels by permutation, where it is known which channel tells."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import gruvy
from compare import assert_close
from gruvy.errors import DataError, InputError, InputTypeError
from gruvy.estimators import importance


class Second(ClassifierMixin, BaseEstimator):
    """Tells 1 where channel 1 begins above 0; it looks at nothing else, and keeps what it was given."""

    def __init__(self):
        self.given = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.array([int(x[0, 1] > 0) for x in X])

    def score(self, X, y):
        self.given.append(X)
        return float(np.mean(self.predict(X) == y))


def planted(n=40, seed=0, equal=False):
    """Channel 1 alone tells, in every step."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    lengths = np.full(n, 6) if equal else rng.integers(3, 9, n)
    X = [rng.normal(size=(T, 3)) for T in lengths]
    for x, label in zip(X, y, strict=True):
        x[:, 1] = np.abs(x[:, 1]) * (2 * label - 1)
    return X, y


def test_only_the_channel_that_tells_matters():
    X, y = planted(200)
    found = gruvy.channel_importance(Second(), X, y, n_repeats=50, random_state=0)
    assert found.score == 1
    assert found.drops.shape == (3, 50)
    assert not found.drops[[0, 2]].any()
    # Of 200 labels dealt out, half of them 1, the right ones are twice a hypergeometric number: of all of them a share
    # of mean .5 and deviation 2 * sqrt(100 / 4 * 100 / 199) / 200.
    assert_close(found.mean[1], 0.5, "mean of 50 deals")
    assert_close(found.spread[1], 0.0354, "spread of 50 deals")
    assert_close(found.mean, found.drops.mean(1))
    assert_close(found.spread, found.drops.std(1))


def test_a_trained_estimator_and_a_pipeline():
    X, y = planted()
    clf = gruvy.GRUClassifier(hidden_units=8, max_epochs=30, random_state=0).fit(X, y)
    Xt, yt = planted(seed=1)
    found = gruvy.channel_importance(clf, Xt, yt, random_state=0)
    assert found.score == clf.score(Xt, yt) > 0.9
    assert found.mean[1] > found.mean[[0, 2]].max() + 0.3
    pipe = make_pipeline(FunctionTransformer(lambda X: [x[:, ::-1] for x in X]), clf)
    assert pipe.fit(X, y).score(Xt, yt) > 0.9
    assert gruvy.channel_importance(pipe, Xt, yt, random_state=0).mean.argmax() == 1


def test_it_repeats_and_leaves_the_data_alone():
    X, y = planted()
    before = [x.copy() for x in X]
    a = gruvy.channel_importance(Second(), X, y, random_state=3)
    b = gruvy.channel_importance(Second(), X, y, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(a.drops, b.drops)
    assert not np.array_equal(a.drops, gruvy.channel_importance(Second(), X, y, random_state=4).drops)
    for x, same in zip(X, before, strict=True):
        np.testing.assert_array_equal(x, same)


def test_whole_series_change_hands():
    X, y = planted(equal=True)
    estimator = Second()
    gruvy.channel_importance(estimator, np.stack(X), y, n_repeats=2, random_state=0)
    assert len(estimator.given) == 7
    for given in estimator.given:
        assert isinstance(given, np.ndarray)
    dealt = estimator.given[3]  # channel 1, the first time
    np.testing.assert_array_equal(dealt[:, :, [0, 2]], np.stack(X)[:, :, [0, 2]])
    series = {tuple(x) for x in np.stack(X)[:, :, 1]}
    assert {tuple(x) for x in dealt[:, :, 1]} == series
    assert not np.array_equal(dealt, np.stack(X))


def test_a_series_of_another_length_is_read_from_end_to_end():
    long, short = np.arange(8.0)[:, None] * [1, 1], np.array([[10.0, 10], [20, 20], [30, 30]])
    a, b, none = importance._dealt([long, short, np.empty((0, 2))], 1, lambda n: np.arange(n)[::-1])
    assert a.tolist() == [[0, 10], [1, 10], [2, 10], [3, 20], [4, 20], [5, 20], [6, 30], [7, 30]]
    assert b.tolist() == [[10, 0], [20, 2], [30, 5]]
    assert none.shape == (0, 2)


def test_other_scores():
    X, y = planted()
    lopsided = np.where(np.arange(30) < 20, y[:30], 0)  # 15 of 20 zeros are told right, and all 10 ones
    found = gruvy.channel_importance(Second().fit(X, y), X[:30], lopsided, scoring="balanced_accuracy")
    assert_close(found.score, 0.875)
    found = gruvy.channel_importance(Second(), X, y, scoring=lambda e, X, y: -np.sum(e.predict(X) != y))
    assert (found.score, found.mean[0]) == (0, 0)
    assert found.mean[1] > 5


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"n_repeats": 0}, InputError, "n_repeats=0: expected a whole number of at least 1"),
        ({"y": [0, 1]}, DataError, "y has 2 targets, X has 40 sequences; expected one target per sequence"),
        ({"scoring": lambda *_: {}}, InputTypeError, "scoring: gave dict, expected a single number"),
    ],
)
def test_it_refuses(given, error, text):
    X, y = planted()
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        gruvy.channel_importance(**{"estimator": Second(), "X": X, "y": y, **given})
