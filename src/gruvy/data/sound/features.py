"""Samples to features, by Kaldi's own code: of a whole recording, and the same numbers as the sound comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gruvy.errors import DataError, InputError
from gruvy.extras import need
from gruvy.model.sound import SoundFeatures

FULL = 32768  # Kaldi counts samples as 16-bit whole numbers
BLOCK = 1 << 16  # samples at a time of a whole recording: the extractor holds no more


class OnlineFeatures:
    """Samples in, in blocks of any size; out come the steps that are complete. What was given is forgotten.

    Args:
        settings: which features; samples come at their rate.

    Raises:
        InputError: the settings do not suit each other. MissingExtraError: kaldi-native-fbank is not installed.
    """

    def __init__(self, settings: SoundFeatures) -> None:
        knf = need("kaldi_native_fbank")
        mel = settings.kind == "log-mel"
        options = knf.FbankOptions() if mel else knf.MfccOptions()
        frames, bands = options.frame_opts, options.mel_opts
        frames.dither = 0.0  # by default random: no two readings would be alike
        frames.samp_freq = float(settings.rate)
        frames.frame_length_ms, frames.frame_shift_ms = 1000 * settings.window, 1000 * settings.step
        frames.snip_edges = True
        bands.num_bins, bands.low_freq, bands.high_freq = settings.bands, settings.low, settings.high
        if not mel:
            options.num_ceps, options.use_energy = settings.coefficients, False
        self.settings = settings
        self._extractor: Any = (knf.OnlineFbank if mel else knf.OnlineMfcc)(options)
        self._given = 0

    def __call__(self, samples: ArrayLike) -> NDArray[np.float32]:
        """The steps (n, channels) that the next samples (m,), from -1 to 1, complete; n may be 0.

        Raises:
            DataError: a sample is NaN or infinite. InputError: the samples are no (m,).
        """
        block = np.asarray(samples, np.float32)
        if block.ndim != 1:
            raise InputError(f"samples: shape {block.shape}, expected (m,), one channel")
        if not np.isfinite(block).all():
            raise DataError("samples: NaN or infinity; expected finite numbers, from -1 to 1")
        if len(block):
            self._extractor.accept_waveform(self.settings.rate, (block * np.float32(FULL)).tolist())
        ready = self._extractor.num_frames_ready
        steps = np.empty((ready - self._given, self.settings.channels), np.float32)
        for row, k in enumerate(range(self._given, ready)):
            steps[row] = self._extractor.get_frame(k)
        if len(steps):
            self._extractor.pop(len(steps))
        self._given = ready
        if self.settings.kind == "log-mel":
            np.maximum(steps, np.float32(self.settings.floor), out=steps)
        return steps


def features_of(samples: ArrayLike, settings: SoundFeatures) -> NDArray[np.float32]:
    """The features (T, channels) of a whole recording (m,) at the settings' rate; `OnlineFeatures` gives the same.

    Raises:
        DataError: a sample is NaN or infinite. InputError: the samples are no (m,).

    >>> features_of(np.zeros(400), SoundFeatures(rate=8000, bands=4)).tolist()
    [[5.0, 5.0, 5.0, 5.0], [5.0, 5.0, 5.0, 5.0], [5.0, 5.0, 5.0, 5.0]]
    """
    online, samples = OnlineFeatures(settings), np.asarray(samples, np.float32)
    parts = [online(samples[at : at + BLOCK]) for at in range(0, max(samples.shape[:1] or (1,)) or 1, BLOCK)]
    return np.concatenate(parts)
