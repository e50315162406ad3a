"""Of a net or recordings too large to be computed in a browser: rows of units that move alike, and a unit of each."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ...model.model import Model
from ...model.pooling import running
from ...weights import Cell, Weights
from ..answers import as_answer, leads
from ..trace import Trace

Array = np.ndarray[Any, Any]

MOST_WEIGHTS = 1_500_000  # numbers of 32 bits the page may carry: 8 MB of text
MOST_HALVES = 2_600_000  # numbers of 16 bits: 7 MB of text, and room is left for sequences
LARGEST_HALF = 65_000.0  # what 16 bits can hold
MOST_PRODUCTS = 5_000_000_000  # multiplications of one sequence: some five seconds of a browser's worker
AT_ONCE = 50_000_000  # as many are done before one notices: more is a worker's
MOST_COMPUTED = 4_000_000  # units * steps of one sequence that a browser computes, six numbers each
ROWS, FEWEST_ROWS, COLUMNS = 64, 8, 1000  # of units, and of steps, in the plots
LARGEST = 4_000_000  # bytes of one sequence before base64
FEW_OUTPUTS = 6  # of a net that answers in numbers: how many are shown
SAMPLES, DIRECTIONS = 200, 16  # steps looked at, and principal directions kept, to see which units move alike


class Plan(NamedTuple):
    """Why the page cannot compute this net's gates, and into how many rows its units are gathered."""

    why: str
    rows: int


class Rows(NamedTuple):
    """Of each layer and direction: the row of each unit (LD, H), and the unit carried whole of each row (LD, R)."""

    row: Array
    unit: Array


def plan(model: Model, longest: int) -> Plan | None:
    """How to aggregate a net for sequences of at most `longest` steps; None where the page can compute the gates."""
    w = model.weights
    weights, H, LD = numbers(model), w.hidden_units, w.layers * w.directions
    if weights > MOST_WEIGHTS and not halves(model):
        why = f"This net has {weights:,} weights, more than a page can carry"
    elif weights * longest > MOST_PRODUCTS or longest * LD * H > MOST_COMPUTED:
        why = f"This net and {longest:,} steps are more than a browser can compute at once"
    else:
        return None
    rows = LARGEST // (LD * _row_bytes(longest))
    return Plan(why, min(H, ROWS, max(FEWEST_ROWS, rows)))


def halves(model: Model) -> bool:
    """Whether the page carries the net's weights in 16 bits: too many for 32, and none too large."""
    arrays = [a for _, _, a in model.weights.arrays()]
    few = MOST_WEIGHTS < numbers(model) <= MOST_HALVES
    return few and max(float(np.abs(a).max(initial=0)) for a in arrays) < LARGEST_HALF


def rounded(model: Model) -> Model:
    """The model with its weights as the page has them."""
    cells = [
        [Cell(*(None if a is None else a.astype(np.float16).astype(np.float32) for a in cell)) for cell in layer]
        for layer in model.weights.merged().cells
    ]
    return replace(model, weights=Weights(model.weights.convention, cells))


def numbers(model: Model) -> int:
    """How many weights a net has, its read-out with them."""
    return sum(a.size for _, _, a in model.weights.arrays()) + (0 if model.V is None else model.V.size)


def _row_bytes(T: int) -> int:
    """Of a sequence of T steps: seven float32 a step of a unit; four gates' mean, low and high a block, 16 bits."""
    return 7 * 4 * T + 4 * 3 * 2 * min(T, COLUMNS)


def fixed_bytes(model: Model, rows: int) -> int:
    """What the page takes before any sequence: of the units carried whole, the weights of the input."""
    return 4 * 3 * model.weights.directions * rows * model.weights.input_units


def sequence_bytes(model: Model, rows: int, T: int) -> int:
    """What a sequence of T steps takes on the page, its input and contributions apart."""
    lines = 2 + min(T, model.outputs + 1)  # of answers: at most every class, and which of them leads
    return model.weights.layers * model.weights.directions * rows * _row_bytes(T) + 4 * T * lines


