"""Derivatives of every kind through `gruvy.nn.GRU`: their values, in eager mode and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap

from compare import assert_close
from gruvy import Weights, reference
from gruvy.nn import GRU
from gruvy.reference import Steps

# torch loads its decompositions for forward mode through its own deprecated torch.jit.script
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")
F64 = torch.float64
T, B, I, H = 3, 2, 2, 2
CONVENTIONS = ["torch", "tutorial", "onnx", "after,adds"]
ASKED = ["nothing", "lengths"]


def make(convention: str, **options: Any) -> GRU:
    torch.manual_seed(17)
    return GRU(I, H, convention=convention, dtype=F64, **options)


def steps(asked: str) -> dict[str, Tensor]:
    return {"lengths": torch.tensor([3, 1])} if asked == "lengths" else {}


class Case:
    """A layer, an input and a direction; and the derivatives by complex steps through the NumPy reference."""

    def __init__(self, convention: str, asked: str) -> None:
        self.layer, self.steps = make(convention), steps(asked)
        self.x, self.v = torch.randn(T, B, I, dtype=F64), torch.randn(T, B, I, dtype=F64)
        self.parameters = {n: p.detach() for n, p in self.layer.named_parameters()}
        [[self.cell]] = Weights.from_torch(self.layer).merged().cells
        self.cuts = {n: v.numpy() for n, v in self.steps.items()}

    def f(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer(x, **self.steps)[0]
        return output

    def loss(self, x: Tensor) -> Tensor:
        return self.f(x).square().sum()

    def one_loss(self, parameters: dict[str, Tensor], x: Tensor, length: Tensor) -> Tensor:
        cuts = {"lengths": length} if self.steps else {}
        output: Tensor = functional_call(self.layer, parameters, (x,), cuts)[0]
        return output.square().sum()

    def reference(self, x: Any, dy_of: Callable[[Any], Any] | None = None, **cuts: Any) -> Any:
        """The states; with `dy_of`, the gradients of a loss whose derivative by the states it gives."""
        of, h = self.layer.convention, np.zeros((x.shape[1], H), x.dtype)
        gates = np.zeros((T, x.shape[1], of.gates, H), x.dtype)
        y, _ = reference.forward(x, h, self.cell, of, Steps(**cuts), gates=gates)
        if dy_of is None:
            return y
        dx, dh, dcell = reference.backward(dy_of(y), None, x, h, self.cell, y, gates, of, Steps(**cuts))
        return dx, dh, *dcell

    def expected_jvp(self) -> Any:
        return self.reference(self.x.numpy() + 1e-30j * self.v.numpy(), **self.cuts).imag / 1e-30

    def each_input(self, f: Callable[[Any], Any]) -> Any:
        """f's derivative by each number of the input, stacked last."""
        columns = []
        for e in np.eye(self.x.numel()).reshape(-1, *self.x.shape):
            columns.append(f(self.x.numpy() + 1e-30j * e).imag / 1e-30)
        return np.stack(columns, axis=-1)

    def expected_jacobian(self) -> Any:
        return self.each_input(lambda x: self.reference(x, **self.cuts)).reshape(T, B, H, T, B, I)

    def expected_hessian(self) -> Any:
        def gradient(x: Any) -> Any:
            return self.reference(x, lambda y: 2 * y, **self.cuts)[0]

        return self.each_input(gradient).reshape(T, B, I, T, B, I)

    def expected_per_sample(self) -> Any:
        rows = []
        for b in range(B):
            cuts = {n: v[b : b + 1] for n, v in self.cuts.items()}
            rows.append(self.reference(self.x[:, b : b + 1].numpy(), lambda y: 2 * y, **cuts)[3])
        return np.stack(rows)

    def per_sample(self) -> Tensor:
        lengths = self.steps.get("lengths", torch.full((B,), T))
        found = vmap(grad(self.one_loss), (None, 1, 0))(self.parameters, self.x, lengths)
        dU: Tensor = found["weight_hh_l0"]
        return dU


