"""RTNeural's JSON: GRU layers with both biases, reset after the product, and a dense layer, as its tools write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..errors import ConventionError, InputError, ModelFileError
from ..model.model import Model
from ..weights import Cell, both_biases
from .parts import Array, after_only, array, model, readout, rows

SIZE = 2**28  # bytes of the file


def read(path: str | os.PathLike[str]) -> Model:
    """From a file of RTNeural; numbers become float32, as it computes.

    Raises:
        ModelFileError: no such file, or damaged. InputError: another layer or activation, shapes that do not fit.
    """
    path = Path(path)
    if path.stat().st_size > SIZE:
        raise ModelFileError(f"{path}: {path.stat().st_size:,} bytes, expected at most {SIZE:,}")
    try:
        return from_json(json.loads(path.read_text("utf-8")))
    except InputError as problem:
        raise type(problem)(f"{path}: {problem}") from None
    except Exception as problem:  # whatever a damaged file leads json or ourselves into
        raise ModelFileError(f"{path}: damaged, or no model of RTNeural ({type(problem).__name__})") from problem


def from_json(said: dict[str, Any]) -> Model:
    """From what the file says, as `json.load` gives it."""
    cells: list[list[Cell]] = []
    V = b_y = None
    for k, layer in enumerate(said["layers"]):
        kind, act = layer["type"], layer.get("activation", "")
        name = f"layers[{k}]"
        if V is not None or kind not in ("gru", "dense"):
            raise InputError(f"{name}: {kind}, expected gru layers and at most one dense layer at the end")
        a = [array(name, np.array(w, np.float32)) for w in layer["weights"]]
        if kind == "dense":
            if act or not cells:
                raise InputError(f"{name}: a dense layer with activation {act!r}, expected none, behind a gru layer")
            V, b_y = a[0].T, a[1]
            continue
        H = layer["shape"][-1]
        if act not in ("", "tanh"):
            raise InputError(f"{name}: activation {act!r}, expected none or tanh")
        if len(a) != 3 or a[0].shape[1:] != (3 * H,) or a[1].shape != (H, 3 * H) or a[2].shape != (2, 3 * H):
            raise InputError(f"{name}: arrays {[x.shape for x in a]}, expected (I, 3H), (H, 3H), (2, 3H) with H = {H}")
        W, U = (rows(x.T, "zrn", "rzn") for x in a[:2])
        cells.append([Cell(W, U, *(rows(x, "zrn", "rzn") for x in a[2]))])
    if not cells:
        raise InputError("layers: no gru in them")
    return model(cells, "torch", V, b_y)


def to_json(given: Any) -> dict[str, Any]:
    """What RTNeural's `parseJson` reads; without a class's name or a softmax, which it has to be told elsewhere.

    Raises:
        ConventionError: reset "before", or two directions, which RTNeural does not have.
    """
    m = Model.of(given)
    w, H = after_only(m.weights, "RTNeural"), m.weights.hidden_units
    if w.directions == 2:
        raise ConventionError("weights: two directions, and RTNeural has one: it answers sample by sample")
    layers = []
    for (cell,) in w.cells:
        arrays: list[Array] = [rows(a, "rzn", "zrn").T for a in (cell.W, cell.U)]
        arrays.append(np.stack([rows(a, "rzn", "zrn") for a in both_biases(cell)]))
        layers.append(_layer("gru", H, arrays))
    read = readout(m, "RTNeural")
    if read is not None:
        layers.append(_layer("dense", len(read[0]), [read[0].T, read[1]]))
    return {"in_shape": [None, None, w.input_units], "layers": layers}


def _layer(kind: str, units: int, arrays: list[Array]) -> dict[str, Any]:
    return {"type": kind, "activation": "", "shape": [None, None, units], "weights": [a.tolist() for a in arrays]}


def write(path: str | os.PathLike[str], given: Any) -> None:
    """Write a file that RTNeural reads."""
    files.write(path, json.dumps(to_json(given)).encode())
