"""A call of the layer and of the network goes one way: checked once, its engine chosen once."""

from __future__ import annotations

import collections
from typing import Any

import pytest
import torch

import gruvy
from gruvy.network import net
from gruvy.nn import layer, op, route


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("recurrence", [gruvy.nn.GRU, gruvy.GRU])
def test_a_call_is_checked_once_and_its_engine_chosen_once(monkeypatch, recurrence, convention):
    made: collections.Counter[str] = collections.Counter()

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)

        def spy(*given: Any, **more: Any) -> Any:
            made[name] += 1
            return real(*given, **more)

        monkeypatch.setattr(module, name, spy)

    for module in (layer, net):
        for name in ("check_call", "route", "recur"):
            counted(module, name)
    for module in (route, op):
        for name in ("asked", "choose"):
            counted(module, name)
    out = recurrence(3, 5, 1, convention=convention)(torch.randn(9, 8, 3, requires_grad=True))
    assert made == {"check_call": 1, "route": 1, "asked": 1, "choose": 1, "recur": 1}
    out[0].sum().backward()  # by the same engine
    assert (made["asked"], made["choose"]) == (1, 1)
