"""Which sequences are worth a look: the mistakes, the doubtful, and a spread of the rest."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...arrays import check_targets
from ...errors import DataError
from ...model.batches import by_length
from ...model.model import Model
from ...model.task import Labels, Numbers
from ..answers import CHUNK, as_answer, leads

Array = np.ndarray[Any, Any]


class Judged(NamedTuple):
    """Of each sequence: what the model says and what is true, as text and as a class's place; whether it is right
    (None where nobody knows); how hard it was, the higher the harder; what that order is called; its outputs; and the
    truth as numbers: of a tagger the place of each step's class, of targets the targets."""

    says: list[str]
    truth: list[str | None]
    place: list[int]
    truth_place: list[int | None]
    right: list[bool | None]
    hardness: Array
    order: str
    final: Array
    exact: list[list[Any] | None]


def outputs_of(model: Model, sequences: list[Array]) -> tuple[Array, list[Array]]:
    """The outputs of every sequence (N, O), and for tags those of every step, each (T_i, O)."""
    final, steps = np.zeros((len(sequences), model.outputs)), [np.zeros((0, model.outputs))] * len(sequences)
    for rows, hidden, whole in model.states(
        sequences, CHUNK // (model.weights.directions * model.weights.hidden_units)
    ):
        final[rows] = model.read(whole)
        if model.task == "tag":
            for i, h in zip(rows, hidden, strict=True):
                steps[i] = model.read(h)
    return final, steps


def batches(sequences: list[Array], most: int) -> list[Array]:
    """Positions of the sequences, by length, in batches of at most `most` steps with their padding."""
    return by_length([len(s) for s in sequences], len(sequences), most)


def judge(model: Model, sequences: list[Array], y: Any, names: list[str]) -> Judged:
    """What the model says of each sequence, and how hard it finds them.

    Raises:
        DataError: y has another number of targets, or holds a class or a shape that the model does not have.
    """
    N = len(sequences)
    targets = None if y is None else check_targets(y, N)
    final, steps = outputs_of(model, sequences)
    if not isinstance(model.target, Labels):
        return _numbers(model, final, targets)
    p = as_answer(model, final)
    place = [int(k) for k in leads(model, p)]
    says = [names[k] for k in place]
    if targets is None:
        nobody: list[Any] = [None] * N
        return Judged(says, nobody, place, nobody, nobody, 1 - p.max(1), "least certain first", final, nobody)
    classes = model.target.classes.tolist()
    known = {v: k for k, v in enumerate(names)} | {str(v): k for k, v in enumerate(classes)}
    known |= {v: k for k, v in enumerate(classes)}

    def place_of(value: Any, where: str) -> int:
        value = value.item() if isinstance(value, np.generic) else value
        found = known.get(value, known.get(str(value)))
        if found is None:
            raise DataError(f"{where}: {value!r}, which is no class of the model ({', '.join(names[:8])})")
        return found

    if model.task == "tag":
        return _tags(model, final, steps, targets, says, place, place_of)
    true = [place_of(v, f"y[{i}]") for i, v in enumerate(targets)]
    right: list[bool | None] = [a == b for a, b in zip(place, true, strict=True)]
    loss = -np.log(np.maximum(p[np.arange(N), true], 1e-300))
    # every mistake before every right answer, whatever the loss
    hardness = loss + 1e3 * (~np.array(right, bool))
    truth, order = [names[k] for k in true], "hardest mistakes first"
    return Judged(says, list(truth), place, list(true), right, hardness, order, final, [None] * N)


def _tags(
    model: Model, final: Array, steps: list[Array], targets: Array, says: list[str], place: list[int], place_of: Any
) -> Judged:
    truth: list[str | None] = []
    right: list[bool | None] = []
    exact: list[list[Any] | None] = []
    hardness = np.zeros(len(steps))
    for i, scores in enumerate(steps):
        labels = np.asarray(targets[i]).reshape(-1)
        if len(labels) != len(scores):
            raise DataError(
                f"y[{i}]: {len(labels)} labels, X[{i}] has {len(scores)} steps; expected one label per step"
            )
        true = np.array([place_of(v, f"y[{i}][{t}]") for t, v in enumerate(labels)])
        p = as_answer(model, scores)
        good = int((leads(model, p) == true).sum())
        truth.append(f"{good} of {len(true)} steps right")
        right.append(good == len(true))
        exact.append(true.tolist())
        loss = -np.log(np.maximum(p[np.arange(len(true)), true], 1e-300)).mean()
        hardness[i] = loss + 1e3 * (len(true) - good) / len(true)
    return Judged(says, truth, place, [None] * len(steps), right, hardness, "most mistakes first", final, exact)


def _numbers(model: Model, final: Array, targets: Array | None) -> Judged:
    N, O = final.shape
    text = [", ".join(f"{v:.4g}" for v in row[:3]) for row in as_answer(model, final)]
    nothing: list[Any] = [None] * N
    if targets is None or not model.task:
        return Judged(text, nothing, [0] * N, nothing, nothing, np.zeros(N), "in their order", final, nothing)
    true = np.asarray(targets, np.float64).reshape(N, -1)
    if true.shape[1] != O:
        raise DataError(f"y: {true.shape[1]} numbers per sequence, expected {O}, the outputs of the model")
    scale = model.target.scale if isinstance(model.target, Numbers) else 1.0
    error = (((true - as_answer(model, final)) / scale) ** 2).mean(1)
    truth = [", ".join(f"{v:.4g}" for v in row[:3]) for row in true]
    exact: list[list[Any] | None] = list(true.tolist())
    return Judged(text, list(truth), [0] * N, nothing, nothing, error, "largest error first", final, exact)


def choose(judged: Judged, cost: list[int], most: int, room: int, notes: list[str]) -> list[int]:
    """The sequences to keep, hardest first, and a note on what was left out.

    Of too many: the hardest half of what fits, and a spread of the rest from hard to easy.
    """
    order = [int(i) for i in np.argsort(-judged.hardness, kind="stable")]
    N = len(order)
    count = min(N, most)
    while True:
        hard = order[: count if count == N else (count + 1) // 2]
        rest = order[len(hard) :]
        spread = np.linspace(0, max(0, len(rest) - 1), count - len(hard)).round().astype(int)
        kept = hard + [rest[k] for k in spread]
        size = sum(cost[i] for i in kept)
        if size <= room or count == 1:
            break
        count = max(1, min(count - 1, int(count * room / size)))
    if len(kept) < N:
        known = judged.right[0] is not None or judged.hardness.any()
        what = "the hardest" if known else "the first"
        why = f"it holds at most {most}" if count == most else "more would make it too large"
        others = len(kept) - len(hard)
        notes.append(
            f"Of {N} sequences this page holds {len(kept)}: {what} {len(hard)}"
            + (f" and {others} spread over the rest" if others else "")
            + f"; {why}."
        )
    return kept
