"""One safetensors file with everything needed to predict. NumPy only; loading it executes nothing.

The tensors are the recurrent weights in gruvy's own layout (``W.0.0`` is W of layer 0, direction 0), the read-out ``V``
and ``b_y``, and the means and scales of inputs and targets. The rest is JSON under the key ``gruvy`` of the header.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .. import files
from ..convention import Convention
from ..engines.choose import choose
from ..errors import InputError, ModelFileError
from ..weights import Cell, Weights
from . import sound
from .layout import layout_of, texts
from .model import Model
from .pooling import POOLINGS
from .quantiles import Quantiles
from .scaler import Scaler
from .task import Labels, Numbers, Task
from .yes_no import YesNo

Array = np.ndarray[Any, Any]

# 2 added the layout of the data, 3 its options beyond LAYOUT, 4 quantiles and the features of sound, 5 numbers and
# yes or no at every step, and thresholds.
FORMAT = 5
SAID = 2**22  # characters of JSON: parsed, they take at most some 100 MB
CLASSES = 2**24  # bytes of all classes together


def write(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model.

    Raises:
        InputError: its classes are not numbers or text, a number is not finite, or there are too many names.
    """
    tensors = {f"{name}.{k}.{d}": a for (k, d), name, a in model.weights.merged().arrays()}
    if model.V is None or model.b_y is None:
        raise InputError("model: without a read-out, expected one with V and b_y")
    tensors |= {"V": model.V, "b_y": model.b_y}
    if model.scaler is not None:
        tensors |= {"input.mean": model.scaler.mean, "input.scale": model.scaler.scale}
    said = {
        "format": FORMAT,
        "versions": model.versions,
        "convention": {"reset": model.weights.convention.reset, "update": model.weights.convention.update},
        "layers": model.weights.layers,
        "directions": model.weights.directions,
        "pooling": model.pooling,
        "task": model.task,
        "width": model.width,
        "feature_names": model.feature_names,
        "columns": model.columns,
        "layout": model.layout,
        "settings": model.settings,
    }
    if isinstance(model.target, Labels):
        said["classes"], said["classes_dtype"] = _classes_out(model.target.classes)
        said["threshold"] = model.target.threshold
    elif isinstance(model.target, Numbers):
        tensors |= {"target.mean": model.target.mean, "target.scale": model.target.scale}
        said["flat"] = model.target.flat
        said |= {"steps": "numbers"} if model.target.per_step else {}
    elif isinstance(model.target, Quantiles):
        tensors |= {"target.mean": model.target.mean, "target.scale": model.target.scale}
        said["levels"] = model.target.levels.tolist()
    elif isinstance(model.target, YesNo):
        found = model.target.thresholds
        said |= {"steps": "yes-no", "thresholds": None if found is None else found.tolist()}
    tensors = {name: np.ascontiguousarray(a) for name, a in tensors.items()}
    for name, a in tensors.items():
        if not np.isfinite(a).all():
            raise InputError(f"{name}: holds NaN or infinity; expected finite numbers in a model file")
    text = json.dumps(said)
    if len(text) > SAID:
        raise InputError(f"names of classes and columns: {len(text):,} characters, expected at most {SAID:,}")
    files.write(path, save(tensors, {"gruvy": text}))


def read(path: str | os.PathLike[str]) -> Model:
    """Read a model.

    Raises:
        ModelFileError: the file is not there, no gruvy model, cut short or damaged, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; expected a gruvy model")
    with _told(path), safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
        if "gruvy" not in metadata:
            raise ModelFileError(f"{path}: a safetensors file, but not a gruvy model")
        if len(metadata["gruvy"]) > SAID:
            raise ValueError("size")
        said = json.loads(metadata["gruvy"])
        if _whole(said["format"]) > FORMAT:
            raise ModelFileError(
                f"{path}: written by gruvy {said['versions'].get('gruvy', '?')} in format {said['format']}; "
                f"this version reads formats up to {FORMAT}: pip install --upgrade gruvy"
            )
        return _model(said, _tensors(said, file))


@contextmanager
def fitting(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever goes wrong in making something of a file's parts is said to be the file's fault."""
    try:
        yield
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, SyntaxError) as error:
        raise ModelFileError(f"{path}: a gruvy model, but damaged: its parts do not fit each other") from error


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """`fitting`, and what can go wrong in reading."""
    try:
        with fitting(path):
            yield
    except SafetensorError as error:
        raise ModelFileError(f"{path}: {_what_is_wrong(path)}") from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from error


