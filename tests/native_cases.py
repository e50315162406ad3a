"""Problems for the native engine, and the engine's builds that this machine can run."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from compare import error, limit
from gruvy import reference
from gruvy.convention import Convention
from gruvy.engines import native
from gruvy.reference import Cell, Steps

CONVENTIONS = [Convention(r, u) for r, u in itertools.product(("before", "after"), ("adds", "keeps"))]
NAMES = ("dx", "dh", "dW", "dU", "db", "dc")


def builds() -> list[Any]:
    """Every instruction set as a test parameter; one that cannot run here skips by name."""
    there = dict(native.info().builds) if native.available()[0] else {}
    parameters = []
    for name in ("generic", "avx2", "avx512", "wide"):
        reason = "this processor lacks AVX-512" if name == "avx512" else f"this build has no {name} kernels"
        parameters.append(pytest.param(name, marks=pytest.mark.skipif(not there.get(name), reason=reason)))
    return parameters


def problem(convention: Convention, dtype: Any, T: int, B: int, I: int, H: int, seed: int = 0, *,
            lengths: bool = False, holes: bool = False, restarts: bool = False, biases: bool = True,
            poison: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Arguments and options of `forward`; whatever lies at steps that don't count is NaN."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    args = {
        "x": normal(T, B, I),
        "h": normal(B, H),
        "W": (rng.normal(size=(3 * H, I)) / I**0.5).astype(dtype),
        "U": (rng.normal(size=(3 * H, H)) / max(1, H) ** 0.5).astype(dtype),
        "b": normal(3 * H) if biases else None,
        "c": normal(H) if biases and convention.reset == "after" else None,
    }
    options: dict[str, Any] = {"lengths": None, "mask": None, "restarts": None}
    valid = np.ones((T, B), bool)
    if lengths:
        options["lengths"] = rng.integers(0, T + 1, B)
        valid &= np.arange(T)[:, None] < options["lengths"]
    if holes:
        options["mask"] = rng.random((T, B)) < 0.7
        valid &= options["mask"]
    if restarts:
        options["restarts"] = rng.random((T, B)) < 0.3
    if poison:
        args["x"][~valid] = np.nan
    return args, options


def whole(given: dict[str, Any]) -> dict[str, Any]:
    """Single arrays as an engine takes them: what belongs to the cell and to the steps in one piece each."""
    rest = dict(given)
    cell = Cell(*(rest.pop(name) for name in "WUbc"))
    steps = Steps(**{name: rest.pop(name) for name in Steps._fields if name in rest})
    return {**rest, "cell": cell, "steps": steps}


def gradients(found: tuple[Any, Any, Cell]) -> dict[str, Any]:
    """What `backward` gives, by name."""
    dx, dh, dcell = found
    return dict(zip(NAMES, (dx, dh, *dcell), strict=True))


def wide(args: dict[str, Any]) -> dict[str, Any]:
    """The same in float64."""
    return {k: None if v is None else v.astype(np.float64) for k, v in args.items()}


def expected(convention: Convention, args: dict[str, Any], options: dict[str, Any], dy: Any, dh: Any,
             reverse: bool) -> dict[str, Any]:  # fmt: skip
    """Everything the float64 reference gives."""
    T, B, _ = args["x"].shape
    a = wide(args)
    gates = np.empty((T, B, convention.gates, args["h"].shape[1]))
    given = {**whole(a | options), "convention": convention, "reverse": reverse}
    y, last = reference.forward(**given, gates=gates)
    dy, dh = (None if v is None else v.astype(np.float64) for v in (dy, dh))
    back = gradients(reference.backward(dy, dh, **given, y=y, gates=gates))
    return {"y": y, "last": last, "gates": gates, **back}


def actual(convention: Convention, args: dict[str, Any], options: dict[str, Any], dy: Any, dh: Any, reverse: bool,
           **how: Any) -> dict[str, Any]:  # fmt: skip
    """The same from the native engine; `how` is isa and threads."""
    T, B, _ = args["x"].shape
    gates = np.full((T, B, convention.gates, args["h"].shape[1]), np.nan, args["x"].dtype)
    given = {**whole(args | options), "convention": convention, "reverse": reverse, **how}
    y, last = native.forward(**given, gates=gates)
    y.flags.writeable = gates.flags.writeable = False
    back = gradients(native.backward(dy, dh, **given, y=y, gates=gates))
    return {"y": y, "last": last, "gates": gates, **back}


def assert_agree(got: dict[str, Any], want: dict[str, Any], dtype: Any) -> None:
    """Every tensor within the limit of its dtype; a zero must be met exactly."""
    most = limit("engine", dtype)
    for name, w in want.items():
        g = got[name]
        assert (g is None) == (w is None), name
        if w is None:
            continue
        assert g.shape == w.shape, f"{name}: shape {g.shape}, expected {w.shape}"
        assert g.dtype == dtype, f"{name}: dtype {g.dtype}, expected {np.dtype(dtype)}"
        e = error(g, w)
        assert e <= most, f"{name}: error {e:.2e}, limit {most:.0e}"


def assert_same_bits(got: dict[str, Any], want: dict[str, Any]) -> None:
    """Every number of every tensor the same, bit for bit."""
    for name, w in want.items():
        if w is None:
            assert got[name] is None, name
        else:
            assert np.array_equal(got[name].view(np.uint8), w.view(np.uint8)), f"{name}: other bits"


def ran(threads: int) -> None:
    """Fail unless the last call of this thread was done by so many threads."""
    there = native._core.team_size()
    assert there == threads, f"{there} threads ran, expected {threads}"


# On both sides of every number of lanes, 2 to 16, and of its multiples.
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 24, 25, 31, 32, 33, 40, 41, 47, 48, 49, 56, 57, 63, 64, 65)


class Trial(NamedTuple):
    """One random problem whose bits are compared; `seed` makes it again."""

    seed: int
    convention: Convention
    dtype: Any
    shape: tuple[int, int, int, int]  # T, B, I, H
    options: dict[str, bool]
    second: bool
    reverse: bool
    losses: tuple[bool, bool]


def trial(seed: int) -> Trial:
    """Any convention, dtype, size and option; two of three have more rows of steps than are summed together."""
    rng = np.random.default_rng(seed)
    H, I, B = int(rng.choice(SIZES)), int(rng.choice(SIZES[:17])), int(rng.choice([1, 2, 3, 5, 12, 13, 16, 33]))
    rows = int(rng.choice([40, 400, 1400]))
    bits = rng.integers(0, 2, 8).astype(bool).tolist()
    options = {"lengths": bits[0], "holes": bits[1], "restarts": bits[2], "biases": bits[3]}
    losses = [(True, True), (True, False), (False, True)][int(rng.integers(3))]
    return Trial(seed, CONVENTIONS[int(rng.integers(4))], (np.float32, np.float64)[int(bits[4])],
                 (max(2, rows // B), B, I, H), options, bits[3] and bits[5], bits[6], losses)  # fmt: skip


def differing(t: Trial, threads: Sequence[int] = (1, 2, 3)) -> tuple[int, list[str]]:
    """How many comparisons of this problem were made, and which found other bits.

    Everything that forward and backward give is compared over instruction sets and threads, with more padding, for
    some of the rows alone and for two chunks; of the last two what belongs to a row: the sums over rows are others.
    """
    (T, B, _, H), rng = t.shape, np.random.default_rng(t.seed)
    args, options = problem(t.convention, t.dtype, *t.shape, t.seed, **t.options)
    if t.second:
        args["c"] = rng.normal(size=3 * H).astype(t.dtype)
    dy, dh = (rng.normal(size=s).astype(t.dtype) if there else None
              for s, there in zip([(T, B, H), (B, H)], t.losses, strict=True))  # fmt: skip
    made, wrong = 0, []

    def compare(what: str, got: dict[str, Any], want: dict[str, Any], names: Sequence[str]) -> None:
        nonlocal made
        for name in names:
            made += 1
            try:
                assert_same_bits({name: got[name]}, {name: want[name]})
            except AssertionError:
                wrong.append(f"{what}: {name}")

    first = actual(t.convention, args, options, dy, dh, t.reverse, threads=1)
    for isa, runs in native.info().builds:
        for n in threads if runs else ():
            got = actual(t.convention, args, options, dy, dh, t.reverse, isa=isa, threads=n)
            if 4 * n <= B:
                ran(n)
            compare(f"{isa}, {n} threads", got, first, list(first))

    # More padding: steps that do not count, in front of a pass that runs back.
    extra = int(rng.integers(1, 1200))
    longer = {**args, "x": np.concatenate([args["x"], np.full((extra, *args["x"].shape[1:]), np.nan, t.dtype)])}
    padded = {k: None if v is None or k == "lengths" else np.concatenate([v, np.zeros((extra, B), bool)])
              for k, v in options.items()}  # fmt: skip
    padded["lengths"] = np.full(B, T) if options["lengths"] is None else options["lengths"]
    more = None if dy is None else np.concatenate([dy, np.full((extra, B, H), np.nan, t.dtype)])
    got = actual(t.convention, longer, padded, more, dh, t.reverse, threads=2)
    for name in ("y", "gates", "dx"):
        if np.any(got[name][T:]):
            wrong.append(f"padding: {name} is not 0 there")
        got[name] = got[name][:T]
    compare("padding", got, first, list(first))

    # Some rows alone.
    low, high = sorted(rng.integers(0, B + 1, 2).tolist())
    rows = slice(low, high + (low == high < B))

    def alone(a: Any) -> Any:
        return None if a is None else np.ascontiguousarray(a[:, rows])

    part = {**args, "x": alone(args["x"]), "h": args["h"][rows]}
    chosen = {k: None if v is None else v[rows] if k == "lengths" else alone(v) for k, v in options.items()}
    got = actual(t.convention, part, chosen, alone(dy), None if dh is None else dh[rows], t.reverse, threads=2)
    names = ("y", "last", "gates", "dx", "dh")
    compare("batch", got, {k: first[k][rows] if k in ("last", "dh") else alone(first[k]) for k in names}, names)

    # Two chunks of steps, forward in one order and back in the other.
    cut = int(rng.integers(0, T + 1))
    spans = [slice(0, cut), slice(cut, T)][:: -1 if t.reverse else 1]

    def of(span: slice, a: Any) -> Any:
        return None if a is None else np.ascontiguousarray(a[span])

    def steps(span: slice) -> dict[str, Any]:
        left = (
            None if options["lengths"] is None else np.clip(options["lengths"] - span.start, 0, span.stop - span.start)
        )
        return {"lengths": left, **{k: of(span, options[k]) for k in ("mask", "restarts")}}

    h, kept = args["h"], []
    for span in spans:
        own = {**args, "x": of(span, args["x"]), "h": h}
        kept.append(forward_kept(t.convention, own, steps(span), t.reverse))
        h = kept[-1][1]
    after = dh
    for span, (y, _, gates, start) in reversed(list(zip(spans, kept, strict=True))):
        own = {**args, "x": of(span, args["x"]), "h": start}
        given = {**whole(own | steps(span)), "y": y, "gates": gates, "convention": t.convention, "reverse": t.reverse}
        dx, after, _ = native.backward(of(span, dy), after, **given)
        compare("chunks", {"y": y, "gates": gates, "dx": dx}, {k: of(span, first[k]) for k in ("y", "gates", "dx")},
                ("y", "gates", "dx"))  # fmt: skip
    compare("chunks", {"last": h, "dh": after}, first, ("last", "dh"))
    return made, wrong


def forward_kept(convention: Convention, args: dict[str, Any], options: dict[str, Any], reverse: bool) -> Any:
    """States, last state, gates, and the state it began with."""
    gates = np.empty((*args["x"].shape[:2], convention.gates, args["h"].shape[1]), args["x"].dtype)
    y, last = native.forward(**whole(args | options), convention=convention, reverse=reverse, gates=gates)
    return y, last, gates, args["h"]


def main(count: int, start: int) -> int:
    """Many random problems, one line about each that differs: the exit code is 0 if none does."""
    made, wrong = 0, 0
    for seed in range(start, start + count):
        t = trial(seed)
        n, found = differing(t, [1 + seed % 3])
        made, wrong = made + n, wrong + len(found)
        for what in found:
            print(f"{t}: {what}", flush=True)
    print(f"{count} configurations from {start} on, {made} comparisons, {wrong} with other bits")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
