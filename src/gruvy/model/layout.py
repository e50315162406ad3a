"""How the files that a model was trained on hold their sequences, as the model's own file says it; checked here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import events, sound


def texts(value: Any) -> bool:
    """Whether it is a list of text."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


ALWAYS: dict[str, tuple[type, ...]] = {
    "id": (str, type(None)),
    "time": (str, type(None)),
    "wide": (bool,),
    "window": (int, type(None)),
    "step": (int, type(None)),
    "missing": (str,),
    "features": (list, type(None)),
}
MORE: dict[str, Callable[[Any], bool]] = {  # there if used
    "drop": texts,
    "one_hot": lambda value: isinstance(value, dict) and all(map(texts, value.values())),
    "indicator": texts,
    "na": texts,
    "decimal": lambda value: isinstance(value, str),
    "encoding": lambda value: isinstance(value, str),
    "background": lambda value: isinstance(value, str),
    "sound": sound.fits,
    "detection": events.fits,
}


def layout_of(said: Any) -> dict[str, Any] | None:
    """The layout out of a model's file, or None where it has none.

    Raises:
        ValueError, KeyError, TypeError: it does not fit.
    """
    if said is None:
        return None
    features = said["features"] or []
    if any(type(said[name]) not in kinds for name, kinds in ALWAYS.items()) or set(map(type, features)) - {str}:
        raise ValueError("layout")
    kept = {name: said[name] for name in ALWAYS}
    for name, fits in MORE.items():
        if name in said:
            if not fits(said[name]):
                raise ValueError("layout")
            kept[name] = said[name]
    return kept
