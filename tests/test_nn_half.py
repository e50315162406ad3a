"""Layers in bfloat16 and float16 on the CPU: computed in float32, and rounded once where the results leave."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import gruvy
from compare import assert_close
from gruvy.engines import native
from gruvy.errors import EngineError
from gruvy.nn import GRU, GRUCell, route

T, B, I, H = 12, 3, 5, 7
HALF = [torch.bfloat16, torch.float16]
CONVENTIONS = ["torch", "tutorial", "onnx"]
CORE = pytest.mark.skipif(not native.available()[0], reason=native.available()[1])
THEIRS = {torch.bfloat16: "torch in bfloat16", torch.float16: "torch in float16"}
STEPS: dict[str, dict[str, Any]] = {
    "whole": {},
    "lengths": {"lengths": torch.tensor([12, 0, 7])},
    "mask, restarts": {
        "mask": torch.rand(T, B, generator=torch.Generator().manual_seed(1)) < 0.7,
        "restarts": torch.rand(T, B, generator=torch.Generator().manual_seed(2)) < 0.2,
    },
}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(3)


def twins(layer: torch.nn.Module, dtype: torch.dtype) -> Any:
    """The same layer with the same numbers in another dtype."""
    args = {"bidirectional": True, "num_layers": 2} if isinstance(layer, GRU) else {}
    twin = type(layer)(I, H, convention=layer.convention, dtype=dtype, **args)  # type: ignore[call-arg, operator]
    state = {n: v if n == "convention_name" else v.to(dtype) for n, v in layer.state_dict().items()}
    twin.load_state_dict(state)
    return twin


def run(layer: GRU, x: Tensor, weight: Tensor, **steps: Any) -> list[Tensor]:
    """Outputs, states, gates and all gradients."""
    x = x.clone().requires_grad_()
    output, h_n, gates = layer(x, return_gates=True, **steps)
    total = (output * weight.to(output.dtype)).sum() + h_n.sum() + sum(g.sum() for g in gates if g is not None)
    found = torch.autograd.grad(total, [x, *layer.parameters()])
    return [output, h_n, *(g for g in gates if g is not None), *found]


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("dtype", HALF)
def test_it_is_float32_rounded_once(dtype: torch.dtype, convention: str, steps: str) -> None:
    layer = GRU(I, H, 2, bidirectional=True, convention=convention, dtype=dtype)
    x = torch.randn(T, B, I, dtype=dtype)
    weight = torch.randint(-2, 3, (T, B, 2 * H))
    given, wide = (
        run(layer, x, weight, **STEPS[steps]),
        run(twins(layer, torch.float32), x.float(), weight, **STEPS[steps]),
    )
    for own, other in zip(given, wide, strict=True):
        assert own.dtype == dtype
        assert torch.equal(own, other.to(dtype))


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("dtype", HALF)
def test_half_a_unit_from_float64(dtype: torch.dtype, convention: str) -> None:
    layer = GRU(I, H, 2, bidirectional=True, convention=convention, dtype=dtype)
    x, weight = torch.randn(T, B, I, dtype=dtype), torch.randint(-2, 3, (T, B, 2 * H))
    given = run(layer, x, weight, **STEPS["lengths"])
    exact = run(twins(layer, torch.float64), x.double(), weight, **STEPS["lengths"])
    kind = str(dtype).removeprefix("torch.")
    for own, other in zip(given, exact, strict=True):
        assert_close(own.double(), other, kind)
    with pytest.raises(AssertionError):  # and not less than a unit
        assert_close(given[0].double() * (1 + torch.finfo(dtype).eps), exact[0], kind)


@CORE
@pytest.mark.parametrize("dtype", HALF)
def test_nearer_than_torch(dtype: torch.dtype) -> None:
    """torch rounds the state at every step and sums the gradients of the weights in half precision."""
    theirs = torch.nn.GRU(I, H, dtype=dtype)
    ours, exact = GRU(I, H, dtype=dtype), torch.nn.GRU(I, H, dtype=torch.float64)
    for twin in (ours, exact):
        twin.load_state_dict(theirs.state_dict())
    x, weight = torch.randn(100, 8, I, dtype=dtype), torch.randint(-2, 3, (100, 8, H))
    assert ours.path(x).name == "native"
    found = []
    for layer in (theirs, ours, exact):
        output, _ = layer(x.to(layer.weight_ih_l0.dtype))
        (output * weight).sum().backward()
        found.append([output.double(), *(p.grad.double() for p in layer.parameters())])
    for their, our, true in zip(*found, strict=True):
        assert_close(their, true, THEIRS[dtype])
        assert (our - true).abs().max() < (their - true).abs().max()


@CORE
@pytest.mark.parametrize("dtype", HALF)
def test_the_path_says_so(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    name, x = str(dtype).removeprefix("torch."), torch.zeros(9, 2, I, dtype=dtype)
    layer = GRU(I, H, convention="tutorial", dtype=dtype)
    engine, reason = layer.path(x)
    assert engine == "native"
    assert reason.endswith(f"; computed in float32, results rounded to {name}")
    assert GRUCell(I, H, convention="tutorial", dtype=dtype).path(x[0]).reason.endswith(f"rounded to {name}")
    monkeypatch.setenv("GRUVY_ENGINE", "native")
    assert GRU(I, H, dtype=dtype).path(x[:1]).name == "native"
    assert GRU(I, H, dtype=dtype)(x[:1])[0].dtype == dtype
    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    assert layer.path(x).name == "torch operations"


@CORE
@pytest.mark.parametrize(
    ("dtype", "sizes", "products", "name"),
    [
        (torch.float16, (3, 2, 16), True, "torch kernel"),
        (torch.float16, (4, 2, 16), True, "native"),
        (torch.float16, (7, 2, 160), True, "torch kernel"),
        (torch.float16, (8, 2, 160), True, "native"),
        (torch.bfloat16, (8, 2, 160), True, "torch kernel"),
        (torch.bfloat16, (8, 2, 160), False, "native"),
        (torch.bfloat16, (32, 16, 160), True, "native"),
        (torch.bfloat16, (32, 17, 160), True, "torch kernel"),
        (torch.bfloat16, (4, 100, 128), True, "native"),
    ],
)
def test_torch_where_it_is_faster(dtype, sizes, products, name, monkeypatch):
    monkeypatch.setattr(route.torch_private, "multiplies_bfloat16", lambda: products)
    time, batch, units = sizes
    layer = GRU(I, units, dtype=dtype)
    x = torch.zeros(time, batch, I, dtype=dtype)
    assert layer.path(x).name == name
    assert layer.path(x, lengths=[time] * batch).name == "native"  # torch's layer has none


@pytest.mark.parametrize("dtype", HALF)
def test_every_way_has_the_same_bits(dtype: torch.dtype) -> None:
    layer = GRU(I, H, 2, bidirectional=True, convention="tutorial", dtype=dtype)
    x = torch.randn(T, B, I, dtype=dtype)
    expected = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        others = [layer(x)]
    with torch.inference_mode(), layer.frozen():
        others.append(layer(x))
    for other in others:
        assert all(map(torch.equal, other, expected))
    mapped = torch.vmap(layer, in_dims=1, out_dims=1)(x)[0]
    assert mapped.dtype == dtype
    assert_close(mapped.double(), expected[0].double(), str(dtype).removeprefix("torch."))


@pytest.mark.parametrize("dtype", HALF)
def test_compiled(dtype: torch.dtype) -> None:
    layer = GRU(I, H, convention="tutorial", dtype=dtype)
    x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    found = [torch.autograd.grad(f(x)[0].sum(), [x, *layer.parameters()]) for f in (layer, compiled)]
    assert torch.equal(layer(x)[0], compiled(x)[0])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("dtype", HALF)
def test_cells(dtype: torch.dtype, convention: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRUVY_ENGINE", "native" if native.available()[0] else "reference")
    cell = GRUCell(I, H, convention=convention, dtype=dtype)
    wide = twins(cell, torch.float32)
    x, h = torch.randn(B, I, dtype=dtype, requires_grad=True), torch.randn(B, H, dtype=dtype)
    assert torch.equal(cell(x, h), wide(x.float(), h.float()).to(dtype))
    for own, other in zip(
        torch.autograd.grad(cell(x, h).sum(), list(cell.parameters())),
        torch.autograd.grad(wide(x.float(), h.float()).sum(), list(wide.parameters())),
        strict=True,
    ):
        assert torch.equal(own, other.to(dtype))
    with torch.inference_mode(), cell.frozen():
        assert torch.equal(cell(x, h), wide(x.float(), h.float()).to(dtype))


def test_the_network_too() -> None:
    net = gruvy.GRU(I, H, 2)
    x = torch.randn(B, T, I).bfloat16()
    expected = net.bfloat16().float()(x.float())
    assert torch.equal(net.bfloat16()(x).hidden, expected.hidden.bfloat16())


def test_other_dtypes_are_still_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRUVY_ENGINE", "native")
    x = torch.zeros(T, B, I, dtype=torch.bfloat16)
    weights = [torch.zeros(3 * H, n, dtype=torch.bfloat16) for n in (I, H)]
    with pytest.raises(EngineError, match="it has float32 and float64, not bfloat16"):
        torch.ops.gruvy.gru(x, x.new_zeros(1, B, H), weights, None, None, None, None, "torch", 1, False, False)


def test_planted_fault_a_state_rounded_at_each_step_is_seen() -> None:
    layer = GRU(I, H, dtype=torch.bfloat16, convention="tutorial")
    wide, x = GRU(I, H, convention="tutorial"), torch.randn(T, B, I).bfloat16()
    wide.load_state_dict(layer.state_dict())
    h = None
    for step in x.float():
        h = wide(step[None], h)[1].bfloat16().float()
    assert h is not None
    assert not torch.equal(h.bfloat16(), layer(x)[1])
