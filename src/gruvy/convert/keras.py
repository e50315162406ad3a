"""Keras 3: layers, a model that is a chain of them, a `.keras` file: read as numbers and JSON, nothing in it is run."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, InputTypeError, ModelFileError
from ..extras import need
from ..model.model import Model
from ..model.task import Labels
from ..weights import Cell, both_biases
from .parts import Array, array, merged, model, readout, rows, say

CONFIG = 2**22  # bytes of config.json
WEIGHTS = 2**30  # bytes of model.weights.h5, unpacked
_SILENT = ("InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise")  # nothing at prediction

Layer = tuple[str, dict[str, Any], list[Array]]  # class, settings, weights as Keras orders them


def from_keras(given: Any) -> Model:
    """From a `keras.layers.GRU`, a Bidirectional of one, a list of layers, a `keras.Sequential` or a functional model.

    Args:
        given: GRU layers, one on top of the other, and at most one Dense layer behind them, built; a functional model
            must be one such chain. A softmax or a sigmoid of a Dense becomes classes 0, 1, ...

    Raises:
        InputError, InputTypeError: another layer, an activation or a setting that a GRU of gruvy does not have.
    """
    layers = given if isinstance(given, list | tuple) else getattr(given, "layers", None)
    if layers is None or type(given).__name__ == "Bidirectional":
        layers = [given]
    elif type(given).__name__ == "Functional":
        _check_chain("model", given.get_config())
    elif not isinstance(given, list | tuple) and type(given).__name__ != "Sequential":
        raise InputTypeError(
            f"model: {type(given).__name__}, expected a keras.Sequential, a functional model or layers in a list"
        )
    # The variables' own values: get_weights goes a way that NumPy 2 warns of.
    arrays = [[array(f"layer {one.name!r}", v.value) for v in one.weights] for one in layers]
    return _model([(type(one).__name__, one.get_config(), own) for one, own in zip(layers, arrays, strict=True)])


def _check_chain(name: str, config: dict[str, Any]) -> None:
    """A functional model in which each layer reads the one before it, and nothing else.

    Raises:
        InputError: it has branches, several inputs or outputs, or a state that is handed in.
    """
    layers = config["layers"]
    for before, layer in zip([None, *layers], layers, strict=False):
        read = [of for node in layer["inbound_nodes"] for of in _histories(node)]
        wanted = [] if before is None else [[before["name"], 0, 0]]
        if read != wanted or len(layer["inbound_nodes"]) != len(wanted):
            told = ", ".join(str(of[0]) for of in read) or "nothing"
            raise InputError(
                f"{name}: layer {layer['name']!r} reads {told}, expected the layer before it alone: gruvy takes over "
                "one chain of layers"
            )
    ends = [of if isinstance(of[0], list) else [of] for of in (config["input_layers"], config["output_layers"])]
    if not layers or ends != [[[layers[0]["name"], 0, 0]], [[layers[-1]["name"], 0, 0]]]:
        raise InputError(f"{name}: its inputs or outputs are not the chain's two ends; expected one of each")


def _histories(said: Any) -> list[list[Any]]:
    """Where the tensors in the configuration of a call come from: [layer, call, output] of each."""
    if isinstance(said, dict):
        if "keras_history" in said:
            return [list(said["keras_history"])]
        said = list(said.values())
    return [of for one in said for of in _histories(one)] if isinstance(said, list | tuple) else []


def _model(layers: Sequence[Layer]) -> Model:
    cells: list[list[Cell]] = []
    conventions: set[str] = set()
    dense: tuple[Array, Array | None] | None = None
    target, returned = None, True
    for kind, config, weights in layers:
        if kind in _SILENT:
            continue
        name = f"layer {config.get('name', kind)!r}"
        if dense is not None:
            raise InputError(f"{name}: {kind} after the Dense layer, expected nothing behind it")
        if kind == "Dense":
            dense, target = _dense(name, config, weights, returned=returned, there=bool(cells))
            continue
        if not returned:
            raise InputError(f"{name}: the layer below has return_sequences=False, expected True below another GRU")
        settings = _directions(name, kind, config)
        share = len(weights) // len(settings)
        cells.append([])
        for d, one in enumerate(settings):
            cell, convention = _cell(name, one, weights[d * share : (d + 1) * share])
            cells[-1].append(cell)
            conventions.add(convention)
        returned = settings[0]["return_sequences"]
    if not cells:
        raise InputError("model: no GRU layer in it")
    if len(conventions) > 1:
        raise InputError("model: layers with reset_after=True and False in one, expected the same for all")
    V, b_y = (None, None) if dense is None else dense
    return model(cells, conventions.pop(), V, b_y, target)


def _directions(name: str, kind: str, config: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings of the GRU, or of the forward and the backward one."""
    if kind == "GRU":
        if config["go_backwards"]:
            raise InputError(f"{name}: go_backwards=True, expected False, or a Bidirectional of both directions")
        return [config]
    if kind != "Bidirectional":
        raise InputError(f"{name}: {kind}, expected GRU layers, Bidirectional of GRU, and at most one Dense at the end")
    if config["merge_mode"] != "concat":
        raise InputError(f'{name}: merge_mode={config["merge_mode"]!r}, expected "concat"')
    inner = [config["layer"], config.get("backward_layer") or config["layer"]]
    for one in inner:
        if one["class_name"] != "GRU":
            raise InputError(f"{name}: a Bidirectional of {one['class_name']}, expected of GRU")
    both = [one["config"] for one in inner]
    if both[0]["go_backwards"]:
        raise InputError(f"{name}: its forward layer has go_backwards=True, expected False")
    return both


