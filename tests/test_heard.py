"""The figure of what a detector hears: what is drawn is what was computed."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gruvy
from cli_help import call
from compare import assert_close
from gruvy.data import SoundFeatures, features_of
from gruvy.detection import Listener
from gruvy.detection.streams import JUDGED, laid
from gruvy.errors import InputError, InputTypeError
from gruvy.inside import figures
from gruvy.model.file import write
from small_detector import RATE, all_words, found

pytest.importorskip("plotly")


@pytest.fixture(scope="module")
def recording():
    """Samples, and when the word ends in them."""
    made = laid(all_words(), "high", 20, JUDGED, np.random.default_rng(3))
    return made.samples, made.ends


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sound_probability_and_events(recording, theme):
    model, (samples, ends) = found().model, recording
    x = features_of(samples, SoundFeatures(**model.layout["sound"]))
    p = model.predict_proba([x])[0][:, 0]
    told = [event.time for event in Listener(model)(samples, last=True)]
    figure = figures.heard(model, x, truth=[1.0, *ends], theme=theme)
    traces = {trace.name or "picture": trace for trace in figure.data}
    assert list(traces) == ["picture", "probability", "the word ends", "event"]
    np.testing.assert_array_equal(traces["picture"].z, x.T)
    assert_close(np.array(traces["picture"].x), 0.025 + 0.01 * np.arange(len(x)))
    np.testing.assert_array_equal(traces["probability"].y, p)
    assert list(traces["event"].x) == told
    assert len(told) == len(ends)
    assert sorted(shape.x0 for shape in figure.layout.shapes if shape.x0 == shape.x1) == [1.0, *ends]
    (line,) = [shape for shape in figure.layout.shapes if shape.y0 == shape.y1]
    assert line.y0 == model.layout["detection"]["threshold"]
    # With other ends all events are false alarms; without any, nobody knows.
    assert list({t.name: t for t in figures.heard(model, x, truth=[1.0]).data}["false alarm"].x) == told
    assert [t.name for t in figures.heard(model, x).data] == [None, "probability", "event"]


def test_what_is_no_detector_is_refused():
    model = found().model
    with pytest.raises(InputError, match=re.escape("features: shape (5, 3), expected (T, 32)")):
        figures.heard(model, np.zeros((5, 3)))
    with pytest.raises(InputTypeError, match="model: expected one that was trained to hear a word"):
        figures.heard(gruvy.GRU(32, 4, 2), np.zeros((5, 32)))


def test_explain_writes_it_beside_its_page(recording, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    write(tmp_path / "m.safetensors", found().model)
    soundfile.write(tmp_path / "street.wav", recording[0][: 5 * RATE], RATE)
    done = call(
        "explain", str(tmp_path / "m.safetensors"), str(tmp_path / "street.wav"), "-o", str(tmp_path / "r.html")
    )
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'r.heard.html'}: the sound of street, what is heard in it, and when" in done.stderr
    assert "Listening for" in (tmp_path / "r.heard.html").read_text(encoding="utf-8")
