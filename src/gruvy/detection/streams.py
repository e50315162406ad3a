"""Long recordings made of short ones: words one after another, with pauses and noise, and when each trigger ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .voices import changed
from .words import Words


class Laid(NamedTuple):
    """A long recording: samples (m,), the seconds at which each trigger word ends, and each word that was laid.

    rows: which recording each word is, in order. times: the seconds at which it ends.
    """

    samples: NDArray[np.float32]
    ends: list[float]
    rows: list[int]
    times: list[float]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """How words are laid.

    Args:
        share: of the trigger among the words.
        gain: decibels, up and down, from word to word.
        pause: seconds from one word's end to the next, at least and at most.
        noise: decibels by which background noise lies below the words, at least and at most.
        level: of the whole, decibels below full scale, at least and at most.
        broken: share of the trigger words that break off, and are none then.
        spliced: share of the other words that are made of the beginning of one word and the end of another.
        changed: each word in another voice, room and microphone.
    """

    share: float
    gain: float = 6.0
    pause: tuple[float, float] = (0.05, 1.2)
    noise: tuple[float, float] = (5.0, 40.0)
    level: tuple[float, float] = (-45.0, -10.0)
    broken: float = 0.15
    spliced: float = 0.15
    changed: bool = True


HEARD = Scene(share=0.2)
JUDGED = Scene(
    share=0.15, gain=4.0, pause=(0.3, 1.5), noise=(15.0, 40.0), level=(-35.0, -15.0), broken=0, spliced=0, changed=False
)


def laid(words: Words, trigger: str, seconds: float, scene: Scene, rng: np.random.Generator) -> Laid:
    """A recording of so many seconds, drawn at random."""
    rate, said = words.rate, words.words == trigger
    mine, others = np.flatnonzero(said), np.flatnonzero(~said)
    x, found = np.zeros(int(seconds * rate), np.float32), Laid(np.zeros(0, np.float32), [], [], [])
    at = int(rng.uniform(0.2, 1) * rate)
    while True:
        triggers = rng.random() < scene.share
        row = int(rng.choice(mine if triggers else others))
        word = words.samples[row]
        if not triggers and scene.spliced and rng.random() < scene.spliced:
            word = _spliced(words, rng)
        n = len(word)
        if scene.changed:
            word, n = changed(word, rng, rate)
        if triggers and rng.random() < scene.broken:
            triggers, n = False, int(n * rng.uniform(0.3, 0.65))
            word = word[:n] * np.minimum(1, np.arange(n)[::-1] / (0.01 * rate)).astype(np.float32)
        if at + len(word) + rate // 2 > len(x):
            break
        x[at : at + len(word)] += word * np.float32(10 ** (rng.uniform(-1, 1) * scene.gain / 20))
        found.rows.append(row)
        found.times.append((at + n) / rate)
        if triggers:
            found.ends.append((at + n) / rate)
        at += n + int(rng.uniform(*scene.pause) * rate)
    x += _noise(len(x), rate, rng) * np.float32(10 ** (-rng.uniform(*scene.noise) / 20))
    loud = x * np.float32(10 ** (rng.uniform(*scene.level) / 20))
    return found._replace(samples=np.clip(loud, -1, 1))


def _spliced(words: Words, rng: np.random.Generator) -> NDArray[np.float32]:
    """The beginning of a word and the end of another by the same speaker, of each at most half: none of the words.

    With more of the trigger in it, it could be the trigger: seve(n) and (ni)ne.
    """
    first = int(rng.integers(len(words)))
    partners = (words.speakers == words.speakers[first]) & (words.words != words.words[first])
    if not partners.any():
        return words.samples[first][: len(words.samples[first]) // 2]
    a, b = words.samples[first], words.samples[rng.choice(np.flatnonzero(partners))]
    a, b = a[: int(len(a) * rng.uniform(0.3, 0.5))].copy(), b[int(len(b) * rng.uniform(0.5, 0.7)) :].copy()
    over = min(round(0.01 * words.rate), len(a), len(b))
    fade = np.linspace(0, 1, over, dtype=np.float32)
    a[len(a) - over :] = a[len(a) - over :] * (1 - fade) + b[:over] * fade
    return np.concatenate([a, b[over:]])


def _noise(m: int, rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise (m,) of power 1, from white to such whose power falls with frequency."""
    spectrum = rng.normal(size=(m // 2 + 1, 2)) @ np.array([1, 1j])
    noise = np.fft.irfft(spectrum / np.maximum(np.fft.rfftfreq(m, 1 / rate), 50) ** rng.uniform(0, 1), m)
    scaled: NDArray[np.float32] = (noise / noise.std()).astype(np.float32)
    return scaled
