"""Recordings to sequences: `recordings` reads files, `features` computes log-mel or MFCC, whole or as it comes."""

from __future__ import annotations

from gruvy.data.sound.features import OnlineFeatures, features_of
from gruvy.data.sound.recordings import SOUNDS, Sound, read_sound, resampled, sequences_of, settings_for, sound_blocks

__all__ = [
    "SOUNDS",
    "OnlineFeatures",
    "Sound",
    "features_of",
    "read_sound",
    "resampled",
    "sequences_of",
    "settings_for",
    "sound_blocks",
]
