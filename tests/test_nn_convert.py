"""`convert_gru`: the same parameters, hooks and references, another class."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import parametrizations

from compare import assert_close
from gruvy.nn import GRU, Converted, convert_gru, converted


class Theirs(torch.nn.GRU):
    pass


class Tagger(torch.nn.Module):
    """A GRU used twice, one of somebody's own, and a read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.GRU(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.25)
        self.again = torch.nn.ModuleDict({"same": self.first, "own": Theirs(8, 4)})
        self.lstm = torch.nn.LSTM(8, 4)
        self.readout = torch.nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.readout(self.first(x, hx=None)[0])
        return out


def test_swap() -> None:
    torch.manual_seed(0)
    model = Tagger().eval()
    model.first.train()
    x = torch.randn(2, 5, 3)
    before = copy.deepcopy(model).eval()(x)
    gru, parameters, keys = model.first, dict(model.named_parameters()), list(model.state_dict())
    calls: list[Any] = []
    gru.register_forward_hook(lambda *given: calls.append(given))
    assert convert_gru(model) is model
    assert model.first is model.again["same"] is gru
    assert isinstance(gru, GRU)
    assert gru.training
    assert not model.training
    assert all(p is parameters[n] for n, p in model.named_parameters())
    assert list(model.state_dict()) == keys
    gru.eval()
    assert_close(model(x), before)
    assert len(calls) == 1
    assert_close(gru(x, lengths=[5, 5])[0], gru(x)[0])
    assert str(gru) == 'GRU(3, 4, num_layers=2, batch_first=True, dropout=0.25, bidirectional=True, convention="torch")'
    assert converted(model) == Converted(("first",), {"again.own": "Theirs is a subclass of torch.nn.GRU"})


def test_an_optimizer_keeps_working() -> None:
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.GRU(3, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    convert_gru(model)
    old = model[0].weight_hh_l0.clone()
    model[0](torch.randn(5, 2, 3), lengths=[5, 3])[0].sum().backward()
    optimizer.step()
    assert not torch.equal(model[0].weight_hh_l0, old)


def test_again_changes_nothing() -> None:
    model = convert_gru(torch.nn.Sequential(torch.nn.GRU(3, 4), GRU(3, 4, convention="tutorial")))
    twice = convert_gru(model)
    assert twice is model
    assert [m.convention.name for m in model] == ["torch", "tutorial"]
    assert converted(model) == Converted(("0", "1"), {})


def test_a_model_that_is_a_gru() -> None:
    gru = torch.nn.GRU(3, 4)
    assert converted(gru) == Converted((), {"": "not converted yet"})
    assert isinstance(convert_gru(gru), GRU)
    assert converted(gru).swapped == ("",)
    assert isinstance(copy.deepcopy(gru), GRU)


def test_what_is_left_alone_says_why() -> None:
    normed, patched, own = torch.nn.GRU(3, 4), torch.nn.GRU(3, 4), Theirs(3, 4)
    parametrizations.weight_norm(normed, "weight_hh_l0")
    patched.forward = lambda *given: patched.__class__.forward(patched, *given)
    model = convert_gru(torch.nn.ModuleDict({"normed": normed, "patched": patched, "own": own}))
    assert converted(model) == Converted(
        (),
        {
            "normed": "it is parametrized: convert first, parametrize afterwards",
            "patched": "its forward was replaced on the object",
            "own": "Theirs is a subclass of torch.nn.GRU",
        },
    )
    assert type(model["own"]) is Theirs
