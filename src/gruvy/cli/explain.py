"""`gruvy explain`: a page on which one sees what a trained model does, step by step."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gruvy.checks import whole
from gruvy.cli import epochs, reading
from gruvy.cli.app import Json, UsageError, app, document, example, say
from gruvy.cli.predict import read_for
from gruvy.cli.writing import check_outputs
from gruvy.data.collection import plural
from gruvy.errors import InputError

if TYPE_CHECKING:
    from gruvy.model.model import Model


@app.command(
    epilog=example(
        "gruvy explain digits.safetensors spoken-digits -o digits.html",
        "gruvy explain model.safetensors data.csv --id recording --target activity -o report.html",
        "gruvy explain --playground -o playground.html",
    )
)
def explain(
    context: typer.Context,
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="The file that `gruvy train` wrote.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", help="A file, a folder or a data set's name, as in training.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page to write; default report.html, or playground.html."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column with the right answers: mistakes then come first.")] = None,
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
    target_at: reading.TargetAt = "constant",
    most: Annotated[int, typer.Option(help="Sequences the page may hold; the hardest are kept.")] = 200,
    history: Annotated[Path | None, typer.Option(help="The model.history.csv of the training, to show it too.")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Another model to run beside it, or a folder, as of `train --snapshots`; may come again."),
    ] = None,
    playground: Annotated[
        bool,
        typer.Option("--playground", help="Write the page on which RNN, LSTM and GRU learn, without model and data."),
    ] = False,
    json: Json = False,
) -> None:
    """Write one page, to open in any browser, that shows the gates of a trained model at work on your sequences.

    The page needs no network and holds everything: choose a sequence, move through time, see what is kept and what
    is let in, and which steps made the answer what it is. Of a model that hears a word, a second page shows the first
    recording, the probability under it and the events. How the data are laid out (id, time, windows and so on) is as in
    training, unless options say otherwise. Needs no torch.

    With --playground it is another page, which needs neither: small nets learn in the browser, side by side.
    """
    if playground:
        write_playground(model, output or Path("playground.html"), json)
        return
    if model is None or data is None:
        raise UsageError(f"Missing argument '{'MODEL' if model is None else 'DATA'}'.", context)
    output = output or Path("report.html")
    nets = {f"--against {path}": path for path in against or []}
    check_outputs(
        [("--output", output)], {"the data": data, "the model": model, f"--history {history}": history, **nets}
    )
    whole("--most", most, 1)
    import gruvy
    from gruvy.inside.explorer import explain as write_page

    net, others = gruvy.load(model), epochs.read(against) if against else None
    layout = reading.Layout.of(id, time, wide, window, step, missing, features, drop, na, decimal, encoding)
    given = {"target": reading.comma(target), "target_at": target_at} if target else {}
    sequences = read_for(net, data, layout, **given)
    with epochs.named():
        done = write_page(
            net,
            sequences.x,
            output,
            sequences.y,
            ids=sequences.ids,
            features=sequences.features,
            history=None if history is None else read_history(history),
            title=f"{model.name} on {Path(data).name}",
            max_sequences=most,
            against=others,
        )
    beside = heard_beside(net, sequences.x[0], output)
    for note in done.notes:
        say(note)
    if json:
        told = {"page": done.path, "bytes": done.size, "sequences": done.kept, "of": done.total, "notes": done.notes}
        document(told if beside is None else {**told, "heard": beside})
        return
    say(f"{done.path}: {done.size / 1e6:.1f} MB, {done.kept:,} of {plural(done.total, 'sequence')}")
    if beside is not None:
        say(f"{beside}: the sound of {sequences.ids[0]}, what is heard in it, and when")
    say("Open it in a browser: it works offline.")


def write_playground(model: Path | None, output: Path, json: bool) -> None:
    """The page on which small nets learn, and where it is."""
    if model is not None:
        raise InputError(f"--playground: {model} is not shown there; expected neither a model nor data")
    check_outputs([("--output", output)])
    from gruvy.inside.explorer import playground as write_page

    size = write_page(output)
    if json:
        document({"page": output, "bytes": size})
        return
    say(f"{output}: {size / 1e6:.1f} MB")
    say("Open it in a browser: it works offline.")


def heard_beside(net: Model, features: Any, output: Path) -> Path | None:
    """Of a model that hears a word, a page of one recording, its probability and its events; None of others."""
    if "detection" not in (net.layout or {}):
        return None
    from gruvy import files
    from gruvy.inside.heard import heard

    path = output.with_name(f"{output.stem}.heard.html")
    files.write(path, heard(net, features).to_html(include_plotlyjs=True))
    return path


def read_history(path: Path) -> list[dict[str, float | None]]:
    """The rows of a history that `gruvy train` wrote."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [{name: float(cell) if cell else None for name, cell in row.items()} for row in rows]
    except (TypeError, ValueError, csv.Error):  # not text, no table, no numbers
        raise InputError(f"--history {path}: expected the model.history.csv that `gruvy train` wrote") from None
