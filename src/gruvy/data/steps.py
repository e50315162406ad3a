"""All steps of a table, one after the other: what long and wide form make of it, before gaps and windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gruvy.data.table import Table

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True)
class Steps:
    """All steps of all recordings of a table, one after the other: R steps of N recordings.

    rows (R,): the table's row that each step is from; values (R, I), float64, with NaN for gaps; ids and lengths (N,);
    features: names of the I channels; sources: the column that each channel is made of; found: as in `Sequences`.
    """

    table: Table
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    ids: list[str]
    lengths: NDArray[np.int64]
    features: list[str]
    sources: list[str]
    notes: list[str]
    found: dict[str, Any]

    def place(self, step: int) -> str:
        """Where a step stands in the user's file or frame."""
        return self.table.place(int(self.rows[step]))

    def column(self, name: str) -> polars.Series:
        """Another column of the table, at every step (R,)."""
        return self.table.frame[name].gather(self.rows)
