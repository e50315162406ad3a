"""The twins of `held` for weights that no block can hold: read again at every step, from the GPU's second cache.

As there, a block has its own rows of the batch: no block reads what another has written, and none waits. Within a block
threads do read each other's numbers, through memory; a barrier of the block stands between.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .parts import candidate, flag, mixed, part, product, sigmoid, unmixed


@triton.jit(do_not_specialize=["T", "B"])
def forward(
    a, a_t, a_b, U, c, old, new, valid, restarts, s_t, y, y_t, y_b, gates, g_t, fed, T, B, H,
    AFTER: tl.constexpr, KEEPS: tl.constexpr, BIAS: tl.constexpr, VALID: tl.constexpr, RESTARTS: tl.constexpr,
    KEEP: tl.constexpr, PRECISION: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
    DEEP: tl.constexpr,
):  # fmt: skip
    """All steps with the weights read anew at each, in tiles of COLS units by DEEP of the units they sum over.

    old and new (B, H), float32, are the states before and after a step, in turns; fed (B, H) is r h, for reset before.
    """
    row, some, deep = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, COLS), tl.arange(0, DEEP)
    rows, row = row < B, row.to(tl.int64)
    column = row[:, None]
    G: tl.constexpr = 4 if AFTER else 3
    UH = H * H
    valid += row
    restarts += row
    for _ in range(T):
        cut = tl.zeros((ROWS, 1), tl.int1)
        if RESTARTS:
            cut = flag(restarts, rows)
        v = rows[:, None]
        if VALID:
            v = flag(valid, rows)
        if not AFTER:
            for j in range(0, H, COLS):
                col = j + some
                inside = rows[:, None] & (col < H)[None, :]
                g_r = part(a + column * a_b + col[None, :], inside)
                for k in range(0, H, DEEP):
                    sum_over = k + deep
                    there = (sum_over < H)[:, None] & (col < H)[None, :]
                    p = part(old + column * H + sum_over[None, :], rows[:, None] & (sum_over < H)[None, :])
                    U_r = tl.load(U + col[None, :] * H + sum_over[:, None], mask=there, other=0)
                    g_r = product(tl.where(cut, 0.0, p), U_r, g_r, PRECISION, WIDE)
                r = sigmoid(g_r)
                h = tl.where(cut, 0.0, part(old + column * H + col[None, :], inside))
                tl.store(fed + column * H + col[None, :], r * h, mask=inside)
                if KEEP:
                    tl.store(gates + column * (G * H) + col[None, :], tl.where(v, r, 0.0), mask=inside)
            tl.debug_barrier()
        for j in range(0, H, COLS):
            col = j + some
            inside = rows[:, None] & (col < H)[None, :]
            from_x = a + column * a_b + col[None, :]
            g_r = part(from_x, inside)
            g_z = part(from_x + H, inside)
            q = tl.zeros((ROWS, COLS), tl.float32)
            if BIAS:
                q += part(c + col, col < H)[None, :]
            for k in range(0, H, DEEP):
                sum_over = k + deep
                there = (sum_over < H)[:, None] & (col < H)[None, :]
                here = rows[:, None] & (sum_over < H)[None, :]
                p = tl.where(cut, 0.0, part(old + column * H + sum_over[None, :], here))
                tile = U + col[None, :] * H + sum_over[:, None]
                g_z = product(p, tl.load(tile + UH, mask=there, other=0), g_z, PRECISION, WIDE)
                U_n = tl.load(tile + 2 * UH, mask=there, other=0)
                if AFTER:
                    g_r = product(p, tl.load(tile, mask=there, other=0), g_r, PRECISION, WIDE)
                    q = product(p, U_n, q, PRECISION, WIDE)
                else:
                    q = product(part(fed + column * H + sum_over[None, :], here), U_n, q, PRECISION, WIDE)
            r, z = sigmoid(g_r), sigmoid(g_z)
            n = candidate(part(from_x + 2 * H, inside), r, q, AFTER)
            h = tl.where(cut, 0.0, part(old + column * H + col[None, :], inside))
            h_new = mixed(h, z, n, KEEPS)
            tl.store(new + column * H + col[None, :], tl.where(v, h_new, h), mask=inside)
            tl.store(y + column * y_b + col[None, :], tl.where(v, h_new, 0.0), mask=inside)
            if KEEP:
                kept = gates + column * (G * H) + col[None, :]
                tl.store(kept + H, tl.where(v, z, 0.0), mask=inside)
                tl.store(kept + 2 * H, tl.where(v, n, 0.0), mask=inside)
                if AFTER:
                    tl.store(kept, tl.where(v, r, 0.0), mask=inside)
                    tl.store(kept + 3 * H, tl.where(v, q, 0.0), mask=inside)
        tl.debug_barrier()
        old, new = new, old
        a += a_t
        y += y_t
        gates += g_t
        valid += s_t
        restarts += s_t


@triton.jit(do_not_specialize=["T", "B"])
def backward(
    dy, dy_t, dy_b, dstates, U, before, b_t, gates, g_t, valid, restarts, s_t, da, da_t, dq, T, B, H,
    AFTER: tl.constexpr, KEEPS: tl.constexpr, DY: tl.constexpr, VALID: tl.constexpr, RESTARTS: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr, DEEP: tl.constexpr,
):  # fmt: skip
    """The twin of `forward`: dstates (B, H) float32 comes as the last state's gradient, leaves as the first's."""
    row, some, deep = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, COLS), tl.arange(0, DEEP)
    rows, row = row < B, row.to(tl.int64)
    column = row[:, None]
    G: tl.constexpr = 4 if AFTER else 3
    UH = H * H
    valid += row
    restarts += row
    for _ in range(T):
        v = rows[:, None]
        if VALID:
            v = flag(valid, rows)
        for j in range(0, H, COLS):
            col = j + some
            inside = rows[:, None] & (col < H)[None, :]
            own = column * H + col[None, :]
            kept = gates + column * (G * H) + col[None, :]
            dh = part(dstates + own, inside)
            d = dh
            if DY:
                d += part(dy + column * dy_b + col[None, :], inside)
            d = tl.where(v, d, 0.0)
            z, n = part(kept + H, inside), part(kept + 2 * H, inside)
            da_n, da_z, dh_old = unmixed(d, part(before + own, inside), z, n, KEEPS)
            da_own = da + column * (3 * H) + col[None, :]
            tl.store(da_own + H, da_z, mask=inside)
            tl.store(da_own + 2 * H, da_n, mask=inside)
            tl.store(dstates + own, tl.where(v, dh_old, dh), mask=inside)
            if AFTER:
                r = part(kept, inside)
                tl.store(da_own, da_n * part(kept + 3 * H, inside) * r * (1 - r), mask=inside)
                tl.store(dq + own, da_n * r, mask=inside)
        tl.debug_barrier()
        if not AFTER:
            for j in range(0, H, COLS):
                col = j + some
                inside = rows[:, None] & (col < H)[None, :]
                own = column * H + col[None, :]
                drh = tl.zeros((ROWS, COLS), tl.float32)
                for k in range(0, H, DEEP):
                    sum_over = k + deep
                    there = (sum_over < H)[:, None] & (col < H)[None, :]
                    here = rows[:, None] & (sum_over < H)[None, :]
                    U_n = tl.load(U + 2 * UH + sum_over[:, None] * H + col[None, :], mask=there, other=0)
                    da_n = part(da + column * (3 * H) + 2 * H + sum_over[None, :], here)
                    drh = product(da_n, U_n, drh, PRECISION, WIDE)
                r = part(gates + column * (G * H) + col[None, :], inside)
                da_r = drh * part(before + own, inside) * r * (1 - r)
                tl.store(da + column * (3 * H) + col[None, :], da_r, mask=inside)
                tl.store(dstates + own, part(dstates + own, inside) + drh * r, mask=inside)
            tl.debug_barrier()
        for j in range(0, H, COLS):
            col = j + some
            inside = rows[:, None] & (col < H)[None, :]
            own = column * H + col[None, :]
            dh = part(dstates + own, inside)
            for k in range(0, H, DEEP):
                sum_over = k + deep
                there = (sum_over < H)[:, None] & (col < H)[None, :]
                here = rows[:, None] & (sum_over < H)[None, :]
                tile = U + sum_over[:, None] * H + col[None, :]
                given = da + column * (3 * H) + sum_over[None, :]
                dh = product(part(given, here), tl.load(tile, mask=there, other=0), dh, PRECISION, WIDE)
                U_z = tl.load(tile + UH, mask=there, other=0)
                dh = product(part(given + H, here), U_z, dh, PRECISION, WIDE)
                if AFTER:
                    U_n = tl.load(tile + 2 * UH, mask=there, other=0)
                    dh = product(part(dq + column * H + sum_over[None, :], here), U_n, dh, PRECISION, WIDE)
            if RESTARTS:
                dh = tl.where(flag(restarts, rows), 0.0, dh)
            tl.store(dstates + own, dh, mask=inside)
        tl.debug_barrier()
        dy += dy_t
        before += b_t
        dq += b_t
        gates += g_t
        da += da_t
        valid += s_t
        restarts += s_t
