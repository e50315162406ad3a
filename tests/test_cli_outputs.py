"""No output is an input or another output, under whatever name; and text that a spreadsheet would compute is quoted."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cli_help import call, rows, write_slopes
from gruvy.cli.writing import quoted
from gruvy.convention import Convention
from gruvy.model import file as model_file
from gruvy.model.model import Model
from gruvy.model.task import Labels
from gruvy.weights import Cell, Weights

SLOPES = ["--id", "recording", "--time", "seconds", "--features", "height,noise"]
QUICK = ["--hidden-units", "2", "--max-epochs", "1"]


def save_model(path: str, classes: list[str]) -> None:
    """An untrained classifier of two channels, height and noise."""
    rng = np.random.default_rng(0)
    weights = Weights(
        Convention.of("tutorial"),
        [[Cell(*(rng.normal(size=size).astype(np.float32) for size in ((9, 2), (9, 3), 9)), None)]],
    )
    model = Model(
        weights=weights, V=np.ones((len(classes), 3), np.float32), b_y=np.arange(len(classes), dtype=np.float32),
        target=Labels(np.array(classes)),
        columns={"channels": ["height", "noise"], "targets": ["way"], "others": []},
    )  # fmt: skip
    model_file.write(path, model)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data, a test file, a history, a model and links to data, where the test stands."""
    monkeypatch.chdir(tmp_path)
    write_slopes(Path("d.csv"), count=12)
    write_slopes(Path("t.csv"), count=12, seed=1)
    Path("h.csv").write_text("epoch,loss\n1,0.5\n")
    write_slopes(Path("d.history.csv"), count=12)
    Path("link.csv").symlink_to("d.csv")
    os.link("d.csv", "hard.csv")
    Path("folder").mkdir()
    write_slopes(Path("folder/a.csv"), count=1)
    save_model("m", ["down", "up"])
    return tmp_path


TRAIN = ["train", "d.csv", *SLOPES, "--target", "way", *QUICK]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*TRAIN, "--test", "t.csv", "-o", "t.csv"], "--model t.csv would overwrite --test t.csv"),
        ([*TRAIN, "--test", "t.csv", "--history", "./t.csv"], "--history t.csv would overwrite --test t.csv"),
        ([*TRAIN, "-o", "link.csv"], "--model link.csv would overwrite the data"),
        ([*TRAIN, "-o", "hard.csv"], "--model hard.csv would overwrite the data"),
        ([*TRAIN, "-o", "{here}/d.csv"], "--model {here}/d.csv would overwrite the data"),
        ([*TRAIN, "--checkpoint", "d.csv"], "--checkpoint d.csv would overwrite the data"),
        (
            [*TRAIN, "--history", "new", "-o", "folder/../new"],
            "--history new would overwrite --model folder/../new; expected a file of its own",
        ),
        (
            [*TRAIN, "--checkpoint", "new", "-o", "new"],
            "--checkpoint new would overwrite --model new; expected a file of its own",
        ),
        (
            [*TRAIN, "-o", "h.csv", "--history", "h.csv"],
            "--history h.csv would overwrite --model h.csv; expected a file of its own",
        ),
        (
            [*TRAIN, "--checkpoint", "new.history.csv", "-o", "new.safetensors"],
            "--checkpoint new.history.csv would overwrite --history new.history.csv; expected a file of its own",
        ),
        (
            ["train", "d.history.csv", *SLOPES, "--target", "way", *QUICK, "-o", "d.safetensors"],
            "--history d.history.csv would overwrite the data",
        ),
        (
            ["train", "folder", "--target", "way", *QUICK, "--history", "folder/h.csv"],
            "--history folder/h.csv lies in the folder of the data, folder; expected a place outside it",
        ),
        (
            [*TRAIN, "--test", "{here}/folder", "--history", "folder/h.csv"],
            "--history folder/h.csv lies in the folder of --test {here}/folder, {here}/folder; "
            "expected a place outside it",
        ),
        (["predict", "m", "d.csv", *SLOPES, "-o", "m"], "--output m would overwrite the model"),
        (["predict", "m", "d.csv", *SLOPES, "-o", "hard.csv"], "--output hard.csv would overwrite the data"),
        (
            ["predict", "m", "folder", *SLOPES[2:], "-o", "folder/p.csv"],
            "--output folder/p.csv lies in the folder of the data, folder; expected a place outside it",
        ),
        (["explain", "m", "d.csv", *SLOPES, "-o", "m"], "--output m would overwrite the model"),
        (
            ["explain", "m", "d.csv", *SLOPES, "--history", "h.csv", "-o", "h.csv"],
            "--output h.csv would overwrite --history h.csv",
        ),
    ],
)
def test_no_output_is_an_input_or_another_output(here: Path, arguments: list[str], message: str) -> None:
    before = {path: path.read_bytes() for path in sorted(here.rglob("*")) if path.is_file()}
    done = call(*(word.format(here=here) for word in arguments))
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"gruvy: {message}\n".format(here=here))
    assert {path: path.read_bytes() for path in sorted(here.rglob("*")) if path.is_file()} == before


def test_bench_writes_no_file_twice(here: Path) -> None:
    Path("docs").mkdir()
    done = call("bench", "--write", "-o", "docs/benchmark.md")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "gruvy: --output docs/benchmark.md would overwrite --write docs/benchmark.md; expected a file of its own\n"
    )


def test_quoted_cells() -> None:
    risky = ["=1+1", "+a", "-a", "@a", "\ta", "\ra"]
    assert quoted(risky) == [f"'{cell}" for cell in risky]
    plain = ["a=1", "'=1", "-1.5", "+3", "-inf", "1e-5", "", 7, -7, -0.5]
    assert quoted(plain) == plain


def test_predictions_for_a_spreadsheet(here: Path) -> None:
    """Exact by default; with --spreadsheet ids and classes that would be computed have an apostrophe before them."""
    save_model("m", ["=1+1", "@x"])
    text = Path("d.csv").read_text().replace("r0,", "-r0,").replace("r1,", "-1,")
    Path("d.csv").write_text(text)
    exact = rows(call("predict", "m", "d.csv", *SLOPES).stdout)
    assert exact[0] == ["id", "prediction", "probability_=1+1", "probability_@x"]
    assert [row[:2] for row in exact[1:4]] == [["-r0", "@x"], ["-1", "@x"], ["r2", "@x"]]
    safe = rows(call("predict", "m", "d.csv", *SLOPES, "--spreadsheet").stdout)
    assert safe[0] == exact[0]
    assert [row[:2] for row in safe[1:4]] == [["'-r0", "'@x"], ["-1", "'@x"], ["r2", "'@x"]]
    assert [row[2:] for row in safe] == [row[2:] for row in exact]
    told = call("stream", "m", "--spreadsheet", input="height,noise\n1,-2\n").stdout
    assert rows(told)[1][:2] == ["0", "'@x"]
    assert rows(call("stream", "m", input="height,noise\n1,-2\n").stdout)[1][:2] == ["0", "@x"]


def test_a_data_set_for_a_spreadsheet(here: Path) -> None:
    """Its numbers stay numbers, the negative ones too."""
    exact = call("datasets", "adding", "--part", "test").stdout
    assert call("datasets", "adding", "--part", "test", "--spreadsheet").stdout == exact
