"""Optional packages, imported when they are first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gruvy.errors import MissingExtraError


def need(module: str, extra: str) -> Any:
    """The module, or an error that says which extra of gruvy installs it."""
    package = module.partition(".")[0]
    try:
        import_module(package)
        return import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != package:
            raise
        raise MissingExtraError(f'{package} is not installed: pip install "gruvy[{extra}]"') from missing
