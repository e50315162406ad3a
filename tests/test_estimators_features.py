"""What an estimator gives beside its answers: logarithms of probabilities, and its states as features."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from compare import assert_apart, assert_close, numpy
from gruvy import GRUClassifier, GRURegressor
from gruvy.model.task import Labels
from test_estimators import SMALL, problem


def raw(clf, X):
    """What the network itself says, sequence by sequence."""
    with torch.no_grad():
        scaled = [torch.tensor(clf.scaler_(x), dtype=torch.float32) for x in X]
        return np.concatenate([numpy(clf.net_.eval()(x[None]).last) for x in scaled])


def test_logarithms_of_probabilities_too_small_to_have_them():
    X, y = problem()
    clf = GRUClassifier(**SMALL).fit(X, y)
    assert_close(np.exp(clf.predict_log_proba(X)).astype(np.float32), clf.predict_proba(X), "answer")
    with torch.no_grad():
        clf.net_.V.mul_(3000)
    assert clf.predict_proba(X).min() == 0
    wanted = log_softmax(raw(clf, X).astype(np.float64), axis=1)
    assert wanted.min() < -200
    assert_close(clf.predict_log_proba(X), wanted, "answer")


@pytest.mark.parametrize("read_outs", [[[30.0], [-30.0]], [[0.0, 30.0], [0.0, -30.0]]])
def test_logarithms_near_0_keep_their_digits(read_outs):
    found = Labels.of(["a", "b"]).log_probabilities(np.array(read_outs, np.float32))
    small = -math.log1p(math.exp(-30))
    for place, wanted in (((0, 1), small), ((0, 0), small - 30), ((1, 0), small), ((1, 1), small - 30)):
        assert_close(found[place], np.float64(wanted), "equation")


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_the_read_out_of_the_features_is_the_answer(pooling, bidirectional):
    X, y = problem()
    clf = GRUClassifier(**SMALL, pooling=pooling, bidirectional=bidirectional, layers=2).fit(X, y)
    features = clf.transform(X)
    assert (features.shape, features.dtype) == ((60, 8 * (1 + bidirectional)), np.float32)
    assert_close(features @ numpy(clf.net_.V).T + numpy(clf.net_.b_y), raw(clf, X), "answer")
    scaled = torch.tensor(clf.scaler_(X[7]), dtype=torch.float32)[None]
    hidden = numpy(clf.net_(scaled).hidden[0])
    wanted = {"mean": hidden.mean(0), "max": hidden.max(0), "last": np.hstack([hidden[-1, :8], hidden[0, 8:]])}[pooling]
    assert_close(features[7], wanted, "answer")
    assert_apart(features[7], hidden[0], "another")


def test_features_have_names_and_become_a_frame():
    X, y = problem()
    clf = GRUClassifier(**SMALL)
    with pytest.raises(NotFittedError):
        clf.transform(X)
    with pytest.raises(NotFittedError):
        clf.get_feature_names_out()
    names = [f"gruclassifier{i}" for i in range(8)]
    assert clf.fit(X, y).get_feature_names_out().tolist() == names
    frame = clf.set_output(transform="pandas").transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == names
    assert_close(frame.to_numpy(), clf.set_output(transform="default").transform(X), "exact")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 4)), index=range(100, 120))
    reg = GRURegressor(**SMALL, bidirectional=True).set_output(transform="pandas")
    frame = reg.fit_transform(table, np.arange(20.0))
    assert frame.index.tolist() == list(range(100, 120))
    assert frame.columns[-1] == "gruregressor15"


def test_features_feed_another_estimator():
    X, y = problem()
    pipe = make_pipeline(GRUClassifier(hidden_units=8, max_epochs=30, random_state=0), LogisticRegression())
    pipe.fit(X, y)
    assert pipe.score(*problem(seed=1)) > 0.9
    assert pipe[:-1].get_feature_names_out().tolist() == [f"gruclassifier{i}" for i in range(8)]
    assert pipe[:-1].transform([np.empty((0, 2))]).tolist() == [[0.0] * 8]
