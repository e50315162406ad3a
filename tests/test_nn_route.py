"""A call of the layer and of the network goes one way: checked once, its engine chosen once."""

from __future__ import annotations

import collections
from typing import Any

import pytest
import torch

import gruvy
from gruvy.engines import native
from gruvy.network import net
from gruvy.nn import cell, layer, op, quick, route


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> collections.Counter[str]:
    """How often each check and choice was made."""
    found: collections.Counter[str] = collections.Counter()

    def counted(module: Any, name: str) -> None:
        real = getattr(module, name)

        def spy(*given: Any, **more: Any) -> Any:
            found[name] += 1
            return real(*given, **more)

        monkeypatch.setattr(module, name, spy)

    for module in (layer, net):
        for name in ("check_call", "route", "recur"):
            counted(module, name)
    for name in ("check_cell", "route", "recur"):
        counted(cell, name)
    for module in (route, op):
        for name in ("asked", "choose"):
            counted(module, name)
    for name in ("asked", "usual"):
        counted(quick, name)
    return found


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("recurrence", [gruvy.nn.GRU, gruvy.GRU])
def test_a_call_is_checked_once_and_its_engine_chosen_once(made, recurrence, convention):
    x, lengths = torch.randn(8, 8, 3, requires_grad=True), torch.full((8,), 8)
    out = recurrence(3, 5, 1, convention=convention)(x, lengths=lengths)
    assert made == {"check_call": 1, "route": 1, "asked": 1, "choose": 1, "recur": 1}
    out[0].sum().backward()  # by the same engine
    assert (made["asked"], made["choose"]) == (1, 1)


@pytest.mark.skipif(not native.available()[0], reason=native.available()[1])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_a_usual_call_is_judged_once_and_by_nothing_else(made, convention):
    out = gruvy.nn.GRU(3, 5, convention=convention)(torch.randn(9, 8, 3, requires_grad=True))
    assert made == {"usual": 1, "asked": 1}
    out[0].sum().backward()
    gruvy.nn.GRU(3, 5, convention=convention)(torch.randn(1, 8, 3))  # recorded too, by torch's kernel or by ours
    gruvy.nn.GRUCell(3, 5, convention=convention)(torch.randn(8, 3))
    with torch.no_grad():
        gruvy.nn.GRUCell(3, 5, convention=convention)(torch.randn(8, 3))
    assert made == {"usual": 4, "asked": 4}


def test_an_unusual_call_of_a_cell_is_checked_once(made):
    gruvy.nn.GRUCell(3, 5)(torch.randn(3))  # no batch
    assert made == {"usual": 1, "check_cell": 1, "route": 1, "asked": 1, "choose": 1}