def block_of(T: int) -> int:
    """Steps that are shown as one column."""
    return -(-T // COLUMNS)


def note(plan: Plan, rows: Rows, longest: int) -> str:
    """What was aggregated and how, in plain words."""
    H, R = rows.row.shape[1], plan.rows
    text = f"{plan.why}, so it carries what gruvy computed beforehand. "
    if R < H:
        few, many = H // R, -(-H // R)
        text += (
            f"The {H:,} units of a layer are gathered into {R} rows of {few if few == many else f'{few} or {many}'} "
            "units that move alike; the plots and the numbers of a row are the mean, lowest and highest of its units. "
            "Of each row the unit nearest to its mean is carried whole: the cell, the equations and the playground "
            "show such a unit, exactly."
        )
    else:
        text += f"Each of the {H:,} units of a layer is carried whole."
    if longest > COLUMNS:
        text += f" Of sequences of more than {COLUMNS:,} steps, the plots of the gates show blocks of steps."
    return text


def gather(samples: Array, rows: int) -> Rows:
    """Rows of units that move alike.

    Args:
        samples: (layers * directions, H, features), what each unit did at some steps.
        rows: how many to make, of sizes that differ by one at most.
    """
    LD, H, _ = samples.shape
    found = Rows(np.zeros((LD, H), np.int64), np.zeros((LD, rows), np.int64))
    for j, a in enumerate(samples.astype(np.float64)):
        u, s, _ = np.linalg.svd(a - a.mean(0), full_matrices=False)
        places = (u * s)[:, :DIRECTIONS]
        for k, members in enumerate(_halve(places, np.arange(H), rows)):
            found.row[j, members] = k
            apart = ((places[members] - places[members].mean(0)) ** 2).sum(1)
            found.unit[j, k] = members[apart.argmin()]
    return found


def _halve(places: Array, members: Array, rows: int) -> list[Array]:
    """Cut the members across the direction in which they differ most, until there are that many rows."""
    if rows == 1:
        return [np.sort(members)]
    a = places[members] - places[members].mean(0)
    across = a @ np.linalg.svd(a, full_matrices=False)[2][0]
    order = members[np.argsort(across, kind="stable")]
    first = rows // 2
    cut = -(-len(members) * first // rows)
    return _halve(places, order[:cut], first) + _halve(places, order[cut:], rows - first)


def sample(t: Trace, b: int, steps: Array) -> Array:
    """State and update gate of every unit at some steps of sequence b: (layers * directions, H, 2 * steps)."""
    return np.concatenate([t.state[:, b, steps], t.update[:, b, steps]], axis=1).transpose(0, 2, 1)


def fixed(model: Model, rows: Rows) -> dict[str, Any]:
    """What the page needs once: who is in which row, and of the units carried whole their own weights."""
    w = model.weights.merged()
    D, H = w.directions, w.hidden_units
    cells = [cell for layer in w.cells for cell in layer]
    at = [np.stack([k * H + units for k in range(3)], axis=1) for units in rows.unit]  # (R, 3): rows of r, z, n
    own = [cell.U[i, units[:, None]] for cell, i, units in zip(cells, at, rows.unit, strict=True)]
    biases = [np.zeros(i.shape) if cell.b is None else cell.b[i] for cell, i in zip(cells, at, strict=True)]
    c = [np.zeros(len(u)) if cell.c is None else cell.c[u] for cell, u in zip(cells, rows.unit, strict=True)]
    return {
        "rows": rows.unit.shape[1],
        "row": pack(rows.row, "<u2"),
        "unit": rows.unit.tolist(),
        "own": pack(np.stack(own)),
        "W": pack(np.stack([cells[d].W[at[d]] for d in range(D)])),
        "b": pack(np.stack(biases)),
        "c": pack(np.stack(c)),
    }


def of_sequence(model: Model, x: Array, t: Trace, b: int, rows: Rows, final: Array, truth: list[int]) -> dict[str, Any]:
    """What the page needs of sequence b of a trace.

    Args:
        x: the sequence (T, I), as the user gave it.
        final: its outputs at the end (O,).
        truth: the places of the true classes: of the sequence, or of its steps; none where they are not known.
    """
    T, block = len(x), block_of(len(x))
    state, previous = t.state[:, b, :T], t.previous()[:, b, :T]
    means = [
        [_spread(a[j], row, block) for a in (t.reset[:, b, :T], t.update[:, b, :T], t.candidate[:, b, :T], state)]
        for j, row in enumerate(rows.row)
    ]
    units = [_whole(model, x, state, previous, t.reset[:, b, :T], j, units) for j, units in enumerate(rows.unit)]
    found = {
        "block": block,
        "means": pack(np.rint((np.clip(np.array(means), -1, 1) + 1) * 32767.5), "<u2"),
        "units": pack(np.stack(units)),
    }
    return found | _answers(model, np.concatenate(list(state[-t.directions :]), axis=-1), final, truth)


def _spread(a: Array, row: Array, block: int) -> Array:
    """Mean, lowest and highest of a (T, H) over each row of units and block of steps: (3, R, blocks)."""
    order = np.argsort(row, kind="stable")
    units, steps = np.searchsorted(row[order], np.arange(row.max() + 1)), np.arange(0, len(a), block)
    a = a[:, order].astype(np.float64)
    found = [f.reduceat(f.reduceat(a, units, axis=1), steps, axis=0).T for f in (np.add, np.minimum, np.maximum)]
    count = np.diff(units, append=a.shape[1])[:, None] * np.diff(steps, append=len(a))
    return np.stack([found[0] / count, found[1], found[2]])


def _whole(model: Model, x: Array, state: Array, previous: Array, reset: Array, j: int, units: Array) -> Array:
    """W x and U h of r, z, n, then the state before, of some units of layer and direction j: (7, R, T)."""
    w = model.weights.merged()
    k, d = divmod(j, w.directions)
    cell, H = w.cells[k][d], w.hidden_units
    inputs = model.seen(x) if k == 0 else np.concatenate(list(state[(k - 1) * w.directions : k * w.directions]), -1)
    found = []
    for gate in range(3):
        gated = gate == 2 and w.convention.reset == "before"
        h = reset[j].astype(np.float64) * previous[j] if gated else previous[j]
        at = gate * H + units
        found += [cell.W[at].astype(np.float64) @ inputs.T, cell.U[at].astype(np.float64) @ h.T]
    return np.stack([*found, previous[j][:, units].T])


def _answers(model: Model, top: Array, final: Array, truth: list[int]) -> dict[str, Any]:
    """The answer at the end, and of a few outputs that at every step, from the top layer's states (T, P).

    A net that reads in both directions has none before the end, but for tags.
    """
    labels, answer = model.classes is not None, as_answer(model, final)
    shown = list(np.argsort(-answer, kind="stable")[:3]) if labels else list(range(min(FEW_OUTPUTS, len(answer))))
    found: dict[str, Any] = {"answer": pack(answer if labels else answer[:FEW_OUTPUTS]), "over": None}
    if model.weights.directions == 2 and model.task != "tag":
        return found | {"outputs": [int(o) for o in shown]}
    over = as_answer(model, model.read(top if model.task == "tag" else running(model.pooling, top)))
    best = leads(model, over)
    if labels:  # every class that leads anywhere, and the truth
        shown = list(dict.fromkeys([*shown, *best.tolist(), *truth]))
    return found | {
        "outputs": [int(o) for o in shown],
        "over": pack(over[:, shown]),
        "best": best.tolist(),
        "best_value": pack(over[np.arange(len(over)), best]),
    }


def pack(a: Array, dtype: str = "<f4") -> str:
    """Numbers as text: little-endian, base64."""
    return base64.b64encode(np.ascontiguousarray(a, dtype).tobytes()).decode()
