"""CSV, Parquet, folders and NumPy archives, written by hand and read back; every refusal by its exact text."""

from __future__ import annotations

import numpy as np
import pytest

from gruvy.data import Sequences, read
from gruvy.errors import DataError, MissingExtraError

pl = pytest.importorskip("polars")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path):
    def write_files(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write_files


def values(made: Sequences) -> list:
    return [x.tolist() for x in made.x]


LONG = "id,t,x,y,label\n007,1,1.5,2,up\n007,2,3,4,up\n08,1,5,6e1,down\n"


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        LONG.replace(",", ";"),
        LONG.replace(",", "\t"),
        LONG.replace(",", " , "),
        LONG.replace("\n", "\r\n"),
        "\ufeff" + LONG,
        LONG + "\n\n",
        LONG.replace("up", '"up"'),
    ],
    ids=["commas", "semicolons", "tabs", "spaces", "Windows", "mark", "blank lines", "quotes"],
)
def test_long_csv(write, text):
    write({"data.csv": text})
    made = read("data.csv", target="label")
    assert values(made) == [[[1.5, 2], [3, 4]], [[5, 60]]]
    assert (made.ids, made.y.tolist(), made.features) == (["007", "08"], ["up", "down"], ["x", "y"])


def test_wide_csv(write):
    write({"data.csv": "label,0,1,2\nu,1,2,3\nv,4,5,\n"})
    made = read("data.csv", wide=True, target="label")
    assert values(made) == [[[1], [2], [3]], [[4], [5]]]
    assert made.y.tolist() == ["u", "v"]


def test_a_first_line_of_numbers_is_data(write):
    write({"data.csv": "0.5,2\n3,4\n", "counted.csv": "0,1\n3,4\n"})
    assert values(read("data.csv", wide=True)) == [[[0.5], [2]], [[3], [4]]]
    assert values(read("counted.csv", wide=True)) == [[[3], [4]]]
    assert read("data.csv", wide=True, target="column_1").y.tolist() == [0.5, 3]


@pytest.mark.parametrize("gap", ["", "NA", "nan", "NaN", "null", "?", " "])
def test_what_counts_as_a_gap(write, gap):
    write({"data.csv": f"id,x\na,1\na,{gap}\n"})
    assert values(read("data.csv", missing="forward")) == [[[1], [1]]]
    with pytest.raises(DataError) as refusal:
        read("data.csv")
    assert str(refusal.value) == (
        "data.csv, line 3: sequence 'a' has no value at step 1, feature 'x'; "
        'missing="forward" (--missing forward) carries the last one on'
    )


def test_one_long_recording_in_windows(write):
    write({"data.csv": "x\n" + "\n".join(map(str, range(5))) + "\n"})
    made = read("data.csv", window=2)
    assert values(made) == [[[0], [1]], [[2], [3]]]
    assert (made.ids, made.groups.tolist()) == (["data[0:2]", "data[2:4]"], ["data", "data"])


def test_folder_with_labels_as_subfolders(write):
    write(
        {
            "d/run/2.csv": "time,x,y\n1,5,6\n0,3,4\n",
            "d/walk/1.csv": "time,y,x\n0,2,1\n",
            "d/run/.hidden.csv": "no",
            "d/__MACOSX/run/2.csv": "no",
            "d/read.me": "no",
        }
    )
    made = read("d")
    assert values(made) == [[[3, 4], [5, 6]], [[1, 2]]]
    assert (made.ids, made.y.tolist(), made.features) == (["run/2", "walk/1"], ["run", "walk"], ["x", "y"])
    assert made.target == ["label"]


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("a", "b")])
@pytest.mark.parametrize("column", ["file", "id", "Name"])
def test_folder_with_labels_csv(write, names, column):
    write(
        {
            "d/a.csv": "x\n1\n2\n",
            "d/b.csv": "x\n3\n",
            "d/labels.csv": f"{column},who,label\n{names[1]},q,0.5\n{names[0]},p,1.5\n",
        }
    )
    made = read("d", group="who")
    assert values(made) == [[[1], [2]], [[3]]]
    assert (made.ids, made.y.tolist(), made.groups.tolist(), made.target) == (
        ["a", "b"],
        [1.5, 0.5],
        ["p", "q"],
        ["label"],
    )
    assert read("d", target=["label"], id=column).y.tolist() == [1.5, 0.5]


def test_folder_with_labels_csv_and_paths(write):
    write({"d/p/a.csv": "x\n1\n", "d/q/a.csv": "x\n3\n", "d/labels.csv": "file,y\nq/a.csv,u\np/a.csv,v\n"})
    made = read("d")
    assert (made.ids, made.y.tolist()) == (["p/a", "q/a"], ["v", "u"])


def test_folder_with_the_target_in_each_recording(write):
    write({"d/a.csv": "x,z\n1,u\n2,u\n", "d/b.csv": "x,z\n3,v\n"})
    assert read("d", target="z").y.tolist() == ["u", "v"]
    assert read("d", ignore=["z"]).y is None


