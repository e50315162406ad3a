"""Which engine computes on NumPy arrays, and why."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import reference
from ..errors import EngineError
from . import native
from .core import warn_without


class Choice(NamedTuple):
    """An engine: its name, its module (`forward`, `backward`, `step`), and why it was chosen."""

    name: str
    reason: str
    module: ModuleType


def choose(engine: str | None = None, dtype: Any = np.float32) -> Choice:
    """The engine that will run, and the reason.

    Args:
        engine: ``"native"`` or ``"reference"`` to force one; None asks the environment variable ``GRUVY_ENGINE``, and
            without it takes the fastest there is.
        dtype: of the numbers. The native engine has float32 and float64.

    Raises:
        EngineError: a forced engine is unknown, absent, or has no such dtype: it never falls back in silence.

    Example:
        >>> choose("reference").reason
        'asked for'
    """
    asked, source = (engine, "asked for") if engine else (os.environ.get("GRUVY_ENGINE"), "GRUVY_ENGINE")
    if asked == "triton":
        raise EngineError(f"engine 'triton' ({source}) cannot serve: it has torch's tensors, not NumPy's arrays")
    if asked and asked not in ("native", "reference"):
        raise EngineError(f'engine {asked!r} ({source}): expected "native" or "reference"')
    if asked == "reference":
        return Choice("reference", source, reference)
    there, why = native.available()
    if not there and not asked:
        warn_without(why)
    if there and np.dtype(dtype) not in (np.float32, np.float64):
        there, why = False, f"it has float32 and float64, not {np.dtype(dtype)}"
    if asked == "native":
        if not there:
            raise EngineError(f"engine 'native' ({source}) cannot serve: {why}")
        return Choice("native", source, native)
    return Choice("native", why, native) if there else Choice("reference", f"no native engine: {why}", reference)
