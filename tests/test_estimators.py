"""`GRUClassifier` and `GRURegressor` as scikit-learn estimators: its own checks, its tools, our inputs and errors."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import gruvy
from compare import assert_close
from gruvy import GRUClassifier, GRURegressor
from gruvy.errors import ConventionError, DataError, InputError, InputTypeError, ModelFileError

SMALL = {"hidden_units": 8, "max_epochs": 4, "random_state": 0}

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "expected to 1e-7, float32 trains to 2e-7; test_training_batches.test_a_weight_is_a_number_of_copies has it to "
        "1e-12 in float64"
    ),
    "check_methods_subset_invariance": (
        "expected to 1e-7, the read-out of a batch in float32 rounds to 2e-7; gruvy.load(file).predict has the "
        "same bits for any batch"
    ),
}


@parametrize_with_checks(
    [
        # Fewer units and epochs than the defaults: some hundred fits are made.
        GRUClassifier(hidden_units=8, max_epochs=10, learning_rate=2e-2),
        GRURegressor(hidden_units=16, max_epochs=40, learning_rate=4e-2),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=False,  # a processor that rounds otherwise may pass
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_the_reason_for_each_exception_stands_in_the_docs():
    page = (Path(__file__).parent.parent / "docs" / "estimators.md").read_text(encoding="utf-8")
    section = page.partition("## scikit-learn's own checks\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(check_\w+)` \| \w+", section, re.MULTILINE) == list(EXPECTED_FAILURES)


def problem(n=60, seed=0):
    """Sequences of unequal length; the mean of the first channel decides."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = [rng.normal([100 + 3 * k, 0], [1, 50], size=(T, 2)) for k, T in zip(y, rng.integers(2, 9, n), strict=True)]
    return X, np.array(["low", "middle", "high"])[y]


def objects(X):
    out = np.empty(len(X), object)
    out[:] = X
    return out


@pytest.fixture(scope="module")
def fitted():
    X, y = problem()
    return GRUClassifier(hidden_units=8, max_epochs=30, learning_rate=2e-2, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def regressor():
    X, _ = problem()
    y = np.array([[x.mean(), 1e6 * x[-1, 0]] for x in X])
    return GRURegressor(hidden_units=8, max_epochs=30, learning_rate=2e-2, random_state=0).fit(X, y)


def test_it_learns_labels_that_are_text(fitted):
    X, y = problem(seed=1)
    assert fitted.score(X, y) > 0.9
    assert fitted.classes_.tolist() == ["high", "low", "middle"]
    p = fitted.predict_proba(X)
    assert p.shape == (60, 3)
    assert_close(p.sum(1), np.ones(60, p.dtype), "total")
    np.testing.assert_array_equal(fitted.classes_[p.argmax(1)], fitted.predict(X))


def test_it_learns_several_targets_of_any_scale(regressor):
    X, _ = problem(seed=1)
    y = np.array([[x.mean(), 1e6 * x[-1, 0]] for x in X])
    assert regressor.predict(X).shape == (60, 2)
    assert regressor.score(X, y) > 0.5


def test_sequences_come_in_every_shape():
    X, y = problem()
    a = GRUClassifier(**SMALL).fit(X, y)
    b = GRUClassifier(**SMALL).fit(objects(X), y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(objects(X)))
    np.testing.assert_array_equal(a.predict_proba(X), a.predict_proba([x.tolist() for x in X]))
    whole = np.stack([x[:2] for x in X])
    a = GRUClassifier(**SMALL).fit(whole, y)
    b = GRUClassifier(**SMALL).fit(list(whole), y)
    np.testing.assert_array_equal(a.predict_proba(whole), b.predict_proba(whole))
    flat = whole[:, :, 0]
    a = GRUClassifier(**SMALL).fit(flat, y)
    b = GRUClassifier(**SMALL).fit(flat[:, :, None], y)
    np.testing.assert_array_equal(a.predict_proba(flat), b.predict_proba(flat[:, :, None]))
    assert (a.n_features_in_, b.n_features_in_) == (2, 1)
    assert b.predict(np.ones((3, 7))).shape == (3,)  # fitted on sequences, it takes any number of steps
    c = GRUClassifier(**SMALL).fit([x[:, 0] for x in X], y)
    assert c.predict([np.ones(4), np.ones(9)]).shape == (2,)


def test_a_frame_gives_its_names():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 4)), columns=list("abcd"))
    clf = GRUClassifier(**SMALL).fit(frame, [0, 1] * 10)
    assert clf.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="The feature names should match those that were passed during fit"):
        clf.predict(frame.rename(columns={"a": "e"}))
    clf.fit([np.ones((3, 2)), np.zeros((2, 2))], [0, 1])
    assert not hasattr(clf, "feature_names_in_")


