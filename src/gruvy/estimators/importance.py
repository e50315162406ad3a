"""How much a trained estimator needs each channel: the score that it loses when that channel is another sequence's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state

from ..arrays import as_sequences, check_targets
from ..checks import whole
from ..errors import InputTypeError

Array = np.ndarray[Any, Any]


class ChannelImportance(NamedTuple):
    """What `channel_importance` finds, for I channels.

    `mean` (I,): how much the score falls, the mean of the repeats. `spread` (I,): the standard deviation over the
    repeats. `drops` (I, n_repeats): each of them. `score`: what the data score as they are.
    """

    mean: Array
    spread: Array
    drops: Array
    score: float


def channel_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    scoring: Any = None,
    n_repeats: int = 5,
    random_state: Any = None,
) -> ChannelImportance:
    """How much a trained estimator needs each channel of its sequences, by permutation.

    In each repeat a channel's whole series are dealt out anew among the sequences, all else stays as it is, and what
    the score loses is the channel's importance: 0 for one that the estimator does not use, or that another stands in
    for. Measure on data that were not trained on. Where lengths differ, a sequence of T steps takes the S steps that it
    is dealt at the places ``t * S // T``, repeated or left out evenly: from beginning to end and in order, every number
    one that was measured; that changes their pace, and where lengths differ widely the loss counts this too. Equal
    lengths swap as they are. Sequences of no steps are left out of the dealing.

    Args:
        estimator: fitted, with `predict`; `GRUClassifier`, `GRURegressor`, a pipeline, any that takes such X.
        X: a list of N arrays (T_i, I), or one array (N, T, I). The estimator gets an array for an array, else a list.
        y: their targets, as for its `score`.
        scoring: None for its own `score`; a name as in scikit-learn, as ``"balanced_accuracy"``; or a function
            ``(estimator, X, y)`` that gives a number, higher for better.
        n_repeats: how often each channel is dealt out.
        random_state: None, a whole number or a ``numpy.random.RandomState``; a number repeats the result exactly.

    Returns:
        `ChannelImportance`.

    Raises:
        InputError, InputTypeError, DataError: X or y do not suit, or n_repeats is below 1.
        ValueError, TypeError: of scikit-learn: there is no such score.

    Example:
        >>> from gruvy import GRUClassifier
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.normal(size=(60, 8, 3)), np.arange(60) % 2
        >>> X[:, :, 1] += 2 * y[:, None]  # channel 1 alone tells
        >>> clf = GRUClassifier(hidden_units=8, max_epochs=20, random_state=0).fit(X[:40], y[:40])
        >>> found = channel_importance(clf, X[40:], y[40:], random_state=0)
        >>> int(found.mean.argmax()), bool(found.mean[1] > 0.2)
        (1, True)
    """
    score = scoring if callable(scoring) else check_scoring(estimator, scoring)
    whole("n_repeats", n_repeats, 1)
    sequences = as_sequences(X, allow_empty=True, dtype=None)
    targets = check_targets(y, len(sequences))
    together = np.ndim(X) == 3 if hasattr(X, "shape") else False
    random = check_random_state(random_state)
    channels = sequences[0].shape[1]

    def scored(given: list[Array]) -> float:
        return _number(score(estimator, np.stack(given) if together else given, targets))

    start = scored(sequences)
    drops = np.empty((channels, n_repeats))
    for channel in range(channels):
        for repeat in range(n_repeats):
            drops[channel, repeat] = start - scored(_dealt(sequences, channel, random.permutation))
    return ChannelImportance(drops.mean(1), drops.std(1), drops, start)


def _dealt(sequences: list[Array], channel: int, permutation: Callable[[int], Array]) -> list[Array]:
    """The sequences, copied, with one channel's series dealt out anew."""
    dealt = [x.copy() for x in sequences]
    some = [i for i, x in enumerate(sequences) if len(x)]
    for i, j in zip(some, permutation(len(some)), strict=True):
        series = sequences[some[j]][:, channel]
        dealt[i][:, channel] = series[np.arange(len(dealt[i])) * len(series) // len(dealt[i])]
    return dealt


def _number(score: Any) -> float:
    try:
        return float(score)
    except (TypeError, ValueError):
        raise InputTypeError(f"scoring: gave {type(score).__name__}, expected a single number") from None
