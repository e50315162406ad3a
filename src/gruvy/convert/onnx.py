"""ONNX in: GRU nodes of a model, as weights and as something that runs with ONNX's own inputs and outputs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.stack import run
from ..errors import InputError, ModelFileError
from ..extras import need
from ..model.model import Model
from ..weights import Cell, Weights
from .onnx_graph import DOMAINS, Graph, attributes, constants_of
from .parts import Array, ConversionWarning, array, model, rows, say

SIZE = 2**31 - 1  # bytes that protobuf holds
_FLOATS: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 11: np.dtype("<f8")}


@dataclass(frozen=True)
class Node:
    """A GRU node of one layer: `weights`, and what a `Weights` does not say.

    Attributes:
        name: of the node. backward: it reads each sequence from its end alone (``direction="reverse"``).
        layout: 0 for (T, B, I), 1 for (B, T, I). above: name of the output that it reads.
    """

    name: str
    weights: Weights
    backward: bool
    layout: int

    def run(self, X: Any, *, lengths: Any = None, state: Any = None) -> tuple[Array, Array]:
        """What the node answers, with ONNX's shapes.

        Args:
            X: (T, B, I), or with layout 1 (B, T, I). lengths: (B,), default all. state: (D, B, H) or (B, D, H).

        Returns:
            Y (T, D, B, H) or (B, T, D, H), and Y_h (D, B, H) or (B, D, H).
        """
        x = np.asarray(X) if self.layout else np.swapaxes(X, 0, 1)  # (B, T, I)
        h = state if state is None or not self.layout else np.swapaxes(state, 0, 1)
        B, T, D, H = x.shape[0], x.shape[1], self.weights.directions, self.weights.hidden_units
        order = None
        if self.backward:
            n = np.full(B, T) if lengths is None else np.asarray(lengths)
            t = np.arange(T)
            order = np.where(t < n[:, None], n[:, None] - 1 - t, t)[..., None]  # its own inverse
            x = np.take_along_axis(x, order, 1)
        found = run(self.weights, x, h, lengths=lengths)
        hidden = found.hidden if order is None else np.take_along_axis(found.hidden, order, 1)
        Y = hidden.reshape(B, T, D, H)
        return (Y, np.swapaxes(found.state, 0, 1)) if self.layout else (Y.transpose(1, 2, 0, 3), found.state)


def read(path: str | os.PathLike[str]) -> Model:
    """From an ONNX file whose GRU nodes are one stack; external numbers are read from the file's own folder alone.

    Raises:
        ModelFileError: no such file, damaged. InputError: no GRU, or one that a model of gruvy does not have.
    """
    onnx = need("onnx")
    path = Path(path)
    if path.stat().st_size > SIZE:
        raise ModelFileError(f"{path}: {path.stat().st_size:,} bytes, expected at most {SIZE:,}")
    try:
        proto = onnx.load_model_from_string(path.read_bytes())
    except Exception as problem:  # protobuf's own errors have no common kind
        raise ModelFileError(f"{path}: damaged, or no ONNX model ({type(problem).__name__})") from problem
    try:
        return from_onnx(proto, folder=path.parent)
    except InputError as problem:
        raise type(problem)(f"{path}: {problem}") from None
    except ConversionWarning:  # where the caller wants errors of warnings
        raise
    except Exception as problem:
        raise ModelFileError(f"{path}: damaged, or no ONNX model ({type(problem).__name__})") from problem


def from_onnx(proto: Any, folder: str | os.PathLike[str] | None = None) -> Model:
    """The stack of GRU nodes in an ONNX model, as one model, with the dense layer that reads it if there is one.

    That layer is a Gemm, or a MatMul and an Add, of the last states or of the states at each step. What else stands
    before or behind is left out, which a `ConversionWarning` tells.

    Args:
        proto: an `onnx.ModelProto`. folder: where its external data lie; None refuses such data.

    Raises:
        InputError: no GRU, nodes that are no stack, or what a model of gruvy does not have, by name.
    """
    found = nodes(proto, folder)
    for node in found:
        if node.backward:
            raise InputError(
                f'node {node.name!r}: direction="reverse" alone, which a model file does not have; Node runs it'
            )
    graph = Graph(proto, [(node.weights.directions, node.layout) for node in found])
    _check_states(proto, folder, graph.zeros)
    convention = found[0].weights.convention
    if any(node.weights.convention != convention for node in found):
        raise InputError("nodes: linear_before_reset is 0 in one and 1 in another, expected the same in all")
    dense, V, b_y = graph.dense(), None, None
    if dense is not None:
        V = _tensor(graph.constants[dense.weight], folder)
        V = np.ascontiguousarray(V.T) if dense.turned else V
        b_y = _tensor(graph.constants[dense.bias], folder).reshape(-1) if dense.bias else None
    if others := graph.left_out(dense):
        say(f"the GRU nodes{' and a dense layer' if dense else ''} are taken; left out: {', '.join(others[:8])}")
    return model([node.weights.cells[0] for node in found], convention.name, V, b_y)


def nodes(proto: Any, folder: str | os.PathLike[str] | None = None) -> list[Node]:
    """Every GRU node of a model's graph, in order, each to be run by itself.

    Raises:
        InputError: there is none, or one has clip, other activations, or weights that are not constants.
    """
    constants = constants_of(proto)
    opsets = [o.version for o in proto.opset_import if o.domain in DOMAINS]
    if len(opsets) != 1 or not 7 <= opsets[0] <= 30:
        raise InputError(f"model: opset {opsets or 'not said'}, expected one from 7 to 30")
    grus = [n for n in proto.graph.node if n.op_type == "GRU" and n.domain in DOMAINS]
    if not grus:
        kinds = sorted({n.op_type for n in proto.graph.node})[:6]
        raise InputError(f"model: no GRU node in it ({', '.join(kinds) or 'no node'})")
    return [_node(n, n.name or f"GRU {k}", constants, folder) for k, n in enumerate(grus)]


def _node(node: Any, name: str, constants: dict[str, Any], folder: Any) -> Node:
    said = attributes(node)
    known = {"activations", "clip", "direction", "hidden_size", "layout", "linear_before_reset"}
    known |= {"activation_alpha", "activation_beta"}
    if said.keys() - known:
        raise InputError(f"node {name!r}: attribute {min(said.keys() - known)}, which a GRU node does not have")
    direction = said.get("direction", b"forward").decode()
    if direction not in ("forward", "reverse", "bidirectional"):
        raise InputError(f"node {name!r}: direction={direction!r}, expected forward, reverse or bidirectional")
    D = 2 if direction == "bidirectional" else 1
    acts = [a.decode() for a in said.get("activations", [])]
    if [a.lower() for a in acts] not in ([], ["sigmoid", "tanh"] * D):
        raise InputError(f"node {name!r}: activations {acts}, expected Sigmoid and Tanh")
    if said.get("clip"):
        raise InputError(f"node {name!r}: clip={said['clip']:g}, which a GRU of gruvy does not have")
    inputs = [*node.input, "", "", "", ""]
    for k in (1, 2, 3):
        if inputs[k] and inputs[k] not in constants:
            raise InputError(f"node {name!r}: its {'WRB'[k - 1]} ({inputs[k]}) is computed, expected a constant")
    W, R = (_tensor(constants[inputs[k]], folder) for k in (1, 2))
    if W.ndim != 3 or R.ndim != 3:
        raise InputError(f"node {name!r}: W {W.shape}, R {R.shape}, expected (D, 3H, I) and (D, 3H, H)")
    H = R.shape[2]
    B = _tensor(constants[inputs[3]], folder) if inputs[3] else None
    if (
        W.shape[:2] != (D, 3 * H)
        or R.shape != (D, 3 * H, H)
        or said.get("hidden_size", H) != H
        or (B is not None and B.shape != (D, 6 * H))
        or min(W.shape[2], H) < 1
    ):
        raise InputError(
            f"node {name!r}: W {W.shape}, R {R.shape}, B {None if B is None else B.shape}, hidden_size "
            f"{said.get('hidden_size', H)} do not fit each other in {D} direction{'s' if D == 2 else ''}"
        )
    after = said.get("linear_before_reset", 0)
    if after not in (0, 1) or said.get("layout", 0) not in (0, 1):
        raise InputError(f"node {name!r}: linear_before_reset={after}, layout={said.get('layout', 0)}, expected 0 or 1")
    row = []
    for d in range(D):
        b = c = None
        if B is not None:
            b, c = (rows(half, "zrn", "rzn") for half in np.split(B[d], 2))
        row.append(Cell(rows(W[d], "zrn", "rzn"), rows(R[d], "zrn", "rzn"), b, c))
    return Node(name, Weights("torch" if after else "onnx", [row]), direction == "reverse", said.get("layout", 0))


def _tensor(tensor: Any, folder: Any) -> Array:
    """A tensor's numbers; what it declares is held against what is there before anything is allocated."""
    name = f"tensor {tensor.name!r}"
    if tensor.data_type not in _FLOATS:
        raise InputError(f"{name}: ONNX type {tensor.data_type}, expected FLOAT or DOUBLE")
    dtype = _FLOATS[tensor.data_type]
    if any(n < 0 for n in tensor.dims):
        raise InputError(f"{name}: shape {tuple(tensor.dims)}, expected no negative size")
    wanted = prod(tensor.dims)
    if tensor.data_location == 1:
        raw = _external(name, tensor, wanted * dtype.itemsize, folder)
    elif tensor.raw_data:
        raw = tensor.raw_data
    else:
        raw = np.array(tensor.float_data if tensor.data_type == 1 else tensor.double_data, dtype).tobytes()
    if len(raw) != wanted * dtype.itemsize:
        raise InputError(f"{name}: {len(raw):,} bytes, expected {wanted * dtype.itemsize:,} for {tuple(tensor.dims)}")
    return array(name, np.frombuffer(raw, dtype).astype(dtype.newbyteorder("=")).reshape(tensor.dims))


