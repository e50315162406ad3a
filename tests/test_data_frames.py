"""Long and wide tables, from polars and pandas, into sequences; every refusal by its exact text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruvy.data import Sequences, sequences
from gruvy.errors import DataError, InputError, InputTypeError

pl = pytest.importorskip("polars")

LONG = {
    "id": ["b", "a", "b", "a", "a"],
    "time": [2, 1, 1, 3, 2],
    "x": [20.0, 1.0, 10.0, 3.0, 2.0],
    "y": [0.2, 0.1, 0.1, 0.3, 0.2],
    "label": ["up", "down", "up", "down", "down"],
}
WANTED = [[[10, 0.1], [20, 0.2]], [[1, 0.1], [2, 0.2], [3, 0.3]]]


def values(made: Sequences) -> list:
    return [x.tolist() for x in made.x]


def pandas_frame(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


@pytest.mark.parametrize("frame", [pl.DataFrame, pl.LazyFrame, pandas_frame], ids=["polars", "lazy", "pandas"])
def test_long_form(frame):
    made = sequences(frame(LONG), target="label")
    assert values(made) == WANTED
    assert (made.ids, made.y.tolist(), made.features, made.target) == (
        ["b", "a"],
        ["up", "down"],
        ["x", "y"],
        ["label"],
    )
    assert made.notes == ["column 'id' is taken as the id", "column 'time' is taken as the time"]


def test_named_columns_are_not_guessed():
    frame = pl.DataFrame(LONG).rename({"id": "who", "time": "when"})
    made = sequences(frame, id="who", time="when", target="label", features=["y"])
    assert [x[:, 0].tolist() for x in made.x] == [[0.1, 0.2], [0.1, 0.2, 0.3]]
    assert made.notes == []


def test_a_guessable_name_may_be_a_feature():
    made = sequences(pl.DataFrame(LONG), features=["time", "x"])
    assert values(made) == [[[2, 20], [1, 10]], [[1, 1], [3, 3], [2, 2]]]


def test_ignored_columns_may_be_absent():
    assert sequences(pl.DataFrame(LONG), ignore=["label", "gone"]).features == ["x", "y"]


def test_pandas_types():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "kind": pd.Categorical(["u", "u", "v"]),
            "count": pd.array([1, 2, 3], dtype="Int64"),
            "on": [True, False, True],
            "when": pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-01"]).tz_localize("UTC"),
            "mixed": [1, "2.5", 3.0],
        }
    )
    made = sequences(frame, id="kind", time="when")
    assert values(made) == [[[2, 0, 2.5], [1, 1, 1]], [[3, 1, 3]]]


def test_a_named_pandas_index_is_columns():
    made = sequences(pandas_frame(LONG).set_index(["id", "time"]), target="label")
    assert values(made) == WANTED


@pytest.mark.parametrize(
    ("column", "wanted", "kind"),
    [
        ([1, 1, 2], [1, 2], "i"),
        (["1", "1", "2"], [1, 2], "i"),
        (["0.5", "0.5", "2"], [0.5, 2.0], "f"),
        (["007", "007", "1"], ["007", "1"], "U"),
        (["07.5", "07.5", "1"], ["07.5", "1"], "U"),
        ([True, True, False], [True, False], "b"),
        ([" a", "a ", "b"], ["a", "b"], "U"),
    ],
)
def test_targets_keep_their_type(column, wanted, kind):
    frame = pl.DataFrame({"id": [1, 1, 2], "x": [0, 0, 0], "t": column})
    made = sequences(frame, target="t", target_at="last")
    assert made.y.tolist() == wanted
    assert made.y.dtype.kind == kind


def test_several_targets():
    frame = pl.DataFrame({"id": [1, 1, 2], "x": [0, 0, 0], "t": [1, 1, 2], "u": [0.5, 0.5, 1.5]})
    assert sequences(frame, target=["t", "u"]).y.tolist() == [[1, 0.5], [2, 1.5]]
    assert sequences(frame, target=["t"], ignore=["u"]).y.tolist() == [1, 2]


@pytest.mark.parametrize(
    "times",
    [
        ["10", "9", "8"],
        ["2020-03-01", "2020-02-01", "2020-01-01"],
        ["01/03/2020", "02/02/2020", "03/01/2020"],
        ["2020-01-01 10:00:02", "2020-01-01 10:00:01", "2020-01-01 09:59:59"],
        ["12:00:02", "12:00:01", "11:00:00"],
        [3.5, 2.5, -1.0],
    ],
)
def test_what_time_may_be(times):
    frame = pl.DataFrame({"id": ["a"] * 3, "when": times, "x": [3, 2, 1]})
    assert values(sequences(frame, time="when")) == [[[1], [2], [3]]]


def test_equal_times_keep_their_order():
    frame = pl.DataFrame({"id": ["a"] * 3, "t": [1, 0, 1], "x": [2, 1, 3]})
    assert values(sequences(frame)) == [[[1], [2], [3]]]


def test_groups():
    frame = pl.DataFrame(LONG).with_columns(who=pl.Series([7, 8, 7, 8, 8]))
    made = sequences(frame, target="label", group="who")
    assert made.groups.tolist() == ["7", "8"]
    assert made.features == ["x", "y"]


def test_windows():
    frame = pl.DataFrame({"id": ["a"] * 7 + ["b"] * 2, "x": range(9), "y": list("uuuuvvv") + ["w"] * 2})
    made = sequences(frame, target="y", window=3, step=2, target_at="last")
    assert [x[:, 0].tolist() for x in made.x] == [[0, 1, 2], [2, 3, 4], [4, 5, 6], [7, 8]]
    assert made.ids == ["a[0:3]", "a[2:5]", "a[4:7]", "b[0:2]"]
    assert made.groups.tolist() == ["a", "a", "a", "b"]
    assert made.y.tolist() == ["u", "v", "v", "w"]
    assert made.notes[-1] == "2 recordings were cut into 4 windows"


def test_windows_of_one_recording_without_ids():
    made = sequences(pl.DataFrame({"x": range(7)}), window=3)
    assert [x[:, 0].tolist() for x in made.x] == [[0, 1, 2], [3, 4, 5]]
    assert made.ids == ["frame[0:3]", "frame[3:6]"]


def test_a_named_group_outranks_the_recording():
    frame = pl.DataFrame({"id": ["a"] * 2 + ["b"] * 2, "who": ["p"] * 4, "x": range(4)})
    assert sequences(frame, window=1, group="who").groups.tolist() == ["p"] * 4


GAPS = {"id": ["a", "a", "a", "b", "b"], "x": [1.0, None, None, 4.0, 5.0], "y": [1.0, 2.0, float("nan"), 4.0, 5.0]}


def changed(**columns):
    return pl.DataFrame({**LONG, **columns})


@pytest.mark.parametrize(
    ("frame", "options", "text"),
    [
        (changed(), {"id": "who"}, "frame has no column 'who' (id); its columns are id, time, x, y, label"),
        (changed(), {"time": "who"}, "frame has no column 'who' (time); its columns are id, time, x, y, label"),
        (changed(), {"target": "who"}, "frame has no column 'who' (target); its columns are id, time, x, y, label"),
        (changed(), {"group": "who"}, "frame has no column 'who' (group); its columns are id, time, x, y, label"),
        (
            changed(),
            {"features": ["x", "who"]},
            "frame has no column 'who' (features); its columns are id, time, x, y, label",
        ),
        (
            changed(),
            {},
            "frame, column 'label' holds text such as 'up', and features are numbers: "
            "say that it is the target (--target) or the group (--group), leave it out (--drop), make one channel of "
            "each text (--one-hot), or choose the features (--features)",
        ),
        (
            changed(x=["1", "2", "3", "4", "abc"]),
            {"target": "label"},
            "frame, row 4, column 'x': 'abc' is not a number; if it means a gap: na= (--na)",
        ),
        (
            changed(x=pl.Series(["2020-01-01"] * 5).str.to_date()),
            {"target": "label"},
            "frame, column 'x' holds Date; expected numbers",
        ),
        (
            changed(label=["up", "down", "up", "down", "away"]),
            {"target": "label"},
            "frame, row 4: target 'label' changes from 'down' to 'away' inside sequence 'a'; "
            'target_at="last" (--target-at last) takes the last one, '
            'target_at="each" (--target-at each) one at every step',
        ),
        (
            changed(who=[1, 2, 3, 2, 2]),
            {"target": "label", "group": "who"},
            "frame, row 0: group 'who' changes from '3' to '1' inside sequence 'b'",
        ),
        (
            changed(label=["up", None, "up", None, None]),
            {"target": "label"},
            "frame, row 3: sequence 'a' has no target 'label'",
        ),
        (
            changed(label=["NA", "a", " ", "a", "a"]),
            {"target": "label", "target_at": "last"},
            "frame, row 0: sequence 'b' has no target 'label'",
        ),
        (
            changed(label=[1.0, float("nan"), 1.0, float("nan"), float("nan")]),
            {"target": "label"},
            "frame, row 3: sequence 'a' has no target 'label'",
        ),
        (
            changed(),
            {"target": ["x", "label"], "target_at": "last"},
            "target 'label' is not numeric; several targets must all be numbers",
        ),
        (
            changed(x=[20.0, 1.0, 10.0, float("inf"), 2.0]),
            {"target": "label"},
            "frame, row 3: sequence 'a' has infinity at step 2, feature 'x'; every value must be finite",
        ),
        (
            pl.DataFrame(GAPS),
            {},
            "frame, row 1: sequence 'a' has no value at step 1, feature 'x'; "
            'missing="forward" (--missing forward) carries the last one on',
        ),
        (
            pl.DataFrame({**GAPS, "x": [1.0, 2.0, 3.0, None, 5.0]}),
            {"missing": "forward"},
            "frame, row 3: sequence 'b' has no value at step 0, feature 'x', and none before it to carry forward; "
            'missing="linear", "mean" or "zero" (--missing) fills it, "drop" leaves the sequence out',
        ),
        (
            changed(id=["b", None, "b", "a", "a"]),
            {},
            "frame, row 1, column 'id' (id) is empty; expected a value in every row",
        ),
        (
            changed(time=[1, 2, None, 4, 5]),
            {"target": "label"},
            "frame, row 2, column 'time' (time) is empty; expected a value in every row",
        ),
        (
            changed(time=["1", "2", "x", "4", "5"]),
            {"target": "label"},
            "frame, column 'time' (time): 'x' is neither a number nor part of a column of dates or times",
        ),
        (
            pl.DataFrame({"x": [1.0]}),
            {},
            "frame has no column that tells sequences apart: name it with id= (--id), "
            "or say wide=True (--wide) for one sequence per row, or window= (--window) to cut one long recording",
        ),
        (pl.DataFrame({"id": ["a"]}), {}, "frame has no column left for features; its columns are id"),
        (pl.DataFrame({"id": []}), {}, "frame has no rows; at least 1 is expected"),
        (
            changed(),
            {"wide": True, "time": "time"},
            "time='time' has no meaning in wide form, where the columns are the steps",
        ),
        (
            pl.DataFrame({"a_0": [1, None], "a_1": [2, None]}),
            {"wide": True},
            "frame, row 1 has no values; expected at least 1 step",
        ),
        (
            pl.DataFrame({"a_0": [1, None], "a_1": [2, 2]}),
            {"wide": True},
            "frame, row 1: sequence '1' has no value at step 0, feature 'a'; "
            'missing="forward" (--missing forward) carries the last one on',
        ),
        (
            pl.DataFrame({"a_0": [1], "a_1": [2], "b_0": [3], "b_2": [4]}),
            {"wide": True},
            "frame: channel 'b' has other steps than channel 'a'",
        ),
        (
            pl.DataFrame({"a_0": [1], "a_1": [2]}),
            {"wide": True, "features": ["c"]},
            "frame has no column or channel 'c' (features); its columns are a_0, a_1",
        ),
    ],
)
def test_refusals(frame, options, text):
    with pytest.raises(DataError) as refusal:
        sequences(frame, **options)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"missing": "skip"},
            'missing=\'skip\': expected "error", "forward", "backward", "linear", "mean", "zero" or "drop"',
        ),
        ({"target_at": "first"}, 'target_at=\'first\': expected "constant", "last" or "each"'),
        ({"window": 0}, "window=0: expected a whole number of at least 1"),
        ({"window": True}, "window=True: expected a whole number of at least 1"),
        ({"window": 3, "step": -1}, "step=-1: expected a whole number of at least 1"),
        ({"window": 2.5}, "window=2.5: expected a whole number of at least 1"),
        ({"step": 3}, "step=3: expected window= (--window) with it"),
    ],
)
def test_settings_out_of_range(options, text):
    with pytest.raises(InputError) as refusal:
        sequences(pl.DataFrame(LONG), target="label", **options)
    assert str(refusal.value) == text


def test_no_frame():
    with pytest.raises(InputTypeError) as refusal:
        sequences(LONG)
    assert str(refusal.value) == "frame is of type dict; expected a polars or pandas DataFrame"


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    channels=st.integers(1, 3),
    shuffle=st.randoms(use_true_random=False),
    seed=st.integers(0, 2**31),
)
def test_round_trip_from_long_rows_in_any_order(lengths, channels, shuffle, seed):
    rng = np.random.default_rng(seed)
    x = [rng.standard_normal((length, channels)) for length in lengths]
    rows = [(f"s{i}", t, f"L{i % 2}", *step) for i, one in enumerate(x) for t, step in enumerate(one.tolist())]
    shuffle.shuffle(rows)
    names = [f"c{i}" for i in range(channels)]
    made = sequences(pl.DataFrame(rows, schema=["id", "time", "label", *names], orient="row"), target="label")
    assert sorted(made.ids) == sorted(f"s{i}" for i in range(len(x)))
    for name, got, label in zip(made.ids, made.x, made.y, strict=True):
        i = int(name[1:])
        assert np.array_equal(got, x[i])
        assert label == f"L{i % 2}"


@given(length=st.integers(1, 30), window=st.integers(1, 12), step=st.integers(1, 12))
def test_windows_cover_what_they_say(length, window, step):
    made = sequences(pl.DataFrame({"x": np.arange(float(length))}), window=window, step=step)
    starts = list(range(0, length - window + 1, step)) or [0]
    assert [x[:, 0].tolist() for x in made.x] == [list(range(a, min(a + window, length))) for a in starts]
    for name, x in zip(made.ids, made.x, strict=True):
        first, last = name.removeprefix("frame[").removesuffix("]").split(":")
        assert (x[0, 0], x[-1, 0]) == (int(first), int(last) - 1)
