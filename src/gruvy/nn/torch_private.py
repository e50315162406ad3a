"""`torch.compile` turns away every recurrent module of torch, subclasses too; this lets gruvy's in.

TorchDynamo refuses anything that is an instance of `torch.nn.GRU` before it looks at its `forward`, unless
``torch._dynamo.config.allow_rnn`` is set. Setting that for good would also change how a program's other recurrent
layers compile, so it is set only while Dynamo wraps a module of gruvy's. Dynamo is slow to import and mostly not
needed, hence the wait for somebody else to import it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_BUILDER = "torch._dynamo.variables.builder"


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
