"""`gruvy lab`: the textbook's claims, put to the test on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gruvy.cli.app import Json, app, document, example, out
from gruvy.cli.reading import comma


@app.command(epilog=example("gruvy lab", "gruvy lab --full -o lab-full", "gruvy lab --only squash,binary"))
def lab(
    full: Annotated[
        bool, typer.Option("--full/--quick", help="About an hour on 2 cores; or 4 minutes, reduced, which it says.")
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the page and the numbers.")] = Path(
        "lab"
    ),
    only: Annotated[str | None, typer.Option(help="Names of experiments, joined by commas; else all.")] = None,
    seed: Annotated[int, typer.Option(help="Draws weights and data.")] = 0,
    processes: Annotated[
        int | None, typer.Option(help="How many measure side by side; default one per core, at most 8.")
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure again what an earlier run has measured.")] = False,
    json: Json = False,
) -> None:
    """Put each claim of the tutorial to the test: a prediction, a measurement, a figure and a verdict.

    Writes one page and the numbers. A run that was stopped goes on where it was.
    """
    from gruvy.lab import run

    if processes is None:
        processes = min(8, os.cpu_count() or 1)
    report = run(output, quick=not full, only=comma(only), resume=not anew, seed=seed, processes=processes)
    if json:
        document({"page": report.page, "numbers": report.numbers, "experiments": report.verdicts()})
        return
    page = out()
    page.print(report.table())
    page.print(f"page     {report.page}\nnumbers  {report.numbers}", markup=False)
