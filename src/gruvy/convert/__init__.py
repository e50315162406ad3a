"""In from other libraries and out to them: torch, Keras, Flax, Equinox, MLX, ONNX, RTNeural.

`read` and `write` go by the kind of a file; the objects of a library have functions of their own. What a peer
cannot hold is refused in a sentence; what is merged is told by a `ConversionWarning`.
"""

from __future__ import annotations

from .cells import (
    from_equinox,
    from_linen,
    from_mlx,
    from_nnx,
    to_equinox,
    to_linen,
    to_mlx,
    to_nnx,
)
from .formats import describe, kind_of, read, write
from .keras import from_keras, to_keras
from .onnx import from_onnx
from .parts import Cells, ConversionWarning

__all__ = [
    "Cells",
    "ConversionWarning",
    "describe",
    "from_equinox",
    "from_keras",
    "from_linen",
    "from_mlx",
    "from_nnx",
    "from_onnx",
    "kind_of",
    "read",
    "to_equinox",
    "to_keras",
    "to_linen",
    "to_mlx",
    "to_nnx",
    "write",
]
