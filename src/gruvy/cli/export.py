"""`gruvy export`: a trained model for programs that are not Python. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gruvy.cli.app import Json, app, document, example, out
from gruvy.cli.predict import ModelFile
from gruvy.cli.writing import check_outputs
from gruvy.errors import InputError


@app.command(
    epilog=example(
        "gruvy export model.safetensors --to onnx",
        "gruvy export model.safetensors --to onnx -o net.onnx --opset 21",
    )
)
def export(
    model: ModelFile,
    to: Annotated[str, typer.Option("--to", help="'onnx'.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; else named as the model.")] = None,
    opset: Annotated[int, typer.Option("--opset", help="Version of ONNX's operators, 14 or newer.")] = 17,
    json: Json = False,
) -> None:
    """Write a trained model for programs that are not Python.

    As ONNX it takes raw data and gives labels with probabilities, or numbers; beside NAME.onnx, NAME-step.onnx does one
    step of a stream.
    """
    import gruvy
    from gruvy.export import to_onnx

    if to != "onnx":
        raise InputError(f"--to {to}: expected onnx")
    path = model.with_suffix(".onnx") if output is None else output
    check_outputs([("--output", path)], {"the model": model})
    if path.suffix != ".onnx":
        raise InputError(f"--output {path}: expected a name that ends in .onnx")
    net = gruvy.load(model)
    done = to_onnx(net, path, opset=opset)
    if json:
        document(
            {"model": model, "to": to, "opset": opset, "whole": done.whole, "step": done.step, "notes": done.notes}
        )
        return
    console = out()
    console.print(f"{done.whole}: whole sequences; {_size(done.whole)}, opset {opset}", markup=False)
    if done.step is not None:
        console.print(f"{done.step}: one step of a stream; {_size(done.step)}", markup=False)
    for note in done.notes:
        console.print(f"note: {note}", markup=False)


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:,.1f} kB"
