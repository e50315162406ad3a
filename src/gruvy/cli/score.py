"""`gruvy score`: how good a saved model is on sequences whose answers are known. Loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gruvy.cli import events, measures, reading, reports
from gruvy.cli.app import Json, app, document, example, out
from gruvy.cli.predict import Held, ModelFile, read_for
from gruvy.cli.writing import check_outputs
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
    labels: reading.Labels = None,
    drop: reading.Drop = None,
    na: reading.Na = None,
    decimal: reading.Decimal = None,
    encoding: reading.Encoding = None,
    event: events.Event = None,
    every: events.Every = None,
    early: events.Early = 0.15,
    late: events.Late = 0.5,
    smoothing: events.Smoothing = 0.1,
    refractory: events.Refractory = 0.6,
    plot: events.Plot = None,
    weights: Held = None,
    json: Json = False,
) -> None:
    """Say how good a trained model is on labelled sequences, beside a baseline that always answers the same.

    Of classes: the accuracy with its 95 % interval (Wilson's, for sequences drawn independently of each other), the
    recall of each class, and what is mistaken for what; the baseline is the commonest class of DATA. Of numbers: R²,
    the mean absolute error and the root mean squared error in the target's own unit; the baseline is the mean of the
    training. Of a model with an answer at every step, steps are judged, and with --event also events: stretches of one
    label, found or missed, how late, and false alarms an hour, over the threshold. Of a data set that is given by name,
    the sequences held out for tests are taken. How the data are laid out is as in training, unless options say
    otherwise.
    """
    check_outputs([("--plot", plot)], {"the data": data, "the model": model, f"--labels {labels}": labels})
    how = {"smoothing": smoothing, "refractory": refractory, "early": early, "late": late}
    events.check(event, every=every, plot=plot, **how)
    import gruvy

    net = gruvy.load(model, weights=weights)
    if net.target is None:
        raise DataError(f"{net.name} gives raw read-outs; expected a model that was trained for labels or numbers")
    layout = reading.Layout.of(id, time, wide, window, step, missing, features, drop, na, decimal, encoding)
    kept = net.columns.get("targets") if reading.has_columns(data) else None  # all else has its own
    if Path(data).is_dir() and kept == ["label"]:  # what the names of subfolders are called
        kept = None
    if labels is not None or "background" in (net.layout or {}):  # labels of stretches of time are in no column
        kept = None
    asked: dict[str, Any] = {"target": reading.comma(target) or kept or None, "target_at": target_at, "labels": labels}
    sequences = read_for(net, data, layout, **asked)
    if sequences.y is None:
        also = ", or stretches of time with --labels" if net.per_step else ""
        raise DataError(f"{data} has no target: name the column with the right answers with --target{also}")
    judged = measures.judge(net.target, net, [sequences], targets=sequences.target)
    found = None if event is None else events.judge(net, sequences, event, every, **how)
    if found is not None and plot is not None:
        events.write_curve(plot, found)
    if json:
        told = {"model": model, "data": data, "task": net.task, "test": judged, "verdicts": measures.verdicts(judged)}
        document(told if found is None else {**told, "events": {k: v for k, v in found.items() if k != "_curve"}})
        return
    reports.report(out(), judged, each=True)
    if found is not None:
        events.report(out(), found)
