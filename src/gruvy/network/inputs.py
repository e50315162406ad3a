"""What `gruvy.GRU` refuses, when it is made and when it is called."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..checks import share, whole
from ..errors import InputError, InputTypeError
from ..model.pooling import POOLINGS

_TORCH_NAMES = {"input_size", "hidden_size", "num_layers", "bias", "batch_first"}


def refuse_torch(output_units: Any, other: dict[str, Any]) -> None:
    """Arguments of torch.nn.GRU, and others that there are not."""
    foreign = sorted(_TORCH_NAMES & set(other))
    if foreign:
        raise InputTypeError(
            f"gruvy.GRU: {foreign[0]} is an argument of torch.nn.GRU; gruvy.nn.GRU is the layer that takes those, "
            "gruvy.GRU(input_units, hidden_units, output_units) is a network with a read-out"
        )
    if other:
        raise InputTypeError(f"gruvy.GRU: unexpected keyword argument {sorted(other)[0]!r}")
    if output_units is None:
        raise InputTypeError(
            "gruvy.GRU: output_units is missing; gruvy.GRU(input_units, hidden_units, output_units) is a network with "
            "a read-out, gruvy.nn.GRU(input_size, hidden_size) the layer without"
        )


def check_sizes(
    input_units: Any, hidden_units: Any, output_units: Any, layers: Any, dropout: Any, pooling: Any
) -> None:
    """What a network is made of."""
    whole("input_units", input_units, 1)
    whole("hidden_units", hidden_units, 1)
    whole("output_units", output_units, 1)
    whole("layers", layers, 1)
    share("dropout", dropout)
    if pooling not in POOLINGS:
        raise InputError(f'pooling={pooling!r}: expected "last", "mean" or "max"')


def check_call(x: Any, state: Any, units: int, hidden: int, cells: int, dtype: torch.dtype) -> None:
    """The inputs (B, T, units) and initial states (cells, B, hidden) of a call."""
    if not isinstance(x, Tensor):
        raise InputTypeError(f"x: {type(x).__name__}, expected a tensor (batch, time, {units})")
    if x.dim() != 3 or x.shape[-1] != units:
        raise InputError(f"x: shape {tuple(x.shape)}, expected (batch, time, {units})")
    if x.dtype != dtype:
        raise InputTypeError(f"x: dtype {x.dtype}, expected {dtype} like the network's parameters")
    if state is None:
        return
    wanted = (cells, x.shape[0], hidden)
    if not isinstance(state, Tensor):
        raise InputTypeError(f"state: {type(state).__name__}, expected a tensor {wanted}")
    if state.shape != wanted:
        raise InputError(
            f"state: shape {tuple(state.shape)}, expected (layers * directions, batch, hidden units) = {wanted}"
        )
    if state.dtype != x.dtype:
        raise InputTypeError(f"state: dtype {state.dtype}, expected {x.dtype} like x")
