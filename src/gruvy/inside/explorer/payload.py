"""What the page carries: the weights, the sequences worth a look, and what is too heavy to compute in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays import as_sequences
from ...errors import DataError, InputError
from ...model.model import Model
from ...model.task import Numbers
from ...weights import Cell
from ..contributions import contributions
from ..gradients import gradient_norms
from ..trace import Trace, trace
from . import aggregate
from .aggregate import pack
from .choosing import CHUNK, Judged, batches, choose, judge

Array = np.ndarray[Any, Any]

ROOM = 8_400_000  # bytes of numbers before base64: the page stays under 12 MB
MOST_CELLS = 40_000_000  # units * steps of one sequence that is traced here: a few GB
MOST_WORK = 3e11  # multiplications for contributions: some ten seconds


def page_data(model: Any, X: Any, y: Any, *, ids: Any, features: Any, classes: Any, history: Any, max_sequences: int,
              engine: str | None) -> dict[str, Any]:  # fmt: skip
    """Everything the page's scripts read, ready for JSON. Arguments as `explain`."""
    rows_of_history = _history(model, history)
    model = replace(Model.of(model), engine=engine)
    w = model.weights.merged()
    I, H = w.input_units, w.hidden_units
    sequences = as_sequences(X, channels=I, allow_empty=False)
    N = len(sequences)
    if max_sequences < 1:
        raise InputError(f"max_sequences: {max_sequences}, wanted at least 1")
    names = _names("ids", ids, N, "sequences", [str(i) for i in range(N)])
    channels = _names("features", features, I, "channels", [f"x{i}" for i in range(I)])
    longest = max(map(len, sequences))
    _check_size(model, sequences)
    plan = aggregate.plan(model, longest)
    labels = model.classes is not None
    K = max(2, model.outputs) if labels else model.outputs
    default = [] if model.classes is None else [str(c) for c in model.classes.tolist()]
    shown = _names("classes", classes, K, "outputs", default)
    judged = judge(model, sequences, y, shown)
    # What is left beside the weights: inputs, contributions of the answer and of the truth, what is computed here.
    notes: list[str] = []
    room = ROOM - (aggregate.fixed_bytes(model, plan.rows) if plan else 4 * aggregate.numbers(model))
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
    answers = _answers(model, judged, kept, chosen, by_step, engine, notes)
    traces = _Traces(model, chosen)
    scales, saturation, samples = _units(traces, plan is not None)
    rows = aggregate.gather(samples, plan.rows) if plan else None
    if plan and rows:
        notes.insert(0, aggregate.note(plan, rows, max(map(len, chosen))))
    carried = _carried(model, judged, kept, traces, rows) if rows else [None] * len(kept)
    entries = [
        {
            "id": names[i], "x": pack(sequences[i]), "steps": len(sequences[i]), "truth": judged.truth[i],
            "says": judged.says[i], "right": judged.right[i], "answers": found, "carried": beforehand,
        }
        for i, found, beforehand in zip(kept, answers, carried, strict=True)
    ]  # fmt: skip
    together = np.concatenate(chosen)
    numbers = model.target if isinstance(model.target, Numbers) else None
    return {
        "net": {
            "reset": w.convention.reset, "keeps": w.convention.keeps, "layers": w.layers, "directions": w.directions,
            "units": H, "inputs": I, "outputs": model.outputs, "pooling": model.pooling, "task": model.task or "",
        },
        "cells": [[_cell(cell) for cell in layer] for layer in ([] if rows else w.cells)],
        "carried": aggregate.fixed(model, rows) if rows else None,
        "V": None if rows else _pack(model.V), "b_y": None if rows else _pack(model.b_y),
        "y_shift": None if rows or numbers is None else _pack(numbers.mean),
        "y_scale": None if rows or numbers is None else _pack(numbers.scale),
        "shift": None if model.scaler is None else _pack(model.scaler.mean),
        "scale": None if model.scaler is None else _pack(model.scaler.scale),
        "classes": shown, "features": channels, "sequences": entries, "total": N,
        "ranges": np.stack([together.min(0), together.max(0)], axis=1).tolist(),
        "time_scales": pack(np.minimum(scales, 3e38)), "saturation": pack(saturation),
        "gradient": _gradient(model, chosen, notes), "history": rows_of_history,
        "summary": _summary(model, judged, N), "order": judged.order, "notes": notes,
    }  # fmt: skip


def _names(argument: str, given: Any, count: int, of: str, default: list[str]) -> list[str]:
    if given is None:
        return default
    names = [str(name) for name in given]
    if len(names) != count:
        raise DataError(f"{argument}: {len(names)} names, wanted {count}, the {of} there are")
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


def _cell(cell: Cell) -> dict[str, Any]:
    return {**{n: _pack(a) for n, a in zip("WUbc", cell, strict=True)}, "width": cell.W.shape[1]}


