"""`gruvy score` and what `gruvy train` says of a model: intervals, baselines, unseen classes, seeds, one recording."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import gruvy
from cli_help import call, rows, shell_without, write_slopes, write_wide
from compare import assert_close
from gruvy.cli import measures, reports
from gruvy.cli.app import out
from gruvy.data import Sequences, load, read, split_in_time
from gruvy.forecast.measure import wilson
from gruvy.model.task import Labels, Numbers

QUICK = ["--hidden-units", "4", "--max-epochs", "4", "--batch-size", "8", "--learning-rate", "0.02"]
SLOPES = ["--id", "recording", "--time", "seconds", "--features", "height,noise", "--target", "way"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, other data of the same kind, and a model of classes."""
    folder = tmp_path_factory.mktemp("score")
    write_slopes(folder / "d.csv")
    write_slopes(folder / "t.csv", count=30, seed=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = call("train", "d.csv", *SLOPES, *QUICK, "-o", "m.safetensors")
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def here(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained)
    return trained


def document(*words: str) -> dict[str, Any]:
    """What a command prints with --json: all of stdout is one document."""
    done = call(*words, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_a_published_table(right: int, count: int, low: float, high: float) -> None:
    """R. G. Newcombe (1998), Two-sided confidence intervals for the single proportion, Statistics in Medicine 17,
    table I, method 3 (Wilson's score without continuity correction), four decimals."""
    assert [round(end, 4) for end in wilson(right / count, count)[1:]] == [low, high]


def test_score_of_classes(here: Path) -> None:
    told = document("score", "m.safetensors", "t.csv")
    made = read("t.csv", id="recording", time="seconds", features=["height", "noise"], target="way")
    answers = gruvy.load("m.safetensors").predict(made.x)
    right = int(sum(a == b for a, b in zip(answers.tolist(), made.y.tolist(), strict=True)))
    test = told["test"]
    assert (told["task"], test["unit"], test["count"], test["right"]) == ("classify", "sequence", 30, right)
    assert_close(test["accuracy"], right / 30, "equation")
    z, p = 1.959963984540054, right / 30  # Wilson's formula, by hand
    half = z * math.sqrt(p * (1 - p) / 30 + z * z / 3600) / (1 + z * z / 30)
    middle = (p + z * z / 60) / (1 + z * z / 30)
    assert_close(np.array(test["interval"]), np.array([middle - half, middle + half]), "equation")
    assert test["baseline"] == {"answer": "down", "accuracy": 0.5}
    assert test["confusion"] == metrics.confusion_matrix(made.y, answers).tolist()
    assert [one["class"] for one in test["classes"]] == ["down", "up"]
    recall = metrics.recall_score(made.y, answers, average=None)
    assert_close(np.array([one["recall"] for one in test["classes"]]), recall, "equation")
    shown = call("score", "m.safetensors", "t.csv").stdout
    assert re.search(rf"accuracy\s+{right / 30:.3f}\s+{right} of 30 right\s+95 % interval", shown)
    assert re.search(r"class\s+precision\s+recall\s+F1\s+right\s+of", shown)


def test_score_needs_no_torch(here: Path) -> None:
    done = shell_without(["torch", "accelerate"], "score", "m.safetensors", "t.csv", cwd=here)
    assert done.returncode == 0, done.stderr
    done = shell_without(["torch", "sklearn"], "score", "m.safetensors", "t.csv", cwd=here)
    assert done.stderr.endswith('gruvy: scikit-learn is not installed: pip install "gruvy[train]"\n')


def test_score_of_several_numbers(here: Path) -> None:
    write_wide(Path("w.csv"))
    with open("w.csv", newline="") as file:
        table = list(csv.reader(file))
    with open("two.csv", "w", newline="") as file:
        write = csv.writer(file).writerow
        write([*table[0], "flat"])
        for row in table[1:]:
            write([*row, "7"])
    done = call("train", "two.csv", "--wide", "--features", "x", "--target", "mean,flat", "--group", "person", *QUICK,
                "-o", "two.safetensors")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    told = document("score", "two.safetensors", "two.csv")
    made = read("two.csv", wide=True, features=["x"], target=["mean", "flat"])
    answers = gruvy.load("two.safetensors").predict(made.x)
    mean, flat = told["test"]["targets"]
    assert (mean["target"], flat["target"], flat["r2"]) == ("mean", "flat", None)
    assert_close(mean["r2"], metrics.r2_score(made.y[:, 0], answers[:, 0]), "equation")
    error = made.y[:, 0] - answers[:, 0]
    assert_close(mean["mean_absolute_error"], np.mean(np.abs(error)), "equation")
    assert_close(mean["root_mean_squared_error"], np.sqrt(np.mean(error**2)), "equation")
    shown = call("score", "two.safetensors", "two.csv").stdout
    assert re.search(r"flat .* undefined ", shown)
    assert "R² is undefined where all true values are one." in shown


def test_score_of_an_archive_with_several_numbers(here: Path) -> None:
    """As many numbers a sequence as it has steps would be one a step; any other count is of the whole sequence."""
    X = np.random.default_rng(0).normal(size=(20, 5, 1))
    np.savez("k.npz", X=X, y=np.stack([X.sum((1, 2)), X[:, 0, 0]], 1))
    done = call("train", "k.npz", *QUICK, "-o", "k.safetensors")
    assert done.exit_code == 0, done.stderr
    test = document("score", "k.safetensors", "k.npz")["test"]
    assert [one["target"] for one in test["targets"]] == ["y0", "y1"]


def test_score_of_steps(here: Path) -> None:
    """A label at every step: the interval is that of whole sequences, since steps of one are not independent."""
    data = load("binary-addition", test=200)
    net = gruvy.GRU(2, 4, 2).fit(data.train.x, data.train.y, task="tag", max_epochs=2, seed=0)
    net.save("tag.safetensors")
    test = document("score", "tag.safetensors", "binary-addition")["test"]
    truth = load("binary-addition").test
    answers = gruvy.load("tag.safetensors").predict(truth.x)
    assert (test["unit"], test["count"]) == ("step", 10_000 * 21)
    assert_close(test["accuracy"], np.mean(np.stack(answers) == np.stack(truth.y)), "equation")
    assert test["interval"] is None
    assert test["whole"]["right"] == int((np.stack(answers) == np.stack(truth.y)).all(1).sum())


def judged(truth: list[Any], answers: list[Any], known: list[Any], guess: Any = None) -> measures.Judged:
    return measures.of_classes(np.array(truth), np.array(answers), np.array(known), guess)


def test_where_the_baseline_is_not_beaten() -> None:
    """In words; and nothing is said of a model that is plainly better."""
    assert measures.verdicts(judged(["a", "a", "b"], ["b", "b", "b"], ["a", "b"])) == [
        "Below the baseline: worse than always saying 'a'."
    ]
    assert measures.verdicts(judged(["a", "a", "b"], ["a", "a", "a"], ["a", "b"])) == [
        "Not above the baseline: no better than always saying 'a'."
    ]
    assert measures.verdicts(judged(["a", "a", "b"], ["a", "a", "b"], ["a", "b"])) == [
        "Not clearly above the baseline: the interval reaches down to what always saying 'a' gets."
    ]
    assert measures.verdicts(judged(["a", "b"] * 50, ["a", "b"] * 50, ["a", "b"])) == []
    numbers = measures.of_numbers(np.array([[1.0], [3.0]]), np.array([[9.0], [9.0]]), np.array([2.0]), ["level"])
    assert measures.verdicts(numbers) == [
        "Below the baseline: level is predicted no better than by always saying 2, the mean of the training."
    ]


def test_classes_that_training_has_not_seen(here: Path) -> None:
    """They count as wrong, and the remark about hundreds of them is one line."""
    text = Path("t.csv").read_text().splitlines()
    strange = [text[0]] + [line.replace(",up,", f",way{line.split(',')[0]},") for line in text[1:]]
    Path("strange.csv").write_text("\n".join(strange) + "\n")
    test = document("score", "m.safetensors", "strange.csv")["test"]
    assert sum(one["count"] for one in test["unknown"]) == len(test["unknown"]) == 15
    assert test["right"] <= 15
    shown = call("score", "m.safetensors", "strange.csv").stdout
    remark = next(line for line in shown.splitlines() if "training has not seen" in line)
    assert remark == (
        "15 of 30 sequences have classes that training has not seen, and count as wrong: "
        "wayr1 1, wayr11 1, wayr13 1, wayr15 1, wayr17 1, wayr19 1 and 9 more."
    )
    done = call("train", "d.csv", *SLOPES, *QUICK, "--test", "strange.csv", "-o", "x.safetensors")
    assert done.exit_code == 0, done.stderr
    assert remark in done.stdout
    many = judged([f"c{k}" for k in range(3000)], ["a"] * 3000, ["a", "b"])
    assert measures.verdicts(many)
    page = out(json=True)
    with page.capture() as caught:
        reports.report(page, many, each=True)
    assert len(caught.get().splitlines()) < 45


def test_text_in_one_file_and_numbers_in_the_other() -> None:
    """A test file with one label of text makes its column text; 0 and "0" are still one class."""
    found = judged(["0", "1", "x"], [0, 1, 1], [0, 1], 0)
    assert (found["right"], found["baseline"]["accuracy"]) == (2, 1 / 3)
    assert [one["class"] for one in found["unknown"]] == ["x"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m.safetensors", "d.csv", "--target", "nope"], "d.csv has no column 'nope' (--target)"),
        (["m.safetensors", "d.npz"], "d.npz has no target: name the column with the right answers with --target"),
        (["raw.safetensors", "d.csv"], "raw.safetensors gives raw read-outs; expected a model that was trained for"),
        (["n.safetensors", "d.csv", "--target", "way", "--features", "height"],
         "target way holds down 20, up 20; expected numbers, as in training"),
        (["n.safetensors", "d.csv", "--target", "slope,height", "--target-at", "last", "--features", "height"],
         "target slope, height has 2 numbers for each sequence; expected 1"),
    ],
)  # fmt: skip
def test_what_score_refuses(here: Path, words: list[str], message: str) -> None:
    np.savez("d.npz", X=np.zeros((3, 4, 2)))
    gruvy.GRU(2, 3, 1).save("raw.safetensors")
    net = gruvy.GRURegressor(2, max_epochs=1, random_state=0)
    net.fit(np.random.default_rng(0).normal(size=(8, 3, 1)), np.arange(8.0)).save("n.safetensors")
    done = call("score", *words, "--id", "recording") if "d.csv" in words else call("score", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr


def test_seeds_tell_the_spread_and_the_first_is_kept(here: Path) -> None:
    """Each net is the one that its seed alone gives on the same split; the test score chooses none."""
    told = document("train", "d.csv", *SLOPES, *QUICK, "--seed", "3", "--seeds", "3", "-o", "s.safetensors")
    each = [one["accuracy"] for one in told["seeds"]]
    assert [one["seed"] for one in told["seeds"]] == [3, 4, 5]
    assert_close(told["spread"]["accuracy"]["mean"], np.mean(each), "equation")
    assert_close(told["spread"]["accuracy"]["deviation"], np.std(each, ddof=1), "equation")
    assert (told["spread"]["accuracy"]["least"], told["spread"]["accuracy"]["most"]) == (min(each), max(each))
    alone = document("train", "d.csv", *SLOPES, *QUICK, "--seed", "3", "-o", "alone.safetensors")
    assert told["test"] == alone["test"]
    assert alone["spread"] is None
    assert np.array_equal(gruvy.load("s.safetensors").V, gruvy.load("alone.safetensors").V)
    shown = call("train", "d.csv", *SLOPES, *QUICK, "--seeds", "2", "-o", "s.safetensors").stdout
    assert re.search(r"^2 seeds: accuracy \S+ on average, \S+ to \S+, standard deviation", shown, re.MULTILINE)


def test_stopped_at_a_later_seed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was trained to its end counts, and the first net is there."""
    fit = gruvy.GRUClassifier.fit

    def stopped(net: gruvy.GRUClassifier, *given: Any, **options: Any) -> gruvy.GRUClassifier:
        fit(net, *given, **options)
        if net.random_state == 2:
            net.history_ = net.history_._replace(stopped="interrupted")
        return net

    monkeypatch.setattr(gruvy.GRUClassifier, "fit", stopped)
    done = call("train", "d.csv", *SLOPES, *QUICK, "--seeds", "5", "-o", "early.safetensors", "--json")
    assert (done.exit_code, len(json.loads(done.stdout)["seeds"])) == (1, 2)
    assert done.stderr.endswith("gruvy: stopped after 2 nets of 5; the first is saved\n")
    assert Path("early.safetensors").exists()


def test_train_says_the_training_score_and_keeps_a_history_for_each_model(here: Path) -> None:
    told = document("train", "d.csv", *SLOPES, *QUICK, "-o", "a.safetensors")
    made = read("d.csv", id="recording", time="seconds", features=["height", "noise"], target="way")
    seen, unseen = gruvy.data.split(made, 0.2, seed=0)
    model = gruvy.load("a.safetensors")
    for part, name in ((seen, "training"), (unseen, "test")):
        assert told[name]["right"] == int(np.sum(model.predict(part.x) == part.y))
    assert told["history"] == "a.history.csv"
    assert told["epochs"] == len(rows(Path("a.history.csv").read_text())) - 1
    before = Path("a.history.csv").read_bytes()
    done = call("train", "d.csv", *SLOPES, *QUICK, "--max-epochs", "2", "-o", "b.safetensors", "--history", "own.csv")
    assert done.exit_code == 0
    assert Path("a.history.csv").read_bytes() == before
    assert len(rows(Path("own.csv").read_text())) == 3
    assert not Path("b.history.csv").exists()
    assert re.search(r"training\s+[\d.]+\s+\d+ of 32 right", done.stdout)
    assert re.search(r"^loss\s+[▁-█]{2}\s+\S+ to \S+ in 2 epochs$", done.stdout, re.MULTILINE)


def test_a_test_file_that_cannot_judge_is_refused_before_the_training(here: Path) -> None:
    np.savez("seen.npz", X=np.random.default_rng(0).normal(size=(20, 3, 1)), y=np.arange(20.0))
    np.savez("bare.npz", X=np.zeros((4, 3, 1)))
    np.savez("text.npz", X=np.zeros((4, 3, 1)), y=["a", "b", "c", "d"])
    for test, message in (
        ("bare.npz", "--test bare.npz has no target; expected the right answers, to judge by"),
        ("text.npz", "--test text.npz: the target y holds text; expected numbers"),
    ):
        done = call("train", "seen.npz", "--test", test, *QUICK, "-o", "never.safetensors")
        assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"gruvy: {message}\n")
        assert not Path("never.safetensors").exists()
    assert call("train", "seen.npz", "--test", "seen.npz", *QUICK, "-o", "ever.safetensors").exit_code == 0


def write_recording(path: Path, id: str = "") -> None:
    """One recording of 100 steps, low or high for 20 steps each."""
    rng = np.random.default_rng(0)
    lines = [f"{t},{(t // 20) % 2 + rng.normal() / 4:.4f},{'hi' if t // 20 % 2 else 'lo'}" for t in range(100)]
    header = ("id," if id else "") + "t,x,state"
    path.write_text("\n".join([header, *((id + "," if id else "") + line for line in lines)]) + "\n")


@pytest.mark.parametrize("id", ["", "only"])
def test_one_recording_is_split_by_time(here: Path, id: str) -> None:
    write_recording(Path("one.csv"), id)
    words = ["train", "one.csv", "--target", "state", "--window", "10", "--step", "5", "--target-at", "last", *QUICK]
    done = call(*words, "--validation", "0.2", "-o", "one.safetensors")
    assert done.exit_code == 0, done.stderr
    # 19 windows: the last 4 are the test, and the one before shares 5 steps with it.
    assert (
        "14 to learn from, 4 to be judged on (one recording: the last 20 % of its windows in time; "
        "1 that overlap them left out)"
    ) in done.stdout
    told = call("train", "one.csv", "--target", "state", "--target-at", "last", *QUICK)
    assert told.exit_code == 1
    assert "--window" in told.stderr
    told = call(*words, "--window", "100", "--step", "100")
    assert told.stderr.endswith(
        "one.csv gives 1 window, and 2 are needed to hold out the last: expected a --window shorter than 100 steps\n"
    )


def test_a_split_in_time_shares_no_step() -> None:
    """Windows of 4 steps, one every 3: no step of the recording is on both sides."""
    whole = Sequences([np.arange(a, a + 4.0)[:, None] for a in range(0, 60, 3)], y=np.arange(20))
    train, test = split_in_time(whole, 0.25, overlap=1)
    assert (train.y.tolist(), test.y.tolist()) == (list(range(14)), list(range(15, 20)))
    assert max(x.max() for x in train.x) < min(x.min() for x in test.x)
    shared, test = split_in_time(whole, 0.25)
    assert max(x.max() for x in shared.x) == min(x.min() for x in test.x)  # without it, one is
    for options, message in (
        ({"test": 1.5}, "test=1.5: expected a share between 0 and 1"),
        ({"overlap": -1}, "overlap=-1: expected a whole number of at least 0"),
    ):
        with pytest.raises(gruvy.InputError, match=re.escape(message)):
            split_in_time(whole, **options)
    with pytest.raises(gruvy.Error, match="a split needs at least 4"):
        split_in_time(whole.select(range(3)), overlap=2)


def test_a_curve_by_hand() -> None:
    assert reports.curve([8.0, 4.0, 2.0, 1.0]) == "█▄▂▁"
    assert reports.curve([1.0]) == "▁"
    assert reports.curve(np.repeat([3.0, 0.0], 100), width=4) == "██▁▁"


def test_an_answer_that_is_no_number_is_named() -> None:
    part = Sequences(np.zeros((2, 3, 1)), y=np.array([1.0, 2.0]), ids=["a", "b"])
    with pytest.raises(gruvy.Error, match="the model's answer to sequence 'b' is not a finite number"):
        measures.judge(
            Numbers.of(np.array([1.0, 2.0])), SimpleNamespace(predict=lambda _: np.array([1.0, np.nan])), [part]
        )
    steps = Sequences(np.zeros((2, 3, 1)), y=np.zeros((2, 3)))
    with pytest.raises(gruvy.Error, match="target y has several values for each sequence"):
        measures.judge(Labels.of(["a", "b"]), SimpleNamespace(), [steps])
