"""Normal numbers that a page and Python draw alike: each from its seed, step and channel alone.

NumPy's own generators would have to be written a second time in JavaScript; this one is a few lines in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def mixed(h: Array) -> Array:
    """The last mixing of MurmurHash3 (Appleby 2011): 32 bits to 32 bits, each input bit moving half of the output's."""
    h = np.asarray(h, np.uint64)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return np.asarray(h ^ (h >> np.uint64(16)))


def uniform(seed: int, step: Any, channel: Any, which: int) -> Array:
    """Numbers between 0 and 1, neither of them included."""
    h = np.asarray(seed, np.uint64)
    for key in (step, channel, which):
        h = mixed((h + np.asarray(key, np.uint64) + np.uint64(0x9E3779B9)) & np.uint64(0xFFFFFFFF))
    return np.asarray((h.astype(np.float64) + 0.5) / 2.0**32)


def normal(seed: int, step: Any, channel: Any) -> Array:
    """Standard normal numbers of steps and channels, whose shapes are broadcast (Box and Muller 1958)."""
    u, v = (uniform(seed, step, channel, which) for which in (0, 1))
    return np.asarray(np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v))
