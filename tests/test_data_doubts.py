"""A stranger's data: what could be read in two ways is read right, refused, or read with a note that says how."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import gruvy
from gruvy.data import Sequences, as_sequences, read, sequences
from gruvy.errors import DataError

pl = pytest.importorskip("polars")


def values(made: Sequences) -> list:
    return [x.tolist() for x in made.x]


WAY = (
    "say which is the id (--id), the target (--target) or the group (--group), leave it out (--drop), or choose the "
    "channels (--features)"
)


def test_wide_form_guesses_the_id_as_long_form_does():
    made = sequences(pl.DataFrame({"Series": [7, 8], "x_0": [1, 3], "x_1": [2, 4]}), wide=True)
    assert (made.ids, values(made)) == (["7", "8"], [[[1], [2]], [[3], [4]]])
    assert made.notes == ["column 'Series' is taken as the id"]


@pytest.mark.parametrize("features", [None, ["v", "w"]], ids=["all", "channels"])
def test_a_text_column_beside_numbered_ones_is_the_id(features):
    """Two channels stay two; once one column without a number strung them together."""
    frame = pl.DataFrame({"case": ["p", "q"], "v_0": [1, 3], "v_1": [2, 4], "w_0": [5, 7], "w_1": [6, 8]})
    made = sequences(frame, wide=True, features=features)
    assert (made.features, made.ids) == (["v", "w"], ["p", "q"])
    assert values(made) == [[[1, 5], [2, 6]], [[3, 7], [4, 8]]]
    assert made.notes == ["column 'case' is taken as the id"]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"case": [1, 2]}, f"frame: column 'case' has no number of a step in the name, as 'v_0' has: {WAY}"),
        ({"case": ["a", "a"]}, f"frame: column 'case' has no number of a step in the name, as 'v_0' has: {WAY}"),
        ({"case": ["1", "2"]}, f"frame: column 'case' has no number of a step in the name, as 'v_0' has: {WAY}"),
        (
            {"case": ["a", "b"], "age": [30, 40]},
            f"frame: columns 'case', 'age' have no number of a step in the name, as 'v_0' has: {WAY}",
        ),
    ],
    ids=["numbers", "a name twice", "numbers as text", "two"],
)
def test_a_column_that_is_no_step_is_refused(columns, text):
    frame = pl.DataFrame({**columns, "v_0": [1, 3], "v_1": [2, 4]})
    with pytest.raises(DataError) as refusal:
        sequences(frame, wide=True)
    assert str(refusal.value) == text
    assert values(sequences(frame, wide=True, features=["v"])) == [[[1], [2]], [[3], [4]]]
    made = sequences(frame, wide=True, id="case", ignore=["age"])
    assert values(made) == [[[1], [2]], [[3], [4]]]


def test_columns_that_are_numbers_are_steps():
    frame = pl.DataFrame({"case": [9, 8], "0.0": [1, 4], "0.5": [2, 5], "1.0": [3, 6]})
    made = sequences(frame, wide=True, id="case")
    assert (made.features, values(made)) == (["x"], [[[1], [2], [3]], [[4], [5], [6]]])
    with pytest.raises(DataError, match=r"^frame: column 'case' has no number of a step in the name, as '0.0' has: "):
        sequences(frame, wide=True)


def test_columns_without_numbers_are_told():
    made = sequences(pl.DataFrame({"jan": [1], "feb": [2], "mar": [3]}), wide=True)
    assert values(made) == [[[1], [2], [3]]]
    assert made.notes == ["columns 'jan' to 'mar' are taken as 3 steps of one channel"]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
@pytest.mark.parametrize("start", [0, 1], ids=["pandas", "R"])
def test_the_column_that_counts_the_rows_is_left_out(tmp_path: Path, name, start):
    path = tmp_path / "d.csv"
    path.write_text(f"{name},id,x\n" + "".join(f"{start + i},{'aab'[i]},{i}\n" for i in range(3)))
    made = read(path)
    assert (made.features, values(made)) == (["x"], [[[0], [1]], [[2]]])
    assert made.notes == ["column 'id' is taken as the id", f"column {name!r}, which counts the rows, is left out"]
    path.write_text(f"{name},x_0,x_1\n" + "".join(f"{start + i},{i},{i}\n" for i in range(3)))
    made = read(path, wide=True)
    assert (made.features, values(made)) == (["x"], [[[0], [0]], [[1], [1]], [[2], [2]]])


def test_the_column_that_counts_the_rows_of_each_sequence_is_left_out(tmp_path: Path):
    """Frames joined by pandas, and the recordings in a folder."""
    (tmp_path / "d.csv").write_text(",id,x\n0,a,1\n1,a,2\n0,b,3\n")
    assert read(tmp_path / "d.csv").features == ["x"]
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "pq":
        (folder / f"{name}.csv").write_text(",x\n0,1\n1,2\n")
    assert values(read(folder)) == [[[1], [2]]] * 2


@pytest.mark.parametrize("wide", [False, True])
def test_a_nameless_column_that_does_not_count_is_refused(wide):
    frame = pl.DataFrame({"Unnamed: 0": [0, 2, 1], "id": ["a", "a", "b"], "x_0": [1, 2, 3]})
    with pytest.raises(DataError) as refusal:
        sequences(frame, wide=wide)
    assert str(refusal.value) == (
        "frame, column 'Unnamed: 0' has no name of its own and does not count the rows: "
        "give it a name, or choose the features (--features)"
    )
    assert sequences(frame, features=["Unnamed: 0", "x_0"]).channels == 2


def frame_of_steps(names):
    pd = pytest.importorskip("pandas")
    index = pd.MultiIndex.from_product([["b", "a"], [1, 0]], names=names)
    return pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [5.0, 6.0, 7.0, 8.0]}, index=index)


@pytest.mark.parametrize(
    ("names", "named"), [(("case", "when"), ("case", "when")), ((None, None), ("level_0", "level_1"))]
)
def test_a_frame_with_one_row_a_step_is_no_table_of_sequences(names, named):
    """Fit took its 4 rows for 4 sequences; `sequences` reads the 2 that there are, each in order of time."""
    frame = frame_of_steps(names)
    text = (
        "X is a frame with an index of 2 levels, one row per step; expected a list of (steps, channels) arrays, a "
        "(sequences, steps, channels) array or a (sequences, steps) array: "
        f"gruvy.sequences(X, id={named[0]!r}, time={named[1]!r}).x makes one"
    )
    pytest.importorskip("sklearn")
    for attempt in (as_sequences, lambda X: gruvy.GRUClassifier(max_epochs=1).fit(X, [0, 1, 0, 1])):
        with pytest.raises(DataError) as refusal:
            attempt(frame)
        assert str(refusal.value) == text
    made = gruvy.sequences(frame, id=named[0], time=named[1])
    assert (made.ids, values(made)) == (["b", "a"], [[[2, 6], [1, 5]], [[4, 8], [3, 7]]])


def walk(*shape: int, axis: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).normal(size=shape), axis=axis)


@pytest.mark.parametrize("shape", [(20, 3, 150), (20, 1, 30), (5, 6, 100)])
def test_channels_before_steps_are_doubted(shape):
    X = walk(*shape, axis=2)
    _, a, b = shape
    text = (
        f"X has shape {shape}: taken as {a} step{'s' * (a > 1)} of {b} channels, yet it looks like {b} steps of "
        f"{a} channel{'s' * (a > 1)}; for (sequences, channels, steps) pass X.transpose(0, 2, 1), "
        "else list(X) to be sure"
    )
    with pytest.warns(UserWarning, match="taken as") as told:
        made = as_sequences(X)
    assert [str(one.message) for one in told] == [text]
    assert made[0].shape == (a, b)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_sequences(list(X))[0].shape == (a, b)
        assert as_sequences(X.transpose(0, 2, 1))[0].shape == (b, a)
        assert as_sequences(X, channels=b)[0].shape == (a, b)


@pytest.mark.parametrize(
    "X",
    [
        walk(20, 150, 3, axis=1),
        walk(20, 30, 64, axis=2),
        np.random.default_rng(0).normal(size=(20, 10, 300)),
        np.eye(50)[np.random.default_rng(0).integers(0, 50, (20, 5))],
        np.ones((20, 2, 40)),
    ],
    ids=["steps first", "spectra", "embeddings", "one-hot", "constant"],
)
def test_steps_before_channels_are_not_doubted(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert as_sequences(X)[0].shape == X.shape[1:]


@pytest.mark.parametrize(
    ("dates", "rows", "note"),
    [
        (
            ["01/02/2024", "02/01/2024"],
            [2, 1],
            "days and months of column 'when' could be either and are read as day/month/year; "
            "dates like 2024-12-31 leave no doubt",
        ),
        (
            ["3-1-2024 10:00", "1-3-2024 09:00"],
            [1, 2],
            "days and months of column 'when' could be either and are read as day/month/year; "
            "dates like 2024-12-31 leave no doubt",
        ),
        (["01/02/2024", "03/04/2024"], [1, 2], None),
        (["01/02/2024 11:00", "01/02/2024 10:00"], [2, 1], None),
        (["13/02/2024", "02/01/2024"], [2, 1], None),
        (["2024-01-02", "2024-02-01"], [1, 2], None),
        (
            ["02/13/2024", "03/01/2024"],
            [1, 2],
            "days and months of column 'when' are read as month/day/year, as only this fits every row",
        ),
    ],
    ids=["either", "with time", "same order", "same day", "days first", "ISO", "months first"],
)
def test_days_and_months(dates, rows, note):
    made = sequences(pl.DataFrame({"who": ["a", "a"], "when": dates, "x": [1, 2]}), id="who", time="when")
    assert made.x[0][:, 0].tolist() == rows
    assert made.notes == ([] if note is None else [note])
