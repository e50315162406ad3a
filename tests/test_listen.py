"""A detector at work: the same events from a whole recording, from blocks, from a file, a pipe and a microphone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import gruvy
from cli_help import call, environment, shell_without
from compare import assert_close, limit
from gruvy.data import SoundFeatures, features_of
from gruvy.detection import Listener
from gruvy.detection.streams import JUDGED, laid
from gruvy.errors import DataError, InputError, InputTypeError
from gruvy.extras import command
from gruvy.model.events import detect
from gruvy.model.file import write
from small_detector import RATE, all_words, found

soundfile, soxr = pytest.importorskip("soundfile"), pytest.importorskip("soxr")


@pytest.fixture(scope="module")
def heard():
    """A recording (m,) as 16 bits hold it, with triggers in it, and when they end."""
    made = laid(all_words(), "high", 20, JUDGED, np.random.default_rng(3))
    assert made.ends
    return (made.samples * 32767).round().astype(np.int16), made.ends


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("listen") / "high.safetensors"
    write(path, found().model)
    return path


def blocks(x, size):
    return [x[at : at + size] for at in range(0, len(x), size)]


def in_blocks(listener, x, size):
    return [event for block in blocks(x, size) for event in listener(block)] + listener([], last=True)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_the_same_events_from_the_whole_and_from_blocks(model, heard, rate):
    x = soxr.resample(heard[0] / np.float32(32768), RATE, rate) if rate != RATE else heard[0] / np.float32(32768)
    whole = Listener(model, rate=rate)(x, last=True)
    assert all(any(0 < event.time - end < 0.4 for event in whole) for end in heard[1])
    for seconds in (0.01, 0.0371, 0.1, 1.0):
        assert in_blocks(Listener(model, rate=rate), x, round(seconds * rate)) == whole


def test_they_are_those_of_predict_proba_and_detect(model, heard):
    net = gruvy.load(model)
    settings, said = SoundFeatures(**net.layout["sound"]), dict(net.layout["detection"])
    p = net.predict_proba([features_of(heard[0] / np.float32(32768), settings)])[0]
    events = detect(
        p[:, net.classes.tolist().index(said.pop("trigger"))], step=settings.step, start=settings.window, **said
    )
    found = in_blocks(Listener(net), heard[0] / np.float32(32768), 80)
    assert [event.time for event in found] == [event.time for event in events]
    a, b = (np.array([event.probability for event in each]) for each in (found, events))
    assert_close(a, b, "probability of an event")


def test_a_listener_by_hand(model):
    listener = Listener(model, threshold=0.9)
    assert (listener.trigger, listener.rate, listener.detection.threshold) == ("high", RATE, 0.9)
    assert listener(np.zeros(80)) == []  # less than a window
    assert listener.probabilities(np.zeros(200)).shape == (2,)
    with pytest.raises(InputError, match=re.escape("samples: shape (2, 80), expected (m,), one channel")):
        listener(np.zeros((2, 80)))
    with pytest.raises(DataError, match="samples: NaN or infinity"):
        listener([np.nan])
    with pytest.raises(InputError, match="rate=999: expected a whole number of at least 1000"):
        Listener(model, rate=999)
    with pytest.raises(InputError, match="rate=1000000: expected a whole number of at most 768,000"):
        Listener(model, rate=1_000_000)
    with pytest.raises(InputError, match=r"threshold=1\.5: expected a number above 0 and up to 1"):
        Listener(model, threshold=1.5)
    with pytest.raises(InputTypeError, match="model: int, expected a model or its file"):
        Listener(5)


def run(*words, input=None):
    """`gruvy listen` as a process: what it printed on stdout, after it has succeeded in silence."""
    done = subprocess.run(
        [sys.executable, "-m", "gruvy", "listen", *map(str, words)], input=input, capture_output=True, env=environment()
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    return done.stdout.decode()


def test_a_file_and_the_same_as_pcm(model, heard, tmp_path):
    x, ends = heard
    soundfile.write(tmp_path / "a.wav", x, RATE)
    whole = Listener(model)(x / np.float32(32768), last=True)
    lines = [json.loads(line) for line in run(model, tmp_path / "a.wav", "--json").splitlines()]
    assert [line["time"] for line in lines] == [event.time for event in whole]
    assert lines[0] == {"time": whole[0].time, "word": "high", "probability": round(whole[0].probability, 4)}
    assert [json.loads(line) for line in run(model, "-", "--json", input=x.tobytes()).splitlines()] == lines
    float32 = run(model, "-", "--json", "--dtype", "float32", input=(x / np.float32(32768)).tobytes())
    assert [json.loads(line) for line in float32.splitlines()] == lines
    said = call("listen", str(model), str(tmp_path / "a.wav")).stdout.splitlines()
    assert said[0] == f"{whole[0].time:9.2f} s  high  {whole[0].probability:.2f}"
    assert len(said) == len(ends)


def test_another_rate_as_file_and_as_pcm(model, heard, tmp_path):
    x = (soxr.resample(heard[0] / 32768, RATE, 44100) * 32767).round().astype(np.int16)
    soundfile.write(tmp_path / "a.flac", x, 44100)
    lines = run(model, tmp_path / "a.flac", "--json")
    assert lines.count("\n") >= len(heard[1])
    assert run(model, "-", "--rate", 44100, "--json", input=x.tobytes()) == lines


def test_half_a_sample_at_the_end_is_told(model):
    done = call("listen", str(model), "-", input=b"\0" * 801)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "gruvy: note: standard input ended within a sample of int16; its last byte is left out\n"


def test_without_torch(model, heard, tmp_path):
    soundfile.write(tmp_path / "a.wav", heard[0], RATE)
    done = shell_without(
        ["torch", "sklearn", "polars", "sounddevice", "soxr"], "listen", str(model), str(tmp_path / "a.wav")
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == len(heard[1])
    gone = shell_without(["kaldi_native_fbank"], "listen", str(model), str(tmp_path / "a.wav"))
    assert gone.stderr == 'gruvy: kaldi-native-fbank is not installed: pip install "gruvy[audio]"\n'
    gone = shell_without(["sounddevice"], "listen", str(model))
    assert gone.stderr == f"gruvy: sounddevice is not installed: {command('sounddevice')}\n"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
def test_ctrl_c_ends_it_cleanly_and_events_come_at_once(model, heard):
    """Whoever reads the pipe has the event before more sound comes."""
    words = [sys.executable, "-m", "gruvy", "listen", str(model), "-", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        process.stdin.write(heard[0][: round((heard[1][0] + 0.5) * RATE)].tobytes())
        process.stdin.flush()
        assert abs(json.loads(process.stdout.readline())["time"] - heard[1][0]) <= limit("time of an event")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_a_reader_that_has_had_enough(model, heard):
    """As in `| head -1`: silence, and the exit code of a command that could not finish."""
    words, pipe = [sys.executable, "-m", "gruvy", "listen", str(model), "-"], subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        process.stdout.close()
        process.stdin.write(heard[0].tobytes())
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 1


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals on Windows")
def test_a_terminal_has_a_meter(model, heard, tmp_path):
    import pty

    soundfile.write(tmp_path / "a.wav", heard[0], RATE)
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "gruvy", "listen", str(model), str(tmp_path / "a.wav")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, env=environment()) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 1 << 16):
                shown += more
        except OSError:  # Linux: the other side is closed
            pass
        told = process.stdout.read().decode()
    os.close(ours)
    assert told.count(" s  high  ") == len(heard[1])
    lines = shown.decode().split("\r\x1b[K")
    assert any(re.fullmatch(r"sound █+░+ +-\d\d dB   high ░+ 0\.0\d", line) for line in lines)
    assert any("high ██" in line for line in lines)
    assert lines[-1] == ""  # it leaves no trace


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a.wav", "--microphone"], "--microphone: expected no FILE with it, or a.wav without it"),
        (["a.wav", "--device", "1"], "--device 1 is a microphone: expected no FILE with it"),
        (["a.wav", "--rate", "8000"], "--rate 8000 has no meaning but with -: files and microphones tell their own"),
        (["-", "--rate", "10"], "--rate 10: expected a whole number of at least 1000"),
        (["-", "--dtype", "int8"], "--dtype int8: expected int16, int32 or float32"),
        (["-", "--threshold", "2"], "--threshold 2.0: expected a number above 0 and up to 1"),
        (["nope.wav"], "nope.wav does not exist"),
    ],
)
def test_what_cannot_be_heard_is_refused(model, words, text):
    done = call("listen", str(model), *words)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"gruvy: {text}\n")


def test_another_model_is_refused(tmp_path):
    other = gruvy.GRUClassifier(hidden_units=2, max_epochs=1).fit(np.zeros((4, 3, 1)), [0, 1, 0, 1])
    other.save(tmp_path / "m.safetensors")
    done = call("listen", str(tmp_path / "m.safetensors"), "-")
    assert done.stderr == "gruvy: m.safetensors was not trained to hear a word: expected one of --task detect\n"


@pytest.mark.slow
def test_memory_stays_flat_over_an_hour(model, heard):
    """From a block of samples to events, at a rate that is resampled: what is held after an hour is what was before."""
    psutil = pytest.importorskip("psutil")
    x = soxr.resample(heard[0] / np.float32(32768), RATE, 16000)
    listener, process, held = Listener(model, rate=16000), psutil.Process(), []
    for turn in range(180):  # 20 seconds each
        for block in blocks(x, 800):
            listener(block)
        if turn in (29, 179):
            held.append(process.memory_info().rss)
    assert held[1] - held[0] < 2**20
