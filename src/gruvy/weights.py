"""One frozen `Weights`: the numbers of a GRU of any depth and direction, with the convention that gives them meaning.

Own layout, for each layer and direction a `Cell`: `W` (3H, I), `U` (3H, H), `b` (3H,), rows in the order r, z, n, and
`c`, the recurrent bias, stored as it came: (3H,) from torch, whose r and z rows are only ever added to `b`, or (H,)
for the candidate alone. `Weights.merged()` folds what is redundant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .convention import Convention
from .errors import ConventionError, InputError, InputTypeError
from .reference import Cell as Cell

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, Any]

CONVENTION_KEY = "convention_name"  # in the state dict of a `gruvy.nn.GRU`, absent where the convention is torch's


def _frozen(name: str, value: Any, *shapes: tuple[int, ...]) -> Array:
    a = np.array(value)  # a copy, so that freezing it freezes nobody else's array
    if a.dtype not in (np.float32, np.float64):
        raise InputTypeError(f"{name}: dtype {a.dtype}, expected float32 or float64")
    if shapes and a.shape not in shapes:
        raise InputError(f"{name}: shape {a.shape}, expected {' or '.join(map(str, shapes))}")
    a.flags.writeable = False
    return a


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of a GRU: `cells[layer][direction]`, and the convention they are for.

    Args:
        convention: a name or a `Convention`.
        cells: for each layer a tuple of one `Cell`, or of two (forward, backward). Arrays are copied and made
            read-only; float32 or float64, all of one dtype.

    Raises:
        InputError: shapes that do not fit each other. InputTypeError: another dtype.

    Example:
        >>> w = Weights("tutorial", [[Cell(np.zeros((12, 2)), np.zeros((12, 4)), np.zeros(12), None)]])
        >>> w
        Weights(tutorial, input 2, hidden 4, layers 1, directions 1, float64)
        >>> w.convert("onnx").convention.name
        'onnx'
    """

    convention: Convention
    cells: tuple[tuple[Cell, ...], ...]

    def __init__(self, convention: str | Convention, cells: Any) -> None:
        object.__setattr__(self, "convention", Convention.of(convention))
        layers = [[Cell(*cell) for cell in layer] for layer in cells]
        if not layers or len(layers[0]) not in (1, 2) or any(len(layer) != len(layers[0]) for layer in layers):
            raise InputError("cells: expected at least one layer, each with one direction or each with two")
        if np.ndim(layers[0][0].U) != 2 or np.ndim(layers[0][0].W) != 2:
            raise InputError("cells: W and U must have two axes, (3H, I) and (3H, H)")
        H, I, D = np.shape(layers[0][0].U)[1], np.shape(layers[0][0].W)[1], len(layers[0])
        checked = []
        for k, layer in enumerate(layers):
            width = I if k == 0 else D * H
            row = []
            for d, (W, U, b, c) in enumerate(layer):
                at = f"cells[{k}][{d}]"
                row.append(
                    Cell(
                        _frozen(f"{at}.W", W, (3 * H, width)),
                        _frozen(f"{at}.U", U, (3 * H, H)),
                        None if b is None else _frozen(f"{at}.b", b, (3 * H,)),
                        None if c is None else _frozen(f"{at}.c", c, *self._c_shapes(H)),
                    )
                )
            checked.append(tuple(row))
        object.__setattr__(self, "cells", tuple(checked))
        dtypes = {a.dtype for _, _, a in self.arrays()}
        if len(dtypes) > 1:
            raise InputTypeError(f"cells: dtypes {' and '.join(sorted(map(str, dtypes)))}, expected one dtype for all")

    def _c_shapes(self, H: int) -> tuple[tuple[int, ...], ...]:
        # Before the reset every recurrent bias is redundant and comes whole, or not at all.
        return ((3 * H,), (H,)) if self.convention.reset == "after" else ((3 * H,),)

    @property
    def input_units(self) -> int:
        """I: how many numbers a step has."""
        return int(self.cells[0][0].W.shape[1])

    @property
    def hidden_units(self) -> int:
        """H: how many numbers each layer and direction remembers."""
        return int(self.cells[0][0].U.shape[1])

    @property
    def layers(self) -> int:
        """How many layers are on top of each other."""
        return len(self.cells)

    @property
    def directions(self) -> int:
        """1, or 2 where each sequence is also read from its end."""
        return len(self.cells[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of all the arrays."""
        dtype: np.dtype[Any] = self.cells[0][0].W.dtype
        return dtype

    def __repr__(self) -> str:
        return (
            f"Weights({self.convention}, input {self.input_units}, hidden {self.hidden_units}, layers {self.layers}, "
            f"directions {self.directions}, {self.dtype})"
        )

    def arrays(self) -> Iterator[tuple[tuple[int, int], str, Array]]:
        """Every array there is, as ((layer, direction), "W" | "U" | "b" | "c", array)."""
        for k, layer in enumerate(self.cells):
            for d, cell in enumerate(layer):
                for name, a in zip("WUbc", cell, strict=True):
                    if a is not None:
                        yield (k, d), name, a

    def _map(self, change: Any) -> tuple[tuple[Cell, ...], ...]:
        return tuple(tuple(change(cell) for cell in layer) for layer in self.cells)

    def astype(self, dtype: Any) -> Weights:
        """The same weights as float32 or float64."""

        def cast(cell: Cell) -> Cell:
            return Cell(*(None if a is None else a.astype(dtype) for a in cell))

        return Weights(self.convention, self._map(cast))

    def merged(self) -> Weights:
        """The same function without redundant biases: r and z rows of `c` (before: all of it) added to `b`."""
        H, after = self.hidden_units, self.convention.reset == "after"
        if all(cell.c is None or (after and len(cell.c) == H) for layer in self.cells for cell in layer):
            return self

        def merge(cell: Cell) -> Cell:
            W, U, b, c = cell
            if c is None or (len(c) == H and after):
                return cell
            b = np.zeros_like(c) if b is None else b
            if not after:
                return Cell(W, U, b + c, None)
            return Cell(W, U, np.concatenate([b[: 2 * H] + c[: 2 * H], b[2 * H :]]), c[2 * H :])

        return Weights(self.convention, self._map(merge))

    def convert(self, convention: str | Convention) -> Weights:
        """The same function written for another convention.

        `update` converts exactly, by negating the z rows: σ(-a) = 1 - σ(a). `reset` does not convert.

        Raises:
            ConventionError: the two differ in `reset`: they are different functions.
        """
        to = Convention.of(convention)
        if to.reset != self.convention.reset:
            raise ConventionError(
                f'convention "{self.convention}" has reset="{self.convention.reset}" and "{to}" has '
                f'reset="{to.reset}": these are different functions and no weights make them equal; train again'
            )
        if to == self.convention:
            return self
        H = self.hidden_units

        def negate(cell: Cell) -> Cell:
            flipped = [None if a is None else np.array(a) for a in cell]
            for a in flipped:
                if a is not None and len(a) == 3 * H:  # a merged c (H,) has no z rows
                    a[H : 2 * H] *= -1
            return Cell(*flipped)

        return Weights(to, self._map(negate))

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], convention: str | Convention | None = None) -> Weights:
        """From a state dict with torch's keys (``weight_ih_l0``, ``weight_hh_l0_reverse``, ...), values array-like.

        Args:
            state: also one of a `gruvy.nn.GRU` in another convention, which names it in ``convention_name``.
            convention: default the one that the state dict names, and torch's if it names none.

        Raises:
            InputError: keys are missing, or not a GRU's. ConventionError: the state dict names another convention.
        """
        named = saved_convention(state)
        given = None if convention is None else Convention.of(convention)
        if given is not None and named not in (None, given.name):
            raise ConventionError(f'state dict: weights of convention "{named}", expected "{given}" as given')
        cells: list[list[Cell]] = []
        known = {CONVENTION_KEY}
        while f"weight_ih_l{len(cells)}" in state:
            layer = []
            for suffix in ("", "_reverse"):
                names = [f"{kind}_l{len(cells)}{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                if names[0] not in state:
                    continue
                if names[1] not in state:
                    raise InputError(f"state dict: no {names[1]}")
                layer.append(Cell(*(_numpy(state[n]) if n in state else None for n in names)))
                known.update(names)
            cells.append(layer)
        if not cells or set(state) - known:
            rest = ", ".join(sorted(set(state) - known)) or "no weight_ih_l0"
            raise InputError(f"state dict: not the keys of a GRU ({rest})")
        return cls(given or named or "torch", cells)

    def to_state_dict(self) -> dict[str, Array]:
        """With torch's keys. A merged recurrent bias gets torch's redundant rows back, as zeros."""
        state: dict[str, Array] = {}
        biased = any(name in "bc" for _, name, _ in self.arrays())
        for k, layer in enumerate(self.cells):
            for d, cell in enumerate(layer):
                end = f"_l{k}{'_reverse' if d else ''}"
                state |= {f"weight_ih{end}": cell.W, f"weight_hh{end}": cell.U}
                if biased:
                    state |= dict(zip((f"bias_ih{end}", f"bias_hh{end}"), both_biases(cell), strict=True))
        return state

    @classmethod
    def from_torch(cls, module: torch.nn.GRU) -> Weights:
        """From a `torch.nn.GRU` or `gruvy.nn.GRU`, the biases as they are.

        What is no weight is not kept, ``batch_first`` and ``dropout`` among it.

        Raises:
            InputTypeError: it is another kind of module.

        Example:
            >>> import torch
            >>> Weights.from_torch(torch.nn.GRU(3, 5, num_layers=2, bidirectional=True))
            Weights(torch, input 3, hidden 5, layers 2, directions 2, float32)
        """
        import torch

        if not isinstance(module, torch.nn.GRU):
            raise InputTypeError(f"module: {type(module).__name__}, expected a torch.nn.GRU or gruvy.nn.GRU")
        D = 2 if module.bidirectional else 1
        cells = [Cell(*[*map(_numpy, weights), None, None][:4]) for weights in module.all_weights]
        layers = [cells[i : i + D] for i in range(0, len(cells), D)]
        return cls(getattr(module, "convention", "torch"), layers)

    def to_torch(self, *, batch_first: bool = False, dropout: float = 0.0) -> torch.nn.GRU:
        """A new `torch.nn.GRU`, on the CPU and in training mode, that computes the same function.

        Weights hold none of a module's layout, dropout, device, mode and hooks; `gruvy.nn.revert_gru` keeps them all.

        Args:
            batch_first: whether its input and output are (batch, time, ...), as in `torch.nn.GRU`.
            dropout: between layers while it trains, 0 to 1, as in `torch.nn.GRU`.

        Raises:
            ConventionError: reset "before" is a function torch does not have; `gruvy.nn.GRU` has it.
        """
        import torch

        if self.convention.reset != "after":
            raise ConventionError(
                f'convention "{self.convention}": torch.nn.GRU only has reset="after"; gruvy.nn.GRU has both'
            )
        state = self.convert("torch").to_state_dict()
        # The types at hand: torch's own annotations of device and dtype are looser than the call.
        module = torch.nn.GRU(
            self.input_units,
            self.hidden_units,
            self.layers,
            bias="bias_ih_l0" in state,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=self.directions == 2,
            dtype=torch.float64 if self.dtype == np.float64 else torch.float32,
        )
        module.load_state_dict({name: torch.tensor(a) for name, a in state.items()})
        return module


def both_biases(cell: Cell) -> tuple[Array, Array]:
    """The input's and the recurrent bias of a cell at full height (3H,), zeros where it has none."""
    b, c = (np.zeros(len(cell.U), cell.U.dtype) if a is None else a for a in (cell.b, cell.c))
    if len(c) < len(b):  # merged: the candidate's alone
        c = np.concatenate([np.zeros(len(b) - len(c), c.dtype), c])
    return b, c


def saved_convention(state: Mapping[str, Any], prefix: str = "") -> str | None:
    """The name of the convention that a state dict's keys with this prefix carry; None if they carry none."""
    name = state.get(prefix + CONVENTION_KEY)
    return None if name is None else _numpy(name).astype(np.uint8).tobytes().decode(errors="replace")


def _numpy(value: Any) -> Array:
    detach = getattr(value, "detach", None)
    return np.asarray(value if detach is None else detach().cpu().numpy())
