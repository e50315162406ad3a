"""A training run on disk, in one safetensors file without pickle: enough to go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save

from .. import files
from ..errors import InputError, ModelFileError
from .history import History
from .snapshots import epochs_kept

KEY, DIGEST = "gruvy-checkpoint", "sha256"
ROW = ("epoch", "loss", "val_loss", "val_score", "learning_rate", "seconds")


def write(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a nest of dicts whose leaves are tensors or what JSON can hold; the old file stays until all is written.

    Raises:
        OSError: it cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    rest = json.dumps(_split(state, "", tensors))
    files.write(path, save(tensors, {KEY: rest, DIGEST: digest(rest, tensors)}))


def read(path: str | os.PathLike[str], fingerprint: str) -> dict[str, Any] | None:
    """What `write` was given, or None if there is no file.

    Raises:
        ModelFileError: it is no checkpoint, or damaged. InputError: it is one of another run, or cannot be read.
    """
    if not Path(path).exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            said = metadata[KEY]
            rest = json.loads(said)
            # clone: the optimiser writes into its tensors, and a mapped file is not to be written to
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        given = rest.get("fingerprint")
    except PermissionError as error:
        raise InputError(f"checkpoint {str(path)!r}: cannot be read: {error.strerror}") from error
    except Exception as error:
        raise ModelFileError(f"checkpoint {str(path)!r}: not a checkpoint of gruvy") from error
    if given != fingerprint:
        raise InputError(
            f"checkpoint {str(path)!r}: of a run with other data, settings or network; delete it to start anew"
        )
    if metadata.get(DIGEST) != digest(said, tensors):
        raise damaged(path, "its content is not what was written")
    try:
        state: dict[str, Any] = _join(rest, tensors)
    except Exception as error:
        raise damaged(path, "its parts do not fit each other") from error
    return state


def damaged(path: str | os.PathLike[str], why: str) -> ModelFileError:
    """The error that says so."""
    return ModelFileError(f"checkpoint {str(path)!r}: damaged: {why}; delete it to start anew")


def check(path: str | os.PathLike[str], state: dict[str, Any], like: dict[str, Any], epochs: int) -> None:
    """Compare what was read with what the run that wants to go on would write.

    Args:
        path: for the error's text.
        state: of `read`.
        like: the state of the live run, with the moments of every parameter, and how many snapshots it keeps.
        epochs: the most rows that there can be.

    Raises:
        ModelFileError: a name, shape, dtype or value is not what such a run writes.
    """
    wrong = _difference(state, like, epochs)
    if wrong is not None:
        raise damaged(path, wrong)


def remove(history: History | None) -> None:
    """Remove the checkpoint of a run whose model lies on the disk; one of another run, or to go on from, stays."""
    if history is None or history.checkpoint is None or not Path(history.checkpoint).is_file():
        return
    path = history.checkpoint
    try:
        with safe_open(path, framework="pt") as file:
            rows = json.loads(file.metadata()[KEY])["rows"]
        ours = rows == history.rows[: len(rows)]
    except Exception:  # not a checkpoint any more: not ours to remove
        return
    if ours:
        try:
            files.remove(path)
        except OSError as error:
            warnings.warn(f"checkpoint {path!r}: cannot be removed: {error.strerror}", stacklevel=3)


def digest(rest: str, tensors: dict[str, torch.Tensor]) -> str:
    """Of all that a checkpoint holds: a flipped bit in a weight is no weight."""
    found = hashlib.sha256(rest.encode())
    for name in sorted(tensors):
        t = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        found.update(t.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _difference(state: dict[str, Any], like: dict[str, Any], epochs: int) -> str | None:
    """The first thing that is not as in a run like this, in words."""
    if set(state) != set(like):
        return f"holds {', '.join(sorted(map(str, set(state) ^ set(like))))} or lacks it"
    rows, best, stopped = state["rows"], state["best"], state["stopped"]
    if stopped not in (None, "finished", "early"):
        return f"stopped is {stopped!r}"
    if not isinstance(rows, list) or len(rows) > epochs or not all(_is_row(row, i) for i, row in enumerate(rows)):
        return "rows are not those of epochs"
    if any((row["val_loss"] is None) != (not like["judged"]) for row in rows) or state["judged"] is not like["judged"]:
        return "rows do not fit the validation data"
    if isinstance(state["seed"], bool) or not isinstance(state["seed"], int) or not 0 <= state["seed"] < 2**31:
        return f"seed is {state['seed']!r}"
    if isinstance(best, bool) or not isinstance(best, int) or not 0 <= best <= len(rows):
        return f"best is {best!r}"
    lowest = rows[best - 1]["val_loss"] if best else math.inf
    if not isinstance(state["best_loss"], float) or state["best_loss"] != lowest:
        return f"best_loss is {state['best_loss']!r}"
    within = state["within"]
    if within is not None and (stopped is not None or not _is_within(within, like["within"])):
        return "within is no part of an epoch"
    trained, kept = bool(rows or within) and stopped is None, bool(best) and stopped is None
    for part, there in (("module", True), ("best_state", kept), ("optimiser", trained)):
        wrong = _unlike(state[part], like["module" if part == "best_state" else part] if there else None, part)
        if wrong is not None:
            return wrong
    kept_at = [str(epoch) for epoch in epochs_kept(like["snapshots"], len(rows))]
    wrong = _unlike(state["snapshots"], dict.fromkeys(kept_at, like["module"]), "snapshots")
    if wrong is not None:
        return wrong
    rng = state["torch_rng"]
    if not isinstance(rng, torch.Tensor) or rng.dtype != torch.uint8 or rng.dim() != 2 or not len(rng):
        return "torch_rng is no state of a generator"
    try:
        for row in rng:
            torch.Generator().set_state(row.clone())  # of a row that is not the first torch reads something else
        order = np.random.PCG64()
        order.state = json.loads(state["order_rng"])
    except Exception:  # they raise half a dozen kinds
        return "torch_rng or order_rng is no state of a generator"
    return None


def _is_row(row: Any, i: int) -> bool:
    if not isinstance(row, dict) or tuple(row) != ROW or type(row["epoch"]) is not int or row["epoch"] != i + 1:
        return False
    if (row["val_loss"] is None) != (row["val_score"] is None):
        return False
    numbers = [row[name] for name in ROW[1:] if row[name] is not None or not name.startswith("val")]
    real = all(type(n) is float for n in numbers)
    return real and all(math.isfinite(row[name]) for name in ("loss", "learning_rate", "seconds"))


def _is_within(within: Any, like: Any) -> bool:
    if like is None or not isinstance(within, dict) or set(within) != set(like):
        return False
    sums, seconds = within["losses"], within["seconds"]
    if not isinstance(sums, torch.Tensor) or sums.dim() != 1 or not len(sums) or sums.dtype != like["losses"].dtype:
        return False
    return type(seconds) is float and math.isfinite(seconds) and _unlike(within["good"], like["good"], "good") is None


def _unlike(value: Any, like: Any, at: str) -> str | None:
    """The first place where two nests differ in names, shapes or dtypes."""
    if like is None:
        return None if value is None else f"{at} is not empty"
    if isinstance(like, torch.Tensor):
        if not isinstance(value, torch.Tensor) or value.shape != like.shape or value.dtype != like.dtype:
            found = f"{tuple(value.shape)} {value.dtype}" if isinstance(value, torch.Tensor) else type(value).__name__
            return f"{at} is {found}, expected {tuple(like.shape)} {like.dtype}"
        return None if bool(torch.isfinite(value).all()) else f"{at} holds NaN or infinity"
    if not isinstance(value, dict) or set(value) != set(like):
        return f"{at} has other names than expected"
    return next((w for name in like if (w := _unlike(value[name], like[name], f"{at}/{name}")) is not None), None)


def _split(value: Any, at: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        tensors[at] = value.detach().cpu().contiguous().clone()  # clone: safetensors refuses shared memory
        return {"tensor": at}
    if isinstance(value, dict):
        return {str(k): _split(v, f"{at}/{k}", tensors) for k, v in value.items()}
    return value


def _join(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"tensor"}:
            return tensors[value["tensor"]]
        return {k: _join(v, tensors) for k, v in value.items()}
    return value
