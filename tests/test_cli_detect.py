"""`gruvy train --task detect`: a folder of recordings in, a file that `gruvy listen` hears with out."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import gruvy
from cli_help import call
from gruvy.detection import Listener, fit, judge, read_recordings
from gruvy.detection.streams import JUDGED, laid
from gruvy.errors import ModelFileError
from small_detector import RATE, all_words, found, write_folder

soundfile = pytest.importorskip("soundfile")
DIGITS = Path(os.environ.get("GRUVY_SPOKEN_DIGITS", Path(__file__).parents[2] / "shared/data/spoken-digits-wav.zip"))
SMALL = ("--hours", "0.15", "--hidden-units", "32", "--layers", "1", "--dropout", "0", "--max-epochs", "15")
SMALL += ("--batch-size", "2", "--learning-rate", "0.01")
DETECT = ("--task", "detect", "--trigger", "high")


@pytest.fixture
def few_minutes(monkeypatch):
    """To choose the threshold on."""
    monkeypatch.setitem(fit.fit_detector.__kwdefaults__, "minutes", (3, 3))


def test_from_recordings_to_events(tmp_path, few_minutes):
    folder, model = write_folder(tmp_path / "words"), tmp_path / "high.safetensors"
    done = call("train", str(folder), *DETECT, *SMALL, "--model", str(model), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["recordings"], told["test"]["speakers"], told["epochs"]) == (72, ["dee"], 15)
    assert told["test"]["f1"] > 0.9
    assert {name: value for name, value in told["test"].items() if name != "speakers"} in told["curve"]
    assert told["next"] == f"gruvy listen {model}"
    assert (tmp_path / "high.history.csv").is_file()
    for line in ("reading", "laying 0.15 h of words for the first net", "training the first net", "judging"):
        assert line in done.stderr.splitlines()
    assert "72 recordings of 3 words at 8,000 Hz, 24 of 'high'; speakers ann, bob, cem, dee" in done.stderr
    made = laid(all_words(), "high", 20, JUDGED, np.random.default_rng(3))
    soundfile.write(tmp_path / "a.wav", made.samples, RATE)
    heard = call("listen", str(model), str(tmp_path / "a.wav"), "--json").stdout
    assert heard.count('"word": "high"') == len(made.ends)
    # The file answers for other commands too, and says what it is for.
    rows = call("predict", str(model), str(tmp_path / "a.wav")).stdout.splitlines()
    assert rows[0] == "id,step,prediction,probability_high,probability_not high"
    assert {row.split(",")[2] for row in rows[1:]} == {"high", "not high"}
    with pytest.raises(ModelFileError, match="holds a detector"):
        gruvy.GRU.load(model)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--task", "detect"], "--task detect: name the word to hear with --trigger"),
        ([*DETECT, "--wide"], "--wide has no meaning with --task detect"),
        ([*DETECT, "--horizon", "3"], "--horizon has no meaning without --task forecast"),
        (["--trigger", "high"], "--trigger has no meaning without --task detect"),
        ([*DETECT, "--hours", "0"], "--hours 0.0: expected a number above 0"),
        ([*DETECT, "--max-epochs", "0"], "--max-epochs 0: expected a whole number of at least 1"),
        (["--task", "detect", "--trigger", "up"], "--trigger up: nobody says it; the words are high, low, middle"),
        (
            [*DETECT, "--model", "words/m.safetensors"],
            "--model words/m.safetensors lies in the folder of the data",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path, monkeypatch, words, text):
    write_folder(tmp_path / "words", 3)
    monkeypatch.chdir(tmp_path)
    done = call("train", "words", *words)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"gruvy: {text}")


def test_it_says_what_it_found(tmp_path, monkeypatch, few_minutes):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "words", 3)
    done = call("train", "words", *DETECT, *SMALL, "--max-epochs", "1", "--hours", "0.05")
    assert done.exit_code == 0, done.output
    assert "A net that had not heard them, on 3 minutes and on 3 minutes of other words said by dee:" in done.stdout
    assert "threshold   F1" in done.stdout
    assert "nan" not in done.stdout
    assert done.stdout.endswith("Next:\n  gruvy listen model.safetensors\n")


def test_ctrl_c_keeps_what_was_learnt(tmp_path, monkeypatch):
    """In the training of the first net: it is judged, and saved."""
    trained, (model, history, *_) = [], found()

    def train(words, *of, **others):
        trained.append(len(words))
        return replace(model, layout=dict(model.layout)), history._replace(stopped="interrupted")

    monkeypatch.setattr(fit, "train", train)
    monkeypatch.setitem(fit.fit_detector.__kwdefaults__, "minutes", (1, 1))
    path = tmp_path / "m.safetensors"
    done = call("train", str(write_folder(tmp_path / "words", 3)), *DETECT, "--model", str(path))
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "gruvy: stopped; what was learnt so far is saved"
    assert trained == [27]  # of 36: without those of one speaker
    assert Listener(path).trigger == "high"


@pytest.mark.slow
@pytest.mark.skipif(not DIGITS.is_file(), reason="needs spoken-digits-wav.zip")
def test_seven_is_heard_from_somebody_unheard(tmp_path):
    """A small part of what benchmarks/trigger_word.py measures: far less training, and so far less good."""
    with ZipFile(DIGITS) as file:
        file.extractall(tmp_path)
    words = read_recordings(tmp_path)
    heard = fit.fit_detector(words.where(words.speakers != "jackson"), "7", hours=1, max_epochs=6, minutes=(5, 5))
    trials = judge.trials(heard.model, words.where(words.speakers == "jackson"), "7", 5, minutes=(10, 10))
    how = {name: heard.model.layout["detection"][name] for name in ("threshold", "smoothing", "refractory")}
    score = judge.at(trials, Listener(heard.model).features, **how)
    assert score.heard.f1 > 0.7
    assert score.heard.delay < 0.2
