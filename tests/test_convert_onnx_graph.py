"""ONNX in, with what lies between and behind the GRU nodes: files of torch's two exporters, run by ONNX Runtime."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_apart, assert_close
from gruvy import convert
from gruvy.errors import InputError

onnx = pytest.importorskip("onnx")
WAYS = ("last state", "last step", "each step")


class Net(torch.nn.Module):
    def __init__(self, layers: int, both: bool, way: str) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(3, 5, layers, batch_first=True, bidirectional=both)
        self.linear, self.way = torch.nn.Linear(10 if both else 5, 4), way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, h = self.gru(x)
        if self.way == "last state":
            return self.linear(torch.cat([h[-2], h[-1]], 1) if self.gru.bidirectional else h[-1])
        return self.linear(y[:, -1] if self.way == "last step" else y)


def exported(net: torch.nn.Module, dynamo: bool) -> Any:
    """The file that torch writes of a net for any batch and time."""
    pytest.importorskip("onnxscript")
    file, x = io.BytesIO(), torch.zeros(2, 7, 3)
    axes = {0: torch.export.Dim("B"), 1: torch.export.Dim("T")}
    how: dict[str, Any] = {"dynamo": True, "dynamic_shapes": (axes,), "verbose": False}
    if not dynamo:
        how = {"dynamo": False, "dynamic_axes": {"x": {0: "B", 1: "T"}}, "input_names": ["x"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net.eval(), (x,), file, **how)
    return onnx.load_model_from_string(file.getvalue())


def answer(proto: Any, x: np.ndarray) -> np.ndarray:
    """What ONNX Runtime says."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {session.get_inputs()[0].name: x})[0]
    return found


def ours(model: Any, x: np.ndarray, way: str) -> np.ndarray:
    """The dense layer on the states of gruvy."""
    y, h = gruvy.engines.stack.run(model.weights, x)[:2]
    if way == "last state":
        y = np.concatenate(list(h[-model.weights.directions :]), axis=-1)
    elif way == "last step":
        y = y[:, -1]
    return y @ model.V.T + model.b_y


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, False), (2, True)])
@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_torch_comes_with_its_dense_layer(dynamo: bool, layers: int, both: bool, way: str) -> None:
    torch.manual_seed(layers)
    net, x = Net(layers, both, way), np.random.default_rng(0).normal(size=(3, 7, 3)).astype(np.float32)
    proto = exported(net, dynamo)
    if both and way == "last step":  # of two directions the last step is no final state: no dense layer can be told
        with pytest.warns(convert.ConversionWarning, match=r"the GRU nodes are taken; left out: Gemm$"):
            assert convert.from_onnx(proto).V is None
        return
    model = convert.from_onnx(proto)  # without a warning
    assert model.V.tobytes() == net.linear.weight.detach().numpy().tobytes()
    assert model.b_y.tobytes() == net.linear.bias.detach().numpy().tobytes()
    assert_close(ours(model, x, way), answer(proto, x), "peer")
    assert_apart(ours(model, x[:, ::-1], way), answer(proto, x), "peer")  # the comparison can fail


def changed(way: str, layers: int = 1) -> Any:
    torch.manual_seed(0)
    return exported(Net(layers, False, way), False)


def node(proto: Any, kind: str, at: int = -1) -> Any:
    return [n for n in proto.graph.node if n.op_type == kind][at]


def test_a_dense_layer_of_something_else_is_not_taken_for_one_of_the_states() -> None:
    """Each would read the right number of features, and give wrong numbers."""

    def another_step(proto: Any) -> None:
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0), "first"))
        node(proto, "Gather").input[1] = "first"

    def shorter(proto: Any) -> None:
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([7, 3], np.int32), "n"))
        node(proto, "GRU").input[4] = "n"

    def scaled(proto: Any) -> None:
        node(proto, "Gemm").attribute.append(onnx.helper.make_attribute("alpha", 2.0))
        for a in list(node(proto, "Gemm").attribute)[:-1]:
            if a.name == "alpha":
                node(proto, "Gemm").attribute.remove(a)

    def activated(proto: Any) -> None:
        gemm = node(proto, "Gemm")
        proto.graph.node.insert(0, onnx.helper.make_node("Tanh", [gemm.input[0]], ["t"]))
        gemm.input[0] = "t"

    for change in (another_step, shorter, scaled, activated):
        proto = changed("last step")
        change(proto)
        with pytest.warns(convert.ConversionWarning, match=r"^the GRU nodes are taken; left out: .*Gemm"):
            assert convert.from_onnx(proto).V is None


def test_layers_that_read_something_else_are_no_stack() -> None:
    proto = changed("last state", 2)
    squeeze = node(proto, "Squeeze")
    squeeze.op_type = "Softmax"
    del squeeze.input[1:]
    with pytest.raises(InputError, match=r"expected the states of the GRU node below it: the nodes are no stack$"):
        convert.from_onnx(proto)


def test_batch_and_time_exchanged_between_layers_are_no_stack() -> None:
    proto = changed("last state", 2)
    gru = node(proto, "GRU")
    turn = onnx.helper.make_node("Transpose", [gru.input[0]], ["t"], perm=[1, 0, 2])
    proto.graph.node.insert(list(proto.graph.node).index(gru), turn)
    node(proto, "GRU").input[0] = "t"
    with pytest.raises(InputError, match=r"the nodes are no stack$"):
        convert.from_onnx(proto)


def test_a_start_that_is_not_zero_is_told() -> None:
    proto = changed("last state")
    node(proto, "ConstantOfShape").attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.ones(1, np.float32)))
    with pytest.warns(convert.ConversionWarning, match="takes its initial state from"):
        convert.from_onnx(proto)
