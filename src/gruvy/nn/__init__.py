"""GRU layers for torch: `GRU`, a drop-in for `torch.nn.GRU` and more, and `convert_gru`, which puts it into a model.

`revert_gru` takes it out again.
"""

from __future__ import annotations

from .layer import GRU, Gates, OutputWithGates, Path
from .swap import Converted, convert_gru, converted, revert_gru

__all__ = ["GRU", "Converted", "Gates", "OutputWithGates", "Path", "convert_gru", "converted", "revert_gru"]
