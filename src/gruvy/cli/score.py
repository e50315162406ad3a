"""`gruvy score`: how good a saved model is on sequences whose answers are known. Loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gruvy.cli import measures, reading, reports
from gruvy.cli.app import Json, app, document, example, out
from gruvy.cli.predict import Held, ModelFile, read_for
from gruvy.errors import DataError


@app.command(
    epilog=example(
        "gruvy score digits.safetensors spoken-digits",
        "gruvy score model.safetensors labelled.csv --id recording --target activity --json",
    )
)
def score(
    model: ModelFile,
    data: reading.Data,
    target: Annotated[
        str | None, typer.Option(help="Column with the right answers, several joined by commas; else as in training.")
    ] = None,
    id: reading.Id = None,
    time: reading.Time = None,
    wide: reading.KeptWide = None,
    features: reading.Features = None,
    window: reading.Window = None,
    step: reading.Step = None,
    missing: reading.KeptMissing = None,
    target_at: reading.TargetAt = "constant",
    drop: reading.Drop = None,
    na: reading.Na = None,
    decimal: reading.Decimal = None,
    encoding: reading.Encoding = None,
    weights: Held = None,
    json: Json = False,
) -> None:
    """Say how good a trained model is on labelled sequences, beside a baseline that always answers the same.

    Of classes: the accuracy with its 95 % interval (Wilson's, for sequences drawn independently of each other), the
    recall of each class, and what is mistaken for what; the baseline is the commonest class of DATA. Of numbers: R²,
    the mean absolute error and the root mean squared error in the target's own unit; the baseline is the mean of the
    training. Of a data set that is given by name, the sequences held out for tests are taken. How the data are laid
    out is as in training, unless options say otherwise.
    """
    import gruvy

    net = gruvy.load(model, weights=weights)
    if net.target is None:
        raise DataError(f"{net.name} gives raw read-outs; expected a model that was trained for labels or numbers")
    layout = reading.Layout.of(id, time, wide, window, step, missing, features, drop, na, decimal, encoding)
    kept = net.columns.get("targets") if reading.has_columns(data) else None  # all else has its own
    if Path(data).is_dir() and kept == ["label"]:  # what the names of subfolders are called
        kept = None
    asked: dict[str, Any] = {"target": reading.comma(target) or kept or None, "target_at": target_at}
    sequences = read_for(net, data, layout, **asked)
    if sequences.y is None:
        raise DataError(f"{data} has no target: name the column with the right answers with --target")
    judged = measures.judge(net.target, net.predict, [sequences], targets=sequences.target)
    if json:
        verdicts = measures.verdicts(judged)
        document({"model": model, "data": data, "task": net.task, "test": judged, "verdicts": verdicts})
    else:
        reports.report(out(), judged, each=True)
