"""What lies between and behind the GRU nodes of an ONNX model: followed axis by axis, nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError
from ..extras import need

# The axes of a value: T time, B batch, D two directions, 1 one direction, S final states one on the other, H features.
DOMAINS = ("", "ai.onnx")  # of ONNX's own nodes
Unit = tuple[int, int]  # a layer and a direction


@dataclass(frozen=True)
class Value:
    """States of GRU nodes, or a dense layer of them.

    Attributes:
        axes: what each axis is, as a letter. units: whose states they are, in the order in which they lie.
        final: the last states (Y_h) or those of the last step, not those of all steps.
        at_last_step: taken from all steps. nodes: those they came through.
        weight, bias: constants of the dense layer, or "". turned: the weight is (inputs, outputs).
    """

    axes: str
    units: tuple[Unit, ...]
    final: bool = False
    at_last_step: bool = False
    nodes: tuple[Any, ...] = ()
    weight: str = ""
    bias: str = ""
    turned: bool = False


class Graph:
    """The values of a model's graph that come from its GRU nodes.

    Args:
        proto: an `onnx.ModelProto`. shapes: of each GRU node its number of directions and its layout.
    """

    def __init__(self, proto: Any, shapes: Sequence[tuple[int, int]]) -> None:
        self.constants = constants_of(proto)
        self.shapes, self.values = shapes, dict[str, Value]()
        self.makers = {out: node for node in proto.graph.node for out in node.output if out}
        self.layers, self.zeros = 0, set[str]()  # zeros: names of states to start from that hold nothing else
        for node in proto.graph.node:
            if node.domain not in DOMAINS:
                continue
            if self._is_zero(node):
                self.zeros.add(node.output[0])
            elif node.op_type == "GRU":
                self._gru(node)
            elif (way := _WAYS.get(node.op_type)) and (value := way(self, node)) is not None:
                self.values[node.output[0]] = replace(value, nodes=(*value.nodes, node))

    def _gru(self, node: Any) -> None:
        """Its outputs; what it reads must be all states of the node below, time first and features last."""
        k = self.layers
        directions, layout = self.shapes[k]
        if k:
            below = self.values.get(node.input[0])
            wanted = ("BTH" if layout else "TBH", tuple((k - 1, d) for d in range(self.shapes[k - 1][0])), "")
            if below is None or (below.axes, below.units, below.weight) != wanted:
                raise InputError(
                    f"node {node.name!r}: reads {node.input[0]!r}, expected the states of the GRU node below it: the "
                    "nodes are no stack"
                )
        units, d = tuple((k, d) for d in range(directions)), "D" if directions == 2 else "1"
        for out, axes in zip(node.output, (f"BT{d}H", f"B{d}H") if layout else (f"T{d}BH", f"{d}BH"), strict=False):
            if out:
                self.values[out] = Value(axes, units, final="T" not in axes)
        self.layers += 1

    def dense(self) -> Value | None:
        """The one dense layer that reads the top node's states, if there is just one that can be told for sure."""
        found = [v for name, v in self.values.items() if v.weight and not self._goes_on(name)]
        top = tuple((self.layers - 1, d) for d in range(self.shapes[-1][0]))
        fits = [v for v in found if v.units == top and not (v.at_last_step and self._not_the_last_state())]
        return fits[0] if len(fits) == len(found) == 1 else None

    def left_out(self, dense: Value | None) -> list[str]:
        """The kinds of nodes that compute something which is not taken along."""
        nodes = list({id(n): n for n in self.makers.values()}.values())
        taken = {id(n) for v in self.values.values() if not v.weight or v == dense for n in v.nodes}
        sizes = set(self.constants)  # and what is made of them and of shapes: zeros to start from, shapes to take
        for node in nodes:
            if node.op_type == "Shape" or all(not name or name in sizes for name in node.input):
                sizes.update(node.output)
        read = {node.input[0] for node in nodes if node.op_type == "GRU"}
        turned = {id(n) for n in nodes if n.op_type == "Transpose" and n.output[0] in read}
        done = taken | turned | {id(n) for n in nodes if n.op_type == "GRU" or set(n.output) <= sizes}
        return sorted({n.op_type for n in nodes if id(n) not in done})

    def _goes_on(self, name: str) -> bool:
        """Its bias is still to come."""
        return any(v.nodes[-1].op_type == "Add" and name in v.nodes[-1].input for v in self.values.values() if v.nodes)

    def _not_the_last_state(self) -> bool:
        """What stands at the last step is no final state: of two directions, or of shorter sequences."""
        grus = [n for n in {id(n): n for n in self.makers.values()}.values() if n.op_type == "GRU"]
        return self.shapes[-1][0] == 2 or any(len(n.input) > 4 and n.input[4] for n in grus)

    def _is_zero(self, node: Any) -> bool:
        made_of = None
        if node.op_type == "ConstantOfShape":
            made_of = attributes(node).get("value")
            if made_of is None:
                return True
        elif node.op_type == "Expand":
            made_of = self.constants.get(node.input[0])
        if made_of is None:
            return node.op_type in ("Slice", "Identity") and node.input[0] in self.zeros
        one = made_of.data_location == 0 and list(made_of.dims) in ([], [1])
        return one and not need("onnx").numpy_helper.to_array(made_of).any()

    # How a node changes a value; None: no longer known.

    def numbers(self, name: str) -> list[int] | None:
        """A constant of whole numbers, such as axes; None for any other."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.data_type not in (6, 7) or len(tensor.dims) > 1 or tensor.data_location == 1:
            return None
        if any(n > 8 for n in tensor.dims):
            return None
        return [int(n) for n in need("onnx").numpy_helper.to_array(tensor).reshape(-1)]

    def same(self, node: Any) -> Value | None:
        return self.values.get(node.input[0])

    def transpose(self, node: Any) -> Value | None:
        value, perm = self.values.get(node.input[0]), attributes(node).get("perm")
        if value is None:
            return None
        perm = list(reversed(range(len(value.axes)))) if perm is None else perm
        if sorted(perm) != list(range(len(value.axes))):
            return None
        return replace(value, axes="".join(value.axes[p] for p in perm))

    def squeeze(self, node: Any) -> Value | None:
        value, said = self.values.get(node.input[0]), attributes(node).get("axes")
        if value is None:
            return None
        axes = self.numbers(node.input[1]) if len(node.input) > 1 else said
        if axes is None or any(not -len(value.axes) <= a < len(value.axes) or value.axes[a] != "1" for a in axes):
            return None
        gone = {a % len(value.axes) for a in axes}
        return replace(value, axes="".join(c for i, c in enumerate(value.axes) if i not in gone))

    def reshape(self, node: Any) -> Value | None:
        """Directions and features into one axis, and nothing else."""
        value = self.values.get(node.input[0])
        if value is None or len(value.axes) != 4 or value.axes[2:] not in ("DH", "1H"):
            return None
        shape, maker = self.numbers(node.input[1]), self.makers.get(node.input[1])
        whole = shape is not None and len(shape) == 3 and shape[0] == shape[1] == 0
        computed = maker is not None and maker.op_type == "Concat" and len(maker.input) == 3
        return replace(value, axes=value.axes[:2] + "H") if whole or computed else None

    def gather(self, node: Any) -> Value | None:
        """One step, one direction, or one of several final states."""
        value, tensor = self.values.get(node.input[0]), self.constants.get(node.input[1])
        at, axis = self.numbers(node.input[1]), attributes(node).get("axis", 0)
        if value is None or tensor is None or at is None or len(tensor.dims) or not 0 <= axis < len(value.axes):
            return None
        axes, kind = value.axes[:axis] + value.axes[axis + 1 :], value.axes[axis]
        if kind == "T":
            return replace(value, axes=axes, final=True, at_last_step=True) if at == [-1] else None
        if kind not in "D1S" or not -len(value.units) <= at[0] < len(value.units):
            return None
        return replace(value, axes=axes, units=(value.units[at[0]],))

    def concat(self, node: Any) -> Value | None:
        """Final states of several layers on each other, or of two directions side by side."""
        parts, axis = [self.values.get(name) for name in node.input], attributes(node).get("axis", 0)
        known = [p for p in parts if p is not None and p.final and not p.weight and not p.at_last_step]
        if len(known) != len(parts) or not known:
            return None
        units = tuple(u for p in known for u in p.units)
        if axis == 0 and all(p.axes in ("DBH", "1BH", "SBH") for p in known):
            return Value("SBH", units, final=True)
        if axis in (1, -1) and all(p.axes == "BH" for p in known):
            return Value("BH", units, final=True)
        return None

    def gemm(self, node: Any) -> Value | None:
        said, value = attributes(node), self.values.get(node.input[0])
        plain = said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 and not said.get("transA")
        bias = node.input[2] if len(node.input) > 2 else ""
        if value is None or value.weight or value.axes != "BH" or not plain or node.input[1] not in self.constants:
            return None
        if bias and bias not in self.constants:
            return None
        return replace(value, weight=node.input[1], bias=bias, turned=not said.get("transB"))

    def matmul(self, node: Any) -> Value | None:
        value = self.values.get(node.input[0])
        if value is None or value.weight or value.axes[-1] != "H" or node.input[1] not in self.constants:
            return None
        return replace(value, weight=node.input[1], turned=True)

    def add(self, node: Any) -> Value | None:
        for name, bias in (node.input, reversed(node.input)):
            value = self.values.get(name)
            if value is not None and value.weight and not value.bias and bias in self.constants:
                return replace(value, bias=bias)
        return None


def constants_of(proto: Any) -> dict[str, Any]:
    """The tensors of a graph that no input changes, by name."""
    found = {t.name: t for t in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.domain in DOMAINS:
            found.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    return found


def attributes(node: Any) -> dict[str, Any]:
    """What a node is told beside its inputs."""
    return {a.name: need("onnx").helper.get_attribute_value(a) for a in node.attribute}


_WAYS: Mapping[str, Callable[[Graph, Any], Value | None]] = {
    "Identity": Graph.same,
    "Dropout": Graph.same,
    "Transpose": Graph.transpose,
    "Squeeze": Graph.squeeze,
    "Reshape": Graph.reshape,
    "Gather": Graph.gather,
    "Concat": Graph.concat,
    "Gemm": Graph.gemm,
    "MatMul": Graph.matmul,
    "Add": Graph.add,
}
