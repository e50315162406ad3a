"""A word as somebody else would say it, somewhere else: changed in pitch, tempo, sound and room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..extras import need

Samples = NDArray[np.float32]

TAIL = 0.2  # seconds that a room may ring after the word
LOWEST, HIGHEST = 100.0, 4000.0  # Hz between which a microphone's colour is drawn


def stretched(x: Samples, factor: float, rate: int) -> Samples:
    """The same pitch, `factor` times as long: overlapping pieces of 30 ms, each laid where it fits the last best."""
    h = round(0.015 * rate)
    n, s = 2 * h, h // 2
    shape, length = np.hanning(n + 1)[:n].astype(np.float32), int(len(x) * factor)
    out, padded = np.zeros(length + 2 * n, np.float32), np.pad(x, (s, 2 * n + 2 * s))
    last: Samples | None = None
    for at in range(0, length, h):
        start = min(int(at / factor) + s, len(padded) - n - s)
        if last is not None:
            start += int(np.argmax(np.correlate(padded[start - s : start + s + n], last, "valid"))) - s
        out[at : at + n] += padded[start : start + n] * shape
        last = padded[start + h : start + h + n]
        if len(last) < n:
            break
    return out[h // 2 : length]


def changed(x: Samples, rng: np.random.Generator, rate: int) -> tuple[Samples, int]:
    """Another voice, in another room, by another microphone; and the sample at which the word ends in it."""
    soxr = need("soxr")
    pitch, tempo = 1.25 ** rng.uniform(-1, 1), 1.2 ** rng.uniform(-1, 1)
    y = soxr.resample(x, rate, rate * pitch, "LQ")
    y = stretched(y, tempo * len(x) / len(y), rate)
    n, tail = len(y), round(TAIL * rate)
    N = 1 << (n + tail).bit_length()
    knots = np.geomspace(LOWEST, HIGHEST, 6)
    gains = np.interp(np.log(np.fft.rfftfreq(N, 1 / rate) + 1), np.log(knots), rng.uniform(-8, 8, 6))
    spectrum = np.fft.rfft(y, N) * 10 ** (gains / 20)
    if rng.random() < 0.6:
        room = rng.normal(size=tail) * 10 ** (-3 * np.arange(tail) / rate / rng.uniform(0.1, 0.5))
        room[: round(0.002 * rate)] = 0
        room *= 10 ** (-rng.uniform(0, 20) / 20) / np.sqrt((room**2).sum())
        room[0] = 1
        spectrum *= np.fft.rfft(room, N)
    y = np.fft.irfft(spectrum, N)[: n + tail].astype(np.float32)
    return y / np.sqrt(np.mean(y[:n] ** 2) + 1e-12), n
