"""The usual call goes past the checks: the same numbers as the long way, and what is not usual does not go there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from compare import assert_close
from gruvy import EngineError, InputError, InputTypeError
from gruvy.engines import native
from gruvy.nn import GRU, GRUCell, quick

pytestmark = pytest.mark.skipif(not native.available()[0], reason=native.available()[1])

I, H, B = 3, 5, 2
F64 = torch.float64


@pytest.fixture
def went(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each call that could be usual, whether it was."""
    found: list[bool] = []

    def spied(real: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*given: Any) -> Any:
            result = real(*given)
            found.append(result is not None)
            return result

        return spy

    for name in ("layer", "step"):
        monkeypatch.setattr(quick, name, spied(getattr(quick, name)))
    return found


def outcome(layer: torch.nn.Module, x: Tensor, h: Tensor | None) -> list[Tensor]:
    """Everything that a layer or cell gives, and every gradient."""
    given = [t.clone().requires_grad_() for t in (x, h) if t is not None]
    weights = list(layer.parameters())
    with torch.no_grad():
        alone = layer(*given)
    out = layer(*given)
    out, alone = ([t] if isinstance(t, Tensor) else list(t) for t in (out, alone))
    loss = sum((t.sin().sum() for t in out), torch.zeros((), dtype=x.dtype))
    return [*alone, *out, *torch.autograd.grad(loss, [*given, *weights])]


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("T", [1, 2, 7])
@pytest.mark.parametrize("convention", ["torch", "tutorial", "onnx", "after,adds"])
def test_the_bits_of_the_long_way(monkeypatch, went, convention, T, batch_first, bias, state):
    torch.manual_seed(3)
    layer = GRU(I, H, bias=bias, batch_first=batch_first, convention=convention)
    x = torch.randn(B, T, I) if batch_first else torch.randn(T, B, I)
    h = torch.randn(1, B, H) if state else None
    found = outcome(layer, x, h)
    assert went == [True, True]
    monkeypatch.setattr(quick, "usual", lambda *given: False)
    expected = outcome(layer, x, h)
    assert went == [True, True]
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, "exact")
    assert [t.stride() for t in found[:4]] == [t.stride() for t in expected[:4]]
    if convention == "torch":
        theirs = torch.nn.GRU(I, H, bias=bias, batch_first=batch_first)
        theirs.load_state_dict(layer.state_dict())
        for a, b in zip(found, outcome(theirs, x, h), strict=True):
            assert_close(a, b, "engine")


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_a_cell_has_the_bits_of_the_long_way(monkeypatch, went, convention, bias, state):
    cell, x, h = GRUCell(I, H, bias, convention=convention), torch.randn(B, I), torch.randn(B, H) if state else None
    found = outcome(cell, x, h)
    assert went == [True, True]
    monkeypatch.setattr(quick, "usual", lambda *given: False)
    for a, b in zip(found, outcome(cell, x, h), strict=True):
        assert_close(a, b, "exact")


def test_rows_that_lie_apart(went):
    layer, x = GRU(I, H), torch.randn(7, I, B).transpose(1, 2)
    assert not x.is_contiguous()
    with torch.no_grad():
        assert_close(layer(x)[0], layer(x.contiguous())[0], "exact")
    assert went == [True, True]


X, HX = torch.randn(7, B, I), torch.zeros(1, B, H)


class Tagged(Tensor):
    """A tensor of a class of its own."""


UNUSUAL: dict[str, Callable[[], Any]] = {
    "lengths": lambda: GRU(I, H)(X, lengths=torch.tensor([7, 4])),
    "gates": lambda: GRU(I, H)(X, return_gates=True),
    "one sequence": lambda: GRU(I, H)(X[:, 0]),
    "one row": lambda: GRUCell(I, H)(X[0, 0]),
    "two layers": lambda: GRU(I, H, 2)(X),
    "two directions": lambda: GRU(I, H, bidirectional=True)(X),
    "a class of its own": lambda: GRU(I, H)(X.as_subclass(Tagged)),
    "meta": lambda: GRU(I, H, device="meta")(X.to("meta")),
    "bfloat16": lambda: GRU(I, H, dtype=torch.bfloat16)(X.bfloat16()),
    "vmap": lambda: torch.vmap(GRU(I, H))(X[None]),
    "a graph": lambda: make_fx(GRU(I, H))(X),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_not_usual(went, name):
    UNUSUAL[name]()
    assert went == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_is_not_usual(went):
    torch.jit.trace(GRU(I, H), X, check_trace=False)
    assert went == []


def test_forward_mode_is_not_usual(went):
    with torch.autograd.forward_ad.dual_level():
        GRU(I, H)(X)
        GRUCell(I, H)(X[0])
    assert went == []


def test_autocast_and_frozen_weights_are_not_usual(went):
    layer = GRU(I, H)
    with torch.autocast("cpu"):
        assert layer(X)[0].dtype == torch.float32
    with torch.no_grad(), layer.frozen():
        layer(X)
    assert went == []


@pytest.mark.filterwarnings("ignore:gruvy runs without its native core")
def test_without_the_engine_or_with_a_forced_one(monkeypatch, went):
    monkeypatch.setattr(native, "available", lambda: (False, "not built"))
    GRU(I, H)(X)
    monkeypatch.setenv("GRUVY_ENGINE", "fast")
    with pytest.raises(EngineError, match=r"engine 'fast' \(GRUVY_ENGINE\)"):
        GRU(I, H)(X)
    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    GRU(I, H)(X)
    assert went == []


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ((X[..., :2],), InputError, "input: shape (7, 2, 2), expected (time, batch, 3), or (time, 3) for one sequence"),
        (
            (X, HX[:, :1]),
            InputError,
            "hx: shape (1, 1, 5), expected (layers * directions, batch, hidden_size) = (1, 2, 5)",
        ),
        ((X, HX.double()), InputTypeError, "hx: dtype torch.float64, expected torch.float32 like the input"),
        ((X.double(),), InputTypeError, "input: dtype torch.float64, expected torch.float32 like the layer's weights"),
        ((X.tolist(),), InputTypeError, "input: list, expected a tensor or a PackedSequence"),
    ],
)
def test_wrong_inputs_are_told_by_the_long_way(given, error, text, recorded):
    with torch.set_grad_enabled(recorded), pytest.raises(error) as raised:
        GRU(I, H)(*given)
    assert str(raised.value) == text
