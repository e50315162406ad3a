"""What a call of `gruvy.GRU` gives."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Output(NamedTuple):
    """What a call of `GRU` gives, with D = 1 direction, or 2.

    `outputs` (B, T, O): the read-out at every step, 0 where a step does not count. `last` (B, O): the read-out of the
    final state, or of the pooled states. `hidden` (B, T, D*H): the top layer's states. `state` (layers*D, B, H): the
    final states of every layer and direction.
    """

    outputs: Tensor
    last: Tensor
    hidden: Tensor
    state: Tensor
