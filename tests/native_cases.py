"""Problems for the native engine, and the engine's builds that this machine can run."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from compare import error
from gruvy import reference
from gruvy.convention import Convention
from gruvy.engines import native

CONVENTIONS = [Convention(r, u) for r, u in itertools.product(("before", "after"), ("adds", "keeps"))]
NAMES = ("dx", "dh", "dW", "dU", "db", "dc")

# The issue's own limits, max|a-b| / max|b| against the float64 reference.
LIMITS = {"float32": 2e-6, "float64": 1e-12}


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


def wide(args: dict[str, Any]) -> dict[str, Any]:
    """The same in float64."""
    return {k: None if v is None else v.astype(np.float64) for k, v in args.items()}


def expected(convention: Convention, args: dict[str, Any], options: dict[str, Any], dy: Any, dh: Any,
             reverse: bool) -> dict[str, Any]:  # fmt: skip
    """Everything the float64 reference gives."""
    T, B, _ = args["x"].shape
    a = wide(args)
    gates = np.empty((T, B, convention.gates, args["h"].shape[1]))
    y, last = reference.forward(**a, convention=convention, reverse=reverse, gates=gates, **options)
    dy, dh = (None if v is None else v.astype(np.float64) for v in (dy, dh))
    back = reference.backward(dy, dh, **a, y=y, gates=gates, convention=convention, reverse=reverse, **options)
    return {"y": y, "last": last, "gates": gates, **dict(zip(NAMES, back, strict=True))}


def actual(convention: Convention, args: dict[str, Any], options: dict[str, Any], dy: Any, dh: Any, reverse: bool,
           **how: Any) -> dict[str, Any]:  # fmt: skip
    """The same from the native engine; `how` is isa and threads."""
    T, B, _ = args["x"].shape
    gates = np.full((T, B, convention.gates, args["h"].shape[1]), np.nan, args["x"].dtype)
    y, last = native.forward(**args, convention=convention, reverse=reverse, gates=gates, **options, **how)
    y.flags.writeable = gates.flags.writeable = False
    back = native.backward(dy, dh, **args, y=y, gates=gates, convention=convention, reverse=reverse, **options, **how)
    return {"y": y, "last": last, "gates": gates, **dict(zip(NAMES, back, strict=True))}


def assert_agree(got: dict[str, Any], want: dict[str, Any], dtype: Any) -> None:
    """Every tensor within the limit of its dtype; a zero must be met exactly."""
    limit = LIMITS[np.dtype(dtype).name]
    for name, w in want.items():
        g = got[name]
        assert (g is None) == (w is None), name
        if w is None:
            continue
        assert g.shape == w.shape, f"{name}: shape {g.shape}, expected {w.shape}"
        assert g.dtype == dtype, f"{name}: dtype {g.dtype}, expected {np.dtype(dtype)}"
        e = error(g, w)
        assert e <= limit, f"{name}: error {e:.2e}, limit {limit:.0e}"


def assert_same_bits(got: dict[str, Any], want: dict[str, Any]) -> None:
    """Every number of every tensor the same, bit for bit."""
    for name, w in want.items():
        if w is None:
            assert got[name] is None, name
        else:
            assert np.array_equal(got[name].view(np.uint8), w.view(np.uint8)), f"{name}: other bits"
