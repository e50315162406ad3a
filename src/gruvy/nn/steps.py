"""Which steps count, on torch tensors: twins of `gruvy.reference.valid_steps` and `gruvy.engines.steps.in_order`."""

from __future__ import annotations

import torch
from torch import Tensor

from ..reference import Steps


def valid_steps(T: int, steps: Steps) -> Tensor | None:
    """(T, B, 1): True where a step counts; None where all do."""
    valid: Tensor | None = steps.mask
    if steps.lengths is not None:
        within = torch.arange(T, device=steps.lengths.device)[:, None] < steps.lengths
        valid = within if valid is None else within & valid
    return None if valid is None else valid[..., None]


def in_order(steps: Steps, reverse: bool) -> Steps:
    """The steps as a direction meets them: restarts before step t, for the backward one when it restarts at t + 1."""
    if steps.restarts is None or not reverse:
        return steps
    return steps._replace(restarts=torch.cat([steps.restarts[1:], torch.zeros_like(steps.restarts[:1])]))
