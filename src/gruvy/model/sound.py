"""How a recording becomes a sequence: settings that travel in a model's file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checks import positive, whole
from ..errors import InputError

KINDS = ("log-mel", "mfcc")
RESAMPLING = ("QQ", "LQ", "MQ", "HQ", "VHQ")
MOST_BANDS = 512
MOST_RATE = 768_000


@dataclass(frozen=True, kw_only=True)
class SoundFeatures:
    """The settings of the features of sound, checked; they are Kaldi's, without its random dither.

    Args:
        rate: samples a second that the features are computed from; a recording of another rate is resampled.
        kind: ``"log-mel"``, the logarithm of the energy in each of `bands`, or ``"mfcc"``, `coefficients` of its
            cosine transform.
        bands: of the mel scale, from `low` to `high`.
        coefficients: of ``"mfcc"``, at most `bands`.
        window, step: seconds of sound that a step of the sequence is told from, and from one step to the next. The
            first step is the first whole window: step k is known when ``window + k * step`` seconds have been heard.
        low, high: Hz; a high of 0 is half the rate.
        floor: what a log-mel below it is raised to, so that silence is not far from all else; samples count from
            -32768 to 32767, and 5 is about the rounding of 16 bits.
        resampling: soxr's quality.

    Raises:
        InputError: a setting is out of its range.
    """

    rate: int
    kind: str = "log-mel"
    bands: int = 32
    coefficients: int = 13
    window: float = 0.025
    step: float = 0.01
    low: float = 20.0
    high: float = 0.0
    floor: float = 5.0
    resampling: str = "HQ"

    def __post_init__(self) -> None:
        for name, value, known in (("kind", self.kind, KINDS), ("resampling", self.resampling, RESAMPLING)):
            if value not in known:
                raise InputError(f"{name}={value!r}: expected {', '.join(known[:-1])} or {known[-1]}")
        for name, least, most in (("rate", 1000, MOST_RATE), ("bands", 4, MOST_BANDS)):
            if whole(name, getattr(self, name), least) > most:
                raise InputError(f"{name}={getattr(self, name)}: expected a whole number of at most {most:,}")
        if whole("coefficients", self.coefficients, 1) > self.bands and self.kind == "mfcc":
            raise InputError(f"coefficients={self.coefficients}: expected at most bands={self.bands}")
        positive("window", self.window)
        positive("step", self.step)
        positive("low", self.low, zero=True)
        positive("high", self.high, zero=True)
        if isinstance(self.floor, bool) or not isinstance(self.floor, (int, float)) or not -20 <= self.floor <= 40:
            raise InputError(f"floor={self.floor!r}: expected a number from -20 to 40")
        if not 4 / self.rate <= self.window <= 1 or not 1 / self.rate <= self.step <= 1:
            raise InputError(
                f"window={self.window}, step={self.step}: expected from some samples to 1 second, at rate={self.rate}"
            )
        if not self.low < self.top <= self.rate / 2:
            raise InputError(f"low={self.low}, high={self.high}: expected low < high <= rate / 2 = {self.rate / 2:g}")

    @property
    def top(self) -> float:
        """Hz of the highest band's end."""
        return self.high or self.rate / 2

    @property
    def channels(self) -> int:
        """Numbers in a step."""
        return self.bands if self.kind == "log-mel" else self.coefficients

    @property
    def names(self) -> list[str]:
        """What the channels are called."""
        start = "mel" if self.kind == "log-mel" else "mfcc"
        return [f"{start}{k}" for k in range(self.channels)]


def fits(said: Any) -> bool:
    """Whether settings out of a model's file are complete and in their ranges."""
    if not isinstance(said, dict) or set(said) != set(SoundFeatures.__dataclass_fields__):
        return False
    try:
        SoundFeatures(**said)
    except InputError:
        return False
    return True