def test_folder_in_windows(write):
    write({"d/u/a.csv": "x\n1\n2\n3\n", "d/v/b.csv": "x\n4\n5\n"})
    made = read("d", window=2, step=1)
    assert values(made) == [[[1], [2]], [[2], [3]], [[4], [5]]]
    assert (made.ids[0], made.groups.tolist(), made.y.tolist()) == (
        "u/a[0:2]",
        ["u/a", "u/a", "v/b"],
        ["u", "u", "v"],
    )


def test_npz_of_every_form(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.arange(6.0).reshape(1, 3, 2), y=["u"], ids=["p"], groups=[3], features=["a", "b"])
    made = read("a.npz")
    assert values(made) == [[[0, 1], [2, 3], [4, 5]]]
    assert (made.y.tolist(), made.ids, made.groups.tolist()) == (["u"], ["p"], [3])
    assert (made.features, made.target) == (["a", "b"], ["y"])
    np.savez(tmp_path / "b.npz", X=np.arange(6).reshape(2, 3))
    assert values(read("b.npz")) == [[[0], [1], [2]], [[3], [4], [5]]]
    np.savez(tmp_path / "c.npz", values=np.arange(3), lengths=[2, 1], y=[[1, 2], [3, 4]])
    made = read("c.npz")
    assert (values(made), made.y.tolist()) == ([[[0], [1]], [[2]]], [[1, 2], [3, 4]])


X = np.zeros((2, 3, 1))
OBJECTS = np.empty(1, dtype=object)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({}, "a.npz holds nothing; expected X, or values and lengths"),
        ({"values": [1.0]}, "a.npz holds values; expected X, or values and lengths"),
        ({"X": X, "z": X}, "a.npz holds an array 'z'; expected some of X, values, lengths, y, ids, groups, features"),
        ({"X": X, "lengths": [3]}, "a.npz holds X and values or lengths; expected one or the other"),
        ({"X": X[:, :0]}, "a.npz: X[0] has 0 steps; at least 1 is expected"),
        (
            {"X": np.where(np.arange(3)[:, None] == 1, np.nan, X)},
            "a.npz: X[0] holds NaN at step 1, feature 0; every value must be finite",
        ),
        ({"X": X, "y": [1]}, "y has 1 targets, x has 2 sequences; expected one target per sequence"),
        ({"values": X, "lengths": [1]}, "a.npz: values has shape (2, 3, 1); expected (all steps, channels)"),
        ({"values": [1.0], "lengths": [2]}, "a.npz: lengths add up to 2 steps, values has 1"),
        (
            {"values": [1.0], "lengths": [0.5]},
            "a.npz: lengths must be whole numbers of steps, at least 1, one per sequence",
        ),
        (
            {"values": [1.0], "lengths": [1, 0]},
            "a.npz: lengths must be whole numbers of steps, at least 1, one per sequence",
        ),
        (
            {"X": OBJECTS},
            "a.npz: X holds Python objects, which are not loaded; expected numbers, and for sequences of unequal "
            "length values (all steps, I) and lengths (N,)",
        ),
    ],
)
def test_npz_refusals(tmp_path, arrays, text):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as refusal:
        read("a.npz")
    assert str(refusal.value) == text


NO_TEXT = "a.csv is not UTF-8 text, nor Latin-1: name its encoding (--encoding)"
LABELLED = {"d/a.csv": "x\n1\n", "d/b.csv": "x\n2\n"}


