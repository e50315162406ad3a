"""Beside the grid: batch-first, ragged lengths, two bidirectional layers, against torch; what padding costs, and what
it costs to compute the gates again instead of keeping them for the backward pass."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import timing
from .contestants import Contestant
from .problem import Problem, Ready, Shape, torch_job

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


def contest(variant: Variant, budget: float) -> list[timing.Timed]:
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
    # In float64 the layers must hold the float32 layer's numbers, not their own.
    exact.load_state_dict(ours.state_dict())
    packed = lengths is not None
    right = train(exact, x.double(), lengths, packed)
    right.run()
    truth = right.result()
    jobs = {"gruvy": train(ours, x, lengths, False), "torch.nn.GRU": train(theirs, x, lengths, packed)}
    if variant.again:  # torch.utils.checkpoint keeps the input only, and runs forward again before backward
        jobs["gruvy, gates computed again"] = train(ours, x, None, False, again=True)
    beside = {}
    if lengths is not None:
        whole = torch.randn(B, int(lengths.sum()) // B, I)
        beside["gruvy, as many steps unpadded"] = train(ours, whole, None, False).run

    def prepare(job: Ready, *_: Any) -> Ready:
        return job

    field = [Contestant(name, ("train",), partial(prepare, job), lambda *_: truth, LIMIT) for name, job in jobs.items()]
    problem = Problem(Shape(*variant.sizes), {}, x.numpy(), np.empty(0))
    return timing.contest(field, problem, "train", torch.get_num_threads(), budget, beside)


def train(layer: Any, x: Any, lengths: Any, packed: bool, again: bool = False) -> Ready:
    """Forward with backward from the same random gradient; gives the input's and the recurrent weights' gradients."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
    from torch.utils.checkpoint import checkpoint

    width = layer.hidden_size * (2 if layer.bidirectional else 1)
    dy = torch.randn((*x.shape[:2], width), generator=torch.Generator().manual_seed(1)).to(x.dtype)

    def call(x: Any) -> Any:
        if packed:
            y, _ = layer(pack_padded_sequence(x, lengths, batch_first=layer.batch_first, enforce_sorted=False))
            y, _ = pad_packed_sequence(y, batch_first=layer.batch_first, total_length=x.shape[1])
        elif again:
            y, _ = checkpoint(layer, x, use_reentrant=False)
        else:
            y, _ = layer(x) if lengths is None else layer(x, lengths=lengths)
        return y

    return torch_job(layer, x, dy, "train", call)
