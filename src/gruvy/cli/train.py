"""`gruvy train`: sequences in, a trained and judged model out."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console

from gruvy.cli import forecast, reading, reports, shards
from gruvy.cli.app import app, example, out, say
from gruvy.cli.writing import check_outputs
from gruvy.data.collection import plural
from gruvy.errors import DataError, InputError

if TYPE_CHECKING:
    from gruvy.data import Sequences
    from gruvy.estimators import GRUClassifier, GRURegressor

_net = partial(typer.Option, rich_help_panel="The net")
_learning = partial(typer.Option, rich_help_panel="Learning")
_files = partial(typer.Option, rich_help_panel="Files")


@app.command(
    epilog=example(
        "gruvy train spoken-digits --model digits.safetensors",
        "gruvy train recordings.csv --id recording --time seconds --target activity --group person",
        "gruvy train yields.csv --wide --target yield --task regress",
        "gruvy train sales.csv --task forecast --target sold --horizon 12 --season 12",
    )
)
def train(
    context: typer.Context,
    data: reading.Data,
    target: Annotated[str | None, typer.Option(help="Column to predict; several, joined by commas: numbers.")] = None,
    id: reading.Id = None,
    time: reading.Time = None,
    wide: reading.Wide = False,
    features: reading.Features = None,
    group: reading.Group = None,
    window: reading.Window = None,
    step: reading.Step = None,
    missing: reading.Missing = "error",
    target_at: reading.TargetAt = "constant",
    stream: reading.Streamed = False,
    test: Annotated[str | None, typer.Option(help="File to judge on; else 20 % of DATA is held out.")] = None,
    task: Annotated[
        str | None, _learning(help="'classify', 'regress' or 'forecast'; else found from the target.")
    ] = None,
    horizon: forecast.Horizon = None,
    season: forecast.Season = None,
    known_ahead: forecast.KnownAhead = None,
    hidden_units: Annotated[int, _net(help="Numbers that the net remembers.")] = 64,
    layers: Annotated[int, _net(help="GRUs on top of each other.")] = 1,
    bidirectional: Annotated[bool, _net("--bidirectional", help="Also read from the end (then no streaming).")] = False,
    convention: Annotated[str, _net(help="'tutorial', 'torch' or 'onnx'.")] = "tutorial",
    dropout: Annotated[float, _net(help="Share of units dropped in training.")] = 0.0,
    pooling: Annotated[str, _net(help="What is read out: the 'last' state, or the 'mean' or 'max'.")] = "last",
    max_epochs: Annotated[int, _learning(help="Passes over the data.")] = 50,
    batch_size: Annotated[int, _learning(help="Sequences in one step of the training.")] = 32,
    learning_rate: Annotated[float, _learning(help="The highest rate of the schedule.")] = 1e-2,
    validation: Annotated[float, _learning(help="Share held out in training, to keep the best epoch.")] = 0.0,
    patience: Annotated[int | None, _learning(help="Stop after so many epochs without a better one.")] = None,
    seed: Annotated[int, _learning(help="Same seed, same split, same model.")] = 0,
    device: Annotated[str, _learning(help="'cpu', or 'cuda' for a GPU.")] = "cpu",
    model: Annotated[Path, _files("--model", "-o", help="Where the model goes.")] = Path("model.safetensors"),
    history: Annotated[Path, _files(help="Where losses and scores go.")] = Path("history.csv"),
    checkpoint: Annotated[
        Path | None, _files(help="A file to save a long run to; if it is there, that run goes on.")
    ] = None,
) -> None:
    """Train a GRU on sequences, judge it on sequences it has not seen, and save it.

    Says how good it is, how far that is from guessing, what is mistaken for what, and what to type next. Text, yes or
    no, and few different whole numbers are classes; other targets are numbers. Ctrl-C stops the training and keeps
    what was learnt.
    """
    if task == "forecast":
        forecast.train(context)
        return
    forecast.refuse(context)
    check_outputs(
        [("--model", model), ("--history", history), ("--checkpoint", checkpoint)],
        {"the data": data, f"--test {test}": test},
    )
    if patience is not None and validation == 0:
        raise InputError(f"--patience {patience} needs --validation too, the share held out to judge each epoch")
    layout = reading.Layout(id, time, wide, window, step, missing, reading.comma(features))
    wanted = {"target": reading.comma(target), "group": group, "target_at": target_at}
    page = out()
    if task not in (None, "classify", "regress"):
        raise InputError(f"--task {task}: expected classify, regress or forecast")
    streamed = shards.is_streamed(data, id, stream)
    if streamed and (validation or patience is not None):
        raise InputError("--validation and --patience have no meaning with --stream, which trains on whole files")
    known: Any
    held_out: Any
    read = shards.sequences_for if streamed else sequences_for
    known, held_out, kind = read(page, layout, data, test, wanted, seed, task)
    from gruvy import GRUClassifier, GRURegressor

    net = (GRUClassifier if kind == "classify" else GRURegressor)(
        hidden_units,
        layers=layers,
        bidirectional=bidirectional,
        convention=convention,
        dropout=dropout,
        pooling=pooling,
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation_fraction=validation,
        patience=patience,
        device=device,
        random_state=seed,
        progress="training",
        checkpoint=None if checkpoint is None else str(checkpoint),
    )
    if streamed:
        net.fit(known)
        shards.judge(page, net, known, held_out)
    else:
        net.fit(known.x, known.y, groups=known.groups)
        judge(page, net, known, held_out)
    others = [column for column in (id, time, group) if column is not None]
    columns = {"channels": known.features, "targets": known.target, "others": others}
    net.save(model, columns=columns, layout=layout.kept(data))
    net.history_.write_csv(history)
    page.print(f"model    {model}\nhistory  {history}", markup=False)
    more = str(known.files[0].path) if streamed else data
    words = f"gruvy predict {shlex.quote(str(model))} {shlex.quote(more)}"
    page.print(f"\nNext:\n  {words} -o predictions.csv", markup=False)
    if net.history_.stopped == "interrupted":
        say(f"gruvy: stopped after {plural(len(net.history_.rows), 'epoch')}; what was learnt so far is saved")
        raise typer.Exit(1)


def sequences_for(
    page: Console,
    layout: reading.Layout,
    data: str,
    test: str | None,
    wanted: dict[str, Any],
    seed: int,
    task: str | None,
) -> tuple[Sequences, Sequences, str]:
    """What to train on, what to judge on, and what for: "classify" or "regress"."""
    from gruvy.data import split

    known, held_out = layout.read(data, **wanted)
    if known.y is None:
        have = "" if layout.features else f"; it has {', '.join(known.features)}"
        raise DataError(f"{data} has no target: name the column to predict with --target{have}")
    kind = chosen_task(known, data, task)
    told = [f"{data}: {reading.summary(known, held_out)}", *(f"  {note}" for note in reading.notes(known))]
    if test is not None:
        if held_out is not None:
            raise InputError(f"--test {test} has no meaning for the data set {data}, which comes with its own")
        held_out, own = replace(layout, features=known.features).read(test, **wanted)
        held_out = own or held_out
        how = f"judged on {test}"
    elif held_out is not None:
        how = "the data set's own split"
    else:
        by_class = kind == "classify"
        known, held_out = split(known, 0.2, seed=seed, stratify=by_class)
        how = "20 % held out" + (", no group on both sides" if known.groups is not None else "")
        how += ", every class in proportion" if by_class else ""
    told.append(f"{len(known):,} to learn from, {len(held_out):,} to be judged on ({how})")
    page.print("\n".join(told), markup=False)
    return known, held_out, kind


def chosen_task(known: Sequences, data: str, task: str | None) -> str:
    """ "classify" or "regress": as asked, or as the target suggests."""
    from gruvy.data import guess_task

    y = known.y
    per_step = y is not None and (y.dtype == object or (y.ndim == 2 and len(known.target) == 1 and y.shape[1] > 1))
    if per_step:
        raise InputError(
            f"{data} has a target at every step, and `gruvy train` learns one per sequence; "
            'gruvy.GRU(...).fit(X, y, task="tag") learns one per step'
        )
    return task or guess_task(y)


def judge(page: Console, net: GRUClassifier | GRURegressor, known: Sequences, held_out: Sequences) -> None:
    """Print how good the model is on sequences that it has not seen, beside guessing."""
    truth, answers = np.asarray(held_out.y), net.predict(held_out.x)
    y = np.asarray(known.y)
    page.print()
    if hasattr(net, "classes_"):
        classes = np.unique(np.concatenate([net.classes_, truth]))
        reports.classes_report(page, truth, answers, reports.majority(y)[0], classes)
    else:
        mean = y.reshape(len(y), -1).mean(axis=0)
        reports.numbers_report(page, truth, answers, mean, known.target or ["y"])
