"""Messy files on the command line: a model's file keeps how they were read, and `predict` reads alike."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruvy
from cli_help import call, rows, shell
from compare import assert_close
from gruvy.cli.reading import Layout
from gruvy.data import read
from gruvy.errors import DataError, ModelFileError
from gruvy.model import file as model_file

QUICK = ["--hidden-units", "2", "--max-epochs", "1"]
HOW = [
    "--drop",
    "remark",
    "--one-hot",
    "hue",
    "--na",
    "-999",
    "--na",
    "bad,worse",
    "--missing",
    "linear",
    "--indicator",
]
ALIKE = {"drop": "remark", "na": ["-999", "bad", "worse"], "missing": "linear", "ignore": ["way"]}


def text(hues: tuple[str, str] = ("rot", "grün"), count: int = 10) -> str:
    """Recordings of 5 steps, with decimal commas, gaps by three names, true and false, and text."""
    rng = np.random.default_rng(0)
    lines = ["case_id;t;x;on;hue;remark;way"]
    for i in range(count):
        for t in range(5):
            x = ("bad", "-999", "Worse", "", f"{rng.normal():.4f}".replace(".", ","))[min(4, (i + 3 * t) % 7)]
            lines.append(f"r{i};{t};{x};{bool(rng.integers(2))};{hues[rng.integers(2)]};so;{i % 2}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("old.csv").write_bytes(text().encode("latin-1"))
    Path("shards").mkdir()
    Path("new.csv.gz").write_bytes(gzip.compress(text(("rot", "blau")).replace("so", "").encode()))
    return tmp_path


def trained(*more: str) -> Any:
    done = call("train", "old.csv", "--target", "way", *HOW, *QUICK, *more)
    assert done.exit_code == 0, done.stderr
    return gruvy.load("model.safetensors")


def test_what_was_decided_in_training_holds_in_predict(here: Path) -> None:
    net = trained()
    assert {name: net.layout[name] for name in ("features", "one_hot", "indicator", "drop", "na", "decimal")} == {
        "features": ["x", "on", "hue"],
        "one_hot": {"hue": ["grün", "rot"]},
        "indicator": ["x"],
        "drop": ["remark"],
        "na": ["-999", "bad", "worse"],
        "decimal": ",",
    }
    assert net.columns["channels"] == ["x", "on", "hue=grün", "hue=rot", "x_missing"]
    done = call("predict", "model.safetensors", "new.csv.gz")
    assert done.exit_code == 0, done.stderr
    told, note = done.stderr.splitlines()
    assert told == (
        "As in training, from model.safetensors: --missing linear --features x,on,hue --drop remark --one-hot hue "
        "--indicator --na -999,bad,worse --decimal ,"
    )
    unknown = text(("rot", "blau")).count("blau")
    assert note == (
        "new.csv.gz: column 'case_id' is taken as the id, as no other ends in _id; column 't' is taken as the time; "
        f"column 'hue' has {unknown} cells of no category known in training, 'blau': 0 in each of its channels; "
        "true and false in column 'on' are read as 1 and 0; channels that are 1 at gaps: x_missing"
    )
    old = read("old.csv", one_hot="hue", indicator=True, **ALIKE)
    new = read("new.csv.gz", **ALIKE, **old.found)
    answers = [[float(p) for p in row[2:]] for row in rows(done.stdout)[1:]]
    assert_close(answers, net.predict_proba(new.x).tolist(), "answer")
    assert max(x[:, 2].max() for x in new.x) == 0  # nothing is green there
    assert sum(x[:, 3].sum() for x in new.x) == text(("rot", "blau")).count("rot")


def test_training_says_what_was_decided(here: Path) -> None:
    done = call("train", "old.csv", "--target", "way", *HOW, *QUICK)
    assert done.stdout.splitlines()[1:7] == [
        "  It is not UTF-8 and is read as Latin-1 (--encoding names another).",
        "  Its numbers are read with a decimal comma.",
        "  Column 'case_id' is taken as the id, as no other ends in _id.",
        "  Column 't' is taken as the time.",
        "  True and false in column 'on' are read as 1 and 0.",
        "  Channels that are 1 at gaps: x_missing.",
    ]


def test_the_file_to_judge_on_is_read_alike(here: Path) -> None:
    done = call("train", "old.csv", "--target", "way", "--test", "new.csv.gz", *HOW, *QUICK)
    assert done.exit_code == 0, done.stderr
    assert "  new.csv.gz: Column 'hue' has " in done.stdout
    assert "10 to learn from, 10 to be judged on (judged on new.csv.gz)" in done.stdout


def test_standard_input_in_both(here: Path) -> None:
    with Path("old.csv").open("rb") as file:
        done = shell("train", "-", "--target", "way", *HOW, *QUICK, cwd=here, stdin=file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stdin: 10 sequences of 5 steps; channels x, on, hue=grün, hue=rot, x_missing;")
    wanted = call("predict", "model.safetensors", "new.csv.gz").stdout
    with Path("new.csv.gz").open("rb") as file:
        done = shell("predict", "model.safetensors", "-", cwd=here, stdin=file)
    assert (done.returncode, done.stdout) == (0, wanted)
    assert "\nstdin: column 'case_id' is taken as the id" in done.stderr


def test_options_that_are_typed_override(here: Path) -> None:
    trained()
    Path("point.csv").write_text("case_id,t,x,on,hue\na,0,0.5,True,rot\na,1,none at all,False,rot\n")
    done = call("predict", "model.safetensors", "point.csv")
    assert done.stderr.endswith(
        "gruvy: point.csv, line 2, column 'x': '0.5' is not a number; --decimal . reads it as one\n"
    )
    done = call("predict", "model.safetensors", "point.csv", "--decimal", ".", "--na", "none at all")
    assert (done.exit_code, len(rows(done.stdout))) == (0, 2), done.stderr
    assert "--na" not in done.stderr


def test_a_column_more_is_left_out_in_wide_form(here: Path) -> None:
    Path("w.csv").write_text("x_0,x_1,note,y\n" + "".join(f"{i},{i % 3},n,{i % 2}\n" for i in range(10)))
    done = call("train", "w.csv", "--wide", "--drop", "note", "--target", "y", *QUICK)
    assert done.exit_code == 0, done.stderr
    Path("v.csv").write_text("x_0,x_1,note,who\n1,2,n,me\n")
    done = call("predict", "model.safetensors", "v.csv", "--drop", "who")
    assert (done.exit_code, len(rows(done.stdout))) == (0, 2), done.stderr
    Path("u.csv").write_text("x_0,x_1\n1,2\n")  # what training left out need not be there
    assert call("predict", "model.safetensors", "u.csv").stdout == done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "digits", "--one-hot", "hue"], "--one-hot has no meaning for the data set digits, which comes"),
        (["train", "shards", "--stream", "--id", "id", "--target", "y", "--indicator", "--missing", "mean"],
         "--indicator has no meaning with --stream, which does not know all files from the start"),
        (["train", "old.csv", "--target", "way", "--encoding", "klingon"],
         "--encoding klingon: expected the name of an encoding, such as utf-8 or latin-1"),
        (["train", "old.csv", "--target", "way", "--encoding", "ascii"], "old.csv is not ascii text"),
        (["train", "-", "--target", "way"], "stdin is empty"),
    ],
)  # fmt: skip
def test_refusals(here: Path, arguments: list[str], message: str) -> None:
    done = call(*arguments, input="")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"gruvy: {message}")
    assert done.stderr.count("\n") == 1


def test_an_encoding_that_is_named(here: Path) -> None:
    Path("u.csv").write_bytes("id,hüe\na,1\n".encode("utf-16"))
    assert read("u.csv", encoding="utf-16").features == ["hüe"]
    Path("k.csv").write_bytes("id,цвет\na,1\n".encode("koi8-r"))
    assert read("k.csv", encoding="koi8-r").features == ["цвет"]


def test_a_gzip_file_unpacks_to_no_more_than_the_limit(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = b"id,x\n" + b"a,1\n" * 1000
    Path("bomb.csv.gz").write_bytes(gzip.compress(plain))
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", str(len(plain)))
    assert len(read("bomb.csv.gz").x[0]) == 1000
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", str(len(plain) - 1))
    with pytest.raises(DataError) as refusal:
        read("bomb.csv.gz")
    assert str(refusal.value) == (
        "bomb.csv.gz decodes to more than 4,004 bytes, the most expected; "
        "set GRUVY_MAX_DATA_BYTES to read it all the same"
    )


def test_packed_recordings_in_a_folder(here: Path) -> None:
    for label, name, x in (("walk", "1.csv.gz", "1,5"), ("run", "2.csv.gz", "2,5")):
        Path("d", label).mkdir(parents=True)
        Path("d", label, name).write_bytes(gzip.compress(f"x;y\n{x};1\n".encode()))
    made = read("d")
    assert (made.ids, [x.tolist() for x in made.x]) == (["run/2", "walk/1"], [[[2.5, 1]], [[1.5, 1]]])
    assert made.notes == [f"its numbers are read with a decimal comma ({Path('d/run/2.csv.gz')} and 1 more)"]


@pytest.mark.parametrize(
    "more",
    [{"drop": "x"}, {"one_hot": ["x"]}, {"one_hot": {"x": [1]}}, {"indicator": True}, {"na": [1]}, {"decimal": 1}],
)
def test_a_damaged_layout_is_told(here: Path, more: dict[str, Any]) -> None:
    trained()
    model = model_file.read("model.safetensors")
    assert model.layout is not None
    model_file.write("m", replace(model, layout={**model.layout, **more}))
    with pytest.raises(ModelFileError, match=r"^m: a gruvy model, but damaged: its parts do not fit each other$"):
        model_file.read("m")


def test_a_layout_keeps_only_what_is_used(here: Path) -> None:
    Path("p.csv").write_text("id,x\na,1\n")
    kept = Layout(id="id").kept("p.csv", read("p.csv"))
    assert set(kept or {}) == {"id", "time", "wide", "window", "step", "missing", "features"}
