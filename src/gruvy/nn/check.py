"""What comes into `gruvy.nn.GRU`: checked once, and brought to one form, time first and batched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ..errors import InputError, InputTypeError
from ..reference import Steps
from . import torch_private


class Call(NamedTuple):
    """One call: x (T, B, I), h (L*D, B, H), steps; and how the caller wants results back.

    autocast: the kind of device for which it is on, or None.
    """

    x: Tensor
    h: Tensor
    steps: Steps
    batched: bool
    batch_first: bool
    packed: PackedSequence | None
    autocast: str | None

    def leave(self, y: Tensor, last: Tensor) -> tuple[Any, Tensor]:
        """Output and last states in the caller's layout."""
        if self.packed is not None:
            _, batch_sizes, sorted_indices, unsorted_indices = self.packed
            rows = torch.arange(y.shape[1], device=y.device)
            data = y[rows < batch_sizes.to(y.device)[:, None]]
            return PackedSequence(data, batch_sizes, sorted_indices, unsorted_indices), _permute(last, unsorted_indices)
        if not self.batched:
            return y[:, 0], last[:, 0]
        return y.transpose(0, 1) if self.batch_first else y, last

    def leave_gates(self, g: Tensor) -> Tensor:
        """A gate (L*D, T, B, H) in the caller's layout; a packed call gets its own order of sequences, padded."""
        if self.packed is not None:
            unsorted = self.packed.unsorted_indices
            g = g if unsorted is None else g.index_select(2, unsorted)
        if not self.batched:
            return g[:, :, 0]
        return g.transpose(1, 2) if self.batch_first else g


def check_call(
    layer: torch.nn.GRU, weight: Tensor, input: Any, hx: Any, lengths: Any, mask: Any, restarts: Any
) -> Call:
    """Every argument checked against the layer, and the dtype and device of this one of its weights.

    Raises:
        InputError, InputTypeError: an argument does not fit; the text says which, what was given and what was expected.
    """
    packed = None
    if isinstance(input, PackedSequence):
        for name, value in (("lengths", lengths), ("mask", mask), ("restarts", restarts)):
            if value is not None:
                raise InputError(f"{name}: not together with a PackedSequence, which has its own lengths")
        if input.data.shape[1:] != (layer.input_size,):
            came, wanted = tuple(input.data.shape[1:]), (layer.input_size,)
            raise InputError(f"input: packed steps of shape {came}, expected {wanted}")
        packed, batched = input, True
        # In the packed order, which has the long sequences first.
        x, lengths = pad_packed_sequence(PackedSequence(input.data, input.batch_sizes))
        lengths = lengths.to(x.device)
    else:
        if not isinstance(input, Tensor):
            raise InputTypeError(f"input: {type(input).__name__}, expected a tensor or a PackedSequence")
        batched = input.dim() == 3
        if input.dim() not in (2, 3) or input.shape[-1] != layer.input_size:
            axes = "batch, time" if layer.batch_first else "time, batch"
            raise InputError(
                f"input: shape {tuple(input.shape)}, expected ({axes}, {layer.input_size}), "
                f"or (time, {layer.input_size}) for one sequence"
            )
        x = input if not batched or not layer.batch_first else input.transpose(0, 1)
        x = x if batched else x[:, None]
    x, hx, autocast = _like(weight, x, hx)
    h = _initial(layer, hx, x, batched, packed)
    steps = check_steps(lengths, mask, restarts, x, batched, layer.batch_first)
    return Call(x, h, steps, batched, layer.batch_first, packed, autocast)


def check_cell(cell: torch.nn.GRUCell, weight: Tensor, input: Any, hx: Any) -> Call:
    """As `check_call` for one step: a sequence of one.

    Raises:
        InputError, InputTypeError: an argument does not fit; the text says which, what was given and what was expected.
    """
    if not isinstance(input, Tensor):
        raise InputTypeError(f"input: {type(input).__name__}, expected a tensor")
    batched, I, H = input.dim() == 2, cell.input_size, cell.hidden_size
    if input.dim() not in (1, 2) or input.shape[-1] != I:
        raise InputError(f"input: shape {tuple(input.shape)}, expected (batch, {I}), or ({I},) for one sequence")
    x, hx, autocast = _like(weight, input, hx)
    if hx is not None:
        _check_state(hx, (x.shape[0], H) if batched else (H,), "batch, hidden_size" if batched else "hidden_size,", x)
    x = x[None] if batched else x[None, None]
    if hx is None:
        h = x.new_zeros(1, x.shape[1], H)
    else:
        h = hx[None] if batched else hx[None, None]
    return Call(x, h, Steps(), batched, False, None, autocast)


