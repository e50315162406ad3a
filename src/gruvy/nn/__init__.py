"""GRU layers for torch: `GRU`, a drop-in for `torch.nn.GRU` and more, and `convert_gru`, which puts it into a model."""

from __future__ import annotations

from .convert import Converted, convert_gru, converted
from .layer import GRU, Gates, OutputWithGates, Path

__all__ = ["GRU", "Converted", "Gates", "OutputWithGates", "Path", "convert_gru", "converted"]
