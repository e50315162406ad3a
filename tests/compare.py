"""The one comparison and the one table of tolerances that the tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

# kind of quantity, by dtype: the largest max|a-b| / max|b| that passes, and why that is enough and not too much.
TOLERANCES: dict[tuple[str, str], float] = {
    # Two orders of the same float64 operations: a few hundred roundings of 1.1e-16.
    ("same", "float64"): 1e-12,
    # Hand-written derivatives against the complex step, which has no cancellation.
    ("derivative", "float64"): 1e-13,
    # Second derivatives pass through twice as many operations.
    ("second", "float64"): 1e-11,
    # Two orders of the same float32 operations over tens of steps: a few hundred roundings of 6e-8.
    ("same", "float32"): 1e-5,
    # A sum over batch and time of what is above.
    ("gradient", "float32"): 5e-5,
    ("gradient", "float64"): 1e-12,
    # No arithmetic lies between the two.
    ("exact", "float64"): 0.0,
    ("exact", "float32"): 0.0,
    ("exact", "bool"): 0.0,
    ("exact", "int64"): 0.0,
}


def numpy(a: Any) -> np.ndarray[Any, Any]:
    """A tensor, array or number as an array."""
    if hasattr(a, "detach"):
        a = a.detach().cpu().resolve_conj().numpy()
    return np.asarray(a)


def error(actual: Any, expected: Any) -> float:
    """max|a-b| / max|b|; infinite when either holds a NaN or an infinity."""
    a, b = numpy(actual), numpy(expected)
    if a.size == 0:
        return 0.0
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    with np.errstate(over="ignore"):
        difference = float(np.abs(np.subtract(a, b, dtype=np.result_type(a, b, np.float64))).max())
    scale = float(np.abs(b).max())
    if difference == 0:
        return 0.0
    return difference / scale if scale else float("inf")


def assert_close(actual: Any, expected: Any, kind: str = "same", name: str = "") -> float:
    """Fail unless `actual` equals `expected` to the table's limit for this kind and dtype.

    The error is max|a-b| / max|b| over the tensor. A NaN or infinity on either side, another shape or another dtype
    fails. Returns error / limit, how much of the limit was used, and prints it for ``pytest -rP``.
    """
    a, b = numpy(actual), numpy(expected)
    what = name or kind
    assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
    assert a.dtype == b.dtype, f"{what}: dtype {a.dtype}, expected {b.dtype}"
    limit = TOLERANCES[kind, str(b.dtype)]
    e = error(a, b)
    used = (e / limit) if limit else (0.0 if e == 0 else float("inf"))
    print(f"{what}: error {e:.1e}, {100 * used:.1f} % of the limit {limit:.0e}")
    assert e <= limit, f"{what}: error {e:.3e}, limit {limit:.0e}"
    return used
