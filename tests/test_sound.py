"""Sound to sequences: the numbers, whole and as they come, and what is refused."""

from __future__ import annotations

import re
from dataclasses import asdict

import numpy as np
import pytest

from compare import assert_apart, assert_close
from gruvy.data import OnlineFeatures, SoundFeatures, features_of, read, read_sound
from gruvy.data.sound import recordings
from gruvy.errors import DataError, InputError, InputTypeError

soundfile = pytest.importorskip("soundfile")
RATE = 8000


def tone(hertz=440.0, seconds=0.5, rate=RATE, loud=0.3):
    t = np.arange(round(seconds * rate)) / rate
    return (loud * np.sin(2 * np.pi * hertz * t) + 0.01 * np.random.default_rng(0).normal(size=len(t))).astype("f")


def by_the_book(x, bands, low=20.0):
    """Log-mel as Kaldi's documentation has it, in float64: frames, mean, pre-emphasis, window, spectrum, triangles."""
    mel = lambda f: 1127 * np.log(1 + f / 700)  # noqa: E731
    edges = np.linspace(mel(low), mel(RATE / 2), bands + 2)
    bins = mel(np.arange(128) * RATE / 256)
    up = (bins - edges[:-2, None]) / (edges[1:-1, None] - edges[:-2, None])
    down = (edges[2:, None] - bins) / (edges[2:, None] - edges[1:-1, None])
    weights = np.maximum(np.minimum(up, down), 0)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 199)) ** 0.85
    found = []
    for at in range(0, len(x) - 199, 80):
        frame = x[at : at + 200].astype(np.float64) * 32768
        frame -= frame.mean()
        frame -= 0.97 * np.concatenate([frame[:1], frame[:-1]])
        found.append(np.log(weights @ (np.abs(np.fft.rfft(frame * window, 256)) ** 2)[:128]))
    return np.array(found)


def test_log_mel_is_what_the_book_says():
    settings = SoundFeatures(rate=RATE, bands=20, floor=-20)
    x = tone()
    got = features_of(x, settings)
    assert got.shape == (48, 20)
    assert_close(got, by_the_book(x, 20), "features of sound")
    assert_apart(got, by_the_book(tone(450), 20), "features of sound")  # a tone that is 2 % higher


@pytest.mark.parametrize("kind", ["log-mel", "mfcc"])
@pytest.mark.parametrize("block", [1, 80, 333, 8000])
def test_as_it_comes_the_numbers_are_those_of_the_whole(kind, block):
    settings = SoundFeatures(rate=RATE, kind=kind)
    x = tone(seconds=1.7)
    online = OnlineFeatures(settings)
    got = np.concatenate([online(x[at : at + block]) for at in range(0, len(x), block)])
    np.testing.assert_array_equal(got, features_of(x, settings))
    assert len(got) == 1 + (len(x) - 200) // 80


def test_the_same_twice_and_long():
    """Kaldi's dither, random by default, is off; a recording longer than a block is cut without a seam."""
    settings = SoundFeatures(rate=RATE, floor=-20)
    x = tone(seconds=10)
    np.testing.assert_array_equal(features_of(x, settings), features_of(x, settings))
    assert_close(features_of(x, settings), by_the_book(x, 32), "features of sound")


def test_silence_is_the_floor():
    assert set(features_of(np.zeros(4000), SoundFeatures(rate=RATE)).flat) == {5.0}
    assert np.isfinite(features_of(np.zeros(4000), SoundFeatures(rate=RATE, kind="mfcc"))).all()


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_files_are_read(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, tone(), RATE)
    samples, rate = read_sound(path)
    assert (rate, len(samples)) == (RATE, 4000)
    assert np.abs(samples - tone()).max() < (0.2 if ending == "ogg" else 1 / 32767)  # lossy; rounded to 16 bits
    found = read(path)
    assert (found.ids, found.channels, found.y, len(found.x[0])) == (["a"], 32, None, 48)
    assert found.found == {"sound": asdict(SoundFeatures(rate=RATE))}


def test_channels_are_averaged(tmp_path):
    left, right = tone(440), tone(880)
    soundfile.write(tmp_path / "a.wav", np.column_stack([left, right]), RATE, subtype="FLOAT")
    assert_close(read_sound(tmp_path / "a.wav").samples, (left + right) / 2)


def test_clipped_sound_is_taken_as_it_is(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.clip(tone(loud=3.0), -1, 1), RATE, subtype="FLOAT")
    assert_close(read_sound(tmp_path / "a.wav").samples, np.clip(tone(loud=3.0), -1, 1))


