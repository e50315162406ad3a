"""The native engine: the C++ core on NumPy arrays and, where memory is given, on torch tensors of the CPU.

`forward`, `backward` and `step` are those of `gruvy.reference`, for float32 and float64. The numbers are the same, bit
for bit, whatever batch a sequence is in, its padding, the number of threads, whether it is run whole, in chunks or step
by step, and whichever instruction set the processor has.
"""

from __future__ import annotations

import functools
import importlib
import os
import time
from typing import Any, NamedTuple

import numpy as np

from ..convention import Convention
from ..errors import EngineError, InputError

_core: Any = None
try:
    _core = importlib.import_module("gruvy._core")
except ImportError as _error:
    _missing = "this build has no native core" if isinstance(_error, ModuleNotFoundError) else str(_error)
    if os.environ.get("GRUVY_NATIVE") == "require":
        raise EngineError(f"GRUVY_NATIVE=require: {_missing}") from _error

Array = np.ndarray[Any, Any]


class Info(NamedTuple):
    """The instruction set in use and why, the threads of a call by default, and every build: (name, runs here)."""

    isa: str
    reason: str
    threads: int
    builds: tuple[tuple[str, bool], ...]


@functools.cache
def _selected() -> tuple[str | None, str]:
    """The name of the instruction set in use, or None, and why."""
    if _core is None:
        return None, _missing
    asked = os.environ.get("GRUVY_ISA")
    builds = _core.isas()
    if asked:
        for name, supported, _, needs in builds:
            if name == asked:
                if not supported:
                    raise EngineError(f"GRUVY_ISA={asked}: this processor lacks {needs}")
                return name, f"GRUVY_ISA={asked}"
        raise EngineError(f"GRUVY_ISA={asked}: this build has {', '.join(b[0] for b in builds)}")
    for name, supported, automatic, needs in builds:
        if supported and automatic:
            return name, "the portable build" if name == "generic" else f"this processor has {needs}"
    return None, "this processor lacks AVX2 and FMA; GRUVY_ISA=generic forces the portable build, which is slow"


def _isa() -> str:
    name, reason = _selected()
    if name is None:
        raise EngineError(f"no native engine: {reason}")
    return name


def available() -> tuple[bool, str]:
    """Whether the native engine is there, and why, or why not.

    Raises:
        EngineError: the environment variable ``GRUVY_ISA`` names an instruction set that this processor or this build
            does not have.
    """
    name, reason = _selected()
    return name is not None, reason if name is None else f"native core, {name}: {reason}"


if _core is not None and os.environ.get("GRUVY_NATIVE") == "require":
    _isa()


@functools.cache
def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_threads: int | None = None


def set_threads(threads: int | None) -> None:
    """Set the number of threads of a call that names none; None means one for each processor.

    Raises:
        InputError: the number is below 1.
    """
    global _threads
    if threads is not None and threads < 1:
        raise InputError(f"threads: {threads}, wanted 1 or more")
    _threads = threads


def threads() -> int:
    """The number of threads of a large call that names none."""
    return _threads or _processors()


# Below these, two threads were slower than one where it was measured: operations of a call, and B·H² of a step.
_SMALL, _SMALL_STEP = 50e6, 128 * 128


def threads_for(x: Any, state: Any) -> int:
    """The number of threads of a call that names none: one where sharing costs more than it saves.

    Few rows are shared out by hidden units, with a wait at every step. The numbers are the same whatever the threads.
    x (T, B, I), state (B, H); what has other axes, the core will refuse.
    """
    if len(getattr(x, "shape", ())) != 3 or len(getattr(state, "shape", ())) != 2:
        return 1
    (T, B, I), H = x.shape, state.shape[1]
    if 6 * T * B * H * (I + H) < _SMALL or (B < 8 and B * H * H < _SMALL_STEP):
        return 1
    return threads()


def info() -> Info:
    """What `gruvy doctor` prints.

    Raises:
        EngineError: there is no native engine; the text says why.
    """
    isa = _isa()
    return Info(isa, _selected()[1], threads(), tuple((b[0], b[1]) for b in _core.isas()))


def peak(rounds: int) -> tuple[float, float]:
    """Float32 fused multiply-adds in registers alone: operations a second of this call, and operations done."""
    start = time.perf_counter()
    operations: float = _core.peak(rounds, _isa())
    return operations / (time.perf_counter() - start), operations


def _dense(a: Any) -> Any:
    return a if a is None or a.flags.c_contiguous else np.ascontiguousarray(a)


def _rows(a: Any) -> Any:
    """With unit stride in the last axis."""
    fits = a is None or a.shape[-1] == 1 or a.strides[-1] == a.itemsize
    return a if fits else np.ascontiguousarray(a)