def _answers(model: Model, judged: Judged, kept: list[int], chosen: list[Array], by_step: bool, engine: str | None,
             notes: list[str]) -> list[list[dict[str, Any]]]:  # fmt: skip
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
    for batch in batches(chosen[:enough], CHUNK // (w.layers * w.directions * w.hidden_units)):
        for turn in range(max(len(wanted[b]) for b in batch)):
            rows = [b for b in batch if turn < len(wanted[b])]
            target = np.array([wanted[b][turn] for b in rows])
            c = contributions(model, [chosen[b] for b in rows], target=target, tolerance=5e-3, engine=engine)
            for k, b in enumerate(rows):
                values = c.values[k, : len(chosen[b])]
                found[b].append({"output": int(target[k]), "values": pack(values.sum(1) if by_step else values)})
    return found


def _outputs(model: Model, judged: Judged, i: int) -> list[int]:
    """The outputs worth explaining: of the answer and of the truth; of numbers the first three."""
    if model.classes is None:
        return list(range(min(3, model.outputs)))
    places = [p for p in (judged.place[i], judged.truth_place[i]) if p is not None]
    return list(dict.fromkeys(min(p, model.outputs - 1) for p in places))


class _Traces:
    """The traces of sequences in batches, made once where they fit the memory, and else for each reader anew."""

    def __init__(self, model: Model, chosen: list[Array]) -> None:
        self.model, self.chosen = model, chosen
        self.shape = (model.weights.layers * model.weights.directions, model.weights.hidden_units)
        self.kept: list[tuple[list[int], Trace]] = []
        self.fits = sum(map(len, chosen)) * self.shape[0] * self.shape[1] <= MOST_CELLS

    def __iter__(self) -> Iterator[tuple[list[int], Trace]]:
        if self.kept:
            yield from self.kept
            return
        for batch in batches(self.chosen, CHUNK // (self.shape[0] * self.shape[1])):
            found = batch.tolist(), trace(self.model, [self.chosen[b] for b in batch], engine=self.model.engine)
            if self.fits:
                self.kept.append(found)
            yield found


def _units(traces: _Traces, sampled: bool) -> tuple[Array, Array, Array]:
    """Time-scales (layers * D, H) and saturation (4, layers * D, H) over all steps of the chosen sequences, and
    what the units did at some of the steps, to see which move alike (layers * D, H, features)."""
    shape, chosen = traces.shape, traces.chosen
    decay, shares, steps = np.zeros(shape), np.zeros((4, *shape)), 0
    every = max(1, sum(map(len, chosen)) // aggregate.SAMPLES)
    samples = [np.zeros((*shape, 0))]
    for batch, t in traces:
        count = int(t.valid.sum())
        with np.errstate(divide="ignore"):
            decay = decay + count / t.time_scales()
        shares = shares + count * np.stack(t.saturation())
        if sampled:
            samples += [
                aggregate.sample(t, k, np.arange(-(steps + i) % every, n, every))
                for k, (i, n) in enumerate(_places(chosen, batch))
            ]
        steps += count
    with np.errstate(divide="ignore"):
        return np.asarray(steps / decay), shares / steps, np.concatenate(samples, axis=2)


def _places(chosen: list[Array], batch: list[int]) -> list[tuple[int, int]]:
    """How many steps of the batch come before each of its sequences, and how many the sequence has."""
    counts = [len(chosen[b]) for b in batch]
    return list(zip(np.cumsum([0, *counts])[:-1].tolist(), counts, strict=True))


def _carried(
    model: Model, judged: Judged, kept: list[int], traces: _Traces, rows: aggregate.Rows
) -> list[dict[str, Any]]:
    """Of each chosen sequence, what the page cannot compute itself."""
    found = {}
    for batch, t in traces:
        for k, b in enumerate(batch):
            i = kept[b]
            found[b] = aggregate.of_sequence(
                model, traces.chosen[b], t, k, rows, judged.final[i], judged.truth_place[i]
            )
    return [found[b] for b in range(len(kept))]


def _gradient(model: Model, chosen: list[Array], notes: list[str]) -> dict[str, Any] | None:
    """The median over some sequences of log10 gradient norms at each lag, None where it is exactly 0."""
    w = model.weights
    each = max(len(s) for s in chosen) * w.layers * w.directions * 6 * w.hidden_units**3
    count = min(8, len(chosen), int(4e10 // each))
    if count == 0:
        notes.append("Gradients over lag are left out: this net and these sequences are too large for them.")
        return None
    longest = sorted(range(len(chosen)), key=lambda i: -len(chosen[i]))[:count]
    g = gradient_norms(model, [chosen[i] for i in longest])

    def median(a: Array) -> list[float | None]:
        alone = [column[~np.isnan(column)] for column in a.T]
        return [round(float(v), 6) if len(c) and np.isfinite(v := np.median(c)) else None for c in alone]

    return {"state": [median(a) for a in g.state], "input": median(g.input), "sequences": count}


def _history(model: Any, history: Any) -> list[dict[str, Any]]:
    if history is None:
        history = getattr(model, "history", None) or getattr(model, "history_", None) or []
    rows = getattr(history, "rows", history)
    wanted = ("epoch", "loss", "val_loss", "val_score")
    found = []
    for i, row in enumerate(rows):
        if not isinstance(row, dict) or "epoch" not in row:
            raise InputError(f"history[{i}]: {row!r:.60}, wanted a row with epoch, loss, val_loss, val_score")
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
