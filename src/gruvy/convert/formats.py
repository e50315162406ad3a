"""Files by their kind: which library wrote one, what is in it, and how it becomes another."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, ModelFileError
from ..model import file as gruvy_file
from ..model.model import Model
from ..model.task import Labels
from . import keras, onnx, rtneural, torch
from .parts import say

READ: dict[str, Callable[[Any], Model]] = {
    "gruvy": gruvy_file.read,
    "keras": keras.read,
    "onnx": onnx.read,
    "rtneural": rtneural.read,
    "torch": torch.read,
}
WRITTEN: dict[str, Callable[[Any, Any], None]] = {
    "gruvy": lambda path, model: gruvy_file.write(path, _with_readout(model)),
    "keras": keras.write,
    "rtneural": rtneural.write,
    "torch": torch.write,
}
ENDINGS = {
    ".safetensors": "gruvy",
    ".keras": "keras",
    ".onnx": "onnx",
    ".json": "rtneural",
    ".pt": "torch",
    ".pth": "torch",
    ".ckpt": "torch",
}


def kind_of(path: str | os.PathLike[str], kind: str | None = None, *, out: bool = False) -> str:
    """The kind of a file: as given, or by its name's ending.

    Raises:
        InputError: there is no such kind, or the ending tells none.
    """
    known = WRITTEN if out else READ
    name, given = ("to", kind) if out else ("from", kind)
    found = given if given is not None else ENDINGS.get(Path(path).suffix.lower())
    if found is None:
        raise InputError(
            f"{path}: its ending tells no kind; expected {', '.join(ENDINGS)}, or --{name} {'|'.join(known)}"
        )
    if found not in known:
        also = "; `gruvy export` writes ONNX" if out and found == "onnx" else ""
        raise InputError(f"--{name} {found}: expected {', '.join(known)}{also}")
    return found


def read(path: str | os.PathLike[str], kind: str | None = None) -> Model:
    """The model in a file of any kind that gruvy reads. Nothing in the file is run.

    Args:
        path: the file. kind: ``"gruvy"``, ``"keras"``, ``"onnx"``, ``"rtneural"``, ``"torch"``; default by its ending.

    Raises:
        InputError, ModelFileError: not there, damaged, or it holds what a GRU of gruvy does not have.
    """
    path = Path(path)
    known = kind_of(path, kind)
    if not path.is_file():
        raise ModelFileError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; expected a model")
    return replace(READ[known](path), name=path.name)


def write(path: str | os.PathLike[str], model: Any, kind: str | None = None) -> None:
    """Write a model as a file of another kind: ``"gruvy"``, ``"keras"``, ``"rtneural"``, ``"torch"``.

    Args:
        model: `gruvy.Weights`, a model, network, layer or estimator.

    Raises:
        InputError: the kind of file cannot hold the model; the text says what.
    """
    WRITTEN[kind_of(path, kind, out=True)](path, Model.of(model))


def _with_readout(model: Model) -> Model:
    if model.V is not None:
        return model
    width = model.weights.directions * model.weights.hidden_units
    dtype = model.weights.dtype
    say(f"no read-out: the file gets one that gives the {width} numbers of the final state themselves")
    return replace(model, V=np.eye(width, dtype=dtype), b_y=np.zeros(width, dtype))


def describe(path: str | os.PathLike[str], kind: str | None = None) -> dict[str, Any]:
    """Which GRU a file holds, as plain values: kind, layers, units, input, directions, convention, biases, read-out."""
    model = read(path, kind)
    w = model.weights
    letters = {name for _, name, _ in w.arrays()}
    tall = any(name == "c" and len(a) == 3 * w.hidden_units for _, name, a in w.arrays())
    biases = "none"
    if "b" in letters or "c" in letters:
        biases = (
            "input and recurrent" if tall else "input, and the candidate's recurrent" if "c" in letters else "input"
        )
    return {
        "file": str(path),
        "kind": kind_of(path, kind),
        "input_units": w.input_units,
        "hidden_units": w.hidden_units,
        "layers": w.layers,
        "directions": w.directions,
        "convention": w.convention.name,
        "reset": w.convention.reset,
        "update": w.convention.update,
        "biases": biases,
        "activations": "sigmoid, tanh",
        "readout": None if model.V is None else len(model.V),
        "pooling": model.pooling,
        "task": model.task,
        "classes": model.target.classes.tolist() if isinstance(model.target, Labels) else None,
        "dtype": w.dtype.name,
        "numbers": sum(a.size for _, _, a in w.arrays()) + (0 if model.V is None else model.V.size + len(model.V)),
    }
