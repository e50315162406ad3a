"""One process, or many: what the loop needs to know about it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

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
        raise InputError(f'device={device!r}: expected a device of torch, as "cpu" or "cuda"') from None
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

    def clip(self, parameters: Iterable[torch.nn.Parameter], norm: float) -> torch.Tensor:
        parameters = [p for p in parameters if p.grad is not None]
        found = _total_norm([p.grad for p in parameters if p.grad is not None])
        # On the CPU looking at the norm costs nothing, and mostly saves the multiplication.
        if found.device.type != "cpu" or not found <= norm:
            torch.nn.utils.clip_grads_with_norm_(parameters, norm, found)
        return found

    def sum(self, total: torch.Tensor) -> torch.Tensor:
        return total

    def share(self, value: Any) -> Any:
        return value

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def interrupted(self) -> bool:
        return False

    def heeding(self) -> AbstractContextManager[None]:
        return nullcontext()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


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

    def clip(self, parameters: Iterable[torch.nn.Parameter], norm: float) -> torch.Tensor:
        """Shorten the gradient; its norm before, the same in all processes."""
        found: torch.Tensor = self.accelerator.clip_grad_norm_(parameters, norm)
        return found

    def sum(self, total: torch.Tensor) -> torch.Tensor:
        """The sum of every process's number, so that all see one loss and stop together."""
        summed: torch.Tensor = self.accelerator.reduce(total, "sum")
        return summed

    def share(self, value: Any) -> Any:
        """What the first process gave here."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def gather(self, value: Any) -> list[Any]:
        """What each process gave here."""
        values = [None] * self.count
        torch.distributed.all_gather_object(values, value)
        return values

    def interrupted(self) -> bool:
        """Whether Ctrl-C came to any process: all hear it at the same step, so that none waits for one that left."""
        flag = torch.tensor(float(self._pressed), device=self.device)
        return float(self.accelerator.reduce(flag, "sum")) > 0

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """A KeyboardInterrupt inside counts as Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt:
            self._pressed = True

    def __enter__(self) -> Self:
        """Until the end, Ctrl-C is noted, for `interrupted`."""
        self._pressed, self._before = False, None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, *_: object) -> None:
        self._pressed = True


def start(device: torch.device) -> Alone | Together:
    """This process among those that a launcher announced in WORLD_SIZE."""
    return Together(device) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone(device)
