"""Other nets beside the one that a page shows: a second model, or the same one at some epochs of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError, InputTypeError
from ...model.model import Model
from ..answers import as_answer, leads
from . import aggregate
from .choosing import outputs_of

Array = np.ndarray[Any, Any]


class Others(NamedTuple):
    """Nets to compare with by name, and whether a user named them: then one that cannot be shown is an error."""

    nets: dict[str, Model]
    asked: bool


NONE = Others({}, asked=False)


def others_of(model: Any, against: Any) -> Others:
    """What `explain` was told to compare with, by name; None: the snapshots of the model's own training.

    Raises:
        InputTypeError: there is no GRU in one of them.
    """
    if against is None:
        kept = getattr(model, "snapshots_", None) or getattr(model, "snapshots", None)
        found = kept if isinstance(kept, dict) else {}
        return Others({name_of(epoch): one for epoch, one in sorted(found.items())}, asked=False)
    if against is False:
        return NONE
    given = against if isinstance(against, Mapping) else {"the other net": against}
    nets = {}
    for name, one in given.items():
        try:
            nets[str(name)] = Model.of(one)
        except InputTypeError as problem:
            where = f"against[{name!r}]" if given is against else "against"
            raise InputTypeError(str(problem).replace("model", where, 1)) from None
    return Others(nets, asked=True)


def name_of(epoch: int) -> str:
    """What the net after so many epochs is called."""
    return f"epoch {epoch}" if epoch else "before training"


def fitting(model: Model, given: Others, longest: int, room: int, notes: list[str]) -> dict[str, Model]:
    """Those that stand on the page: of too many, some evenly spread, with a note.

    Args:
        longest: steps of the longest sequence. room: in bytes.

    Raises:
        InputError: one has other channels, answers or classes than the model; or is too large, if asked for.
    """
    others = given.nets
    for name, other in others.items():
        _check(name, model, other)
    large = next((name for name, one in [("the model", model), *others.items()] if _is_large(one, longest)), None)
    names, sizes = list(others), [4 * aggregate.numbers(one) for one in others.values()]
    count = 0 if large else len(names)
    while count and sum(sizes[k] for k in _spread(len(names), count)) > room:
        count -= 1
    if names and not count:
        why = f"{large or names[0]} is too large for a page that runs two nets side by side"
        if given.asked:
            raise InputError(f"against: {why}; expected smaller ones")
        notes.append(f"The epochs of the training are left out: {why}.")
    elif count < len(names):
        notes.append(f"Of {len(names)} nets to compare with, this page has room for {count}.")
    return {names[k]: others[names[k]] for k in _spread(len(names), count)}


def _spread(of: int, count: int) -> list[int]:
    return [int(k) for k in np.linspace(0, of - 1, count).round()]


def _is_large(model: Model, longest: int) -> bool:
    """Whether a page does not run it at once from its own 32 bits."""
    work = aggregate.numbers(model) * longest
    return aggregate.plan(model, longest) is not None or aggregate.halves(model) or work > aggregate.AT_ONCE


def _check(name: str, model: Model, other: Model) -> None:
    own, its = model.weights.input_units, other.weights.input_units
    if own != its:
        raise InputError(f"against: {name} reads {its} channels, expected {own}, as the model")
    if model.task != other.task:
        raise InputError(f"against: the task of {name} is {other.task}, expected {model.task}, as of the model")
    if model.classes is not None and other.classes is not None:
        if model.classes.tolist() != other.classes.tolist():
            raise InputError(f"against: {name} has other classes than the model; expected the same, in the same order")
    elif model.outputs != other.outputs:
        raise InputError(f"against: {name} answers with {other.outputs} numbers, the model with {model.outputs}")


def said(model: Model, sequences: list[Array]) -> list[list[int]] | None:
    """Which class a model says of each sequence, at its end or for tags at every step; None of numbers."""
    if model.classes is None:
        return None
    final, steps = outputs_of(model, sequences)
    each = steps if model.task == "tag" else [row[None] for row in final]
    return [leads(model, as_answer(model, outputs)).tolist() for outputs in each]
