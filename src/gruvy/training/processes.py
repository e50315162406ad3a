"""One process, or many: the five things the loop needs to know about it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from ..errors import InputError


def check_device(device: str | torch.device) -> torch.device:
    """The device, if this machine has it.

    Raises:
        InputError: it is no device's name, or is not there.
    """
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError(f'device={device!r}: wanted a device of torch, as "cpu" or "cuda"') from None
    if wanted.type in ("cpu", "meta"):
        return wanted
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    count = torch.accelerator.device_count() if accelerator else 0
    if accelerator is None or accelerator.type != wanted.type or (wanted.index or 0) >= count:
        there = ["cpu", *(f"{accelerator.type}:{i}" for i in range(count) if accelerator)]
        raise InputError(f'device="{wanted}": not on this machine, which has {", ".join(there)}')
    return wanted


def _total_norm(gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    """As `torch.nn.utils.get_total_norm`, bit for bit; for a few small ones on a CPU in half the time."""
    if any(g.device.type != "cpu" for g in gradients):
        return torch.nn.utils.get_total_norm(gradients)
    norms = torch.stack([torch.linalg.vector_norm(g) for g in gradients])
    total: torch.Tensor = torch.linalg.vector_norm(norms)
    return total


class Alone:
    """One process: torch's own calls and nothing between."""

    rank, count = 0, 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def prepare(self, module: torch.nn.Module) -> Any:
        return module

    def backward(self, loss: torch.Tensor, scale: float) -> None:
        """Gradients of loss times scale."""
        loss.backward(torch.full_like(loss, scale))  # type: ignore[no-untyped-call]

    def clip(self, parameters: Iterable[torch.nn.Parameter], norm: float) -> None:
        parameters = [p for p in parameters if p.grad is not None]
        found = _total_norm([p.grad for p in parameters if p.grad is not None])
        # On the CPU looking at the norm costs nothing, and mostly saves the multiplication.
        if found.device.type != "cpu" or not found <= norm:
            torch.nn.utils.clip_grads_with_norm_(parameters, norm, found)

    def sum(self, total: torch.Tensor) -> torch.Tensor:
        return total


class Together:
    """One of many processes, started by torchrun or `accelerate launch`; gradients are averaged over all."""

    def __init__(self, device: torch.device) -> None:
        from accelerate import Accelerator

        self.accelerator = Accelerator(cpu=device.type == "cpu")
        self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes
        self.device = self.accelerator.device

    def prepare(self, module: torch.nn.Module) -> Any:
        return self.accelerator.prepare(module)

    def backward(self, loss: torch.Tensor, scale: float) -> None:
        self.accelerator.backward(loss * scale)

    def clip(self, parameters: Iterable[torch.nn.Parameter], norm: float) -> None:
        self.accelerator.clip_grad_norm_(parameters, norm)

    def sum(self, total: torch.Tensor) -> torch.Tensor:
        """The sum of every process's number, so that all see one loss and stop together."""
        summed: torch.Tensor = self.accelerator.reduce(total, "sum")
        return summed


def start(device: torch.device) -> Alone | Together:
    """This process among those that a launcher announced in WORLD_SIZE."""
    return Together(device) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone(device)
