"""What is tried: gruvy's default, the settings of a grid, and what else a person would try."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gruvy

from .sets import Part, Set

Array = np.ndarray[Any, Any]
Answers = Callable[[Set, Part, Part, int], Array]


def grid() -> Iterator[dict[str, Any]]:
    """The twelve settings from which a rule may choose; "remember" stands for a quarter of the usual length."""
    for pooling, init, bidirectional in product(("last", "mean", "max"), ("uniform", "remember"), (False, True)):
        yield {"pooling": pooling, "init": init, "bidirectional": bidirectional}


def name_of(setting: dict[str, Any]) -> str:
    """A setting as text."""
    ways = " both ways" if setting["bidirectional"] else ""
    return f"{setting['pooling']} {setting['init']}{ways}"


def usual_length(x: list[Array]) -> float:
    """The mean number of steps."""
    return sum(len(s) for s in x) / len(x)


def _gruvy(task: str, **settings: Any) -> Any:
    kind = gruvy.GRUClassifier if task == "classify" else gruvy.GRURegressor
    return kind(**settings)


def with_setting(setting: dict[str, Any]) -> Answers:
    """A gruvy estimator with a setting of the grid."""

    def answers(data: Set, train: Part, test: Part, seed: int) -> Array:
        given = dict(setting)
        if given["init"] == "remember":
            given["init"] = f"remember:{max(1, usual_length(train.x) / 4):g}"
        return np.asarray(_gruvy(data.task, random_state=seed, **given).fit(train.x, train.y).predict(test.x))

    return answers


def default(data: Set, train: Part, test: Part, seed: int) -> Array:
    """`GRUClassifier()` or `GRURegressor()` as they come."""
    return np.asarray(_gruvy(data.task, random_state=seed).fit(train.x, train.y).predict(test.x))


def torch_by_hand(data: Set, train: Part, test: Part, seed: int) -> Array:
    """What the tutorials write: nn.GRU, a linear layer on its last state, Adam at 1e-3, 50 epochs of 32.

    Packed where the lengths differ: a backward pass of packed sequences takes time that grows with the square of the
    steps, at 1,460 of them 70 times as long as without.
    """
    torch.manual_seed(seed)
    classes, y = np.unique(train.y, return_inverse=True) if data.task == "classify" else (None, train.y)
    out = 1 if classes is None else len(classes)
    gru, read = torch.nn.GRU(train.x[0].shape[1], 64, batch_first=True), torch.nn.Linear(64, out)
    optimiser = torch.optim.Adam([*gru.parameters(), *read.parameters()])
    target = torch.as_tensor(y) if classes is not None else torch.as_tensor(y, dtype=torch.float32)

    def raw(x: list[Array]) -> torch.Tensor:
        given = [torch.as_tensor(s) for s in x]
        same = len(set(map(len, given))) == 1
        batch = torch.stack(given) if same else torch.nn.utils.rnn.pack_sequence(given, enforce_sorted=False)
        return read(gru(batch)[1][0])  # type: ignore[no-any-return]

    for _ in range(50):
        for rows in torch.randperm(len(y)).split(32):
            found = raw([train.x[i] for i in rows])
            loss = (
                torch.nn.functional.cross_entropy(found, target[rows])
                if classes is not None
                else (found[:, 0] - target[rows]).square().mean()
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        found = torch.cat([raw(test.x[i : i + 256]) for i in range(0, len(test.x), 256)]).numpy()
    return found[:, 0] if classes is None else classes[found.argmax(1)]


def statistics(x: list[Array]) -> Array:
    """Mean, deviation, least, largest, first and last number, slope and length, of each channel."""
    each = []
    for s in x:
        t = np.linspace(-1, 1, len(s))[:, None]
        slope = (t * (s - s.mean(0))).sum(0) / max(1e-12, float((t * t).sum()))
        each.append(np.concatenate([s.mean(0), s.std(0), s.min(0), s.max(0), s[0], s[-1], slope, [len(s)]]))
    return np.array(each, np.float64)


def linear(data: Set, train: Part, test: Part, seed: int) -> Array:
    """Logistic or ridge regression on simple statistics of each sequence."""
    last = LogisticRegression(max_iter=5000, random_state=seed) if data.task == "classify" else Ridge()
    return np.asarray(
        make_pipeline(StandardScaler(), last).fit(statistics(train.x), train.y).predict(statistics(test.x))
    )


def _equal(x: list[Array], length: int) -> Array:
    """(N, I, T): each sequence stretched to one length, as MiniRocket needs it."""
    places = np.linspace(0, 1, length)
    return np.array(
        [
            [np.interp(places, np.linspace(0, 1, len(s)), s[:, i]) for i in range(s.shape[1])]
            if len(s) != length
            else s.T
            for s in x
        ]
    )


def minirocket(data: Set, train: Part, test: Part, seed: int) -> Array:
    """aeon's MiniRocket, with the linear model that it comes with."""
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.regression.convolution_based import MiniRocketRegressor

    length = max(9, *(len(s) for s in train.x))
    kind = MiniRocketClassifier if data.task == "classify" else MiniRocketRegressor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = kind(random_state=seed).fit(_equal(train.x, length), train.y)
        return np.asarray(model.predict(_equal(test.x, length)))


LINEAR = "linear on statistics"
JUDGED: dict[str, Answers] = {
    "gruvy's default": default,
    "torch by hand": torch_by_hand,
    LINEAR: linear,
    "MiniRocket": minirocket,
}
