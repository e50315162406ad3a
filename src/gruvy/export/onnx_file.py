"""A trained model as ONNX: raw data in, probabilities or numbers out; and a second graph for one step of a stream."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import files
from ..checks import whole
from ..errors import InputError
from ..extras import need
from ..model.model import Model
from ..model.task import Labels, Numbers
from .graph import Graph
from .nodes import as_node, attributes, tensors
from .single import exportable, single

Array = np.ndarray[Any, Any]

OLDEST = 14


class OnnxFiles(NamedTuple):
    """What `to_onnx` wrote: the graph for whole sequences, that for one step or None, and what should be known."""

    whole: Path
    step: Path | None
    notes: list[str]


def to_onnx(model: Any, path: str | os.PathLike[str], *, opset: int = 17) -> OnnxFiles:
    """Write a model as ONNX, and beside it, as ``NAME-step.onnx``, a graph for one step of a stream.

    Whole sequences: inputs ``x`` (batch, time, I) float32, not scaled; ``lengths`` (batch,) int32; ``initial_state``
    (layers * directions, batch, H). Outputs by the task: ``label`` and ``probabilities``, ``prediction``, or
    ``output``; and ``state``, the final one. A length of 0 is answered from the initial state; what stands past a
    length has no effect. One step: ``x`` (batch, I) and ``state``, and for pooling "mean" and "max" also ``pooled``
    (batch, H) float64 and ``steps`` (batch,) int64, all zeros before the first step; the same come out with ``next_``
    before their names.

    Args:
        model: what `Model.of` takes: a loaded model, a fitted estimator, a `gruvy.GRU`, a layer, `Weights`.
        path: the file, named *.onnx.
        opset: version of ONNX's operators, 14 or newer.

    Raises:
        InputError: the opset is older or unknown to the installed onnx, the name ends in another way, a weight does
            not fit into float32, or the model is a forecaster. MissingExtraError: onnx is not installed.

    Example:
        >>> import tempfile, gruvy
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     done = to_onnx(gruvy.GRU(2, 4, 1), folder + "/net.onnx")
        ...     print(done.whole.name, done.step.name)
        net.onnx net-step.onnx
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise InputError(f"path: {str(path)!r}, expected a name that ends in .onnx")
    model = exportable(model)
    newest = need("onnx").defs.onnx_opset_version()
    if not OLDEST <= whole("opset", opset, 1) <= newest:
        raise InputError(f"opset={opset}: expected {OLDEST} to {newest}")
    net, notes = _single(model)
    content = whole_sequences(net, opset)
    beside = None
    if net.weights.directions == 1:
        beside = path.with_name(f"{path.stem}-step.onnx")
        files.write(beside, one_step(net, opset))
    else:
        notes.append("no graph for one step: the model is bidirectional, it reads each sequence from its end too")
    files.write(path, content)
    return OnnxFiles(path, beside, notes)


def _single(model: Model) -> tuple[Model, list[str]]:
    """The model with ONNX's update gate, in float32, and what should be known of that."""
    net, notes = single(model, "the precision in which ONNX Runtime has the GRU")
    if net.weights.convention.update != "keeps":
        notes.append("z rows negated: ONNX's update gate keeps the old state; exact")
    versions = {**model.versions, "convention": str(model.weights.convention)}
    return replace(net, weights=as_node(net.weights), versions=versions), notes


def metadata(net: Model, convention: str) -> dict[str, str]:
    """What the file says of itself."""
    w = net.weights
    return {
        "gruvy.convention": convention,
        "gruvy.written_as": f"{w.convention}: linear_before_reset={int(w.convention.reset == 'after')}",
        "gruvy.task": str(net.task),
        "gruvy.pooling": net.pooling,
        "gruvy.classes": json.dumps(None if net.classes is None else net.classes.tolist()),
        "gruvy.channels": json.dumps(net.columns.get("channels")),
        "gruvy.targets": json.dumps(net.columns.get("targets")),
    }