KINDS: dict[str, tuple[Callable[[Case], Tensor], Callable[[Case], Any]]] = {
    "jvp": (lambda case: jvp(case.f, (case.x,), (case.v,))[1], Case.expected_jvp),
    "jacfwd": (lambda case: jacfwd(case.f)(case.x), Case.expected_jacobian),
    "jacrev": (lambda case: jacrev(case.f)(case.x), Case.expected_jacobian),
    "hessian": (lambda case: hessian(case.loss)(case.x), Case.expected_hessian),
    "vmap of grad": (Case.per_sample, Case.expected_per_sample),
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_transform(kind: str, convention: str, asked: str) -> None:
    case = Case(convention, asked)
    actual, expected = KINDS[kind]
    assert_close(actual(case), expected(case), "second")


@pytest.mark.parametrize(
    ("kind", "convention"),
    [
        pytest.param(k, c, marks=[] if (k, c) == ("jvp", "torch") else [pytest.mark.slow])
        for k in KINDS
        for c in ("torch", "tutorial")
    ],
)
def test_transform_compiled(kind: str, convention: str) -> None:
    case = Case(convention, "nothing")
    actual, expected = KINDS[kind]
    torch._dynamo.reset()
    compiled = torch.compile(lambda: actual(case), fullgraph=True, backend="aot_eager")
    assert_close(compiled(), expected(case), "second")


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_forward_mode(convention: str, asked: str) -> None:
    case = Case(convention, asked)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(case.f(forward_ad.make_dual(case.x, case.v))).tangent
    assert_close(tangent, case.expected_jvp(), "second")


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_double_backward_is_the_hessian(convention: str, asked: str) -> None:
    case = Case(convention, asked)
    x = case.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(case.loss(x), x, create_graph=True)
    rows = [torch.autograd.grad(g, x, retain_graph=True)[0] for g in gradient.flatten()]
    assert_close(torch.stack(rows).reshape(T, B, I, T, B, I), case.expected_hessian(), "second")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_partial_derivatives_where_an_input_is_computed_from_another(convention: str) -> None:
    """h_0 = tanh(x's first step): the second derivative must not count that way twice."""
    layer, x = make(convention), torch.randn(T, B, I, dtype=F64)
    mask = torch.ones(T, B, dtype=torch.bool)

    def f(x: Tensor) -> Tensor:
        output: Tensor = layer(x, x[:1].tanh(), mask=mask)[0]
        return output.square().sum()

    x.requires_grad_()
    (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
    (twice,) = torch.autograd.grad(gradient.square().sum(), x)
    eps, g = 1e-5, []
    for sign in (1, -1):
        moved = (x + sign * eps * gradient).detach().requires_grad_()
        g.append(torch.autograd.grad(f(moved), moved)[0])
    central = (g[0] - g[1]) / eps  # 2 H g, the derivative of |g|², to the square of eps
    assert_close(twice, central, "central")


@pytest.mark.parametrize("two", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_gradcheck(convention: str, two: bool) -> None:
    """Numerically, all inputs and parameters, first derivatives in both modes and second ones; two layers."""
    layer = make(convention, num_layers=1 + two, bidirectional=two)
    generator = torch.Generator().manual_seed(23)
    cuts: dict[str, Tensor] = {}
    if convention != "torch" or two:
        cuts["restarts"] = torch.rand(T, B, generator=generator) > 0.6
        cuts["mask"] = torch.rand(T, B, generator=generator) > 0.3
    names = [n for n, _ in layer.named_parameters()]

    def f(x: Tensor, h: Tensor, *weights: Tensor) -> Any:
        return functional_call(layer, dict(zip(names, weights, strict=True)), (x, h), cuts)

    x = torch.randn(T, B, I, dtype=F64, requires_grad=True)
    h = torch.randn(1 + 3 * two, B, H, dtype=F64, requires_grad=True)
    inputs = (x, h, *(p.detach().requires_grad_() for p in layer.parameters()))
    assert torch.autograd.gradcheck(f, inputs, check_forward_ad=True, check_batched_grad=True, fast_mode=two)
    assert torch.autograd.gradgradcheck(f, inputs, fast_mode=True)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_backward_twice(convention: str, asked: str) -> None:
    layer, x = make(convention, num_layers=2), torch.randn(T, B, I, dtype=F64, requires_grad=True)
    output, h_n = layer(x, **steps(asked))
    loss = output.square().sum() + h_n.sum()
    wanted = [x, *layer.parameters()]
    first = torch.autograd.grad(loss, wanted, retain_graph=True)
    for a, b in zip(torch.autograd.grad(loss, wanted), first, strict=True):
        assert_close(a, b, "exact")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_only_what_needs_a_gradient_gets_one(convention: str) -> None:
    layer, x = make(convention, num_layers=2), torch.randn(T, B, I, dtype=F64)
    cuts = {"lengths": torch.tensor([3, 2])}
    layer(x, **cuts)[0].sum().backward()
    expected = {n: p.grad for n, p in layer.named_parameters()}
    for p in layer.parameters():
        p.grad = None
        p.requires_grad_(False)
    layer.weight_hh_l1.requires_grad_()
    layer(x, **cuts)[0].sum().backward()
    assert_close(layer.weight_hh_l1.grad, expected["weight_hh_l1"])
    assert layer.weight_hh_l0.grad is None
    layer.weight_hh_l1.requires_grad_(False)
    h = torch.randn(2, B, H, dtype=F64, requires_grad=True)
    layer(x, h, **cuts)[0].sum().backward()
    assert h.grad is not None
    assert h.grad.all()
    assert not layer(x, **cuts)[0].requires_grad


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_a_change_of_what_backward_needs_is_an_error(convention: str) -> None:
    layer, x = make(convention), torch.randn(T, B, I, dtype=F64)
    output, _ = layer(x, lengths=torch.tensor([3, 2]))
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()
