"""The microphone: PortAudio's own, of a device that plays a file, and one that vanishes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cli_help import call, environment
from gruvy.cli import microphone
from gruvy.detection.streams import Scene, laid
from gruvy.errors import DataError
from gruvy.model.file import write
from small_detector import RATE, all_words, found

soxr = pytest.importorskip("soxr")

# What ALSA calls a file that is read as a device: it gives its samples as fast as they are taken.
ALSA = """
pcm.null {{ type null }}
pcm.recording {{ type file slave.pcm null file /dev/null infile "{raw}" format raw }}
pcm.!default {{ type plug slave {{ pcm recording rate {rate} format S16_LE channels 1 }} }}
"""
DEVICE = 44100  # samples a second


class PortAudioError(Exception):
    pass


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("microphone") / "high.safetensors"
    write(path, found().model)
    return path


@pytest.fixture
def with_file(tmp_path):
    """The environment in which the microphone is a file."""
    (tmp_path / "alsa").write_text(ALSA.format(raw=tmp_path / "a.raw", rate=DEVICE))
    np.zeros(1000, np.int16).tofile(tmp_path / "a.raw")
    given = environment(ALSA_CONFIG_PATH=str(tmp_path / "alsa"))
    ask = "import sounddevice; print(sounddevice.query_devices(None, 'input')['default_samplerate'])"
    asked = subprocess.run([sys.executable, "-c", ask], env=given, capture_output=True, text=True)
    if asked.stdout.strip() != f"{DEVICE:.1f}":
        pytest.skip("needs PortAudio and ALSA's file device")
    return given


def test_its_samples_come_as_they_are(with_file, tmp_path):
    """The first blocks; later ones such a device, which has no clock, runs away from."""
    np.arange(20000, dtype=np.int16).tofile(tmp_path / "a.raw")
    code = "from gruvy.cli.microphone import hear\nwith hear(None) as (rate, blocks):\n    for k in range(2):\n"
    code += "        print(*(next(blocks) * 32768).astype(int).tolist())"
    done = subprocess.run([sys.executable, "-c", code], env=with_file, capture_output=True, text=True)
    assert list(map(int, done.stdout.split())) == list(range(2 * round(DEVICE * microphone.BLOCK)))


def test_events_come_and_ctrl_c_ends_it(with_file, model, tmp_path):
    made = laid(all_words(), "high", 30, Scene(share=1.0, changed=False), np.random.default_rng(3))
    (soxr.resample(made.samples, RATE, DEVICE) * 32767).round().astype(np.int16).tofile(tmp_path / "a.raw")
    words, pipe = [sys.executable, "-m", "gruvy", "listen", str(model), "--microphone", "--json"], subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, env=with_file, text=True) as process:
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        told = process.stderr.read().splitlines()
        assert process.wait(10) == 0
    assert told == ["hearing default at 44,100 Hz; Ctrl-C ends it"]
    assert [line["word"] for line in lines] == ["high"] * 3
    assert lines[0]["time"] < lines[1]["time"] < lines[2]["time"]


def test_no_microphone(model, monkeypatch):
    def query_devices(which=None, kind=None):
        if kind is None:
            return [{"name": "line in", "max_input_channels": 2}, {"name": "speakers", "max_input_channels": 0}]
        raise PortAudioError("Error querying device -1") if which is None else ValueError(which)

    fake = SimpleNamespace(query_devices=query_devices, PortAudioError=PortAudioError)
    monkeypatch.setattr(microphone, "need", lambda module: fake)
    done = call("listen", str(model))
    assert done.exit_code == 1
    assert done.stderr == "gruvy: there is no microphone; expected one, a FILE, or - for standard input\n"
    assert call("listen", str(model), "--device", "usb").stderr == "gruvy: --device usb: expected one of line in\n"


def test_a_missing_library_is_one_line(model, monkeypatch):
    def fails(module):
        raise OSError("PortAudio library not found")

    monkeypatch.setattr(microphone, "need", fails)
    done = call("listen", str(model))
    assert done.stderr == "gruvy: sounddevice cannot load PortAudio; expected it: apt install libportaudio2\n"


def test_a_microphone_that_vanishes_is_waited_for(monkeypatch, capsys):
    """It gives two blocks, is gone for two tries, gives two more, and is gone for good."""
    script = iter(["on", 1, 2, "gone", "gone", "on", 3, 4] + ["gone"] * 30)

    class InputStream:
        def __init__(self, rate, size, which, channels, dtype):
            assert (rate, size, which, channels, dtype) == (8000, 400, None, 1, "float32")

        def __enter__(self):
            if next(script) == "gone":
                raise PortAudioError("Device unavailable", -9985)
            return self

        def __exit__(self, *of):
            return None

        def read(self, size):
            value = next(script)
            if value == "gone":
                raise PortAudioError("Unanticipated host error", -9999)
            return np.full((size, 1), value, np.float32), value == 4

    def query_devices(which=None, kind=None):
        return {"name": "mic", "default_samplerate": 8000.0, "max_input_channels": 1}

    fake = SimpleNamespace(InputStream=InputStream, query_devices=query_devices, PortAudioError=PortAudioError)
    monkeypatch.setattr(microphone, "need", lambda module: fake)
    monkeypatch.setattr(microphone.time, "sleep", lambda seconds: None)
    values: list[float] = []

    def hear():
        with microphone.hear(None) as (rate, blocks):
            assert rate == 8000
            values.extend(float(block[0]) for block in blocks)

    with pytest.raises(DataError, match=r"^mic cannot be heard: Device unavailable$"):
        hear()
    assert values == [1, 2, 3, 4]
    assert capsys.readouterr().err.splitlines() == [
        "hearing mic at 8,000 Hz; Ctrl-C ends it",
        "gruvy: mic cannot be heard: Unanticipated host error; trying again for 10 seconds",
        "gruvy: mic is back",
        "gruvy: note: the microphone was faster than this machine; some sound is lost",
        "gruvy: mic cannot be heard: Unanticipated host error; trying again for 10 seconds",
    ]
