"""Beside the grid: batch-first, ragged lengths, two bidirectional layers, against torch; what padding costs, and what
it costs to compute the gates again instead of keeping them for the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .problem import error
from .timing import Timed, interleave

LIMIT = 2e-6


class Variant(NamedTuple):
    """A name, the layer's options, sizes (T, B, I, H), and the lengths of the sequences or None."""

    name: str
    options: dict[str, Any]
    sizes: tuple[int, int, int, int]
    lengths: list[int] | None = None
    again: bool = False


def variants(seed: int = 0) -> tuple[Variant, ...]:
    """All of them, each with the same problem every time."""
    ragged = np.random.default_rng(seed).integers(7, 30, 64).tolist()
    return (
        Variant("batch first", {"batch_first": True}, (100, 32, 128, 128)),
        Variant("ragged, 7 to 29 steps", {"batch_first": True}, (29, 64, 64, 64), ragged),
        Variant("2 layers, bidirectional", {"num_layers": 2, "bidirectional": True}, (100, 32, 128, 128)),
        Variant("plain", {}, (100, 64, 256, 256), again=True),
    )


def contest(variant: Variant, budget: float) -> list[Timed]:
    """gruvy and torch.nn.GRU, forward with backward, checked against torch in float64 and then timed.

    A ragged batch goes to torch packed, as its users must; and beside it stands gruvy on an unpadded batch with the
    same number of steps in all, which says what raggedness itself costs.
    """
    import torch

    from ..nn import GRU

    torch.manual_seed(0)
    T, B, I, H = variant.sizes
    exact = torch.nn.GRU(I, H, dtype=torch.float64, **variant.options)
    x = torch.randn((B, T, I) if variant.options.get("batch_first") else (T, B, I))
    lengths = None if variant.lengths is None else torch.tensor(variant.lengths)
    ours, theirs = GRU(I, H, **variant.options), torch.nn.GRU(I, H, **variant.options)
    for layer in (ours, theirs):
        layer.load_state_dict(exact.state_dict())
    jobs = [
        ("gruvy", train(ours, x, lengths, packed=False)),
        ("torch.nn.GRU", train(theirs, x, lengths, packed=lengths is not None)),
    ]
    # In float64 the layers must hold the float32 layer's numbers, not their own.
    exact.load_state_dict(ours.state_dict())
    truth = train(exact, x.double(), lengths, packed=lengths is not None)()
    outcome = []
    for name, job in jobs:
        wrong = error(job(), truth)
        outcome.append(Timed(name, [], wrong, None if wrong <= LIMIT else f"wrong by {wrong:.1e}, not timed"))
    if lengths is not None:
        steps = int(lengths.sum())
        whole = torch.randn(B, steps // B, I)
        jobs.append(("gruvy, as many steps unpadded", train(ours, whole, None, packed=False)))
        outcome.append(Timed(jobs[-1][0], [], None, None))
    if variant.again:  # torch.utils.checkpoint keeps the input only, and runs forward again before backward
        jobs.append(("gruvy, gates computed again", train(ours, x, None, packed=False, again=True)))
        wrong = error(jobs[-1][1](), truth)
        outcome.append(Timed(jobs[-1][0], [], wrong, None if wrong <= LIMIT else f"wrong by {wrong:.1e}, not timed"))
    right = [k for k, timed in enumerate(outcome) if timed.absent is None]
    for k, seconds in zip(right, interleave([jobs[k][1] for k in right], budget), strict=True):
        outcome[k] = outcome[k]._replace(seconds=seconds)
    return outcome


def train(layer: Any, x: Any, lengths: Any, packed: bool, again: bool = False) -> Callable[[], dict[str, Any]]:
    """Forward with backward from the same random gradient; gives the input's and the recurrent weights' gradients."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
    from torch.utils.checkpoint import checkpoint

    x = x.clone().requires_grad_()
    width = layer.hidden_size * (2 if layer.bidirectional else 1)
    dy = torch.randn((*x.shape[:2], width), generator=torch.Generator().manual_seed(1)).to(x.dtype)

    def run() -> dict[str, Any]:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        if packed:
            y, _ = layer(pack_padded_sequence(x, lengths, batch_first=layer.batch_first, enforce_sorted=False))
            y, _ = pad_packed_sequence(y, batch_first=layer.batch_first, total_length=x.shape[1])
        elif again:
            y, _ = checkpoint(layer, x, use_reentrant=False)
        else:
            y, _ = layer(x) if lengths is None else layer(x, lengths=lengths)
        y.backward(dy)
        return {"y": y.detach().numpy(), "dx": x.grad.numpy(), "dU": layer.weight_hh_l0.grad.numpy()}

    return run
