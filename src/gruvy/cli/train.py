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

from gruvy.checks import whole
from gruvy.cli import detect, epochs, forecast, measures, reading, reports, shards, tagging
from gruvy.cli.app import Json, app, document, example, out, say
from gruvy.cli.writing import check_outputs, history_beside
from gruvy.data.collection import plural
from gruvy.errors import DataError, InputError

if TYPE_CHECKING:
    from gruvy.data import Sequences, Shards
    from gruvy.estimators import GRUClassifier, GRURegressor, GRUTagger

    Net = GRUClassifier | GRURegressor | GRUTagger

ESTIMATORS = {"classify": "GRUClassifier", "regress": "GRURegressor", "tag": "GRUTagger"}
MOST = 2**32  # seeds of NumPy's generators stay below it

_net = partial(typer.Option, rich_help_panel="The net")
_learning = partial(typer.Option, rich_help_panel="Learning")
_files = partial(typer.Option, rich_help_panel="Files")


@app.command(
    epilog=example(
        "gruvy train spoken-digits --model digits.safetensors",
        "gruvy train recordings.csv --id recording --time seconds --target activity --group person",
        "gruvy train yields.csv --wide --target yield --task regress",
        "gruvy train activity.csv --task tag --target label",
        "gruvy train sales.csv --task forecast --target sold --horizon 12 --season 12",
        "gruvy train recordings/ --task detect --trigger seven",
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
    indicator: reading.Indicator = False,
    na: reading.Na = None,
    drop: reading.Drop = None,
    one_hot: reading.OneHot = None,
    decimal: reading.Decimal = None,
    encoding: reading.Encoding = None,
    target_at: reading.TargetAt = "constant",
    labels: reading.Labels = None,
    background: reading.Background = None,
    stream: reading.Streamed = False,
    test: Annotated[str | None, typer.Option(help="File to judge on; else 20 % of DATA is held out.")] = None,
    task: Annotated[
        str | None,
        _learning(help="'classify', 'regress', 'tag' (each step), 'forecast' or 'detect'; else found from the target."),
    ] = None,
    horizon: forecast.Horizon = None,
    season: forecast.Season = None,
    known_ahead: forecast.KnownAhead = None,
    trigger: detect.Trigger = None,
    hours: detect.Hours = None,
    hidden_units: Annotated[int, _net(help="Numbers that the net remembers.")] = 64,
    layers: Annotated[int, _net(help="GRUs on top of each other.")] = 1,
    bidirectional: Annotated[bool, _net("--bidirectional", help="Also read from the end (then no streaming).")] = False,
    convention: Annotated[str, _net(help="'tutorial', 'torch' or 'onnx'.")] = "tutorial",
    dropout: Annotated[float, _net(help="Share of units dropped in training.")] = 0.0,
    pooling: Annotated[
        str, _net(help="What is read out: the 'last' state, or the 'mean' or 'max'; 'auto': by the length.")
    ] = "auto",
    threshold: tagging.Threshold = None,
    max_epochs: Annotated[int | None, _learning(help="Passes over the data; else as many as suit them.")] = None,
    batch_size: Annotated[int, _learning(help="Sequences in one step of the training.")] = 32,
    learning_rate: Annotated[float, _learning(help="The highest rate of the schedule.")] = 1e-2,
    validation: Annotated[float, _learning(help="Share held out in training, to keep the best epoch.")] = 0.0,
    patience: Annotated[int | None, _learning(help="Stop after so many epochs without a better one.")] = None,
    seed: Annotated[int, _learning(help="Same seed, same split, same model.")] = 0,
    seeds: Annotated[
        int, _learning(help="Train so many nets, from --seed on, and tell the spread; the first is kept.")
    ] = 1,
    device: Annotated[str, _learning(help="'cpu', or 'cuda' for a GPU.")] = "cpu",
    model: Annotated[Path, _files("--model", "-o", help="Where the model goes.")] = Path("model.safetensors"),
    history: Annotated[Path | None, _files(help="Where losses and scores go; else model.history.csv.")] = None,
    checkpoint: Annotated[Path | None, _files(help="A file to save a long run to; if it is there, it goes on.")] = None,
    snapshots: Annotated[int, _files(help="Also keep the model at up to so many epochs, in model.snapshots.")] = 0,
    json: Json = False,
) -> None:
    """Train a GRU on sequences, judge it on sequences it has not seen, and save it.

    Says how good it is, how far that is from guessing, what is mistaken for what, and what to type next. Text, yes or
    no, and few different whole numbers are classes; other targets are numbers. With --task tag there is an answer at
    every step, and the target may change inside a sequence. One long recording is cut by --window, and its last windows
    are held out. A detector has 2 layers, dropout 0.2 and 8 epochs where nothing else is typed. Ctrl-C stops the
    training and keeps what was learnt.
    """
    if task in ("forecast", "detect"):
        other, mine = (detect, forecast) if task == "forecast" else (forecast, detect)
        other.refuse(context)
        mine.train(context)
        return
    forecast.refuse(context)
    detect.refuse(context)
    history = history_beside(model) if history is None else history
    check_outputs(
        [("--model", model), ("--history", history), ("--checkpoint", checkpoint)],
        {"the data": data, f"--test {test}": test, f"--labels {labels}": labels},
    )
    if whole("--snapshots", snapshots, 0):
        epochs.check(model, {"--model": model, "--history": history, "--checkpoint": checkpoint})
    if patience is not None and validation == 0:
        raise InputError(f"--patience {patience} needs --validation too, the share held out to judge each epoch")
    if not 0 <= seed <= MOST - whole("--seeds", seeds, 1):
        raise InputError(f"--seed {seed}: expected a whole number from 0 to {MOST - seeds:,}")
    if seeds > 1 and checkpoint is not None:
        raise InputError(f"--checkpoint {checkpoint} holds one training; expected no --seeds with it")
    layout = reading.Layout.of(id, time, wide, window, step, missing, features, drop, na, decimal, encoding)
    layout = replace(layout, one_hot=reading.comma(one_hot), indicator=indicator or None, background=background)
    wanted = {"target": reading.comma(target), "group": group, "target_at": target_at, "labels": labels}
    page = out(json)
    if task not in (None, "classify", "regress", "tag"):
        raise InputError(f"--task {task}: expected classify, regress, tag, forecast or detect")
    if (task == "tag" or labels is not None) and target_at == "constant":
        wanted["target_at"] = "each"
    streamed = shards.is_streamed(data, id, stream)
    if streamed and wanted["target_at"] == "each":
        raise InputError("--stream has one target for each sequence; expected no --task tag and no --target-at each")
    if streamed and (validation or patience is not None):
        raise InputError("--validation and --patience have no meaning with --stream, which trains on whole files")
    known: Any
    held_out: Any
    read = shards.sequences_for if streamed else sequences_for
    known, held_out, kind = read(page, layout, data, test, wanted, seed, task)
    if kind == "tag" and pooling != "auto":
        raise InputError(f"--pooling {pooling} has no meaning with --task tag, where each step is read as it comes")
    if kind != "tag" and threshold is not None:
        raise InputError(f"--threshold {threshold} has no meaning with --task {kind}, only with tag")
    others = [column for column in (id, time, group) if column is not None]
    columns = {"channels": known.features, "targets": known.target, "others": others}
    import gruvy

    own = tagging.settings(known, threshold, validation) if kind == "tag" else {"pooling": pooling}
    net: Net | None = None
    judged: list[measures.Judged] = []
    for n in range(seeds):
        one = getattr(gruvy, ESTIMATORS[kind])(
            hidden_units,
            **own,
            layers=layers,
            bidirectional=bidirectional,
            convention=convention,
            dropout=dropout,
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation_fraction=validation,
            patience=patience,
            device=device,
            random_state=seed + n,
            progress="training" if seeds == 1 else f"training {n + 1} of {seeds}, epoch",
            checkpoint=None if checkpoint is None else str(checkpoint),
            snapshots=0 if net is not None else snapshots,
        )
        if streamed:
            one.fit(known)
        else:
            one.fit(known.x, known.y, groups=known.groups)
        if net is None:  # never chosen by its score on what is held out for the test; saved before all that may fail
            net = one
            net.save(model, columns=columns, layout=layout.kept(data, known))
            net.history_.write_csv(history)
            folder = epochs.write(net, model) if snapshots else None
        elif one.history_.stopped == "interrupted":
            break
        judged.append(judge(one, known, held_out))
        if one.history_.stopped == "interrupted":
            break
    assert net is not None
    training = judge(net, known, known)
    more = str(known.files[0].path) if streamed else data
    next_one = f"gruvy predict {shlex.quote(str(model))} {shlex.quote(more)} -o predictions.csv"
    spread = measures.spread(judged) if seeds > 1 else None
    rows = net.history_.rows
    if json:
        document(
            {
                "data": data,
                "task": kind,
                "test": judged[0],
                "training": training,
                "verdicts": measures.verdicts(judged[0]),
                "seeds": [{"seed": seed + n, **measures.headline(each)} for n, each in enumerate(judged)],
                "spread": spread,
                "epochs": len(rows),
                "best_epoch": net.history_.best,
                "stopped": net.history_.stopped,
                **({"threshold": net.threshold_} if isinstance(net, gruvy.GRUTagger) else {}),
                "model": model,
                "history": history,
                **({"snapshots": folder} if folder else {}),
                "next": next_one,
            }
        )
    else:
        page.print()
        reports.curves(page, rows)
        page.print()
        reports.report(page, judged[0], training)
        if spread is not None:
            reports.spread_report(page, judged, spread)
        if isinstance(net, gruvy.GRUTagger) and threshold is not None and net.threshold_ is not None:
            page.print(tagging.told(net.threshold_))
        page.print(f"model    {model}\nhistory  {history}", markup=False)
        if folder:
            page.print(f"epochs   {folder}; to see them: gruvy explain MODEL DATA --against {folder}", markup=False)
        page.print(f"\nNext:\n  {next_one}", markup=False)
    if net.history_.stopped == "interrupted":
        say(f"gruvy: stopped after {plural(len(rows), 'epoch')}; what was learnt so far is saved")
        raise typer.Exit(1)
    if len(judged) < seeds:
        say(f"gruvy: stopped after {plural(len(judged), 'net')} of {seeds}; the first is saved")
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
    """What to train on, what to judge on, and what for: "classify", "regress" or "tag"."""
    from gruvy.data import split

    known, held_out = layout.read(data, **wanted)
    if known.y is None:
        have = "" if layout.features else f"; it has {', '.join(known.features)}"
        also = ", or label stretches of time with --labels" if task == "tag" else ""
        raise DataError(f"{data} has no target: name the column to predict with --target{also}{have}")
    kind = chosen_task(known, data, task)
    told = [
        f"{reading.called(data)}: {reading.summary(known, held_out)}",
        *(f"  {note}" for note in reading.notes(known)),
    ]
    if test is not None:
        if held_out is not None:
            raise InputError(f"--test {test} has no meaning for the data set {data}, which comes with its own")
        held_out, own = (layout.alike(known) if reading.has_columns(test) else layout).read(
            test, **{**wanted, "labels": None}
        )
        held_out = own or held_out
        if held_out.y is None:
            raise DataError(f"--test {test} has no target; expected the right answers, to judge by")
        if kind == "regress" and held_out.y.dtype.kind not in "iufb":
            raise DataError(f"--test {test}: the target {', '.join(held_out.target)} holds text; expected numbers")
        told += [
            f"  {reading.called(test)}: {note}" for note in reading.notes(held_out) if note not in reading.notes(known)
        ]
        how = f"judged on {test}"
    elif held_out is not None:
        how = "the data set's own split"
    elif is_one_recording(known, layout, wanted["group"]):
        known, held_out, how = split_one(known, layout, data)
    else:
        by_class = kind == "classify"
        known, held_out = split(known, 0.2, seed=seed, stratify=by_class)
        how = "20 % held out" + (", no group on both sides" if known.groups is not None else "")
        how += ", every class in proportion" if by_class else ""
    told.append(f"{len(known):,} to learn from, {len(held_out):,} to be judged on ({how})")
    page.print("\n".join(told), markup=False)
    return known, held_out, kind


def is_one_recording(known: Sequences, layout: reading.Layout, group: str | None) -> bool:
    """Whether there is one recording, whole or in windows, so that only time can tell what is held out."""
    alone = known.groups is not None and len(np.unique(known.groups)) == 1
    return len(known) == 1 or (layout.window is not None and group is None and alone)


def split_one(known: Sequences, layout: reading.Layout, data: str) -> tuple[Sequences, Sequences, str]:
    """The windows of one recording to learn from, the last ones to be judged on, and how they were parted."""
    from gruvy.data import split_in_time

    if layout.window is None:
        raise DataError(
            f"{data} holds 1 sequence: --window N cuts it into windows of N steps, of which the last are held out"
        )
    overlap = -(-layout.window // (layout.step or layout.window)) - 1
    if len(known) < overlap + 2:
        raise DataError(
            f"{data} gives {plural(len(known), 'window')}, and {overlap + 2} are needed to hold out the last: "
            f"expected a --window shorter than {layout.window} steps" + (", or a larger --step" if overlap else "")
        )
    count = len(known)
    known, held_out = split_in_time(known, 0.2, overlap)
    # Stretches of time, so that --validation holds out a whole one and not windows between those that are learnt.
    known = replace(known, groups=np.arange(len(known)) * 5 // len(known))
    how = "one recording: the last 20 % of its windows in time"
    if left := count - len(known) - len(held_out):
        how += f"; {left:,} that overlap them left out"
    return known, held_out, how


def chosen_task(known: Sequences, data: str, task: str | None) -> str:
    """ "classify", "regress" or "tag": as asked, or as the target suggests."""
    from gruvy.data import guess_task

    y = known.y
    steps = y is not None and y.ndim == 2 and y.shape[1] > 1 and len(known.target) == 1
    per_step = y is not None and (y.dtype == object or (steps and bool((known.lengths == y.shape[1]).all())))
    if per_step and task in (None, "tag"):
        return "tag"
    if per_step or task == "tag":
        has, learns = ("every step", "one per sequence") if per_step else ("no step of its own", "one at every step")
        raise InputError(f"--task {task} learns {learns}, and {data} has a target at {has}")
    numeric = y is not None and y.dtype.kind in "iufb"
    several = y is not None and y.ndim == 2 and y.shape[1] > 1
    if task == "classify" and y is not None and (several or (y.dtype.kind == "f" and (y != np.round(y)).any())):
        raise InputError(f"--task classify: the target {', '.join(known.target)} holds numbers; expected classes")
    if task == "regress" and y is not None and not numeric:
        raise InputError(f"--task regress: the target {', '.join(known.target)} holds text; expected numbers")
    return task or guess_task(y)


def judge(net: Net, known: Sequences | Shards, held_out: Sequences | Shards) -> measures.Judged:
    """How good the model is on sequences, or on files read one at a time, beside what the training data suggest."""
    from gruvy.data import Shards

    parts = map(held_out.read, range(len(held_out.files))) if isinstance(held_out, Shards) else [held_out]
    guess = None
    if hasattr(net, "classes_"):
        guess = shards.commonest(known) if isinstance(known, Shards) else measures.majority(tagging.flat(known.y))[0]
    return measures.judge(net.task_, net, parts, guess, known.target)
