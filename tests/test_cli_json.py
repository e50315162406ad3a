"""--json: one document on stdout and nothing else; what a person would want to know goes to stderr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import gruvy
from cli_help import OPTIONAL, call, rows, shell_without, write_slopes
from compare import assert_close
from gruvy.cli import app
from gruvy.cli.app import plain
from gruvy.data import load
from test_cli_errors import save_model

QUICK = ["--hidden-units", "2", "--max-epochs", "1"]
LONG = ["--id", "recording", "--time", "seconds"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_slopes(Path("d.csv"), count=12)
    save_model(Path("m.safetensors"))
    return tmp_path


def document(*words: str) -> dict[str, Any]:
    done = call(*words, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_command_that_ends_with_a_result_has_it() -> None:
    """`stream` answers without end, and `demo` is to be watched."""
    commands = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    without = {name for name, command in commands if "--json" not in {o for p in command.params for o in p.opts}}
    assert without == {"stream", "demo"}


def test_predict(here: Path) -> None:
    told = document("predict", "m.safetensors", "d.csv", *LONG)
    table = rows(call("predict", "m.safetensors", "d.csv", *LONG).stdout)
    assert (told["model"], told["data"], told["task"], told["sequences"], told["output"]) == (
        "m.safetensors", "d.csv", "classify", 12, None,
    )  # fmt: skip
    assert [[one["id"], one["prediction"]] for one in told["answers"]] == [row[:2] for row in table[1:]]
    shares = [[one["probabilities"][name] for name in ("down", "up")] for one in told["answers"]]
    assert_close(np.array(shares), np.array([row[2:] for row in table[1:]], float), "exact")
    told = document("predict", "m.safetensors", "d.csv", *LONG, "-o", "p.csv")
    assert (told["output"], "answers" in told) == ("p.csv", False)
    assert rows(Path("p.csv").read_text()) == table


def test_predict_of_steps_and_of_numbers(here: Path) -> None:
    data = load("binary-addition", test=3).train
    gruvy.GRU(2, 2, 2).fit(data.x[:9], data.y[:9], task="tag", max_epochs=1, seed=0).save("tag.safetensors")
    np.savez("d.npz", X=np.zeros((2, 3, 2)))
    answers = document("predict", "tag.safetensors", "d.npz")["answers"]
    assert [(one["id"], one["step"]) for one in answers] == [(i, t) for i in "01" for t in range(3)]
    assert set(answers[0]["probabilities"]) == {"0", "1"}
    net = gruvy.GRURegressor(2, max_epochs=1, random_state=0)
    net.fit(np.random.default_rng(0).normal(size=(8, 3, 2)), np.arange(8.0)).save("n.safetensors")
    answers = document("predict", "n.safetensors", "d.npz")["answers"]
    wanted = gruvy.load("n.safetensors").predict(np.zeros((2, 3, 2)))
    assert_close(np.array([one["prediction"] for one in answers], wanted.dtype), wanted, "answer")


def test_train_and_its_notes(here: Path) -> None:
    """What was read is told on stderr, and the document alone is on stdout."""
    done = call("train", "d.csv", *LONG, "--features", "height,noise", "--target", "way", *QUICK, "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert "d.csv: 12 sequences of 4 to 9 steps" in done.stderr
    assert (told["task"], told["model"], told["stopped"]) == ("classify", "model.safetensors", "finished")
    assert told["next"] == "gruvy predict model.safetensors d.csv -o predictions.csv"


def test_explain(here: Path) -> None:
    told = document("explain", "m.safetensors", "d.csv", *LONG, "-o", "p.html")
    assert told == {
        "page": "p.html", "bytes": Path("p.html").stat().st_size, "sequences": 12, "of": 12, "notes": told["notes"],
    }  # fmt: skip


def test_the_playground(here: Path) -> None:
    told = document("explain", "--playground")
    assert told == {"page": "playground.html", "bytes": Path("playground.html").stat().st_size}


def test_datasets(here: Path) -> None:
    told = document("datasets")["datasets"]
    assert [entry["name"] for entry in told][:2] == ["digits", "spoken-digits"]
    assert set(told[0]) == {"name", "task", "description", "size", "source", "licence", "install"}
    one = document("datasets", "digits")
    assert one["parts"] == {name: {"sequences": n, "steps": [8, 8]} for name, n in (("train", 1438), ("test", 359))}
    assert (one["columns"][0], one["columns"][-1], one["output"]) == ("id", "digit", None)
    one = document("datasets", "digits", "--part", "test", "-o", "d2.csv")
    assert (one["parts"], one["output"]) == ({"test": {"sequences": 359, "steps": [8, 8]}}, "d2.csv")
    assert len(Path("d2.csv").read_text().splitlines()) == 1 + 359 * 8


def test_doctor(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gruvy.engines.choose import choose

    told = document("doctor")
    assert (told["gruvy"], told["runs"], told["reason"]) == (gruvy.__version__, choose().name, choose().reason)
    done = shell_without(OPTIONAL, "doctor", "--json", cwd=here)
    told = json.loads(done.stdout)
    assert (told["torch"], told["install"]) == (None, 'pip install "gruvy[all]"')
    monkeypatch.setenv("GRUVY_ENGINE", "fast")
    done = call("doctor", "--json")
    assert (done.exit_code, json.loads(done.stdout)["runs"]) == (1, None)


def test_bench_and_lab(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they measured, as they hold it; their measuring has tests of its own."""
    found = {"machine": {"processor": "x"}, "cells": []}
    monkeypatch.setattr("gruvy.bench.run", lambda *_: found)
    assert document("bench") == found
    told = document("lab", "--only", "squash", "-o", "lab")
    assert (told["page"], told["numbers"]) == ("lab/lab.html", "lab/lab.json")
    assert [one["experiment"] for one in told["experiments"]] == ["squash"]
    assert told["experiments"][0]["verdict"]


def test_an_error_leaves_stdout_empty(here: Path) -> None:
    done = call("score", "m.safetensors", "no.csv", "--json")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "gruvy: no.csv does not exist\n")


def test_what_json_cannot_hold() -> None:
    given = {
        1: np.float32(0.5),
        "a": [np.nan, float("inf"), np.int64(3)],
        "p": Path("x"),
        "n": np.array([[1, 2]]),
        "t": np.True_,
    }
    assert plain(given) == {"1": 0.5, "a": [None, None, 3], "p": "x", "n": [[1, 2]], "t": True}
