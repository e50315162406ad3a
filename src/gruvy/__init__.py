"""gruvy: the gated recurrent unit for Python.

Names load what they need on first use: `import gruvy` itself loads neither torch nor scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__
from .convention import Convention
from .errors import (
    ConventionError,
    DataError,
    EngineError,
    Error,
    InputError,
    InputTypeError,
    MissingExtraError,
    ModelFileError,
)
from .weights import Weights

if TYPE_CHECKING:
    from . import convert, data, detection, forecast, nn
    from .data import sequences
    from .estimators import GRUClassifier, GRURegressor, GRUTagger, channel_importance
    from .forecast import GRUForecaster
    from .inside.edits import Edit
    from .model.events import detect
    from .model.file import load
    from .network import GRU, from_torch

# name: the module that has it, or is it
_LAZY = {
    "Edit": "inside.edits",
    "GRU": "network",
    "GRUClassifier": "estimators",
    "GRUForecaster": "forecast",
    "GRURegressor": "estimators",
    "GRUTagger": "estimators",
    "channel_importance": "estimators",
    "convert": "convert",
    "data": "data",
    "detect": "model.events",
    "detection": "detection",
    "forecast": "forecast",
    "from_torch": "network",
    "load": "model.file",
    "nn": "nn",
    "sequences": "data",
}
_MODULES = ("nn", "data", "convert", "forecast", "detection")

__all__ = [
    "GRU",
    "Convention",
    "ConventionError",
    "DataError",
    "Edit",
    "EngineError",
    "Error",
    "GRUClassifier",
    "GRUForecaster",
    "GRURegressor",
    "GRUTagger",
    "InputError",
    "InputTypeError",
    "MissingExtraError",
    "ModelFileError",
    "Weights",
    "channel_importance",
    "convert",
    "data",
    "detect",
    "detection",
    "forecast",
    "from_torch",
    "load",
    "nn",
    "sequences",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'gruvy' has no attribute {name!r}")
    from importlib import import_module

    try:
        loaded = import_module(f".{_LAZY[name]}", __name__)
    except ModuleNotFoundError as problem:
        from .extras import explained

        missing = explained(problem)
        if missing is None:
            raise
        raise missing from problem
    value = loaded if name in _MODULES else getattr(loaded, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
