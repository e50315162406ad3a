"""What the answer for a whole sequence reads of its states: the twin of `gruvy.model.pooling.pooled` for torch."""

from __future__ import annotations

import torch
from torch import Tensor


def pool(pooling: str, hidden: Tensor, final: Tensor, valid: Tensor | None, restarts: Tensor | None) -> Tensor:
    """Mean or maximum of hidden (B, T, D*H) over the valid steps that no restart follows: (B, D*H).

    Over no step it is the final state (B, D*H).
    """
    if restarts is not None:
        later = restarts.flip(1).cumsum(1).flip(1) - restarts.long()
        since = later == 0
        valid = since if valid is None else since & valid
    if hidden.shape[1] == 0:
        return final
    if valid is None:
        return hidden.mean(1) if pooling == "mean" else hidden.amax(1)
    count = valid.sum(1)[:, None]
    if pooling == "mean":
        pooled = torch.where(valid[..., None], hidden, 0).sum(1) / count.clamp(min=1)
    else:
        pooled = torch.where(valid[..., None], hidden, -torch.inf).amax(1)
    return torch.where(count > 0, pooled, final)
