"""A detector that trains in seconds: its words are tones, low, middle and high, "said" by people of different pitch."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gruvy.detection import Found, fit_detector
from gruvy.detection.words import Words, trimmed

RATE = 8000
SPEAKERS = {"ann": 1.0, "bob": 0.8, "cem": 1.25, "dee": 0.9}
HERTZ = {"low": 300.0, "middle": 800.0, "high": 2000.0}


def said(word: str, speaker: str, number: int) -> np.ndarray:
    """A recording (m,), with silence around the word."""
    rng = np.random.default_rng([number, *map(ord, word + speaker)])
    m = int(rng.uniform(0.25, 0.35) * RATE)
    hertz = HERTZ[word] * SPEAKERS[speaker] * rng.uniform(0.95, 1.05)
    tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(m) / RATE) * np.hanning(m) ** 0.3
    x = np.zeros(m + 1600)
    x[800 : 800 + m] = tone
    return (x + 1e-4 * rng.normal(size=len(x))).astype(np.float32)


def all_words(number: int = 6) -> Words:
    rows = [(w, s, k) for w in HERTZ for s in SPEAKERS for k in range(number)]
    samples = [trimmed(said(*row), RATE, "a") for row in rows]
    return Words(samples, np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), RATE)


def write_folder(folder: Path, number: int = 6) -> Path:
    """Recordings in subfolders named for words, as high/ann_0.wav."""
    soundfile = pytest.importorskip("soundfile")
    for word in HERTZ:
        (folder / word).mkdir(parents=True)
        for speaker in SPEAKERS:
            for k in range(number):
                soundfile.write(folder / word / f"{speaker}_{k}.wav", said(word, speaker, k), RATE)
    return folder


SMALL = {"hours": 0.15, "hidden_units": 32, "layers": 1, "dropout": 0.0, "max_epochs": 15, "batch_size": 2}


@cache
def found() -> Found:
    """The detector of "high", trained once."""
    return fit_detector(all_words(), "high", learning_rate=1e-2, minutes=(3, 3), **SMALL)