def test_inputs_are_scaled_inside():
    X, y = problem()
    moved = [x * [1e-3, 1e4] + [7, -1e5] for x in X]
    a, b = GRUClassifier(**SMALL).fit(X, y), GRUClassifier(**SMALL).fit(moved, y)
    assert_close(a.predict_proba(X), b.predict_proba(moved), "answer")
    steps = np.concatenate(X)
    assert_close(a.input_mean_, steps.mean(0))
    assert_close(a.input_scale_, steps.std(0))
    assert GRUClassifier(**SMALL, scale_inputs=False).fit(X, y).input_mean_ is None


def test_inputs_of_any_size_are_scaled():
    X, y = problem()
    tiny = [x * 2.0**-45 for x in X]  # a power of two: not a bit of the scaled numbers differs
    a, b = GRUClassifier(**SMALL).fit(X, y), GRUClassifier(**SMALL).fit(tiny, y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(tiny))


def test_a_fit_repeats_exactly():
    X, y = problem()
    kind = {**SMALL, "dropout": 0.3}
    a = GRUClassifier(**kind).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(a, GRUClassifier(**kind).fit(X, y).predict_proba(X))
    kind["random_state"] = 1
    assert not np.array_equal(a, GRUClassifier(**kind).fit(X, y).predict_proba(X))
    kind["random_state"] = np.random.RandomState(0)
    GRUClassifier(**kind).fit(X, y)


def test_clone_and_pickle(fitted):
    X, _ = problem()
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    bare = clone(fitted)
    assert bare.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        bare.predict(X)


def test_scikit_learns_tools_take_lists_of_sequences():
    X, y = problem()
    scores = cross_val_score(GRUClassifier(hidden_units=8, max_epochs=20, learning_rate=2e-2), X, y, cv=3)
    assert scores.mean() > 0.6
    search = GridSearchCV(GRUClassifier(**SMALL), {"hidden_units": [2, 4], "convention": ["tutorial", "torch"]}, cv=2)
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    pipe = make_pipeline(FunctionTransformer(lambda X: [x[:, :1] for x in X]), GRUClassifier(**SMALL))
    assert pipe.fit(X, y).predict(X).shape == (60,)
    assert pipe[-1].n_features_in_ == 1


@pytest.mark.parametrize("convention", ["tutorial", "torch", "onnx", gruvy.Convention("after", "adds")], ids=str)
def test_save_and_load(tmp_path, convention):
    X, y = problem()
    clf = GRUClassifier(
        **SMALL, layers=2, convention=convention, pooling="mean", bidirectional=True, class_weight={"low": 2.0}
    ).fit(X, y)
    clf.save(tmp_path / "m")
    again = GRUClassifier.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))
    assert again.get_params() == {**clf.get_params(), "convention": str(convention)}
    np.testing.assert_array_equal(clone(again).fit(X, y).predict_proba(X), clf.predict_proba(X))


