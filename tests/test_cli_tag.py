"""`--task tag`: training, prediction and scores at every step, and of events, at the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.nn import functional as F

import gruvy
from cli_help import call
from compare import assert_close

soundfile = pytest.importorskip("soundfile")

QUICK = ("--hidden-units", 8, "--max-epochs", 6)


def run(*words):
    told = call(*map(str, words))
    assert told.exit_code == 0, told.output
    return told


def document(*words):
    return json.loads(run(*words, "--json").stdout)


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """Walks of unequal length, with their side, their place, and whether x and y are high, and a model of the sides."""
    folder = tmp_path_factory.mktemp("walks")
    rng = np.random.default_rng(0)
    with open(folder / "d.csv", "w") as file:
        file.write("id,time,x,y,side,place,p,q\n")
        for i in range(30):
            place = 0.0
            for t in range(rng.integers(4, 20)):
                x, y = rng.normal(size=2)
                place += x
                file.write(
                    f"w{i},{t},{x:.4f},{y:.4f},{'over' if place > 0 else 'under'},{place:.4f},{x > 0:d},{y > 1:d}\n"
                )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("train", "d.csv", "--task", "tag", "--target", "side", "--features", "x,y", *QUICK, "-o", "m.safetensors")
    return folder


@pytest.fixture
def here(walks, monkeypatch):
    monkeypatch.chdir(walks)
    return walks


def test_a_row_of_answers_for_each_step(here):
    run("predict", "m.safetensors", "d.csv", "-o", "p.csv")
    answers, data = rows("p.csv"), rows("d.csv")
    assert list(answers[0]) == ["id", "step", "prediction", "probability_over", "probability_under"]
    assert [(row["id"], row["step"]) for row in answers] == [(row["id"], row["time"]) for row in data]
    said = [row["prediction"] for row in answers]
    assert said == ["over" if float(row["probability_over"]) > 0.5 else "under" for row in answers]
    given = document("predict", "m.safetensors", "d.csv")["answers"]
    assert (given[5]["step"], given[5]["prediction"]) == (5, said[5])
    assert_close(sum(given[5]["probabilities"].values()), 1.0, "total")


def test_scores_are_scikit_learns(here):
    run("predict", "m.safetensors", "d.csv", "-o", "p.csv")
    truth, said = ([row[name] for row in rows(path)] for path, name in (("d.csv", "side"), ("p.csv", "prediction")))
    p = np.array([[float(row[f"probability_{name}"]) for name in ("over", "under")] for row in rows("p.csv")])
    test = document("score", "m.safetensors", "d.csv")["test"]
    assert test["count"] == len(truth)
    assert_close(test["accuracy"], metrics.accuracy_score(truth, said), "equation")
    assert_close(test["balanced_accuracy"], metrics.balanced_accuracy_score(truth, said), "equation")
    assert_close(test["negative_log_likelihood"], metrics.log_loss(truth, p / p.sum(1, keepdims=True)), "answer")
    wanted = metrics.precision_recall_fscore_support(truth, said)
    for name, each in zip(("precision", "recall", "f1", "count"), wanted, strict=True):
        assert_close(np.array([float(one[name]) for one in test["classes"]]), each.astype(float), "equation")
    shown = " ".join(run("score", "m.safetensors", "d.csv").stdout.split())
    assert f"balanced {test['balanced_accuracy']:.3f} mean recall of the classes" in shown
    assert f"log loss {test['negative_log_likelihood']:.4f} negative log-likelihood per step" in shown


def test_numbers_at_every_step(here):
    told = document("train", "d.csv", "--task", "tag", "--target", "place", "--features", "x,y", *QUICK, "-o",
                    "n.safetensors")  # fmt: skip
    assert told["task"] == "tag"
    run("predict", "n.safetensors", "d.csv", "-o", "n.csv")
    truth, said = (np.array([float(row["place"]) for row in rows(path)]) for path in ("d.csv", "n.csv"))
    test = document("score", "n.safetensors", "d.csv")["test"]
    assert (test["unit"], test["count"]) == ("step", len(truth))
    assert_close(test["targets"][0]["r2"], metrics.r2_score(truth, said), "seven digits")
    stream = call("stream", "n.safetensors", input="x,y\n1,2\n3,4\n").stdout.splitlines()
    assert stream[0] == "step,place"
    assert len(stream) == 3


def test_yes_and_no_at_every_step(here):
    run("train", "d.csv", "--task", "tag", "--target", "p,q", "--features", "x,y", *QUICK, "-o", "y.safetensors")
    run("predict", "y.safetensors", "d.csv", "-o", "y.csv")
    answers = rows("y.csv")
    assert list(answers[0]) == ["id", "step", "p", "q", "probability_p", "probability_q"]
    given = document("predict", "y.safetensors", "d.csv")["answers"][0]
    assert given == {key: value if key == "id" else float(value) for key, value in answers[0].items()}
    assert [row["p"] for row in answers] == [f"{float(row['probability_p']) >= 0.5:d}" for row in answers]
    test = document("score", "y.safetensors", "d.csv")["test"]
    truth, said = (np.array([[int(row[k]) for k in "pq"] for row in rows(path)]) for path in ("d.csv", "y.csv"))
    assert_close(test["accuracy"], 1 - metrics.hamming_loss(truth, said), "equation")
    assert_close(test["f1"], metrics.f1_score(truth, said, average="micro"), "equation")
    assert_close(test["answers"][1]["recall"], metrics.recall_score(truth[:, 1], said[:, 1]), "equation")
    assert (test["answers"][1]["answer"], test["answers"][1]["count"]) == ("q", int(truth[:, 1].sum()))
    share = truth.mean(0)
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share)).sum()
    assert_close(test["baseline"]["negative_log_likelihood"], entropy, "equation")


def test_the_next_notes_of_88(tmp_path, monkeypatch):
    """A piano roll of broken chords: the negative log-likelihood of a step, by PyTorch in float64."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lengths = rng.integers(9, 30, 24)
    rolls = [np.zeros((T + 1, 88), np.int8) for T in lengths]
    for roll in rolls:
        root = rng.integers(30, 50)
        for t in range(len(roll)):
            roll[t, root + np.array([0, 4, 7, 12])[rng.permutation(4)[: rng.integers(1, 4)]]] = 1
    values, y = np.concatenate([roll[:-1] for roll in rolls]), np.concatenate([roll[1:] for roll in rolls])
    np.savez("notes.npz", values=values, y=y, lengths=lengths)
    shown = run("train", "notes.npz", "--task", "tag", "--max-epochs", 60, "--batch-size", 4).stdout
    assert "88 answers of yes or no each" in shown
    test = document("score", "model.safetensors", "notes.npz")["test"]
    tagger = gruvy.GRUTagger.load("model.safetensors")
    net, total = tagger.net_.double(), 0.0
    for roll in rolls:
        raw = net(torch.tensor(tagger.scaler_(roll[:-1]))[None]).outputs[0]
        total += F.binary_cross_entropy_with_logits(raw, torch.tensor(roll[1:]).double(), reduction="sum").item()
    assert_close(test["negative_log_likelihood"], total / len(y), "loss")
    assert test["negative_log_likelihood"] < 0.8 * test["baseline"]["negative_log_likelihood"]
    assert f"{test['negative_log_likelihood']:.4f}" in run("score", "model.safetensors", "notes.npz").stdout


