"""`gruvy export`: a trained model for programs that are not Python. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gruvy.cli import measures, reading
from gruvy.cli.app import Json, app, document, example, out
from gruvy.cli.predict import ModelFile, read_for
from gruvy.cli.writing import check_outputs
from gruvy.errors import InputError

if TYPE_CHECKING:
    from gruvy.data import Sequences
    from gruvy.model.model import Model


@app.command(
    epilog=example(
        "gruvy export model.safetensors --to onnx",
        "gruvy export model.safetensors --to onnx -o net.onnx --opset 21",
        "gruvy export model.safetensors --to c -o net/",
        "gruvy export model.safetensors --to c -o net/ --int8 --check labelled.csv",
    )
)
def export(
    model: ModelFile,
    to: Annotated[str, typer.Option("--to", help="'onnx' or 'c'.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file, or for C the folder; else named as the model.")
    ] = None,
    opset: Annotated[
        int | None, typer.Option("--opset", help="Version of ONNX's operators, 14 or newer; 17 where not given.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="C with weights in 8 bits.")] = False,
    check: Annotated[
        str | None, typer.Option("--check", help="Labelled data that say what 8 bits cost, laid out as in training.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a trained model for programs that are not Python.

    As ONNX it takes raw data and gives labels with probabilities, or numbers; beside NAME.onnx, NAME-step.onnx does one
    step of a stream. As C it is a folder with one header and one source that do a step without allocation, a self-test,
    an example and a Makefile.
    """
    if check is not None and not int8:
        raise InputError(f"--check {check} has no meaning without --int8")
    if to == "onnx":
        if int8:
            raise InputError("--int8 has no meaning for --to onnx")
        _onnx(model, output, 17 if opset is None else opset, json)
    elif to == "c":
        if opset is not None:
            raise InputError(f"--opset {opset} has no meaning for --to c")
        _c(model, output, int8, check, json)
    else:
        raise InputError(f"--to {to}: expected onnx or c")


def _onnx(model: Path, output: Path | None, opset: int, json: bool) -> None:
    import gruvy
    from gruvy.export import to_onnx

    path = model.with_suffix(".onnx") if output is None else output
    check_outputs([("--output", path)], {"the model": model})
    if path.suffix != ".onnx":
        raise InputError(f"--output {path}: expected a name that ends in .onnx")
    done = to_onnx(gruvy.load(model), path, opset=opset)
    if json:
        told = {"model": model, "to": "onnx", "opset": opset, "whole": done.whole, "step": done.step}
        document(told | {"notes": done.notes})
        return
    console = out()
    console.print(f"{done.whole}: whole sequences; {_size(done.whole)}, opset {opset}", markup=False)
    if done.step is not None:
        console.print(f"{done.step}: one step of a stream; {_size(done.step)}", markup=False)
    _notes(done.notes)


def _c(model: Path, output: Path | None, int8: bool, check: str | None, json: bool) -> None:
    import gruvy
    from gruvy.export import to_c

    folder = model.with_suffix("") if output is None else output
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output {folder}: a file; expected a folder, which is made if it is not there")
    net = gruvy.load(model)
    data = None if check is None else _labelled(net, check)
    done = to_c(net, folder, name=model.stem, int8=int8)
    cost = [] if data is None else [_judged(each, data) for each in (net, done.model)]
    if json:
        told = {"model": model, "to": "c", "int8": int8, "files": done.files, "weights_bytes": done.weights}
        told |= {"state_bytes": done.state, "multiply_adds": done.multiply_adds, "notes": done.notes}
        if data is not None:
            told |= {"check": {"data": check, "sequences": len(data), "before": cost[0], "in_8_bits": cost[1]}}
        document(told)
        return
    console = out()
    console.print(f"{folder}: {', '.join(path.name for path in done.files)}", markup=False)
    console.print(
        f"weights {done.weights:,} bytes (flash), state {done.state:,} bytes (RAM), "
        f"{done.multiply_adds:,} multiply-adds a step; make check in the folder tries it",
        markup=False,
    )
    for name in cost[0] if cost else ():
        console.print(f"{name} on {check}: {cost[0][name]:.4g}, in 8 bits {cost[1][name]:.4g}", markup=False)
    _notes(done.notes)


def _labelled(net: Model, data: str) -> Sequences:
    """The sequences of --check with their targets."""
    if net.target is None:
        raise InputError(f"--check {data}: {net.name} gives raw read-outs; expected a model with labels or numbers")
    kept = net.columns.get("targets") if reading.has_columns(data) else None
    found = read_for(net, data, reading.Layout(), target=kept or None, target_at="constant")
    if found.y is None:
        raise InputError(f"--check {data}: it has no target; expected the columns of the training")
    return found


def _judged(net: Model, data: Sequences) -> dict[str, float]:
    """The accuracy, or the error of each target."""
    assert net.target is not None
    judged = measures.judge(net.target, net, [data], targets=data.target)
    if "targets" not in judged:
        return {"accuracy": judged["accuracy"]}
    return {f"root mean squared error of {one['target']}": one["root_mean_squared_error"] for one in judged["targets"]}


def _notes(notes: list[str]) -> None:
    for note in notes:
        out().print(f"note: {note}", markup=False)


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:,.1f} kB"
