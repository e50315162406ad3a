"""Weights packed once for the native engine while a block lasts: what `GRU.frozen` and `GRUCell.frozen` share."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..convention import Convention
from ..engines.native import Packed
from ..reference import Cell
from . import stack
from .engine import NATIVE, asked, choose, inside

# Of each open block, in the order of their beginnings: its thread, and the weights packed by layer and direction in the
# order in which they run. Replaced as a whole, so that a call reads it without a lock.
Blocks = tuple[tuple[int, list[Packed]], ...]

_changing = threading.Lock()  # held while a layer's open blocks are replaced


@contextmanager
def freeze(layer: Any, weights: Sequence[Tensor], cells: int, convention: Convention) -> Iterator[None]:
    """A block on `layer._frozen` with these weights of so many layers and directions as they are now."""
    own: Blocks = ()
    if choose(weights[0], asked())[0] is NATIVE:
        each = len(weights) // cells
        parts = (weights[i : i + each] for i in range(0, len(weights), each))
        own_dtype = inside(weights[0])
        merged = (stack.merge([w.detach().to(own_dtype) for w in part], convention) for part in parts)
        arrays = (Cell(*(None if w is None else w.numpy(force=True) for w in cell)) for cell in merged)
        own = ((threading.get_ident(), [Packed(cell, convention) for cell in arrays]),)
    with _changing:
        layer._frozen += own
    try:
        yield
    finally:
        with _changing:
            layer._frozen = tuple(block for block in layer._frozen if all(block is not mine for mine in own))


def latest(blocks: Blocks) -> list[Packed] | None:
    """The packed weights that a call of this thread uses: of its own latest block, else of the latest of any."""
    if not blocks or torch.compiler.is_compiling():
        return None
    thread = threading.get_ident()
    return next((cells for own, cells in reversed(blocks) if own == thread), blocks[-1][1])


def thawed(state: dict[str, Any]) -> dict[str, Any]:
    """A layer's state as copies and pickles take it."""
    return {name: value for name, value in state.items() if name != "_frozen"}
