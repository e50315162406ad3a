"""Messages at the command line name the option that can be typed, never an argument of Python."""

from __future__ import annotations

import io
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

import gruvy
from cli_help import call, write_slopes, write_wide
from gruvy.cli import app
from gruvy.cli.app import Group, reworded, say
from test_cli_errors import SLOPES, save_model

TRAIN = ["train", "d.csv", *SLOPES, "--target", "way"]
PREDICT = ["predict", "m.safetensors", "d.csv", *SLOPES[:4]]
SCORE = ["score", "m.safetensors", "d.csv", *SLOPES[:4]]
EXPLAIN = ["explain", "m.safetensors", "d.csv", *SLOPES[:4]]

LAYOUT: dict[str, list[str]] = {
    "--id": ["--id", "nope"],
    "--time": ["--time", "nope"],
    "--features": ["--features", "nope"],
    "--window": ["--window", "0"],
    "--step": ["--step", "3"],
    "--missing": ["--missing", "nope"],
    "--drop": ["--drop", "nope"],
    "--decimal": ["--decimal", "x"],
    "--encoding": ["--encoding", "klingon"],
}
# For each command: what cannot be served, by the option that the message must name.
REFUSED: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "train": (
        TRAIN,
        {
            **LAYOUT,
            "--target": ["--target", "nope"],
            "--group": ["--group", "nope"],
            "--target-at": ["--target-at", "nope"],
            "--labels": ["--labels", "nope"],
            "--background": ["--background", "rest"],
            "--one-hot": ["--one-hot", "nope"],
            "--indicator": ["--indicator"],
            "--task": ["--task", "regress"],
            "--hidden-units": ["--hidden-units", "0"],
            "--layers": ["--layers", "0"],
            "--convention": ["--convention", "nope"],
            "--dropout": ["--dropout", "1.5"],
            "--pooling": ["--pooling", "nope"],
            "--threshold": ["--threshold", "0.3"],
            "--max-epochs": ["--max-epochs", "0"],
            "--batch-size": ["--batch-size", "0"],
            "--learning-rate": ["--learning-rate", "0"],
            "--validation": ["--validation", "1.5"],
            "--patience": ["--validation", "0.2", "--patience", "0"],
            "--seed": ["--seed", "-1"],
            "--seeds": ["--seeds", "0"],
            "--device": ["--device", "nope"],
            "--model": ["--model", "."],
            "--history": ["--history", "."],
            "--snapshots": ["--snapshots", "-1"],
            "--checkpoint": ["--checkpoint", "."],
            "--horizon": ["--horizon", "3"],
            "--season": ["--season", "3"],
            "--known-ahead": ["--known-ahead", "x"],
            "--trigger": ["--trigger", "seven"],
            "--hours": ["--hours", "1"],
        },
    ),
    "listen": (
        ["listen", "m.safetensors"],
        {
            "--microphone": ["a.wav", "--microphone"],
            "--device": ["a.wav", "--device", "1"],
            "--rate": ["a.wav", "--rate", "8000"],
            "--dtype": ["-", "--dtype", "nope"],
            "--threshold": ["-", "--threshold", "2"],
        },
    ),
    "predict": (PREDICT, {**LAYOUT, "--output": ["-o", "."], "--weights": ["--weights", "nope"]}),
    "stream": (["stream", "m.safetensors"], {"--weights": ["--weights", "nope"]}),
    "score": (
        SCORE,
        {
            **LAYOUT,
            "--target": ["--target", "nope"],
            "--target-at": ["--target-at", "nope"],
            "--labels": ["--labels", "nope"],
            "--event": ["--event", "nope", "--every", "1"],
            **{
                f"--{name}": [f"--{name}", "7"]
                for name in ("every", "early", "late", "smoothing", "refractory", "plot")
            },
            "--weights": ["--weights", "nope"],
        },
    ),
    "explain": (
        EXPLAIN,
        {
            **LAYOUT,
            "--target": ["--target", "nope"],
            "--target-at": ["--target", "way", "--target-at", "nope"],
            "--output": ["-o", "."],
            "--most": ["--most", "0"],
            "--history": ["--history", "d.csv"],
            "--against": ["--against", "d.csv"],
            "--playground": ["--playground"],
        },
    ),
    "forecast": (
        ["forecast", "f.safetensors", "s.csv"],
        {
            "--id": ["--id", "nope"],
            "--time": ["--time", "nope"],
            "--horizon": ["--horizon", "0"],
            "--output": ["-o", "."],
        },
    ),
    "export": (
        ["export", "m.safetensors", "--to", "onnx"],
        {
            "--to": ["--to", "nope"],
            "--output": ["-o", "."],
            "--opset": ["--opset", "9"],
            "--int8": ["--int8"],
            "--check": ["--check", "d.csv"],
        },
    ),
    "datasets": (
        ["datasets", "digits"],
        {"--output": ["-o", "."], "--part": ["--part", "nope"], "--from": ["--from", "a.zip"]},
    ),
    "bench": (
        ["bench"],
        {
            "--threads": ["--threads", "0"],
            "--modes": ["--modes", "nope"],
            "--shape": ["--shape", "1"],
            "--only": ["--only", "nope"],
            "--budget": ["--budget", "0"],
            "--output": ["-o", "."],
            "--write": ["--write"],
        },
    ),
    "lab": (
        ["lab", "-o", "lab"],
        {"--only": ["--only", "nope"], "--seed": ["--seed", "-1"], "--processes": ["--processes", "0"]},
    ),
    "demo": (["demo"], {"--model": ["--model", "."]}),
    "convert": (["convert", "m.safetensors", "n.pt"], {"--from": ["--from", "nope"], "--to": ["--to", "nope"]}),
    "inspect": (["inspect", "m.safetensors"], {"--from": ["--from", "nope"]}),
}
# Flags, and files whose name a message gives as it was typed.
NEVER_WRONG = {
    "train": {"--na", "--wide", "--stream", "--bidirectional", "--test", "--json"},
    "predict": {"--na", "--wide", "--spreadsheet", "--json"},
    "score": {"--na", "--wide", "--json"},
    "forecast": {"--spreadsheet", "--json"},
    "explain": {"--na", "--wide", "--json"},
    "stream": {"--spreadsheet"},
    "listen": {"--json"},
    "datasets": {"--spreadsheet", "--json"},
    "bench": {"--json"},
    "lab": {"--full", "--anew", "--json", "--output"},
    "doctor": {"--json"},
    "convert": {"--json"},
    "inspect": {"--json"},
    "export": {"--json"},
}


