"""A gradient that is infinite or NaN, from a loss that is finite: one batch is lost, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from gruvy.errors import InputError
from gruvy.training import Settings
from gruvy.training.optimiser import adamw
from gruvy.training.optimiser import step as optimise
from test_training import fitted, net, state


def same(a, b):
    return all(torch.equal(value, b[name]) for name, value in a.items())


def finite(module):
    return all(torch.isfinite(value).all() for value in state(module).values())


@pytest.mark.parametrize("found", ["inf", "nan"])
def test_it_costs_one_batch(found):
    """It made every parameter NaN, after epochs of work."""
    module, weights = net(), []

    def overflow(gradient):
        weights.append(state(module))  # as they are before this batch's step
        return torch.full_like(gradient, float(found)) if len(weights) == 6 else gradient

    module.U_l0.register_hook(overflow)
    with pytest.warns(UserWarning, match="^the gradient was infinite or NaN in 1 batch, from which nothing"):
        _, history = fitted(module=module, batch_size=10, max_epochs=3)
    assert [same(a, b) for a, b in pairwise(weights)] == [k == 5 for k in range(11)]
    assert np.isfinite(history["loss"]).all()
    assert finite(module)


def test_every_batch_of_an_epoch_is_an_error():
    module, rows = net(), []
    module.U_l0.register_hook(lambda gradient: gradient * float("inf") if len(rows) == 2 else gradient)
    text = (
        "^learning_rate=0.01: the gradient was infinite or NaN in every batch of epoch 3; the weights of epoch 2 are "
        "kept; a smaller learning_rate may help"
    )
    with pytest.raises(InputError, match=text):
        fitted(module=module, batch_size=10, max_epochs=3, on_epoch=rows.append)
    assert finite(module)


def test_a_fused_step_looks_for_itself():
    """As on a device that does not wait to be looked at."""

    class Far(torch.Tensor):
        device = torch.device("cuda")

    module = net()
    optimiser, before = adamw(module.parameters(), Settings()), state(module)
    for w in module.parameters():
        w.grad = torch.ones_like(w)
    for norm, lost in ((float("nan"), 1), (float("inf"), 1), (1.0, 0)):
        assert float(optimise(optimiser, torch.tensor(norm).as_subclass(Far))) == lost
        assert same(state(module), before) == bool(lost)
