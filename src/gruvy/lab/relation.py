"""The GRU is much like an LSTM: an identity between their equations, and how often trained ones answer alike."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ..convention import Convention
from ..reference import Cell, forward, sigmoid
from .corpora import corpus
from .experiment import Experiment, Numbers, Parts, Settings, Verdict, average, decide, percent, rows, sweep
from .figures import COLOURS, bars, figure, percent_bars
from .nets import Kind
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
    difference = float(np.abs(tied_lstm(x, W, U, b, left_out) - y).max())
    return {"what": "identity", "left_out": left_out, "difference": difference}


def agreement(s: Settings, seed: int, first: Kind, second: Kind) -> dict[str, Any]:
    """How often two trained nets give the same answer to the same unheard recording."""
    data = corpus(s["corpus"])
    nets = [learn(kind, data, s["units"], s["epochs"], 10 * seed + k) for k, kind in enumerate((first, second))]
    found = [answers(net, data.test) for net in nets]
    right = [float((a == data.y_test).mean()) for a in found]
    wrong = [a != data.y_test for a in found]
    # What independent errors, each wrong answer spread over the other classes, would give.
    chance = right[0] * right[1] + (1 - right[0]) * (1 - right[1]) / (data.classes - 1)
    same, both_wrong = float((found[0] == found[1]).mean()), float((wrong[0] & wrong[1]).mean())
    return {"what": "agreement", "same": same, "right": right, "by_chance": chance, "both_wrong": both_wrong}


def parts(s: Settings, seed: int) -> Parts:
    """The identity with all conditions and without each; a GRU beside an LSTM, and two GRUs that differ by seed."""
    made: Parts = {
        f"identity, without {left_out or 'nothing'}": partial(identity, left_out, s, seed)
        for left_out in (None, *CONDITIONS)
    }
    return made | sweep(agreement, s, seed, first=["gru"], second=["lstm", "gru", "rnn"])


def _pairs(numbers: Numbers, second: str, what: str) -> float:
    return average(numbers, what, what="agreement", second=second)


def rule(numbers: Numbers) -> Verdict:
    """Holds: under the four conditions the LSTM's states differ from the GRU's by at most 1e-14, without any one of
    them by more than 1e-3, and a trained GRU answers like a trained LSTM as often as like another GRU, less at most 3
    points. Holds only when: the identity stands and the trained nets agree less than that. Else it does not hold."""
    found = {r["left_out"]: r["difference"] for r in rows(numbers, what="identity")}
    exact = found[None] <= 1e-14
    least = min(value for key, value in found.items() if key is not None)
    needed = least > 1e-3
    like_lstm, like_gru = _pairs(numbers, "lstm", "same"), _pairs(numbers, "gru", "same")
    text = (
        f"Largest difference under the four conditions: {found[None]:.1e}; without one of them at least "
        f"{least:.2g}. Same answer on unheard recordings: GRU "
        f"and LSTM {percent(like_lstm)}, two GRUs {percent(like_gru)}, GRU and RNN "
        f"{percent(_pairs(numbers, 'rnn', 'same'))}; independent errors would give GRU and LSTM "
        f"{percent(_pairs(numbers, 'lstm', 'by_chance'))}."
    )
    equal = exact and needed
    condition = "the equations are meant; trained nets answer differently"
    return decide(text, equal and like_lstm >= like_gru - 0.03, equal, condition)


def figures(numbers: Numbers) -> list[go.Figure]:
    """The differences, and the agreements."""
    found = rows(numbers, what="identity")
    first = figure("An LSTM with its gates tied is this GRU", "", "largest difference of a state", yaxis_type="log")
    names = ["all four conditions" if r["left_out"] is None else f"without<br>{r['left_out']}" for r in found]
    shown = [max(r["difference"], 1e-17) for r in found]
    colours = [COLOURS["gru"] if r["left_out"] is None else COLOURS["rnn"] for r in found]
    text = ["0" if r["difference"] == 0 else f"{r['difference']:.1e}" for r in found]
    first.add_trace(go.Bar(x=names, y=shown, marker_color=colours, text=text, textposition="outside", base=1e-18))
    first.update_yaxes(range=[-18, 3], exponentformat="power")
    second = percent_bars("How often two trained nets give the same answer", "same answer")
    pairs = {"lstm": "GRU and LSTM", "gru": "two GRUs", "rnn": "GRU and tanh RNN"}
    told = {"same": ("measured", COLOURS["gru"]), "by_chance": ("if their errors were independent", "#999999")}
    for what, (name, colour) in told.items():
        bars(second, list(pairs.values()), [100 * _pairs(numbers, key, what) for key in pairs], name, colour, 1)
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
