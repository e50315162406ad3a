"""GRU layers for torch: `GRU` and `GRUCell`, drop-ins for torch's and more, and `convert_gru`.

It puts a `GRU` into a model; `revert_gru` takes it out again.
"""

from __future__ import annotations

from .cell import GRUCell
from .layer import GRU, Gates, OutputWithGates
from .route import Path
from .swap import Converted, convert_gru, converted, revert_gru

__all__ = ["GRU", "Converted", "GRUCell", "Gates", "OutputWithGates", "Path", "convert_gru", "converted", "revert_gru"]
