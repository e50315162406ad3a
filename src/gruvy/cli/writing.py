"""Files that the commands write: checked before the work starts, written whole or not at all."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from gruvy import files
from gruvy.errors import InputError


def check_writable(path: Path, option: str, not_over: str | None = None) -> None:
    """Refuse, before an hour of training, a place that cannot be written to or the data themselves.

    Raises:
        InputError: the folder is not there or not writable, the path is a folder, or it is the file `not_over`.
    """
    files.check_place(path, f"{option} {path}")
    if not_over is not None and path.exists() and Path(not_over).exists() and path.samefile(not_over):
        raise InputError(f"{option} {path} would overwrite the data")


def write_csv(path: Path | None, header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    """Rows as CSV, to a file or, without one, to stdout."""
    if path is None:
        _rows(sys.stdout, header, rows)
        return
    with files.whole_file(path, text=True) as file:
        _rows(file, header, rows)


def number(value: float) -> str:
    """A number with seven significant digits, all that float32 holds; a whole number without a point."""
    return f"{value:.7g}"


def _rows(file: IO[Any], header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