def forward_into(x: Any, h: Any, W: Any, U: Any, b: Any, c: Any, convention: Convention, *, h_last: Any, y: Any = None,
                 gates: Any = None, lengths: Any = None, mask: Any = None, restarts: Any = None, reverse: bool = False,
                 recurrent: Any = None, threads: int | None = None, isa: str | None = None) -> None:  # fmt: skip
    """`forward` into memory that the caller has: NumPy arrays or torch tensors of the CPU, all of one dtype.

    Args:
        x, h, W, U, b, c, convention, lengths, mask, restarts, reverse: as in `forward`; h may be None = zeros; x with
            unit stride in its last axis, h and the weights contiguous.
        h_last: (B, H), the last state; may be h.
        y: (T, B, H), the states, or None if only the last is wanted. gates: (T, B, G, H) or None. Unit strides after
            the first two axes.
        c: (H,), or torch's second bias (3H,): added to b, but for the candidate's part with reset after.
        recurrent: (T, B, H), multiplies the state where it meets U; None is 1.
        threads: default `threads_for` this size. isa: an instruction set by name, default the one of `info()`.

    Raises:
        InputError, InputTypeError: the text names the argument, what came and what was wanted.
        EngineError: there is no native engine.
    """
    isa = isa or _isa()
    _core.forward(x, h, W, U, b, c, convention.reset == "after", convention.keeps, lengths, mask, restarts, reverse, y,
                  gates, h_last, recurrent, threads or threads_for(x, h_last), isa)  # fmt: skip


def backward_into(dy: Any, dh_last: Any, x: Any, h: Any, W: Any, U: Any, b: Any, c: Any, y: Any, gates: Any,
                  convention: Convention, *, dx: Any, dh: Any, dW: Any, dU: Any, db: Any, dc: Any, lengths: Any = None,
                  mask: Any = None, restarts: Any = None, reverse: bool = False, recurrent: Any = None,
                  threads: int | None = None, isa: str | None = None) -> None:  # fmt: skip
    """`backward` into memory that the caller has: NumPy arrays or torch tensors of the CPU, all of one dtype.

    dx may be None, dc is None with reset before, and (3H,) where c is; dh and the gradients of the parameters are
    contiguous. The rest is as in `backward` and `forward_into`.
    """
    isa = isa or _isa()
    _core.backward(dy, dh_last, x, h, W, U, b, c, y, gates, convention.reset == "after", convention.keeps, lengths,
                   mask, restarts, reverse, recurrent, dx, dh, dW, dU, db, dc,
                   threads or threads_for(x, dh), isa)  # fmt: skip


def dc_size(c: Any, H: int, convention: Convention) -> int | None:
    """How many numbers the gradient of c has; None where there is none."""
    return c.shape[0] if c is not None else H if convention.reset == "after" else None


def forward(x: Array, h: Array, W: Array, U: Array, b: Array | None, c: Array | None, convention: Convention, *,
            lengths: Array | None = None, mask: Array | None = None, restarts: Array | None = None,
            reverse: bool = False, gates: Array | None = None, out: Array | None = None,
            recurrent: Array | None = None, threads: int | None = None,
            isa: str | None = None) -> tuple[Array, Array]:  # fmt: skip
    """Run one layer in one direction over whole sequences: see `gruvy.reference.forward`.

    Args:
        c, recurrent, threads, isa: see `forward_into`.
    """
    x = _rows(x)
    y = np.empty((*x.shape[:2], U.shape[-1]), x.dtype) if out is None else out
    h_last = np.empty((x.shape[1], U.shape[-1]), x.dtype)
    forward_into(x, _dense(h), _dense(W), _dense(U), _dense(b), _dense(c), convention, h_last=h_last, y=y,
                 gates=gates, lengths=lengths, mask=mask, restarts=restarts, reverse=reverse,
                 recurrent=_rows(recurrent), threads=threads, isa=isa)  # fmt: skip
    return y, h_last


def backward(dy: Array | None, dh_last: Array | None, x: Array, h: Array, W: Array, U: Array, b: Array | None,
             c: Array | None, y: Array, gates: Array, convention: Convention, *, lengths: Array | None = None,
             mask: Array | None = None, restarts: Array | None = None, reverse: bool = False, needs_dx: bool = True,
             recurrent: Array | None = None, threads: int | None = None,
             isa: str | None = None) -> tuple[Array | None, Array, Array, Array, Array, Array | None]:  # fmt: skip
    """Backpropagation through time: see `gruvy.reference.backward`.

    Args:
        c, recurrent, threads, isa: see `forward_into`.
    """
    x = _rows(x)
    B, I, H = x.shape[1], x.shape[2], U.shape[-1]
    dx = np.empty(x.shape, x.dtype) if needs_dx else None
    dh, dW, dU = np.empty((B, H), x.dtype), np.empty((3 * H, I), x.dtype), np.empty((3 * H, H), x.dtype)
    db = np.empty(3 * H, x.dtype)
    size = dc_size(c, H, convention)
    dc = np.empty(size, x.dtype) if size is not None else None
    backward_into(_rows(dy), _dense(dh_last), x, _dense(h), _dense(W), _dense(U), _dense(b), _dense(c), y, gates,
                  convention, dx=dx, dh=dh, dW=dW, dU=dU, db=db, dc=dc, lengths=lengths, mask=mask, restarts=restarts,
                  reverse=reverse, recurrent=_rows(recurrent), threads=threads, isa=isa)  # fmt: skip
    return dx, dh, dW, dU, db, dc