def _cell(name: str, config: dict[str, Any], weights: list[Array]) -> tuple[Cell, str]:
    for setting, wanted in (("activation", "tanh"), ("recurrent_activation", "sigmoid"), ("stateful", False)):
        if config[setting] != wanted:
            raise InputError(f"{name}: {setting}={config[setting]!r}, expected {wanted!r}")
    biased, after = config["use_bias"], config["reset_after"]
    if len(weights) != 2 + bool(biased):
        raise InputError(f"{name}: {len(weights)} arrays, expected {2 + bool(biased)}; build the layer first")
    a = [array(name, w) for w in weights]
    H = config["units"]
    shapes = [(a[0].shape[0], 3 * H), (H, 3 * H), (2, 3 * H) if after else (3 * H,)]
    for found, shape in zip(a, shapes, strict=False):
        if found.shape != shape:
            raise InputError(f"{name}: an array of shape {found.shape}, expected {shape} for units={H}")
    W, U = (rows(k.T, "zrn", "rzn") for k in a[:2])
    if not biased:
        return Cell(W, U, None, None), "torch" if after else "onnx"
    if not after:
        return Cell(W, U, rows(a[2], "zrn", "rzn"), None), "onnx"
    return Cell(W, U, *(rows(bias, "zrn", "rzn") for bias in a[2])), "torch"


def _dense(
    name: str, config: dict[str, Any], weights: list[Array], *, returned: bool, there: bool
) -> tuple[tuple[Array, Array | None], Any]:
    if not there or len(weights) != 1 + bool(config["use_bias"]):
        raise InputError(f"{name}: a Dense layer of {len(weights)} arrays, expected one that reads a GRU and is built")
    V = array(name, weights[0]).T
    b_y = array(name, weights[1]) if config["use_bias"] else None
    act, O = config["activation"], V.shape[0]
    if act == "softmax" and O > 1:
        target = Labels(np.arange(O), per_step=returned)
    elif act == "sigmoid" and O == 1:
        target = Labels(np.arange(2), per_step=returned)
    elif act == "linear" and not returned:
        target = None
    else:
        seen = "each step" if returned else "the last step"
        raise InputError(f"{name}: activation={act!r} on {seen} with {O} units, which a gruvy model does not have")
    return (V, b_y), target


def to_keras(given: Any) -> Any:
    """As a `keras.Sequential` of GRU layers (Bidirectional for two directions) and a Dense where there is a read-out.

    Args:
        given: `gruvy.Weights`, a model, network, layer or estimator.

    Returns:
        A built model, float32 or float64 as the numbers are; its last GRU gives every step where there is no read-out.

    Raises:
        InputError: the model scales or pools, which Keras' layers do not.
    """
    m = Model.of(given)
    keras, read = need("keras"), readout(m, "Keras")
    w = m.weights.convert("torch" if m.weights.convention.reset == "after" else "onnx")
    after, H = w.convention.reset == "after", w.hidden_units
    w = w if after else merged(w, "keras.layers.GRU(reset_after=False)")
    biased = any(name in "bc" for _, name, _ in w.arrays())
    labels = m.target if isinstance(m.target, Labels) else None
    layers: list[Any] = [keras.layers.Input((None, w.input_units), dtype=w.dtype.name)]
    for k in range(w.layers):
        each = k < w.layers - 1 or read is None or (labels is not None and labels.per_step)
        made = keras.layers.GRU(H, return_sequences=each, reset_after=after, use_bias=biased, dtype=w.dtype.name)
        layers.append(made if w.directions == 1 else keras.layers.Bidirectional(made, dtype=w.dtype.name))
    values = [a for layer in w.cells for cell in layer for a in _arrays(cell, after=after, biased=biased)]
    if read is not None:
        act = None if labels is None else "sigmoid" if len(read[0]) == 1 else "softmax"
        if labels is not None and list(labels.classes) != list(range(len(labels.classes))):
            say(f"Keras keeps no names of classes: unit k stands for {', '.join(map(str, labels.classes))}")
        layers.append(keras.layers.Dense(len(read[0]), activation=act, dtype=w.dtype.name))
        values += [read[0].T, read[1]]
    made = keras.Sequential(layers)
    made.set_weights(values)
    return made