def test_saved_again_it_keeps_where_its_data_stood(tmp_path, fitted):
    columns = {"channels": ["x", "y"], "targets": ["label"], "others": ["id"]}
    layout = {"id": "id", "time": None, "wide": False, "window": 5, "step": None, "missing": "error", "features": None}
    fitted.save(tmp_path / "first.safetensors", columns=columns, layout=layout)
    GRUClassifier.load(tmp_path / "first.safetensors").save(tmp_path / "again.safetensors")
    again = gruvy.load(tmp_path / "again.safetensors")
    assert (again.columns, again.layout) == (columns, layout)


def test_a_regressor_and_a_frame_are_saved(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 4)), columns=list("abcd"))
    reg = GRURegressor(**SMALL).fit(frame, frame["a"] * 100)
    reg.save(tmp_path / "m")
    again = GRURegressor.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(frame), reg.predict(frame))
    assert again.feature_names_in_.tolist() == list("abcd")
    assert again.n_features_in_ == 4
    wanted = f"{tmp_path / 'm'}: holds a GRURegressor; GRURegressor.load reads it"
    with pytest.raises(ModelFileError, match=f"^{re.escape(wanted)}$"):
        GRUClassifier.load(tmp_path / "m")
    gruvy.GRU(1, 2, 3).save(tmp_path / "n")
    wanted = f"{tmp_path / 'n'}: holds a network that was saved alone; gruvy.GRU.load reads it"
    with pytest.raises(ModelFileError, match=f"^{re.escape(wanted)}$"):
        GRUClassifier.load(tmp_path / "n")
    wanted = f"{tmp_path / 'm'}: holds a GRURegressor; its own load reads it"
    with pytest.raises(ModelFileError, match=f"^{re.escape(wanted)}$"):
        gruvy.GRU.load(tmp_path / "m")


def with_nan(value):
    X, y = problem()
    X[3] = X[3].copy()
    X[3][1, 1] = value
    return X, y


