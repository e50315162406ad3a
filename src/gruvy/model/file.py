"""One safetensors file with everything needed to predict. NumPy only; loading it executes nothing.

The tensors are the recurrent weights in gruvy's own layout (``W.0.0`` is W of layer 0, direction 0), the read-out ``V``
and ``b_y``, and the means and scales of inputs and targets. The rest is JSON under the key ``gruvy`` of the header.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..convention import Convention
from ..errors import InputError, ModelFileError
from ..weights import Cell, Weights
from .task import Labels, Numbers, Task

Array = np.ndarray[Any, Any]

FORMAT = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Model:
    """A trained model as data.

    Args:
        weights: the recurrence.
        V, b_y: the read-out (O, D*H), (O,).
        pooling: what the answer for a whole sequence reads: "last", "mean" or "max".
        task: what it was trained for, or None for raw read-outs.
        input_mean, input_scale: of the inputs (I,), or None where inputs are taken as they are.
        width: the number of steps that a 2-D array must have, or None.
        feature_names: names of those steps, or None.
        columns: names of the columns of a file that the data came from: "channels", "targets", "others".
        settings: of the estimator that made it, and its name under "estimator".
        versions: of what wrote the file.
    """

    weights: Weights
    V: Array
    b_y: Array
    pooling: str = "last"
    task: Task | None = None
    input_mean: Array | None = None
    input_scale: Array | None = None
    width: int | None = None
    feature_names: tuple[str, ...] | None = None
    columns: dict[str, list[str]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def scaled(self, x: Array) -> Array:
        """Inputs (..., I) as the network wants them."""
        return scaled(x, self.input_mean, self.input_scale, self.weights.dtype)


def scaled(x: Array, mean: Array | None, scale: Array | None, dtype: Any) -> Array:
    """(x - mean) / scale in float64, then cast: the same numbers in training, prediction and streaming."""
    if mean is None or scale is None:
        return x.astype(dtype, copy=False)
    y: Array = ((x - mean) / scale).astype(dtype)
    return y


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
    tensors |= {"V": model.V, "b_y": model.b_y}
    if model.input_mean is not None and model.input_scale is not None:
        tensors |= {"input.mean": model.input_mean, "input.scale": model.input_scale}
    said = {
        "format": FORMAT,
        "versions": model.versions,
        "convention": {"reset": model.weights.convention.reset, "update": model.weights.convention.update},
        "layers": model.weights.layers,
        "directions": model.weights.directions,
        "pooling": model.pooling,
        "task": None if model.task is None else model.task.name,
        "width": model.width,
        "feature_names": model.feature_names,
        "columns": model.columns,
        "settings": model.settings,
    }
    if isinstance(model.task, Labels):
        said["classes"], said["classes_dtype"] = _classes_out(model.task.classes)
    elif isinstance(model.task, Numbers):
        tensors |= {"target.mean": model.task.mean, "target.scale": model.task.scale}
        said["flat"] = model.task.flat
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
        weights=weights, V=V, b_y=b_y, pooling=said["pooling"], task=task, input_mean=mean, input_scale=scale,
        width=said["width"], feature_names=None if names is None else tuple(names), columns=said["columns"],
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
