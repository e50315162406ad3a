"""One safetensors file with everything needed to predict. NumPy only; loading it executes nothing.

The tensors are the recurrent weights in gruvy's own layout (``W.0.0`` is W of layer 0, direction 0), the read-out ``V``
and ``b_y``, and the means and scales of inputs and targets. The rest is JSON under the key ``gruvy`` of the header.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..convention import Convention
from ..engines.stack import choose
from ..errors import InputError, ModelFileError
from ..weights import Cell, Weights
from .model import Model
from .scaler import Scaler
from .task import Labels, Numbers, Task

Array = np.ndarray[Any, Any]

FORMAT = 1


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file so that whoever opens it finds the old content or the new, never a part."""
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes files that only their owner can read
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def write(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model.

    Raises:
        InputError: its classes are not numbers or text.
    """
    tensors = {f"{name}.{k}.{d}": a for (k, d), name, a in model.weights.merged().arrays()}
    if model.V is None or model.b_y is None:
        raise InputError("model: without a read-out, wanted one with V and b_y")
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
        "settings": model.settings,
    }
    if isinstance(model.target, Labels):
        said["classes"], said["classes_dtype"] = _classes_out(model.target.classes)
    elif isinstance(model.target, Numbers):
        tensors |= {"target.mean": model.target.mean, "target.scale": model.target.scale}
        said["flat"] = model.target.flat
    tensors = {name: np.ascontiguousarray(a) for name, a in tensors.items()}
    write_atomically(path, save(tensors, {"gruvy": json.dumps(said)}))


def read(path: str | os.PathLike[str]) -> Model:
    """Read a model.

    Raises:
        ModelFileError: the file is not there, no gruvy model, cut short or damaged, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelFileError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; wanted a gruvy model")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            if "gruvy" not in metadata:
                raise ModelFileError(f"{path}: a safetensors file, but not a gruvy model")
            said = json.loads(metadata["gruvy"])
            if said["format"] > FORMAT:
                raise ModelFileError(
                    f"{path}: written by gruvy {said['versions'].get('gruvy', '?')} in format {said['format']}; "
                    f"this version reads formats up to {FORMAT}: pip install --upgrade gruvy"
                )
            return _model(said, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except ModelFileError:
        raise
    except SafetensorError as error:
        raise ModelFileError(f"{path}: {_what_is_wrong(path)}") from error
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path}: a gruvy model, but damaged: its parts do not fit each other") from error


def load(path: str | os.PathLike[str], *, engine: str | None = None) -> Model:
    """The model in a file that an estimator's `save`, `gruvy.GRU.save` or `gruvy train` wrote. Needs no torch.

    Args:
        path: the file.
        engine: ``"native"``, ``"reference"`` or None for the fastest.

    Raises:
        ModelFileError: the file is not there, no gruvy model, cut short or damaged, or of a newer version.
        EngineError: a forced engine is not there.
    """
    model = replace(read(path), name=Path(path).name, engine=engine)
    choose(engine, model.weights.dtype)  # a forced engine that is not there is told now
    return model


def _what_is_wrong(path: Path) -> str:
    """Whether a file that safetensors refuses is at least the beginning of a model."""
    with open(path, "rb") as file:
        start = file.read(1 << 20)
    return "a gruvy model, but cut short or damaged" if b'"gruvy":' in start[8:] else "not a gruvy model"


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
    task: Task | None = None
    if said["task"] in ("classify", "tag"):
        task = Labels(_classes_in(said["classes"], said["classes_dtype"]), per_step=said["task"] == "tag")
    elif said["task"] == "regress":
        task = Numbers(tensors["target.mean"], tensors["target.scale"], said["flat"])
    elif said["task"] is not None:
        raise ValueError(said["task"])
    if V.shape != (O, width) or (task is not None and O not in task.units):
        raise ValueError("read-out")
    mean, scale = tensors.get("input.mean"), tensors.get("input.scale")
    if said["pooling"] not in ("last", "mean", "max") or any(
        a is not None and a.shape != (weights.input_units,) for a in (mean, scale)
    ):
        raise ValueError("inputs")
    names = said["feature_names"]
    return Model(
        weights=weights, V=V, b_y=b_y, pooling=said["pooling"], target=task,
        scaler=None if mean is None or scale is None else Scaler(mean, scale), width=said["width"], feature_names=None if names is None else tuple(names), columns=said["columns"],
        settings=said["settings"], versions=said["versions"],
    )  # fmt: skip


def _classes_out(classes: Array) -> tuple[list[Any], str]:
    values = classes.tolist()
    if not all(isinstance(v, (bool, int, float, str)) for v in values):
        bad = next(v for v in values if not isinstance(v, (bool, int, float, str)))
        raise InputError(f"classes: {bad!r} is of type {type(bad).__name__}; a model file holds text and numbers")
    return values, "object" if classes.dtype == object else classes.dtype.str


def _classes_in(values: list[Any], dtype: str) -> Array:
    if dtype != "object" and np.dtype(dtype).kind not in "biufU":
        raise ValueError(dtype)
    classes = np.empty(len(values), object)
    classes[:] = values
    return classes if dtype == "object" else classes.astype(dtype)
