"""One layer in one direction in torch operations: `forward` by ordinary differentiable ones, `backward` by hand.

The letters and the order of the steps are those of `gruvy.reference`; what spans time (X W, dX, dW, dU) is one product.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..convention import Convention
from ..reference import Cell, Steps
from .steps import valid_steps


def cell_forward(
    a: Tensor, h: Tensor, U: Tensor, c: Tensor | None, convention: Convention
) -> tuple[Tensor, list[Tensor]]:
    """One step: a = W x + b (B, 3H), h (B, H) -> new state (B, H) and [r, z, n] or [r, z, n, q], each (B, H)."""
    H = h.shape[-1]
    a_rz, a_n = a[..., : 2 * H], a[..., 2 * H :]
    if convention.reset == "before":
        U_rz, U_n = U[: 2 * H], U[2 * H :]
        r, z = torch.sigmoid(a_rz + F.linear(h, U_rz)).chunk(2, dim=-1)
        n = torch.tanh(a_n + F.linear(r * h, U_n))
        gates = [r, z, n]
    else:
        g = F.linear(h, U)
        q = g[..., 2 * H :] if c is None else g[..., 2 * H :] + c
        r, z = torch.sigmoid(a_rz + g[..., : 2 * H]).chunk(2, dim=-1)
        n = torch.tanh(a_n + r * q)
        gates = [r, z, n, q]
    return (1 - z) * n + z * h if convention.keeps else (1 - z) * h + z * n, gates


def forward(
    x: Tensor,
    h: Tensor,
    cell: Cell,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    keep: bool = False,
    out: Tensor | None = None,
    h_last: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """As `gruvy.reference.forward`, but new tensors only (`out` and `h_last` are ignored).

    y (T, B, H), last state, gates or None.
    """
    T, B, _ = x.shape
    H = h.shape[-1]
    W, U, b, c = cell
    valid, restarts = valid_steps(T, steps), steps.restarts
    if valid is not None:  # before any product: zero times NaN would be NaN
        x = torch.where(valid, x, 0)
    a = F.linear(x, W, b)  # (T, B, 3H)
    ys: list[Tensor] = []
    kept: list[Tensor] = []
    for t in reversed(range(T)) if reverse else range(T):
        if restarts is not None:
            h = torch.where(restarts[t][:, None], 0, h)
        h_new, gates = cell_forward(a[t], h, U, c, convention)
        g = torch.stack(gates, dim=1) if keep else None
        if valid is None:
            y = h = h_new
        else:
            y, h = torch.where(valid[t], h_new, 0), torch.where(valid[t], h_new, h)
            g = None if g is None else torch.where(valid[t][..., None], g, 0)
        ys.append(y)
        if g is not None:
            kept.append(g)
    if reverse:
        ys.reverse()
        kept.reverse()
    y = torch.stack(ys) if ys else a[..., :H]
    if not keep:
        return y, h, None
    return y, h, torch.stack(kept) if kept else a.new_zeros(0, B, convention.gates, H)


def backward(
    dy: Tensor | None,
    dh: Tensor | None,
    x: Tensor,
    h: Tensor,
    cell: Cell,
    y: Tensor,
    gates: Tensor,
    convention: Convention,
    steps: Steps = Steps(),
    *,
    reverse: bool = False,
    needs_dx: bool = True,
    dgates: Tensor | None = None,
) -> tuple[Tensor | None, Tensor, Cell]:
    """As `gruvy.reference.backward`; `dgates` (T, B, G, H) is the gradient of the gates themselves, or None."""
    T, B, _ = x.shape
    H = h.shape[-1]
    U = cell.U
    valid, restarts = valid_steps(T, steps), steps.restarts
    before = _states_before(h, y, valid, restarts, reverse)  # (T, B, H): the state that each step started from
    U_rz, U_n = U[: 2 * H], U[2 * H :]
    r, z, n = gates[:, :, 0], gates[:, :, 1], gates[:, :, 2]
    dh = torch.zeros_like(h) if dh is None else dh
    da = x.new_zeros(T, B, 3 * H)  # gradient of everything that comes from the input
    dq = x.new_zeros(T, B, H) if convention.reset == "after" else None
    for t in range(T) if reverse else reversed(range(T)):
        dh_new = dh if dy is None else dh + dy[t]
        if valid is not None:
            dh_new = torch.where(valid[t], dh_new, 0)
        # h_new = (1-z) h + z n, or (1-z) n + z h: each factor's share
        if convention.keeps:
            dn, dz, dh_old = dh_new * (1 - z[t]), dh_new * (before[t] - n[t]), dh_new * z[t]
        else:
            dn, dz, dh_old = dh_new * z[t], dh_new * (n[t] - before[t]), dh_new * (1 - z[t])
        if dgates is not None:
            dg = dgates[t] if valid is None else torch.where(valid[t][..., None], dgates[t], 0)
            dz, dn = dz + dg[:, 1], dn + dg[:, 2]
        da_n = dn * (1 - n[t] * n[t])  # n = tanh(a_n + ...): tanh' = 1 - tanh²
        if dq is None:  # a_n = ... + U_n (r h)
            drh = da_n @ U_n
            dr, dh_old = drh * before[t], dh_old + drh * r[t]
            if dgates is not None:
                dr = dr + dg[:, 0]
        else:  # a_n = ... + r q, q = U_n h + c
            dr, dq_t = da_n * gates[t, :, 3], da_n * r[t]
            if dgates is not None:
                dr, dq_t = dr + dg[:, 0], dq_t + dg[:, 3]
            dq[t] = dq_t
        # σ' = σ (1 - σ)
        da[t] = torch.cat([dr * r[t] * (1 - r[t]), dz * z[t] * (1 - z[t]), da_n], dim=-1)
        if valid is not None:
            da[t] = torch.where(valid[t], da[t], 0)
        # h also fed the gates, and q where there is one
        if dq is None:
            dh_old = dh_old + da[t, :, : 2 * H] @ U_rz
        else:
            dh_old = dh_old + torch.cat([da[t, :, : 2 * H], dq[t]], dim=-1) @ U
        dh = dh_old if valid is None else torch.where(valid[t], dh_old, dh)
        if restarts is not None:
            dh = torch.where(restarts[t][:, None], 0, dh)
    return gathered(dh, x, before, gates, da, dq, cell, valid, needs_dx)


def gathered(
    dh: Tensor,
    x: Tensor,
    before: Tensor,
    gates: Tensor,
    da: Tensor,
    dq: Tensor | None,
    cell: Cell,
    valid: Tensor | None,
    needs_dx: bool,
) -> tuple[Tensor | None, Tensor, Cell]:
    """What `backward` gives, dh of the initial state, from what its steps made: the products over all steps.

    before (T, B, H) are the states that steps started from, da (T, B, 3H) and dq (T, B, H) the gradients of what comes
    from the input and, with reset after, of U_n h + c.
    """
    T, B, H = before.shape
    if valid is not None:
        x, before = torch.where(valid, x, 0), torch.where(valid, before, 0)
    a, s = da.reshape(T * B, 3 * H), before.reshape(T * B, H)
    if dq is None:
        dU = torch.cat([a[:, : 2 * H].t() @ s, a[:, 2 * H :].t() @ (gates[:, :, 0] * before).reshape(T * B, H)])
        dc = None
    else:
        q = dq.reshape(T * B, H)
        dU = torch.cat([a[:, : 2 * H].t() @ s, q.t() @ s])
        dc = q.sum(0)
    dx = da @ cell.W if needs_dx else None
    return dx, dh, Cell(a.t() @ x.flatten(0, 1), dU, a.sum(0), dc)


def _states_before(h: Tensor, y: Tensor, valid: Tensor | None, restarts: Tensor | None, reverse: bool) -> Tensor:
    """(T, B, H): the state each step started from, after any restart."""
    T = y.shape[0]
    if valid is None and restarts is None:
        return torch.cat([y[1:], h[None]] if reverse else [h[None], y[:-1]])[:T]
    before = torch.empty_like(y)
    for t in reversed(range(T)) if reverse else range(T):
        if restarts is not None:
            h = torch.where(restarts[t][:, None], 0, h)
        before[t] = h
        h = y[t] if valid is None else torch.where(valid[t], y[t], h)
    return before