def _arrays(cell: Cell, *, after: bool, biased: bool) -> list[Array]:
    found = [rows(a, "rzn", "zrn").T for a in (cell.W, cell.U)]
    if biased:
        b, c = (rows(a, "rzn", "zrn") for a in both_biases(cell))
        found.append(np.stack([b, c]) if after else b)
    return found


def read(path: str | os.PathLike[str]) -> Model:
    """From a `.keras` file of a Sequential model, or a functional one that is a chain. Nothing in it is run.

    Raises:
        ModelFileError: no such file, damaged, or too large. InputError: what is in it is no GRU that gruvy has.
    """
    path = Path(path)
    h5py = need("h5py")
    try:
        with zipfile.ZipFile(path) as packed:
            config = json.loads(_member(path, packed, "config.json", CONFIG))
            numbers = _member(path, packed, "model.weights.h5", WEIGHTS)
        if config["class_name"] == "Functional":
            _check_chain(str(path), config["config"])
        elif config["class_name"] != "Sequential":
            raise InputError(f"{path}: a {config['class_name']} model, expected a chain of GRU layers")
        with h5py.File(io.BytesIO(numbers), "r") as file:
            return _model(_layers(path, config["config"]["layers"], file, h5py))
    except (InputError, ModelFileError):
        raise
    except Exception as problem:  # whatever a damaged file leads zipfile, json, h5py or ourselves into
        raise ModelFileError(f"{path}: damaged, or no Keras model ({type(problem).__name__})") from problem


def _member(path: Path, packed: zipfile.ZipFile, name: str, most: int) -> bytes:
    if packed.getinfo(name).file_size > most:
        raise ModelFileError(f"{path}: {name} has {packed.getinfo(name).file_size:,} bytes, expected at most {most:,}")
    with packed.open(name) as member:
        found = member.read(most + 1)  # the size that a header declares may be a lie
    if len(found) > most:
        raise ModelFileError(f"{path}: {name} has more than {most:,} bytes")
    return found


def _layers(path: Path, configs: list[dict[str, Any]], file: Any, h5py: Any) -> list[Layer]:
    """Keras names the groups by class and count, whatever the layers are called."""
    seen: dict[str, int] = {}
    found = []
    for one in configs:
        kind = one["class_name"]
        if kind in _SILENT:
            continue
        if kind not in ("GRU", "Bidirectional", "Dense"):
            raise InputError(f"{path}: a layer of class {kind}, expected GRU, Bidirectional and Dense")
        name = kind.lower() + (f"_{seen[kind]}" if seen.get(kind) else "")
        seen[kind] = seen.get(kind, 0) + 1
        inside = {"GRU": ["cell"], "Dense": [""], "Bidirectional": ["forward_layer/cell", "backward_layer/cell"]}[kind]
        arrays = []
        for part in inside:
            at = "/".join(filter(None, ["layers", name, part, "vars"]))
            group = _inner(path, file, at, h5py.Group, h5py)
            arrays += [_numbers(path, file, f"{at}/{k}", h5py) for k in range(len(group))]
        found.append((kind, one["config"], arrays))
    return found


def _inner(path: Path, file: Any, at: str, kind: Callable[..., Any], h5py: Any) -> Any:
    """An object of the file itself, reached by hard links alone."""
    node = file
    for step in at.split("/"):
        if not isinstance(node.get(step, getlink=True), h5py.HardLink):
            raise ModelFileError(f"{path}: {at} is a link, expected numbers in the file itself")
        node = node[step]
    if not isinstance(node, kind):  # type: ignore[arg-type]
        raise ModelFileError(f"{path}: {at} is not what Keras writes there")
    return node


def _numbers(path: Path, file: Any, at: str, h5py: Any) -> Array:
    data = _inner(path, file, at, h5py.Dataset, h5py)
    stored = data.id.get_storage_size()
    if data.external or data.is_virtual:
        raise ModelFileError(f"{path}: {at} has its numbers in another file, expected them in this one")
    if data.dtype.kind != "f" or data.chunks is not None or data.size * data.dtype.itemsize != stored:
        raise ModelFileError(f"{path}: {at} declares {data.size:,} numbers in {stored:,} bytes, or is packed")
    return array(f"{path}: {at}", data[()])


def write(path: str | os.PathLike[str], given: Any) -> None:
    """Write a `.keras` file; Keras itself does it."""
    to_keras(given).save(path)
