"""`gruvy predict` and `gruvy stream`: a trained model at work. Neither loads torch."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gruvy.cli import reading, shards
from gruvy.cli.app import Json, app, document, example, say
from gruvy.cli.writing import Spreadsheet, check_outputs, is_number, number, quoted, write_csv
from gruvy.data.collection import plural
from gruvy.errors import DataError, InputError
from gruvy.model.task import Labels
from gruvy.model.yes_no import YesNo

if TYPE_CHECKING:
    from gruvy.data import Sequences
    from gruvy.model.model import Model

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="The file that `gruvy train` wrote.")]
Held = Annotated[
    str | None,
    typer.Option(
        "--weights", help="Hold them in fewer bytes: half, bfloat16 or int8. A large model's steps are faster."
    ),
]


@app.command(
    epilog=example(
        "gruvy predict digits.safetensors spoken-digits",
        "gruvy predict model.safetensors new.csv --id recording --time seconds -o predictions.csv",
    )
)
def predict(
    model: ModelFile,
    data: reading.Data,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The CSV file; else stdout.")] = None,
    id: reading.Id = None,
    time: reading.Time = None,
    wide: reading.KeptWide = None,
    features: reading.Features = None,
    window: reading.Window = None,
    step: reading.Step = None,
    missing: reading.KeptMissing = None,
    drop: reading.Drop = None,
    na: reading.Na = None,
    decimal: reading.Decimal = None,
    encoding: reading.Encoding = None,
    weights: Held = None,
    spreadsheet: Spreadsheet = False,
    json: Json = False,
) -> None:
    """Say what a trained model answers, as CSV: id, prediction, and the probability of each class.

    Numbers come as one column per target, labels of steps in one row per step, with its number. Of a data set that is
    given by name, the sequences held out for tests are taken. How the data are laid out (id, time, windows and so on)
    is as in training, unless options say otherwise. With --json the answers are in the document, or in the CSV file
    where --output names one. Needs no torch.
    """
    check_outputs([("--output", output)], {"the data": data, "the model": model})
    import gruvy

    net = gruvy.load(model, weights=weights)
    layout = reading.Layout.of(id, time, wide, window, step, missing, features, drop, na, decimal, encoding)
    sequences = read_for(net, data, layout)
    told = {"model": model, "data": data, "task": net.task, "sequences": len(sequences), "output": output}
    if json and output is None:
        document({**told, "answers": [as_object(net, row) for row in answers(net, sequences)]})
        return
    write_csv(output, header(net), answers(net, sequences), spreadsheet=spreadsheet)
    if json:
        document(told)
    elif output is not None:
        say(f"{plural(len(sequences), 'sequence')} answered in {output}")


def read_for(net: Model, data: str, layout: reading.Layout, **others: Any) -> Sequences:
    """The sequences in `data`, with the channels that the model was trained on, in its order, laid out as in training.

    Args:
        layout: as typed; what was not typed is as in the model's file.
        others: as for `gruvy.data.read`.
    """
    if net.task == "quantiles":
        raise InputError(f"{net.name} is a forecaster: `gruvy forecast` answers with it")
    columns = net.columns
    shards.refuse(data, layout.id or (net.layout or {}).get("id"))
    typed = layout.drop
    layout, taken = reading.as_trained(net.layout, data, layout)
    layout = replace(layout, drop=typed)  # what training left out need not be there
    if net.per_step and others.get("target_at") == "constant":
        others["target_at"] = "each"
    if others.get("target_at") != "each":  # then there is nothing to label
        layout, _ = replace(layout, background=None), taken.pop("background", None)
    if taken:
        sound = taken.pop("sound", None)
        told = ([] if sound is None else [f"features of sound at {sound['rate']:,} Hz"]) + [reading.as_typed(taken)]
        say(f"As in training, from {net.name}: {'; '.join(filter(None, told))}")
    elif net.layout is not None and net.layout["window"] and not reading.has_columns(data):
        say(f"{net.name} was trained on windows of {net.layout['window']} steps; {data} is taken as it is")
    if layout.features is None and reading.has_columns(data):
        layout = replace(layout, features=columns.get("channels"))
    # In wide form every column that is not named is a step, so what was not read in training is not read now.
    known = [] if others.get("target") else columns.get("targets", [])
    ignore = [*known, *columns.get("others", []), *((net.layout or {}).get("drop") or [])]
    found, held_out = layout.read(data, ignore=ignore, **others)
    if found.notes:
        say(f"{reading.called(data)}: {'; '.join(found.notes)}")
    return found if held_out is None else held_out


def header(net: Model) -> list[str]:
    """The columns of the answers."""
    start = ["id", "step"] if net.per_step else ["id"]
    return [*start, *answer_columns(net)]


def answer_columns(net: Model) -> list[str]:
    """What one answer consists of."""
    if net.classes is not None:
        return ["prediction", *(f"probability_{name}" for name in net.classes)]
    count = net.outputs
    names = list(net.columns.get("targets", []))
    if len(names) != count:
        names = ["prediction"] if count == 1 else [f"y{k}" for k in range(count)]
    return [*names, *(f"probability_{name}" for name in names)] if isinstance(net.target, YesNo) else names


def answers(net: Model, sequences: Sequences) -> Iterator[list[Any]]:
    """The rows of the answers, in the order of the sequences. All is computed before the first row is given."""
    found = (net.predict_proba if has_probabilities(net) else net.predict)(sequences.x)
    return _rows(net, sequences.ids, found)


def has_probabilities(net: Model) -> bool:
    """Whether it answers with classes or with yes and no, and not with numbers."""
    return isinstance(net.target, (Labels, YesNo))


def _rows(net: Model, ids: list[str], found: Any) -> Iterator[list[Any]]:
    for name, answer in zip(ids, found, strict=True):
        if net.per_step:
            for step, one in enumerate(answer):
                yield [name, step, *labelled(net, one)]
        else:
            yield [name, *labelled(net, answer)]


def as_object(net: Model, row: list[Any]) -> dict[str, Any]:
    """A row of the answers with the names of its columns; the probabilities by class."""
    start = len(header(net)) - len(answer_columns(net))
    named = dict(zip(header(net)[:start], row[:start], strict=True))
    if net.classes is None:
        return named | dict(zip(answer_columns(net), map(float, row[start:]), strict=True))
    of_each = dict(zip(net.classes, map(float, row[start + 1 :]), strict=True))
    return named | {"prediction": row[start], "probabilities": of_each}


def labelled(net: Model, answer: Any) -> list[Any]:
    """Numbers as they are; of probabilities the class, or each yes and no, that the model takes, and then these."""
    if not isinstance(net.target, (Labels, YesNo)):
        return [*map(number, np.ravel(answer))]
    return [*np.atleast_1d(net.target.chosen(answer)), *map(number, answer)]


@app.command(
    epilog=example(
        "tail -f sensor.csv | gruvy stream model.safetensors",
        "gruvy stream model.safetensors < one_recording.csv",
    )
)
def stream(model: ModelFile, weights: Held = None, spreadsheet: Spreadsheet = False) -> None:
    """Answer after every step: CSV rows of channels come in on stdin, a row of answers goes out for each.

    The first row may name the columns; without names they are in the order of training. An empty line starts a new
    sequence. The answer after the last row is what `predict` gives for the whole sequence.
    """
    import gruvy

    net = gruvy.load(model, weights=weights)
    if net.task == "quantiles":
        raise InputError(f"{net.name} is a forecaster: `gruvy forecast` answers with it")
    feed = net.stream()
    writer = csv.writer(sys.stdout, lineterminator="\n")

    def write(row: list[Any]) -> None:
        writer.writerow(quoted(row) if spreadsheet else row)

    write(["step", *answer_columns(net)])
    sys.stdout.flush()
    step = 0
    for x in steps(net, _lines(sys.stdin)):
        if x is None:
            feed.restart()
            step = 0
            continue
        y = feed.push(x)
        write([step, *labelled(net, y)])
        sys.stdout.flush()
        step += 1


def _lines(file: Iterable[str]) -> Iterator[list[str]]:
    rows = csv.reader(file)
    try:
        yield from rows
    except csv.Error as problem:
        raise DataError(f"stdin, line {rows.line_num} cannot be divided into cells ({problem})") from problem


def steps(net: Model, rows: Iterator[list[str]]) -> Iterator[list[float] | None]:
    """The channels of each step; None where a new sequence starts."""
    channels = net.weights.input_units
    places: list[int] | None = None
    for line, row in enumerate(rows, start=1):
        if not any(cell.strip() for cell in row):
            yield None
            continue
        if places is None:
            places = _places(net, row, line)
            if places is not None:
                continue
            places = list(range(channels))
        if len(row) <= max(places):
            raise DataError(f"stdin, line {line} has {plural(len(row), 'column')}; expected {max(places) + 1}")
        yield [_number(row[place], line) for place in places]


def _places(net: Model, row: list[str], line: int) -> list[int] | None:
    """Where the channels stand, if the row names columns; None if it holds numbers."""
    if any(is_number(cell) for cell in row):
        wanted = net.weights.input_units
        if len(row) != wanted:
            raise DataError(f"stdin, line {line} has {plural(len(row), 'column')}; expected {wanted}")
        return None
    names = [cell.strip() for cell in row]
    channels = net.columns.get("channels")
    if channels is None:
        if len(names) != net.weights.input_units:
            raise DataError(
                f"stdin has the columns {', '.join(names)}; the model expects {net.weights.input_units}, "
                "and its file does not say which"
            )
        return list(range(len(names)))
    for name in channels:
        if name not in names:
            raise DataError(f"stdin has no column {name!r}; its columns are {', '.join(names)}")
    return [names.index(name) for name in channels]


def _number(cell: str, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise DataError(f"stdin, line {line}: {cell!r} is not a number") from None
    if not math.isfinite(value):
        raise InputError(f"stdin, line {line}: {cell.strip()} is not a finite number")
    return value
