"""What `gruvy.GRU` refuses, when it is made and when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ..errors import InputError, InputTypeError

if TYPE_CHECKING:
    from .net import GRU

_TORCH_NAMES = {"input_size", "hidden_size", "num_layers", "bias", "batch_first"}


def check_whole(name: str, value: Any, least: int) -> None:
    """A whole number of at least `least`, or an InputError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name}={value!r}: wanted a whole number of at least {least}")


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


def check_call(net: GRU, x: Any, state: Any) -> None:
    """The inputs (B, T, I) and initial states of a call."""
    if not isinstance(x, Tensor):
        raise InputTypeError(f"x: {type(x).__name__}, wanted a tensor (batch, time, {net.input_units})")
    if x.dim() != 3 or x.shape[-1] != net.input_units:
        raise InputError(f"x: shape {tuple(x.shape)}, wanted (batch, time, {net.input_units})")
    if x.dtype != net.V.dtype:
        raise InputTypeError(f"x: dtype {x.dtype}, wanted {net.V.dtype} like the network's parameters")
    if state is None:
        return
    wanted = (net.layers * net.directions, x.shape[0], net.hidden_units)
    if not isinstance(state, Tensor):
        raise InputTypeError(f"state: {type(state).__name__}, wanted a tensor {wanted}")
    if state.shape != wanted:
        raise InputError(
            f"state: shape {tuple(state.shape)}, wanted (layers * directions, batch, hidden units) = {wanted}"
        )
    if state.dtype != x.dtype:
        raise InputTypeError(f"state: dtype {state.dtype}, wanted {x.dtype} like x")
