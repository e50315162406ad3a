"""`convert_gru` and `revert_gru`: the same parameters, hooks and references, another class."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parametrizations

from compare import assert_close
from gruvy import ConventionError, InputError, Weights
from gruvy.nn import GRU, Converted, convert_gru, converted, revert_gru


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


class Their(torch.nn.GRUCell):
    pass


def test_cells_are_named_and_left_as_they_are() -> None:
    model = torch.nn.ModuleDict({"cell": torch.nn.GRUCell(3, 4), "own": Their(3, 4), "layer": torch.nn.GRU(3, 4)})
    why = "it is a GRUCell, called step by step; gruvy.nn.GRU takes whole sequences"
    assert converted(model) == Converted((), {"cell": why, "own": why, "layer": "not converted yet"})
    assert converted(convert_gru(model)) == Converted(("layer",), {"cell": why, "own": why})
    assert [type(m) for m in model.values()] == [torch.nn.GRUCell, Their, GRU]
    assert converted(torch.nn.LSTMCell(3, 4)) == Converted((), {})


def test_the_way_back_keeps_everything() -> None:
    torch.manual_seed(2)
    model, never = Tagger().double().eval(), Tagger().double().eval()
    never.load_state_dict(model.state_dict())
    model.first.train()
    parameters, keys = dict(model.named_parameters()), list(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    calls: list[Any] = []
    gru = convert_gru(model).first
    gru.register_forward_hook(lambda *given: calls.append(given))
    gru.eval()
    with torch.inference_mode(), gru.frozen():
        gru(torch.randn(2, 5, 3, dtype=torch.float64))
    gru.train()
    assert revert_gru(model) is model
    assert model.first is model.again["same"] is gru
    assert type(gru) is torch.nn.GRU
    assert vars(gru).keys() == vars(never.first).keys()
    assert (gru.batch_first, gru.dropout, gru.training, model.training) == (True, 0.25, True, False)
    assert all(p is parameters[n] for n, p in model.named_parameters())
    assert list(model.state_dict()) == keys
    assert str(model) == str(never)
    assert converted(model).left["first"] == "not converted yet"
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.manual_seed(3)
    dropped = model(x)
    never.first.train()
    torch.manual_seed(3)
    assert_close(dropped, never(x), "exact")
    assert len(calls) == 2
    dropped.sum().backward()
    old = gru.weight_hh_l0.clone()
    optimizer.step()
    assert not torch.equal(gru.weight_hh_l0, old)
    assert type(revert_gru(model).first) is torch.nn.GRU  # again changes nothing
    assert isinstance(convert_gru(model).first, GRU)
    assert_close(model.eval()(x), revert_gru(model)(x))


def test_the_way_back_of_a_layer_made_here() -> None:
    layer = GRU(3, 4, 2, batch_first=True, dropout=0.5)
    theirs = torch.nn.GRU(3, 4, 2, batch_first=True, dropout=0.5)
    theirs.load_state_dict(layer.state_dict())
    assert type(revert_gru(layer)) is torch.nn.GRU
    assert vars(layer).keys() == vars(theirs).keys()
    x = torch.randn(2, 5, 3)
    assert_close(layer.eval()(x)[0], theirs.eval()(x)[0], "exact")
    assert type(copy.deepcopy(layer)) is torch.nn.GRU


def test_the_way_back_allows_what_torch_does_with_its_own() -> None:
    layer = revert_gru(convert_gru(torch.nn.Sequential(torch.nn.GRU(3, 4))))
    with pytest.warns(DeprecationWarning, match=r"torch\.jit\.script"):
        scripted = torch.jit.script(layer)
    x = torch.randn(5, 2, 3)
    assert_close(scripted(x)[0], layer(x)[0])


class Ours(GRU):
    pass


def test_the_way_back_leaves_subclasses() -> None:
    model = torch.nn.Sequential(Ours(3, 4, convention="tutorial"), GRU(3, 4))
    assert [type(m) for m in revert_gru(model)] == [Ours, torch.nn.GRU]


def test_no_way_back_changes_nothing() -> None:
    model = torch.nn.ModuleDict({"a": GRU(3, 4), "b": GRU(3, 4, convention="tutorial"), "c": GRU(3, 4)})
    model["d"] = GRU(3, 4, convention="after,adds")
    before = {n: v.clone() for n, v in model.state_dict().items()}
    with pytest.raises(ConventionError) as error:
        revert_gru(model)
    assert str(error.value) == (
        'model: "b" has convention "tutorial", "d" has convention "after,adds"; expected "torch", the only one that '
        "torch.nn.GRU has"
    )
    assert {type(m) for m in model.values()} == {GRU}
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())
    normed, patched = GRU(3, 4), GRU(3, 4)
    parametrizations.weight_norm(normed, "weight_hh_l0")
    patched.forward = lambda *given: patched.__class__.forward(patched, *given)
    for layer, why in ((normed, "it is parametrized"), (patched, "its forward was replaced on the object")):
        model = torch.nn.ModuleDict({"a": GRU(3, 4), "b": layer})
        with pytest.raises(InputError) as refusal:
            revert_gru(model)
        assert str(refusal.value) == f'model: "b": {why}, expected a layer as convert_gru leaves it'
        assert type(model["a"]) is GRU


def test_weights_alone_take_what_they_do_not_hold() -> None:
    """Read as (time, batch, ...) or without dropout, the same shapes would give other numbers."""
    theirs = torch.nn.GRU(3, 4, 2, batch_first=True, dropout=0.5)
    back = Weights.from_torch(theirs).to_torch(batch_first=theirs.batch_first, dropout=theirs.dropout)
    x = torch.randn(2, 5, 3)
    outputs = []
    for layer in (theirs, back):
        torch.manual_seed(4)
        outputs.append(layer(x)[0])
    assert_close(outputs[1], outputs[0], "exact")
    assert str(back) == str(theirs)
