"""From recordings of words to a detector: reading, laying, the choice of a threshold, and what the file keeps."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import gruvy
from compare import limit
from gruvy.data import features_of
from gruvy.detection import read_recordings
from gruvy.detection.judge import Rated, best
from gruvy.detection.streams import HEARD, JUDGED, _spliced, laid
from gruvy.detection.voices import changed, stretched
from gruvy.detection.words import Words, trimmed
from gruvy.errors import DataError, InputError, ModelFileError
from gruvy.model.event_scores import EventScore
from gruvy.model.file import write
from small_detector import HERTZ, RATE, SPEAKERS, all_words, found, said, write_folder

soundfile = pytest.importorskip("soundfile")


def loudest(x, rate=RATE):
    """Hz of the strongest tone."""
    return np.fft.rfftfreq(len(x), 1 / rate)[np.abs(np.fft.rfft(x * np.hanning(len(x)))).argmax()]


def test_silence_is_cut_off_and_power_is_one():
    x = trimmed(said("low", "ann", 0), RATE, "a")
    assert 0.23 * RATE < len(x) < 0.38 * RATE  # the word lasts 0.25 to 0.35 s, between 0.1 s of silence
    assert abs(np.mean(x**2) - 1) <= limit("power of a word")
    with pytest.raises(DataError, match=r"^a is silent; expected a word$"):
        trimmed(np.zeros(4000, np.float32), RATE, "a")


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
def test_stretching_keeps_the_pitch(factor):
    x = np.sin(2 * np.pi * 440 * np.arange(4000) / RATE).astype(np.float32)
    y = stretched(x, factor, RATE)
    assert abs(len(y) - 4000 * factor) <= RATE * limit("length of a word")
    assert abs(loudest(y) / 440 - 1) <= limit("pitch of a word")
    middle = y[800:-800]
    assert abs(np.sqrt(2 * np.mean(middle**2)) - 1) <= limit("holes in a word")  # no holes between the pieces


def test_a_changed_voice_ends_where_it_says():
    rng = np.random.default_rng(0)
    x = np.sin(2 * np.pi * 440 * np.arange(4000) / RATE).astype(np.float32)
    pitches = set()
    for _ in range(20):
        y, n = changed(x, rng, RATE)
        assert np.isfinite(y).all()
        assert len(y) == n + 1600
        assert abs(np.mean(y[:n] ** 2) - 1) <= limit("power of a word")
        assert np.mean(y[-160:] ** 2) < 0.2  # a room rings after the word, and falls silent
        pitches.add(round(loudest(y[:n]) / 10))
        assert 440 / 1.3 < loudest(y[:n]) < 440 * 1.3
    assert len(pitches) > 5


def test_words_are_laid_where_it_is_said():
    """With no noise to speak of, sound stops at each end and there is silence after it."""
    scene = JUDGED.__class__(share=1.0, noise=(80, 80), level=(-20, -20), pause=(0.4, 0.5), broken=0, changed=False)
    made = laid(all_words(), "high", 20, scene, np.random.default_rng(0))
    assert len(made.rows) == len(made.ends) > 10
    assert len(made.samples) == 20 * RATE
    for end in made.ends:
        at = round(end * RATE)
        before, after = made.samples[at - 800 : at], made.samples[at + 40 : at + 1600]
        assert np.mean(before**2) > 100 * np.mean(after**2)
    assert made.times == made.ends
    assert {all_words().words[row] for row in made.rows} == {"high"}
    same = laid(all_words(), "high", 20, scene, np.random.default_rng(0))
    assert (same.samples == made.samples).all()


def test_scenes():
    rng = np.random.default_rng(0)
    for scene in (HEARD, JUDGED):
        made = [laid(all_words(), "high", 30, scene, rng) for _ in range(8)]
        share = sum(len(m.ends) for m in made) / sum(len(m.rows) for m in made)
        assert abs(share - scene.share * (1 - scene.broken)) <= limit("share of a word")
        assert max(np.abs(m.samples).max() for m in made) <= 1


def test_spliced_words_are_none():
    """The beginning of one word and the end of another by the same speaker: two tones, one after the other."""
    words, rng = all_words(), np.random.default_rng(0)
    for _ in range(10):
        x = _spliced(words, rng)
        assert np.isfinite(x).all()
        first, second = loudest(x[: len(x) // 3]), loudest(x[-len(x) // 3 :])
        assert max(first, second) > 1.5 * min(first, second)
    alone = words.where((words.words == "low") & (words.speakers == "ann"))
    assert len(_spliced(alone, rng)) < 0.2 * RATE  # nothing to splice it with: half a word


def test_words_and_speakers_of_a_folder(tmp_path):
    words = read_recordings(write_folder(tmp_path / "words", 2))
    assert len(words) == 24
    assert sorted(set(words.words)) == sorted(HERTZ)
    assert sorted(set(words.speakers)) == sorted(SPEAKERS)
    assert words.rate == RATE
    assert abs(loudest(words.samples[words.words.tolist().index("middle")]) / 800 - 1) <= limit("pitch of a tone")


def test_words_and_speakers_by_their_names(tmp_path):
    """As the Free Spoken Digit Dataset names them: word, speaker, number."""
    for name in ("7_theo_12", "7_theo_1", "0_van_dam_3"):
        soundfile.write(tmp_path / f"{name}.wav", said("low", "ann", 0), RATE)
    words = read_recordings(tmp_path)
    assert words.words.tolist() == ["0", "7", "7"]
    assert words.speakers.tolist() == ["van_dam", "theo", "theo"]
    soundfile.write(tmp_path / "other.wav", said("low", "ann", 0), RATE)
    with pytest.raises(
        DataError, match=re.escape("other.wav: expected labels.csv, subfolders named for words, or names")
    ):
        read_recordings(tmp_path)


def test_words_and_speakers_by_a_table(tmp_path):
    for k in range(4):
        soundfile.write(tmp_path / f"{k}.wav", said("low", "ann", k), 2 * RATE)
    (tmp_path / "labels.csv").write_text("file,label,who\n0.wav,7,a\n1.wav,8,a\n2.wav,7,b\n3.wav,8,b\n")
    words = read_recordings(tmp_path, group="who")
    assert words.words.tolist() == ["7", "8", "7", "8"]
    assert words.speakers.tolist() == ["a", "a", "b", "b"]
    assert words.rate == 16000
    assert read_recordings(tmp_path, target="label", group="who", rate=RATE).rate == RATE
    with pytest.raises(
        DataError, match=re.escape(f"group='age': there is no such column in {tmp_path / 'labels.csv'}")
    ):
        read_recordings(tmp_path, group="age")
    with pytest.raises(DataError, match="does not exist; expected a folder of recordings"):
        read_recordings(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is a file; expected a folder of recordings"):
        read_recordings(tmp_path / "labels.csv")


def test_whole_speakers_are_held_out():
    words = all_words()
    held = words.held_out("high")
    (speaker,) = set(words.speakers[held])
    assert (held == (words.speakers == speaker)).all()
    # Somebody who never said the trigger is of no use to judge by.
    silent = words.where((words.words != "high") | np.isin(words.speakers, ["ann", "bob"]))
    assert all(set(silent.speakers[silent.held_out("high", seed)]) <= {"ann", "bob"} for seed in range(8))
    # Nobody knows who speaks: a fifth of the recordings of each word.
    nobody = Words(words.samples, words.words, np.full(len(words), ""), RATE)
    assert [int(nobody.held_out("high")[words.words == w].sum()) for w in HERTZ] == [5, 5, 5]


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        ("seven", "trigger='seven': nobody says it; the words are high, low, middle"),
        ("high", "trigger='high': 8 recordings of 'high'; expected at least 10"),
    ],
)
def test_a_trigger_that_cannot_be_learnt_is_refused(trigger, text):
    with pytest.raises(InputError, match=re.escape(text)):
        gruvy.detection.fit_detector(all_words(2), trigger)


def test_the_threshold():
    """The best F1 with few false alarms; of those about as good the middle one; without any, the fewest alarms."""

    def rated(threshold, good, false, smoothing=0.1):
        score = EventScore(good, 10 - good, 0, (), 1), EventScore(0, 0, false, (), 1)
        return Rated(threshold, smoothing, *score)

    assert best([rated(0.1, 10, 9), rated(0.2, 9, 6), rated(0.3, 8, 0)]).threshold == 0.2
    assert best([rated(t, 9, 0) for t in (0.2, 0.3, 0.4)]).threshold == 0.3
    assert best([rated(0.1, 10, 90), rated(0.2, 9, 60), rated(0.3, 8, 70)]).threshold == 0.2
    late = Rated(0.2, 0.1, EventScore(10, 0, 0, (0.16,) * 10, 1), EventScore(0, 0, 0, (), 1))
    assert best([late, rated(0.3, 8, 0)]).threshold == 0.3
    several = [rated(t, 9, 0, s) for s in (0.1, 0.15) for t in (0.2, 0.3, 0.4)]
    assert best(several)[:2] == (0.3, 0.1)
    assert best([*several, rated(0.5, 10, 0, 0.15)])[:2] == (0.5, 0.15)


def test_a_detector_learns():
    assert found().chosen.heard.f1 > 0.9
    assert found().chosen.other.false == 0
    assert found().held == ["dee"]
    assert found().model.classes.tolist() == ["high", "not high"]


def test_the_file_keeps_it_all(tmp_path):
    path = tmp_path / "m.safetensors"
    write(path, found().model)
    model = gruvy.load(path)
    assert model.layout["detection"]["trigger"] == "high"
    assert model.layout["detection"]["threshold"] == found().chosen.threshold
    made = laid(all_words(), "high", 20, JUDGED, np.random.default_rng(1))
    x = features_of(made.samples, gruvy.data.SoundFeatures(**model.layout["sound"]))
    assert (model.predict_proba([x])[0] == found().model.predict_proba([x])[0]).all()


@pytest.mark.parametrize(
    "changed", [{"threshold": 2.0}, {"trigger": "low"}, {"trigger": None}, {"more": 1}, {"smoothing": "NaN"}, None]
)
def test_detection_that_does_not_fit_is_a_damaged_file(tmp_path, changed):
    path = tmp_path / "m.safetensors"
    write(path, found().model)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    kept = json.loads(header["__metadata__"]["gruvy"])
    kept["layout"]["detection"] = None if changed is None else {**kept["layout"]["detection"], **changed}
    header["__metadata__"]["gruvy"] = json.dumps(kept)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    with pytest.raises(ModelFileError, match="damaged: its parts do not fit each other"):
        gruvy.load(path)
