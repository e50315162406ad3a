"""`gruvy convert` and `gruvy inspect`: models from other libraries and to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from gruvy.cli.app import Json, app, document, example, out, say
from gruvy.cli.writing import check_outputs

_FROM = typer.Option("--from", metavar="KIND", help="gruvy, keras, onnx, rtneural or torch; else by the file's ending.")
_TO = typer.Option("--to", metavar="KIND", help="gruvy, keras, rtneural or torch; else by the file's ending.")


@app.command(
    epilog=example(
        "gruvy convert net.keras net.safetensors", "gruvy convert net.safetensors weights.json --to rtneural"
    )
)
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A model: .safetensors, .keras, .onnx, .json, .pt.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write: .safetensors, .keras, .json, .pt.")],
    from_: Annotated[str | None, _FROM] = None,
    to: Annotated[str | None, _TO] = None,
    json: Json = False,
) -> None:
    """Turn a model of one library into a model of another, which computes the same.

    What the other cannot hold is refused; what had to be merged is told. Nothing in a file is run. To write ONNX or C
    there is another command, export.
    """
    from gruvy.convert import describe, kind_of, read, write

    kind = kind_of(target, to, out=True)
    check_outputs([("OUT", target)], {"IN": source})
    model = read(source, from_)
    write(target, model, kind)
    if json:
        document({"source": source, **describe(target, kind)})
        return
    say(f"{source} ({kind_of(source, from_)}) is now {target} ({kind}): {model.weights}")


@app.command(epilog=example("gruvy inspect net.keras", "gruvy inspect model.safetensors --json"))
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model: .safetensors, .keras, .onnx, .json, .pt.")],
    from_: Annotated[str | None, _FROM] = None,
    json: Json = False,
) -> None:
    """Say which GRU a file holds: layers, units, directions, convention, biases and read-out."""
    from gruvy.convert import describe

    found = describe(file, from_)
    if json:
        document(found)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in found.items():
        if value is not None:
            table.add_row(f"[bold]{name.replace('_', ' ')}[/bold]", escape(str(value)))
    out().print(table)
