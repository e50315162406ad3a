"""What the kernels of `held` and `read` share: the equations of one step, and how numbers come in.

The letters are those of `gruvy.reference`. Sums are float32 whatever the numbers are; a product's factors have the
dtype of the numbers.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def sigmoid(a):
    return 1 / (1 + tl.exp(-a))


@triton.jit
def tanh(a):
    e = tl.exp(-2 * tl.abs(a))  # at most 1, so nothing overflows
    far = (1 - e) / (1 + e)
    s = a * a  # near 0 that difference would cancel: there the power series, to 5e-8
    near = a * (1 - s * (1 / 3 - s * (2 / 15 - s * (17 / 315 - s * (62 / 2835)))))
    return tl.where(s < 0.09, near, tl.where(a < 0, -far, far))


@triton.jit
def product(p, U, total, PRECISION: tl.constexpr, WIDE: tl.constexpr):
    """total + p U. WIDE: factors as float32, for an interpreter whose arrays have no bfloat16."""
    if WIDE:
        return tl.dot(p.to(U.dtype).to(tl.float32), U.to(tl.float32), total)
    else:
        return tl.dot(p.to(U.dtype), U, total, input_precision=PRECISION)


@triton.jit
def candidate(a_n, r, q, AFTER: tl.constexpr):
    """n from the product q: U_n h + c with reset after, U_n (r h) with reset before."""
    if AFTER:
        return tanh(a_n + r * q)
    else:
        return tanh(a_n + q)


@triton.jit
def mixed(h, z, n, KEEPS: tl.constexpr):
    """The new state."""
    if KEEPS:
        return (1 - z) * n + z * h
    else:
        return (1 - z) * h + z * n


@triton.jit
def unmixed(dh, h, z, n, KEEPS: tl.constexpr):
    """The twin of `mixed`: what comes to a_n, a_z and h."""
    if KEEPS:
        dn, dz, dh_old = dh * (1 - z), dh * (h - n), dh * z
    else:
        dn, dz, dh_old = dh * z, dh * (n - h), dh * (1 - z)
    return dn * (1 - n * n), dz * z * (1 - z), dh_old  # tanh' = 1 - tanh², σ' = σ (1 - σ)


@triton.jit
def part(p, inside):
    """Numbers as float32, zero outside."""
    return tl.load(p, mask=inside, other=0).to(tl.float32)


@triton.jit
def flag(p, inside):
    """Flags of rows, as a column."""
    return (tl.load(p, mask=inside, other=0) != 0)[:, None]


# With TRITON_INTERPRET=1 kernels run in Python, on tensors of the CPU: for tests.
INTERPRETED = not isinstance(product, triton.JITFunction)
