"""The optimiser of a run."""

from __future__ import annotations

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
