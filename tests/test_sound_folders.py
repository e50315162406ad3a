"""A folder of recordings is a data set, and the settings of its features travel in the model's file."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import gruvy
from cli_help import call
from gruvy.data import SoundFeatures, read, read_sound
from gruvy.errors import DataError, ModelFileError

soundfile = pytest.importorskip("soundfile")
RATE = 8000
DIGITS = Path(os.environ.get("GRUVY_SPOKEN_DIGITS", Path(__file__).parents[2] / "shared/data/spoken-digits-wav.zip"))


def run(*words):
    """The command's output, after it has succeeded."""
    told = call(*map(str, words))
    assert told.exit_code == 0, told.output
    return told


def tone(hertz, seed, seconds=0.3):
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    return 0.3 * np.sin(2 * np.pi * hertz * rng.uniform(0.9, 1.1) * t) + 0.01 * rng.normal(size=len(t))


@pytest.fixture
def folder(tmp_path):
    """Low and high tones, in subfolders."""
    for label, hertz in (("low", 400), ("high", 1600)):
        (tmp_path / "tones" / label).mkdir(parents=True)
        for k in range(10):
            soundfile.write(tmp_path / "tones" / label / f"{k}.wav", tone(hertz, k, 0.2 + 0.02 * k), RATE)
    return tmp_path / "tones"


@pytest.fixture
def trained(folder, tmp_path):
    model = tmp_path / "m.safetensors"
    run("train", folder, "--model", model, "--max-epochs", 8, "--hidden-units", 8)
    return model


def test_labels_from_subfolders(folder):
    found = read(folder)
    assert (len(found), found.target, found.features[:2]) == (20, ["label"], ["mel0", "mel1"])
    assert found.y.tolist() == ["high"] * 10 + ["low"] * 10
    assert found.ids[0] == "high/0"
    assert found.x[3].shape == (1 + (round(0.26 * RATE) - 200) // 80, 32)


def test_labels_and_groups_from_a_table(folder, tmp_path):
    (folder / "labels.csv").write_text(
        "file,label,person\n"
        + "".join(f"{label}/{k}.wav,{k % 2},{'ab'[k % 2]}\n" for label in ("low", "high") for k in range(10))
    )
    found = read(folder, group="person")
    assert found.y.tolist() == [0, 1] * 10
    assert found.groups.tolist() == ["a", "b"] * 10
    assert found.target == ["label"]


def test_train_predict_and_score(folder, trained, tmp_path):
    said = run("predict", trained, folder, "-o", tmp_path / "p.csv").stderr
    assert "20 sequences answered" in said
    assert "As in training, from m.safetensors: features of sound at 8,000 Hz" in said
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0].startswith("id,prediction,")
    assert all(line.split(",")[1] == line.partition("/")[0] for line in lines[1:])
    assert run("predict", trained, folder / "low" / "0.wav").stdout.splitlines()[1].startswith("0,low,")
    assert json.loads(run("score", trained, folder, "--json").stdout)["test"]["accuracy"] == 1.0


def test_the_settings_of_training_are_those_of_prediction(folder, trained, tmp_path):
    """A recording of twice the rate is read at the rate of training, and answered alike."""
    soxr = pytest.importorskip("soxr")
    model = gruvy.load(trained)
    assert model.layout["sound"] == asdict(SoundFeatures(rate=RATE))
    samples, _ = read_sound(folder / "low" / "0.wav")
    soundfile.write(tmp_path / "twice.wav", soxr.resample(samples, RATE, 2 * RATE), 2 * RATE)
    assert model.predict(read(tmp_path / "twice.wav", sound=model.layout["sound"]).x).tolist() == ["low"]


@pytest.mark.parametrize(
    "changed", [{"bands": 31}, {"kind": "mfcc"}, {"rate": 1}, {"dither": 1.0}, {"floor": "NaN"}, None]
)
def test_settings_that_contradict_the_model_are_a_damaged_file(trained, tmp_path, changed):
    content = trained.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    said = json.loads(header["__metadata__"]["gruvy"])
    said["layout"]["sound"] = None if changed is None else {**said["layout"]["sound"], **changed}
    header["__metadata__"]["gruvy"] = json.dumps(said)
    text = json.dumps(header).encode()
    (tmp_path / "bad.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    with pytest.raises(ModelFileError, match="damaged: its parts do not fit each other"):
        gruvy.load(tmp_path / "bad.safetensors")


def test_what_does_not_suit_sound_is_refused(folder, tmp_path, trained):
    for given, text in (
        ({"time": "t"}, f"time='t' has no meaning for sound, {folder}"),
        ({"window": 5}, f"window=5 has no meaning for sound, {folder}"),
        ({"target": "word"}, f"target='word' has no meaning for sound, {folder}"),
        ({"wide": True}, "wide=True has no meaning for the folder"),
        ({"features": ["mel0"]}, "features=mel0: the features of sound are mel0, mel1, mel2 and 29 more; expected all"),
    ):
        with pytest.raises(DataError, match=re.escape(text)):
            read(folder, **given)
    (folder / "low" / "a.csv").write_text("x\n1\n")
    with pytest.raises(
        DataError, match=re.escape(f"{folder} holds sound, 0.wav, and tables, a.csv; expected one kind")
    ):
        read(folder)
    (tmp_path / "t.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=re.escape("t.csv; expected .wav, .flac, .ogg or a folder of them")):
        read(tmp_path / "t.csv", sound={})
    told = call("predict", str(trained), str(tmp_path / "t.csv"))
    assert told.exit_code == 1
    assert "t.csv; expected" in told.stderr


@pytest.mark.skipif(not DIGITS.is_file(), reason="needs spoken-digits-wav.zip")
def test_real_recordings(tmp_path):
    """Zero or seven, by five speakers."""
    with ZipFile(DIGITS) as file:
        wanted = [n for n in file.namelist() if re.fullmatch(r"[07]_[a-z]+_1?\d\.wav", Path(n).name)]
        file.extractall(tmp_path / "words", wanted)
    paths = sorted((tmp_path / "words").rglob("*.wav"))
    assert len(paths) == 200
    rows = [f"{p.relative_to(tmp_path / 'words')},{p.stem[0]}" for p in paths]
    (tmp_path / "words" / "labels.csv").write_text("file,digit\n" + "\n".join(rows) + "\n")
    model = tmp_path / "m.safetensors"
    words = ("--target", "digit", "--hidden-units", 16, "--max-epochs", 10, "--json")
    told = json.loads(run("train", tmp_path / "words", *words, "--model", model).stdout)
    assert told["test"]["accuracy"] > 0.75  # guessing gives a half
    assert gruvy.load(model).layout["sound"]["rate"] == RATE