def test_labels_at_every_step_of_an_archive(tmp_path, monkeypatch):
    """X (N, T, I) with y (N, T), and the data set that comes with such."""
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(20, 7, 1))
    np.savez("d.npz", X=X, y=np.where(X[:, :, 0] > 0, "plus", "minus"))
    told = document("train", "d.npz", *QUICK)
    assert (told["task"], told["test"]["unit"], told["test"]["count"]) == ("tag", "step", 4 * 7)
    told = document("train", "binary-addition", "--hidden-units", 4, "--max-epochs", 1)
    assert (told["task"], told["test"]["count"]) == ("tag", 10_000 * 21)
    assert call("train", "d.npz", "--task", "classify").stderr == (
        "gruvy: --task classify learns one per sequence, and d.npz has a target at every step\n"
    )


def test_a_threshold(here):
    words = ("train", "d.csv", "--task", "tag", "--target", "side", "--features", "x,y", *QUICK)
    run(*words, "--threshold", "0.01", "-o", "t.safetensors")
    run("predict", "t.safetensors", "d.csv", "-o", "t.csv")
    assert {row["prediction"] for row in rows("t.csv")} == {"under"}
    assert document("score", "t.safetensors", "d.csv")["test"]["classes"][1]["recall"] == 1
    shown = run(*words, "--threshold", "tuned", "--validation", "0.3", "-o", "t.safetensors").stdout
    found = gruvy.load("t.safetensors").target.threshold
    assert found not in (None, 0.5)
    assert f"threshold  {found:.3f}\n" in shown
    assert document(*words, "--threshold", "0.25", "-o", "t.safetensors")["threshold"] == 0.25
    done = call(*map(str, words), "--threshold", "tuned")
    assert done.stderr == "gruvy: --threshold tuned needs --validation too, the share held out to tune it\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--wide", "--task", "tag", "--target", "side"],
         "d.csv: a target at every step has no meaning in wide form (--wide), where a row is a sequence"),
        (["--task", "tag"], "d.csv has no target: name the column to predict with --target, or label stretches of time "
         "with --labels; it has x, y, side, place, p, q"),
        (["--target", "side"], "d.csv, line 4: target 'side' changes from 'under' to 'over' inside sequence 'w0'; "
         "--target-at last takes the last one, --target-at each one at every step"),
        (["--task", "tag", "--target", "side", "--pooling", "max"],
         "--pooling max has no meaning with --task tag, where each step is read as it comes"),
        (["--task", "tag", "--target", "side", "--threshold", "high"],
         "--threshold high: expected a number from 0 to 1, or tuned"),
        (["--task", "tag", "--target", "side", "--id", "id", "--stream"],
         "--stream has one target for each sequence; expected no --task tag and no --target-at each"),
    ],
)  # fmt: skip
def test_refusals(here, words, said):
    if words == ["--task", "tag"]:
        text = Path("d.csv").read_text().replace(",over,", ",1,").replace(",under,", ",2,")
        Path("numbers").mkdir(exist_ok=True)
        Path("numbers/d.csv").write_text(text)
        said, data = said.replace("d.csv", "numbers/d.csv"), "numbers/d.csv"
    else:
        data = "d.csv"
    done = call("train", data, *words)
    assert (done.exit_code, done.stderr) == (1, f"gruvy: {said}\n")


