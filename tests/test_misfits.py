"""What is no collection of sequences, or no target for one: each refused in one sentence that names the way."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.multioutput import MultiOutputClassifier

import gruvy
from gruvy import GRUClassifier, GRURegressor
from gruvy.errors import DataError, InputError, InputTypeError
from test_estimators import SMALL

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(T, 2)) for T in (3, 4, 5, 4)]
Y = ["a", "b", "a", "b"]
WHOLE = RNG.normal(size=(4, 3, 2))
COLLECTION = (
    "expected a list of (steps, channels) arrays, a (sequences, steps, channels) array or a (sequences, steps) array"
)
NESTED = pd.DataFrame({name: [pd.Series(x[:, k]) for x in X] for k, name in enumerate("uv")})
LONG = pd.DataFrame({"id": ["p", "p", "q", "q"], "u": [1.0, 2.0, 3.0, 4.0], "label": ["a", "a", "b", "b"]})
STEPS = "y: a label at every step; expected one per sequence for GRUClassifier; gruvy.GRUTagger learns one per step"
A_NESTED_FRAME = (
    f"X is a nested frame, with a series in each cell; {COLLECTION}: "
    "[np.column_stack(row) for row in np.asarray(X)] makes one"
)
TEXT = (
    "X is a frame with text in column 'id'; expected numbers; of a frame with one row per step "
    "gruvy.sequences(X, id=..., target=...) makes sequences"
)


def dataset():
    return torch.utils.data.TensorDataset(torch.zeros(4, 3, 2), torch.zeros(4))


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (NESTED, DataError, A_NESTED_FRAME),
        (NESTED.to_numpy(), DataError, A_NESTED_FRAME),
        (LONG[["id", "u"]], DataError, TEXT),
        (pl.DataFrame(LONG[["id", "u"]].to_dict("list")), DataError, TEXT),
        (torch.nn.utils.rnn.pack_sequence([torch.tensor(x) for x in X], enforce_sorted=False), InputTypeError,
         f"X is a PackedSequence; {COLLECTION}: torch.nn.utils.rnn.unpack_sequence(X) makes one"),
        (gruvy.data.Sequences(X, Y), InputTypeError,
         "X is of type Sequences; expected its arrays, X.x, and X.y for y"),
        (torch.utils.data.DataLoader(dataset()), InputTypeError, f"X is of type DataLoader; {COLLECTION}"),
        (dataset(), InputTypeError, f"X is of type TensorDataset; {COLLECTION}"),
        ({"p": X}, InputTypeError, f"X is of type dict; {COLLECTION}"),
    ],
)  # fmt: skip
def test_other_collections(given, error, text):
    for act in (
        lambda: GRUClassifier(**SMALL).fit(given, Y),
        lambda: GRURegressor(**SMALL).fit(given, [1, 2, 3, 4]),
        lambda: gruvy.GRU(2, 3, 2).fit(given, Y),
        lambda: GRUClassifier(**SMALL).fit(X, Y).predict(given),
    ):
        with pytest.raises(error, match=f"^{re.escape(text)}$"):
            act()


def test_a_frame_with_one_row_per_step():
    numbered = LONG.assign(id=[7, 7, 8, 8])[["id", "u"]]
    wanted = (
        "X is a frame with one row per step: column 'id' names a sequence more than once; expected one row per "
        "sequence: gruvy.sequences(X, id='id', target=...) has .x and .y to fit"
    )
    for frame in (numbered, pl.DataFrame(numbered.to_dict("list"))):
        with pytest.raises(DataError, match=f"^{re.escape(wanted)}$"):
            GRUClassifier(**SMALL).fit(frame, LONG["label"])
    GRUClassifier(**SMALL).fit(numbered.assign(id=[1, 2, 3, 4]), Y)  # a row each


@pytest.mark.parametrize(
    ("y", "error", "text"),
    [
        ([np.array(Y * 2)[: len(x)] for x in X], InputError, STEPS),
        ([["a"] * len(x) for x in X], InputError, STEPS),
        (np.eye(2)[[0, 1, 0, 1]], InputError,
         "y: shape (4, 2), one-hot rows; expected one label per sequence, as y.argmax(axis=1)"),
        (pd.DataFrame({"p": Y, "q": Y}), InputError,
         "y[0]: shape (2,), several labels; expected one per sequence; "
         "sklearn.multioutput.MultiOutputClassifier(GRUClassifier()) learns several"),
        (["a", None, "b", "a"], InputTypeError,
         "y: labels of types NoneType and str, which have no order; expected one type"),
    ],
)  # fmt: skip
def test_other_labels(y, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        GRUClassifier(**SMALL).fit(X, y)


def test_labels_at_every_step_of_equal_sequences():
    wanted = 'y: an array for each sequence, expected one label; task="tag" has one per step'
    with pytest.raises(InputError, match=f"^{re.escape(wanted)}$"):
        gruvy.GRU(2, 3, 2).fit(X, [np.array(Y * 2)[: len(x)] for x in X])
    for y in (np.array([["a", "b", "a"]] * 4), np.zeros((4, 3), int), np.zeros((4, 3, 1), int)):
        with pytest.raises(InputError, match=f"^{re.escape(STEPS)}$"):
            GRUClassifier(**SMALL).fit(WHOLE, y)


@pytest.mark.parametrize("fit", [GRURegressor(**SMALL).fit, lambda X, y: gruvy.GRU(2, 3, 1).fit(X, y, "regress")])
def test_numbers_at_every_step(fit):
    wanted = (
        "y: numbers at every step; expected (sequences,) or (sequences, targets); "
        "gruvy.GRUTagger learns them at every step"
    )
    with pytest.raises(InputError, match=f"^{re.escape(wanted)}$"):
        fit(X, [x[:, 0] for x in X])


def test_the_ways_that_are_named_lead_there():
    clf = GRUClassifier(**SMALL)
    made = [np.column_stack(row) for row in np.asarray(NESTED)]
    assert all(np.array_equal(a, b) for a, b in zip(made, X, strict=True))
    packed = torch.nn.utils.rnn.pack_sequence([torch.tensor(x) for x in X], enforce_sorted=False)
    again = torch.nn.utils.rnn.unpack_sequence(packed)
    np.testing.assert_array_equal(clf.fit(again, Y).predict_proba(X), clf.fit(X, Y).predict_proba(X))
    data = gruvy.sequences(LONG, id="id", target="label")
    assert clf.fit(data.x, data.y).classes_.tolist() == ["a", "b"]
    gruvy.GRU(2, 3, 2).fit(X, [np.array(Y * 2)[: len(x)] for x in X], task="tag", max_epochs=1, progress=False)
    one_hot = np.eye(2)[[0, 1, 0, 1]]
    assert clf.fit(X, one_hot.argmax(axis=1)).classes_.tolist() == [0, 1]
    several = np.array([["a", "p"], ["b", "q"], ["a", "q"], ["b", "p"]])
    assert MultiOutputClassifier(clf).fit(X, several).predict(X).shape == (4, 2)
    out = gruvy.GRU(2, 3, 1)(torch.tensor(WHOLE, dtype=torch.float32)).outputs
    torch.nn.functional.mse_loss(out[..., 0], torch.zeros(4, 3)).backward()