def _external(name: str, tensor: Any, wanted: int, folder: Any) -> bytes:
    said = {entry.key: entry.value for entry in tensor.external_data}
    if folder is None:
        raise InputError(f"{name}: its numbers lie in another file; give the folder, or the ONNX file itself")
    home = Path(folder).resolve()
    place = (home / said.get("location", "")).resolve()
    if home not in place.parents or not place.is_file():
        raise InputError(
            f"{name}: its numbers lie in {said.get('location')!r}, expected a file in the model's own folder"
        )
    try:
        start, length = int(said.get("offset", 0)), int(said.get("length", wanted))
    except ValueError:
        raise InputError(f"{name}: offset and length of its numbers are no whole numbers") from None
    if start < 0 or length != wanted or start + length > place.stat().st_size:
        raise InputError(f"{name}: {wanted:,} bytes from {start:,} on, and {place.name} has {place.stat().st_size:,}")
    with open(place, "rb") as file:
        file.seek(start)
        return file.read(length)


def _check_states(proto: Any, folder: Any, zeros: set[str]) -> None:
    """A model of gruvy starts from zero: other constants are refused, a state that is given or computed is told."""
    held = {t.name: t for t in proto.graph.initializer}
    for node in proto.graph.node:
        at = node.input[5] if node.op_type == "GRU" and len(node.input) > 5 else ""
        if at in held and _tensor(held[at], folder).any():
            raise InputError(f"node {node.name!r}: an initial state that is not zero, which a model file does not have")
        if at and at not in held and at not in zeros:
            say(f"node {node.name!r} takes its initial state from {at!r}; a model of gruvy starts from zero")
