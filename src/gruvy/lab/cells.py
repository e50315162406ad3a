"""One step of each net, as a function of its state: for Jacobians, counts and clamps.

A state is one vector: h (H,), and for the LSTM h and c joined (2H,). The equations are torch's documented ones, the
GRU's those of its convention.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ..convention import Convention
from ..nn import GRU
from .nets import Net

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def step_of(net: Net) -> Step:
    """The net's one-step function (x (I,), state) -> new state, in float64."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    W, U, b, c = (net.recurrent.get_parameter(name).detach().double() for name in names)
    if isinstance(net.recurrent, GRU):
        return gru(W, U, b, c, net.recurrent.convention)
    return {"rnn": rnn, "lstm": lstm}[net.kind](W, U, b, c)


def rnn(W: torch.Tensor, U: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> Step:
    """h' = tanh(W x + b + U h + c)."""
    return lambda x, h: torch.tanh(W @ x + b + U @ h + c)


def lstm(W: torch.Tensor, U: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> Step:
    """c' = f ∘ c + i ∘ g, h' = o ∘ tanh(c'); rows i, f, g, o."""

    def step(x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        h, cell = state.chunk(2)
        i, f, g, o = (W @ x + b + U @ h + c).chunk(4)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(cell), cell])

    return step


def gru(W: torch.Tensor, U: torch.Tensor, b: torch.Tensor, c: torch.Tensor, convention: Convention) -> Step:
    """The convention's equations, see `gruvy.reference`; rows r, z, n."""

    def step(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        a_r, a_z, a_n = (W @ x + b).chunk(3)
        U_r, U_z, U_n = U.chunk(3)
        c_r, c_z, c_n = c.chunk(3)
        r, z = torch.sigmoid(a_r + U_r @ h + c_r), torch.sigmoid(a_z + U_z @ h + c_z)
        inner = U_n @ (r * h) + c_n if convention.reset == "before" else r * (U_n @ h + c_n)
        n = torch.tanh(a_n + inner)
        return (1 - z) * n + z * h if convention.keeps else (1 - z) * h + z * n

    return step


def log_norms(net: Net, x: torch.Tensor) -> NDArray[np.float64]:
    """log10 of the Frobenius norm of ∂state_T / ∂state_{T-k} for k = 0..T, (B, T + 1), of the product itself.

    Args:
        net: any net of the lab; the LSTM's state is h and c together.
        x: inputs (B, T, I).

    Each product is rescaled at every step and its logarithm summed, so nothing underflows.
    """
    step = step_of(net)
    B, T, _ = x.shape
    size = net.readout.in_features * (2 if net.kind == "lstm" else 1)
    states = torch.zeros(B, size, dtype=torch.float64)
    both = torch.func.vmap(torch.func.jacrev(lambda u, s: (step(u, s),) * 2, argnums=1, has_aux=True))
    jacobians = []
    with torch.no_grad():
        for t in range(T):
            J, states = both(x[:, t].double(), states)
            jacobians.append(J)
        product = torch.eye(size, dtype=torch.float64).expand(B, size, size)
        logs = torch.full((B,), 0.5 * np.log10(size), dtype=torch.float64)
        found = [logs]
        product = product / np.sqrt(size)
        for J in reversed(jacobians):
            product = product @ J
            norm = torch.linalg.matrix_norm(product, keepdim=True)
            logs, product = logs + torch.log10(norm.flatten()), product / norm
            found.append(logs)
    return torch.stack(found, dim=1).numpy()
