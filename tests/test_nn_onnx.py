"""`torch.onnx.export` of `gruvy.nn.GRU` itself, its outputs from ONNX Runtime."""

from __future__ import annotations

import importlib.util
import io
import itertools
import warnings
from typing import Any

import onnxruntime
import pytest
import torch
from torch import Tensor

from compare import assert_close
from gruvy import EngineError
from gruvy.nn import GRU

T, B, I, H = 6, 2, 3, 5
REFUSAL = "torch.onnx.export: dynamo=True does not support gruvy.nn.GRU yet, expected dynamo=False"


def export(model: torch.nn.Module, args: tuple[Any, ...], **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own: the old exporter, what a trace takes for constant
        torch.onnx.export(model, args, file, dynamo=False, **options)
    return file.getvalue()


def in_onnxruntime(model: bytes, *inputs: Tensor) -> list[Tensor]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return [torch.from_numpy(a) for a in session.run(None, dict(zip(names, (t.numpy() for t in inputs), strict=True)))]


@pytest.mark.parametrize(
    ("layers", "two", "first", "hx"), list(itertools.product((1, 2), (False, True), (False, True), (False, True)))
)
def test_the_bare_layer(layers: int, two: bool, first: bool, hx: bool) -> None:
    """The same numbers from ONNX Runtime as from PyTorch's own layer."""
    torch.manual_seed(layers)
    ours = GRU(I, H, layers, bidirectional=two, batch_first=first).eval()
    theirs = torch.nn.GRU(I, H, layers, bidirectional=two, batch_first=first).eval()
    theirs.load_state_dict(ours.state_dict())
    given = [torch.randn((B, T, I) if first else (T, B, I))]
    given += [torch.randn(layers * (1 + two), B, H)] if hx else []
    for actual, expected in zip(in_onnxruntime(export(ours, tuple(given)), *given), theirs(*given), strict=True):
        assert_close(actual, expected)


class Inside(torch.nn.Module):
    def __init__(self, layer: torch.nn.GRU) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Any:
        return self.layer(x)


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_the_bare_layer_is_the_layer_inside_a_module(convention: str) -> None:
    layer, x = GRU(I, H, convention=convention).eval(), torch.randn(T, B, I)
    bare, inside = (in_onnxruntime(export(model, (x,)), x) for model in (layer, Inside(layer).eval()))
    for actual, same, expected in zip(bare, inside, layer(x), strict=True):
        assert_close(actual, same, "exact")
        assert_close(actual, expected)


def test_time_stays_dynamic_where_torch_keeps_it() -> None:
    layer, x = GRU(I, H).eval(), torch.randn(T, B, I)
    model = export(layer, (x, torch.zeros(1, B, H)), input_names=["x", "h"], dynamic_axes={"x": {0: "time"}})
    longer, h = torch.randn(2 * T, B, I), torch.randn(1, B, H)
    for actual, expected in zip(in_onnxruntime(model, longer, h), layer(longer, h), strict=True):
        assert_close(actual, expected)


def test_lengths_are_exported_by_name() -> None:
    layer, x, lengths = GRU(I, H).eval(), torch.randn(T, B, I), torch.tensor([T, 2])
    model, others = export(layer, (x, {"lengths": lengths})), torch.tensor([3, 5])
    for actual, expected in zip(in_onnxruntime(model, x, others), layer(x, lengths=others), strict=True):
        assert_close(actual, expected)


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_the_new_exporter_says_that_it_is_not_supported_yet(convention: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = GRU(I, H, convention=convention).eval(), torch.randn(T, B, I)
    if importlib.util.find_spec("onnxscript") is None:  # torch's exporter ends before it looks at the model
        with pytest.raises(ModuleNotFoundError, match="onnxscript"):
            torch.onnx.export(layer, (x,), dynamo=True, verbose=False)
    else:
        for model in (layer, torch.export.export(layer, (x,))):
            with pytest.raises(torch.onnx.OnnxExporterError) as error:
                torch.onnx.export(model, (x,), dynamo=True, verbose=False)
            assert any(line.endswith(f": {REFUSAL}") for line in str(error.value).splitlines())
    # What happens inside that exporter, installed or not.
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    with pytest.raises(EngineError) as refusal:
        torch.export.export(layer, (x,))
    assert str(refusal.value) == REFUSAL
