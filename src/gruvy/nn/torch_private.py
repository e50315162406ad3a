"""Every private name of torch that gruvy uses, each as a small function: a new torch fails here, and in its tests.

`admit` is the longest. `torch.compile` turns away every recurrent module of torch, subclasses too: TorchDynamo refuses
anything that is an instance of `torch.nn.GRU` before it looks at its `forward`, unless
``torch._dynamo.config.allow_rnn`` is set. Setting that for good would also change how a program's other recurrent
layers compile, so it is set only while Dynamo wraps a module of gruvy's. Dynamo is slow to import and mostly not
needed, hence the wait for somebody else to import it.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

_BUILDER = "torch._dynamo.variables.builder"


def in_transform() -> bool:
    """True inside a functorch transform: vmap, grad, jvp and the like."""
    active: bool = torch._C._are_functorch_transforms_active()
    return active


def in_forward_mode() -> bool:
    """True inside a level of forward-mode differentiation."""
    return torch.autograd.forward_ad._current_level >= 0


def transformed() -> bool:
    """True inside a functorch transform or a forward-mode level: there a custom operator would silently give zeros."""
    return in_transform() or in_forward_mode()


def dispatched() -> bool:
    """True inside a dispatch mode of Python's, as those that record a graph or compute shapes alone."""
    return torch._C._len_torch_dispatch_stack() > 0


def traced() -> bool:
    """True while `torch.jit.trace` records."""
    return torch._C._get_tracing_state() is not None


@functools.cache
def multiplies_bfloat16() -> bool:
    """True where torch has the processor multiply bfloat16 itself, by AVX-512's instructions or AMX's."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name)() for name in asked)


def unwrapped(t: Tensor) -> Tensor:
    """The values behind a functorch transform's wrappers."""
    while torch._C._functorch.is_functorch_wrapped_tensor(t):
        t = torch._C._functorch.get_unwrapped(t)
    return t


def is_batched(t: Tensor) -> bool:
    """True for a gradient under ``torch.autograd.grad(is_grads_batched=True)``."""
    found: bool = torch._C._functorch.is_legacy_batchedtensor(t)
    return found


def version(t: Tensor) -> int:
    """How many times a tensor was written into."""
    return t._version


def weight_names(layer: torch.nn.RNNBase) -> list[str]:
    """The names of a recurrent layer's parameters, in torch's order."""
    names: list[str] = layer._flat_weights_names
    return names


def parameters_of(module: torch.nn.Module, names: Sequence[str]) -> list[Tensor]:
    """The parameters of these names, or what replaced them; four attributes would cost a third of a small call."""
    if torch.compiler.is_compiling():
        return [getattr(module, name) for name in names]
    own = module._parameters
    return [getattr(module, name) if (found := own.get(name)) is None else found for name in names]


def copy_all(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Copy each source into its target, in one call for all."""
    torch._foreach_copy_(targets, sources)


def admit(cls: type) -> None:
    """Let TorchDynamo trace modules of this class, now or as soon as it is imported."""
    if _BUILDER in sys.modules:
        _patch(sys.modules[_BUILDER], cls)
    else:
        sys.meta_path.insert(0, _Waiting(cls))


class _Waiting(importlib.abc.MetaPathFinder):
    """Finds nothing itself, but patches Dynamo's module once another finder has loaded it."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _BUILDER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute, cls = spec.loader.exec_module, self.cls

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _patch(module, cls)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _patch(builder: Any, cls: type) -> None:
    config, inner = builder.config, builder.VariableBuilder.wrap_module

    def wrap_module(self: Any, value: Any) -> Any:
        if not isinstance(value, cls):
            return inner(self, value)
        with config.patch(allow_rnn=True):
            return inner(self, value)

    builder.VariableBuilder.wrap_module = wrap_module