def _like(weight: Tensor, x: Tensor, hx: Any) -> tuple[Tensor, Any, str | None]:
    """Input and state with the dtype of the weights where autocast gave them another, and the kind of autocast."""
    if x.device != weight.device:
        raise InputError(f"input: on {x.device}, expected {weight.device} like the layer's weights")
    dtype, autocast = weight.dtype, autocast_of(x)
    if autocast:
        x = x.to(dtype)
        hx = hx.to(dtype) if isinstance(hx, Tensor) else hx
    if x.dtype != dtype:
        raise InputTypeError(f"input: dtype {x.dtype}, expected {dtype} like the layer's weights")
    return x, hx, autocast


def autocast_of(x: Tensor) -> str | None:
    """The kind of device for which autocast is on, where x is on it."""
    kind = "cpu" if x.is_cpu or x.is_meta else x.device.type
    return kind if torch.is_autocast_enabled(kind) else None


def check_steps(lengths: Any, mask: Any, restarts: Any, x: Tensor, batched: bool, batch_first: bool) -> Steps:
    """The steps of a caller as the engines take them, for x (T, B, I)."""
    if lengths is None and mask is None and restarts is None:
        return Steps()
    T, B = x.shape[0], x.shape[1]
    return Steps(
        _lengths(lengths, T, B, batched, x.device),
        _flags("mask", mask, T, B, batched, batch_first),
        _flags("restarts", restarts, T, B, batched, batch_first),
    )


def _initial(layer: torch.nn.GRU, hx: Any, x: Tensor, batched: bool, packed: PackedSequence | None) -> Tensor:
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    if hx is None:
        return x.new_zeros(rows, x.shape[1], layer.hidden_size)
    wanted = (rows, x.shape[1], layer.hidden_size) if batched else (rows, layer.hidden_size)
    axes = "layers * directions, batch, hidden_size" if batched else "layers * directions, hidden_size"
    _check_state(hx, wanted, axes, x)
    h: Tensor = hx if batched else hx[:, None]
    return h if packed is None else _permute(h, packed.sorted_indices)


def _check_state(hx: Any, wanted: tuple[int, ...], axes: str, x: Tensor) -> None:
    if not isinstance(hx, Tensor):
        raise InputTypeError(f"hx: {type(hx).__name__}, expected a tensor")
    if hx.shape != wanted:
        raise InputError(f"hx: shape {tuple(hx.shape)}, expected ({axes}) = {wanted}")
    if hx.device != x.device:
        raise InputError(f"hx: on {hx.device}, expected {x.device} like the input")
    if hx.dtype != x.dtype:
        raise InputTypeError(f"hx: dtype {hx.dtype}, expected {x.dtype} like the input")


def _lengths(lengths: Tensor | Sequence[int] | None, T: int, B: int, batched: bool, device: Any) -> Tensor | None:
    if lengths is None:
        return None
    n = torch.as_tensor(lengths)
    if n.shape != ((B,) if batched else ()):
        wanted = f"(batch,) = ({B},)" if batched else "() for one sequence"
        raise InputError(f"lengths: shape {tuple(n.shape)}, expected {wanted}")
    if (n.dtype == torch.bool or n.is_floating_point() or n.is_complex()) and n.numel():
        raise InputTypeError(f"lengths: dtype {n.dtype}, expected whole numbers")
    n = n if batched else n[None]
    if not torch.compiler.is_compiling() and not n.is_meta:  # a recorded graph checks when it runs
        check_values(torch_private.unwrapped(n), T)
    return n.to(device, torch.int64)


def check_values(lengths: Tensor | None, T: int) -> None:
    """Every length 0 to T."""
    if lengths is None:
        return
    here = type(lengths) is Tensor and lengths.device.type == "cpu"
    if here and not torch_private.in_transform():  # a third of the time of torch's own operations
        n = lengths.numpy()
        if n.min(initial=0) >= 0 and n.max(initial=0) <= T:
            return
    bad = (lengths < 0) | (lengths > T)
    if bool(bad.any()):
        i = int(bad.flatten().nonzero()[0, 0])
        came = int(lengths.flatten()[i])
        raise InputError(f"lengths: {came} at index {i}, expected 0 to {T}, the number of steps in the input")


def _flags(name: str, flags: Any, T: int, B: int, batched: bool, batch_first: bool) -> Tensor | None:
    if flags is None:
        return None
    if not isinstance(flags, Tensor) or flags.dtype != torch.bool:
        came = f"dtype {flags.dtype}" if isinstance(flags, Tensor) else type(flags).__name__
        raise InputTypeError(f"{name}: {came}, expected a tensor of booleans")
    wanted = ((B, T) if batch_first else (T, B)) if batched else (T,)
    if flags.shape != wanted:
        axes = ("batch, time" if batch_first else "time, batch") if batched else "time,"
        raise InputError(f"{name}: shape {tuple(flags.shape)}, expected ({axes}) = {tuple(wanted)}")
    if not batched:
        return flags[:, None]
    return flags.transpose(0, 1) if batch_first else flags


def _permute(h: Tensor, order: Tensor | None) -> Tensor:
    return h if order is None else h.index_select(1, order)