def group() -> Group:
    found = typer.main.get_command(app)
    assert isinstance(found, Group)
    return found


def options(command: str) -> set[str]:
    """The options of a command, by their long names."""
    flags = [[flag for flag in p.opts if flag.startswith("--")] for p in group().commands[command].params]
    return {max(each, key=len) for each in flags if each} - {"--help"}


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a series and a forecaster of it."""
    folder = tmp_path_factory.mktemp("forecaster")
    (folder / "s.csv").write_text("y\n" + "".join(f"{k % 5}\n" for k in range(40)))
    found = gruvy.forecast.panel(folder / "s.csv", target="y")
    gruvy.GRUForecaster(2, hidden_units=2, max_epochs=1, random_state=0).fit(found).save(folder / "f.safetensors")
    return folder


@pytest.fixture
def here(tmp_path: Path, forecaster: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small data and models, where the test stands."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(forecaster, tmp_path, dirs_exist_ok=True)
    write_slopes(Path("d.csv"), count=12)
    save_model(Path("m.safetensors"))
    return tmp_path


def test_no_option_is_forgotten() -> None:
    for command in group().commands:
        wrong = set(REFUSED[command][1]) if command in REFUSED else set()
        assert wrong | NEVER_WRONG.get(command, set()) == options(command), command


@pytest.mark.parametrize(
    ("command", "option"), [(command, option) for command, (_, wrong) in REFUSED.items() for option in wrong]
)
def test_each_option_is_named_as_it_is_typed(here: Path, command: str, option: str) -> None:
    words, wrong = REFUSED[command]
    done = call(*words, *wrong[option])
    assert done.exit_code == 1
    assert re.search(rf"{option}\b", done.stderr), done.stderr
    arguments = {p.name for each in group().commands.values() for p in each.params} | {"validation_fraction"}
    assert not re.search(
        rf"(?<![-\w])({'|'.join(arguments)})=|\b({'|'.join(a for a in arguments if '_' in a)})\b", done.stderr
    )
    assert "bug" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "d.csv"], "column 'person' holds text"),
        (["train", "d.csv", "--wide", *SLOPES, "--target", "way"],
         "--time seconds has no meaning in wide form, where the columns are the steps"),
        (["train", "one.csv", "--target", "y"],
         "one.csv has no column that tells sequences apart: name it with --id, or say --wide for one sequence per row, "
         "or --window to cut one long recording"),
        (["train", "folder", "--wide"], "--wide has no meaning for the folder folder, where a file is a recording"),
        (["train", "d.npz", "--features", "a,b"], "--features a,b has no meaning for d.npz: a .npz file holds whole"),
        (["train", "few.csv", "--target", "way"],
         "class 'c' has 1 sequence; a split needs 2 of every class; --test FILE judges on sequences of your choice"),
        (["train", "d.csv", *SLOPES, "--target", "slope", "--task", "classify"],
         "--task classify: the target slope holds numbers; expected classes"),
    ],
)  # fmt: skip
def test_what_python_says_in_its_way(here: Path, words: list[str], message: str) -> None:
    Path("one.csv").write_text("x,y\n1,a\n2,a\n")
    Path("few.csv").write_text("id,x,way\n" + "".join(f"{i},{i},{w}\n" for i, w in enumerate("aaaaaabbbbbbc")))
    Path("folder").mkdir()
    Path("folder/a.csv").write_text("x\n1\n")
    np.savez("d.npz", X=np.zeros((2, 3, 1)))
    done = call(*words)
    assert done.exit_code == 1
    assert message in done.stderr


def test_a_warning_is_worded_too() -> None:
    @app.command("warn")
    def warn() -> None:
        import warnings

        warnings.simplefilter("always")
        warnings.warn("the loss was still falling: give max_epochs=500", stacklevel=1)

    try:
        done = call("warn")
    finally:
        app.registered_commands.pop()
    assert done.stderr == "gruvy: note: the loss was still falling: give --max-epochs 500\n"


def test_what_was_typed_is_not_taken_for_an_argument(here: Path) -> None:
    """A folder called `only`, where a model was expected: the name that was typed stays."""
    write_wide(Path("w.csv"))
    Path("only").mkdir()
    assert call("predict", "only", "w.csv").stderr == "gruvy: only: a folder; expected a gruvy model\n"


def test_a_call_of_python_stays() -> None:
    said = 'gruvy.GRU(...).fit(X, y, task="tag") learns one per step'
    assert reworded(said, {"task": "--task"}) == said


def test_a_terminal_of_80_columns_breaks_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file gets the line whole."""
    long = "a/folder-with-a-name/that-is-longer/than-the-line-of-a-terminal-is-wide/and-is-not-broken/report.html"
    text = f"{long}: 0.5 MB, 100 of 100 sequences. " + " ".join(f"word{i}-of-two" for i in range(40)) + "\nSecond line"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "80")
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        say(text)
        lines = stream.getvalue().splitlines()
        assert " ".join(lines).split() == text.split()
        if stream.isatty():
            assert max(len(line) for line in lines if long not in line) <= 80
            assert lines[-1] == "Second line"
        else:
            assert "\n".join(lines) == text
