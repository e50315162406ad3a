"""What the page says of memory: gradients over the lag, and how long a nudge of each unit matters."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...model.model import Model
from ..gradients import gradient_norms
from ..memory import memory
from .aggregate import pack

Array = np.ndarray[Any, Any]

MOST_WORK = 40_000_000_000  # multiplications: some ten seconds
MOST_SEQUENCES = 8


def _longest(chosen: list[Array], each: int) -> list[Array]:
    """As many of the longest sequences as the work allows; `each` is that of one step of one."""
    order = sorted(chosen, key=lambda s: -len(s))
    return order[: min(MOST_SEQUENCES, MOST_WORK // (max(map(len, chosen)) * each))]


def gradient(model: Model, chosen: list[Array], notes: list[str]) -> dict[str, Any] | None:
    """The median over some sequences of log10 gradient norms at each lag, None where it is exactly 0."""
    w = model.weights
    some = _longest(chosen, w.layers * w.directions * 6 * w.hidden_units**3)
    if not some:
        notes.append("Gradients over lag are left out: this net and these sequences are too large for them.")
        return None
    g = gradient_norms(model, some)

    def median(a: Array) -> list[float | None]:
        alone = [column[~np.isnan(column)] for column in a.T]
        return [round(float(v), 6) if len(c) and np.isfinite(v := np.median(c)) else None for c in alone]

    return {"state": [median(a) for a in g.state], "input": median(g.input), "sequences": len(some)}


def remembered(model: Model, chosen: list[Array], notes: list[str]) -> dict[str, Any] | None:
    """The median over some sequences of `memory`, for a nudge at a quarter of the way; at half of it both ways."""
    w = model.weights
    some = _longest(chosen, w.layers * w.directions * (w.layers + 1) * 3 * w.hidden_units**3)
    if not some:
        notes.append("How long nudges matter is left out: this net and these sequences are too large for it.")
        return None
    found = [memory(model, [s], at=len(s) // (2 * (3 - w.directions))) for s in some]
    state, answer, all_state, all_answer = (_median(np.stack([m[k][:, 0] for m in found])) for k in range(4))
    return {
        "state": pack(np.minimum(state, 3e38)),
        "answer": pack(np.minimum(answer, 3e38)),
        "together": [{"state": _said(a), "answer": _said(b)} for a, b in zip(all_state, all_answer, strict=True)],
        "most": max(2, *(int(a[np.isfinite(a)].max(initial=1)) for a in (state, answer))),
        "sequences": len(some),
    }


def _median(a: Array) -> Array:
    """Over the first axis, of what is known; NaN where nothing is."""
    known = np.sort(a, axis=0)  # NaN comes last
    count = (~np.isnan(a)).sum(0)
    return np.asarray(np.take_along_axis(known, np.maximum(count - 1, 0)[None] // 2, axis=0)[0])


def _said(v: float) -> float | str | None:
    return None if np.isnan(v) else float(v) if np.isfinite(v) else "end"