def test_recordings_with_label_tracks(tmp_path, monkeypatch):
    """From Audacity's files to a model, its steps and its events; with the curve as a page."""
    monkeypatch.chdir(tmp_path)
    rng, rate = np.random.default_rng(0), 8000
    Path("rec").mkdir()
    for k in range(10):
        x, lines = 0.01 * rng.normal(size=3 * rate), []
        for start in (0.4, 1.3, 2.2):
            start += rng.uniform(0, 0.2)
            a, b = round(start * rate), round((start + 0.4) * rate)
            x[a:b] += 0.3 * np.sin(2 * np.pi * 900 * np.arange(b - a) / rate)
            lines.append(f"{start:.6f}\t{start + 0.4:.6f}\ttone\n")
        soundfile.write(f"rec/{k}.wav", x, rate)
        Path(f"rec/{k}.txt").write_text("".join(lines))
    run("train", "rec", "--task", "tag", "--background", "quiet", "--hidden-units", 8, "--max-epochs", 25)
    told = document("score", "model.safetensors", "rec", "--event", "tone", "--plot", "curve.html")
    assert [one["class"] for one in told["test"]["classes"]] == ["quiet", "tone"]
    events = told["events"]
    assert (events["count"], events["seconds_per_step"]) == (30, 0.01)
    best = events["curve"][events["best"]]
    assert best["f1"] > 0.9
    assert 0 <= best["delay"] < 0.2
    assert "plotly" in Path("curve.html").read_text()
    shown = run("score", "model.safetensors", "rec", "--event", "tone", "--late", "1").stdout
    assert "30 true events of 'tone' in 0.00832 hours" in " ".join(shown.split())
    assert "from 0.15 s before to 1 s after" in " ".join(shown.split())
    run("predict", "model.safetensors", "rec/0.wav")
    done = call("score", "model.safetensors", "rec", "--event", "bell")
    assert done.stderr.endswith("gruvy: --event bell: expected a label of the model, quiet, tone\n")


def test_scores_want_answers(here):
    write = Path("bare.csv")
    write.write_text("id,time,x,y\na,0,1,2\na,1,2,3\n")
    run("train", "d.csv", "--task", "tag", "--target", "side", "--features", "x,y", *QUICK, "-o", "s.safetensors")
    Path("bare.txt").write_text("0\t1\tover\n")
    assert document("score", "s.safetensors", "bare.csv", "--labels", "bare.txt")["test"]["unknown"] == [
        {"class": "background", "count": 1}
    ]
    done = call("score", "s.safetensors", "bare.csv")
    assert done.stderr.endswith("gruvy: bare.csv has no column 'side' (--target); its columns are id, time, x, y\n")


def test_events_of_a_table_need_the_seconds(here):
    done = call("score", "m.safetensors", "d.csv", "--event", "over")
    assert done.stderr.endswith("gruvy: --event needs --every too, the seconds from one step to the next\n")
    told = document("score", "m.safetensors", "d.csv", "--event", "over", "--every", "0.5", "--smoothing", "0")
    side = [(row["id"], row["side"]) for row in rows("d.csv")]
    begins = sum(b == "over" and (a, b) != before for before, (a, b) in zip([("", ""), *side], side))  # noqa: B905
    assert told["events"]["count"] == begins
    assert_close(told["events"]["curve"][0]["hours"], len(side) * 0.5 / 3600, "equation")
