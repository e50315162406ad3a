"""Gaps, categories and true and false among the channels: each rule by numbers written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from gruvy.data import sequences, shards
from gruvy.errors import DataError, InputError

pl = pytest.importorskip("polars")

N = None
IDS = ["a"] * 6 + ["b"] * 2
X = [N, 1.0, N, N, 4.0, N, N, 8.0]


def column(made: Any, channel: int = 0) -> list[Any]:
    return [value for x in made.x for value in x[:, channel].tolist()]


def frame(x: list[Any] = X, **more: list[Any]) -> Any:
    return pl.DataFrame({"id": IDS, "x": x, **more})


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("backward", [1, 1, 4, 4, 4, 9, 8, 8]),
        ("linear", [1, 1, 2, 3, 4, 9, 8, 8]),
        ("mean", [14 / 3, 1, 14 / 3, 14 / 3, 4, 9, 8, 8]),
        ("zero", [0, 1, 0, 0, 4, 9, 0, 8]),
    ],
)
def test_each_rule(rule: str, wanted: list[float]) -> None:
    x = [*X[:5], 9.0, *X[6:]]
    assert column(sequences(frame(x), missing=rule)) == wanted


def test_linear_holds_the_first_and_the_last_value() -> None:
    assert column(sequences(frame(), missing="linear")) == [1, 1, 2, 3, 4, 4, 8, 8]


def test_forward_does_not_reach_into_the_next_sequence() -> None:
    assert column(sequences(frame([3.0, N, 5.0, N, N, N, 7.0, N]), missing="forward")) == [3, 3, 5, 5, 5, 5, 7, 7]
    with pytest.raises(
        DataError, match=r"^frame, row 6: sequence 'b' has no value at step 0, feature 'x', and none be"
    ):
        sequences(frame([3.0, N, 5.0, N, N, N, N, 7.0]), missing="forward")


def test_backward_does_not_reach_into_the_next_sequence() -> None:
    with pytest.raises(DataError) as refusal:
        sequences(frame(), missing="backward")
    assert str(refusal.value) == (
        "frame, row 5: sequence 'a' has no value at step 5, feature 'x', and none after it to carry backward; "
        'missing="linear", "mean" or "zero" (--missing) fills it, "drop" leaves the sequence out'
    )


@pytest.mark.parametrize("rule", ["linear", "mean"])
def test_a_sequence_without_any_value(rule: str) -> None:
    with pytest.raises(DataError) as refusal:
        sequences(frame([*X[:6], N, N]), missing=rule)
    assert str(refusal.value) == (
        "frame, row 6: sequence 'b' has no value at step 0, feature 'x', and none elsewhere in the sequence; "
        'missing="zero" (--missing zero) fills it, "drop" leaves the sequence out'
    )


def test_an_infinity_is_not_spread() -> None:
    with pytest.raises(
        DataError, match=r"^frame, row 1: sequence 'a' has infinity at step 1, feature 'x'; every value"
    ):
        sequences(frame([N, float("inf"), *X[2:]]), missing="mean")


def test_drop_leaves_out_sequences_and_windows() -> None:
    full = [float(n) for n in range(6)]
    made = sequences(frame([*full, N, 8.0], y=[*"uuuuuu", *"vv"]), missing="drop", target="y")
    assert (made.ids, made.y.tolist(), column(made)) == (["a"], ["u"], full)
    assert made.notes[-1] == "1 of 2 sequences left out for their gaps: b"
    made = sequences(frame([0.0, N, *full[2:], N, 8.0]), missing="drop", window=2)
    assert (made.ids, column(made), made.groups.tolist()) == (["a[2:4]", "a[4:6]"], [2, 3, 4, 5], ["a", "a"])
    assert made.notes[-1] == "2 of 4 sequences left out for their gaps: a[0:2], b[0:2]"
    with pytest.raises(
        DataError, match=r'^frame: missing="drop" \(--missing drop\) leaves no sequence: each has a gap$'
    ):
        sequences(frame(), missing="drop")


def test_indicators() -> None:
    made = sequences(frame(z=[1.0] * 8), missing="zero", indicator=True)
    assert made.features == ["x", "z", "x_missing"]
    assert column(made, 2) == [1, 0, 1, 1, 0, 1, 1, 0]
    assert made.found == {"features": ["x", "z"], "indicator": ["x"]}
    again = sequences(frame([1.0] * 8, z=[N, *[1.0] * 7]), missing="zero", **made.found)
    assert (again.features, column(again, 2)) == (made.features, [0] * 8)
    for options, text in (
        ({"missing": "error"}, 'indicator=True (--indicator) with missing="error": expected a rule that fills gaps, '
         'such as missing="linear" (--missing linear)'),
    ):  # fmt: skip
        with pytest.raises(InputError) as refusal:
            sequences(frame(), indicator=True, **options)
        assert str(refusal.value) == text
    with pytest.raises(DataError, match="has a column 'x_missing', the name of the channel that indicator="):
        sequences(frame(x_missing=[1.0] * 8), missing="zero", indicator=True)
    with pytest.raises(DataError, match=r"^frame has no channel 'w' \(indicator\); its channels are x$"):
        sequences(frame(), missing="zero", indicator=["w"])


def test_indicators_in_wide_form() -> None:
    wide = pl.DataFrame({"x_0": [N, 2.0], "x_1": [3.0, 4.0]})
    made = sequences(wide, wide=True, missing="backward", indicator=True)
    assert [x.tolist() for x in made.x] == [[[3, 1], [3, 0]], [[2, 0], [4, 0]]]
    assert sequences(wide, wide=True, missing="backward", **made.found).features == ["x", "x_missing"]


HUES = ["red", " blue", "red", N, "blue", "red", "red", "NA"]


def test_one_hot() -> None:
    made = sequences(frame([1.0] * 8, hue=HUES), one_hot="hue", missing="forward")
    assert made.features == ["x", "hue=blue", "hue=red"]
    assert (column(made, 1), column(made, 2)) == ([0, 1, 0, 0, 1, 0, 0, 0], [1, 0, 1, 1, 0, 1, 1, 1])
    assert made.found == {"features": ["x", "hue"], "one_hot": {"hue": ["blue", "red"]}}
    hues = ["mauve", "blue", "green", "mauve", *["red"] * 4]
    again = sequences(frame([1.0] * 8, hue=hues), **made.found)
    assert again.features == made.features
    assert (column(again, 1), column(again, 2)) == ([0, 1, *[0] * 6], [*[0] * 4, *[1] * 4])
    assert again.notes[-1] == (
        "column 'hue' has 3 cells of no category known in training, 'mauve', 'green': 0 in each of its channels"
    )


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"one_hot": "tint"}, DataError, "frame has no column 'tint' (one_hot); its columns are id, x, hue"),
        ({"one_hot": "hue", "features": ["x"]}, DataError, "frame: column 'hue' (one_hot) is not among the features"),
        ({"one_hot": "hue", "target": "hue"}, InputError, "one_hot='hue': expected another column than that of target"),
        ({"drop": "hue", "group": "hue"}, InputError, "drop='hue': expected another column than that of group"),
        ({"drop": ["x", "hue"]}, DataError, "frame has no column left for features; its columns are id, x, hue"),
        ({"drop": "tint"}, DataError, "frame has no column 'tint' (drop); its columns are id, x, hue"),
        ({"one_hot": "hue", "wide": True}, DataError,
         "one_hot=hue has no meaning in wide form, where the columns are the steps"),
        ({"decimal": "'"}, InputError, 'decimal="\'": expected "." or ","'),
        ({"na": "red"}, DataError, "frame, column 'hue' holds text such as ' blue', and features are numbers: say that "
         "it is the target (--target) or the group (--group), leave it out (--drop), make one channel of each text "
         "(--one-hot), or choose the features (--features)"),
    ],
)  # fmt: skip
def test_refusals(options: dict[str, Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as refusal:
        sequences(frame([1.0] * 8, hue=HUES), missing="zero", **options)
    assert str(refusal.value) == text


def test_too_many_categories() -> None:
    names = pl.DataFrame({"id": ["a"] * 101, "name": [f"n{i}" for i in range(101)]})
    with pytest.raises(DataError, match=r"^frame, column 'name' \(one_hot\) has 101 categories; expected 1 to 100$"):
        sequences(names, one_hot="name")


def test_a_channel_of_one_hot_with_the_name_of_a_column() -> None:
    with pytest.raises(DataError, match=r"^frame has a column 'hue=red', the name of a channel of one_hot="):
        sequences(frame([1.0] * 8, **{"hue": HUES, "hue=red": [1.0] * 8}), one_hot="hue", missing="zero")


def test_texts_that_mean_a_gap() -> None:
    cells = ["-999", "-999.0", "1", "None", "Broken", "2", "3", "-99"]
    made = sequences(frame(cells), na=["-999", "broken"], missing="zero")
    assert column(made) == [0, 0, 1, 0, 0, 2, 3, -99]
    assert column(sequences(frame([-999, 2, *range(6)]), na="-999", missing="zero")) == [0, 2, *range(6)]


def test_true_and_false_are_numbers_where_nothing_else_is() -> None:
    made = sequences(frame(["True", "FALSE", "", "false", *["true"] * 4]), missing="zero")
    assert column(made) == [1, 0, 0, 0, 1, 1, 1, 1]
    wide = pl.DataFrame({f"x_{i}": ["True", "false"] for i in range(5)})
    made = sequences(wide, wide=True)
    assert [x[:, 0].tolist() for x in made.x] == [[1] * 5, [0] * 5]
    assert made.notes == ["true and false in columns 'x_0', 'x_1', 'x_2' and 2 more are read as 1 and 0"]
    with pytest.raises(DataError, match="'True' is not a number"):
        sequences(frame(["True", "0.5", *["1"] * 6]))
    with pytest.raises(DataError, match="holds text such as 'yes', and features are numbers"):
        sequences(frame(["yes", "no"] * 4))


def test_decimal_commas_in_targets_and_times() -> None:
    made = sequences(frame(["1,5"] * 8, time=["2,5", "1,5", *"345678"], y=["7,25"] * 8), decimal=",", target="y")
    assert (made.y.tolist(), column(made)) == ([7.25, 7.25], [1.5] * 8)
    with pytest.raises(DataError, match=r"row 0, column 'x': '1.5' is not a number; decimal='.' \(--decimal .\) reads"):
        sequences(frame(["1.5", *["1,5"] * 7]), decimal=",")


def test_shards_leave_out_columns_and_know_texts_for_gaps(tmp_path: Any) -> None:
    table = pl.DataFrame({"id": IDS, "x": [-1, *range(7)], "name": ["n"] * 8, "y": [*"uuuuuu", *"vv"]})
    table.write_parquet(tmp_path / "s.parquet")
    made = shards(tmp_path, id="id", target="y", drop="name", na="-1", missing="backward")
    assert column(made.read(0)) == [0, *range(7)]
