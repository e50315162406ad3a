"""The GRU is much like an LSTM: an identity between their equations, and how often trained ones answer alike."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..convention import Convention
from ..reference import Cell, forward, sigmoid
from .claims import ALIKE
from .corpora import corpus
from .experiment import Experiment, Numbers, Parts, Settings, points, repeated, rows, spread, sweep
from .figures import COLOURS, Axis, Figure, row, scaled
from .nets import Kind
from .speech import answers, learn
from .verdict import Verdict, decide
from .weigh import every, interval

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


def alike(numbers: Numbers, second: str, what: str = "same") -> list[float]:
    """How often a GRU and another net give the same answer, in every repetition."""
    return repeated(numbers, what, what="agreement", second=second)


def differences(numbers: Numbers) -> dict[str | None, float]:
    """Of the tied LSTM's states from the GRU's, by the condition left out; None: none is."""
    return {r["left_out"]: r["difference"] for r in rows(numbers, what="identity")}


def algebra(numbers: Numbers) -> str:
    """The identity, as far as it was checked."""
    found = differences(numbers)
    least = min(value for key, value in found.items() if key is not None)
    return (
        f"An LSTM with {', '.join(CONDITIONS)} is this GRU: its equations become the GRU's, whatever the weights. "
        f"Checked in float64 on random weights: the states differ by at most {found[None]:.1e}; without one of the "
        f"four conditions by at least {least:.2g}."
    )


def rule(numbers: Numbers) -> Verdict:
    """Trained nets answer alike when a GRU gives the same answer as an LSTM as often as another GRU does, less at most
    3 points, by the differences within the repetitions. Holds: they do. Holds only when the equations are meant: they
    do not, and the identity stands (a difference of at most 1e-14, without any of its conditions over 1e-3). Does not
    hold: the identity does not stand. Cannot tell: the interval of the difference holds the 3 points."""
    found = differences(numbers)
    stands = found[None] <= 1e-14 and min(value for key, value in found.items() if key is not None) > 1e-3
    like_lstm, like_gru = alike(numbers, "lstm"), alike(numbers, "gru")
    less = [gru - lstm for lstm, gru in zip(like_lstm, like_gru, strict=True)]
    text = (
        f"Same answer on unheard recordings: GRU and LSTM {spread(like_lstm)}, two GRUs {spread(like_gru)}, GRU and "
        f"RNN {spread(alike(numbers, 'rnn'))}; independent errors would give GRU and LSTM "
        f"{spread(alike(numbers, 'lstm', 'by_chance'))}. GRU and LSTM agree less often than two GRUs by "
        f"{spread(less, points)}."
    )
    condition = "the equations are meant; trained nets answer differently"
    return decide(text, every((stands, interval(less).under(0.03))), stands, condition)


def figures(numbers: Numbers) -> list[Figure]:
    """How often trained nets agree."""
    pairs = {"lstm": "GRU and LSTM", "gru": "two GRUs", "rnn": "GRU and tanh RNN"}
    told = {"same": ("measured", COLOURS["gru"], "circle"), "by_chance": ("were errors independent", "ink", "triangle")}
    dots = tuple(
        row(name, scaled(alike(numbers, key, what)), series, colour, shape)
        for key, name in pairs.items()
        for what, (series, colour, shape) in told.items()
    )
    return [Figure("How often two trained nets give the same answer", Axis("same answer (%)"), Axis(""), rows=dots)]


EXPERIMENTS = [
    Experiment(
        name="lstm",
        claim=ALIKE,
        prediction="A trained GRU and a trained LSTM answer alike: as often as two trained GRUs do.",
        method="A GRU, an LSTM and an RNN of equally many hidden units, and a second GRU with other initial weights, "
        "learn real speech (the corpus is among the settings), and are compared on unheard recordings, one by one. The "
        "identity: both sets of equations in float64 NumPy on random weights, and each condition left out in turn.",
        quick={"steps": 200, "units": 32, "corpus": "japanese-vowels", "epochs": 20, "seeds": 3},
        full={"steps": 200, "units": 32, "corpus": "spoken-digits", "epochs": 20, "seeds": 3},
        budget=(0.2, 1.0),
        parts=parts,
        rule=rule,
        algebra=algebra,
        figures=figures,
    )
]
