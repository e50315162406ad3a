"""Files that the commands write: checked before the work starts, written whole or not at all."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from gruvy.errors import InputError


def check_writable(path: Path, option: str, not_over: str | None = None) -> None:
    """Refuse, before an hour of training, a place that cannot be written to or the data themselves.

    Raises:
        InputError: the folder is not there or not writable, the path is a folder, or it is the file `not_over`.
    """
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{option} {path} is a folder; wanted the name of a file")
    if not folder.is_dir():
        raise InputError(f"{option} {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{option} {path}: no permission to write to the folder {folder.resolve()}")
    if not_over is not None and path.exists() and Path(not_over).exists() and path.samefile(not_over):
        raise InputError(f"{option} {path} would overwrite the data")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears under its name only when all of it is written."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_csv(path: Path | None, header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    """Rows as CSV, to a file or, without one, to stdout."""
    if path is None:
        _rows(sys.stdout, header, rows)
        return
    with whole_file(path) as file:
        _rows(file, header, rows)


def number(value: float) -> str:
    """A number with seven significant digits, all that float32 holds; a whole number without a point."""
    return f"{value:.7g}"


def _rows(file: TextIO, header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