def whole_sequences(net: Model, opset: int) -> bytes:
    """The graph for whole sequences of a model in ONNX's form."""
    w, g = net.weights, Graph(opset)
    H, D, L = w.hidden_units, w.directions, w.layers
    x = g.input("x", "float32", ["batch", "time", w.input_units])
    lengths = g.input("lengths", "int32", ["batch"])
    h0 = g.input("initial_state", "float32", [L * D, "batch", H])

    # ONNX Runtime forgets the initial state of an empty sequence and fails without a step: one step more for all, and
    # every sequence runs for at least one; what an empty one then computes is replaced by its initial state.
    empty = g("Equal", lengths, g.constant(0, "int32"))  # (B,)
    at_least_one = g("Max", lengths, g.constant(1, "int32"))
    more = g("Concat", g.take(g("Shape", x), 0), g.constant([1, w.input_units]), axis=0)
    x = g("Concat", x, g("Expand", g.constant(0.0, "float32"), more), axis=1)  # (B, T + 1, I)
    steps = g("Range", g.constant(0), g.scalar(g("Shape", x), 1), g.constant(1))
    valid = g("Less", g("Cast", steps, to="int32"), g("Unsqueeze", lengths, g.constant([1])))  # (B, T + 1)
    # NaN in the padding too: replaced before any product.
    every = g("Unsqueeze", valid, g.constant([2]))  # (B, T + 1, 1)
    x = g("Where", every, x, g.constant(0.0, "float32"))
    h = g("Transpose", _scaled(g, net, x), perm=[1, 0, 2])  # (T + 1, B, I)
    on = g("Transpose", every, perm=[1, 0, 2])  # (T + 1, B, 1)
    lasts = []
    for k, layer in enumerate(w.cells):
        start = g("Slice", h0, g.constant([k * D]), g.constant([(k + 1) * D]), g.constant([0]))  # (D, B, H)
        cell = [g.weight(f"{name}{k}", a) for name, a in tensors(layer).items()]
        y, last = g.many("GRU", 2, h, *cell, at_least_one, start, **attributes(w))
        lasts.append(g("Where", g("Unsqueeze", empty, g.constant([0, 2])), start, last))
        y = g("Reshape", g("Transpose", y, perm=[0, 2, 1, 3]), g.constant([0, 0, D * H]))  # (T + 1, B, D * H)
        h = g("Where", on, y, g.constant(0.0, "float32"))
    state = g("Concat", *lasts, axis=0)
    hidden = g("Transpose", h, perm=[1, 0, 2])  # (B, T + 1, D * H)
    if net.target is not None and net.target.per_step:
        end = g("Sub", g.take(g("Shape", x), 1), g.constant([1]))
        hidden, every = (g("Slice", a, g.constant([0]), end, g.constant([1])) for a in (hidden, every))
        _answers(g, net, hidden, ["batch", "time"], every)
    else:
        final = g("Reshape", g("Transpose", lasts[-1], perm=[1, 0, 2]), g.constant([0, D * H]))  # (B, D * H)
        _answers(g, net, _pooled(g, net.pooling, hidden, final, empty, every, lengths), ["batch"])
    g.output("state", state, "float32", [L * D, "batch", H])
    return g.model("gruvy", _describe(net))