def test_another_rate_is_resampled(tmp_path):
    """A tone at 16 kHz and at 44.1 kHz lies in the same band as at 8 kHz, as loud."""
    pytest.importorskip("soxr")
    for rate in (8000, 16000, 44100):
        soundfile.write(tmp_path / f"{rate}.wav", tone(1000, rate=rate), rate)
    found = read(tmp_path)
    assert found.found["sound"]["rate"] == 8000  # the lowest
    assert found.ids == ["16000", "44100", "8000"]
    peaks = [x[5:-5].mean(0) for x in found.x]
    assert len({int(peak.argmax()) for peak in peaks}) == 1
    assert np.ptp([peak.max() for peak in peaks]) < 0.05


def test_what_is_no_sound_is_refused(tmp_path, monkeypatch):
    (tmp_path / "noise.wav").write_bytes(b"RIFF no sound")
    with pytest.raises(DataError, match=re.escape("noise.wav is not a sound file that can be read")):
        read_sound(tmp_path / "noise.wav")
    with pytest.raises(DataError, match=re.escape("noise.wav is not a sound file that can be read")):
        read(tmp_path / "noise.wav")
    with pytest.raises(DataError, match=re.escape("none.wav does not exist")):
        read_sound(tmp_path / "none.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(DataError, match=re.escape("empty.wav has no samples")):
        read_sound(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "short.wav", tone(seconds=0.02), RATE)
    with pytest.raises(DataError, match=re.escape("short.wav lasts 0.020 s; expected at least a window of 0.025 s")):
        read(tmp_path / "short.wav")
    x = tone()
    x[800] = np.nan
    soundfile.write(tmp_path / "nan.wav", x, RATE, subtype="FLOAT")
    with pytest.raises(DataError, match=re.escape("nan.wav holds nan at 0.100 s; every sample must be finite")):
        read_sound(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "long.wav", tone(), RATE)
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", "15999")
    with pytest.raises(DataError, match=re.escape("decodes to 16,000 bytes, expected at most 15,999")):
        read_sound(tmp_path / "long.wav")


def test_a_missing_library_is_one_line(monkeypatch):
    def fails(module):
        raise OSError("cannot load library 'libsndfile.so'")

    monkeypatch.setattr(recordings, "need", fails)
    with pytest.raises(DataError, match=re.escape("soundfile cannot load libsndfile; expected it installed")):
        read_sound("a.wav")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"kind": "mel"}, "kind='mel': expected log-mel or mfcc"),
        ({"rate": 999}, "rate=999: expected a whole number of at least 1000"),
        ({"rate": 10**9}, "rate=1000000000: expected a whole number of at most 768,000"),
        ({"bands": 3}, "bands=3: expected a whole number of at least 4"),
        ({"kind": "mfcc", "coefficients": 33}, "coefficients=33: expected at most bands=32"),
        ({"window": 2.0}, "window=2.0, step=0.01: expected from some samples to 1 second, at rate=8000"),
        ({"high": 5000}, "low=20.0, high=5000: expected low < high <= rate / 2 = 4000"),
        ({"floor": "no"}, "floor='no': expected a number from -20 to 40"),
        ({"resampling": "best"}, "resampling='best': expected QQ, LQ, MQ, HQ or VHQ"),
    ],
)
def test_a_setting_out_of_range_is_refused(given, text):
    with pytest.raises(InputError, match=re.escape(text)):
        SoundFeatures(**{"rate": RATE, **given})


def test_samples_that_are_none_are_refused():
    online = OnlineFeatures(SoundFeatures(rate=RATE))
    with pytest.raises(DataError, match=re.escape("samples: NaN or infinity; expected finite numbers, from -1 to 1")):
        online([0.0, np.nan])
    with pytest.raises(InputError, match=re.escape("samples: shape (4, 2), expected (m,), one channel")):
        online(np.zeros((4, 2)))


def test_settings_are_checked_by_name(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    assert read(tmp_path / "a.wav", sound={"kind": "mfcc"}).features == [f"mfcc{k}" for k in range(13)]
    assert read(tmp_path / "a.wav", sound=SoundFeatures(rate=RATE, bands=8)).channels == 8
    with pytest.raises(InputError, match=re.escape("sound: there is no setting 'band'; there are rate, kind, bands")):
        read(tmp_path / "a.wav", sound={"band": 8})
    with pytest.raises(InputTypeError, match=re.escape("sound='mfcc': expected settings, such as {'kind': 'mfcc'}")):
        read(tmp_path / "a.wav", sound="mfcc")
