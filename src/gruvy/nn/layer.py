"""`GRU`: a drop-in for `torch.nn.GRU` that also takes other conventions, lengths, masks and restarts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..convention import Convention
from ..errors import InputTypeError
from . import frozen, quick, saved, stack
from .check import Call, check_call
from .recur import recur
from .route import Path, path_of, route
from .stack import Shape
from .torch_private import admit, parameters_of, weight_names


class Gates(NamedTuple):
    """Every gate of every layer and direction: each (layers * directions, time, batch, hidden).

    Batch and time trade places with ``batch_first=True``; an unbatched input has no batch axis. Zero at steps that do
    not count. `recurrent` is ``U_n h + c_n``, which only reset "after" has; `state` is the state after each step.
    """

    reset: Tensor
    update: Tensor
    candidate: Tensor
    recurrent: Tensor | None
    state: Tensor


class OutputWithGates(NamedTuple):
    """What a call with ``return_gates=True`` gives."""

    output: Tensor | PackedSequence
    h_n: Tensor
    gates: Gates


class GRU(torch.nn.GRU):
    """A gated recurrent unit with the signature, shapes and state dict of `torch.nn.GRU`, in any convention.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype: as in
            `torch.nn.GRU`.
        convention: ``"torch"`` (default), ``"tutorial"``, ``"onnx"`` or a `gruvy.Convention`. Parameters are torch's
            in every convention; where a convention has one bias for what torch has two, they are only ever added.
        recompute: True keeps no gates for the backward pass, three quarters or more of what training keeps for a layer:
            each layer then runs forward once more before its backward pass, and gives the same bits. Default False.
        proj_size: refused, as in `torch.nn.GRU`.

    Under autocast the recurrence on a CPU stays in the layer's own dtype. Where a graph is recorded, lengths are
    checked when it runs; under `vmap` they are checked before; inside a compiled functorch transform they are not,
    and what lies outside 0 to time counts as the nearer end.

    Errors are also what `torch.nn.GRU` raises in the same place, `RuntimeError` or `ValueError`.

    Raises:
        ConventionError: the convention is unknown, or a state dict of another one is loaded.
        InputTypeError: a `proj_size`. ValueError, TypeError: torch's own, another argument is wrong.

    Example:
        >>> import torch
        >>> layer = GRU(3, 5, batch_first=True, convention="tutorial")
        >>> output, h_n = layer(torch.randn(2, 7, 3), lengths=torch.tensor([7, 4]))
        >>> output.shape, h_n.shape, output[1, 4:].abs().max().item()
        (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]), 0.0)
    """

    convention: Convention
    recompute: bool = False
    _frozen: frozen.Blocks = ()

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        convention: str | Convention = "torch",
        recompute: bool = False,
        proj_size: Any = None,
    ) -> None:
        if proj_size is not None:
            raise InputTypeError(f"proj_size: {proj_size!r}, expected none: a GRU has no projections, in torch as here")
        of = Convention.of(convention)
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype)
        saved.register(self, of, device)
        self.recompute = bool(recompute)

    def extra_repr(self) -> str:
        again = ", recompute=True" if self.recompute else ""
        return f'{super().extra_repr()}, convention="{self.convention}"{again}'

    # The signature widens torch's; torch spells its own as overloads for TorchScript.
    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        mask: Tensor | None = None,
        restarts: Tensor | None = None,
        return_gates: bool = False,
    ) -> Any:
        """Run the layer over a batch of sequences.

        Args:
            input: (time, batch, input_size), (batch, time, input_size) with ``batch_first=True``, (time, input_size)
                unbatched, or a `PackedSequence`.
            hx: initial states (layers * directions, batch, hidden_size), without the batch axis for an unbatched
                input; default zeros.
            lengths: (batch,) whole numbers 0 to time: how many steps of each sequence count; default all.
            mask: (time, batch), or (batch, time) with ``batch_first=True``, booleans, True where a step counts.
                Elsewhere the output is 0 and the state passes through unchanged; what the input holds there, NaN too,
                has no effect.
            restarts: as `mask`; True where a sequence starts anew: its state becomes zero before that step.
            return_gates: also return the `Gates`.

        Returns:
            ``(output, h_n)`` as `torch.nn.GRU`, or ``(output, h_n, gates)``. Output (time, batch, directions *
            hidden_size), h_n (layers * directions, batch, hidden_size), final states at the last step that counts.

        Raises:
            InputError, InputTypeError: an argument does not fit; the text says which, what was given and expected.
        """
        return_gates = bool(return_gates)  # torch's ONNX exporter passes every default on, by position, as tensors
        weights, packed = self._weights(), frozen.latest(self._frozen)
        asked = lengths is not None or mask is not None or restarts is not None or return_gates or self.recompute
        plain = not asked and packed is None
        if plain and self.num_layers == 1 and not self.bidirectional and quick.usual(input, hx, weights, 3):
            assert isinstance(input, Tensor)
            x = input.transpose(0, 1) if self.batch_first else input
            found = quick.layer(x, hx, weights, self.convention)
            if found is not None:
                return (found[0].transpose(0, 1), found[1]) if self.batch_first else found
        call = check_call(self, weights[0], input, hx, lengths, mask, restarts)
        way = route(call, weights, self.convention, packed is not None, return_gates, False, self.recompute)
        if way.way == "torch kernel":
            return super().forward(input, hx)
        shape = Shape(self.convention, 2 if self.bidirectional else 1)
        dropout = self.dropout if self.training else 0.0
        how: dict[str, Any] = {"dropout": dropout, "gates": return_gates, "recompute": self.recompute}
        result = recur(call, weights, shape, way, packed=packed, **how)
        output, h_n = call.leave(result.y, result.last)
        if not return_gates:
            return output, h_n
        return OutputWithGates(output, h_n, self._gates(call, result, shape.directions))

    def frozen(self) -> AbstractContextManager[None]:
        """While the block lasts, calls use the weights as they are now, packed once for the native engine.

        Otherwise weights are packed anew on every call, which short sequences and small batches notice. Changes of
        the weights inside the block are not seen; a copy or pickle made inside is not frozen. Without the native
        engine, or where a call takes another way, the block changes nothing. Blocks may lie in each other and overlap
        in several threads: a call uses its own thread's latest, else the latest of any; after the last one has ended
        the layer is as before.

        Raises:
            EngineError: a call inside the block that would record gradients.

        Example:
            >>> import torch
            >>> layer, x = GRU(3, 5), torch.randn(1, 2, 3)
            >>> with torch.inference_mode(), layer.frozen():
            ...     output, h = layer(x)
        """
        cells = self.num_layers * (2 if self.bidirectional else 1)
        return frozen.freeze(self, self._weights(), cells, self.convention)

    def __getstate__(self) -> dict[str, Any]:
        return frozen.thawed(super().__getstate__())  # type: ignore[no-untyped-call]

    def path(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        mask: Tensor | None = None,
        restarts: Tensor | None = None,
        return_gates: bool = False,
    ) -> Path:
        """Which way a call with these arguments takes, and why, without running it."""
        weights = self._weights()
        call = check_call(self, weights[0], input, hx, lengths, mask, restarts)
        asked = (frozen.latest(self._frozen) is not None, return_gates, False, self.recompute)
        return path_of(call, route(call, weights, self.convention, *asked))

    def _weights(self) -> list[Tensor]:
        return parameters_of(self, weight_names(self))

    def _gates(self, call: Call, result: stack.Result, directions: int) -> Gates:
        g = torch.stack(result.gates)  # (L*D, T, B, G, H)
        state = torch.stack([s for y in (*result.lower, result.y) for s in y.chunk(directions, dim=-1)])
        r, z, n, *q = (call.leave_gates(part) for part in (*g.unbind(-2), state))
        return Gates(r, z, n, q[0] if len(q) == 2 else None, q[-1])

    def __prepare_scriptable__(self) -> torch.nn.Module:
        raise InputTypeError(
            "torch.jit.script: gruvy.nn.GRU is not TorchScript; torch.export keeps it whole, and "
            "gruvy.nn.revert_gru(model) makes it a torch.nn.GRU"
        )

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        saved.save(self.convention, destination, prefix, self._weights()[0].device)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        saved.check(state_dict, prefix, weight_names(self), self.convention)
        super()._load_from_state_dict(state_dict, prefix, *args)


admit(GRU)
