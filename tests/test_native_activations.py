"""The sigmoid and tanh inside the kernels, in units in the last place, against mpmath.

A cell of one unit with the input weight 1 and no state shows them: its reset gate is the sigmoid of the input and its
candidate the tanh.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from compare import limit
from gruvy.convention import Convention
from gruvy.engines import native
from gruvy.reference import Cell
from native_cases import builds

pytestmark = pytest.mark.skipif(not native.available()[0], reason="no native engine")

DTYPES = [np.float32, np.float64]
TUTORIAL = Convention.of("tutorial")


def kernels(a, isa=None):
    """Sigmoid and tanh of every number in a."""
    n = a.size
    gates = np.empty((1, n, 3, 1), a.dtype)
    one, zero = np.ones((3, 1), a.dtype), np.zeros((3, 1), a.dtype)
    cell = Cell(one, zero, None, None)
    native.forward(a.reshape(1, n, 1), np.zeros((n, 1), a.dtype), cell, TUTORIAL, gates=gates, isa=isa)
    return gates[0, :, 0, 0], gates[0, :, 2, 0]


def points(dtype, seed=0):
    """A few thousand numbers: dense where the functions bend, over all exponents, around powers of two and ln 2."""
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    low = -np.log(float(info.smallest_normal))
    edges = np.concatenate([2.0 ** np.arange(-20, 8), np.log(2) * np.arange(0.5, 60.5), [low - 1e-3, 17.3, 16.6, 36.7]])
    a = np.concatenate([
        rng.uniform(-3, 3, 1200), rng.uniform(-20, 20, 800), rng.uniform(-low, 40, 500),
        rng.choice([-1, 1], 500) * 2.0 ** rng.uniform(-60, 5, 500), edges, -edges,
    ]).astype(dtype)  # fmt: skip
    return np.concatenate([a, np.nextafter(a, dtype(np.inf)), np.nextafter(a, dtype(-np.inf))])


def exact(a):
    """Sigmoid and tanh to 40 digits."""
    with mpmath.workdps(40):
        values = [mpmath.mpf(float(v)) for v in a]
        return [1 / (1 + mpmath.exp(-v)) for v in values], [mpmath.tanh(v) for v in values]


def ulps(got, want, dtype):
    """The largest error in units in the last place of the exact value; below the normal numbers it is less than one."""
    info, worst = np.finfo(dtype), 0.0
    with mpmath.workdps(40):
        for g, w in zip(got, want, strict=True):
            if abs(w) < info.smallest_normal:
                assert abs(float(g) - w) < limit("below the normal numbers"), f"{g} for {w}"
            else:
                unit = mpmath.ldexp(1, mpmath.frexp(w)[1] - info.nmant - 1)
                error = abs(mpmath.mpf(float(g)) - w) / unit
                worst = max(worst, float(error) if np.isfinite(g) else np.inf)
    return worst


@pytest.mark.parametrize("dtype", DTYPES)
def test_within_two_ulp_on_every_instruction_set(dtype):
    a = points(dtype)
    s, t = kernels(a)
    want_s, want_t = exact(a)
    worst = ulps(s, want_s, dtype), ulps(t, want_t, dtype)
    print(f"{np.dtype(dtype)}: sigmoid {worst[0]:.3f} ulp, tanh {worst[1]:.3f} ulp")
    assert max(worst) < limit("ulp")
    for name, runs in native.info().builds:
        if runs:
            s2, t2 = kernels(a, name)
            assert np.array_equal(s, s2), name
            assert np.array_equal(t, t2), name


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes(dtype, isa):
    a = np.array([1e30, np.inf, -1e30, -np.inf, np.nan, 0, np.finfo(dtype).smallest_subnormal], dtype)
    with np.errstate(all="raise"):
        s, t = kernels(a, isa)
    assert list(s[:2]) == [1, 1]
    assert np.all((s[2:4] >= 0) & (s[2:4] < limit("below the normal numbers")))
    assert list(t[:4]) == [1, 1, -1, -1]
    assert np.isnan([s[4], t[4]]).all()
    assert (s[5], t[5], s[6], t[6]) == (0.5, 0, 0.5, a[6])


@pytest.mark.parametrize("dtype", DTYPES)
def test_odd_and_monotone(dtype):
    a = np.sort(np.random.default_rng(0).uniform(-12, 12, 20000).astype(dtype))
    s, t = kernels(a)
    assert np.array_equal(kernels(-a)[1], -t)
    unit = np.finfo(dtype).eps
    # Roundings of neighbours may cross by what each may be off.
    assert np.all(np.diff(s) >= -limit("ulp") * unit * s[1:])
    assert np.all(np.diff(t) >= -limit("ulp") * unit)
    assert np.all((s > 0) & (s <= 1) & (np.abs(t) <= 1))


@pytest.mark.parametrize("fault", ["three numbers up", "NaN", "sigmoid through tanh"])
def test_the_ulp_count_sees_planted_faults(fault):
    a = np.linspace(-8, 3, 50).astype(np.float32)
    s, _ = kernels(a)
    want, _ = exact(a)
    assert ulps(s, want, np.float32) < limit("ulp")
    if fault == "three numbers up":  # from the nearest number, which is off by half a unit itself
        s[7] = np.float32(want[7])
        for _ in range(3):
            s[7] = np.nextafter(s[7], np.float32(1))
    elif fault == "NaN":
        s[7] = np.nan
    else:  # the usual shortcut, exact only near 0.5 and above
        s = (np.float32(0.5) + np.float32(0.5) * np.tanh(a * np.float32(0.5))).astype(np.float32)
    assert ulps(s, want, np.float32) > limit("ulp")