def step(x: Array, h: Array, W: Array, U: Array, b: Array | None, c: Array | None, convention: Convention) -> Array:
    """One step for a batch: x (B, I), h (B, H) -> new state (B, H). For many steps with the same weights: `pack`."""
    h_last = np.empty(h.shape, h.dtype)
    forward_into(_rows(x)[None], _dense(h), _dense(W), _dense(U), _dense(b), _dense(c), convention, h_last=h_last,
                 threads=1)  # fmt: skip
    return h_last


def readout(h: Array, V: Array, b: Array | None, *, lengths: Array | None = None, mask: Array | None = None,
            out: Array | None = None, threads: int | None = None, isa: str | None = None) -> Array:  # fmt: skip
    """The read-out of every state, V h + b at steps that count and 0 elsewhere.

    Args:
        h: states (T, B, H). V: (O, H). b: (O,) or None. lengths, mask: as in `forward`.
        out: (T, B, O), filled with the result, or None to allocate.

    Returns:
        (T, B, O), with the bits of one step at a time.
    """
    h = _rows(h)
    if out is None:
        out = np.empty((*h.shape[:2], V.shape[0]), h.dtype)
    _core.readout(h, _dense(V), _dense(b), lengths, mask, out, threads or _threads or _processors(), isa or _isa())
    return out


class Packed:
    """The weights of one layer in one direction, in the order in which the core reads them.

    For weights that do not change, as in the runtime and its streams: what the weights are afterwards is not seen.
    It pickles and copies as the plain weights.

    Args:
        W, U, b, c, convention: as in `forward`. isa: an instruction set by name, default the one of `info()`.
    """

    def __init__(self, W: Array, U: Array, b: Array | None, c: Array | None, convention: Convention,
                 isa: str | None = None) -> None:  # fmt: skip
        self.convention = convention
        self._plain = tuple(None if a is None else np.array(a, order="C") for a in (W, U, b, c))
        self._isa = isa  # None: whatever the machine where it is unpickled has
        isa = isa or _isa()
        self._core: Any = _core.Packed(*self._plain, convention.reset == "after", convention.keeps, isa)
        self.read = self._core.read  # all of it, so many times: the floor that the benchmark holds a step against
        self.step_into = self._core.step  # x (B, I), h (B, H), new state (B, H), which may be h; nothing is returned

    def __reduce__(self) -> tuple[Any, ...]:
        return Packed, (*self._plain, self.convention, self._isa)

    def forward(self, x: Array, h: Array | None, *, lengths: Array | None = None, mask: Array | None = None,
                restarts: Array | None = None, reverse: bool = False, gates: Array | None = None,
                out: Array | None = None, threads: int | None = None) -> tuple[Array, Array]:  # fmt: skip
        """Run over whole sequences: see `gruvy.reference.forward`."""
        x = _rows(x)
        H = self._plain[1].shape[1]  # type: ignore[union-attr]
        y = np.empty((*x.shape[:2], H), x.dtype) if out is None else out
        h_last = np.empty((x.shape[1], H), x.dtype)
        self.forward_into(x, _dense(h), h_last=h_last, y=y, gates=gates, lengths=lengths, mask=mask,
                          restarts=restarts, reverse=reverse, threads=threads)  # fmt: skip
        return y, h_last

    def forward_into(self, x: Any, h: Any, *, h_last: Any, y: Any = None, gates: Any = None, lengths: Any = None,
                     mask: Any = None, restarts: Any = None, reverse: bool = False,
                     threads: int | None = None) -> None:  # fmt: skip
        """`forward` into memory that the caller has, NumPy's or torch's: see `gruvy.engines.native.forward_into`."""
        self._core.forward(x, h, lengths, mask, restarts, reverse, y, gates, h_last,
                           threads or threads_for(x, h_last))  # fmt: skip

    def step(self, x: Array, h: Array) -> Array:
        """One step for a batch: x (B, I), h (B, H) -> new state (B, H)."""
        h_last = np.empty(h.shape, h.dtype)
        self.step_into(x, h, h_last)
        return h_last


def pack(W: Array, U: Array, b: Array | None, c: Array | None, convention: Convention) -> Packed:
    """The weights packed once, for many calls."""
    return Packed(W, U, b, c, convention)
