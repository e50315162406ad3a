"""A training run on disk, in one safetensors file without pickle: enough to go on as if nothing had happened."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from ..errors import InputError, ModelFileError
from ..model.file import write_atomically


def write(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a nest of dicts whose leaves are tensors or what JSON can hold; the old file stays until all is written."""
    tensors: dict[str, torch.Tensor] = {}
    rest = _split(state, "", tensors)
    write_atomically(path, save(tensors, {"gruvy-checkpoint": json.dumps(rest)}))


def read(path: str | os.PathLike[str], fingerprint: str) -> dict[str, Any] | None:
    """What `write` was given, or None if there is no file.

    Raises:
        ModelFileError: it is no checkpoint. InputError: it is one of another run.
    """
    if not Path(path).exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            rest = json.loads(file.metadata()["gruvy-checkpoint"])
            # clone: the optimiser writes into its tensors, and a mapped file is not to be written to
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise ModelFileError(f"checkpoint {str(path)!r}: not a checkpoint of gruvy") from error
    if rest.get("fingerprint") != fingerprint:
        raise InputError(
            f"checkpoint {str(path)!r}: of a run with other data, settings or network; delete it to start anew"
        )
    state: dict[str, Any] = _join(rest, "", tensors)
    return state


def _split(value: Any, at: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        tensors[at] = value.detach().cpu().contiguous().clone()  # clone: safetensors refuses shared memory
        return {"tensor": at}
    if isinstance(value, dict):
        return {str(k): _split(v, f"{at}/{k}", tensors) for k, v in value.items()}
    return value


def _join(value: Any, at: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"tensor"}:
            return tensors[value["tensor"]]
        return {k: _join(v, f"{at}/{k}", tensors) for k, v in value.items()}
    return value
