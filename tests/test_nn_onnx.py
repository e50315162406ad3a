"""`torch.onnx.export` of `gruvy.nn.GRU` itself, its outputs from ONNX Runtime."""

from __future__ import annotations

import io
import itertools
import warnings
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from compare import assert_close
from gruvy.nn import GRU

T, B, I, H = 6, 2, 3, 5
PROGRAM = "torch.onnx.export: an exported program with gruvy.nn.GRU, expected the module itself"
LENGTHS = "torch.onnx.export: dynamo=True does not support lengths of gruvy.nn.GRU"


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


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's own
@pytest.mark.parametrize("convention", ["torch", "tutorial", "onnx", "after,adds"])
def test_the_new_exporter_writes_gru_nodes(convention: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    model = Inside(GRU(I, H, 2, bidirectional=True, convention=convention)).eval()
    axes = ({0: torch.export.Dim("time"), 1: torch.export.Dim("batch")},)
    file = tmp_path / "m.onnx"
    torch.onnx.export(
        model, (torch.randn(T, B, I),), file, dynamo=True, verbose=False, external_data=False, dynamic_shapes=axes
    )
    assert [node.op_type for node in onnx.load(file).graph.node].count("GRU") == 4
    x = torch.randn(2 * T, 3, I)
    for actual, expected in zip(in_onnxruntime(file.read_bytes(), x), model(x), strict=True):
        assert_close(actual, expected)


def test_what_the_new_exporter_cannot_write() -> None:
    pytest.importorskip("onnxscript")
    layer, x = GRU(I, H).eval(), torch.randn(T, B, I)
    for given, refusal in (
        ((torch.export.export(layer, (x,)), (x,)), PROGRAM),
        ((layer, (x, None, torch.tensor([T, 2]))), LENGTHS),
    ):
        with pytest.raises(torch.onnx.OnnxExporterError) as error:
            torch.onnx.export(*given, dynamo=True, verbose=False)
        assert refusal in str(error.value)
