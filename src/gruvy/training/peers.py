"""torch's own recurrent layers with a read-out, so that the same loop trains them beside a `gruvy.GRU`."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..errors import InputError


class PeerOutput(NamedTuple):
    """Read-outs at every step (B, T, O), zero past the lengths, and of the final state (B, O)."""

    outputs: torch.Tensor
    last: torch.Tensor


class Peer(torch.nn.Module):
    """`torch.nn.RNN`, `LSTM` or `GRU` with a linear read-out, called as a `gruvy.GRU` is.

    Args:
        recurrent: with ``batch_first=True``, any layers and directions.
        output_units: numbers per step that go out.

    Raises:
        InputError: the layer is not batch first.

    Example:
        >>> peer = Peer(torch.nn.LSTM(3, 8, batch_first=True), 2)
        >>> peer(torch.zeros(4, 5, 3), lengths=torch.tensor([5, 2, 3, 1])).last.shape
        torch.Size([4, 2])
    """

    def __init__(self, recurrent: torch.nn.RNNBase, output_units: int) -> None:
        super().__init__()
        if not recurrent.batch_first:
            raise InputError(f"recurrent: {type(recurrent).__name__} with batch_first=False, expected batch_first=True")
        self.recurrent = recurrent
        self.directions = 2 if recurrent.bidirectional else 1
        self.readout = torch.nn.Linear(self.directions * recurrent.hidden_size, output_units)

    def forward(self, x: torch.Tensor, *, lengths: torch.Tensor | None = None) -> PeerOutput:
        """x (B, T, I), lengths (B,), each at least 1, or None for T."""
        final: Any
        if lengths is not None and self.directions == 2:
            packed, final = self.recurrent(pack_padded_sequence(x, lengths.cpu(), True, enforce_sorted=False))
            hidden, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
        else:
            hidden, final = self.recurrent(x)
        outputs = self.readout(hidden)
        if lengths is None or self.directions == 2:
            h = final[0] if isinstance(final, tuple) else final  # an LSTM has a cell state too
            last = self.readout(h[-self.directions :].transpose(0, 1).flatten(1))
        else:  # in one direction, what lies behind a sequence's end has changed nothing before it
            last = outputs[torch.arange(len(x), device=x.device), lengths - 1]
        if lengths is not None:
            valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
            outputs = torch.where(valid[..., None], outputs, 0)
        return PeerOutput(outputs, last)
