"""One readable training loop on torch's and accelerate's parts, for any module and any task."""

from __future__ import annotations

from . import checkpoint
from .batches import Batches
from .history import History
from .judging import raw_outputs
from .loop import train
from .optimiser import adamw
from .peers import Peer
from .processes import check_device, start
from .settings import Settings
from .shards import ShardBatches
from .verdict import trouble

__all__ = [
    "Batches",
    "History",
    "Peer",
    "Settings",
    "ShardBatches",
    "adamw",
    "check_device",
    "checkpoint",
    "raw_outputs",
    "start",
    "train",
    "trouble",
]
