"""The GRU is much like an LSTM: an identity between their equations, and how often trained ones answer alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ..convention import Convention
from ..reference import Cell, forward, sigmoid
from .corpora import corpus
from .experiment import Experiment, Numbers, Settings, Verdict, mean, percent
from .figures import COLOURS, figure
from .speech import answers, learn

Array = NDArray[np.float64]
# The four things that make an LSTM the tutorial's GRU; each is also left out, to see that it is needed.
CONDITIONS = ("f = 1 - z, i = z", "o = 1", "no tanh on the output", "candidate fed r ∘ h")


def tied_lstm(x: Array, W: Array, U: Array, b: Array, left_out: str | None) -> Array:
    """An LSTM, c = f ∘ c + i ∘ g and h = o ∘ squash(c), with its gates tied as the GRU's; states (T, B, H).

    Args:
        x: inputs (T, B, I). W, U, b: a GRU's weights, rows r, z, n.
        left_out: a condition that is not imposed: f becomes a gate of its own (σ of the r rows), o likewise, the
            output is squashed by tanh, or the candidate is fed h.
    """
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n) = (np.split(a, 3) for a in (W, U, b))
    h = c = np.zeros((x.shape[1], len(b_r)))
    states = []
    for x_t in x:
        z = sigmoid(x_t @ W_z.T + h @ U_z.T + b_z)
        r = sigmoid(x_t @ W_r.T + h @ U_r.T + b_r)
        i, f = z, r if left_out == CONDITIONS[0] else 1 - z
        o = r if left_out == CONDITIONS[1] else np.ones_like(r)
        g = np.tanh(x_t @ W_n.T + (h if left_out == CONDITIONS[3] else r * h) @ U_n.T + b_n)
        c = f * c + i * g
        h = o * (np.tanh(c) if left_out == CONDITIONS[2] else c)
        states.append(h)
    return np.stack(states)


def identity(left_out: str | None, s: Settings, seed: int) -> dict[str, Any]:
    """The largest difference between the tied LSTM's states and the reference GRU's, in float64."""
    rng = np.random.default_rng(seed)
    T, B, I, H = s["steps"], 8, 5, s["units"]
    x, W, U, b = (rng.standard_normal(shape) for shape in ((T, B, I), (3 * H, I), (3 * H, H), (3 * H,)))
    U /= np.sqrt(H)
    y, _ = forward(x, np.zeros((B, H)), Cell(W, U, b, None), Convention.of("tutorial"))
    return {
        "what": "identity",
        "left_out": left_out,
        "difference": float(np.abs(tied_lstm(x, W, U, b, left_out) - y).max()),
    }


def agreement(first: str, second: str, s: Settings, seed: int) -> dict[str, Any]:
    """How often two trained nets give the same answer to the same unheard recording."""
    data = corpus(s["corpus"])
    found = [
        answers(learn(kind, data, s["units"], s["epochs"], seed + k), data.test, data.y_test)  # type: ignore[arg-type]
        for k, kind in enumerate((first, second))
    ]
    right = [float((a == data.y_test).mean()) for a in found]
    wrong = [a != data.y_test for a in found]
    # What independent errors, each wrong answer spread over the other classes, would give.
    chance = right[0] * right[1] + (1 - right[0]) * (1 - right[1]) / (data.classes - 1)
    return {
        "what": "agreement", "first": first, "second": second, "seed": seed,
        "same": float((found[0] == found[1]).mean()), "right": right, "by_chance": chance,
        "both_wrong": float((wrong[0] & wrong[1]).mean()),
    }  # fmt: skip


def parts(s: Settings, seed: int) -> dict[str, Callable[[], dict[str, Any]]]:
    """The identity with all conditions and without each; a GRU beside an LSTM, and two GRUs that differ by seed."""
    made: dict[str, Callable[[], dict[str, Any]]] = {
        f"identity, without {left_out or 'nothing'}": partial(identity, left_out, s, seed)
        for left_out in (None, *CONDITIONS)
    }
    for k in range(s["seeds"]):
        for first, second in (("gru", "lstm"), ("gru", "gru"), ("gru", "rnn")):
            made[f"{first} and {second}, seed {seed + 10 * k}"] = partial(agreement, first, second, s, seed + 10 * k)
    return made


def _pairs(numbers: Numbers, second: str, what: str) -> float:
    return mean(r[what] for r in numbers.values() if r["what"] == "agreement" and r["second"] == second)


def rule(numbers: Numbers) -> Verdict:
    """Holds: under the four conditions the LSTM's states differ from the GRU's by at most 1e-14, without any one of
    them by more than 1e-3, and a trained GRU answers like a trained LSTM as often as like another GRU, less at most 3
    points. Holds only when: the identity stands and the trained nets agree less than that. Else it does not hold."""
    found = {r["left_out"]: r["difference"] for r in numbers.values() if r["what"] == "identity"}
    exact = found[None] <= 1e-14
    needed = min(value for key, value in found.items() if key is not None) > 1e-3
    like_lstm, like_gru = _pairs(numbers, "lstm", "same"), _pairs(numbers, "gru", "same")
    text = (
        f"Largest difference under the four conditions: {found[None]:.1e}; without one of them at least "
        f"{min(value for key, value in found.items() if key is not None):.2g}. Same answer on unheard recordings: GRU "
        f"and LSTM {percent(like_lstm)}, two GRUs {percent(like_gru)}, GRU and RNN "
        f"{percent(_pairs(numbers, 'rnn', 'same'))}; independent errors would give GRU and LSTM "
        f"{percent(_pairs(numbers, 'lstm', 'by_chance'))}."
    )
    if exact and needed and like_lstm >= like_gru - 0.03:
        return Verdict("holds", text)
    if exact and needed:
        return Verdict("holds only when", text, "the equations are meant; trained nets answer differently")
    return Verdict("does not hold", text)


def figures(numbers: Numbers) -> list[go.Figure]:
    """The differences, and the agreements."""
    rows = [r for r in numbers.values() if r["what"] == "identity"]
    first = figure("An LSTM with its gates tied is this GRU", "", "largest difference of a state", yaxis_type="log")
    names = ["all four conditions" if r["left_out"] is None else f"without<br>{r['left_out']}" for r in rows]
    shown = [max(r["difference"], 1e-17) for r in rows]
    colours = [COLOURS["gru"] if r["left_out"] is None else COLOURS["rnn"] for r in rows]
    text = ["0" if r["difference"] == 0 else f"{r['difference']:.1e}" for r in rows]
    first.add_trace(go.Bar(x=names, y=shown, marker_color=colours, text=text, textposition="outside", base=1e-18))
    first.update_yaxes(range=[-18, 3], exponentformat="power")
    second = figure("How often two trained nets give the same answer", "", "same answer (%)", barmode="group")
    pairs = {"lstm": "GRU and LSTM", "gru": "two GRUs", "rnn": "GRU and tanh RNN"}
    for what, name, colour in (
        ("same", "measured", COLOURS["gru"]), ("by_chance", "if their errors were independent", "#999999")
    ):  # fmt: skip
        shares = [100 * _pairs(numbers, key, what) for key in pairs]
        second.add_trace(
            go.Bar(x=list(pairs.values()), y=shares, name=name, marker_color=colour, texttemplate="%{y:.1f}")
        )
    second.update_yaxes(range=[0, 109])
    return [first, second]


EXPERIMENTS = [
    Experiment(
        name="lstm",
        claim="The GRU is newer and much like an LSTM; its update gate acts like the LSTM's forget and input gates.",
        prediction="An LSTM with f = 1 - z, i = z, o = 1, no tanh on its output and its candidate fed r ∘ h has the "
        "GRU's states exactly; a trained GRU and a trained LSTM answer alike.",
        method="Both sets of equations in float64 NumPy on random weights, and each condition left out in turn. Spoken "
        "digits: a GRU, an LSTM and an RNN of equally many hidden units, and a second GRU with other initial weights, "
        "compared recording by recording.",
        quick={"steps": 200, "units": 32, "corpus": "spoken-digits", "epochs": 5, "seeds": 1},
        full={"steps": 200, "units": 32, "corpus": "spoken-digits", "epochs": 20, "seeds": 3},
        budget=(0.3, 1.0),
        parts=parts,
        rule=rule,
        figures=figures,
    )
]
