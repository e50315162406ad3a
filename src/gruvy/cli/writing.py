"""Files that the commands write: checked before the work starts, written whole or not at all."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from gruvy import files
from gruvy.errors import InputError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins with one of these is computed by a spreadsheet

Spreadsheet = Annotated[
    bool,
    typer.Option(
        "--spreadsheet", help="Put ' before text that begins with =, +, - or @, which a spreadsheet would compute."
    ),
]


def check_outputs(
    outputs: Iterable[tuple[str, Path | None]], inputs: Mapping[str, str | Path | None] | None = None
) -> None:
    """Refuse, before an hour of training, a place that cannot be written to, an input, and another output.

    Args:
        outputs: the option that names it and the file that will be written; None for one that was not asked for.
        inputs: what the command reads, by what to call it: a file, a folder of files, or a data set's name.

    Raises:
        InputError: the folder is not there or not writable, the path is a folder, or it is an input, lies in a folder
            that is an input, or is another output; under whatever name, through a link too.
    """
    places = [(option, path) for option, path in outputs if path is not None]
    for n, (option, path) in enumerate(places):
        files.check_place(path, f"{option} {path}")
        for name, source in (inputs or {}).items():
            given = None if source is None else Path(source)
            if given is None or not given.exists():
                continue
            if given.is_dir() and given.resolve() in path.resolve().parents:
                raise InputError(f"{option} {path} lies in the folder of {name}, {given}; expected a place outside it")
            if _same(path, given):
                raise InputError(f"{option} {path} would overwrite {name}")
        for other, its in places[:n]:
            if _same(path, its):
                raise InputError(f"{option} {path} would overwrite {other} {its}; expected a file of its own")


def history_beside(model: Path) -> Path:
    """Where the history of a model's training goes: m.history.csv beside m.safetensors."""
    return beside(model, "history.csv")


def beside(model: Path, ending: str) -> Path:
    """What lies beside m.safetensors: m and this ending."""
    return model.parent / f"{model.name.removesuffix('.safetensors')}.{ending}"


def _same(a: Path, b: Path) -> bool:
    """Whether two paths are one file, be it there yet or not."""
    return a.resolve() == b.resolve() or (a.exists() and b.exists() and a.samefile(b))


def write_csv(
    path: Path | None, header: list[str], rows: Iterable[Iterable[Any]], *, spreadsheet: bool = False
) -> None:
    """Rows as CSV, to a file or, without one, to stdout; for a spreadsheet, text that it would compute is quoted."""
    if spreadsheet:
        header, rows = quoted(header), map(quoted, rows)
    if path is None:
        _rows(sys.stdout, header, rows)
        return
    with files.whole_file(path, text=True) as file:
        _rows(file, header, rows)


def quoted(row: Iterable[Any]) -> list[Any]:
    """The cells of a row with an apostrophe before text that a spreadsheet takes for a formula; numbers as they are."""
    return [f"'{cell}" if str(cell).startswith(FORMULA) and not is_number(str(cell)) else cell for cell in row]


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def number(value: float) -> str:
    """A number with seven significant digits, all that float32 holds; a whole number without a point."""
    return f"{value:.7g}"


def _rows(file: IO[Any], header: list[str], rows: Iterable[Iterable[Any]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
