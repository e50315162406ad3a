"""Checks of single settings that every room makes in the same words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import InputError


def whole(name: str, value: Any, least: int) -> int:
    """A whole number of at least `least`; booleans are none.

    Raises:
        InputError: it is not; the text has the name, what was given and what was expected.

    Example:
        >>> whole("layers", np.int64(2), 1)
        2
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name}={value!r}: expected a whole number of at least {least}")
    return int(value)


def share(name: str, value: Any) -> float:
    """A number from 0 to below 1.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < 1:
        raise InputError(f"{name}={value!r}: expected a number from 0 to below 1")
    return float(value)


def positive(name: str, value: Any, *, zero: bool = False) -> float:
    """A finite number above 0, or of at least 0.

    Raises:
        InputError: it is not.
    """
    real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)
    if not real or value < 0 or (value == 0 and not zero):
        raise InputError(f"{name}={value!r}: expected a number {'of at least 0' if zero else 'above 0'}")
    return float(value)
