"""Which column of a table is what, where the options leave it open: for long and wide form alike."""

from __future__ import annotations

import re
from collections.abc import Sequence as Ordered

from gruvy.data.options import Options
from gruvy.data.table import Table
from gruvy.errors import DataError

ID_NAMES = ("id", "sequence", "sequence_id", "series", "series_id", "recording", "recording_id")
_NAMELESS = re.compile(r"|Unnamed: 0(\.\d+)?")  # the second from pandas, and again each time that it is written
LABELS = "labels.csv"  # beside the recordings of a folder
FILE_NAMES = ("file", "filename", "path", "id", "recording", "name")
TARGET_NAMES = ("label", "target", "class", "y")
TIME_NAMES = ("time", "timestamp", "step", "t", "date", "datetime")


def guess(table: Table, what: str, likely: Ordered[str], options: Options, notes: list[str]) -> str | None:
    """The column with the likeliest name for an id or a time that is nothing else; says so in the notes."""
    for name in likely:
        for column in table.columns:
            if column.lower() == name and column not in options.taken:
                notes.append(f"column {column!r} is taken as the {what}")
                return column
    ending = [column for column in table.columns if column.lower().endswith("_id") and column not in options.taken]
    if what == "id" and len(ending) == 1:
        notes.append(f"column {ending[0]!r} is taken as the id, as no other ends in _id")
        return ending[0]
    return None


def feature_columns(table: Table, options: Options, features: Ordered[str] | None) -> list[str]:
    """The columns that are features: those named, or all that are nothing else; every column asked for must be there.

    Raises:
        DataError: a column is not there, or no column is left.
    """
    known: dict[str, Ordered[str | None]] = {
        "id": [options.id],
        "time": [options.time],
        "group": [options.group],
        "target": options.targets,
        "drop": options.dropped,
    }
    others = {option: [name for name in names if name is not None] for option, names in known.items()}
    for option, columns in others.items():
        table.require(columns, option)
    if features is None:
        taken = {name for columns in others.values() for name in columns}
        names = [name for name in table.frame.columns if name not in taken | set(options.ignore)]
    else:
        names = list(features)
        table.require(names, "features")
    if not names:
        raise _nothing_left(table)
    return names


def without_index(table: Table, names: list[str], id: str | None, notes: list[str]) -> list[str]:
    """The columns but for those that pandas and R write, without a name or called index, which count the rows.

    They may also count those of each sequence.

    Raises:
        DataError: one has no name and does not count rows, or there is no other column.
    """
    left = []
    for name in names:
        nameless = _NAMELESS.fullmatch(name.strip()) is not None
        if (nameless or name.strip().lower() == "index") and table.counts(name, id):
            notes.append(f"column {name!r}, which counts the rows, is left out")
        elif nameless:
            raise DataError(
                f"{table.source}, column {name!r} has no name of its own and does not count the rows: "
                "give it a name, or choose the features (--features)"
            )
        else:
            left.append(name)
    if not left:
        raise _nothing_left(table)
    return left


def _nothing_left(table: Table) -> DataError:
    have = ", ".join(table.columns)
    return DataError(f"{table.source} has no column left for features; its columns are {have}")
