"""`gruvy.GRU`: the recurrence and a read-out, to train, to ask and to save."""

from __future__ import annotations

from .net import GRU
from .output import Output

__all__ = ["GRU", "Output"]
