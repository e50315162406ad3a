"""`convert_gru`: every `torch.nn.GRU` inside a model becomes gruvy's, the parameters staying the very same objects."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import torch

from ..convention import Convention
from .layer import GRU

Model = TypeVar("Model", bound=torch.nn.Module)


class Converted(NamedTuple):
    """The GRUs of a model by name: gruvy's own, and for each that is not, why it was left alone."""

    swapped: tuple[str, ...]
    left: dict[str, str]


def convert_gru(model: Model) -> Model:
    """Swap every `torch.nn.GRU` inside a model for gruvy's, in place.

    The module objects stay the same and only change their class, so parameters, optimizers, hooks, devices, training
    mode and every other reference to them stay valid. Calling it again changes nothing. Subclasses of `torch.nn.GRU`
    are somebody's own and are left alone; `converted` says what was swapped and what was not.

    Args:
        model: any module; it may be a `torch.nn.GRU` itself.

    Returns:
        The same model.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.GRU(3, 5), torch.nn.Flatten())
        >>> converted(convert_gru(model))
        Converted(swapped=('0',), left={})
    """
    for module in model.modules():
        if type(module) is torch.nn.GRU and _why_left(module) is None:
            module.__class__ = GRU
            module.convention = Convention.of("torch")
    return model


def converted(model: torch.nn.Module) -> Converted:
    """Which GRUs of a model are gruvy's, and which are not and why.

    Args:
        model: any module.

    Returns:
        `Converted`: names as in ``model.named_modules()``; a model that is a GRU itself has the name ``""``.
    """
    swapped, left = [], {}
    for name, module in model.named_modules():
        if isinstance(module, GRU):
            swapped.append(name)
        elif isinstance(module, torch.nn.GRU):
            left[name] = _why_left(module) or "not converted yet"
    return Converted(tuple(swapped), left)


def _why_left(module: torch.nn.GRU) -> str | None:
    if hasattr(module, "parametrizations"):
        return "it is parametrized: convert first, parametrize afterwards"
    if type(module) is not torch.nn.GRU:
        return f"{type(module).__name__} is a subclass of torch.nn.GRU"
    if "forward" in vars(module):
        return "its forward was replaced on the object"
    return None
