"""What every export begins with: the model in float32, or a sentence on why it cannot be written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..model.model import Model
from ..model.quantiles import Quantiles
from ..model.task import Labels
from ..model.yes_no import YesNo

Array = np.ndarray[Any, Any]


def exportable(model: Any) -> Model:
    """The model that is in what `Model.of` takes.

    Raises:
        InputError: it is a forecaster, or answers with several yes or no.
    """
    net = Model.of(model)
    if isinstance(net.target, Quantiles):
        raise InputError("the model is a forecaster, whose windows are made outside the network; expected another")
    if isinstance(net.target, YesNo):
        raise InputError("the model answers with yes or no several times at each step; expected classes or numbers")
    return net


def single(model: Model, why: str) -> tuple[Model, list[str]]:
    """The model in float32, and a note where it was not; `why` ends the note.

    Raises:
        InputError: a number is not finite in float32.
    """
    w = model.weights
    notes = [] if w.dtype == np.float32 else [f"weights of {w.dtype} are written as float32, {why}"]
    if isinstance(model.target, Labels) and model.target.threshold is not None:
        notes.append(
            f"the threshold {model.target.threshold:.4g} is not written: the label is that of the likelier class"
        )

    def cast(a: Array | None) -> Array | None:
        return None if a is None else a.astype(np.float32)

    with np.errstate(over="ignore"):
        V, b_y, w = cast(model.V), cast(model.b_y), w.astype(np.float32)
    named = {name: a for _, name, a in w.arrays()} | {"V": V, "b_y": b_y}
    for name, a in named.items():
        if a is not None and not np.isfinite(a).all():
            raise InputError(f"{name}: holds a number that is not finite in float32; expected finite weights")
    return replace(model, weights=w, V=V, b_y=b_y), notes
