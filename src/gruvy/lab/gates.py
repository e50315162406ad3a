"""What z and r do: clamped in the equations, and frozen in nets that have learned."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ..reference import sigmoid
from ..weights import Weights
from .corpora import corpus
from .experiment import Experiment, Numbers, Settings, Verdict, mean, percent
from .figures import COLOURS, figure
from .fit import Budget, train
from .nets import Net
from .speech import learn, noisy
from .tasks import ORDER

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


def run(w: Weights, x: Array, freeze: Freeze) -> tuple[Array, Array, Array]:
    """A one-layer GRU with gates frozen where `freeze` says: z as the weight of the new, and r.

    Args:
        w: its weights, any convention.
        x: inputs (B, T, I).
        freeze: ``"z"`` or ``"r"`` to a number or to one a unit (H,).

    Returns:
        States, and the gates z (as the weight of the new) and r, each (B, T, H).
    """
    cell, convention = w.merged().cells[0][0], w.convention
    (W_r, W_z, W_n), (U_r, U_z, U_n) = np.split(cell.W.astype(float), 3), np.split(cell.U.astype(float), 3)
    H = len(W_r)
    b_r, b_z, b_n = np.split(np.zeros(3 * H) if cell.b is None else cell.b.astype(float), 3)
    c = np.zeros(H) if cell.c is None else cell.c
    h, found = np.zeros((len(x), H)), []
    for x_t in x.transpose(1, 0, 2):
        z = sigmoid(x_t @ W_z.T + h @ U_z.T + b_z)
        z = 1 - z if convention.keeps else z
        r = sigmoid(x_t @ W_r.T + h @ U_r.T + b_r)
        z, r = np.broadcast_to(freeze.get("z", z), z.shape), np.broadcast_to(freeze.get("r", r), r.shape)
        inner = (r * h) @ U_n.T if convention.reset == "before" else r * (h @ U_n.T + c)
        h = (1 - z) * h + z * np.tanh(x_t @ W_n.T + b_n + inner)
        found.append((h, z, r))
    states, z, r = (np.stack(a, axis=1) for a in zip(*found, strict=True))
    return states, z, r


def clamp(s: Settings, seed: int) -> dict[str, Any]:
    """The three identities on random weights: the largest difference of each from what it says."""
    rng = np.random.default_rng(seed)
    H = s["units"]
    x, h, W, U, b = (rng.standard_normal(k) for k in ((16, 4), (16, H), (3 * H, 4), (3 * H, H), (3 * H,)))
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n) = (np.split(a, 3) for a in (W, U, b))

    def new(z: Array | float, r: Array | float) -> tuple[Array, Array]:
        n = np.tanh(x @ W_n.T + (r * h) @ U_n.T + b_n)
        return np.asarray((1 - z) * h + z * n), n

    r, z = sigmoid(x @ W_r.T + h @ U_r.T + b_r), sigmoid(x @ W_z.T + h @ U_z.T + b_z)
    kept, _ = new(0.0, r)
    taken, n = new(1.0, r)
    _, forgetful = new(z, 0.0)
    return {
        "what": "identity",
        "z = 0: the state stays": float(np.abs(kept - h).max()),
        "z = 1: the state is the candidate": float(np.abs(taken - n).max()),
        "r = 0: the candidate has forgotten the state": float(np.abs(forgetful - np.tanh(x @ W_n.T + b_n)).max()),
    }


def scale(z: float, s: Settings, seed: int) -> dict[str, Any]:
    """Frobenius norms of ∂h_t/∂x_t and ∂h_t/∂h_{t-1} with every z clamped, by the complex step.

    The first relative to what z = 1 gives, the second and its distance from the identity relative to the identity's.
    """
    rng = np.random.default_rng(seed)
    H = s["units"]
    x, h, W, U, b = (rng.standard_normal(k) for k in ((4,), (H,), (2 * H, 4), (2 * H, H), (2 * H,)))
    U /= np.sqrt(H)
    (W_r, W_n), (U_r, U_n), (b_r, b_n) = (np.split(a, 2) for a in (W, U, b))

    def new(v: Any, z: float) -> Any:
        x, h = v[:4], v[4:]
        r = sigmoid(W_r @ x + U_r @ h + b_r)
        return (1 - z) * h + z * np.tanh(W_n @ x + U_n @ (r * h) + b_n)

    def jacobian(z: float) -> Array:
        v = np.concatenate([x, h])
        return np.stack([new(v + 1e-30j * e, z).imag / 1e-30 for e in np.eye(len(v))], axis=1)

    norm, J = np.linalg.norm, jacobian(z)
    return {
        "what": "scale", "z": z, "by_input": float(norm(J[:, :4]) / norm(jacobian(1.0)[:, :4])),
        "by_state": float(norm(J[:, 4:]) / np.sqrt(H)), "from_identity": float(norm(J[:, 4:] - np.eye(H)) / np.sqrt(H)),
    }  # fmt: skip


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
    return Weights.from_torch(net.layer), net, xs, np.asarray(y)  # type: ignore[arg-type]


def ablate(task: str, freeze: str, s: Settings, seed: int) -> dict[str, Any]:
    """Accuracy of a trained net with a gate frozen, without training it again."""
    w, net, xs, y = trained(task, s["units"], s["lag"], s["steps"], s["epochs"], seed)
    T = max(len(x) for x in xs)
    x = np.stack([np.pad(row, ((0, T - len(row)), (0, 0))) for row in xs])
    last = np.array([len(row) - 1 for row in xs])
    set_to: Freeze = {}
    if freeze != FREEZES[0]:
        gate, _, value = freeze.partition(" at ")
        if value == "its mean":
            _, z, r = run(w, x, {})
            valid = np.arange(T) <= last[:, None]
            set_to[gate] = (z if gate == "z" else r)[valid].mean(0)
        else:
            set_to[gate] = float(value[0])
    states, _, _ = run(w, x, set_to)
    V, b = (p.detach().double().numpy() for p in (net.readout.weight, net.readout.bias))
    answer = (states[np.arange(len(x)), last] @ V.T + b).argmax(1)
    return {
        "what": "ablation", "task": task, "freeze": freeze, "seed": seed, "right": float((answer == y).mean()),
        "guess": float(np.bincount(y).max() / len(y)),
    }  # fmt: skip


def parts(s: Settings, seed: int) -> dict[str, Callable[[], dict[str, Any]]]:
    """The identities, the scaling at eleven values of z, and every task with every freeze."""
    made: dict[str, Callable[[], dict[str, Any]]] = {"identities": partial(clamp, s, seed)}
    for k in range(11):
        made[f"scaling, z = {k / 10:g}"] = partial(scale, k / 10, s, seed)
    for task in s["tasks"]:
        for freeze in FREEZES:
            for k in range(s["seeds"]):
                made[f"{task}, {freeze}, seed {seed + k}"] = partial(ablate, task, freeze, s, seed + k)
    return made


def accuracy(numbers: Numbers, task: str, freeze: str) -> float:
    """Mean over seeds."""
    rows = [r for r in numbers.values() if r["what"] == "ablation"]
    return mean(r["right"] for r in rows if (r["task"], r["freeze"]) == (task, freeze))


def rule(numbers: Numbers) -> Verdict:
    """The equations do what is said when the three identities are exact to 1e-15, ∂h_t/∂x_t grows as z and
    ∂h_t/∂h_{t-1} is the identity at z = 0 (both to 1e-12). A net uses a gate as a gate when freezing it at each unit's
    own mean costs at least 10 points of accuracy in some task. Holds: the equations do, and both gates are so used.
    Holds only when the equations are meant: they do, and a gate is not so used. Else it does not hold."""
    worst = max(v for r in numbers.values() if r["what"] == "identity" for v in r.values() if not isinstance(v, str))
    scaling = [r for r in numbers.values() if r["what"] == "scale"]
    off = max(
        max(abs(r["by_input"] - r["z"]) for r in scaling), max(r["from_identity"] for r in scaling if r["z"] == 0)
    )
    tasks = list(dict.fromkeys(r["task"] for r in numbers.values() if r["what"] == "ablation"))
    _, z_mean, _, r_mean, r_open, _ = (
        max(accuracy(numbers, t, FREEZES[0]) - accuracy(numbers, t, f) for t in tasks) for f in FREEZES
    )
    text = (
        f"Largest miss of the identities {worst:.1e}, of the scaling with z {off:.1e}. Most accuracy that a trained "
        f"net loses with z frozen at its mean: {percent(z_mean)}; with r at its mean: {percent(r_mean)}, at 1: "
        f"{percent(r_open)}."
    )
    if worst > 1e-15 or off > 1e-12:
        return Verdict("does not hold", text)
    idle = [gate for gate, cost in (("z", z_mean), ("r", r_mean)) if cost < 0.1]
    if not idle:
        return Verdict("holds", text)
    names = " and ".join(idle)
    return Verdict("holds only when", text, f"the equations are meant: in these nets a constant {names} does as well")


def figures(numbers: Numbers) -> list[go.Figure]:
    """The scaling with z, and the accuracy with gates frozen."""
    rows = [r for r in numbers.values() if r["what"] == "scale"]
    fig = figure(
        "What one step lets in and keeps, every z clamped", "z (the weight of the new)", "relative Frobenius norm"
    )
    for key, name, colour in (
        ("by_input", "∂h<sub>t</sub>/∂x<sub>t</sub>, relative to z = 1", COLOURS["lstm"]),
        ("by_state", "∂h<sub>t</sub>/∂h<sub>t−1</sub>, relative to the identity", COLOURS["gru"]),
        ("from_identity", "its distance from the identity", COLOURS["rnn"]),
    ):
        fig.add_trace(
            go.Scatter(
                x=[r["z"] for r in rows], y=[r[key] for r in rows], name=name, line={"color": colour, "width": 2}
            )
        )
    bars = figure("Gates frozen in trained nets, not trained again", "", "right answers (%)", barmode="group")
    palette = (COLOURS["gru"], COLOURS["lstm"], COLOURS["other"])
    ablations = [r for r in numbers.values() if r["what"] == "ablation"]
    for task, colour in zip(dict.fromkeys(r["task"] for r in ablations), palette, strict=False):
        names = [f.replace(": ", ":<br>").replace(" at its", "<br>at its") for f in FREEZES]
        shares = [100 * accuracy(numbers, task, f) for f in FREEZES]
        bars.add_trace(go.Bar(x=names, y=shares, name=task, marker_color=colour, texttemplate="%{y:.0f}"))
    bars.update_yaxes(range=[0, 109])
    return [fig, bars]


_TASKS = ["temporal order", "vowels", "vowels with noise after"]
EXPERIMENTS = [
    Experiment(
        name="gates",
        claim="A low z reuses the old state, a high z lets the input in; r forgets.",
        prediction="With z clamped to 0 the state stays, with 1 it is the candidate, with r at 0 the candidate does "
        "not depend on the state, all exactly; in a trained net, freezing z or r costs accuracy.",
        method="The identities and the Jacobians of one step on random weights in float64. Then nets that have learned "
        "temporal order and JapaneseVowels, whole and with 40 frames of noise appended, run with one gate frozen: at "
        "each unit's own mean over the test data, at 0 or at 1.",
        quick={"units": 32, "lag": 30, "steps": 300, "epochs": 20, "tasks": _TASKS, "seeds": 1},
        full={"units": 32, "lag": 100, "steps": 800, "epochs": 40, "tasks": _TASKS, "seeds": 3},
        budget=(0.2, 0.5),
        parts=parts,
        rule=rule,
        figures=figures,
    )
]
