"""What the page carries: the weights, the sequences worth a look, and what is too heavy to compute in a browser."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays import as_sequences
from ...errors import DataError, InputError
from ...model.model import Model
from ...model.task import Labels, Numbers
from ...weights import Cell
from ..answers import CHUNK, as_answer
from ..contributions import contributions
from . import aggregate, lags
from .aggregate import pack
from .choosing import Judged, batches, choose, judge, outputs_of
from .space import space
from .traces import MOST_CELLS, Traces
from .twins import NONE, Others, fitting, said

Array = np.ndarray[Any, Any]

ROOM = 8_400_000  # bytes of numbers before base64: the page stays under 12 MB
LIVE = 10_000_000  # multiplications of one run: the page does some fifty to explain a tagger's step
MOST_WORK = 3e11  # multiplications for contributions: some ten seconds


class Names(NamedTuple):
    """What `explain` was told to call the sequences, the input's channels and the classes; None for the defaults."""

    ids: Any
    features: Any
    classes: Any


def page_data(
    model: Model,
    X: Any,
    y: Any,
    given: Names,
    history: list[dict[str, Any]],
    max_sequences: int,
    others: Others = NONE,
) -> dict[str, Any]:
    """Everything the page's scripts read, ready for JSON; history of `rows_of`, all else as for `explain`."""
    I = model.weights.input_units
    sequences = as_sequences(X, channels=I, allow_empty=False)
    N = len(sequences)
    if max_sequences < 1:
        raise InputError(f"max_sequences: {max_sequences}, expected at least 1")
    names = _names("ids", given.ids, N, "sequences", [str(i) for i in range(N)])
    channels = _names("features", given.features, I, "channels", [f"x{i}" for i in range(I)])
    longest = max(map(len, sequences))
    _check_size(model, sequences)
    plan = aggregate.plan(model, longest)
    labels = model.classes is not None
    K = max(2, model.outputs) if labels else model.outputs
    default = [] if model.classes is None else [str(c) for c in model.classes.tolist()]
    shown = _names("classes", given.classes, K, "outputs", default)
    judged = judge(model, sequences, y, shown)
    # What is left beside the weights: inputs, contributions of the answer and of the truth, what is computed here.
    notes: list[str] = []
    half = plan is None and aggregate.halves(model)
    held = (2 if half else 4) * aggregate.numbers(model)
    room = ROOM - (aggregate.fixed_bytes(model, plan.rows) if plan else held)
    beside = fitting(model, others, longest, room // 2, notes)
    room -= sum(4 * aggregate.numbers(other) for other in beside.values())
    by_step = sum(4 * s.size * 3 for s in sequences[:max_sequences]) > room and I > 8
    cost = [
        4 * (s.size + 2 * (len(s) if by_step else s.size))
        + (aggregate.sequence_bytes(model, plan.rows, len(s)) if plan else 0)
        for s in sequences
    ]
    for i, size in enumerate(cost):
        if size > room:
            raise DataError(
                f"X[{i}]: {len(sequences[i]):,} steps of {I:,} channels would take {size / 1e6:.1f} MB of a page that "
                f"has room for {max(0, room) / 1e6:.1f}: cut the recording into windows"
            )
    kept = choose(judged, cost, max_sequences, room, notes)
    if by_step:
        notes.append(f"Contributions are summed over the {I} channels of a step, to keep the page small.")
    chosen = [sequences[i] for i in kept]
    work = aggregate.numbers(model) * max(map(len, chosen))
    if plan is None and model.task == "tag" and work <= LIVE:  # the page explains the step under the cursor itself
        answers: list[list[dict[str, Any]]] = [[] for _ in kept]
    else:
        answers = _answers(model, judged, kept, chosen, by_step, notes)
    traces = Traces(model, chosen)
    scales, saturation, samples = traces.units(plan is not None)
    rows = aggregate.gather(samples, plan.rows) if plan else None
    if plan and rows:
        notes.insert(0, aggregate.note(plan, rows, max(map(len, chosen))))
    carried = _carried(judged, kept, traces, rows) if rows else [None] * len(kept)
    entries = [
        {
            "id": names[i],
            "at": i,
            "x": pack(sequences[i]),
            "steps": len(sequences[i]),
            "truth": judged.truth[i],
            "says": judged.says[i],
            "right": judged.right[i],
            "labels": judged.exact[i] if model.task == "tag" else None,
            "target": None if labels else judged.exact[i],
            "answers": found,
            "carried": beforehand,
        }
        for i, found, beforehand in zip(kept, answers, carried, strict=True)
    ]
    together = np.concatenate(chosen)
    if half:
        notes.insert(0, _half_note(model, chosen, [judged.final[i] for i in kept]))
    net = _net(model, rows, half) | {"background": plan is None and work > aggregate.AT_ONCE}
    return net | {
        "live": model.task == "tag" and plan is None and work <= LIVE,
        "classes": shown,
        "features": channels,
        "sequences": entries,
        "total": N,
        "flat": getattr(X, "ndim", 3) == 2,
        "ranges": np.stack([together.min(0), together.max(0)], axis=1).tolist(),
        "time_scales": pack(np.minimum(scales, 3e38)),
        "saturation": pack(saturation),
        "gradient": lags.gradient(model, chosen, notes),
        "memory": lags.remembered(model, chosen, notes),
        "twins": _twins(model, beside, chosen, judged, kept),
        "space": None if rows or net["background"] else space(model, traces),
        "history": history,
        "summary": _summary(model, judged, N),
        "order": judged.order,
        "notes": notes,
    }


def _half_note(model: Model, chosen: list[Array], final: list[Array]) -> str:
    """What rounding the weights does to the answers."""
    own = as_answer(model, np.stack(final))
    apart = np.abs(as_answer(model, outputs_of(aggregate.rounded(model), chosen)[0]) - own).max()
    return (
        f"This net has {aggregate.numbers(model):,} weights, so the page carries them in 16 bits; of its answers none "
        f"is more than {apart:.2g} from the model's."
    )


def _net(model: Model, rows: aggregate.Rows | None, half: bool = False) -> dict[str, Any]:
    """What the net is, and what the page computes with: its weights, or what was computed beforehand."""
    w, numbers = model.weights.merged(), model.target if isinstance(model.target, Numbers) else None
    return {
        "net": {
            "reset": w.convention.reset,
            "keeps": w.convention.keeps,
            "layers": w.layers,
            "directions": w.directions,
            "units": w.hidden_units,
            "inputs": w.input_units,
            "outputs": model.outputs,
            "pooling": model.pooling,
            "task": model.task or "",
            "threshold": model.target.threshold if isinstance(model.target, Labels) else None,
        },
        "cells": [[_cell(cell, half) for cell in layer] for layer in ([] if rows else w.cells)],
        "carried": aggregate.fixed(model, rows) if rows else None,
        "V": None if rows else _pack(model.V),
        "b_y": None if rows else _pack(model.b_y),
        "y_shift": None if numbers is None else pack(numbers.mean),
        "y_scale": None if numbers is None else pack(numbers.scale),
        "shift": None if model.scaler is None else _pack(model.scaler.mean),
        "scale": None if model.scaler is None else _pack(model.scaler.scale),
    }


def _twins(
    model: Model, beside: dict[str, Model], chosen: list[Array], judged: Judged, kept: list[int]
) -> list[dict[str, Any]]:
    """Each net to compare with: what the page runs, how many of its sequences it has right, and where it differs."""
    found, own = [], said(model, chosen) if beside else None
    for name, other in beside.items():
        says = said(other, chosen)
        true = [judged.exact[i] if model.task == "tag" else [judged.truth_place[i]] for i in kept]
        known = says is not None and judged.right[0] is not None
        told = {
            "name": name,
            "right": sum(a == b for a, b in zip(says or [], true, strict=True)) if known else None,
            "differs": [a != b for a, b in zip(says, own, strict=True)] if says and own else None,
        }
        found.append(told | _net(other, None))
    return found


def _names(argument: str, given: Any, count: int, of: str, default: list[str]) -> list[str]:
    if given is None:
        return default
    names = [str(name) for name in given]
    if len(names) != count:
        raise DataError(f"{argument}: {len(names)} names, expected {count}, the {of} there are")
    return names


def _check_size(model: Model, sequences: list[Array]) -> None:
    per_step = model.weights.layers * model.weights.directions * model.weights.hidden_units
    for i, s in enumerate(sequences):
        if len(s) * per_step > MOST_CELLS:
            raise DataError(
                f"X[{i}]: {len(s):,} steps of {per_step:,} units; of so many units a page can show "
                f"{MOST_CELLS // per_step:,} steps: cut the recording into windows"
            )


def _pack(a: Array | None) -> str | None:
    return None if a is None else pack(a)


def _cell(cell: Cell, half: bool) -> dict[str, Any]:
    packed = {n: None if a is None else pack(a, "<f2" if half else "<f4") for n, a in zip("WUbc", cell, strict=True)}
    return {**packed, "width": cell.W.shape[1], "half": half}


def _answers(
    model: Model, judged: Judged, kept: list[int], chosen: list[Array], by_step: bool, notes: list[str]
) -> list[list[dict[str, Any]]]:
    """For each sequence: what each input contributed to the answer, and to the truth where they differ."""
    wanted = [_outputs(model, judged, i) for i in kept]
    w = model.weights
    # Forward and backward, at some sixteen points of the way, for each output asked about.
    each = 2 * 3 * 16 * sum(a.size for _, _, a in w.arrays())
    work = np.cumsum([each * len(s) * len(outputs) for s, outputs in zip(chosen, wanted, strict=True)])
    enough = int((work <= MOST_WORK).sum())
    if enough < len(chosen):
        hardest = "hardest sequence" if enough == 1 else f"{enough} hardest sequences"
        some = f"are computed for the {hardest} only" if enough else "are left out"
        notes.append(f"Contributions {some}: this net and these sequences are too large for more.")
    found: list[list[dict[str, Any]]] = [[] for _ in kept]
    numbers = model.target if isinstance(model.target, Numbers) else None
    for batch in batches(chosen[:enough], CHUNK // (w.layers * w.directions * w.hidden_units)):
        for turn in range(max(len(wanted[b]) for b in batch)):
            rows = [b for b in batch if turn < len(wanted[b])]
            target = np.array([wanted[b][turn] for b in rows])
            c = contributions(model, [chosen[b] for b in rows], target=target, tolerance=5e-3, engine=model.engine)
            for k, b in enumerate(rows):
                values = c.values[k, : len(chosen[b])]
                o, ends = int(target[k]), (float(c.base[k]), float(c.output[k]))
                if numbers is not None:
                    ends = (_back(numbers, ends[0], o), _back(numbers, ends[1], o))
                packed = pack(values.sum(1) if by_step else values)
                found[b].append({"output": o, "base": ends[0], "own": ends[1], "values": packed})
    return found


def _back(numbers: Numbers, v: float, o: int) -> float:
    return v * float(numbers.scale[o]) + float(numbers.mean[o])


def _outputs(model: Model, judged: Judged, i: int) -> list[int]:
    """The outputs worth explaining: of the answer and of the truth; of numbers the first three."""
    if model.classes is None:
        return list(range(min(3, model.outputs)))
    places = [p for p in (judged.place[i], judged.truth_place[i]) if p is not None]
    return list(dict.fromkeys(min(p, model.outputs - 1) for p in places))


def _carried(judged: Judged, kept: list[int], traces: Traces, rows: aggregate.Rows) -> list[dict[str, Any]]:
    """Of each chosen sequence, what the page cannot compute itself."""
    found = {}
    for batch, t in traces:
        for k, b in enumerate(batch):
            x, i = traces.chosen[b], kept[b]
            place = judged.truth_place[i]
            true = [place] if place is not None else (judged.exact[i] or [] if traces.model.task == "tag" else [])
            found[b] = aggregate.of_sequence(traces.model, x, t, k, rows, judged.final[i], true)
    return [found[b] for b in range(len(kept))]


def rows_of(model: Any, history: Any) -> list[dict[str, Any]]:
    """The rows of a training, `history` or the model's own, as the page shows them."""
    if history is None:
        history = getattr(model, "history", None) or getattr(model, "history_", None) or []
    rows = getattr(history, "rows", history)
    wanted = ("epoch", "loss", "val_loss", "val_score")
    found = []
    for i, row in enumerate(rows):
        if not isinstance(row, dict) or "epoch" not in row:
            raise InputError(f"history[{i}]: {row!r:.60}, expected a row with epoch, loss, val_loss, val_score")
        numbers = {k: float(row[k]) for k in wanted if row.get(k) is not None}
        found.append({k: v for k, v in numbers.items() if np.isfinite(v)})
    return found


def _summary(model: Model, judged: Judged, N: int) -> str:
    w = model.weights
    said = [f"{w.convention} convention", "1 layer" if w.layers == 1 else f"{w.layers} layers"]
    if w.directions == 2:
        said.append("both directions")
    said.append(f"{w.hidden_units} hidden units")
    if judged.right and judged.right[0] is not None:
        right = sum(bool(r) for r in judged.right)
        said.append(f"{right} of {N} sequences right ({100 * right / N:.1f} %)")
    else:
        said.append("1 sequence" if N == 1 else f"{N} sequences")
    return " · ".join(said)
