"""One layer in one direction where a block of threads can hold the weights, loaded once for all steps.

A block has its own rows of the batch and runs them through all steps: it never waits for another, nor reads what
another has written, so there can be no race between blocks. Nothing is added up by atomic operations: the same call
gives the same bits. Rows past the batch and columns past the hidden units are loaded as zeros and never stored.
Pointers move from step to step, forth or back by the sign of their strides.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .parts import candidate, flag, mixed, part, product, sigmoid, unmixed


@triton.jit(do_not_specialize=["T", "B"])
def begun(
    first, y, y_t, y_b, valid, restarts, s_t, before, b_t, T, B, H,
    VALID: tl.constexpr, RESTARTS: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """before (T, B, H): the state each step started from, after any restart; zero at steps that do not count."""
    row, col = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.program_id(1) * COLS + tl.arange(0, COLS)
    rows = row < B
    inside, row = rows[:, None] & (col < H)[None, :], row.to(tl.int64)
    own = row[:, None] * H + col[None, :]
    y += row[:, None] * y_b + col[None, :]
    before += own
    valid += row
    restarts += row
    h = part(first + own, inside)
    for _ in range(T):
        if RESTARTS:
            h = tl.where(flag(restarts, rows), 0.0, h)
        new = part(y, inside)
        if VALID:
            v = flag(valid, rows)
            tl.store(before, tl.where(v, h, 0.0), mask=inside)
            h = tl.where(v, new, h)
        else:
            tl.store(before, h, mask=inside)
            h = new
        y += y_t
        before += b_t
        valid += s_t
        restarts += s_t


@triton.jit(do_not_specialize=["T", "B"])
def forward(
    a, a_t, a_b, U, c, first, valid, restarts, s_t,
    y, y_t, y_b, gates, g_t, last, T, B, H,
    AFTER: tl.constexpr, KEEPS: tl.constexpr, BIAS: tl.constexpr, VALID: tl.constexpr, RESTARTS: tl.constexpr,
    KEEP: tl.constexpr, PRECISION: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """All steps with the weights held by the block: loaded once."""
    row, col = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, COLS)
    rows, cols = row < B, (col < H)[None, :]
    inside, row = rows[:, None] & cols, row.to(tl.int64)
    G: tl.constexpr = 4 if AFTER else 3
    turned = U + col[:, None] + col[None, :] * H  # (k, j): U_jk
    square = (col < H)[:, None] & cols
    U_r = tl.load(turned, mask=square, other=0)
    U_z = tl.load(turned + H * H, mask=square, other=0)
    U_n = tl.load(turned + 2 * H * H, mask=square, other=0)
    none = tl.zeros((ROWS, COLS), tl.float32)
    q_0 = none
    if BIAS:
        q_0 += part(c + col[None, :], cols)
    a += row[:, None] * a_b + col[None, :]
    y += row[:, None] * y_b + col[None, :]
    gates += row[:, None] * (G * H) + col[None, :]
    valid += row
    restarts += row
    own = row[:, None] * H + col[None, :]
    h = part(first + own, inside)
    for _ in range(T):
        if RESTARTS:
            h = tl.where(flag(restarts, rows), 0.0, h)
        r = sigmoid(product(h, U_r, part(a, inside), PRECISION, WIDE))
        z = sigmoid(product(h, U_z, part(a + H, inside), PRECISION, WIDE))
        if AFTER:
            q = product(h, U_n, q_0, PRECISION, WIDE)
        else:
            q = product(r * h, U_n, none, PRECISION, WIDE)
        n = candidate(part(a + 2 * H, inside), r, q, AFTER)
        new = tl.where(cols, mixed(h, z, n, KEEPS), 0.0)
        if VALID:
            v = flag(valid, rows)
            h = tl.where(v, new, h)
            new = tl.where(v, new, 0.0)
            if KEEP:
                r, z, n = tl.where(v, r, 0.0), tl.where(v, z, 0.0), tl.where(v, n, 0.0)
                if AFTER:
                    q = tl.where(v, q, 0.0)
        else:
            h = new
        tl.store(y, new, mask=inside)
        if KEEP:
            tl.store(gates, r, mask=inside)
            tl.store(gates + H, z, mask=inside)
            tl.store(gates + 2 * H, n, mask=inside)
            if AFTER:
                tl.store(gates + 3 * H, q, mask=inside)
        a += a_t
        y += y_t
        gates += g_t
        valid += s_t
        restarts += s_t
    tl.store(last + own, h, mask=inside)


@triton.jit(do_not_specialize=["T", "B"])
def backward(
    dy, dy_t, dy_b, dlast, U, before, b_t, gates, g_t, valid, restarts, s_t, da, da_t, dq, dfirst, T, B, H,
    AFTER: tl.constexpr, KEEPS: tl.constexpr, DY: tl.constexpr, VALID: tl.constexpr, RESTARTS: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """The twin of `forward`: da (T, B, 3H) and, with reset after, dq (T, B, H); dlast and dfirst (B, H)."""
    row, col = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, COLS)
    rows, cols = row < B, (col < H)[None, :]
    inside, row = rows[:, None] & cols, row.to(tl.int64)
    G: tl.constexpr = 4 if AFTER else 3
    straight = U + col[:, None] * H + col[None, :]  # (k, j): U_kj
    square = (col < H)[:, None] & cols
    U_r = tl.load(straight, mask=square, other=0)
    U_z = tl.load(straight + H * H, mask=square, other=0)
    U_n = tl.load(straight + 2 * H * H, mask=square, other=0)
    own = row[:, None] * H + col[None, :]
    dy += row[:, None] * dy_b + col[None, :]
    before += own
    dq += own
    gates += row[:, None] * (G * H) + col[None, :]
    da += row[:, None] * (3 * H) + col[None, :]
    valid += row
    restarts += row
    dh = part(dlast + own, inside)
    for _ in range(T):
        d = dh
        if DY:
            d += part(dy, inside)
        if VALID:
            v = flag(valid, rows)
            d = tl.where(v, d, 0.0)
        h, r = part(before, inside), part(gates, inside)
        da_n, da_z, dh_old = unmixed(d, h, part(gates + H, inside), part(gates + 2 * H, inside), KEEPS)
        if AFTER:  # a_n = ... + r q, q = U_n h + c
            dr = da_n * part(gates + 3 * H, inside)
            dq_own = da_n * r
            tl.store(dq, dq_own, mask=inside)
            dh_old = product(dq_own, U_n, dh_old, PRECISION, WIDE)
        else:  # a_n = ... + U_n (r h)
            drh = product(da_n, U_n, tl.zeros((ROWS, COLS), tl.float32), PRECISION, WIDE)
            dr = drh * h
            dh_old += drh * r
        da_r = dr * r * (1 - r)
        tl.store(da, da_r, mask=inside)
        tl.store(da + H, da_z, mask=inside)
        tl.store(da + 2 * H, da_n, mask=inside)
        dh_old = product(da_r, U_r, product(da_z, U_z, dh_old, PRECISION, WIDE), PRECISION, WIDE)  # h fed the gates
        if VALID:
            dh = tl.where(v, dh_old, dh)
        else:
            dh = dh_old
        if RESTARTS:
            dh = tl.where(flag(restarts, rows), 0.0, dh)
        dy += dy_t
        before += b_t
        dq += b_t
        gates += g_t
        da += da_t
        valid += s_t
        restarts += s_t
    tl.store(dfirst + own, dh, mask=inside)
