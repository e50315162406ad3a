"""The nets that the lab compares: one recurrent layer and a linear read-out, and what "equal size" means."""

from __future__ import annotations

import math
from itertools import product
from typing import Literal

import torch
from torch import nn

from ..network import keeping_bias
from ..nn import GRU
from ..training import Peer

Kind = Literal["rnn", "lstm", "gru"]
Start = Literal["plain", "remember"]
KINDS: tuple[Kind, ...] = ("rnn", "lstm", "gru")
STARTS: tuple[Start, ...] = ("plain", "remember")
NETS = tuple(product(KINDS, STARTS))
NAMES = {"rnn": "tanh RNN", "lstm": "LSTM", "gru": "GRU"}
# Products with [x, h] a step: candidate alone; f, i, o and candidate; z, r and candidate.
BLOCKS = {"rnn": 1, "lstm": 4, "gru": 3}


def parameters(kind: Kind, inputs: int, units: int) -> int:
    """Independent parameters of one recurrent layer of the field's textbook form: one bias per block."""
    return BLOCKS[kind] * units * (inputs + units + 1)


def equal_size(kind: Kind, inputs: int, units: int, by: Literal["units", "parameters"] = "units") -> int:
    """Hidden units that a net of this kind gets, so that it is of equal size with a GRU of `units` hidden units.

    Args:
        kind: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        inputs: input channels.
        units: hidden units of the GRU.
        by: ``"units"``: the same number of hidden units, so the same numbers carried to the read-out (an LSTM carries
            as many again in its cell state); ``"parameters"``: the number of hidden units whose recurrent layer has
            the number of parameters nearest to the GRU's.

    Returns:
        Hidden units, at least 1.

    Example:
        >>> equal_size("lstm", 8, 32), equal_size("lstm", 8, 32, "parameters"), equal_size("rnn", 8, 32, "parameters")
        (32, 27, 58)
    """
    if by == "units":
        return units
    aim = parameters("gru", inputs, units)
    return min(range(1, 2 * units + 2), key=lambda H: abs(parameters(kind, inputs, H) - aim))


class Net(Peer):
    """One recurrent layer and a linear read-out, which `gruvy.training.train` trains.

    Args:
        kind: ``"rnn"`` (torch.nn.RNN), ``"lstm"`` (torch.nn.LSTM) or ``"gru"`` (gruvy's, the tutorial's convention).
        inputs, units, outputs: sizes I, H, O.
        seed: draws the weights.
        remember: 0, or the steps that the layer is set to keep at the start (see `set_to_remember`).
    """

    def __init__(self, kind: Kind, inputs: int, units: int, outputs: int, *, seed: int, remember: int = 0) -> None:
        torch.manual_seed(seed)
        super().__init__(recurrent_layer(kind, inputs, units), outputs)
        self.kind: Kind = kind
        if remember:
            set_to_remember(self.recurrent, remember)


def recurrent_layer(kind: Kind, inputs: int, units: int) -> nn.RNNBase:
    """A batch-first layer of this kind, with torch's initial weights: torch's RNN and LSTM, the tutorial's GRU."""
    if kind == "gru":
        return GRU(inputs, units, batch_first=True, convention="tutorial")
    return nn.LSTM(inputs, units, batch_first=True) if kind == "lstm" else nn.RNN(inputs, units, batch_first=True)


def set_to_remember(layer: nn.RNNBase, steps: int) -> None:
    """Set the biases so that at rest a state decays to 1/e in so many steps, as ``init="remember:n"`` of `gruvy.GRU`.

    All biases become 0 but that of the gate that keeps: the GRU's update gate, in the direction that its convention
    needs; the LSTM's forget gate, and its input gate gets the opposite. The tanh RNN has no gate; it gets
    U = exp(-1 / n) times the identity (after Le, Jaitly & Hinton 2015).
    """
    H, keeping = layer.hidden_size, keeping_bias(steps)
    with torch.no_grad():
        layer.get_parameter("bias_hh_l0").zero_()
        b = layer.get_parameter("bias_ih_l0").zero_()
        if isinstance(layer, GRU):
            b[H : 2 * H] = keeping if layer.convention.keeps else -keeping
        elif isinstance(layer, nn.LSTM):
            b[:H], b[H : 2 * H] = -keeping, keeping
        else:
            layer.get_parameter("weight_hh_l0").copy_(math.exp(-1 / steps) * torch.eye(H))
