"""Sound files to samples, and to sequences of features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Ordered
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gruvy.data.memory_limit import check_decoded
from gruvy.data.sound.features import features_of
from gruvy.errors import DataError, InputError, InputTypeError
from gruvy.extras import need
from gruvy.model.sound import SoundFeatures

SOUNDS = (".wav", ".flac", ".ogg")


class Sound(NamedTuple):
    """A recording: samples (m,) from -1 to 1, and how many there are a second."""

    samples: NDArray[np.float32]
    rate: int


def read_sound(path: str | Path) -> Sound:
    """The samples of a .wav, .flac or .ogg file; several channels are averaged to one. Clipped sound is taken as it is.

    Arguments:
        path: the file.

    Raises:
        DataError: the file is no sound that can be read, has no samples or some that are NaN or infinite, or decodes
            to more bytes than a quarter of the memory (or the environment variable GRUVY_MAX_DATA_BYTES).
        MissingExtraError: soundfile is not installed.
    """
    with _opened(path) as file:
        check_decoded(Path(path), 4 * file.frames * file.channels)
        rate, both = file.samplerate, file.read(dtype="float32", always_2d=True)
    if not len(both):
        raise DataError(f"{path} has no samples")
    return Sound(_one_channel(both, path, 0.0, rate), int(rate))


@contextmanager
def sound_blocks(path: str | Path, seconds: float) -> Iterator[tuple[int, Iterator[NDArray[np.float32]]]]:
    """How many samples a second a file has, and its samples in blocks of so many seconds: those of `read_sound`.

    Raises:
        DataError: as `read_sound`, but a file of any length is read.
    """
    with _opened(path) as file:
        size = max(1, round(seconds * file.samplerate))

        def blocks() -> Iterator[NDArray[np.float32]]:
            at = 0
            while len(both := file.read(size, dtype="float32", always_2d=True)):
                yield _one_channel(both, path, at / file.samplerate, file.samplerate)
                at += len(both)
            if not at:
                raise DataError(f"{path} has no samples")

        yield int(file.samplerate), blocks()


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    """A file of sound; whatever goes wrong in reading it is said to be its fault."""
    soundfile, path = _soundfile(), Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist")
    try:
        with open(path, "rb") as opened, soundfile.SoundFile(opened) as file:
            yield file
    except soundfile.LibsndfileError as problem:
        raise DataError(f"{path} is not a sound file that can be read") from problem


def _one_channel(both: NDArray[np.float32], path: str | Path, start: float, rate: int) -> NDArray[np.float32]:
    """The mean of the channels (m, channels), all of it finite."""
    samples: NDArray[np.float32] = both.mean(axis=1, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(samples))
    if len(bad):
        raise DataError(f"{path} holds {samples[bad[0]]} at {start + bad[0] / rate:.3f} s; every sample must be finite")
    return samples


def resampled(sound: Sound, rate: int, quality: str) -> Sound:
    """The sound at so many samples a second; quality is soxr's."""
    if sound.rate == rate:
        return sound
    return Sound(need("soxr").resample(sound.samples, sound.rate, rate, quality=quality), rate)


def settings_for(paths: Ordered[Path], said: SoundFeatures | Mapping[str, Any] | None) -> SoundFeatures:
    """The settings as they were said; where no rate was, the lowest of the recordings.

    Raises:
        InputError, InputTypeError: there is no such setting, or one is out of its range.
    """
    if isinstance(said, SoundFeatures):
        return said
    if said is not None and not isinstance(said, Mapping):
        raise InputTypeError(f"sound={said!r}: expected settings, such as {{'kind': 'mfcc'}}")
    given = dict(said or {})
    known = list(SoundFeatures.__dataclass_fields__)
    for name in given:
        if name not in known:
            raise InputError(f"sound: there is no setting {name!r}; there are {', '.join(known)}")
    if "rate" not in given:
        given["rate"] = min(_rate(path) for path in paths)
    return SoundFeatures(**given)


def sequences_of(paths: Ordered[Path], settings: SoundFeatures) -> list[NDArray[np.float32]]:
    """The features (T_i, channels) of each recording.

    Raises:
        DataError: as `read_sound`, or a recording is shorter than a window.
    """
    return [_features(path, settings) for path in paths]


def _features(path: Path, settings: SoundFeatures) -> NDArray[np.float32]:
    samples, _ = resampled(read_sound(path), settings.rate, settings.resampling)
    steps = features_of(samples, settings)
    if not len(steps):
        raise DataError(
            f"{path} lasts {len(samples) / settings.rate:.3f} s; expected at least a window of {settings.window:g} s"
        )
    return steps


def _rate(path: Path) -> int:
    with _opened(path) as file:
        return int(file.samplerate)


def _soundfile() -> Any:
    try:
        return need("soundfile")
    except OSError as problem:  # the package without the library that it stands on
        raise DataError("soundfile cannot load libsndfile; expected it installed: apt install libsndfile1") from problem
