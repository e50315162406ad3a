"""torch's checkpoint files, read with ``weights_only=True``: a state dict of one GRU and at most one Linear."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import files
from ..errors import InputError, ModelFileError
from ..extras import need
from ..model.model import Model
from ..weights import Weights
from .parts import after_only, array, model, readout

_FIRST = "weight_ih_l0"


def read(path: str | os.PathLike[str]) -> Model:
    """From a checkpoint that `torch.save(module.state_dict(), path)` wrote. No code in it is run.

    Raises:
        ModelFileError: no such file, damaged, or it holds more than tensors. InputError: no GRU, or more beside it.
    """
    torch = need("torch")
    path = Path(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                if sum(member.file_size for member in packed.infolist()) > path.stat().st_size:
                    raise ModelFileError(f"{path}: unpacked larger than the file itself, and torch packs nothing")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except ModelFileError:
        raise
    except Exception as problem:  # pickle and zip fail in many ways
        raise ModelFileError(f"{path}: damaged, or it holds code; expected a state dict of tensors alone") from problem
    try:
        return from_state_dict(state)
    except InputError as problem:
        raise type(problem)(f"{path}: {problem}") from None
    except Exception as problem:  # tensors of shapes that nobody expects
        raise ModelFileError(f"{path}: no state dict of a GRU ({type(problem).__name__})") from problem


def from_state_dict(state: Any) -> Model:
    """From a state dict, whose keys may have any prefix: ``encoder.weight_ih_l0``, ``head.weight``, ``head.bias``.

    Raises:
        InputError: no GRU, several, or tensors beside the GRU and one Linear.
    """
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise InputError("state dict: not a mapping of names to tensors")
    firsts = [name for name in state if name.endswith(_FIRST)]
    if len(firsts) != 1:
        raise InputError(f"state dict: {len(firsts)} GRUs in it ({', '.join(list(state)[:4])}, ...), expected one")
    prefix = firsts[0].removesuffix(_FIRST)
    inner = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l", "convention_name")
    gru = {n: v for n, v in state.items() if n.startswith(prefix) and n[len(prefix) :].startswith(inner)}
    bare = {n[len(prefix) :]: v if n.endswith("convention_name") else array(n, v) for n, v in gru.items()}
    H = bare[_FIRST].shape[0]
    if bare.get("weight_hh_l0") is None or bare["weight_hh_l0"].shape[0] != H or H % 3:
        raise InputError(f"state dict: {firsts[0]} with {H} rows is not a GRU's")
    if bare["weight_hh_l0"].shape != (H, H // 3):
        raise InputError(f"state dict: weight_hh_l0 has shape {bare['weight_hh_l0'].shape}, a GRU's is (3H, H)")
    weights = Weights.from_state_dict(bare)
    rest = {n: v for n, v in state.items() if n not in gru}
    ends = sorted(n.rpartition(".")[2] for n in rest)
    if not rest:
        return model(weights.cells, weights.convention.name)
    if ends not in (["weight"], ["bias", "weight"]) or len({n.rpartition(".")[0] for n in rest}) > 1:
        raise InputError(f"state dict: {', '.join(sorted(rest))} beside the GRU, expected one Linear's weight and bias")
    linear = {n.rpartition(".")[2]: array(n, v) for n, v in rest.items()}
    return model(weights.cells, weights.convention.name, linear["weight"], linear.get("bias"))


def to_state_dict(given: Any) -> dict[str, Any]:
    """The tensors of a `torch.nn.GRU` called ``gru`` and of a `torch.nn.Linear` called ``linear``.

    Raises:
        ConventionError: reset "before". InputError: scaling or pooling.
    """
    m = Model.of(given)
    torch, read = need("torch"), readout(m, "torch.nn.Linear")
    state = after_only(m.weights, "torch.nn.GRU").to_state_dict()
    found = {f"gru.{name}": torch.tensor(a) for name, a in state.items()}
    return (
        found
        if read is None
        else found | {"linear.weight": torch.tensor(read[0]), "linear.bias": torch.tensor(read[1])}
    )


def write(path: str | os.PathLike[str], given: Any) -> None:
    """Write a checkpoint of tensors alone."""
    held = io.BytesIO()
    need("torch").save(to_state_dict(given), held)
    files.write(path, held.getvalue())
