"""What the commands need for answers at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gruvy.errors import InputError
from gruvy.model.task import end_to_end

if TYPE_CHECKING:
    from gruvy.data import Sequences


Array = np.ndarray[Any, Any]

Threshold = Annotated[
    str | None,
    typer.Option(
        help="With --task tag: the probability from which on the second class, or yes, is the answer; or 'tuned', on "
        "the --validation share.",
        rich_help_panel="Learning",
    ),
]


def told(threshold: float | Array) -> str:
    """The threshold of a model, or the range of several, in a line."""
    least, most = float(np.min(threshold)), float(np.max(threshold))
    return f"threshold  {least:.3f}" + (f" to {most:.3f}, of each yes its own" if most > least else "")


def flat(y: Any) -> Array:
    """Targets of sequences as they are, of steps end to end."""
    return end_to_end(y) if y.dtype == object or y.ndim > 1 else y


def settings(known: Sequences, threshold: str | None, validation: float) -> dict[str, Any]:
    """The settings of `GRUTagger` that follow from the targets and from what was typed.

    Raises:
        InputError: the threshold is neither a number nor "tuned", or there is nothing to tune it on.
    """
    from gruvy.data import guess_task

    y = flat(known.y)
    answers = {"classify": "classes", "regress": "numbers"}[guess_task(y)] if y.ndim == 1 else "auto"
    if threshold == "tuned" and not validation:
        raise InputError("--threshold tuned needs --validation too, the share held out to tune it")
    if threshold is None:
        return {"answers": answers}
    try:
        return {"answers": answers, "threshold": threshold if threshold == "tuned" else float(threshold)}
    except ValueError:
        raise InputError(f"--threshold {threshold}: expected a number from 0 to 1, or tuned") from None
