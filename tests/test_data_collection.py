"""Sequences: what they check, how they are picked from, and how they look."""

from __future__ import annotations

import numpy as np
import pytest

from gruvy.data import Sequences
from gruvy.errors import DataError, InputError

X = [np.ones((2, 1)), np.zeros((3, 1)), np.full((1, 1), 2.0)]


def test_names_are_given_where_none_came():
    s = Sequences([np.zeros((2, 2)), np.zeros((1, 2))])
    assert (s.ids, s.features, s.target, s.y, s.groups) == (["0", "1"], ["x0", "x1"], [], None, None)
    assert (len(s), s.channels, s.lengths.tolist()) == (2, 2, [2, 1])


def test_select_takes_everything_along():
    s = Sequences(
        X, y=[1.5, 2.5, 3.5], ids=["a", "b", "c"], groups=["p", "q", "p"], features=["v"], target=["z"], notes=["n"]
    )
    some = s.select([2, 0])
    assert [x.tolist() for x in some.x] == [[[2]], [[1], [1]]]
    assert (some.y.tolist(), some.ids, some.groups.tolist()) == ([3.5, 1.5], ["c", "a"], ["p", "p"])
    assert (some.features, some.target, some.notes) == (["v"], ["z"], ["n"])
    assert s.select(s.groups == "p").ids == ["a", "c"]
    assert s.select([-1]).ids == ["c"]


def test_targets_of_unequal_length():
    s = Sequences(X, y=[np.array([1, 0]), np.array([1, 1, 0]), np.array([0])])
    assert [t.tolist() for t in s.select([0, 2]).y] == [[1, 0], [0]]
    assert repr(s) == "Sequences(3 of 1 to 3 steps, 1 channel: x0; y: 0 3, 1 3 at the steps)"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"y": [1, 2]}, "y has 2 targets, x has 3 sequences; expected one target per sequence"),
        ({"ids": ["a"]}, "ids has 1 names, x has 3 sequences; expected one name per sequence"),
        ({"features": ["a", "b"]}, "features has 2 names, x has 1 channels; expected one name per channel"),
        ({"groups": ["a"]}, "groups has shape (1,), x has 3 sequences; expected one group per sequence"),
    ],
)
def test_counts_that_do_not_fit(options, text):
    with pytest.raises(DataError) as refusal:
        Sequences(X, **options)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        ([], "indices is empty; at least 1 sequence is expected"),
        ([0, 3], "indices reaches from 0 to 3; there are 3 sequences"),
        ([-4], "indices reaches from -4 to -4; there are 3 sequences"),
        ([True, False], "indices has shape (2,); a mask must have shape (3,)"),
    ],
)
def test_positions_that_are_not_there(indices, text):
    with pytest.raises(InputError) as refusal:
        Sequences(X).select(indices)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (Sequences(X), "Sequences(3 of 1 to 3 steps, 1 channel: x0)"),
        (
            Sequences(np.zeros((3, 4, 6)), y=[0.5, 1.5, -2.0], groups=["p", "q", "p"], target=["z"]),
            "Sequences(3 of 4 steps, 6 channels: x0, x1, x2, x3 and 2 more; z: -2 to 1.5; 2 groups)",
        ),
        (
            Sequences(X, y=["up", "down", "up"], target=["way"]),
            "Sequences(3 of 1 to 3 steps, 1 channel: x0; way: down 1, up 2)",
        ),
        (
            Sequences(X, y=np.zeros((3, 2)), target=["a", "b"]),
            "Sequences(3 of 1 to 3 steps, 1 channel: x0; a, b: shape (3, 2))",
        ),
    ],
)
def test_how_they_look(made, text):
    assert repr(made) == text
