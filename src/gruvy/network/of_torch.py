"""`from_torch`: a `torch.nn.GRU` and the Linear that reads it, trained anywhere, as a network that gruvy can save."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..errors import InputError, InputTypeError
from ..model.model import Model
from ..model.task import TASKS, Labels, Numbers, Task
from ..nn import GRU as Layer
from ..weights import Weights
from .convert import numpy_of
from .net import GRU

Array = np.ndarray[Any, Any]


def from_torch(
    gru: torch.nn.GRU, linear: torch.nn.Linear, *, classes: Any = None, task: str | None = None, pooling: str = "last"
) -> GRU:
    """The network that a torch GRU and its read-out are together: it predicts, and `save` writes a gruvy file of it.

    With D = 1 direction or 2, `linear` reads for each sequence, by `pooling`, (D * hidden_size) numbers:

    - ``"last"``: the top layer's final states, ``h_n[-1]``, with both directions ``torch.cat([h_n[-2], h_n[-1]], 1)``:
      the forward state after the last step beside the backward state after the first. This is not ``output[:, -1]``,
      whose backward half has read a single step.
    - ``"mean"``, ``"max"``: the mean or the maximum of ``output`` over the steps.

    With ``task="tag"`` it reads ``output`` at each step. The states before the first step are zero. What comes between
    the two modules or before them, such as dropout, is not there; a net that was trained on scaled inputs expects them
    scaled. The numbers are copied; `batch_first` has no say, sequences are always (steps, channels).

    Args:
        gru: of any number of layers, one direction or both, with biases or without; or a `gruvy.nn.GRU`.
        linear: in_features D * hidden_size.
        classes: K labels, text or numbers, in the order of the units of `linear`; two classes may share one unit, the
            logit of the second. They come out sorted, with their units.
        task: ``"classify"``, the default with classes; ``"tag"``, a class at every step; ``"regress"``, the default
            without: the read-outs as they are.
        pooling: see above.

    Returns:
        A `gruvy.GRU` of gru's convention, on the CPU, in evaluation mode, in the dtype of the two.

    Raises:
        InputError, InputTypeError: what is given cannot be held: other modules, a forward of their own, hooks, shapes
            or dtypes that do not fit each other or the classes.

    Example:
        >>> gru, linear = torch.nn.GRU(3, 8, batch_first=True), torch.nn.Linear(8, 2)
        >>> net = from_torch(gru, linear, classes=["rest", "move"])
        >>> net
        GRU(3, 8, 2, convention="torch")
        >>> x = torch.randn(1, 5, 3)
        >>> ["rest", "move"][int(linear(gru(x)[1][-1]).argmax())] == net.predict(x)[0]
        True
    """
    _check_module("gru", gru, torch.nn.GRU, Layer)
    _check_module("linear", linear, torch.nn.Linear)
    dtypes = {p.dtype for module in (gru, linear) for p in module.parameters()}
    if len(dtypes) > 1 or not dtypes <= {torch.float32, torch.float64}:
        came = " and ".join(sorted(map(str, dtypes)))
        raise InputTypeError(f"gru, linear: {came}, expected torch.float32 for both or torch.float64 for both")
    D = 2 if gru.bidirectional else 1
    if linear.in_features != D * gru.hidden_size:
        raise InputError(
            f"linear: in_features={linear.in_features}, expected {D * gru.hidden_size}: hidden_size={gru.hidden_size} "
            f"in {D} direction{'s' if D == 2 else ''}"
        )
    V, b_y = numpy_of(linear.weight).copy(), np.zeros(linear.out_features)
    if linear.bias is not None:
        b_y = numpy_of(linear.bias).copy()
    target, V, b_y = _target(classes, task, V, b_y.astype(V.dtype))
    return GRU.of(Model(weights=Weights.from_torch(gru), V=V, b_y=b_y, pooling=pooling, target=target))


def _check_module(name: str, module: Any, *kinds: type[torch.nn.Module]) -> None:
    """A module of these kinds that computes what they do.

    Raises:
        InputError, InputTypeError: it is not.
    """
    what = type(module).__name__
    if not isinstance(module, kinds):
        also = " or gruvy.nn.GRU" if len(kinds) == 2 else ""
        raise InputTypeError(
            f"{name}: {what}, which a model file cannot hold; expected a torch.nn.{kinds[0].__name__}{also}"
        )
    if "forward" in vars(module) or type(module).forward not in [kind.forward for kind in kinds]:
        raise InputError(f"{name}: {what} has a forward of its own, which a model file cannot hold; expected torch's")
    if any(torch.nn.parameter.is_lazy(p) or p.is_meta for p in module.parameters()):
        raise InputError(f"{name}: {what} has no numbers yet; expected one that was run or loaded")
    if module._forward_hooks or module._forward_pre_hooks:
        raise InputError(f"{name}: {what} has hooks, which a model file cannot hold; expected none: remove them first")


def _target(classes: Any, task: str | None, V: Array, b_y: Array) -> tuple[Task, Array, Array]:
    """What the network tells, and its read-out in the order in which that is kept."""
    task = task or ("regress" if classes is None else "classify")
    if task not in TASKS:
        raise InputError(f'task={task!r}: expected "classify", "regress" or "tag"')
    if task == "regress":
        if classes is not None:
            raise InputError('classes: given with task="regress"; expected None, or task="classify" or "tag"')
        return Numbers(np.zeros(len(V)), np.ones(len(V)), flat=len(V) == 1), V, b_y
    labels = _labels(classes, task)
    kind = Labels(np.sort(labels), per_step=task == "tag")
    if len(V) not in kind.units:
        wanted = " or ".join(map(str, sorted(kind.units)))
        raise InputError(f"classes: {len(labels)}, linear has out_features={len(V)}; expected out_features={wanted}")
    order = np.argsort(labels)
    if len(V) > 1:
        return kind, V[order], b_y[order]
    sign = 1 if order[0] == 0 else -1  # the unit they share speaks for the second
    return kind, sign * V, sign * b_y


def _labels(classes: Any, task: str) -> Array:
    """Labels (K,), each once."""
    if classes is None or isinstance(classes, (str, bytes)) or not hasattr(classes, "__len__"):
        raise InputTypeError(
            f"classes={classes!r}: expected a list of the labels of linear's units, in their order, for task={task!r}"
        )
    given = list(numpy_of(classes))
    if len({isinstance(label, str) for label in given}) > 1 or any(map(np.ndim, given)):
        raise InputTypeError("classes: text and numbers in one, expected all text or all numbers")
    labels = np.asarray(given)
    if len(np.unique(labels)) < len(labels) or len(labels) < 2:
        raise InputError(f"classes: {labels.tolist()}, expected at least 2, each once")
    return labels
