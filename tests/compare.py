"""The one comparison and the one table of tolerances that the tests share."""

from __future__ import annotations

from typing import Any

import numpy as np

# kind of quantity, by dtype: the largest max|a-b| / max|b| that passes, and why that is enough and not too much.
# Each is a small factor (2 to 10) above what was measured over all its tests, unless its reason says another.
TOLERANCES: dict[tuple[str, str], float] = {
    # No arithmetic lies between the two.
    ("exact", "float64"): 0.0,
    ("exact", "float32"): 0.0,
    ("exact", "bool"): 0.0,
    ("exact", "int64"): 0.0,
    # The few operations of one step or of one formula, written down twice: a few roundings of 1.1e-16.
    ("equation", "float64"): 1e-15,
    # Two orders of the same float64 operations over tens of steps: the roundings of many steps mostly cancel.
    ("same", "float64"): 1e-14,
    # The same in float32, with roundings of 6e-8.
    ("same", "float32"): 1e-6,
    # A sum over batch and time of what is above.
    ("gradient", "float64"): 1e-14,
    ("gradient", "float32"): 2e-6,
    ("gradient of float32", "float64"): 5e-6,
    # The native engine against the float64 reference, on shapes of any size; in float32 what the README promises.
    ("engine", "float64"): 3e-14,
    ("engine", "float32"): 2e-6,
    # Hand-written derivatives against the complex step, which has no cancellation: a few hundred roundings.
    ("derivative", "float64"): 1e-13,
    # Second derivatives pass through twice as many operations as first ones.
    ("second", "float64"): 2e-14,
    # Central differences: the square of their step of 1e-5, and the rounding that the division by it makes larger.
    ("central", "float64"): 2e-9,
    # Norms of products of up to a hundred Jacobians, and their logarithms down to -1000.
    ("norm", "float64"): 2e-13,
    # A rate read off a gate near 0 or 1 cancels: 1 - z has lost as many digits as z is near 1.
    ("time-scale", "float64"): 2e-13,
    # A bias set to remember is a float32 number, and the rate is applied so many times.
    ("decay", "float64"): 1e-6,
    # A layer in lower precision against float64: half a unit of its last place, and what float32 adds; in float32 two.
    ("bfloat16", "float64"): 1.01 * 2.0**-8,
    ("float16", "float64"): 1.01 * 2.0**-11,
    ("float32", "float64"): 2 * 2.0**-23,
    # Triton's kernels against float64, gradients too: as asked of them. 2.3e-6 was seen over 700 problems. In lower
    # precision up to 7.7 units of the last place, where the gradients of a single unit's bias cancel; torch operations
    # in that precision are as far off there.
    ("float32 in Triton", "float64"): 1e-5,
    ("bfloat16 in Triton", "float64"): 10 * 2.0**-7,
    ("float16 in Triton", "float64"): 10 * 2.0**-10,
    # torch's own layer so: it rounds at each of 100 steps, sums over 800 rows too.
    ("torch in bfloat16", "float64"): 0.04,
    ("torch in float16", "float64"): 0.008,
    # float64 numbers stored once as float32.
    ("rounded", "float64"): 6e-8,
    ("rounded", "float32"): 6e-8,
    # What a float32 model answers by torch and by NumPy, whole and step by step: probabilities and numbers.
    ("answer", "float64"): 1e-6,
    ("answer", "float32"): 1e-6,
    # ONNX Runtime's float32 kernels, whose sigmoid and tanh are its own, over up to 50 steps and three layers.
    ("in ONNX Runtime", "float32"): 1e-5,
    # 64 units trained on speech, in C and by the runtime: up to 1.1e-6 and 1.3e-6 off the same net in float64.
    ("in C", "float32"): 3e-6,
    # The share of answers that 8 bits may change, as asked of it.
    ("accuracy in 8 bits", "float64"): 0.01,
    # A net in C whose weights have 8 bits against its weights so rounded: inputs and states are rounded to 15 bits.
    ("in 8 bits", "float32"): 1e-3,
    # e^a of exported C in 8 bits, the 256th power of a polynomial in float32: 256 roundings.
    ("polynomial", "float64"): 5e-5,
    # float32 probabilities add up to 1.
    ("total", "float64"): 5e-7,
    ("total", "float32"): 5e-7,
    # Weights and losses of a float64 net: training multiplies what rounding does, step after step.
    ("trained", "float64"): 1e-12,
    # A variance of 1 around a mean of 1e9: the mean itself is rounded to 1e-7.
    ("far moments", "float64"): 1e-9,
    # The loss of an epoch while it learns is nearly that of the net at its end: the rate has come down to 0.
    ("late epoch", "float64"): 2e-4,
    # The mean loss of a float32 net that is nearly sure: logarithms of numbers near 1.
    ("loss", "float64"): 5e-6,
    # Gradients that another library computes in float32.
    ("peer gradient", "float32"): 1e-5,
    # torch clips to a norm by dividing by the norm that there is, here some tenths, plus 1e-6.
    ("clipped", "float64"): 5e-6,
    # Contributions add up to what they explain as well as the tests ask them to.
    ("integral", "float64"): 1e-6,
    # What the explorer's page carries, rounded to float32 from two orders of the same.
    ("carried", "float32"): 2 * 2.0**-23,
    # The axes of the space of states, rounded to float32 on the page, times some states.
    ("float32 in the page", "float64"): 1e-6,
    # Printed with so many digits: half of the last one, at worst of 1000; beside a largest number of 4.4.
    ("seven digits", "float64"): 1.2e-7,
    ("four digits", "float64"): 5.1e-4,
    # Three standard errors of a variance of so many draws of a sum of two uniform numbers, sqrt(1.4 / n) each.
    ("variance of 20,000", "float64"): 0.025,
    ("variance of 200,000", "float64"): 0.008,
}
# The same by absolute error, whatever the dtype: max|a-b|.
ABSOLUTE: dict[str, float] = {
    # A place on a page, as a share of its width: the line of a pixel, and a rounded width.
    "place on a page": 0.01,
    # Where the lab and the playground call a sum of two numbers right: a twenty-fifth of its range.
    "right sum": 0.08,
    # Units in the last place: what is promised of the engine's sigmoid and tanh; 1.81 was seen.
    "ulp": 2.0,
    # Units in the last place: a sum rounded once more or once less.
    "places": 1.0,
    # Where float32 has no normal numbers: the smallest that is one, 2^-126.
    "below the normal numbers": 1.2e-38,
    # What rounding leaves of the difference of numbers near 1.
    "difference": 1e-15,
    # tanh(a) - a for a = 3e-5: a third of its cube, 9e-15.
    "linear": 2e-14,
    # What a net in ONNX Runtime tells, in deviations of its targets: a single number may be near 0. 4e-7 was seen.
    "in deviations": 1e-5,
    # Printed with so many digits behind the point: half of the last, and a hair.
    "one decimal": 0.051,
    "three decimals": 5.1e-4,
    "four decimals": 5.1e-5,
    # How far a step may still move a state that is called fixed: rounding.
    "fixed point": 1e-8,
    # In units of the last digit printed: the explorer's numbers are rounded, and may be one more off.
    "last digit": 1.5001,
    # States nearer to each other than this may have one colour of 256 on the explorer's page.
    "colours told apart": 0.05,
    # What must differ: states of another net, through other gates, from another beginning.
    "another": 1e-2,
    # One step in float64, by the equations and by the engine.
    "cell": 2e-15,
    # The explorer's page carries states in 16 bits: half a step of 2 / 65535.
    "drawn": 1.6e-5,
    # A float32 layer and its conversion.
    "converted": 1e-6,
    # The same numbers run by another library in float32, over states and read-outs of the order of 1.
    "peer": 1e-6,
    # A published data set, standardised as a whole.
    "standardised": 1e-9,
    # Shares that a net learns in 40 epochs of inputs that say nothing.
    "learned share": 0.02,
    # Shares of classes in 15 of 60 sequences and in the rest: half a sequence in 15 and in 45.
    "stratified": 0.045,
    # Three standard errors of the mean of 200,000 numbers of variance 1.
    "mean of 200,000": 0.007,
    # Three standard errors of the mean and of the deviation of 50 shares, each of deviation .0354.
    "mean of 50 deals": 0.015,
    "spread of 50 deals": 0.0106,
    # Log-mel in Kaldi's float32 against float64: roundings of samples up to 32768, in the bands of little energy.
    "features of sound": 3e-4,
    # A word's power brought to 1 in float32, with ramps of 5 ms at its ends.
    "power of a word": 1e-3,
    # A word that is stretched: seconds, less than a piece of 30 ms; its pitch, two bins of 2 to 3 Hz; its level.
    "length of a word": 0.02,
    "pitch of a word": 0.02,
    "holes in a word": 0.1,
    # Tones that are drawn up to a tenth higher or lower.
    "pitch of a tone": 0.1,
    # The share of trigger words in some 300: three standard errors.
    "share of a word": 0.08,
    # Whole and in blocks, probabilities of float32; seconds from a word's end to its event.
    "probability of an event": 1e-5,
    "time of an event": 0.4,
    # The error of a guess on 4,000 sequences, relative to its expectation of 1: three standard errors.
    "error of 4,000 guesses": 0.05,
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
    if most in (0.0, float("inf")):
        return most
    scale = float(np.abs(numpy(expected)).max())
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
    assert np.isfinite([*a.flat, *b.flat]).all(), f"{what}: not finite"
    assert e > most, f"{what}: error {e:.3e}, and the limit {most:.0e} would not see it"
