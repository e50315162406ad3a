"""`gruvy.nn.GRUCell` against `torch.nn.GRUCell`, and in other conventions the reference, whichever way it goes."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import gruvy
from compare import assert_apart, assert_close
from gruvy import reference
from gruvy.engines import native
from gruvy.nn import GRUCell
from gruvy.reference import Cell
from paths import ALL, OWN, force

B, I, H = 4, 3, 5
F64 = torch.float64
CONVENTIONS = ["torch", "tutorial", "onnx", "after,adds"]
CELLS = [torch.nn.GRUCell, GRUCell]


def pair(I: int = I, H: int = H, dtype: torch.dtype = F64, **options: Any) -> tuple[torch.nn.GRUCell, GRUCell]:
    torch.manual_seed(3)
    theirs = torch.nn.GRUCell(I, H, dtype=dtype, **options)
    ours = GRUCell(I, H, dtype=dtype, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def results(cell: torch.nn.GRUCell, x: Tensor, h: Tensor | None) -> dict[str, Tensor]:
    """The new state, and every gradient of a loss that weighs each number differently."""
    x = x.clone().requires_grad_()
    h = None if h is None else h.clone().requires_grad_()
    out = cell(x, h)
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(5), dtype=out.dtype)
    wanted = {"x": x} | ({} if h is None else {"h": h}) | dict(cell.named_parameters())
    gradients = torch.autograd.grad((out * weight).sum(), list(wanted.values()))
    return {"out": out} | {f"d{n}": g for n, g in zip(wanted, gradients, strict=True)}


@pytest.mark.parametrize("path", ALL)
@settings(max_examples=25, deadline=None)
@given(I=st.integers(1, 20), H=st.integers(1, 40), B=st.integers(0, 9), bias=st.booleans(), batched=st.booleans(),
       state=st.booleans())  # fmt: skip
def test_equal(path: str, I: int, H: int, B: int, bias: bool, batched: bool, state: bool) -> None:
    theirs, ours = pair(I, H, bias=bias)
    x = torch.randn((B, I) if batched else I, dtype=F64)
    h = torch.randn((B, H) if batched else H, dtype=F64) if state else None
    with pytest.MonkeyPatch.context() as patch:
        force(patch, path)
        with torch.inference_mode():
            assert_close(ours(x, h), theirs(x, h), "same")
        expected, actual = results(theirs, x, h), results(ours, x, h)
    for name, value in expected.items():
        assert_close(actual[name], value, "same" if name == "out" else "gradient", name)


def test_a_swapped_gate_is_seen() -> None:
    theirs, ours = pair()
    with torch.no_grad():
        ours.weight_hh.copy_(ours.weight_hh.roll(H, 0))
    x, h = torch.randn(B, I, dtype=F64), torch.randn(B, H, dtype=F64)
    for a, b in zip(results(ours, x, h).values(), results(theirs, x, h).values(), strict=True):
        assert_apart(a, b)


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_other_conventions(monkeypatch: pytest.MonkeyPatch, path: str, bias: bool, convention: str) -> None:
    torch.manual_seed(4)
    cell = GRUCell(I, H, bias, dtype=F64, convention=convention)
    W, U = cell.weight_ih.detach().numpy(), cell.weight_hh.detach().numpy()
    b, c = (cell.bias_ih.detach().numpy(), cell.bias_hh.detach().numpy()) if bias else (np.zeros(3 * H),) * 2
    after = cell.convention.reset == "after"
    merged = b + np.concatenate([c[: 2 * H], np.zeros(H)]) if after else b + c
    numbers = Cell(W, U, merged, c[2 * H :] if after else None)
    x, h = torch.randn(B, I, dtype=F64), torch.randn(B, H, dtype=F64)
    force(monkeypatch, path)
    assert_close(cell(x, h), reference.step(x.numpy(), h.numpy(), numbers, cell.convention), "same")
    assert torch.autograd.gradcheck(cell, (x.requires_grad_(), h.requires_grad_()))


@pytest.mark.skipif(not native.available()[0], reason="needs the native core")
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_steps_have_the_bits_of_a_layer(convention: str) -> None:
    torch.manual_seed(6)
    layer, cell = gruvy.nn.GRU(I, H, convention=convention), GRUCell(I, H, convention=convention)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    xs, h = torch.randn(12, B, I), None
    with torch.inference_mode():
        whole = layer(xs)[0]
        with cell.frozen():
            assert cell.path(xs[0]).name == "native"
            for x, expected in zip(xs, whole, strict=True):
                h = cell(x, h)
                assert torch.equal(h, expected)
            with pytest.raises(gruvy.EngineError), torch.inference_mode(False), torch.enable_grad():
                cell(xs[0].clone())


def test_state_dicts_copies_and_names() -> None:
    theirs, ours = pair()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert isinstance(ours, torch.nn.GRUCell)
    theirs.load_state_dict(ours.state_dict())
    assert repr(ours) == 'GRUCell(3, 5, convention="torch")'
    other = GRUCell(I, H, False, convention="tutorial")
    assert repr(other) == 'GRUCell(3, 5, bias=False, convention="tutorial")'
    file = io.BytesIO()
    torch.save(other.state_dict(), file)
    file.seek(0)
    twin = GRUCell(I, H, False, convention="tutorial")
    twin.load_state_dict(torch.load(file, weights_only=True))
    x = torch.randn(B, I)
    with other.frozen():
        copies = [twin, copy.deepcopy(other), pickle.loads(pickle.dumps(other))]
    assert [vars(c).get("_frozen") for c in copies] == [None] * 3
    for again in copies:
        assert_close(again(x), other(x), "exact")
    with pytest.raises(gruvy.ConventionError) as error:
        GRUCell(I, H, False).load_state_dict(other.state_dict())
    assert str(error.value) == 'state dict: weights of convention "tutorial", this layer has convention "torch"'
    model = torch.nn.Sequential(ours)
    assert gruvy.nn.converted(model) == gruvy.nn.Converted(("0",), {})


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_a_compiled_cell(convention: str) -> None:
    cell = GRUCell(I, H, dtype=F64, convention=convention)
    compiled = torch.compile(cell, backend="aot_eager", fullgraph=True)
    x, h = torch.randn(B, I, dtype=F64), torch.randn(B, H, dtype=F64)
    for a, b in zip(results(compiled, x, h).values(), results(cell, x, h).values(), strict=True):
        assert_close(a, b, "gradient")
    with torch.no_grad():
        assert_close(compiled(x), cell(x), "same")


def test_derivatives_and_transforms() -> None:
    theirs, ours = pair()
    x, h = torch.randn(B, I, dtype=F64), torch.randn(B, H, dtype=F64)
    assert torch.autograd.gradgradcheck(ours, (x.clone().requires_grad_(), h.clone().requires_grad_()))
    each = torch.func.vmap(torch.func.jacrev(ours))(x, h)
    assert_close(each, torch.func.vmap(torch.func.jacrev(theirs))(x, h), "same")
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x, h).dtype == F64


X, S = torch.randn(B, I), torch.randn(B, H)
WRONG = {
    "input: shape (4, 2), expected (batch, 3), or (3,) for one sequence": (X[:, :2],),
    "input: shape (1, 4, 3), expected (batch, 3), or (3,) for one sequence": (X[None],),
    "input: shape (), expected (batch, 3), or (3,) for one sequence": (X[0, 0],),
    "input: list, expected a tensor": ([1.0],),
    "input: dtype torch.float64, expected torch.float32 like the layer's weights": (X.double(),),
    "input: on meta, expected cpu like the layer's weights": (X.to("meta"),),
    "hx: list, expected a tensor": (X, [1.0]),
    "hx: shape (3, 5), expected (batch, hidden_size) = (4, 5)": (X, S[:3]),
    "hx: shape (4, 5), expected (hidden_size,) = (5,)": (X[0], S),
    "hx: dtype torch.float64, expected torch.float32 like the input": (X, S.double()),
    "hx: on meta, expected cpu like the input": (X, S.to("meta")),
}


@pytest.mark.parametrize("text", WRONG)
def test_errors(text: str) -> None:
    with pytest.raises(gruvy.Error) as error:
        GRUCell(I, H)(*WRONG[text])
    assert str(error.value) == text
    with pytest.raises((RuntimeError, ValueError, AttributeError, TypeError)) as theirs:
        torch.nn.GRUCell(I, H)(*WRONG[text])
    no_tensor = isinstance(theirs.value, (AttributeError, TypeError))
    assert isinstance(error.value, TypeError if no_tensor else theirs.type)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_script_and_convention_are_refused() -> None:
    with pytest.raises(gruvy.Error, match="GRUCell is not TorchScript"):
        torch.jit.script(GRUCell(I, H))
    with pytest.raises(gruvy.ConventionError):
        GRUCell(I, H, convention="cho")
