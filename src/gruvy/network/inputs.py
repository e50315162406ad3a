"""What `gruvy.GRU` refuses, when it is made and when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..checks import share, whole
from ..errors import InputError, InputTypeError
from ..model.pooling import POOLINGS
from ..nn.check import Call, autocast_of, check_steps

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


def check_call(
    x: Any, state: Any, lengths: Any, mask: Any, restarts: Any, weights: Sequence[Tensor], cells: int
) -> Call:
    """Every argument of a call, checked against the recurrent weights, W and U first, of so many cells.

    Raises:
        InputError, InputTypeError: an argument does not fit; the text says which, what came and what was expected.
    """
    weight, units, hidden = weights[0], weights[0].shape[1], weights[1].shape[1]
    if not isinstance(x, Tensor):
        raise InputTypeError(f"x: {type(x).__name__}, expected a tensor (batch, time, {units})")
    if x.dim() != 3 or x.shape[-1] != units:
        raise InputError(f"x: shape {tuple(x.shape)}, expected (batch, time, {units})")
    if x.dtype != weight.dtype:
        raise InputTypeError(f"x: dtype {x.dtype}, expected {weight.dtype} like the network's parameters")
    if x.device != weight.device:
        raise InputError(f"x: on {x.device}, expected {weight.device} like the network's parameters")
    wanted = (cells, x.shape[0], hidden)
    if state is None:
        state = x.new_zeros(wanted)
    elif not isinstance(state, Tensor):
        raise InputTypeError(f"state: {type(state).__name__}, expected a tensor {wanted}")
    if state.shape != wanted:
        raise InputError(
            f"state: shape {tuple(state.shape)}, expected (layers * directions, batch, hidden units) = {wanted}"
        )
    if state.dtype != x.dtype:
        raise InputTypeError(f"state: dtype {state.dtype}, expected {x.dtype} like x")
    if state.device != x.device:
        raise InputError(f"state: on {state.device}, expected {x.device} like x")
    x = x.transpose(0, 1)
    steps = check_steps(lengths, mask, restarts, x, batched=True, batch_first=True)
    return Call(x, state, steps, batched=True, batch_first=True, packed=None, autocast=autocast_of(x))
