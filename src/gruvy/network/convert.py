"""Between a network's parameters and what can be kept of it without torch: weights, models, the convention's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._version import __version__
from ..convention import Convention
from ..errors import ConventionError, InputError
from ..model.model import Model
from ..weights import CONVENTION_KEY, Cell, Weights, saved_convention

Cells = Sequence[tuple[str, int]]  # the name and the layer of each cell, in torch's order


def numpy_of(a: Any) -> Any:
    """The array of a tensor; what is none goes through."""
    return a.detach().cpu().numpy() if isinstance(a, Tensor) else a


def _parts(net: torch.nn.Module, name: str) -> list[Any]:
    """W, U, b and c of the cell of that name; None for a c that there is not."""
    return [getattr(net, f"{letter}_{name}", None) for letter in "WUbc"]


def weights_of(net: torch.nn.Module, cells: Cells, convention: Convention) -> Weights:
    """The recurrent weights as NumPy arrays, copied."""
    layers: list[list[Cell]] = [[] for _ in range(cells[-1][1] + 1)]
    for name, k in cells:
        layers[k].append(Cell(*map(numpy_of, _parts(net, name))))
    return Weights(convention, layers)


@torch.no_grad()
def put(parameter: Tensor, a: Any) -> None:
    """Write an array into a parameter; None is zero."""
    parameter.copy_(torch.zeros_like(parameter) if a is None else torch.tensor(a))


def put_weights(net: torch.nn.Module, cells: Cells, weights: Weights) -> None:
    """Write recurrent weights of the same shape and convention into the parameters."""
    for name, k in cells:
        for parameter, a in zip(_parts(net, name), weights.cells[k][name.endswith("_reverse")], strict=True):
            if parameter is not None:
                put(parameter, a)


def versions() -> dict[str, str]:
    """What a model file says of who wrote it."""
    return {"gruvy": __version__, "torch": torch.__version__, "numpy": np.__version__}


def arguments_of(model: Model) -> dict[str, Any]:
    """The arguments with which `gruvy.GRU` makes a network like the one in a model.

    Raises:
        InputError: the model has no read-out.
    """
    if model.V is None or model.b_y is None:
        raise InputError("model: without a read-out, expected one with V and b_y")
    w = model.weights
    return {
        "input_units": w.input_units,
        "hidden_units": w.hidden_units,
        "output_units": len(model.b_y),
        "layers": w.layers,
        "bidirectional": w.directions == 2,
        "convention": w.convention,
        "pooling": model.pooling,
        "dropout": model.settings.get("dropout", 0.0),
        "dtype": torch.float64 if w.dtype == np.float64 else torch.float32,
    }


def without_code(state_dict: dict[str, Any], prefix: str, convention: Convention) -> dict[str, Any]:
    """A state dict without the convention's name, which is checked.

    Raises:
        ConventionError: the weights are of another convention.
    """
    found = saved_convention(state_dict, prefix)
    if found not in (None, convention.name):
        raise ConventionError(
            f'state dict: weights of convention "{found}", this network has convention "{convention}"'
        )
    return {name: value for name, value in state_dict.items() if name != prefix + CONVENTION_KEY}
