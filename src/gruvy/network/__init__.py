"""`gruvy.GRU`: the recurrence and a read-out, to train, to ask and to save."""

from __future__ import annotations

from .init import keeping_bias
from .net import GRU
from .output import Output

__all__ = ["GRU", "Output", "keeping_bias"]
