"""Files, frames and arrays to sequences; splits that keep a group on one side; data sets by name."""

from __future__ import annotations

from gruvy.data.arrays import as_sequences, check_targets

__all__ = ["as_sequences", "check_targets"]