def one_step(net: Model, opset: int) -> bytes:
    """The graph for one step of a stream of a model in ONNX's form."""
    w, g = net.weights, Graph(opset)
    H, L = w.hidden_units, w.layers
    x = g.input("x", "float32", ["batch", w.input_units])
    h0 = g.input("state", "float32", [L, "batch", H])
    h = g("Unsqueeze", _scaled(g, net, x), g.constant([0]))  # (1, B, I)
    lasts = []
    for k, layer in enumerate(w.cells):
        start = g("Slice", h0, g.constant([k]), g.constant([k + 1]), g.constant([0]))  # (1, B, H)
        cell = [g.weight(f"{name}{k}", a) for name, a in tensors(layer).items()]
        _, h = g.many("GRU", 2, h, *cell, "", start, **attributes(w))
        lasts.append(h)
    top = g("Squeeze", h, g.constant([0]))  # (B, H)
    per_step = net.target is not None and net.target.per_step
    kept: list[tuple[str, str, str, list[str | int]]] = []
    if net.pooling != "last" and not per_step:
        pooled, count = g.input("pooled", "float64", ["batch", H]), g.input("steps", "int64", ["batch"])
        count = g("Add", count, g.constant(1))
        column = g("Unsqueeze", count, g.constant([1]))
        wide = g("Cast", top, to="float64")
        if net.pooling == "mean":
            pooled = g("Add", pooled, wide)
            top = g("Cast", g("Div", pooled, g("Cast", column, to="float64")), to="float32")
        else:
            pooled = g("Where", g("Equal", column, g.constant(1)), wide, g("Max", pooled, wide))
            top = g("Cast", pooled, to="float32")
        kept = [("next_pooled", pooled, "float64", ["batch", H]), ("next_steps", count, "int64", ["batch"])]
    _answers(g, net, top, ["batch"])
    g.output("next_state", g("Concat", *lasts, axis=0), "float32", [L, "batch", H])
    for name, value, dtype, size in kept:
        g.output(name, value, dtype, size)
    return g.model("gruvy-step", _describe(net))


def _describe(net: Model) -> dict[str, str]:
    return metadata(net, net.versions["convention"])


def _scaled(g: Graph, net: Model, x: str) -> str:
    """What the recurrence sees: scaled in float64, as by the runtime."""
    if net.scaler is None:
        return x
    x = g("Sub", g("Cast", x, to="float64"), g.weight("input_mean", net.scaler.mean))
    return g("Cast", g("Div", x, g.weight("input_scale", net.scaler.scale)), to="float32")


def _pooled(g: Graph, pooling: str, hidden: str, final: str, empty: str, every: str, lengths: str) -> str:
    """States (B, T + 1, P) pooled over the valid steps; of an empty sequence the final ones (B, P)."""
    if pooling == "last":
        return final
    if pooling == "mean":
        total = g.reduce("ReduceSum", g("Cast", hidden, to="float64"), 1)
        count = g("Cast", g("Max", lengths, g.constant(1, "int32")), to="float64")
        found = g("Cast", g("Div", total, g("Unsqueeze", count, g.constant([1]))), to="float32")
    else:
        found = g.reduce("ReduceMax", g("Where", every, hidden, g.constant(-np.inf, "float32")), 1)
    return g("Where", g("Unsqueeze", empty, g.constant([1])), final, found)


def _answers(g: Graph, net: Model, h: str, leading: list[str | int], every: str | None = None) -> None:
    """The outputs by the task, of states (..., P); with `every` (B, T, 1) zeros, and the first class, past a length."""
    y = h
    if net.V is not None:
        y = g("MatMul", h, g.weight("V", np.ascontiguousarray(net.V.T)))
        if net.b_y is not None:
            y = g("Add", y, g.weight("b_y", net.b_y))
    target = net.target
    if isinstance(target, Labels):
        if net.outputs == 1:  # two classes share one read-out, that of the second
            y = g("Concat", g("Mul", y, g.constant(0.0, "float32")), y, axis=-1)
        if every is not None:
            y = g("Where", every, y, g.constant(0.0, "float32"))
        p = g("Softmax", y, axis=-1)
        if every is not None:
            p = g("Where", every, p, g.constant(0.0, "float32"))
        place = g("ArgMax", y, axis=-1, keepdims=0)
        classes = target.classes
        label = g("Gather", g.weight("classes", classes), place, axis=0)
        g.output("label", label, classes.dtype, leading)
        g.output("probabilities", p, "float32", [*leading, len(classes)])
    elif isinstance(target, Numbers):
        y = g("Add", g("Mul", g("Cast", y, to="float64"), g.weight("target_scale", target.scale)),
              g.weight("target_mean", target.mean))  # fmt: skip
        y = g("Cast", y, to="float32")
        if target.flat:
            y = g("Squeeze", y, g.constant([-1]))
        g.output("prediction", y, "float32", leading if target.flat else [*leading, net.outputs])
    else:
        g.output("output", y, "float32", [*leading, net.outputs])
