"""scikit-learn's own checks of `GRUTagger`, as far as they apply: they know one answer per sequence.

So a sequence's answer stands at each of its steps, and what the checks see is the answer of the last one.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.estimator_checks import parametrize_with_checks

from gruvy import GRUTagger
from gruvy.estimators.inputs import check_labels, targets
from gruvy.network.fit import check_numbers
from test_estimators import EXPECTED_FAILURES

EXCEPTIONS = {
    **EXPECTED_FAILURES,
    "check_sample_weights_shape": "weights (N, T) of sequences of T steps are no error: they are those of the steps",
}


def test_the_reason_for_each_exception_stands_in_the_docs():
    page = (Path(__file__).parent.parent / "docs" / "tagging.md").read_text(encoding="utf-8")
    section = page.partition("## scikit-learn's own checks\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(check_\w+)` \| \w+", section, re.MULTILINE) == list(EXCEPTIONS)


class Repeated(GRUTagger):
    """One answer per sequence, repeated at each step; the answer of the last step."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        return tags

    def fit(self, X, y=None, sample_weight=None):
        steps = [len(x) for x in self._sequences(X, learn=True, reset=not self._goes_on)]
        return super().fit(X, self._spread(y, steps), sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        steps = [len(x) for x in self._sequences(X, learn=True, reset=not hasattr(self, "net_"))]
        return super().partial_fit(X, self._spread(y, steps), classes, sample_weight)

    def _spread(self, y, steps):
        given = self._one_each(targets(self, y, [np.zeros(T) for T in steps]))
        return [np.full(T, value) for T, value in zip(steps, given, strict=True)]

    def predict(self, X):
        return np.array([each[-1] for each in super().predict(X)])

    def transform(self, X):
        return np.array([each[-1] for each in super().transform(X)])

    def score(self, X, y, sample_weight=None):
        steps = [len(x) for x in self._sequences(X)]
        return super().score(X, self._spread(y, steps), sample_weight)


class OfClasses(ClassifierMixin, Repeated):
    def _one_each(self, y):
        return check_labels(self, y, [None] * len(y))

    def predict_proba(self, X):
        return np.array([each[-1] for each in super().predict_proba(X)])

    def predict_log_proba(self, X):
        return np.array([each[-1] for each in super().predict_log_proba(X)])


class OfNumbers(RegressorMixin, Repeated):
    def _one_each(self, y):
        return column_or_1d(check_numbers(y), warn=True)


@parametrize_with_checks(
    [
        OfClasses(hidden_units=6, max_epochs=6, learning_rate=4e-2, answers="classes"),
        OfNumbers(hidden_units=16, max_epochs=40, learning_rate=4e-2, answers="numbers"),
    ],
    expected_failed_checks=lambda estimator: EXCEPTIONS,
    xfail_strict=False,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)
