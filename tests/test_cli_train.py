"""`gruvy train`, and `predict`, `stream` and `explain` on what it wrote: real files, real processes."""

from __future__ import annotations

import csv
import inspect
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gruvy
from cli_help import call, environment, rows, shell, shell_without, write_slopes, write_wide
from compare import assert_close
from gruvy.cli import measures, reports
from gruvy.cli.train import train as train_command
from gruvy.data import load, read

QUICK = ["--hidden-units", "8", "--max-epochs", "12", "--batch-size", "4", "--learning-rate", "0.02"]
SLOPES = ["--id", "recording", "--time", "seconds", "--features", "height,noise", "--target", "way"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with data, a model trained on them by a process of its own, and what that printed."""
    folder = tmp_path_factory.mktemp("some folder")
    write_slopes(folder / "the data.csv")
    done = shell("train", "the data.csv", *SLOPES, *QUICK, "--group", "person", cwd=folder)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return folder, done.stdout


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, where the test stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def next_line(told: str) -> list[str]:
    """The command that `train` says to type next, as a shell would split it."""
    found = re.search(r"^Next:\n  (.+)$", told, re.MULTILINE)
    assert found, told
    return shlex.split(found[1])


def test_what_train_prints_and_writes(trained: tuple[Path, str]) -> None:
    folder, told = trained
    lines = told.splitlines()
    assert lines[0] == "the data.csv: 40 sequences of 4 to 9 steps; channels height, noise; target way: down 20, up 20"
    assert lines[1] == (
        "32 to learn from, 8 to be judged on (20 % held out, no group on both sides, every class in proportion)"
    )
    model = gruvy.load(folder / "model.safetensors")
    assert model.data.columns == {
        "channels": ["height", "noise"], "targets": ["way"], "others": ["recording", "seconds", "person"]
    }  # fmt: skip
    history = rows((folder / "model.history.csv").read_text())
    assert history[0][:2] == ["epoch", "loss"]
    assert [row[0] for row in history[1:]] == [str(n) for n in range(1, 13)]


def test_the_score_is_that_of_the_saved_model_on_what_was_held_out(trained: tuple[Path, str]) -> None:
    """Judged again by hand: the split by groups is drawn again, and the answers are counted here."""
    folder, told = trained
    whole = read(folder / "the data.csv", id="recording", time="seconds", features=["height", "noise"], target="way",
                 group="person")  # fmt: skip
    from gruvy.data import split

    _, held_out = split(whole, 0.2, seed=0)
    answers = gruvy.load(folder / "model.safetensors").predict(held_out.x)
    right = sum(a == b for a, b in zip(answers.tolist(), held_out.y.tolist(), strict=True))
    found = re.search(r"accuracy\s+([\d.]+)\s+(\d+) of (\d+) right", told)
    assert found
    assert (float(found[1]), int(found[2]), int(found[3])) == (round(right / 8, 3), right, 8)
    assert right >= 7  # which way it goes is plain to see
    guess = re.search(r"baseline\s+([\d.]+)\s+always answering (\w+)", told)
    assert guess
    assert float(guess[1]) == sum(y == guess[2] for y in held_out.y) / 8
    counts = [[int(cell.replace("·", "0")) for cell in line.split()[1:]]
              for line in told.splitlines() if re.match(r" (down|up) ", line)]  # fmt: skip
    wanted = [[sum(t == a and p == b for t, p in zip(held_out.y, answers, strict=True)) for b in ("down", "up")]
              for a in ("down", "up")]  # fmt: skip
    assert counts == wanted


def test_the_predict_line_works_when_pasted(trained: tuple[Path, str]) -> None:
    folder, told = trained
    line = next_line(told)
    assert line[:4] == ["gruvy", "predict", "model.safetensors", "the data.csv"]
    done = shell(*line[1:], cwd=folder)
    taken = "As in training, from model.safetensors: --id recording --time seconds\n"
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{taken}40 sequences answered in predictions.csv\n"
    table = rows((folder / "predictions.csv").read_text())
    assert table[0] == ["id", "prediction", "probability_down", "probability_up"]
    assert [row[0] for row in table[1:]] == [f"r{i}" for i in range(40)]
    estimator = gruvy.GRUClassifier.load(folder / "model.safetensors")
    x = read(folder / "the data.csv", id="recording", time="seconds", features=["height", "noise"]).x
    wanted = estimator.predict_proba(x)
    assert_close(np.array([row[2:] for row in table[1:]], wanted.dtype), wanted, "answer")
    assert [row[1] for row in table[1:]] == estimator.predict(x).tolist()


def test_predict_needs_neither_torch_nor_scikit_learn(
    trained: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told = trained
    monkeypatch.chdir(folder)
    assert call(*next_line(told)[1:]).exit_code == 0
    line = next_line(told)[1:-2]
    done = shell_without(["torch", "sklearn", "accelerate"], *line, *SLOPES[:4], cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows(done.stdout) == rows((folder / "predictions.csv").read_text())
    assert len(rows(done.stdout)) == 41


def test_predict_finds_the_channels_in_any_order(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    with (folder / "the data.csv").open() as file:
        table = list(csv.DictReader(file))
    order = ["noise", "way", "height", "recording", "seconds"]
    with (tmp_path / "other.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, order, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(table)
    model, data = str(folder / "model.safetensors"), str(folder / "the data.csv")
    options = ["--id", "recording", "--time", "seconds"]
    same = call("predict", model, data, *options)
    assert call("predict", model, str(tmp_path / "other.csv"), *options).stdout == same.stdout
    assert len(rows(same.stdout)) == 41


def test_stream_ends_where_predict_does(trained: tuple[Path, str]) -> None:
    """Two sequences, an empty line between them, through a pipe; torch is not there."""
    folder, _ = trained
    whole = read(folder / "the data.csv", id="recording", time="seconds", features=["height", "noise"])
    lines = ["noise,height"]
    for x in whole.x[:2]:
        lines += [f"{float(noise)!r},{float(height)!r}" for height, noise in x] + [""]
    done = shell_without(
        ["torch", "sklearn", "polars"], "stream", "model.safetensors", cwd=folder, input="\n".join(lines)
    )
    assert (done.returncode, done.stderr) == (0, "")
    table = rows(done.stdout)
    assert table[0] == ["step", "prediction", "probability_down", "probability_up"]
    assert [int(row[0]) for row in table[1:]] == [t for x in whole.x[:2] for t in range(len(x))]
    ends = np.cumsum([len(x) for x in whole.x[:2]])
    wanted = gruvy.load(folder / "model.safetensors").predict_proba(whole.x[:2])
    assert_close(np.array([table[end][2:] for end in ends], wanted.dtype), wanted, "answer")


def test_stream_answers_each_step_before_the_next_comes(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    command = [sys.executable, "-m", "gruvy", "stream", "model.safetensors"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith("step,")
        for step in range(3):
            process.stdin.write(f"{step},0.5\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(f"{step},")
        process.stdin.close()
        assert process.wait(300) == 0


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ("1,2,3\n", "stdin, line 1 has 3 columns; expected 2"),
        ("height\n1\n", "stdin has no column 'noise'; its columns are height"),
        ("1,2\n1\n", "stdin, line 2 has 1 column; expected 2"),
        ("1,2\n1,wet\n", "stdin, line 2: 'wet' is not a number"),
        ("1,2\n1,nan\n", "stdin, line 2: nan is not a finite number"),
        (
            f"1,2\n1,{'2' * 200_000}\n",
            "stdin, line 2 cannot be divided into cells (field larger than field limit (131072))",
        ),
    ],
)
def test_what_stream_refuses(trained: tuple[Path, str], sent: str, message: str) -> None:
    done = call("stream", str(trained[0] / "model.safetensors"), input=sent)
    assert (done.exit_code, done.stderr) == (1, f"gruvy: {message}\n")


def test_explain_writes_a_page(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    done = shell_without(
        ["torch", "sklearn"], "explain", "model.safetensors", "the data.csv", "--id", "recording", "--time", "seconds",
        "--target", "way", "--history", "model.history.csv", "-o", "page.html", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"page\.html: \d\.\d MB, 40 of 40 sequences\nOpen it in a browser: it works offline\.\n", done.stderr
    )
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "height" in page


def test_numbers(here: Path) -> None:
    """Wide form, a test file, one number to predict: errors beside those of always answering the mean."""
    write_wide(here / "a.csv", seed=1)
    write_wide(here / "b.csv", seed=2)
    done = call("train", "a.csv", "--wide", "--features", "x", "--target", "mean", "--test", "b.csv", *QUICK,
                 "--max-epochs", "60", "--group", "person")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "30 to learn from, 30 to be judged on (judged on b.csv)" in done.stdout
    a, b = (read(here / name, wide=True, features=["x"], target="mean", group="person") for name in ("a.csv", "b.csv"))
    row = re.search(r"mean\s+" + r"([\d.]+)\s+" * 2 + r"([\d.-]+)\s+([\d.]+)\s+([\d.]+) \(([\d.-]+)\)", done.stdout)
    assert row, done.stdout
    error, absolute, r2, learnt, guess, mean = map(float, row.groups())
    answers = gruvy.GRURegressor.load(here / "model.safetensors").predict(b.x)
    assert_close(error, np.sqrt(np.mean((answers - b.y) ** 2)), "four digits")
    assert_close(absolute, np.mean(np.abs(answers - b.y)), "four digits")
    seen = gruvy.GRURegressor.load(here / "model.safetensors").predict(a.x)
    assert_close(learnt, np.sqrt(np.mean((seen - a.y) ** 2)), "four digits")
    assert_close(mean, a.y.mean(), "four digits")
    assert_close(guess, np.sqrt(np.mean((a.y.mean() - b.y) ** 2)), "four digits")
    from sklearn.metrics import r2_score

    assert_close(r2, r2_score(b.y, answers), "three decimals")
    assert r2 > 0.5
    line = next_line(done.stdout)
    assert call(*line[1:]).exit_code == 0
    table = rows((here / "predictions.csv").read_text())
    assert table[0] == ["id", "mean"]
    wanted = gruvy.GRURegressor.load(here / "model.safetensors").predict(a.x)
    assert_close(np.array([row[1] for row in table[1:]], wanted.dtype), wanted, "answer")


def test_windows_and_several_targets(here: Path) -> None:
    """Long recordings cut into windows, two numbers each: one column a target, and the line to paste has the window."""
    rng = np.random.default_rng(3)
    with (here / "long.csv").open("w", newline="") as file:
        write = csv.writer(file).writerow
        write(["id", "t", "x", "level", "double"])
        for i in range(6):
            for t in range(25):
                write([f"rec {i}", t, f"{i + rng.normal() / 9:.4f}", i, 2 * i])
    done = call("train", "long.csv", "--target", "level,double", "--window", "10", "--step", "5", *QUICK)
    assert done.exit_code == 0, done.stderr
    assert "  6 recordings were cut into 24 windows." in done.stdout
    line = next_line(done.stdout)
    assert call(*line[1:-2]).stdout.splitlines()[0] == "id,level,double"
    assert rows(call(*line[1:-2]).stdout)[1][0] == "rec 0[0:10]"


def test_a_data_set_by_name(here: Path) -> None:
    done = call("train", "digits", "--max-epochs", "3", "-o", "d.safetensors")
    assert done.exit_code == 0, done.stderr
    assert "1,438 to learn from, 359 to be judged on (the data set's own split)" in done.stdout
    line = next_line(done.stdout)
    assert line == ["gruvy", "predict", "d.safetensors", "digits", "-o", "predictions.csv"]
    assert call(*line[1:]).exit_code == 0
    table = rows((here / "predictions.csv").read_text())
    truth = load("digits").test
    assert [row[0] for row in table[1:]] == truth.ids
    found = re.search(r"(\d+) of 359 right", done.stdout)
    assert found
    assert sum(int(row[1]) == y for row, y in zip(table[1:], truth.y, strict=True)) == int(found[1])


def test_an_exported_data_set_can_be_trained_on(here: Path) -> None:
    """The line that `datasets` says to type next, typed."""
    done = call("datasets", "mnist1d", "-o", "m.csv", "--part", "test")
    assert done.exit_code == 0
    told, line = done.stderr.splitlines()
    assert told == "1,000 sequences written to m.csv"
    assert line == "Next: gruvy train m.csv --id id --time step --target digit"
    again = call(*shlex.split(line)[2:], "--max-epochs", "1", "--hidden-units", "4")
    assert again.exit_code == 0, again.stderr
    assert "800 to learn from, 200 to be judged on" in again.stdout
    back = read(here / "m.csv", id="id", time="step", target="digit")
    truth = load("mnist1d").test
    assert back.y.tolist() == truth.y.tolist()
    assert_close(np.stack(back.x), np.stack(truth.x).astype(np.float64), "seven digits")


def test_the_same_seed_gives_the_same_model(here: Path) -> None:
    write_slopes(here / "d.csv")
    told = [
        call("train", "d.csv", *SLOPES, *QUICK, "--seed", seed, "-o", f"{n}.safetensors")
        for n, seed in enumerate("774")
    ]
    assert [done.exit_code for done in told] == [0, 0, 0]
    a, b, c = (gruvy.load(here / f"{n}.safetensors").data.V for n in range(3))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process on Windows")
def test_ctrl_c_keeps_what_was_learnt(tmp_path: Path) -> None:
    write_slopes(tmp_path / "d.csv", count=200)
    command = [sys.executable, "-m", "gruvy", "train", "d.csv", *SLOPES, "--max-epochs", "200", "--batch-size", "8"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment()
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("training 20/200"), first
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert re.search(r"^gruvy: stopped after \d+ epochs; what was learnt so far is saved$", err, re.MULTILINE), err
    assert "Traceback" not in err
    assert shell(*next_line(out)[1:], cwd=tmp_path).returncode == 0
    assert len(rows((tmp_path / "model.history.csv").read_text())) > 20


def test_the_settings_of_train_are_those_of_the_estimator() -> None:
    own = inspect.signature(train_command).parameters
    theirs = inspect.signature(gruvy.GRUClassifier).parameters
    for name in ("hidden_units", "layers", "bidirectional", "convention", "dropout", "pooling", "max_epochs",
                 "batch_size", "learning_rate", "patience", "device"):  # fmt: skip
        assert own[name].default == theirs[name].default, name


def test_confusion_by_hand() -> None:
    truth, answers = np.array(["a", "b", "b", "c"]), np.array(["a", "c", "b", "c"])
    wanted = [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert measures.confusion(truth, answers, np.array(["a", "b", "c"])).tolist() == wanted
    assert measures.majority(truth) == ("b", 2)


def test_many_classes_show_the_commonest_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    from gruvy.cli.app import out

    counts = np.diag(np.full(17, 5))
    counts[3, 4], counts[16, 0] = 2, 7
    reports.confusion_report(out(), counts, [f"class {k}" for k in range(17)])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if "class" in line]
    assert lines == ["class 16 class 0 7", "class 3 class 4 2"]
    reports.confusion_report(out(), np.diag(np.full(17, 5)), [f"class {k}" for k in range(17)])
    assert capsys.readouterr().out == "No mistakes.\n"
