"""`torch.compile`, `torch.export` and the custom operator behind them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from compare import assert_close
from gruvy import EngineError, InputError
from gruvy.engines import native
from gruvy.nn import GRU, op

# torch's own use of what it deprecates
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")
F64 = torch.float64
I, H = 3, 4


class Tagger(torch.nn.Module):
    """A model around the layer, whose call has every optional argument."""

    def __init__(self, convention: str) -> None:
        super().__init__()
        torch.manual_seed(41)
        self.gru = GRU(I, H, 2, bidirectional=True, batch_first=True, convention=convention, dtype=F64)
        self.readout = torch.nn.Linear(2 * H, 2, dtype=F64)

    def forward(self, x: Tensor, lengths: Tensor | None = None, restarts: Tensor | None = None) -> Tensor:
        output, h_n = self.gru(x, lengths=lengths, restarts=restarts)
        out: Tensor = self.readout(output) + h_n.sum()
        return out


def batch(B: int, T: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(100 * B + T)
    return (
        torch.randn(B, T, I, dtype=F64, generator=generator),
        torch.randint(0, T + 1, (B,), generator=generator),
        torch.rand(B, T, generator=generator) > 0.7,
    )


def gradients(model: Any, parameters: list[Tensor], given: tuple[Tensor, ...]) -> list[Tensor]:
    x = given[0].clone().requires_grad_()
    y = model(x, *given[1:])
    return [y, *torch.autograd.grad(y.square().sum(), [x, *parameters])]


def count_graphs(model: torch.nn.Module, backend: str) -> tuple[Any, list[int]]:
    """The compiled model, and how many nodes each graph got, in the order of compilation."""
    sizes: list[int] = []
    inner = torch._dynamo.lookup_backend(backend)

    def counting(graph: torch.fx.GraphModule, inputs: list[Tensor], **options: Any) -> Any:
        sizes.append(len(graph.graph.nodes))
        return inner(graph, inputs, **options)

    torch._dynamo.reset()
    return torch.compile(model, fullgraph=True, backend=counting), sizes


@pytest.mark.parametrize(
    ("convention", "backend"),
    [
        ("torch", "aot_eager"),
        ("tutorial", "aot_eager"),
        pytest.param("torch", "inductor", marks=pytest.mark.slow),
        pytest.param("tutorial", "inductor", marks=pytest.mark.slow),
    ],
)
def test_compile(convention: str, backend: str) -> None:
    model = Tagger(convention)
    compiled, sizes = count_graphs(model, backend)
    parameters = list(model.parameters())
    asked = slice(1) if convention == "torch" else slice(3)
    for B, T in ((3, 5), (2, 9), (4, 60)):
        given = batch(B, T)[asked]
        for actual, expected in zip(
            gradients(compiled, parameters, given), gradients(model, parameters, given), strict=True
        ):
            assert_close(actual, expected, "gradient")
    # The second size makes a graph for every size; the third needs no other, and none grew with T.
    assert len(sizes) == 2
    assert max(sizes) < 60


def test_compiled_lengths_are_checked_when_it_runs() -> None:
    x, _, _ = batch(2, 5)
    compiled, _ = count_graphs(Tagger("tutorial"), "eager")
    compiled(x, torch.tensor([5, 0]))
    with pytest.raises(InputError, match="lengths: 6 at index 1, expected 0 to 5, the number of steps in the input"):
        compiled(x, torch.tensor([5, 6]))


def test_other_recurrent_modules_compile_as_before() -> None:
    """Only gruvy's own layers are let into Dynamo's graph."""
    torch._dynamo.reset()
    theirs = torch.compile(torch.nn.LSTM(3, 4), fullgraph=True, backend="eager")
    with pytest.raises(torch._dynamo.exc.Unsupported, match="RNN, GRU, or LSTM"):
        theirs(torch.randn(2, 1, 3))
    assert torch._dynamo.config.allow_rnn is False


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_one_exported_program_at_other_sizes(convention: str, strict: bool) -> None:
    model = Tagger(convention)
    B, T = Dim("B"), Dim("T")
    program = torch.export.export(
        model, batch(3, 5), dynamic_shapes=({0: B, 1: T}, {0: B}, {0: B, 1: T}), strict=strict
    )
    exported = program.module()
    names = [n for n, _ in model.named_parameters()]
    theirs = [dict(exported.named_parameters())[n] for n in names]
    for size in ((3, 5), (7, 11)):
        given = batch(*size)
        found = gradients(exported, theirs, given)
        for actual, expected in zip(found, gradients(model, list(model.parameters()), given), strict=True):
            assert_close(actual, expected, "gradient")
    x, lengths, restarts = batch(2, 4)
    with pytest.raises(InputError, match="lengths: 14 at index 0"):
        exported(x, lengths.fill_(14), restarts)


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_export_asking_for_nothing_more(convention: str) -> None:
    model = Tagger(convention)
    program = torch.export.export(model, batch(3, 5)[:1], dynamic_shapes=({0: Dim("B"), 1: Dim("T")},))
    assert [n.target for n in program.graph.nodes].count(torch.ops.gruvy.gru.default) == 1
    x = batch(2, 8)[0]
    assert_close(program.module()(x), model(x))


def test_second_derivatives_of_an_exported_program() -> None:
    model = Tagger("tutorial")
    given = batch(2, 3)
    exported = torch.export.export(model, given).module()

    def twice(f: Any) -> Tensor:
        x = given[0].clone().requires_grad_()
        (g,) = torch.autograd.grad(f(x, *given[1:]).square().sum(), x, create_graph=True)
        return torch.autograd.grad(g.square().sum(), x)[0]

    assert_close(twice(exported), twice(model), "second")


def test_forward_mode_through_an_exported_program_is_refused() -> None:
    """Torch itself would answer zero."""
    model = Tagger("tutorial")
    given = batch(2, 3)
    exported = torch.export.export(model, given).module()
    with pytest.raises(EngineError, match="gruvy::gru: no forward-mode derivative in a recorded graph"):
        torch.func.jvp(lambda x: exported(x, *given[1:]), (given[0],), (given[0],))


def arguments(convention: str, grad: bool, keep: bool, recompute: bool = False) -> tuple[Any, ...]:
    layer = GRU(I, H, 2, bidirectional=True, convention=convention, dtype=F64)
    x, lengths, restarts = batch(2, 3)
    weights = [p.detach().requires_grad_(grad) for p in layer.parameters()]
    h = torch.randn(4, 2, H, dtype=F64, requires_grad=grad)
    noise = torch.rand(1, 3, 2, 2 * H, dtype=F64)
    return x.transpose(0, 1).contiguous().requires_grad_(grad), h, weights, lengths, None, restarts.T, noise, (
        str(layer.convention)
    ), 2, keep, recompute  # fmt: skip


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_opcheck(monkeypatch: pytest.MonkeyPatch, convention: str, grad: bool, engine: str) -> None:
    there, why = native.available()
    if engine == "native" and not there:
        pytest.skip(why)
    monkeypatch.setenv("GRUVY_ENGINE", engine)
    checks = ["test_schema", "test_autograd_registration", "test_faketensor"]
    for recompute in {False, grad}:
        torch.library.opcheck(op.gru._opoverload, arguments(convention, grad, grad, recompute), test_utils=checks)


@pytest.mark.slow
def test_opcheck_of_the_traced_backward() -> None:
    torch.library.opcheck(op.gru._opoverload, arguments("torch", True, True), test_utils="test_aot_dispatch_dynamic")


def test_a_copy_of_a_compiled_model_compiles() -> None:
    model = Tagger("tutorial")
    x = batch(2, 4)[0]
    compiled, _ = count_graphs(model, "eager")
    first = compiled(x)
    again, _ = count_graphs(copy.deepcopy(model), "eager")
    assert_close(again(x), first)
