"""Is a margin more than chance? An interval over the repetitions, once, for every rule; and what is not known.

What a rule asks is answered by True, False, or None: the interval holds the threshold, so that nobody can tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Answer = bool | None

# What Student's distribution stays under 95 times in 100, for 1, 2, 3 ... degrees of freedom: each end of an interval
# errs one time in twenty. For more than ten repetitions the last is taken, which errs on the side of not knowing.
T = (6.3138, 2.92, 2.3534, 2.1318, 2.015, 1.9432, 1.8946, 1.8595, 1.8331)


@dataclass(frozen=True)
class Interval:
    """The mean of some repetitions, and between what the true mean lies.

    Args:
        mean: of the repetitions; NaN when one of them is.
        low, high: ends; minus and plus infinity when fewer than two repetitions, or one that is not a number, tell
            nothing.
    """

    mean: float
    low: float
    high: float

    def over(self, least: float) -> Answer:
        """Is the true mean at least `least`? True and False when the whole interval says so, else None."""
        return True if self.low >= least else False if self.high < least else None

    def under(self, most: float) -> Answer:
        """Is the true mean at most `most`? True and False when the whole interval says so, else None."""
        return True if self.high <= most else False if self.low > most else None


def interval(values: Sequence[float]) -> Interval:
    """Student's interval for the mean of n repetitions: mean ± t · s / √n.

    Args:
        values: one number for each repetition, n of them. For a comparison of two nets these are the differences
            within each repetition (same seed, same data), never the difference of two means.

    Returns:
        `Interval`, with s² = Σ (value - mean)² / (n - 1), and t what Student's distribution with n - 1 degrees of
        freedom stays under 95 times in 100. Repetitions that agree to the last digit give an interval of no width.

    Source: Student, The Probable Error of a Mean, Biometrika 6 (1908), pages 1 to 25.

    Example:
        >>> found = interval([1.0, 2.0, 3.0])
        >>> round(found.low, 2), round(found.high, 2)
        (0.31, 3.69)
        >>> print(found.over(0), found.over(1), found.over(4))
        True None False
    """
    n = len(values)
    mean = math.fsum(values) / n if n else math.nan
    if n < 2 or not math.isfinite(mean):
        return Interval(mean, -math.inf, math.inf)
    if min(values) == max(values):
        return Interval(values[0], values[0], values[0])
    s = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = T[min(n - 1, len(T)) - 1] * s / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def every(answers: Iterable[Answer]) -> Answer:
    """Are all of them so? False as soon as one is not; else None as soon as one is not known (Kleene 1938)."""
    found = list(answers)
    return False if False in found else None if None in found else True


def some(answers: Iterable[Answer]) -> Answer:
    """Is one of them so? True as soon as one is; else None as soon as one is not known."""
    found = list(answers)
    return True if True in found else None if None in found else False
