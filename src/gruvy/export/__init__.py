"""Out of Python: a trained model as ONNX graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["OnnxFiles", "to_onnx"]

if TYPE_CHECKING:
    from .to_onnx import OnnxFiles, to_onnx


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'gruvy.export' has no attribute {name!r}")
    return getattr(import_module(".to_onnx", __name__), name)