A = np.zeros((4, 3, 2))
Y = ["a", "b"] * 2


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda: GRUClassifier().fit(A, Y[:3]), DataError,
         "y has 3 targets, X has 4 sequences; expected one target per sequence"),
        (lambda: GRUClassifier().fit(A[:, :, 0], Y[:3]), DataError,
         "y has 3 targets, X has 4 sequences; expected one target per sequence"),
        (lambda: GRUClassifier().fit(A, ["a"] * 4), DataError, "y has one class, 'a'; expected at least 2 classes"),
        (lambda: GRUClassifier().fit(A, Y, sample_weight=[1, 0, 1, 0]), DataError,
         "y has one class, 'a'; expected at least 2 classes"),
        (lambda: GRUClassifier().fit(A, None), ValueError,
         "This GRUClassifier estimator requires y to be passed, but the target y is None."),
        (lambda: GRUClassifier().fit(A, [0.5, 1.5, 2.5, 3.5]), ValueError,
         "Unknown label type: continuous. Maybe you are trying to fit a classifier, which expects discrete classes on "
         "a regression target with continuous values."),
        (lambda: GRUClassifier().fit([np.zeros((0, 2)), np.zeros((1, 2))], [0, 1]), DataError,
         "X[0] has 0 steps; at least 1 is expected"),
        (lambda: GRUClassifier().fit([], []), DataError, "X holds no sequences; at least 1 is expected"),
        (lambda: GRUClassifier().fit(*with_nan(np.nan)), DataError,
         "X[3] holds NaN at step 1, feature 1; every value must be finite"),
        (lambda: GRUClassifier().fit(*with_nan(-np.inf)), DataError,
         "X[3] holds -infinity at step 1, feature 1; every value must be finite"),
        (lambda: GRUClassifier().fit(np.array([[1, np.nan], [1, 2]]), [0, 1]), DataError,
         "X[0] holds NaN at step 1, feature 0; every value must be finite"),
        (lambda: GRUClassifier().fit("abc", Y), InputTypeError,
         "X is of type str; expected a list of (steps, channels) arrays, a (sequences, steps, channels) array or a "
         "(sequences, steps) array"),
        (lambda: GRURegressor().fit(A, Y), InputTypeError, "y: expected numbers"),
        (lambda: GRURegressor().fit(A, [1, 2, np.nan, 4]), InputError,
         "y: nan for sequence 2; expected finite numbers"),
        (lambda: GRURegressor().fit(A, [1, 2, 3, 4], sample_weight=[1, 2]), InputError,
         "sample_weight: shape (2,), expected (sequences,) = (4,)"),
        (lambda: GRURegressor().fit(A, [1, 2, 3, 4], sample_weight=[1, 2, -3, 4]), InputError,
         "sample_weight: -3.0 at index 2; expected finite numbers of at least 0"),
        (lambda: GRURegressor().fit(A, [1, 2, 3, 4], sample_weight=[0] * 4), InputError,
         "sample_weight: all zero; expected at least one sequence that counts"),
        (lambda: GRURegressor().fit(A, [1, 2, 3, 4], sample_weight=["x"] * 4), InputTypeError,
         "sample_weight: expected one number per sequence"),
        (lambda: GRUClassifier(hidden_units=0).fit(A, Y), InputError,
         "hidden_units=0: expected a whole number of at least 1"),
        (lambda: GRUClassifier(max_epochs=-1).fit(A, Y), InputError,
         "max_epochs=-1: expected a whole number of at least 1"),
        (lambda: GRUClassifier(learning_rate=-1).fit(A, Y), InputError, "learning_rate=-1: expected a number above 0"),
        (lambda: GRUClassifier(convention="lstm").fit(A, Y), ConventionError,
         'convention=\'lstm\': expected "tutorial", "torch", "onnx" or a gruvy.Convention'),
        (lambda: GRUClassifier(device="gpu").fit(A, Y), InputError,
         'device=\'gpu\': expected a device of torch, as "cpu" or "cuda"'),
        (lambda: GRUClassifier(validation_fraction=1).fit(A, Y), InputError,
         "validation_fraction=1: expected a number from 0 to below 1"),
        (lambda: GRUClassifier(validation_fraction=0.01).fit(A, Y), InputError,
         "validation_fraction=0.01: of 4 sequences leaves none to train or to validate on"),
        (lambda: GRUClassifier(validation_fraction=0.5).fit(A, Y, groups=[1, 2]), InputError,
         "groups: shape (2,), expected (sequences,) = (4,)"),
        (lambda: GRUClassifier().fit(A, Y, sample_weight=[1, 1, 1, 0], groups=[1, 2]), InputError,
         "groups: shape (2,), expected (sequences,) = (4,)"),
        (lambda: GRUClassifier(patience=3).fit(A, Y), InputError,
         "patience=3: needs validation data; set validation_fraction above 0"),
    ],
)  # fmt: skip
def test_fit_refuses(act, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        act()


@pytest.mark.parametrize(
    ("X", "text"),
    [
        ([np.zeros((3, 2)), np.zeros((3, 1))], "X[1] has shape (3, 1), 1 channel; expected 2 channels"),
        (np.zeros((2, 3, 5)), "X[0] has shape (3, 5), 5 channels; expected 2 channels"),
        (np.zeros((2, 3)), "X[0] has shape (3, 1), 1 channel; expected 2 channels"),
        ([np.array([[0, np.inf]])], "X[0] holds infinity at step 0, feature 1; every value must be finite"),
    ],
)
def test_predict_refuses(fitted, X, text):
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        fitted.predict(X)


def test_a_table_is_refused_in_scikit_learns_words():
    clf = GRUClassifier(**SMALL).fit(np.eye(4), [0, 1, 0, 1])
    wanted = "X has 5 features, but GRUClassifier is expecting 4 features as input."
    for X in (np.zeros((2, 5)), [[0.0] * 5] * 2):
        with pytest.raises(ValueError, match=f"^{re.escape(wanted)}$"):
            clf.predict(X)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        clf.predict(np.zeros(4))


def test_an_empty_sequence_is_answered(fitted):
    assert fitted.predict_proba([np.empty((0, 2))]).shape == (1, 3)
