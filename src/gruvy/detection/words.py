"""Recordings of single words by several people: what a detector learns from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.collection import some
from ..data.folder import read_words
from ..data.options import Options
from ..data.sound import read_sound, resampled, settings_for
from ..errors import DataError, InputError

MOST_RATE = 16_000  # what lies above 8 kHz says little of a word, and costs its time at every step
FLANK = 0.005  # seconds over which a word that was cut out rises and falls
QUIET = 30  # times below the loudest 20 ms of a recording: silence


@dataclass(frozen=True, eq=False)
class Words:
    """Recordings of words.

    Args:
        samples: (m_i,) each, float32, without the silence at both ends, of power 1.
        words: what each says (N,), text.
        speakers: who says it (N,), text; the same "" for all where nobody knows.
        rate: samples a second.
    """

    samples: list[NDArray[np.float32]]
    words: NDArray[np.str_]
    speakers: NDArray[np.str_]
    rate: int

    def __len__(self) -> int:
        return len(self.samples)

    def where(self, chosen: NDArray[np.bool_]) -> Words:
        """Those recordings that are chosen (N,)."""
        rows = np.flatnonzero(chosen)
        return Words([self.samples[i] for i in rows], self.words[rows], self.speakers[rows], self.rate)

    def held_out(self, trigger: str, seed: int = 0) -> NDArray[np.bool_]:
        """Which recordings (N,) to choose a threshold on: about a fifth of the speakers, or of each word's recordings.

        A speaker who did not say both the trigger and other words is not chosen; with fewer than two who did, a fifth
        of the recordings of each word is.
        """
        rng = np.random.default_rng(seed)
        said = self.words == trigger
        both = sorted(set(self.speakers[said]) & set(self.speakers[~said]))
        if len(both) > 1:
            return np.isin(self.speakers, rng.choice(both, max(1, round(len(both) / 5)), replace=False))
        chosen = np.zeros(len(self), bool)
        for word in np.unique(self.words):
            rows = np.flatnonzero(self.words == word)
            chosen[rng.choice(rows, round(len(rows) / 5), replace=False)] = True
        return chosen


def read_recordings(
    folder: str | Path,
    *,
    target: str | None = None,
    group: str | None = None,
    rate: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Words:
    """The recordings in a folder, each of one word.

    The word is what labels.csv says, or the name of the subfolder, or the beginning of the file's name up to the first
    "_". The speaker is what labels.csv says in its column `group`, or those parts of the file's name, between "_", that
    are neither the word nor a number: theo, of 7_theo_12.wav.

    Args:
        folder: .wav, .flac or .ogg files.
        target, group: columns of labels.csv: the word and the speaker.
        rate: samples a second to bring all to; by default the lowest there is, and at most 16,000.
        progress: called with how many were read, and of how many.

    Raises:
        DataError: the folder holds something else, or a recording cannot be read or is silent.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DataError(f"{folder} {what}; expected a folder of recordings")
    paths, words, groups = read_words(folder, Options(target=target, group=group))
    if rate is None:
        rate = min(settings_for(paths, None).rate, MOST_RATE)
    samples = []
    for k, path in enumerate(paths):
        if progress is not None:
            progress(k, len(paths))
        sound = read_sound(path)
        samples.append(trimmed(resampled(sound, rate, "HQ").samples, rate, str(path)))
    told = groups if groups is not None else np.array([_speaker(p.stem, w) for p, w in zip(paths, words, strict=True)])
    return Words(samples, words, told.astype(str), rate)


def trimmed(x: NDArray[np.float32], rate: int, named: str) -> NDArray[np.float32]:
    """A recording without the silence at both ends, of power 1.

    Raises:
        DataError: all of it is silent.
    """
    near, flank = max(1, round(0.02 * rate)), max(1, round(FLANK * rate))
    loud = np.sqrt(np.convolve(x**2, np.ones(near, np.float32) / near, "same")[: len(x)])
    if not loud.max() > 0:
        raise DataError(f"{named} is silent; expected a word")
    on = np.flatnonzero(loud > loud.max() / QUIET)
    x = x[on[0] : on[-1] + 1].copy()
    flank = min(flank, len(x) // 2)
    x[:flank] *= np.linspace(0, 1, flank, dtype=np.float32)
    x[len(x) - flank :] *= np.linspace(1, 0, flank, dtype=np.float32)
    power: NDArray[np.float32] = x / np.sqrt(np.mean(x**2))
    return power


def check_trigger(words: Words, trigger: str) -> None:
    """A word that was said often enough to learn from, among others.

    Raises:
        InputError: it is none, or there are too few recordings of it or of others.
    """
    said = words.words == trigger
    if not said.any():
        known, counts = np.unique(words.words, return_counts=True)
        often = some(known[np.argsort(-counts, kind="stable")].tolist(), 12)
        raise InputError(f"trigger={trigger!r}: nobody says it; the words are {often}")
    for count, what in ((int(said.sum()), f"of {trigger!r}"), (int((~said).sum()), "of other words")):
        if count < 10:
            raise InputError(f"trigger={trigger!r}: {count} recordings {what}; expected at least 10")


def _speaker(name: str, word: str) -> str:
    """Those parts of a file's name that are neither the word nor a number."""
    parts = [part for part in name.split("_") if part != word and not re.fullmatch(r"\d*", part)]
    return "_".join(parts)


__all__ = ["Words", "check_trigger", "read_recordings", "trimmed"]
