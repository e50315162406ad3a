"""The command line: `gruvy COMMAND`. One file per group of commands; each imports what it needs when it runs."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from gruvy import __version__
from gruvy.cli import (  # noqa: F401 (each registers its commands)
    bench,
    convert,
    datasets,
    demo,
    doctor,
    explain,
    export,
    forecast,
    lab,
    listen,
    predict,
    score,
    train,
)
from gruvy.cli.app import app

__all__ = ["app", "main"]


@app.callback(invoke_without_command=True)
def gruvy(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """The gated recurrent unit: train it on your sequences, judge it, look inside, use it anywhere.

    New here? Type [bold]gruvy demo[/bold]. `gruvy COMMAND --help` explains a command and gives an example.
    """
    if version:
        typer.echo(f"gruvy {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line: what `gruvy` and `python -m gruvy` call."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file or pipe gets UTF-8, whatever the system's habit; a terminal that lacks a letter shows a "?".
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
    app()
