"""`gruvy.GRU`: the recurrence and a read-out, to train, to ask and to save."""

from __future__ import annotations

from .init import keeping_bias
from .net import GRU
from .of_torch import from_torch
from .output import Output

__all__ = ["GRU", "Output", "from_torch", "keeping_bias"]
