"""`gruvy train`: sequences in, a trained and judged model out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gruvy.cli import reading, reports
from gruvy.cli.app import app, example, out, say
from gruvy.cli.writing import check_writable
from gruvy.errors import DataError, InputError

if TYPE_CHECKING:
    from gruvy.data import Sequences
    from gruvy.estimators import GRUClassifier, GRURegressor

NET, LEARNING, FILES = "The net", "Learning", "Files"
MOST_CLASSES = 20  # whole numbers with more values than this are numbers, not classes


@app.command(
    epilog=example(
        "gruvy train spoken-digits --model digits.safetensors",
        "gruvy train recordings.csv --id recording --time seconds --target activity --group person",
        "gruvy train yields.csv --wide --target yield --task regress",
    )
)
def train(
    data: reading.Data,
    target: Annotated[
        str | None, typer.Option(help="Column to predict; several, joined by commas, are numbers.")
    ] = None,
    id: reading.Id = None,
    time: reading.Time = None,
    wide: reading.Wide = False,
    features: reading.Features = None,
    group: reading.Group = None,
    window: reading.Window = None,
    step: reading.Step = None,
    missing: reading.Missing = "error",
    target_at: reading.TargetAt = "constant",
    test: Annotated[str | None, typer.Option(help="File to judge on; else 20 % of DATA is held out.")] = None,
    task: Annotated[
        str | None, typer.Option(help="'classify' or 'regress'; else found from the target.", rich_help_panel=LEARNING)
    ] = None,
    hidden_units: Annotated[int, typer.Option(rich_help_panel=NET, help="Numbers in the net's memory.")] = 64,
    layers: Annotated[int, typer.Option(rich_help_panel=NET, help="GRUs on top of each other.")] = 1,
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional", rich_help_panel=NET, help="Also read from the end (no streaming).")
    ] = False,
    convention: Annotated[str, typer.Option(rich_help_panel=NET, help="'tutorial', 'torch' or 'onnx'.")] = "tutorial",
    dropout: Annotated[float, typer.Option(rich_help_panel=NET, help="Share dropped between layers.")] = 0.0,
    pooling: Annotated[
        str, typer.Option(rich_help_panel=NET, help="What is read out: 'last' state, or 'mean' or 'max' of all.")
    ] = "last",
    max_epochs: Annotated[int, typer.Option(rich_help_panel=LEARNING, help="Most passes over the data.")] = 50,
    batch_size: Annotated[int, typer.Option(rich_help_panel=LEARNING, help="Sequences in one step.")] = 32,
    learning_rate: Annotated[float, typer.Option(rich_help_panel=LEARNING)] = 3e-3,
    seed: Annotated[int, typer.Option(rich_help_panel=LEARNING, help="Same seed, same model.")] = 0,
    device: Annotated[str, typer.Option(rich_help_panel=LEARNING, help="'auto', 'cpu', 'cuda', ...")] = "auto",
    model: Annotated[Path, typer.Option("--model", "-o", rich_help_panel=FILES, help="Where the model goes.")] = Path(
        "model.safetensors"
    ),
    history: Annotated[Path, typer.Option(rich_help_panel=FILES, help="Where losses and scores go.")] = Path(
        "history.csv"
    ),
) -> None:
    """Train a GRU on sequences, judge it on sequences it has not seen, and save it.

    Says which score to expect, how far that is from guessing, what is mistaken for what, and what to type next.
    """
    for path, option in ((model, "--model"), (history, "--history")):
        check_writable(path, option, not_over=data)
    layout = reading.Layout(id=id, time=time, wide=wide, window=window, step=step, missing=missing)
    wanted = {"target": reading.comma(target), "features": reading.comma(features), "group": group,
              "target_at": target_at}  # fmt: skip
    everything = layout.read(data, **wanted)
    task = choose_task(everything.y, task)
    print()