def load(path: str | os.PathLike[str], *, engine: str | None = None, weights: str | None = None) -> Model:
    """The model in a file that an estimator's `save`, `gruvy.GRU.save` or `gruvy train` wrote. Needs no torch.

    Args:
        path: the file.
        engine: ``"native"``, ``"reference"`` or None for the fastest.
        weights: how the matrices W and U of every layer are held: ``"half"`` (float16) or ``"bfloat16"``, half of
            float32's bytes, ``"int8"``, a quarter, with a scale for each row, or None as in the file. A step of a
            large model, which reads them all, is faster so. All else stays float32: biases, read-out, arithmetic.
            The weights are rounded, so answers differ from those of the file's own.

    Raises:
        ModelFileError: the file is not there, no gruvy model, cut short or damaged, or of a newer version.
        EngineError: a forced engine is not there.
        InputError: `weights` is no such name, or a weight is too large for it: beyond 65,504 for ``"half"``.
    """
    model = replace(read(path), name=Path(path).name, engine=engine).holding(weights)
    choose(engine, model.weights.dtype)  # a forced engine that is not there is told now
    return model


def _what_is_wrong(path: Path) -> str:
    """Whether a file that safetensors refuses is at least the beginning of a model."""
    with open(path, "rb") as file:
        start = file.read(1 << 20)
    return "a gruvy model, but cut short or damaged" if b'"gruvy":' in start[8:] else "not a gruvy model"


def _whole(value: Any) -> int:
    """A whole number of at least 1."""
    if type(value) is not int or value < 1:
        raise ValueError(value)
    return value


def _tensors(said: dict[str, Any], file: Any) -> dict[str, Array]:
    """The tensors that the rest of the file speaks of, and no others, every number finite."""
    names = set(file.keys())
    layers, directions = _whole(said["layers"]), _whole(said["directions"])
    if layers * directions > len(names):  # before anything is counted to
        raise ValueError("layers")
    cells = [f".{k}.{d}" for k in range(layers) for d in range(directions)]
    needed = {"V", "b_y"} | {name + cell for cell in cells for name in "WU"}
    optional = {name + cell for cell in cells for name in "bc"} | {"input.mean", "input.scale"}
    numbers = said["task"] in ("regress", "quantiles") or said.get("steps") == "numbers"
    needed |= {"target.mean", "target.scale"} if numbers else set()
    if not needed <= names <= needed | optional:
        raise ValueError("tensors")
    if any(file.get_slice(name).get_dtype() not in ("F32", "F64") for name in names):
        raise ValueError("dtypes")
    tensors = {name: file.get_tensor(name) for name in names}
    if not all(np.isfinite(a).all() for a in tensors.values()):
        raise ValueError("numbers that are not finite")
    return tensors


