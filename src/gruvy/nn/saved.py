"""The convention's name in a state dict, which torch's own convention leaves as torch writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..convention import Convention
from ..errors import ConventionError
from ..weights import CONVENTION_KEY, saved_convention


def encoded(convention: Convention, device: Any) -> Tensor:
    """The convention's name as a state dict holds it."""
    return torch.tensor(list(convention.name.encode()), dtype=torch.uint8, device=device)


def register(module: torch.nn.Module, convention: Convention, device: Any) -> None:
    """Give a new module its convention, and its state dict the name."""
    module.convention = convention  # type: ignore[assignment]
    if convention.name != "torch":
        module.register_buffer(CONVENTION_KEY, encoded(convention, device))


def save(convention: Convention, destination: dict[str, Any], prefix: str, device: torch.device) -> None:
    """The name once more, since a module that came from the meta device has lost the buffer's content."""
    if convention.name != "torch":
        destination[prefix + CONVENTION_KEY] = encoded(convention, device)


def check(state_dict: Mapping[str, Any], prefix: str, names: Iterable[str], convention: Convention) -> None:
    """Refuse a state dict that holds parameters of these names in another convention.

    Raises:
        ConventionError: it does.
    """
    if any(prefix + name in state_dict for name in (*names, CONVENTION_KEY)):
        came = saved_convention(state_dict, prefix) or "torch"
        if came != convention.name:
            raise ConventionError(
                f'state dict: weights of convention "{came}", this layer has convention "{convention}"'
            )
