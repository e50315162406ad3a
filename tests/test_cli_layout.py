"""A model's file keeps how its data were laid out; `predict` and `explain` read alike, and say so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import gruvy
from cli_help import call, rows, write_wide
from compare import assert_close
from gruvy.cli import reading
from gruvy.data import read
from gruvy.errors import ModelFileError
from gruvy.model import file as model_file

QUICK = ["--hidden-units", "2", "--max-epochs", "1"]
PLAIN = {"id": None, "time": None, "wide": False, "window": None, "step": None, "missing": "error", "features": None}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with six recordings of 25 steps, rows in no order, where the test stands."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = [f"r{i},{t},{rng.normal():.4f},{i % 2}" for i in range(6) for t in range(25)]
    Path("long.csv").write_text("case,at,x,way\n" + "\n".join(lines[n] for n in rng.permutation(150)) + "\n")
    return tmp_path


CUT = "long.csv: 6 recordings were cut into 24 windows\n"
LONG = ["--id", "case", "--time", "at", "--window", "10", "--step", "5"]


def windows(path: str = "long.csv", **options: Any) -> list[list[str]]:
    """The answers of the model to the windows, cut by `read`."""
    made = read(path, **{"id": "case", "time": "at", "features": ["x"], "window": 10, "step": 5, **options})
    found = gruvy.load("model.safetensors").predict_proba(made.x)
    return [[name, *(f"{p:.5f}" for p in row)] for name, row in zip(made.ids, found, strict=True)]


def answered(text: str) -> list[list[str]]:
    return [[name, *(f"{float(p):.5f}" for p in row)] for name, _, *row in rows(text)[1:]]


def test_predict_cuts_the_windows_of_training(here: Path) -> None:
    """Once it answered the whole recordings: 6 rows, not 24."""
    assert call("train", "long.csv", *LONG, "--target", "way", *QUICK).exit_code == 0
    assert gruvy.load("model.safetensors").layout == {**PLAIN, "id": "case", "time": "at", "window": 10, "step": 5}
    done = call("predict", "model.safetensors", "long.csv")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "As in training, from model.safetensors: --id case --time at --window 10 --step 5\n" + CUT
    assert len(answered(done.stdout)) == 24
    assert answered(done.stdout) == windows()


def test_options_that_are_typed_override(here: Path) -> None:
    assert call("train", "long.csv", *LONG, "--target", "way", "--missing", "forward", *QUICK).exit_code == 0
    done = call("predict", "model.safetensors", "long.csv", "--window", "12")
    assert done.stderr == "As in training, from model.safetensors: --id case --time at --missing forward\n" + (
        "long.csv: 6 recordings were cut into 12 windows\n"
    )
    assert answered(done.stdout) == windows(window=12, step=None)
    done = call("predict", "model.safetensors", "long.csv", *LONG, "--missing", "error")
    assert (done.exit_code, done.stderr) == (0, CUT)


def test_a_folder_and_an_archive_take_what_has_a_meaning_there(here: Path) -> None:
    assert call("train", "long.csv", *LONG, "--target", "way", *QUICK).exit_code == 0
    Path("folder").mkdir()
    Path("folder/p.csv").write_text("at,x\n" + "".join(f"{t},{t}\n" for t in range(20)))
    done = call("predict", "model.safetensors", "folder")
    assert done.stderr == "As in training, from model.safetensors: --time at --window 10 --step 5\n" + (
        "folder: 1 recordings were cut into 3 windows\n"
    )
    assert [row[0] for row in answered(done.stdout)] == ["p[0:10]", "p[5:15]", "p[10:20]"]
    np.savez("d.npz", X=np.zeros((2, 25, 1)))
    done = call("predict", "model.safetensors", "d.npz")
    assert done.stderr == "model.safetensors was trained on windows of 10 steps; d.npz is taken as it is\n"
    assert len(answered(done.stdout)) == 2


def test_explain_reads_alike(here: Path) -> None:
    assert call("train", "long.csv", *LONG, "--target", "way", *QUICK).exit_code == 0
    done = call("explain", "model.safetensors", "long.csv")
    assert done.exit_code == 0, done.stderr
    assert "As in training, from model.safetensors: --id case --time at --window 10 --step 5\n" in done.stderr
    assert "24 of 24 sequences" in done.stderr


def test_wide_form_is_kept(here: Path) -> None:
    write_wide(Path("w.csv"))
    assert call("train", "w.csv", "--wide", "--features", "x_3,x_1", "--target", "mean", *QUICK).exit_code == 0
    assert gruvy.load("model.safetensors").layout == {**PLAIN, "wide": True, "features": ["x_3", "x_1"]}
    done = call("predict", "model.safetensors", "w.csv")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "As in training, from model.safetensors: --wide --features x_3,x_1\n" + (
        "w.csv: column 'id' is taken as the id\n"
    )
    made = read("w.csv", wide=True, features=["x_3", "x_1"])
    wanted = gruvy.load("model.safetensors").predict(made.x)
    assert_close([float(row[1]) for row in rows(done.stdout)[1:]], wanted, "answer")


def test_data_that_come_ready_made_have_no_layout(here: Path) -> None:
    np.savez("d.npz", X=np.random.default_rng(0).normal(size=(20, 5, 1)), y=[0, 1] * 10)
    assert call("train", "d.npz", *QUICK).exit_code == 0
    assert gruvy.load("model.safetensors").layout is None
    done = call("predict", "model.safetensors", "d.npz")
    assert (done.exit_code, done.stderr) == (0, "")


def test_what_is_taken_when_wide_and_long_change_places() -> None:
    kept = {**PLAIN, "time": "at", "window": 4, "features": None}
    layout, taken = reading.as_trained(kept, __file__, reading.Layout(wide=True))
    assert (layout, taken) == (reading.Layout(wide=True, window=4), {"window": 4})
    kept = {**PLAIN, "wide": True, "features": ["x_0"]}
    layout, taken = reading.as_trained(kept, __file__, reading.Layout(wide=False))
    assert (layout, taken) == (reading.Layout(wide=False), {})


def rewritten(path: str, change: Any) -> None:
    with safe_open(path, framework="np") as file:
        said = json.loads(file.metadata()["gruvy"])
    change(said)
    save_file(load_file(path), path, {"gruvy": json.dumps(said)})


def test_a_file_of_format_1_has_no_layout_and_answers_as_before(here: Path) -> None:
    assert call("train", "long.csv", *LONG, "--target", "way", *QUICK).exit_code == 0
    new = call("predict", "model.safetensors", "long.csv", *LONG)

    def older(said: dict[str, Any]) -> None:
        assert said.pop("format") == model_file.FORMAT
        said["format"] = 1
        del said["layout"]

    rewritten("model.safetensors", older)
    assert gruvy.load("model.safetensors").layout is None
    old = call("predict", "model.safetensors", "long.csv", *LONG)
    assert (old.exit_code, old.stderr, old.stdout) == (0, CUT, new.stdout)


@pytest.mark.parametrize(
    "layout", [[], "wide", {}, {**PLAIN, "window": "10"}, {**PLAIN, "wide": 1}, {**PLAIN, "features": [1]}]
)
def test_a_damaged_layout_is_told(here: Path, layout: Any) -> None:
    assert call("train", "long.csv", *LONG, "--target", "way", *QUICK).exit_code == 0
    model = model_file.read("model.safetensors")
    model_file.write("m", replace(model, layout=PLAIN))
    assert model_file.read("m").layout == PLAIN
    rewritten("m", lambda said: said.update(layout=layout))
    with pytest.raises(ModelFileError, match=r"^m: a gruvy model, but damaged: its parts do not fit each other$"):
        model_file.read("m")
