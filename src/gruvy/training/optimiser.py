"""The optimiser of a run, and its steps."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from .settings import Settings


def adamw(parameters: Iterable[torch.nn.Parameter], settings: Settings) -> torch.optim.AdamW:
    """A new AdamW.

    Args:
        parameters: of a module, on the device where they will learn; those that do not learn are left out.
        settings: the learning rate at its highest, and the weight decay.

    Example:
        >>> adamw(torch.nn.Linear(2, 1).parameters(), Settings(weight_decay=0.1)).defaults["weight_decay"]
        0.1
    """
    learning = [p for p in parameters if p.requires_grad]
    # Fused: one call for all parameters; torch's plain one costs more than the recurrence of a small batch.
    fused = all(p.device.type in ("cpu", "cuda") for p in learning)
    return torch.optim.AdamW(learning, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=fused)


def step(optimiser: torch.optim.Optimizer, norm: torch.Tensor | None) -> torch.Tensor | float:
    """One step; 1 where the gradient's norm is infinite or NaN, so that nothing may be learnt from it, else 0.

    A gradient can overflow on its way back through many steps, from a finite loss. As in mixed precision, such a batch
    is left out: it would make every parameter NaN.
    """
    if norm is None:
        optimiser.step()
        return 0.0
    if norm.device.type == "cpu":  # looking costs nothing
        bad = not math.isfinite(float(norm))
        if not bad:
            optimiser.step()
        return float(bad)
    # The fused step looks for itself, while the device goes on.
    found: torch.Tensor = (~torch.isfinite(norm)).float()
    optimiser.found_inf = found  # type: ignore[attr-defined]
    optimiser.step()
    return found