@pytest.mark.parametrize(
    ("files", "path", "options", "text"),
    [
        ({}, "gone.csv", {}, "gone.csv does not exist"),
        (
            {"a.txt": "x"},
            "a.txt",
            {},
            "a.txt has an unknown ending; expected .csv, .tsv, .csv.gz, .tsv.gz, .parquet, .npz, .wav, .flac, .ogg "
            "or a folder",
        ),
        ({"a.csv": ""}, "a.csv", {}, "a.csv is empty"),
        ({"a.csv": "\n\n"}, "a.csv", {}, "a.csv is empty"),
        ({"a.csv": "id,x\n"}, "a.csv", {}, "a.csv has a first line of names and no rows"),
        ({"a.csv": "id,x\n\n"}, "a.csv", {}, "a.csv has a first line of names and no rows"),
        ({"a.csv": "id,x,x\na,1,2\n"}, "a.csv", {}, "a.csv has two columns called 'x'"),
        ({"a.csv": "id,x\na,1,2\n"}, "a.csv", {}, "a.csv has a row with more cells than its first line has, 2"),
        ({"a.csv": b"id,x\n\x81,1\n"}, "a.csv", {}, NO_TEXT),
        ({"a.csv": b"\x81,x\na,1\n"}, "a.csv", {}, NO_TEXT),
        (
            {"a.csv": "id,x\na,1\na,two\n"},
            "a.csv",
            {},
            "a.csv, line 3, column 'x': 'two' is not a number; if it means a gap: na= (--na)",
        ),
        (
            {"a.csv": "0.5,1\n2,two\n"},
            "a.csv",
            {"wide": True},
            "a.csv, line 2, column 'column_2': 'two' is not a number; if it means a gap: na= (--na)",
        ),
        (
            {"a.csv": "id,x\na,1\n,3\na,2\n"},
            "a.csv",
            {},
            "a.csv, line 3, column 'id' (id) is empty; expected a value in every row",
        ),
        (
            {"a.csv": "id,x\na,1\na,inf\n"},
            "a.csv",
            {},
            "a.csv, line 3: sequence 'a' has infinity at step 1, feature 'x'; every value must be finite",
        ),
        (
            {"a.csv": LONG},
            "a.csv",
            {"target": "class"},
            "a.csv has no column 'class' (target); its columns are id, t, x, y, label",
        ),
        (
            {"a.csv": LONG.replace("4,up", "4,down")},
            "a.csv",
            {"target": "label"},
            "a.csv, line 3: target 'label' changes from 'up' to 'down' inside sequence '007'; "
            'target_at="last" (--target-at last) takes the last one, '
            'target_at="each" (--target-at each) one at every step',
        ),
        ({"a.npz": "x"}, "a.npz", {}, "a.npz is not a .npz file that can be read"),
        ({"a.npz": ""}, "a.npz", {}, "a.npz is not a .npz file that can be read"),
        (
            {"a.npz": ""},
            "a.npz",
            {"target": "y"},
            "target='y' has no meaning for a.npz: a .npz file holds whole sequences",
        ),
        ({"d/a": "x"}, "d", {}, "the folder d holds no recordings; expected .csv, .tsv, .parquet or sound files"),
        (
            {"d/labels.csv": "id,y\n"},
            "d",
            {},
            "the folder d holds no recordings; expected .csv, .tsv, .parquet or sound files",
        ),
        (LABELLED, "d", {"wide": True}, "wide=True has no meaning for the folder d, where a file is a recording"),
        (LABELLED, "d", {"id": "x"}, "id='x' has no meaning for the folder d, where a file is a recording"),
        (LABELLED, "d", {"target": "z"}, "d has no column 'z' (target); its columns are x"),
        (
            {"d/u/a.csv": "x\n1\n"},
            "d",
            {"target": "label"},
            "the recordings in d have no column label; without target= (--target) "
            "the names of the subfolders are the labels",
        ),
        ({"d/a.csv": "x\n1\n", "d/b.csv": "y\n1\n"}, "d", {}, "d/b.csv has the columns y; d/a.csv has x"),
        (
            {"d/a.csv": "x\n1\n", "d/b.csv": "x\none\n"},
            "d",
            {},
            "d/b.csv, line 2, column 'x': 'one' is not a number; if it means a gap: na= (--na)",
        ),
        (
            {"d/u/a.csv": "x\n1\n", "d/b.csv": "x\n1\n"},
            "d",
            {},
            "d/b.csv lies beside or below the subfolders whose names are the labels",
        ),
        ({**LABELLED, "d/labels.csv": "id,y\na,1\n"}, "d", {}, "d/b.csv is not listed in d/labels.csv, column 'id'"),
        (
            {**LABELLED, "d/labels.csv": "id,y\na,1\nb,2\nc,3\n"},
            "d",
            {},
            "d/labels.csv, line 4: there is no recording 'c' in d",
        ),
        (
            {**LABELLED, "d/labels.csv": "id,y\na,1\na.csv,2\n"},
            "d",
            {},
            "d/labels.csv, line 3: 'a.csv' is listed a second time",
        ),
        (
            {**LABELLED, "d/labels.csv": "id,u,v\na,1,1\nb,1,1\n"},
            "d",
            {},
            "d/labels.csv: target= (--target) must name one of its columns u, v",
        ),
        (
            {**LABELLED, "d/labels.csv": "id,u\na,1\nb,1\n"},
            "d",
            {"target": "z"},
            "d/labels.csv has no column 'z' (target); its columns are id, u",
        ),
        ({**LABELLED, "d/labels.csv": "id,y\na,1\nb,\n"}, "d", {}, "d/b.csv, line 2: sequence 'b' has no target 'y'"),
    ],
)
def test_refusals(write, tmp_path, files, path, options, text):
    (tmp_path / "d").mkdir()
    write(files)
    with pytest.raises(DataError) as refusal:
        read(path, **options)
    assert str(refusal.value) == text


def test_a_broken_parquet_file(write):
    write({"a.parquet": "x"})
    with pytest.raises(DataError, match=r"^a\.parquet is not a Parquet file that can be read \("):
        read("a.parquet")


def test_without_polars(write, monkeypatch):
    write({"a.csv": LONG})
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingExtraError) as refusal:
        read("a.csv")
    assert str(refusal.value) == 'polars is not installed: pip install "gruvy[data]"'
