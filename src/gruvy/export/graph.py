"""An ONNX graph written node by node: calls give names of values, and `model` what was called, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._version import __version__
from ..extras import need

Array = np.ndarray[Any, Any]


class Graph:
    """A graph in the making; ``g("Add", a, b)`` adds a node and gives the name of its value.

    Args:
        opset: version of ONNX's operators.
    """

    def __init__(self, opset: int) -> None:
        self._onnx, self._opset = need("onnx"), opset
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._weights: dict[str, Any] = {}

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        return self.many(op, 1, *inputs, **attributes)[0]

    def many(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """The values of a node that gives several."""
        names = [f"{op.lower()}_{len(self._nodes)}" + (f"_{k}" if count > 1 else "") for k in range(count)]
        if "to" in attributes:
            attributes["to"] = self._type(attributes["to"])
        self._nodes.append(self._onnx.helper.make_node(op, inputs, names, **attributes))
        return names

    def weight(self, name: str, a: Array) -> str:
        """An array that lies in the graph under this name; text as text."""
        if a.dtype.kind in "US":
            proto = self._onnx.helper.make_tensor(name, self._type(a.dtype), a.shape, [str(v).encode() for v in a])
        else:
            proto = self._onnx.numpy_helper.from_array(a, name)
        self._weights[name] = proto
        return name

    def constant(self, value: Any, dtype: str = "int64") -> str:
        """A small array; equal ones are kept once."""
        a = np.array(value, dtype)
        return self.weight(f"const_{dtype}_{'_'.join(map(str, a.reshape(-1)))}_{a.ndim}", a)

    def take(self, shape: str, axis: int) -> str:
        """One size of a shape, as (1,)."""
        return self("Gather", shape, self.constant([axis]), axis=0)

    def scalar(self, shape: str, axis: int) -> str:
        """One size of a shape, without an axis."""
        return self("Gather", shape, self.constant(axis), axis=0)

    def reduce(self, op: str, x: str, axis: int) -> str:
        """A value without one axis; from opset 18 on ReduceMax takes the axis as an input, as ReduceSum always did."""
        if op == "ReduceSum" or self._opset >= 18:
            return self(op, x, self.constant([axis]), keepdims=0)
        return self(op, x, axes=[axis], keepdims=0)

    def input(self, name: str, dtype: str, size: Sequence[str | int]) -> str:
        """An input of the graph."""
        self._inputs.append(self._onnx.helper.make_tensor_value_info(name, self._type(dtype), size))
        return name

    def output(self, name: str, value: str, dtype: Any, size: Sequence[str | int]) -> None:
        """An output of the graph: a value under another name."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._onnx.helper.make_tensor_value_info(name, self._type(dtype), size))

    def model(self, name: str, metadata: Mapping[str, str]) -> bytes:
        """The file's content, checked by `onnx.checker`, shapes too."""
        onnx = self._onnx
        graph = onnx.helper.make_graph(self._nodes, name, self._inputs, self._outputs, list(self._weights.values()))
        opset = onnx.helper.make_opsetid("", self._opset)
        model = onnx.helper.make_model(
            graph,
            opset_imports=[opset],
            ir_version=onnx.helper.find_min_ir_version_for([opset]),
            producer_name="gruvy",
            producer_version=__version__,
        )
        onnx.helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _type(self, dtype: Any) -> int:
        dtype = np.dtype(dtype)
        if dtype.kind in "US":
            return int(self._onnx.TensorProto.STRING)
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(dtype))
