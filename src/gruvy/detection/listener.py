"""Samples in, in blocks of any size, events out: a detector at work. Needs no torch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import whole
from ..data.sound import OnlineFeatures
from ..errors import InputError, InputTypeError
from ..extras import need
from ..model import events
from ..model.events import Event
from ..model.file import load
from ..model.model import Model
from ..model.sound import MOST_RATE, SoundFeatures


class Listener:
    """Hears a trigger word in samples as they come; the events do not depend on the blocks. Its memory does not grow.

    Args:
        model: what `fit_detector` made, or the file that `gruvy train --task detect` wrote.
        rate: of the samples that will come, a second; by default the model's own. Others are resampled, which holds
            the sound back: from 16, 44.1 or 48 kHz to 8 kHz by at most 62 ms.
        threshold: another one than the model's own.

    Attributes:
        trigger: the word. detection: how probabilities become events. probability: that of the last step.

    Raises:
        InputError: the model was not trained to detect a word, or a setting is out of its range.
        MissingExtraError: kaldi-native-fbank is not installed, or soxr where it is needed.

    Example:
        >>> listener = Listener("seven.safetensors", rate=16000)  # doctest: +SKIP
        >>> listener(samples)  # doctest: +SKIP
        [Event(time=1.325, probability=0.87)]
    """

    def __init__(
        self, model: Model | str | os.PathLike[str], *, rate: int | None = None, threshold: float | None = None
    ) -> None:
        model = load(model) if isinstance(model, (str, os.PathLike)) else model
        if not isinstance(model, Model):
            raise InputTypeError(f"model: {type(model).__name__}, expected a model or its file")
        said = (model.layout or {}).get("detection")
        if said is None or model.layout is None or model.classes is None:
            raise InputError(f"{model.name} was not trained to hear a word: expected one of --task detect")
        features = SoundFeatures(**model.layout["sound"])
        self.model, self.trigger, self.features = model, str(said["trigger"]), features
        if threshold is not None:
            said = {**said, "threshold": threshold}
        self.detection = events.of_file(said, step=features.step, start=features.window)
        self.rate = features.rate if rate is None else whole("rate", rate, 1000)
        if self.rate > MOST_RATE:
            raise InputError(f"rate={rate}: expected a whole number of at most {MOST_RATE:,}")
        self._column = model.classes.tolist().index(self.trigger)
        self._online, self._stream, self._detector = OnlineFeatures(features), model.stream(), self.detection.detector()
        self._resample: Any = None
        if self.rate != features.rate:
            stream = need("soxr").ResampleStream
            self._resample = stream(self.rate, features.rate, 1, dtype="float32", quality=features.resampling)
        self.probability = 0.0

    def __call__(self, samples: ArrayLike, last: bool = False) -> list[Event]:
        """The events in the next samples.

        Args:
            samples: (m,), from -1 to 1.
            last: whether these are the last ones, so that none is held back any longer.

        Raises:
            DataError: a sample is NaN or infinite. InputError: the samples are no (m,).
        """
        return self._detector(self.probabilities(samples, last))

    def probabilities(self, samples: ArrayLike, last: bool = False) -> NDArray[np.float64]:
        """The trigger's probability (n,) at each step that the next samples complete."""
        block = np.asarray(samples, np.float32)
        if self._resample is not None and block.ndim == 1:
            block = self._resample.resample_chunk(block, last)
        steps = self._online(block)
        if not len(steps):
            return np.zeros(0)
        p: NDArray[np.float64] = np.asarray(self._stream.push_many(steps)[:, self._column], np.float64)
        self.probability = float(p[-1])
        return p
