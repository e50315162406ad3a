"""Weights of sequences and classes, and what is kept for validation."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from compare import assert_close
from gruvy import GRUClassifier
from gruvy.estimators import base as estimators
from test_estimators import SMALL, problem


def test_weights_of_sequences_and_classes():
    X, y = problem()
    keep = y != "high"
    clf = GRUClassifier(**SMALL)
    a = clone(clf).fit(X, y, sample_weight=keep.astype(float))
    b = clone(clf).fit([x for x, k in zip(X, keep, strict=True) if k], y[keep])
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    rare = GRUClassifier(**{**SMALL, "max_epochs": 30}, class_weight={"low": 1, "middle": 1, "high": 1000}).fit(X, y)
    assert rare.predict_proba(X)[:, 0].mean() > clone(clf).fit(X, y).predict_proba(X)[:, 0].mean() + 0.2
    lopsided = np.where(np.arange(60) < 54, "a", "b")
    same = np.zeros((60, 3, 1))
    long = {**SMALL, "max_epochs": 80, "learning_rate": 3e-2, "weight_decay": 0, "batch_size": None}
    balanced = GRUClassifier(**long, class_weight="balanced").fit(same, lopsided)
    assert_close(balanced.predict_proba(same[:1]), [[0.5, 0.5]], "learned share")
    even = GRUClassifier(**long).fit(same, lopsided)
    assert_close(even.predict_proba(same[:1]), [[0.9, 0.1]], "learned share")


def test_validation_keeps_the_best_and_groups_apart(monkeypatch):
    X, y = problem()
    clf = GRUClassifier(**{**SMALL, "max_epochs": 40}, validation_fraction=0.25, patience=2, learning_rate=5e-2)
    clf.fit(X, y)
    assert clf.n_iter_ == len(clf.history_.rows) <= 40
    assert clf.history_.best == 1 + int(np.argmin(clf.history_["val_loss"]))
    groups = np.arange(60) // 6
    seen = []
    split = estimators.split
    monkeypatch.setattr(estimators, "split", lambda *a: seen.append(split(*a)) or seen[-1])
    clf.fit(X, y, groups=groups)
    clf.fit(X, y)
    (train, held), (plain_train, plain_held) = seen
    assert not set(groups[train]) & set(groups[held])
    assert len(plain_held) == 15
    shares = [np.mean(y[plain_held] == k) - np.mean(y[plain_train] == k) for k in np.unique(y)]
    assert_close(shares, [0, 0, 0], "stratified")
    assert_close(clf.input_mean_, np.concatenate([X[i] for i in plain_train]).mean(0))
