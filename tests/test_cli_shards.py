"""`gruvy train --stream`: a folder that is read one file at a time."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest

import gruvy
from cli_help import call, rows
from gruvy.data import read
from small_shards import written

QUICK = ["--hidden-units", "8", "--max-epochs", "10", "--batch-size", "4", "--learning-rate", "0.02"]
STREAM = ["train", "shards", "--stream", "--id", "id", "--time", "time", "--features", "a,b", *QUICK]


def gruvy_(*words):
    done = call(*words)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_trained_on_judged_and_used(here, monkeypatch):
    _, X, labels, _ = written(here / "shards", [20, 15, 25, 18, 22])
    code, told, _ = gruvy_(*STREAM, "--target", "label")
    lines = told.splitlines()
    steps = sum(map(len, X))
    assert code == 0
    assert lines[0] == f"shards: 100 sequences, {steps} steps in 5 files; channels a, b; target label"
    learnt, held = map(
        int, re.match(r"(\d+) to learn from, (\d+) to be judged on \(1 file held out\)", lines[1]).groups()
    )
    assert learnt + held == 100
    assert held in (20, 15, 25, 18, 22)
    right = int(re.search(r"accuracy +[\d.]+ +(\d+) of (\d+) right", told)[1])
    model = gruvy.load("model.safetensors")
    assert model.columns == {"channels": ["a", "b"], "targets": ["label"], "others": ["id", "time"]}
    parts = np.split(np.arange(100), np.cumsum([20, 15, 25, 18]))
    part = next(p for p in parts if len(p) == held)
    assert right == (model.predict([X[i] for i in part]) == labels[part]).sum()
    line = shlex.split(re.search(r"^Next:\n  gruvy (.+)$", told, re.MULTILINE)[1])
    assert gruvy_(*line)[0] == 0
    answers = [row[1] for row in rows((here / "predictions.csv").read_text())[1:]]
    assert answers == model.predict(read(line[2], id="id", features=["a", "b"]).x).tolist()
    code, _, error = gruvy_("predict", "model.safetensors", "shards")
    assert code == 1
    assert " ".join(error.split()) == (
        "gruvy: shards/00.parquet holds several sequences, told apart by the column 'id', and a folder is read as one "
        "recording a file: give one file at a time"
    )
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", "20000")
    words = [word for word in STREAM if word != "--stream"]
    code, told, error = gruvy_(*words, "--target", "number", "--test", "shards")
    assert code == 0
    assert re.search(r"shards has [\d,]+ bytes, more than 20,000: it is read one file at a time \(--stream\)", error)
    assert "100 to learn from, 100 to be judged on (judged on shards)" in told
    assert gruvy.load("model.safetensors").task == "regress"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "label", "--wide"], "--wide has no meaning with --stream, which holds out whole files"),
        (["--target", "label", "--validation", "0.1"], "--validation and --patience have no meaning with --stream"),
        ([], "--stream needs --id and --target, the columns that tell sequences apart and to predict"),
        (["--target", "label"], "shards has 1 file, and files are held out whole: expected several, or --test FILE"),
        (["--target", "label", "--test", "x"], "x is no file, no folder and no data set"),
    ],
)
def test_what_does_not_go_with_a_stream(here, words, told):
    written(here / "shards", [5])
    code, _, error = gruvy_(*STREAM, *words)
    assert code == 1
    assert told in " ".join(error.split())
