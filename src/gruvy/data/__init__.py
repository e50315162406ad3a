"""Files, frames and arrays to sequences; splits that keep a group on one side; data sets by name."""

from __future__ import annotations

from gruvy.data.arrays import as_sequences, check_targets
from gruvy.data.collection import Sequences
from gruvy.data.files import read
from gruvy.data.frames import sequences

__all__ = ["Sequences", "as_sequences", "check_targets", "read", "sequences"]
