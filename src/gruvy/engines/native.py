"""The native engine: the C++ core on NumPy arrays and, where memory is given, on torch tensors of the CPU.

`forward`, `backward` and `step` are those of `gruvy.reference`, for float32 and float64. The numbers are the same, bit
for bit, whatever batch a sequence is in, its padding, the number of threads, whether it is run whole, in chunks or step
by step, and whichever instruction set the processor has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..convention import Convention
from ..errors import InputError, InputTypeError
from ..reference import Cell, Steps
from .core import available as available
from .core import core as _core
from .core import info as info
from .core import isa as _isa
from .core import peak as peak
from .held import Held
from .threads import count, may_share, threads_for_step, whole
from .threads import threads as all_threads

Array = np.ndarray[Any, Any]


def _dense(a: Any) -> Any:
    return a if a is None or a.flags.c_contiguous else np.ascontiguousarray(a)


def _array(name: str, a: Any, letters: str) -> Any:
    """An array of as many axes as its letters, whose sizes are about to be used."""
    if not hasattr(a, "ndim"):
        raise InputTypeError(f"{name}: {type(a).__name__}, expected an array {letters}")
    if a.ndim != len(letters.strip("(,)").split(",")):
        raise InputError(f"{name}: {a.ndim} axes, expected {letters}")
    return a


def _rows(a: Any) -> Any:
    """With unit stride in the last axis."""
    fits = a is None or not a.ndim or a.shape[-1] == 1 or a.strides[-1] == a.itemsize
    return a if fits else np.ascontiguousarray(a)


def _whole(cell: Cell) -> Cell:
    return Cell(*map(_dense, cell))


def forward_into(
    x: Any,
    h: Any,
    cell: Cell,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    h_last: Any,
    y: Any = None,
    gates: Any = None,
    reverse: bool = False,
    threads: int | None = None,
    isa: str | None = None,
) -> None:
    """`forward` into memory that the caller has: NumPy arrays or torch tensors of the CPU, all of one dtype.

    Args:
        x, h, cell, convention, steps, reverse: as in `forward`; h may be None = zeros; x with unit stride in its last
            axis, h and the weights contiguous. c may be torch's second bias (3H,): added to b, but for the candidate's
            part with reset after.
        h_last: (B, H), the last state; may be h.
        y: (T, B, H), the states, or None if only the last is expected. gates: (T, B, G, H) or None. Unit strides after
            the first two axes.
        threads: default `threads_for` this size; a number that is given is obeyed.
        isa: an instruction set by name, default the one of `info()`.

    Raises:
        InputError, InputTypeError: the text names the argument, what came and what was expected.
        EngineError: there is no native engine.
    """
    _core.forward(
        x,
        h,
        *cell,
        after=convention.reset == "after",
        keeps=convention.keeps,
        lengths=steps.lengths,
        mask=steps.mask,
        restarts=steps.restarts,
        reverse=reverse,
        y=y,
        gates=gates,
        h_last=h_last,
        threads=count(threads, x, h_last),
        isa=isa or _isa(),
    )


def backward_into(
    dy: Any,
    dh_last: Any,
    x: Any,
    h: Any,
    cell: Cell,
    y: Any,
    gates: Any,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    dx: Any,
    dh: Any,
    dcell: Cell,
    reverse: bool = False,
    threads: int | None = None,
    isa: str | None = None,
) -> None:
    """`backward` into memory that the caller has: NumPy arrays or torch tensors of the CPU, all of one dtype.

    dx may be None; dcell's c is None with reset before, and (3H,) where the cell's is; dh and dcell are contiguous. The
    rest is as in `backward` and `forward_into`.
    """
    _core.backward(
        dy,
        dh_last,
        x,
        h,
        *cell,
        y,
        gates,
        after=convention.reset == "after",
        keeps=convention.keeps,
        lengths=steps.lengths,
        mask=steps.mask,
        restarts=steps.restarts,
        reverse=reverse,
        dx=dx,
        dh=dh,
        dW=dcell.W,
        dU=dcell.U,
        db=dcell.b,
        dc=dcell.c,
        threads=count(threads, x, dh),
        isa=isa or _isa(),
    )


def dc_size(c: Any, H: int, convention: Convention) -> int | None:
    """How many numbers the gradient of c has; None where there is none."""
    return c.shape[0] if c is not None else H if convention.reset == "after" else None


def forward(
    x: Array,
    h: Array,
    cell: Cell,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    gates: Array | None = None,
    out: Array | None = None,
    threads: int | None = None,
    isa: str | None = None,
) -> tuple[Array, Array]:
    """Run one layer in one direction over whole sequences: see `gruvy.reference.forward`, and `forward_into`."""
    x, H = _rows(_array("x", x, "(T, B, I)")), _array("U", cell.U, "(3H, H)").shape[1]
    y = np.empty((*x.shape[:2], H), x.dtype) if out is None else out
    h_last = np.empty((x.shape[1], H), x.dtype)
    how: dict[str, Any] = {"reverse": reverse, "threads": threads, "isa": isa}
    forward_into(x, _dense(h), _whole(cell), convention, steps, h_last=h_last, y=y, gates=gates, **how)
    return y, h_last


def backward(
    dy: Array | None,
    dh_last: Array | None,
    x: Array,
    h: Array,
    cell: Cell,
    y: Array,
    gates: Array,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    needs_dx: bool = True,
    threads: int | None = None,
    isa: str | None = None,
) -> tuple[Array | None, Array, Cell]:
    """Backpropagation through time: see `gruvy.reference.backward`, and `forward_into`."""
    x = _rows(_array("x", x, "(T, B, I)"))
    B, I, H = x.shape[1], x.shape[2], _array("U", cell.U, "(3H, H)").shape[1]
    dx = np.empty(x.shape, x.dtype) if needs_dx else None
    c = cell.c if cell.c is None else _array("c", cell.c, "(H,)")
    dh, size = np.empty((B, H), x.dtype), dc_size(c, H, convention)
    shapes = ((3 * H, I), (3 * H, H), 3 * H, size)
    dcell = Cell(*(None if shape is None else np.empty(shape, x.dtype) for shape in shapes))
    how: dict[str, Any] = {"reverse": reverse, "threads": threads, "isa": isa}
    given = (_rows(dy), _dense(dh_last), x, _dense(h), _whole(cell), y, gates)
    backward_into(*given, convention, steps, dx=dx, dh=dh, dcell=dcell, **how)
    return dx, dh, dcell


def step(x: Array, h: Array, cell: Cell, convention: Convention) -> Array:
    """One step for a batch: x (B, I), h (B, H) -> new state (B, H). For many steps with the same weights: `Packed`."""
    h_last = np.empty(_array("h", h, "(B, H)").shape, h.dtype)
    forward_into(_rows(_array("x", x, "(B, I)"))[None], _dense(h), _whole(cell), convention, h_last=h_last, threads=1)
    return h_last


def readout(h: Array, V: Array, b: Array | None, *, threads: int | None = None, isa: str | None = None) -> Array:
    """The read-out of every state, V h + b.

    Args:
        h: states (T, B, H). V: (O, H). b: (O,) or None.

    Returns:
        (T, B, O), with the bits of one step at a time.
    """
    h, V = _rows(_array("h", h, "(T, B, H)")), _array("V", V, "(O, H)")
    out = np.empty((*h.shape[:2], V.shape[0]), h.dtype)
    n = all_threads() if threads is None else whole(threads)
    _core.readout(h, _dense(V), _dense(b), out=out, threads=n, isa=isa or _isa())
    return out


class Packed:
    """The weights of one layer in one direction, in the order in which the core reads them.

    For weights that do not change, as in the runtime and its streams: what the weights are afterwards is not seen.
    It pickles and copies as the plain weights.

    Args:
        cell, convention: as in `forward`; a `Held` cell's weights stay in its format, and meet float32.
        isa: an instruction set by name, default the one of `info()`.
    """

    def __init__(self, cell: Cell | Held, convention: Convention, isa: str | None = None) -> None:
        self.convention = convention
        own = {n: np.array(a, order="C") for n, a in cell._asdict().items() if isinstance(a, np.ndarray)}
        self._plain: Cell | Held = cell._replace(**own)  # type: ignore[arg-type]
        self._isa = isa  # None: whatever the machine where it is unpickled has
        how: dict[str, Any] = {"after": convention.reset == "after", "keeps": convention.keeps, "isa": isa or _isa()}
        if isinstance(self._plain, Held):
            *parts, how["format"] = self._plain
        else:
            parts = list(self._plain)
        self.core: Any = _core.Packed(*parts, **how)
        self.read = self.core.read  # all of it, so many times: the floor that the benchmark holds a step against
        # x (B, I), h (B, H), new state (B, H), which may be h; nothing is returned.
        self.weights = cell.W.size + cell.U.size
        self.step_into = self._shared_step if may_share(self.weights) else self.core.step

    def __reduce__(self) -> tuple[Any, ...]:
        return Packed, (self._plain, self.convention, self._isa)

    def forward(
        self,
        x: Array,
        h: Array | None,
        steps: Steps = Steps(),
        *,
        reverse: bool = False,
        gates: Array | None = None,
        out: Array | None = None,
        threads: int | None = None,
    ) -> tuple[Array, Array]:
        """Run over whole sequences: see `gruvy.reference.forward`."""
        x, H = _rows(_array("x", x, "(T, B, I)")), self._plain.U.shape[1]
        y = np.empty((*x.shape[:2], H), x.dtype) if out is None else out
        h_last = np.empty((x.shape[1], H), x.dtype)
        self.forward_into(x, _dense(h), steps, h_last=h_last, y=y, gates=gates, reverse=reverse, threads=threads)
        return y, h_last

    def forward_into(
        self,
        x: Any,
        h: Any,
        steps: Steps = Steps(),
        *,
        h_last: Any,
        y: Any = None,
        gates: Any = None,
        reverse: bool = False,
        threads: int | None = None,
    ) -> None:
        """`forward` into memory that the caller has, NumPy's or torch's: see `gruvy.engines.native.forward_into`."""
        self.core.forward(
            x,
            h,
            lengths=steps.lengths,
            mask=steps.mask,
            restarts=steps.restarts,
            reverse=reverse,
            y=y,
            gates=gates,
            h_last=h_last,
            threads=count(threads, x, h_last),
        )

    def _shared_step(self, x: Any, h: Any, h_last: Any) -> None:
        self.core.step(x, h, h_last, threads_for_step(len(x), self.weights))

    def step(self, x: Array, h: Array) -> Array:
        """One step for a batch: x (B, I), h (B, H) -> new state (B, H)."""
        h_last = np.empty(_array("h", h, "(B, H)").shape, h.dtype)
        self.step_into(x, h, h_last)
        return h_last
