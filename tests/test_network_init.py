"""The beginnings of `gruvy.GRU`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close
from small_nets import CONVENTIONS


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
@pytest.mark.parametrize("n", [3, 100])
def test_remember_n_steps(convention, n):
    net = gruvy.GRU(2, 4, 1, layers=2, bidirectional=True, init=f"remember:{n}", convention=convention).double()
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name[0] in "WU":
                p.zero_()  # a state left alone: nothing comes in, and nothing mixes
    state = torch.ones(4, 1, 4, dtype=torch.float64)
    out = net(torch.zeros(1, n, 2, dtype=torch.float64), state=state)
    assert_close(out.state, np.full((4, 1, 4), np.exp(-1)), "decay")


def test_named_schemes():
    torch.manual_seed(0)
    net = gruvy.GRU(6, 8, 3, init="glorot", dtype=torch.float64)
    for gate in net.U_l0.chunk(3):
        assert_close(gate @ gate.T, np.eye(8), name="U is orthogonal")
    assert 0.9 * np.sqrt(6 / 14) < net.W_l0.abs().max() <= np.sqrt(6 / 14)
    assert net.b_l0.abs().max() == net.b_y.abs().max() == 0
    torch.manual_seed(0)
    net = gruvy.GRU(6, 64, 50, init="uniform")  # enough numbers everywhere that the largest is near the bound
    assert all(0.5 / 8 < p.abs().max() <= 1 / 8 for p in net.parameters())
