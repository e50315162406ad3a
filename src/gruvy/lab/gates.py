"""What z and r do: clamped in the equations, and frozen in nets that have learned."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inside.trace import Trace, trace
from ..reference import cell_forward
from ..weights import Cell, Weights
from .claims import GATES
from .corpora import corpus
from .experiment import Experiment, Numbers, Parts, Settings, points, repeated, rows, spread, sweep
from .figures import COLOURS, Axis, Figure, Mark, row, scaled
from .fit import Budget, train
from .nets import Net
from .speech import learn, noisy
from .tasks import ORDER
from .verdict import Verdict, decide
from .weigh import every, interval, some

Array = NDArray[np.float64]
Freeze = dict[str, Array | float]
# What a frozen gate is set to; z is the weight of the new, in any convention.
FREEZES = (
    "as learned",
    "z at its mean",
    "z at 1: no memory",
    "r at its mean",
    "r at 1: never forgets",
    "r at 0: always",
)


def frozen(w: Weights, freeze: Freeze) -> Weights:
    """A one-layer GRU with gates at fixed values: a gate without weights is σ of its bias.

    Args:
        w: its weights, any convention.
        freeze: ``"z"`` (as the weight of the new) or ``"r"`` to a number or to one per unit (H,), 0 to 1.
    """
    (W, U, b, c), H = w.merged().cells[0][0], w.hidden_units
    W, U, b = W.copy(), U.copy(), np.zeros(3 * H, w.dtype) if b is None else b.copy()
    for gate, value in freeze.items():
        rows = slice(0, H) if gate == "r" else slice(H, 2 * H)
        share = 1 - np.asarray(value) if gate == "z" and w.convention.keeps else np.asarray(value)
        W[rows] = U[rows] = 0
        with np.errstate(divide="ignore"):
            b[rows] = np.clip(np.log(share) - np.log1p(-share), -800, 800)  # σ is 0 and 1 there
    return Weights(w.convention, [[Cell(W, U, b, c)]])


def run(w: Weights, x: Any, freeze: Freeze) -> Trace:
    """Run it in float64 over inputs (B, T, I), or a list (T_i, I), with gates frozen where `freeze` says."""
    return trace(frozen(w.astype(np.float64), freeze), x, engine="reference")


def clamp(s: Settings, seed: int) -> dict[str, Any]:
    """The three identities on random weights: the largest difference of each from what it says."""
    rng = np.random.default_rng(seed)
    H = s["units"]
    x, h, W, U, b = (rng.standard_normal(k) for k in ((16, 4), (16, H), (3 * H, 4), (3 * H, H), (3 * H,)))
    w = Weights("tutorial", [[Cell(W, U, b, None)]])

    def new(**freeze: Array | float) -> tuple[Array, Array]:
        state, (_, _, n) = cell_forward(x, h, frozen(w, freeze).cells[0][0], w.convention)
        return state, n

    kept, _ = new(z=0.0)
    taken, n = new(z=1.0)
    _, forgetful = new(r=0.0)
    alone = np.tanh(x @ W[2 * H :].T + b[2 * H :])
    return {
        "what": "identity",
        "z = 0: the state stays": float(np.abs(kept - h).max()),
        "z = 1: the state is the candidate": float(np.abs(taken - n).max()),
        "r = 0: the candidate has forgotten the state": float(np.abs(forgetful - alone).max()),
    }


def scale(z: float, s: Settings, seed: int) -> dict[str, Any]:
    """Frobenius norms of ∂h_t/∂x_t and ∂h_t/∂h_{t-1} with every z clamped, by the complex step.

    The first relative to what z = 1 gives, the second and its distance from the identity relative to the identity's.
    """
    rng = np.random.default_rng(seed)
    H = s["units"]
    x, h, W, U, b = (rng.standard_normal(k) for k in ((4,), (H,), (3 * H, 4), (3 * H, H), (3 * H,)))
    w = Weights("tutorial", [[Cell(W, U / np.sqrt(H), b, None)]])

    def jacobian(z: float) -> Array:
        v = np.concatenate([x, h]) + 1e-30j * np.eye(4 + H)  # a row for each number that is moved
        moved, _ = cell_forward(v[:, :4], v[:, 4:], frozen(w, {"z": z}).cells[0][0], w.convention)
        return np.asarray(moved.imag.T / 1e-30)

    norm, J = np.linalg.norm, jacobian(z)
    by_input, by_state = J[:, :4], J[:, 4:]
    return {
        "what": "scale",
        "z": z,
        "by_input": float(norm(by_input) / norm(jacobian(1.0)[:, :4])),
        "by_state": float(norm(by_state) / np.sqrt(H)),
        "from_identity": float(norm(by_state - np.eye(H)) / np.sqrt(H)),
    }


@cache
def trained(
    task: str, units: int, lag: int, steps: int, epochs: int, seed: int
) -> tuple[Weights, Net, list[Array], Array]:
    """A net that has learned temporal order, or speech with noise appended, and questions to ask it with answers."""
    if task == "temporal order":
        net = Net("gru", ORDER.inputs, units, ORDER.outputs, seed=seed, remember=lag)
        train(net, ORDER, lag, Budget(steps, rate=0.01), seed)
        drawn, y = ORDER.draw(np.random.default_rng([seed, 9]), 500, lag)
        xs = list(drawn.astype(float))
    else:
        data = noisy("japanese-vowels", 40, seed) if "noise" in task else corpus("japanese-vowels")
        net = learn("gru", data, units, epochs, seed, remember=50 if "noise" in task else 0)
        xs, y = [x.astype(float) for x in data.test], data.y_test
    return Weights.from_torch(net.recurrent), net, xs, np.asarray(y)  # type: ignore[arg-type]


def ablate(s: Settings, seed: int, task: str, freeze: str) -> dict[str, Any]:
    """Accuracy of a trained net with a gate frozen, without training it again."""
    w, net, xs, y = trained(task, s["units"], s["lag"], s["steps"], s["epochs"], seed)
    set_to: Freeze = {}
    if freeze != FREEZES[0]:
        gate, _, value = freeze.partition(" at ")
        if value == "its mean":
            seen = run(w, xs, {})
            values = 1 - seen.keep if gate == "z" else seen.reset
            set_to[gate] = values[0, seen.valid].mean(0)
        else:
            set_to[gate] = float(value[0])
    seen = run(w, xs, set_to)
    last = seen.state[0, np.arange(len(xs)), seen.valid.sum(1) - 1]
    V, b_y = (p.detach().double().numpy() for p in net.readout.parameters())
    right, guess = float(((last @ V.T + b_y).argmax(1) == y).mean()), float(np.bincount(y).max() / len(y))
    return {"what": "ablation", "right": right, "guess": guess}


def parts(s: Settings, seed: int) -> Parts:
    """The identities, the scaling at eleven values of z, and every task with every freeze."""
    made: Parts = {"identities": partial(clamp, s, seed)}
    made |= {f"scaling, z = {k / 10:g}": partial(scale, k / 10, s, seed) for k in range(11)}
    return made | sweep(ablate, s, seed, task=s["tasks"], freeze=FREEZES)


def tasks(numbers: Numbers) -> list[str]:
    """What the nets have learned, in order."""
    return list(dict.fromkeys(r["task"] for r in rows(numbers, what="ablation")))


def right(numbers: Numbers, task: str, freeze: str) -> list[float]:
    """The share of right answers in every repetition."""
    return repeated(numbers, "right", task=task, freeze=freeze)


def costs(numbers: Numbers, task: str, freeze: str) -> list[float]:
    """What freezing costs in every repetition, as a share of the answers."""
    return [a - b for a, b in zip(right(numbers, task, FREEZES[0]), right(numbers, task, freeze), strict=True)]


def misses(numbers: Numbers) -> tuple[float, float]:
    """The largest miss of the three identities, and of what one step lets in and keeps with z clamped."""
    worst = max(v for r in rows(numbers, what="identity") for v in r.values() if not isinstance(v, str))
    scaling = rows(numbers, what="scale")
    off = [abs(r["by_input"] - r["z"]) for r in scaling] + [r["from_identity"] for r in scaling if r["z"] == 0]
    return worst, max(off)


def algebra(numbers: Numbers) -> str:
    """What follows from the equations alone."""
    worst, off = misses(numbers)
    return (
        "At z = 0 the state stays, at z = 1 it is the candidate, at r = 0 the candidate does not depend on the state; "
        "∂h_t/∂x_t grows as z, and ∂h_t/∂h_t−1 is the identity at z = 0. Checked in float64 on random weights: largest "
        f"misses {worst:.1e} and {off:.1e}."
    )


def rule(numbers: Numbers) -> Verdict:
    """A trained net uses a gate as a gate when freezing it at each unit's own mean costs at least 10 points of accuracy
    in some task, by what it costs in each repetition. Holds: both gates are so used, and the identities are exact
    (1e-15; 1e-12 for the growth with z). Holds only when the equations are meant: the identities are exact, and a gate
    is not so used. Does not hold: the identities are not exact. Cannot tell: an interval over the repetitions holds the
    10 points where that decides."""
    worst, off = misses(numbers)
    exact = worst <= 1e-15 and off <= 1e-12
    frozen_at_mean = {"z": FREEZES[1], "r": FREEZES[3]}
    used = {
        gate: some(interval(costs(numbers, task, freeze)).over(0.1) for task in tasks(numbers))
        for gate, freeze in frozen_at_mean.items()
    }
    text = "Accuracy lost when a gate is frozen at its mean: " + "; ".join(
        f"{task}, "
        + ", ".join(f"{gate} {spread(costs(numbers, task, at), points)}" for gate, at in frozen_at_mean.items())
        for task in tasks(numbers)
    )
    idle = " and ".join(gate for gate, answer in used.items() if answer is False)
    condition = f"the equations are meant: in these nets a constant {idle} does as well"
    return decide(f"{text}.", every((exact, *used.values())), exact, condition)


def figures(numbers: Numbers) -> list[Figure]:
    """The accuracy with gates frozen, a figure for each task."""
    made = []
    for task in tasks(numbers):
        dots = tuple(row(f, scaled(right(numbers, task, f)), "", COLOURS["gru"]) for f in FREEZES)
        guess = Mark(100 * rows(numbers, what="ablation", task=task)[0]["guess"], "a guess")
        x = Axis("right answers (%)", ends=(0, 103))
        made.append(Figure(f"{task}: gates frozen, not trained again", x, Axis(""), rows=dots, marks=(guess,)))
    return made


_TASKS = ["temporal order", "vowels", "vowels with noise after"]
EXPERIMENTS = [
    Experiment(
        name="gates",
        claim=GATES,
        prediction="With z clamped to 0 the state stays, with 1 it is the candidate, with r at 0 the candidate does "
        "not depend on the state, all exactly; in a trained net, freezing z or r costs accuracy.",
        method="The identities and the Jacobians of one step on random weights in float64. Then nets that have learned "
        "temporal order and JapaneseVowels, whole and with 40 frames of noise appended, run with one gate frozen: at "
        "each unit's own mean over the test data, at 0 or at 1.",
        quick={"units": 32, "lag": 30, "steps": 300, "epochs": 20, "tasks": _TASKS, "seeds": 3},
        full={"units": 32, "lag": 100, "steps": 800, "epochs": 40, "tasks": _TASKS, "seeds": 3},
        budget=(0.3, 0.5),
        parts=parts,
        rule=rule,
        algebra=algebra,
        figures=figures,
    )
]
