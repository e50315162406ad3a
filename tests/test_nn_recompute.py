"""`GRU(recompute=True)`: no gates are kept for the backward pass, and nothing else changes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from compare import assert_apart, assert_close
from gruvy.nn import GRU, convert_gru, revert_gru
from paths import OWN, force

T, B, I, H = 7, 4, 3, 5
F64 = torch.float64
LENGTHS = torch.tensor([7, 3, 0, 5])


def pair(convention: str = "tutorial", **options: Any) -> tuple[GRU, GRU]:
    """A layer that keeps its gates and its twin that does not."""
    torch.manual_seed(3)
    keeps = GRU(I, H, convention=convention, dtype=F64, **options)
    again = GRU(I, H, convention=convention, dtype=F64, recompute=True, **options)
    again.load_state_dict(keeps.state_dict())
    return keeps, again


def inputs() -> Tensor:
    return torch.randn(T, B, I, dtype=F64, generator=torch.Generator().manual_seed(5))


def gradients(layer: Any, parameters: list[Tensor], **given: Any) -> list[Tensor]:
    x = inputs().requires_grad_()
    torch.manual_seed(8)  # of dropout
    output, h_n = layer(x, **given)
    return [output, h_n, *torch.autograd.grad(output.sin().sum() + h_n.square().sum(), [x, *parameters])]


def same(actual: list[Tensor], expected: list[Tensor], kind: str = "exact") -> None:
    for a, b in zip(actual, expected, strict=True):
        assert_close(a, b, kind)


@pytest.mark.parametrize("path", OWN[:2])
@pytest.mark.parametrize("convention", ["torch", "tutorial", "onnx", "after,adds"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "dropout": 0.3}])
def test_the_same_bits(monkeypatch: pytest.MonkeyPatch, path: str, convention: str, options: dict[str, Any]) -> None:
    force(monkeypatch, path)
    keeps, again = pair(convention, **options)
    restarts = torch.rand(T, B, generator=torch.Generator().manual_seed(6)) > 0.7
    for given in ({}, {"lengths": LENGTHS, "restarts": restarts}):
        same(gradients(again, list(again.parameters()), **given), gradients(keeps, list(keeps.parameters()), **given))


def test_gradients_are_torchs() -> None:
    _, again = pair("torch", num_layers=2)
    theirs = torch.nn.GRU(I, H, 2, dtype=F64)
    theirs.load_state_dict(again.state_dict())
    found = gradients(again, list(again.parameters()))
    same(found, gradients(theirs, list(theirs.parameters())), "gradient")
    with torch.no_grad():
        theirs.weight_hh_l0[0, 0] += 1e-6
    assert_apart(found[2], gradients(theirs, list(theirs.parameters()))[2], "gradient")


def saved(layer: GRU, **given: Any) -> int:
    """How many numbers a call keeps for its backward pass."""
    sizes: list[int] = []

    def count(t: Tensor) -> Tensor:
        sizes.append(t.numel())
        return t

    with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
        layer(inputs().requires_grad_(), **given)
    return sum(sizes)


@pytest.mark.parametrize(("convention", "gates"), [("torch", 4), ("tutorial", 3)])
def test_the_gates_are_not_kept(convention: str, gates: int) -> None:
    keeps, again = pair(convention, num_layers=2)
    assert saved(keeps, lengths=LENGTHS) - saved(again, lengths=LENGTHS) == 2 * gates * T * B * H


def test_the_states_are_made_again_where_a_caller_wrote_into_them() -> None:
    keeps, again = pair()
    found = []
    for layer in (keeps, again):
        output, _ = layer(inputs())
        loss = (output * 2).sum()
        output.detach().zero_()
        loss.backward()
        found.append([p.grad for p in layer.parameters() if p.grad is not None])
    same(found[1], found[0])
    assert found[0][0].abs().sum() > 0


def test_gates_that_are_asked_for_are_there_and_can_be_differentiated() -> None:
    found = []
    for layer in pair():
        output, _, gates = layer(inputs(), return_gates=True)
        found.append([output, *torch.autograd.grad((gates.update * gates.candidate).sum(), list(layer.parameters()))])
    same(found[1], found[0])


def test_second_derivatives() -> None:
    found = []
    for layer in pair():
        x = inputs().requires_grad_()
        (g,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        found.append([g, *torch.autograd.grad(g.square().sum(), x)])
    same(found[1], found[0], "second")


def test_in_a_graph() -> None:
    keeps, again = pair(num_layers=2)
    torch._dynamo.reset()
    compiled = torch.compile(again, fullgraph=True, backend="aot_eager")
    parameters = list(again.parameters())
    same(gradients(compiled, parameters, lengths=LENGTHS), gradients(keeps, list(keeps.parameters()), lengths=LENGTHS))
    program = torch.export.export(again, (inputs(),))
    assert [n.target for n in program.graph.nodes].count(torch.ops.gruvy.gru.default) == 1
    same(gradients(program.module(), list(program.parameters())), gradients(keeps, list(keeps.parameters())))


def test_the_layer_says_so_and_a_copy_does_too() -> None:
    keeps, again = pair("torch")
    assert "recompute" not in repr(keeps)
    assert repr(again) == 'GRU(3, 5, convention="torch", recompute=True)'
    assert copy.deepcopy(again).recompute
    assert pickle.loads(pickle.dumps(again)).recompute
    assert again.path(inputs()).reason.startswith("recompute; ")
    with torch.no_grad():
        assert again.path(inputs()) == keeps.path(inputs())  # nothing would be kept
    assert not convert_gru(torch.nn.GRU(I, H)).recompute
    assert "recompute" not in vars(revert_gru(again))
