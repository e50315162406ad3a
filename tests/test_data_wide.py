"""Frames in wide form, and gaps."""

from __future__ import annotations

import pytest

from gruvy.data import sequences
from test_data_frames import GAPS, values

pl = pytest.importorskip("polars")


def test_forward_fill_stays_in_its_sequence():
    made = sequences(pl.DataFrame(GAPS), missing="forward")
    assert values(made) == [[[1, 1], [1, 2], [1, 2]], [[4, 4], [5, 5]]]


def test_forward_fill_follows_time():
    frame = pl.DataFrame({"id": ["a"] * 3, "time": [3, 2, 1], "x": [None, 2.0, 1.0]})
    assert values(sequences(frame, missing="forward")) == [[[1], [2], [2]]]


def test_wide_form_of_one_channel():
    frame = pl.DataFrame({"label": ["u", "v"], "0": [1, 4], "1": [2, 5], "2": [3, 6]})
    made = sequences(frame, wide=True, target="label")
    assert values(made) == [[[1], [2], [3]], [[4], [5], [6]]]
    assert (made.y.tolist(), made.ids, made.features) == (["u", "v"], ["0", "1"], ["x"])


def test_wide_form_of_two_channels():
    frame = pl.DataFrame({"id": ["p", "q"], "v_10": [3, 6], "v_9": [2, 5], "w9": [20, 50], "w10": [30, 60]})
    made = sequences(frame, wide=True)
    assert values(made) == [[[2, 20], [3, 30]], [[5, 50], [6, 60]]]
    assert (made.ids, made.features) == (["p", "q"], ["v", "w"])


def test_wide_form_picks_channels_or_columns():
    frame = pl.DataFrame({"id": ["p"], "v_0": [1], "v_1": [2], "w_0": [3], "w_1": [4], "more": [5]})
    assert values(sequences(frame, wide=True, features=["w", "v"])) == [[[3, 1], [4, 2]]]
    assert values(sequences(frame, wide=True, features=["v_1", "v_0"])) == [[[1], [2]]]
    assert sequences(frame, wide=True, features=["w"]).features == ["w"]
    assert values(sequences(frame.select("id", "more"), wide=True, features=["x"])) == [[[5]]]


def test_wide_rows_of_unequal_length():
    frame = pl.DataFrame({"x_0": [1, 3], "x_1": [2, None], "y_0": [5, 7], "y_1": [6, None]})
    made = sequences(frame, wide=True)
    assert values(made) == [[[1, 5], [2, 6]], [[3, 7]]]
    assert made.notes == ["empty cells at the end of a row end its sequence: 1 to 2 steps"]


def test_wide_form_with_groups_and_windows():
    frame = pl.DataFrame({"who": ["p", "q"], "a0": [1, 4], "a1": [2, 5], "a2": [3, 6]})
    made = sequences(frame, wide=True, group="who", window=2, step=1)
    assert values(made) == [[[1], [2]], [[2], [3]], [[4], [5]], [[5], [6]]]
    assert made.groups.tolist() == ["p", "p", "q", "q"]
