"""Targets at every step: from the rows of tables, from archives, and from labels of stretches of time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruvy.data import SoundFeatures, labels_at, read, sequences
from gruvy.data.intervals import read_track
from gruvy.data.options import Options
from gruvy.errors import DataError, InputError

soundfile = pytest.importorskip("soundfile")

LONG = {
    "id": ["a", "b", "a", "b", "a"],
    "t": [2.0, 0.0, 0.0, 1.0, 1.0],
    "x": [2.0, 3.0, 0.0, 4.0, 1.0],
    "label": ["up", "up", "down", "down", "up"],
    "p": [1, 0, 0, 1, 1],
    "q": [0, 0, 1, 1, 0],
}


def listed(made):
    return [each.tolist() for each in made.y]


def test_a_column_of_the_rows_in_order_of_time(tmp_path):
    frame = pl.DataFrame(LONG)
    frame.write_csv(tmp_path / "d.csv")
    frame.write_parquet(tmp_path / "d.parquet")
    asked = {"target": "label", "target_at": "each", "features": ["x"]}
    for made in (
        sequences(frame, **asked),
        sequences(pd.DataFrame(LONG), **asked),
        read(tmp_path / "d.csv", **asked),
        read(tmp_path / "d.parquet", **asked),
    ):
        assert listed(made) == [["down", "up", "up"], ["up", "down"]]
        assert [x[:, 0].tolist() for x in made.x] == [[0, 1, 2], [3, 4]]
        assert repr(made) == "Sequences(2 of 2 to 3 steps, 1 channel: x; label: down 2, up 3 at the steps)"


def test_several_columns_and_equal_lengths():
    frame = pl.DataFrame(LONG).filter(pl.col("t") < 2)
    made = sequences(frame, target=["p", "q"], target_at="each", features=["x"])
    assert listed(made) == [[[0, 0], [1, 1]], [[0, 1], [1, 0]]]
    assert made.y.shape == (2,)
    assert repr(made).endswith("p, q: 0 to 1, 2 at each step)")


def test_windows_cut_the_targets_too():
    frame = pl.DataFrame({"x": range(7), "y": list("uuvvwwu")})
    made = sequences(frame, target="y", target_at="each", window=3, step=2)
    assert listed(made) == [["u", "u", "v"], ["v", "v", "w"], ["w", "w", "u"]]
    assert made.select([2, 0]).y[0].tolist() == ["w", "w", "u"]


def test_a_sequence_left_out_takes_its_targets_along():
    frame = pl.DataFrame({"id": list("aabbb"), "x": [1, 2, None, 4, 5], "y": [1.5, 2.5, 3.5, 4.5, 5.5]})
    assert listed(sequences(frame, target="y", target_at="each", missing="drop")) == [[1.5, 2.5]]


@pytest.mark.parametrize(
    ("columns", "options", "text"),
    [
        ({"label": ["up", None, "down", "down", "up"]}, {"target": "label"},
         "frame, row 1: sequence 'b' has no target 'label'"),
        ({"label": [1.0, 2.0, np.inf, 1.0, 1.0]}, {"target": "label"},
         "frame, row 2: sequence 'a' has infinity as target 'label'; every value must be finite"),
        ({}, {"target": ["p", "label"]}, "target 'label' is not numeric; several targets must all be numbers"),
        ({}, {"target": "label", "wide": True},
         "frame: a target at every step has no meaning in wide form (--wide), where a row is a sequence"),
    ],
)  # fmt: skip
def test_refusals(columns, options, text):
    with pytest.raises(DataError) as refusal:
        sequences(pl.DataFrame({**LONG, **columns}), target_at="each", features=["x"], **options)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("arrays", "shapes"),
    [
        ({"values": np.zeros((5, 2)), "lengths": [2, 3], "y": np.arange(5)}, [(2,), (3,)]),
        ({"values": np.zeros((5, 2)), "lengths": [2, 3], "y": np.zeros((5, 88), np.int8)}, [(2, 88), (3, 88)]),
        ({"X": np.zeros((2, 3, 1)), "y": np.zeros((2, 3, 4))}, [(3, 4), (3, 4)]),
        ({"X": np.zeros((2, 3, 1)), "y": np.zeros((2, 3))}, [(3,), (3,)]),
        ({"values": np.zeros((5, 2)), "lengths": [2, 3], "y": np.zeros((2, 7))}, [(7,), (7,)]),  # 7 numbers a sequence
    ],
)
def test_archives(tmp_path, arrays, shapes):
    np.savez(tmp_path / "d.npz", **arrays)
    made = read(tmp_path / "d.npz")
    assert [each.shape for each in made.y] == shapes
    if arrays["y"].shape == (5,):
        assert listed(made) == [[0, 1], [2, 3, 4]]


def test_an_archive_with_targets_of_more_steps(tmp_path):
    np.savez(tmp_path / "d.npz", X=np.zeros((2, 3, 1)), y=np.zeros((2, 4, 5)))
    with pytest.raises(DataError) as refusal:
        read(tmp_path / "d.npz")
    assert str(refusal.value) == "y has shape (2, 4, 5); expected targets for the 3 steps of sequence 0"


@pytest.mark.parametrize(
    ("intervals", "found"),
    [
        ([], "-----"),
        ([(1, 3, "a")], "-aa--"),
        ([(0.5, 2.5, "a"), (3, 9, "b")], "-aabb"),
        ([(2, 2, "a")], "--a--"),
        ([(1.2, 1.4, "a")], "--a--"),
        ([(4.5, 4.6, "a")], "----a"),
        ([(0, 2, "a"), (1, 3, "a")], "aaa--"),
        ([(1, 2, "a"), (2, 3, "b")], "-ab--"),
        ([(-3, 0.5, "a")], "a----"),
    ],
)
def test_a_step_has_the_label_that_its_time_lies_in(intervals, found):
    assert "".join(labels_at(range(5), intervals, "-")) == found


def test_a_time_that_is_rounded():
    """0.1 + 0.2 lies in what begins at 0.3, and not in what ends there."""
    assert labels_at([0.2, 0.1 + 0.2], [(0.1, 0.3, "a"), (0.3, 1, "b")]).tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("intervals", "text"),
    [
        ([(2, 1, "a")], "intervals[0]: 'a' from 2 to 1; expected an end that is not before the start"),
        ([(np.nan, 1, "a")], "intervals[0]: 'a' from nan to 1; expected an end that is not before the start"),
        ([(0, 1, "a"), (5.1, 6, "b")],
         "intervals[1]: 'b' from 5.1 to 6 begins after the recording, whose last step is at 4"),
        ([(0, 2, "a"), (1, 3, "b")],
         "intervals[1]: 'b' from 1 to 3 shares the step at 1 with 'a'; expected one label a step"),
    ],
)  # fmt: skip
def test_intervals_that_are_refused(intervals, text):
    with pytest.raises(DataError) as refusal:
        labels_at(range(5), intervals)
    assert str(refusal.value) == text


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_recordings(seconds=0.1, rate=8000):
    """Two recordings of silence; the first step of their features ends at 0.025, the next at 0.035 seconds."""
    Path("rec").mkdir()
    for name in "ab":
        soundfile.write(f"rec/{name}.wav", np.zeros(round(seconds * rate)), rate)


def test_audacity_tracks_beside_recordings(here):
    write_recordings()
    Path("rec/a.txt").write_text("0.030000\t0.050000\tseven\n\\\t100.0\t4000.0\n0.090000\t0.090000\tclick\n")
    Path("rec/b.txt").write_text("")
    made = read("rec", target_at="each")
    times = 0.025 + 0.01 * np.arange(8)  # the ends of the windows
    wanted = ["seven" if 0.03 <= t < 0.05 else "click" if 0.09 <= t < 0.1 else "background" for t in times]
    assert listed(made) == [wanted, ["background"] * 8]
    assert wanted.count("seven") == 2
    assert (made.target, made.found["background"]) == (["label"], "background")
    alone = read("rec/a.wav", target_at="each", background="none")
    assert listed(alone) == [[label.replace("background", "none") for label in wanted]]
    assert read("rec").y is None
    slow = read("rec", target_at="each", sound=SoundFeatures(rate=8000, window=0.05, step=0.02))
    assert listed(slow)[0] == ["seven", "background", "click"]  # at 0.05, the first after it, 0.07, 0.09


def test_a_table_of_intervals(here):
    write_recordings()
    Path("marks.csv").write_text("file,start,end,label\na.wav,0.03,0.05,x\nb.wav,0.0,0.03,y\n")
    made = read("rec", target_at="each", labels="marks.csv")
    assert listed(made) == [["background", "x", "x"] + ["background"] * 5, ["y"] + ["background"] * 7]


def test_a_table_of_intervals_in_the_folder(here):
    """A labels.csv with start and end; without them it has a label for each recording, as ever."""
    write_recordings()
    Path("rec/labels.csv").write_text("file,start,end,label\na.wav,0.03,0.05,x\n")
    assert listed(read("rec", target_at="each")) == [["background", "x", "x"] + ["background"] * 5, ["background"] * 8]
    Path("rec/labels.csv").write_text("file,label\na.wav,x\nb.wav,y\n")
    assert read("rec", target_at="each").y.tolist() == ["x", "y"]


def test_a_column_of_times(here):
    pl.DataFrame({k: LONG[k] for k in ("id", "t", "x")}).write_csv("d.csv")
    Path("d.txt").write_text("0\t1\tz\n")
    Path("marks.tsv").write_text("id\tonset\toffset\tclass\na\t1\t3\tz\n")
    made = read("d.csv", target_at="each", labels="marks.tsv", background="-")
    assert listed(made) == [["-", "z", "z"], ["-", "-"]]
    pl.DataFrame({"t": [0.0, 0.5, 1.0], "x": [1, 2, 3]}).write_csv("d.csv")
    assert listed(read("d.csv", target_at="each", window=3)) == [["z", "z", "background"]]


def test_tables_in_a_folder(here):
    Path("tab").mkdir()
    for name in "ab":
        pl.DataFrame({"t": [0.0, 0.5, 1.0], "x": [1, 2, 3]}).write_csv(f"tab/{name}.csv")
        Path(f"tab/{name}.txt").write_text(f"0,5\t1\t{name}\n")
    assert listed(read("tab", target_at="each", time="t")) == [
        ["background", "a", "background"],
        ["background", "b", "background"],
    ]


@pytest.mark.parametrize(
    ("files", "options", "error", "text"),
    [
        ({"rec/a.txt": ""}, {}, DataError,
         "rec/b.txt does not exist; expected a label track, if empty, of each recording"),
        ({"rec/a.txt": "0\t1\tx\n", "rec/b.txt": "0 1 x\n"}, {}, DataError,
         "rec/b.txt, line 1: '0 1 x'; expected start, end and label, a tab between"),
        ({"m.csv": "file,start,end,label\nc.wav,0,1,x\n"}, {"labels": "m.csv"}, DataError,
         "m.csv, line 2: there is no recording 'c'"),
        ({"m.csv": "start,end,label\n0,1,x\n"}, {"labels": "m.csv"}, DataError,
         "m.csv does not say of which recording; expected a column file or id in a table"),
        ({"m.csv": "file,start,label\na,0,x\n"}, {"labels": "m.csv"}, DataError,
         "m.csv has no column 'end'; expected start, end and label, and file for several"),
        ({}, {"labels": "m.csv"}, DataError, "m.csv does not exist; expected the intervals of labels= (--labels)"),
        ({}, {"labels": "m.csv", "target_at": "constant"}, InputError,
         'labels=\'m.csv\': expected target_at="each" (--task tag) with it'),
        ({}, {"labels": "m.csv", "target": "y"}, InputError,
         "labels='m.csv': gives the target; expected no target= (--target) with it"),
    ],
)  # fmt: skip
def test_labels_that_are_refused(here, files, options, error, text):
    write_recordings()
    for name, content in files.items():
        Path(name).write_text(content)
    with pytest.raises(error) as refusal:
        read("rec", **{"target_at": "each", **options})
    assert str(refusal.value) == text


def test_a_table_without_times(here):
    pl.DataFrame({"id": ["a", "a"], "x": [1, 2]}).write_csv("d.csv")
    Path("d.txt").write_text("0\t1\tz\n")
    with pytest.raises(DataError) as refusal:
        read("d.csv", target_at="each")
    assert str(refusal.value) == "d.csv has no column of times, and d.txt needs one: time= (--time)"


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=60) | st.text("0123456789.,-\t\\\n eninfa", max_size=40).map(str.encode))
def test_any_bytes_as_a_label_track(content, tmp_path_factory):
    """They are read, or refused in a sentence that names the file."""
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    told = "any.txt"
    try:
        labels_at(range(5), read_track(path, Options()))
    except DataError as refusal:
        told = str(refusal)
    assert "any.txt" in told
