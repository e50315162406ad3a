"""How well a word is heard from a speaker who was never heard in training: F1 of events, delay, false alarms an hour.

Recordings `{digit}_{speaker}_{number}.wav` are laid one after another with pauses and background noise. Each speaker is
held out in turn; the threshold is chosen on one of the others, whom a net of the rest has not heard.

Usage: python benchmarks/trigger_word.py spoken-digits-wav.zip [--speakers george,theo] [--hours 6] [--epochs 8]
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from zipfile import ZipFile

import numpy as np
import soundfile
import soxr
import torch

import gruvy
from gruvy.data import SoundFeatures, features_of
from gruvy.model.event_scores import score_events
from gruvy.model.scaler import Scaler

RATE, TRIGGER, SECONDS, SMOOTHING = 8000, 7, 12, 0.1
FEATURES = SoundFeatures(rate=RATE)
HEARD = {"gain": 6, "pause": (0.05, 1.2), "snr": (5, 40), "level": (-45, -10), "changed": True}
JUDGED = {"gain": 4, "pause": (0.3, 1.5), "snr": (15, 40), "level": (-35, -15), "changed": False}
MOST_FALSE = 6  # an hour


def recordings(path):
    """{(speaker, digit): [samples]}: without the silence at both ends, of power 1."""
    found = {}
    with ZipFile(path) as file:
        for name in sorted(file.namelist()):
            if name.endswith(".wav"):
                digit, speaker, _ = name.rpartition("/")[2][:-4].split("_")
                x, _ = soundfile.read(io.BytesIO(file.read(name)), dtype="float32")
                loud = np.sqrt(np.convolve(x**2, np.ones(160) / 160, "same"))
                on = np.flatnonzero(loud > loud.max() / 30)
                x = x[on[0] : on[-1] + 1].copy()
                x[:40] *= np.linspace(0, 1, 40)
                x[-40:] *= np.linspace(1, 0, 40)
                found.setdefault((speaker, int(digit)), []).append(x / np.sqrt(np.mean(x**2)))
    return found


def stretched(x, factor):
    """The same pitch, `factor` times as long: overlapping pieces of 30 ms, each laid where it fits the last best."""
    n, h, s = 240, 120, 60
    shape, length = np.hanning(n + 1)[:n].astype(np.float32), int(len(x) * factor)
    out, padded, last = np.zeros(length + 2 * n, np.float32), np.pad(x, (s, 2 * n + 2 * s)), None
    for at in range(0, length, h):
        start = int(at / factor) + s
        if last is not None:
            start += int(np.argmax(np.correlate(padded[start - s : start + s + n], last, "valid"))) - s
        out[at : at + n] += padded[start : start + n] * shape
        last = padded[start + h : start + h + n]
    return out[h // 2 : length]


def changed(x, rng):
    """Another voice, in another room, by another microphone; and where the word ends in it."""
    pitch, tempo = 1.25 ** rng.uniform(-1, 1), 1.2 ** rng.uniform(-1, 1)
    y = soxr.resample(x, RATE, RATE * pitch, "LQ")
    y = stretched(y, tempo * len(x) / len(y))
    n, tail = len(y), 1600
    N = 1 << (n + tail).bit_length()
    knots = np.geomspace(100, 4000, 6)
    gains = np.interp(np.log(np.fft.rfftfreq(N, 1 / RATE) + 1), np.log(knots), rng.uniform(-8, 8, 6))
    spectrum = np.fft.rfft(y, N) * 10 ** (gains / 20)
    if rng.random() < 0.6:
        room = rng.normal(size=tail) * 10 ** (-3 * np.arange(tail) / RATE / rng.uniform(0.1, 0.5))
        room[:16] = 0
        room *= 10 ** (-rng.uniform(0, 20) / 20) / np.sqrt((room**2).sum())
        room[0] = 1
        spectrum *= np.fft.rfft(room, N)
    y = np.fft.irfft(spectrum, N)[: n + tail].astype(np.float32)
    return y / np.sqrt(np.mean(y[:n] ** 2)), n


def stream(words, seconds, share, rng, how):
    """Words laid one after another: the samples, when each trigger word ended, and how many words there are."""
    mine = [x for (_, digit), each in words.items() if digit == TRIGGER for x in each]
    others = [x for (_, digit), each in words.items() if digit != TRIGGER for x in each]
    x, ends, count = np.zeros(int(seconds * RATE), np.float32), [], 0
    at = int(rng.uniform(0.2, 1) * RATE)
    while True:
        trigger = rng.random() < share
        word = (mine if trigger else others)[rng.integers(len(mine if trigger else others))]
        word, n = changed(word, rng) if how["changed"] else (word, len(word))
        if how["changed"] and trigger and rng.random() < 0.15:  # a word that breaks off is none
            trigger, n = False, int(n * rng.uniform(0.3, 0.65))
            word = word[:n] * np.minimum(1, np.arange(n)[::-1] / 80).astype(np.float32)
        if at + len(word) + RATE // 2 > len(x):
            break
        x[at : at + len(word)] += word * 10 ** (rng.uniform(-1, 1) * how["gain"] / 20)
        ends += [(at + n) / RATE] if trigger else []
        at, count = at + n + int(rng.uniform(*how["pause"]) * RATE), count + 1
    spectrum = rng.normal(size=(len(x) // 2 + 1, 2)) @ np.array([1, 1j])
    noise = np.fft.irfft(spectrum / np.maximum(np.fft.rfftfreq(len(x), 1 / RATE), 50) ** rng.uniform(0, 1), len(x))
    x += (noise / noise.std() * 10 ** (-rng.uniform(*how["snr"]) / 20)).astype(np.float32)
    return np.clip(x * 10 ** (rng.uniform(*how["level"]) / 20), -1, 1), ends, count


def trained(words, hours, epochs, seed=1):
    """A net, and what brings its inputs to scale: 1 from 0.05 to 0.25 seconds after the word."""
    rng, X, y = np.random.default_rng(seed), [], []
    for _ in range(max(1, round(hours * 3600 / SECONDS))):
        x, ends, _ = stream(words, SECONDS, 0.2, rng, HEARD)
        X.append(features_of(x, FEATURES))
        t = FEATURES.window + FEATURES.step * np.arange(len(X[-1]))
        y.append(np.any([(t >= end + 0.05) & (t < end + 0.25) for end in [*ends, -9]], 0).astype(int))
    together = np.concatenate(X)
    scaler = Scaler(together.mean(0), together.std(0))
    torch.manual_seed(0)
    net = gruvy.GRU(FEATURES.channels, 64, 2, layers=2, dropout=0.2)
    how = {"max_epochs": epochs, "batch_size": 16, "learning_rate": 6e-3, "seed": 0, "progress": False}
    return net.fit([scaler(x).astype(np.float32) for x in X], y, task="tag", **how), scaler


def judged(net, scaler, words, seed):
    """20 minutes with the word and an hour without: for each minute its probabilities and when the words ended."""
    rng, found, counts = np.random.default_rng(seed), {True: [], False: []}, 0
    for minute in range(80):
        x, ends, count = stream(words, 60, 0.15 if minute < 20 else 0, rng, JUDGED)
        p = net.predict_proba([scaler(features_of(x, FEATURES)).astype(np.float32)])[0][:, 1]
        found[minute < 20].append((p, ends))
        counts += count if minute >= 20 else 0
    return found, counts


def scores(found, threshold):
    """The scores of the 20 minutes and of the hour."""
    how = {"step": FEATURES.step, "start": FEATURES.window, "threshold": threshold, "smoothing": SMOOTHING}
    parts = [[score_events(gruvy.detect(p, **how), ends, seconds=60) for p, ends in found[k]] for k in (True, False)]
    return [sum(part[1:], part[0]) for part in parts]


def threshold_for(found):
    """The best F1 of those with few false alarms, or the fewest false alarms."""
    rated = [(t, *scores(found, t)) for t in np.arange(0.1, 0.96, 0.05)]
    few = [each for each in rated if each[2].false_per_hour <= MOST_FALSE]
    best = max(few, key=lambda each: each[1].f1) if few else min(rated, key=lambda each: each[2].false_per_hour)
    return float(best[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings")
    parser.add_argument("--speakers", help="those held out, joined by commas; else each in turn")
    parser.add_argument("--hours", type=float, default=6.0, help="of sound to train on")
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    words = recordings(given.recordings)
    everyone = sorted({speaker for speaker, _ in words})
    print(f"{sum(map(len, words.values())):,} recordings, {sum(len(words[s, TRIGGER]) for s in everyone)} of the word")
    for speaker in given.speakers.split(",") if given.speakers else everyone:
        began = time.perf_counter()
        rest = {key: each for key, each in words.items() if key[0] != speaker}
        inner = everyone[everyone.index(speaker) - 1]
        net = trained({key: each for key, each in rest.items() if key[0] != inner}, given.hours, given.epochs)
        threshold = threshold_for(judged(*net, {k: e for k, e in rest.items() if k[0] == inner}, 4)[0])
        net = trained(rest, given.hours, given.epochs)
        seconds = time.perf_counter() - began
        found, counts = judged(*net, {key: each for key, each in words.items() if key[0] == speaker}, 5)
        with_word, without = scores(found, threshold)
        print(
            f"{speaker}: F1 {with_word.f1:.3f}, delay {with_word.delay:.2f} s, {without.false_per_hour:.0f} false "
            f"alarms an hour of {counts:,} words, threshold {threshold:.2f} by {inner}; trained in {seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
