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
    from . import data, nn
    from .data import sequences
    from .estimators import GRUClassifier, GRURegressor
    from .model.file import load
    from .network import GRU

# name: (module, the extra that installs what it needs)
_LAZY = {
    "GRU": ("network", "train"),
    "GRUClassifier": ("estimators", "train"),
    "GRURegressor": ("estimators", "train"),
    "nn": ("nn", "train"),
    "data": ("data", "data"),
    "sequences": ("data", "data"),
    "load": ("model.file", ""),
}
_MODULES = ("nn", "data")

__all__ = [
    "GRU",
    "Convention",
    "ConventionError",
    "DataError",
    "EngineError",
    "Error",
    "GRUClassifier",
    "GRURegressor",
    "InputError",
    "InputTypeError",
    "MissingExtraError",
    "ModelFileError",
    "Weights",
    "data",
    "load",
    "nn",
    "sequences",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'gruvy' has no attribute {name!r}")
    from importlib import import_module

    module, extra = _LAZY[name]
    try:
        loaded = import_module(f".{module}", __name__)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == __name__ or not extra:
            raise
        raise MissingExtraError(
            f'gruvy.{name} needs {missing}, which is not installed: pip install "gruvy[{extra}]"'
        ) from error
    value = loaded if name in _MODULES else getattr(loaded, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
