"""A GRU's weights as ONNX's GRU node has them, and the smallest model around one node.

ONNX's node stacks the gates in the order z, r, h; its update gate keeps the old state, so the z rows of weights whose
update gate adds are negated, which is exact; both places of the reset gate are its own (`linear_before_reset`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..convention import Convention
from ..extras import need
from ..weights import Cell, Weights, both_biases

Array = np.ndarray[Any, Any]


def update_first(a: Array) -> Array:
    """Rows (3H, ...) in the order z, r, n instead of r, z, n."""
    r, z, n = np.split(a, 3)
    return np.concatenate([z, r, n])


def as_node(w: Weights) -> Weights:
    """The same function with ONNX's update gate; its weights keep their bits, but for the sign of the z rows."""
    return w.convert(Convention(w.convention.reset, "keeps"))


def tensors(layer: tuple[Cell, ...]) -> dict[str, Array]:
    """W (D, 3H, I), R (D, 3H, H) and B (D, 6H), what comes from the input first, of the directions of one layer."""
    return {
        "W": np.stack([update_first(cell.W) for cell in layer]),
        "R": np.stack([update_first(cell.U) for cell in layer]),
        "B": np.stack([np.concatenate([*map(update_first, both_biases(cell))]) for cell in layer]),
    }


def attributes(w: Weights) -> dict[str, Any]:
    """The attributes of each GRU node of the weights."""
    found: dict[str, Any] = {
        "hidden_size": w.hidden_units,
        "linear_before_reset": int(w.convention.reset == "after"),
    }
    return found | ({"direction": "bidirectional"} if w.directions == 2 else {})


def bare(w: Weights, state: bool = False) -> bytes:
    """The model of one GRU node and nothing else: x (T, B, I) to y (T, D, B, H), opset 17.

    Args:
        w: of one layer. state: with an input h (D, B, H), the initial state.
    """
    onnx = need("onnx")
    helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
    H, D = w.hidden_units, w.directions
    inputs: dict[str, list[str | int]] = {"x": ["T", "B", w.input_units]}
    if state:
        inputs["h"] = [D, "B", H]
    names = ["x", "W", "R", "B", *(["", "h"] if state else [])]
    w = as_node(w)
    graph = helper.make_graph(
        [helper.make_node("GRU", names, ["y"], **attributes(w))],
        "gru",
        [helper.make_tensor_value_info(name, FLOAT, size) for name, size in inputs.items()],
        [helper.make_tensor_value_info("y", FLOAT, ["T", D, "B", H])],
        [onnx.numpy_helper.from_array(a, name) for name, a in tensors(w.cells[0]).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