def _model(said: dict[str, Any], tensors: dict[str, Array]) -> Model:
    convention = Convention(**said["convention"])
    cells = [
        [
            Cell(tensors[f"W.{k}.{d}"], tensors[f"U.{k}.{d}"], tensors.get(f"b.{k}.{d}"), tensors.get(f"c.{k}.{d}"))
            for d in range(said["directions"])
        ]
        for k in range(said["layers"])
    ]
    weights = Weights(convention, cells)
    V, b_y = tensors["V"], tensors["b_y"]
    O, width = len(b_y), weights.directions * weights.hidden_units
    if min(O, weights.hidden_units, weights.input_units) < 1 or V.shape != (O, width) or b_y.shape != (O,):
        raise ValueError("read-out")
    if not V.dtype == b_y.dtype == weights.dtype:
        raise ValueError("dtypes")
    task: Task | None = None
    steps = said.get("steps") if said["task"] == "tag" else None
    if steps == "yes-no":
        thresholds = said["thresholds"]
        if thresholds is not None and not (isinstance(thresholds, list) and all(map(_threshold, thresholds))):
            raise ValueError("thresholds")
        task = YesNo(O, None if thresholds is None else np.array(thresholds))
        if thresholds is not None and len(thresholds) != O:
            raise ValueError("thresholds")
    elif said["task"] in ("classify", "tag") and steps is None:
        classes, threshold = _classes_in(said["classes"], said["classes_dtype"]), said.get("threshold")
        if threshold is not None and not (_threshold(threshold) and len(classes) == 2):
            raise ValueError("threshold")
        task = Labels(classes, said["task"] == "tag", threshold)
    elif said["task"] == "regress" or steps == "numbers":
        task = Numbers(*_scaler(tensors, "target", O), said["flat"], steps is not None)
        if type(task.flat) is not bool or (task.flat and O != 1):
            raise ValueError("flat")
    elif said["task"] == "quantiles":
        levels = said["levels"]
        if not (isinstance(levels, list) and levels and all(type(v) is float and 0 < v < 1 for v in levels)):
            raise ValueError("levels")
        if sorted(set(levels)) != levels or O % len(levels):
            raise ValueError("levels")
        task = Quantiles(*_scaler(tensors, "target", O // len(levels)), levels=np.array(levels))
    elif said["task"] is not None:
        raise ValueError(said["task"])
    if (task is not None and O not in task.units) or said["pooling"] not in POOLINGS:
        raise ValueError("task")
    scaler = None
    if "input.mean" in tensors or "input.scale" in tensors:
        scaler = _scaler(tensors, "input", weights.input_units)
    names, columns, settings, versions = (said[name] for name in ("feature_names", "columns", "settings", "versions"))
    if not (
        (names is None or texts(names))
        and isinstance(columns, dict)
        and all(map(texts, columns.values()))
        and isinstance(settings, dict)
        and isinstance(versions, dict)
    ):
        raise ValueError("names")
    layout = layout_of(said.get("layout"))
    if layout is not None and "sound" in layout:
        features = sound.SoundFeatures(**layout["sound"])
        if features.channels != weights.input_units or columns.get("channels") != features.names:
            raise ValueError("sound")
    if layout is not None and "detection" in layout:
        trigger = layout["detection"]["trigger"]
        if "sound" not in layout or said["task"] != "tag" or trigger not in task.classes.tolist():  # type: ignore[union-attr]
            raise ValueError("detection")
    return Model(
        weights=weights,
        V=V,
        b_y=b_y,
        pooling=said["pooling"],
        target=task,
        scaler=scaler,
        width=None if said["width"] is None else _whole(said["width"]),
        feature_names=None if names is None else tuple(names),
        columns=columns,
        settings=settings,
        versions=versions,
        layout=layout,
    )


def _threshold(value: Any) -> bool:
    return type(value) is float and 0 <= value <= 1


def _scaler(tensors: dict[str, Array], of: str, count: int) -> Scaler:
    mean, scale = tensors[f"{of}.mean"], tensors[f"{of}.scale"]
    if mean.shape != (count,) or scale.shape != (count,) or (scale <= 0).any():
        raise ValueError(of)
    return Scaler(mean, scale)


def _classes_out(classes: Array) -> tuple[list[Any], str]:
    values = classes.tolist()
    if not all(isinstance(v, (bool, int, float, str)) for v in values):
        bad = next(v for v in values if not isinstance(v, (bool, int, float, str)))
        raise InputError(f"classes: {bad!r} is of type {type(bad).__name__}; a model file holds text and numbers")
    return values, "object" if classes.dtype == object else classes.dtype.str


def _classes_in(values: list[Any], dtype: str) -> Array:
    """The classes, sorted, each a value that its dtype holds as it stands."""
    if not isinstance(values, list) or not all(a < b for a, b in pairwise(values)):
        raise ValueError("classes")
    if dtype == "object":
        if not all(isinstance(v, (bool, int, float, str)) for v in values):
            raise ValueError("classes")
        classes = np.empty(len(values), object)
        classes[:] = values
        return classes
    if not isinstance(dtype, str) or len(dtype) > 16:  # a longer text NumPy would read as Python
        raise ValueError(dtype)
    kind = np.dtype(dtype)
    if kind.kind not in "biufU" or kind.itemsize * len(values) > CLASSES:
        raise ValueError(dtype)
    classes = np.array(values, kind)
    if classes.tolist() != values:
        raise ValueError("classes")
    return classes
