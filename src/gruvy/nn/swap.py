"""`convert_gru`: every `torch.nn.GRU` inside a model becomes gruvy's, the parameters staying the very same objects.

`revert_gru` is the way back.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import torch
from torch.nn.utils.parametrize import type_before_parametrizations

from ..convention import Convention
from ..errors import ConventionError, InputError
from .cell import GRUCell
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


def revert_gru(model: Model) -> Model:
    """Swap every `gruvy.nn.GRU` inside a model for torch's, in place: the inverse of `convert_gru`.

    The module objects stay the same and only change their class, so all stays as it is: parameters, the state dict's
    keys, ``batch_first``, ``dropout``, hooks, device, training mode and every other reference. Calling it again changes
    nothing. Subclasses of `gruvy.nn.GRU` are somebody's own and are left alone.

    Args:
        model: any module; it may be a `gruvy.nn.GRU` itself.

    Returns:
        The same model.

    Raises:
        ConventionError: a layer has another convention than torch's; ``Weights.from_torch(layer).to_torch()`` is a new
            layer where there is an equal one.
        InputError: a layer is parametrized, or its forward was replaced on the object. Nothing was changed.

    Example:
        >>> import torch
        >>> model = convert_gru(torch.nn.Sequential(torch.nn.GRU(3, 5, batch_first=True)))
        >>> revert_gru(model)
        Sequential(
          (0): GRU(3, 5, batch_first=True)
        )
    """
    ours = {name: m for name, m in model.named_modules() if type_before_parametrizations(m) is GRU}
    other = {name: m.convention for name, m in ours.items() if m.convention.name != "torch"}
    if other:
        came = ", ".join(f'"{name}" has convention "{convention}"' for name, convention in other.items())
        raise ConventionError(f'model: {came}; expected "torch", the only one that torch.nn.GRU has')
    for name, module in ours.items():
        why = _why_fixed(module)
        if why is not None:
            raise InputError(f'model: "{name}": {why}, expected a layer as convert_gru leaves it')
    for module in ours.values():
        module.__class__ = torch.nn.GRU
        for name in GRU.__annotations__:  # what ours keeps on the object beyond torch's
            vars(module).pop(name, None)
    return model


def converted(model: torch.nn.Module) -> Converted:
    """Which GRUs of a model are gruvy's, and which are not and why, a `torch.nn.GRUCell` among them.

    Args:
        model: any module.

    Returns:
        `Converted`: names as in ``model.named_modules()``; a model that is a GRU itself has the name ``""``.
    """
    swapped, left = [], {}
    for name, module in model.named_modules():
        if isinstance(module, (GRU, GRUCell)):
            swapped.append(name)
        elif isinstance(module, torch.nn.GRU):
            left[name] = _why_left(module) or "not converted yet"
        elif isinstance(module, torch.nn.GRUCell):
            left[name] = "it is a GRUCell, called step by step; gruvy.nn.GRU takes whole sequences"
    return Converted(tuple(swapped), left)


_PARAMETRIZED = "it is parametrized"


def _why_left(module: torch.nn.GRU) -> str | None:
    fixed = _why_fixed(module)
    if fixed == _PARAMETRIZED:
        return f"{fixed}: convert first, parametrize afterwards"
    if type(module) is not torch.nn.GRU:
        return f"{type(module).__name__} is a subclass of torch.nn.GRU"
    return fixed


def _why_fixed(module: torch.nn.GRU) -> str | None:
    """Why its class cannot be changed."""
    if hasattr(module, "parametrizations"):
        return _PARAMETRIZED
    return "its forward was replaced on the object" if "forward" in vars(module) else None
