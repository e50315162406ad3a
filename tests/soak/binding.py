"""Hostile calls of the native engine: a result or an error of gruvy's own, and not a byte beside the results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from gruvy.engines import native, threads
from native_cases import CONVENTIONS, problem, whole

from .counts import Broken, Counts
from .workers import MB, Attack, Place, run

GUARD, SIGN = 64, 0x5A  # bytes before and after each result, and what they hold


class Guarded:
    """Arrays to write into, with memory around them that nobody may touch."""

    def __init__(self) -> None:
        self.whole: list[np.ndarray[Any, Any]] = []

    def __call__(self, shape: tuple[int, ...], dtype: Any) -> Any:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = np.full(size + 2 * GUARD, SIGN, np.uint8)
        self.whole.append(memory)
        return memory[GUARD : GUARD + size].view(dtype).reshape(shape)

    def check(self) -> None:
        for memory in self.whole:
            if (memory[:GUARD] != SIGN).any() or (memory[-GUARD:] != SIGN).any():
                raise Broken("the native core wrote beside an array")


class _Liar:
    """Says that it is an array, and is not."""

    shape, dtype, ndim = (2, 3), np.dtype("f"), 2
    __array_interface__ = {"shape": (2, 3), "typestr": "<f4", "version": 3, "data": (0, False)}  # noqa: RUF012

    def __dlpack__(self, **how: Any) -> Any:
        raise RuntimeError("no")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def array(r: Random, a: Any, huge: bool = False) -> Any:
    """An array like this one, but for shape, type, strides, order, alignment or right to write."""
    if not isinstance(a, np.ndarray):
        a = np.zeros(r.choice(((3,), (2, 3), (2, 3, 4))), r.choice("fd"))
    if a.size > 2**20:  # gigabytes that do not exist: a copy would make them
        return a
    kind = r.randrange(14)
    axis = r.randrange(a.ndim) if a.ndim else 0
    if kind == 0:
        return np.zeros([max(0, n + r.choice((-1, 1, 7, -n, 0))) for n in a.shape], a.dtype)
    if kind == 1:
        return a.astype(
            r.choice(("f2", "f4", "f8", "i4", "i8", "u1", "b1", "c8", "M8[s]", "U3", "O", ">f4", ">f8", "V4"))
        )
    if kind == 2:
        return a[..., ::-1] if a.ndim else a
    if kind == 3:
        return np.asfortranarray(a)
    if kind == 4:
        return a[::2] if a.ndim else a
    if kind == 5:
        return np.moveaxis(a, axis, 0) if a.ndim else a
    if kind == 6:
        a = a.copy()
        a.flags.writeable = False
        return a
    if kind == 7:
        return np.zeros((0,) * a.ndim, a.dtype)
    if kind == 8:
        return np.broadcast_to(np.zeros((), a.dtype), a.shape)
    if kind == 9:  # not aligned
        return np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape) if a.nbytes else a
    if kind == 10:
        return a[None] if r.random() < 0.5 else a.reshape(-1)
    if kind == 11:
        return np.zeros((1,) * r.choice((0, 5, 9, 32)), a.dtype)
    if kind == 12:  # gigabytes that do not exist
        return np.broadcast_to(np.zeros((), a.dtype), (2**31, *a.shape[1:])) if a.ndim and huge else a
    return np.full_like(a, r.choice((0, -1, 2**62, 1)) if a.dtype.kind == "i" else 0)


def hostile(r: Random, a: Any) -> Any:
    """Another argument in place of this one; itself where the odd thing cannot be made of it."""
    try:
        return array(r, a, huge=True) if r.random() < 0.7 else odd(r, a)
    except (ArithmeticError, MemoryError, LookupError, RuntimeError, TypeError, ValueError):
        return a


def odd(r: Random, a: Any) -> Any:
    """What is no NumPy array."""
    import torch

    things: list[Callable[[], Any]] = [
        lambda: None, lambda: 0, lambda: 2**70, lambda: "x", lambda: [1.0, 2.0], lambda: {}, lambda: object(),
        lambda: b"1234" * 6, lambda: memoryview(bytearray(24)).cast("f"), lambda: float("nan"), _Liar, lambda: _Liar,
        lambda: np.float32(1), lambda: np.zeros(4, "f").data, lambda: True,
    ]  # fmt: skip
    if isinstance(a, np.ndarray) and a.dtype.kind in "fib" and r.random() < 0.6:
        t = torch.from_numpy(a.copy())
        things = [
            lambda: t, lambda: t.to("meta"), lambda: t.requires_grad_() if t.is_floating_point() else t,
            lambda: t.to(torch.bfloat16), lambda: t.to_sparse(), lambda: t.transpose(0, -1), lambda: t.expand_as(t),
            lambda: torch.complex(t.float(), t.float()).conj().imag,
            lambda: torch._efficientzerotensor(t.shape, dtype=t.dtype),
            lambda: t.flip(0), lambda: t[..., :0], lambda: torch.nn.Parameter(t.float()), lambda: t.to_mkldnn(),
            lambda: torch.zeros((), dtype=t.dtype).expand(2**31, *t.shape[1:]),
        ]  # fmt: skip
    return r.choice(things)()


NUMBERS = [0, 1, 2, 3, -1, 2**31 - 1, 2**31, 2**63, 10**30, -(2**31), 1.5, "1", None, True, np.int64(2), float("nan")]


NUMBER_NAMES = {"after", "keeps", "reverse", "threads", "isa"}


def call(r: Random) -> tuple[Callable[..., Any], dict[str, Any], Guarded]:
    """A call that is right: a function of the core and its arguments by name."""
    convention, dtype, guarded = r.choice(CONVENTIONS), r.choice((np.float32, np.float64)), Guarded()
    T, B, I, H = (r.choice((1, 2, 3, 5, 8, 17)) for _ in range(4))
    if r.random() < 0.15:
        T, B, I, H = (r.choice((0, n)) for n in (T, B, I, H))
    given = {name: r.random() < 0.5 for name in ("lengths", "holes", "restarts")}
    args, options = problem(convention, dtype, T, B, max(I, 1), H, r.getrandbits(20), **given)
    x, h, I = args["x"], args["h"], args["x"].shape[2]
    cell: dict[str, Any] = {name: args[name] for name in "WUbc"}
    kind = {"after": convention.reset == "after", "keeps": convention.keeps, "isa": native.info().isa}
    steps = options | {"reverse": r.random() < 0.5, "threads": r.choice((1, 2, 3))}
    y, gates = guarded((T, B, H), dtype), guarded((T, B, convention.gates, H), dtype)
    last = guarded((B, H), dtype)
    what = r.randrange(5)
    if what == 0:
        results = {"y": y, "gates": gates, "h_last": last}
        return native._core.forward, {"x": x, "h": h, **cell, **kind, **steps, **results}, guarded
    if what == 1:
        y[...], gates[...] = 0.1, 0.5
        shapes = {"dx": (T, B, I), "dh": (B, H), "dW": (3 * H, I), "dU": (3 * H, H), "db": (3 * H,)}
        results = {name: guarded(shape, dtype) for name, shape in shapes.items()}
        c = cell["c"]
        results["dc"] = guarded(c.shape if c is not None else (H,), dtype) if kind["after"] else None
        saved = {"dy": y, "dh_last": last, "x": x, "h": h, **cell, "y": y, "gates": gates}
        return native._core.backward, saved | kind | steps | results, guarded
    if what == 2:
        O = r.choice((1, 3, 9))
        V, out = np.zeros((O, H), dtype), guarded((T, B, O), dtype)
        b = V[:, 0].copy() if H else None
        how = {"threads": steps["threads"], "isa": kind["isa"]}
        return native._core.readout, {"h": y, "V": V, "b": b, "out": out, **how}, guarded
    if what == 3:
        packed = native._core.Packed(**cell, **kind)
        if r.random() < 0.5:
            return packed.step, {"x": x[0] if T else np.zeros((B, I), dtype), "h": h, "h_last": last}, guarded
        return packed.forward, {"x": x, "h": h, **steps, "y": y, "gates": gates, "h_last": last}, guarded
    return native._core.Packed, {**cell, **kind}, guarded


def one(r: Random) -> str:
    """A call of the core with some arguments made hostile."""
    function, args, guarded = call(r)
    for _ in range(r.choice((0, 1, 1, 1, 2, 3))):
        name = r.choice(list(args))
        if name in NUMBER_NAMES:
            args[name] = r.choice(NUMBERS)
        elif r.random() < 0.15:  # two arguments in the same memory
            args[name] = args[r.choice(list(args))]
        else:
            args[name] = hostile(r, args[name])
    try:
        function(**args)
    except TypeError as error:
        # What the binding itself says where a number or a name is of another type.
        if not str(error).startswith(("forward()", "backward()", "readout()", "step()", "__init__()")):
            raise
        guarded.check()
        return "calls with a number or a name of a wrong type"
    guarded.check()
    return ""


def wrapped(r: Random) -> str:
    """A call of `gruvy.engines.native`, whose arguments are arrays, with some of them made hostile."""
    convention, dtype = r.choice(CONVENTIONS), r.choice((np.float32, np.float64))
    T, B, I, H = (r.choice((0, 1, 2, 3, 5, 8)) for _ in range(4))
    args, options = problem(convention, dtype, T, B, max(1, I), H, r.getrandbits(20), lengths=r.random() < 0.5)
    given: dict[str, Any] = {**args, **options}
    names = r.sample(list(given), r.choice((0, 1, 1, 2)))
    for name in names:
        with contextlib.suppress(ArithmeticError, ValueError):
            given[name] = array(r, given[name])
    count = r.choice((None, None, None, 1, 2))
    what = r.randrange(4)
    if what == 0:
        threads.set_threads(r.choice(NUMBERS))
        if not isinstance(threads.threads(), (int, np.integer)) or threads.threads() < 1:
            raise Broken("set_threads took what is no number of threads")
        threads.set_threads(1)
    elif what == 1:
        native.forward(**whole(given), convention=convention, threads=count)
    elif what == 2:
        x = given["x"]
        native.step(x[0] if x.ndim and x.size else x, given["h"], whole(given)["cell"], convention)
    else:
        gates = np.full((T, B, convention.gates, H), 0.5, dtype)
        y, dy = array(r, gates[:, :, 0]) if r.random() < 0.2 else gates[:, :, 0].copy(), gates[:, :, 0].copy()
        native.backward(dy, args["h"], **whole(given), y=y, gates=gates, convention=convention, threads=count)
    return ""


def attack(part: str, seed: int) -> Attack:
    """Calls of the core, and now and then of its wrappers."""

    def case(k: int, folder: Path) -> str:
        r = Random((seed << 40) + k)
        return wrapped(r) if k % 4 == 3 else one(r)

    return Attack(name="binding", run=case, seconds=30, memory=1024 * MB, life=5000,
                  again=f"python -m soak again binding {seed}")  # fmt: skip


def binding(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Calls for so long."""
    return [run(attack("", seed), place, seconds=seconds)]
