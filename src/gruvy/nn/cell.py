"""`GRUCell`: a drop-in for `torch.nn.GRUCell`, one step of a GRU, that also takes other conventions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from ..convention import Convention
from ..errors import InputTypeError
from . import frozen, quick, saved
from .check import Call, check_cell
from .recur import recur
from .route import Path, Route, path_of, route
from .stack import Shape
from .torch_private import parameters_of

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class GRUCell(torch.nn.GRUCell):
    """One step of a gated recurrent unit, with the signature and state dict of `torch.nn.GRUCell`, in any convention.

    For whole sequences `gruvy.nn.GRU` is many times faster than a loop over steps.

    Args:
        input_size, hidden_size, bias, device, dtype: as in `torch.nn.GRUCell`.
        convention: ``"torch"`` (default), ``"tutorial"``, ``"onnx"`` or a `gruvy.Convention`, as in `gruvy.nn.GRU`.

    Under autocast the recurrence on a CPU stays in the layer's own dtype. Errors are also what `torch.nn.GRUCell`
    raises in the same place, `RuntimeError` or `ValueError`.

    Raises:
        ConventionError: the convention is unknown, or a state dict of another one is loaded.

    Example:
        >>> import torch
        >>> cell = GRUCell(3, 5, convention="tutorial")
        >>> h = None
        >>> for x in torch.randn(7, 2, 3):
        ...     h = cell(x, h)
        >>> h.shape
        torch.Size([2, 5])
    """

    convention: Convention
    _frozen: frozen.Blocks = ()

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        convention: str | Convention = "torch",
    ) -> None:
        of = Convention.of(convention)
        super().__init__(input_size, hidden_size, bias, device=device, dtype=dtype)
        saved.register(self, of, device)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, convention="{self.convention}"'

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Run one step.

        Args:
            input: (batch, input_size), or (input_size,) for one sequence.
            hx: the state before (batch, hidden_size), without the batch axis for one sequence; default zeros.

        Returns:
            The state after, in the shape of hx.

        Raises:
            InputError, InputTypeError: an argument does not fit; the text says which, what was given and expected.
        """
        weights, packed = self._weights(), frozen.latest(self._frozen)
        if packed is None and quick.usual(input, hx, weights, 2):
            found = quick.step(input, hx, weights, self.convention)
            if found is not None:
                return found
        call, way = self._way(weights, packed is not None, input, hx)
        if way.way == "torch kernel":
            return super().forward(input, hx)
        last = recur(call, weights, Shape(self.convention, 1), way, packed=packed).last
        return last[0] if call.batched else last[0, 0]

    def frozen(self) -> AbstractContextManager[None]:
        """While the block lasts, calls use the weights as they are now, packed once: see `gruvy.nn.GRU.frozen`.

        Raises:
            EngineError: a call inside the block that would record gradients.

        Example:
            >>> import torch
            >>> cell, h = GRUCell(3, 5), None
            >>> with torch.inference_mode(), cell.frozen():
            ...     for x in torch.randn(7, 2, 3):
            ...         h = cell(x, h)
        """
        return frozen.freeze(self, self._weights(), 1, self.convention)

    def path(self, input: Tensor, hx: Tensor | None = None) -> Path:
        """Which way a call with these arguments takes, and why, without running it."""
        return path_of(*self._way(self._weights(), bool(self._frozen), input, hx))

    def _way(self, weights: list[Tensor], packed: bool, input: Any, hx: Any) -> tuple[Call, Route]:
        call = check_cell(self, weights[0], input, hx)
        return call, route(call, weights, self.convention, packed, False, True)

    def _weights(self) -> list[Tensor]:
        return parameters_of(self, _NAMES if self.bias else _NAMES[:2])

    def __getstate__(self) -> dict[str, Any]:
        return frozen.thawed(super().__getstate__())  # type: ignore[no-untyped-call]

    def __prepare_scriptable__(self) -> torch.nn.Module:
        raise InputTypeError("torch.jit.script: gruvy.nn.GRUCell is not TorchScript; torch.export keeps it whole")

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        saved.save(self.convention, destination, prefix, self.weight_ih.device)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        saved.check(state_dict, prefix, _NAMES, self.convention)
        super()._load_from_state_dict(state_dict, prefix, *args)
