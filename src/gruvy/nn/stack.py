"""Layers and directions over an engine, forward and backward: what every way through `gruvy.nn.GRU` shares.

Weights come flat as torch keeps them: for each layer and direction weight_ih, weight_hh and, with biases, bias_ih,
bias_hh. Tensors are time first. An engine runs one layer in one direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..convention import Convention
from . import plain


class Steps(NamedTuple):
    """Which steps count and where sequences start anew: lengths (B,), mask (T, B), restarts (T, B); each or None."""

    lengths: Tensor | None
    mask: Tensor | None
    restarts: Tensor | None

    def cuts(self, reverse: bool) -> Tensor | None:
        """Restarts as a direction meets them: before step t, for the backward one when it restarts at t + 1."""
        if self.restarts is None or not reverse:
            return self.restarts
        return torch.cat([self.restarts[1:], torch.zeros_like(self.restarts[:1])])


class Result(NamedTuple):
    """Top layer's states y (T, B, D*H), last states (L*D, B, H), lower layers' states and gates (T, B, G, H)."""

    y: Tensor
    last: Tensor
    lower: list[Tensor]
    gates: list[Tensor]


def merge(weights: Sequence[Tensor], convention: Convention) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """W, U, b, c: torch's two biases are only ever added, but for the candidate's with reset after."""
    if len(weights) == 2:
        return weights[0], weights[1], None, None
    W, U, b_ih, b_hh = weights
    if convention.reset == "before":
        return W, U, b_ih + b_hh, None
    H = U.shape[1]
    return W, U, torch.cat([b_ih[: 2 * H] + b_hh[: 2 * H], b_ih[2 * H :]]), b_hh[2 * H :]


def forward(x: Tensor, h: Tensor, weights: Sequence[Tensor], steps: Steps, noise: Tensor | None,
            convention: Convention, directions: int, keep: bool) -> Result:  # fmt: skip
    """x (T, B, I), h (L*D, B, H); noise (L-1, T, B, D*H) multiplies what one layer hands to the next, or None."""
    cells = h.shape[0]
    each = len(weights) // cells
    last: list[Tensor] = []
    lower: list[Tensor] = []
    gates: list[Tensor] = []
    for k in range(cells // directions):
        if k > 0:
            lower.append(x)
            x = x if noise is None else x * noise[k - 1]
        ys = []
        for d in range(directions):
            i = k * directions + d
            W, U, b, c = merge(weights[i * each : (i + 1) * each], convention)
            y, h_last, g = plain.forward(
                x, h[i], W, U, b, c, convention, lengths=steps.lengths, mask=steps.mask,
                restarts=steps.cuts(d == 1), reverse=d == 1, keep=keep,
            )  # fmt: skip
            ys.append(y)
            last.append(h_last)
            if g is not None:
                gates.append(g)
        x = ys[0] if directions == 1 else torch.cat(ys, dim=-1)
    return Result(x, torch.stack(last), lower, gates)
