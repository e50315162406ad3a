"""Layers on the Triton engine, interpreted: `test_nn_triton.py` runs this file in a process with TRITON_INTERPRET=1."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from compare import assert_close, error
from gruvy import EngineError
from gruvy.nn import GRU, GRUCell, Path, op, triton
from test_nn_graphs import arguments
from triton_cases import LIMITS

T, B, I, H = 6, 5, 3, 4
LENGTHS = torch.tensor([6, 3, 0, 5, 6])


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRUVY_ENGINE", "triton")


def layer(convention: str = "tutorial", **options: Any) -> GRU:
    torch.manual_seed(13)
    return GRU(I, H, batch_first=True, convention=convention, **options)


def inputs(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(B, T, I, generator=torch.Generator().manual_seed(14)).to(dtype)


def gradients(call: Any, parameters: list[Tensor], x: Tensor, **given: Any) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output, h_n = call(x, **given)
    return [output, h_n, *torch.autograd.grad(output.sin().sum() + h_n.square().sum(), [x, *parameters])]


def test_the_path_says_so() -> None:
    version = f"{triton.installed()[1]}, interpreted"
    assert layer("torch").path(inputs()) == Path("triton", f"GRUVY_ENGINE=triton; {version}")
    assert layer().path(inputs()) == Path("triton", f'convention "tutorial"; {version}')


def test_what_it_cannot_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = r"engine 'triton' \(GRUVY_ENGINE\) cannot serve: it has float32, float16 and bfloat16, not float64"
    net = layer(dtype=torch.float64)
    for call in (net, net.path):
        with pytest.raises(EngineError, match=text):
            call(inputs(torch.float64))
    with (
        pytest.raises(EngineError, match="cannot serve: a functorch transform"),
        torch.autograd.forward_ad.dual_level(),
    ):
        layer()(inputs())
    monkeypatch.setattr(triton, "installed", lambda: (False, "triton is not installed"))
    with pytest.raises(EngineError, match=r"\(GRUVY_ENGINE\) cannot serve: triton is not installed"):
        layer()(inputs())


@pytest.mark.parametrize(
    ("convention", "dtype"), [("tutorial", "float32"), ("torch", "float16"), ("tutorial", "bfloat16")]
)
def test_two_layers_in_every_dtype(monkeypatch: pytest.MonkeyPatch, convention: str, dtype: str) -> None:
    net = layer(convention, num_layers=2, bidirectional=True, dtype=getattr(torch, dtype))
    wide = layer(convention, num_layers=2, bidirectional=True, dtype=torch.float64)
    wide.load_state_dict(net.state_dict())
    x = inputs(getattr(torch, dtype))
    found = gradients(net, list(net.parameters()), x, lengths=LENGTHS)
    again = gradients(net, list(net.parameters()), x, lengths=LENGTHS)
    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    expected = gradients(wide, list(wide.parameters()), x.double(), lengths=LENGTHS)
    for a, b, c in zip(found, again, expected, strict=True):
        assert torch.equal(a, b)
        assert a.dtype == getattr(torch, dtype)
        assert error(a.double(), c) <= LIMITS[dtype]


@pytest.mark.parametrize(("dtype", "H"), [("float32", 70), ("float16", 130)])
def test_more_units_than_a_block_holds(monkeypatch: pytest.MonkeyPatch, dtype: str, H: int) -> None:
    """In tiles as they are on a GPU, the last one not full."""
    torch.manual_seed(15)
    x = inputs(getattr(torch, dtype))[:2, :3]
    net = GRU(I, H, convention="tutorial", dtype=x.dtype)
    assert not triton.holds(x, H)
    wide = GRU(I, H, convention="tutorial", dtype=torch.float64)
    wide.load_state_dict(net.state_dict())
    found = gradients(net, list(net.parameters()), x)
    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    for a, b in zip(found, gradients(wide, list(wide.parameters()), x.double()), strict=True):
        assert error(a.double(), b) <= LIMITS[dtype]


def test_gates_computed_again_have_the_same_bits() -> None:
    net, found = layer("torch", num_layers=2, bidirectional=True), []
    for net.recompute in (False, True):
        found.append(gradients(net, list(net.parameters()), inputs(), lengths=LENGTHS))
    for a, b in zip(*found, strict=True):
        assert_close(a, b, "exact")


def test_one_node_of_a_graph() -> None:
    net = layer()
    expected = gradients(net, list(net.parameters()), inputs(), lengths=LENGTHS)
    sizes: list[list[Any]] = []

    def backend(graph: torch.fx.GraphModule, given: list[Tensor]) -> Any:
        sizes.append([n.target for n in graph.graph.nodes])
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    for a, b in zip(gradients(compiled, list(net.parameters()), inputs(), lengths=LENGTHS), expected, strict=True):
        assert_close(a, b, "gradient")
    torch.compile(net, fullgraph=True, backend=backend)(inputs(), lengths=LENGTHS)
    program = torch.export.export(net, (inputs(),), {"lengths": LENGTHS})
    for targets in (*sizes, [n.target for n in program.graph.nodes]):
        assert sum("gruvy" in str(target) for target in targets) == 1
    assert sizes
    found = gradients(program.module(), list(program.parameters()), inputs(), lengths=LENGTHS)
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, "gradient")


def test_opcheck(monkeypatch: pytest.MonkeyPatch) -> None:
    given = tuple(t.float() if isinstance(t, Tensor) and t.is_floating_point() else t for t in narrow("tutorial"))
    torch.library.opcheck(op.gru._opoverload, given, test_utils=["test_schema", "test_faketensor"])


def narrow(convention: str) -> list[Any]:
    x, h, weights, *rest = arguments(convention, False, True)
    return [x, h, [w.float() for w in weights], *rest]


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_a_cell_has_the_bits_of_the_layer(convention: str) -> None:
    net, cell = layer(convention), GRUCell(I, H, convention=convention)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in net.state_dict().items()})
    h: Tensor | None = None
    for t in range(T):
        h = cell(inputs()[:, t], h)
    assert h is not None
    assert_close(h, net(inputs())[1][0])


def test_gates_can_be_differentiated(monkeypatch: pytest.MonkeyPatch) -> None:
    net, found = layer(bidirectional=True), []
    for engine in ("triton", "reference"):
        monkeypatch.setenv("GRUVY_ENGINE", engine)
        output, _, gates = net(inputs(), lengths=LENGTHS, return_gates=True)
        loss = output.sin().sum() + sum(g.square().sum() for g in gates if g is not None)
        found.append([output, *torch.autograd.grad(loss, list(net.parameters()))])
    for a, b in zip(*found, strict=True):
        assert_close(a, b, "gradient")


def test_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    net, found = layer(), []
    for engine in ("triton", "reference"):
        monkeypatch.setenv("GRUVY_ENGINE", engine)
        x = inputs().requires_grad_()
        (g,) = torch.autograd.grad(net(x)[0].square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(g.square().sum(), x)[0])
    assert_close(*found, "gradient")
