"""The one comparison and the one table of tolerances that the tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

# kind of quantity, by dtype: the largest max|a-b| / max|b| that passes, and why that is enough and not too much.
TOLERANCES: dict[tuple[str, str], float] = {
    # No arithmetic lies between the two.
    ("exact", "float64"): 0.0,
    ("exact", "float32"): 0.0,
    ("exact", "bool"): 0.0,
    ("exact", "int64"): 0.0,
    # The few operations of one step, written down twice.
    ("equation", "float64"): 1e-15,
    # Two orders of the same float64 operations: a few hundred roundings of 1.1e-16.
    ("same", "float64"): 1e-12,
    # Two orders of the same float32 operations over tens of steps: a few hundred roundings of 6e-8.
    ("same", "float32"): 1e-5,
    # The native engine against the float64 reference: what the README promises.
    ("engine", "float32"): 2e-6,
    ("engine", "float64"): 1e-12,
    # Hand-written derivatives against the complex step, which has no cancellation.
    ("derivative", "float64"): 1e-13,
    # Second derivatives pass through twice as many operations.
    ("second", "float64"): 1e-11,
    # Central differences, with the square of their step for an error.
    ("central", "float64"): 1e-6,
    # A sum over batch and time of what is above.
    ("gradient", "float32"): 5e-5,
    ("gradient", "float64"): 1e-12,
    # Norms of products of up to a hundred Jacobians, and their logarithms down to -1000.
    ("norm", "float64"): 1e-12,
    # States of a layer in lower precision, against float64: some units of its last place.
    ("bfloat16", "float64"): 20 * 2.0**-7,
    ("float16", "float64"): 20 * 2.0**-10,
    # What a float32 model answers, by torch and by NumPy, whole and step by step: probabilities and numbers.
    ("answer", "float32"): 1e-5,
    ("answer", "float64"): 1e-5,
    # The same after training twice on inputs that scaling makes equal but for their rounding.
    ("trained", "float64"): 1e-4,
    # A unit set to remember: its bias is a float32 number.
    ("decay", "float64"): 1e-6,
    # float32 parts that add up to a sum: probabilities to 1.
    ("total", "float32"): 1e-6,
    ("total", "float64"): 1e-6,
    # The mean of losses in two orders, in float32.
    ("mean of losses", "float64"): 1e-6,
    # Gradients of a float32 layer, in float64, against a float64 layer.
    ("float32 gradient", "float64"): 1e-5,
    # Numbers that the explorer's page carries in float32.
    ("carried", "float32"): 1e-5,
    ("float32", "float64"): 20 * 2.0**-23,
    # Contributions add up to what they explain as well as the test asked for.
    ("integral", "float64"): 1e-5,
}
# The same by absolute error, whatever the dtype: max|a-b|.
ABSOLUTE: dict[str, float] = {
    # Units in the last place: of the engine's sigmoid and tanh, as promised (1.8 at most was seen).
    "ulp": 2.0,
    # A sum rounded once more or once less.
    "places": 1.0,
    # float32 numbers below the normal ones: less than the smallest that is normal, 2^-126.
    "below the normal numbers": 1.2e-38,
    # One float32 rounding of numbers of at most 1.
    "rounded": 6e-8,
    # What rounding leaves of the difference of numbers near 1.
    "difference": 1e-15,
    # A tanh of at most 3e-5 and what it is near: a third of its cube.
    "linear": 1e-13,
    # Numbers printed with so many digits behind the point: half of the last, and a hair for float32.
    "three decimals": 5.1e-4,
    "four decimals": 5.1e-5,
    # The explorer's page prints rounded numbers that may be one more off in the last digit.
    "last digit": 1.5001,
    # States that differ by less than this may have one colour on the explorer's page.
    "colours told apart": 0.05,
    # What must make a difference: states of another net, other gates, another beginning.
    "another": 1e-2,
    # The explorer's page computes in float64 from numbers carried as float32.
    "cell": 1e-12,
    "drawn": 2e-5,
    # A float32 layer and the same converted.
    "converted": 1e-5,
    # A published data set, standardised as a whole in float32.
    "standardised": 1e-6,
    # Shares that a small net learns of inputs that say nothing.
    "learned share": 0.02,
    # Shares of classes in a quarter of 60 and in the rest: as near as whole sequences can be.
    "stratified": 0.08,
    # Relative errors of variances.
    "variance of 20,000": 0.01,
    "variance of 200,000": 0.02,
    "1/e from 5 steps on": 0.12,
    "error of 4,000 guesses": 0.06,
    "loss over an epoch": 0.05,
    "clipped": 1e-3,
    "four digits": 1e-3,
}


def numpy(a: Any) -> np.ndarray[Any, Any]:
    """A tensor, array or number as an array."""
    if hasattr(a, "detach"):
        a = a.detach().cpu().resolve_conj().numpy()
    return np.asarray(a)


def pair(actual: Any, expected: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Both as arrays; plain numbers and lists take the other's dtype."""
    a, b = numpy(actual), numpy(expected)
    if not hasattr(expected, "dtype"):
        b = b.astype(a.dtype)
    elif not hasattr(actual, "dtype"):
        a = a.astype(b.dtype)
    return a, b


def difference(actual: Any, expected: Any) -> float:
    """max|a-b|; infinite when either holds a NaN or an infinity."""
    a, b = numpy(actual), numpy(expected)
    if a.size == 0:
        return 0.0
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    with np.errstate(over="ignore"):
        return float(np.abs(np.subtract(a, b, dtype=np.result_type(a, b, np.float64))).max())


def error(actual: Any, expected: Any) -> float:
    """max|a-b| / max|b|; infinite when either holds a NaN or an infinity."""
    most = difference(actual, expected)
    scale = float(np.abs(numpy(expected)).max(initial=0))
    if most == 0:
        return 0.0
    return most / scale if scale else float("inf")


def limit(kind: str, dtype: Any = "float64") -> float:
    """The table's limit."""
    return ABSOLUTE[kind] if kind in ABSOLUTE else TOLERANCES[kind, str(np.dtype(dtype))]


def assert_close(actual: Any, expected: Any, kind: str = "same", name: str = "") -> float:
    """Fail unless `actual` equals `expected` to the table's limit for this kind and dtype.

    The error is max|a-b| / max|b| over the tensor, or max|a-b| for the kinds of `ABSOLUTE`. A NaN or infinity on either
    side, another shape or (but for those kinds) another dtype fails. Returns error / limit, how much of the limit was
    used, and prints it for ``pytest -rP``.
    """
    a, b = pair(actual, expected)
    what = name or kind
    assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
    assert kind in ABSOLUTE or a.dtype == b.dtype, f"{what}: dtype {a.dtype}, expected {b.dtype}"
    most = limit(kind, b.dtype)
    e = (difference if kind in ABSOLUTE else error)(a, b)
    used = (e / most) if most else (0.0 if e == 0 else float("inf"))
    print(f"{what}: error {e:.1e}, {100 * used:.1f} % of the limit {most:.0e}")
    assert e <= most, f"{what}: error {e:.3e}, limit {most:.0e}"
    return used


def assert_apart(actual: Any, expected: Any, kind: str = "same", name: str = "") -> None:
    """Fail if `assert_close` would let this pass: for planted faults, and for what must make a difference."""
    a, b = pair(actual, expected)
    what = name or kind
    assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
    e, most = (difference if kind in ABSOLUTE else error)(a, b), limit(kind, b.dtype)
    assert e > most, f"{what}: error {e:.3e}, and the limit {most:.0e} would not see it"
