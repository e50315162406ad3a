"""Hold-out splits: classes in proportion, groups on one side; and which task a target is for."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gruvy.checks import whole
from gruvy.data.collection import Sequences, plural
from gruvy.errors import DataError, InputError
from gruvy.extras import need

Task = Literal["classify", "regress", "tag"]
MOST_CLASSES = 20  # whole numbers with more distinct values than this are taken as quantities
FREELY = "stratify=False splits without regard to classes"


def guess_task(y: Any) -> Task:
    """The task that targets are for: "classify", "regress" or "tag".

    Text, booleans and up to 20 distinct whole numbers, each there twice on average, are classes;
    other numbers, and several per sequence, are quantities; one array per sequence is one label per step.

    >>> guess_task(["walk", "run"]), guess_task([0.5, 1.5]), guess_task([0, 1, 1, 0])
    ('classify', 'regress', 'classify')
    """
    y = np.asarray(y)
    if y.dtype == object and len(y) and np.ndim(y[0]) > 0:
        return "tag"
    if y.ndim > 1:
        return "regress"
    if y.dtype.kind not in "iuf":
        return "classify"
    distinct = np.unique(y)
    whole = y.dtype.kind != "f" or bool((y == np.round(y)).all())
    return "classify" if whole and len(distinct) <= min(MOST_CLASSES, len(y) // 2) else "regress"


def split(sequences: Sequences, test: float = 0.2, seed: int = 0, stratify: bool = True) -> tuple[Sequences, Sequences]:
    """Training and test sequences: a random share `test` is held out.

    Arguments:
        sequences: what to split; where it has groups, each group stays on one side.
        test: the share of the sequences to hold out, between 0 and 1; with groups, as near to it as they allow.
        seed: the same seed gives the same split.
        stratify: hold out the same share of every class. Targets that are no classes are split without it.

    Returns:
        (training, test), each in the order of `sequences`.

    Raises:
        InputError: test is not between 0 and 1.
        DataError: too few sequences, groups or members of a class.
        MissingExtraError: scikit-learn is not installed.

    >>> train, test = split(Sequences(np.zeros((10, 3)), y=["a", "b"] * 5))
    >>> len(train), sorted(test.y.tolist())
    (8, ['a', 'b'])
    """
    if not 0 < test < 1:
        raise InputError(f"test={test!r}: expected a share between 0 and 1")
    if len(sequences) < 2:
        raise DataError("there is 1 sequence; a split needs at least 2")
    y = sequences.y
    classes = y if stratify and y is not None and y.ndim == 1 and guess_task(y) == "classify" else None
    if sequences.groups is not None:
        held = _by_group(sequences.groups, classes, test, seed)
    else:
        held = _by_sequence(len(sequences), classes, test, seed)
    rest = np.setdiff1d(np.arange(len(sequences)), held)
    return sequences.select(rest), sequences.select(held)


def split_in_time(sequences: Sequences, test: float = 0.2, overlap: int = 0) -> tuple[Sequences, Sequences]:
    """Training and test sequences: the last share `test` is held out, as of the windows of one recording.

    Arguments:
        sequences: what to split, in the order of time.
        test: the share to hold out, between 0 and 1.
        overlap: how many windows before the first one held out share steps with it; they are in neither part.

    Returns:
        (training, test).

    Raises:
        InputError: test is not between 0 and 1.
        DataError: too few sequences.

    >>> train, test = split_in_time(Sequences(np.zeros((10, 3))), overlap=1)
    >>> train.ids[-1], test.ids
    ('6', ['8', '9'])
    """
    if not 0 < test < 1:
        raise InputError(f"test={test!r}: expected a share between 0 and 1")
    whole("overlap", overlap, 0)
    count = len(sequences)
    first = count - min(max(round(test * count), 1), count - 1)
    if first - overlap < 1:
        raise DataError(
            f"there {'is' if count == 1 else 'are'} {plural(count, 'sequence')}, in the order of time; a split needs "
            f"at least {overlap + 2}, for {overlap} between the parts share steps with the test"
        )
    return sequences.select(np.arange(first - overlap)), sequences.select(np.arange(first, count))


def _by_sequence(count: int, classes: NDArray[Any] | None, test: float, seed: int) -> NDArray[np.int64]:
    selection = need("sklearn.model_selection")
    held = min(max(round(test * count), 1), count - 1)
    if classes is not None:
        names, sizes = np.unique(classes, return_counts=True)
        if sizes.min() < 2:
            raise DataError(
                f"class {names[sizes.argmin()].item()!r} has 1 sequence; a split needs 2 of every class; {FREELY}"
            )
        if min(held, count - held) < len(names):
            raise DataError(
                f"test={test} of {count} sequences leaves {min(held, count - held)} on one side, "
                f"fewer than the {len(names)} classes; {FREELY}"
            )
    _, chosen = selection.train_test_split(np.arange(count), test_size=held, random_state=seed, stratify=classes)
    result: NDArray[np.int64] = np.sort(chosen)
    return result


def _by_group(groups: NDArray[Any], classes: NDArray[Any] | None, test: float, seed: int) -> NDArray[np.int64]:
    selection = need("sklearn.model_selection")
    names = np.unique(groups)
    if len(names) < 2:
        raise DataError(f"all sequences are of one group, {names[0].item()!r}; a split needs at least 2 groups")
    everything = np.arange(len(groups))
    held = min(max(round(test * len(names)), 1), len(names) - 1)
    freely = selection.GroupShuffleSplit(n_splits=20, test_size=held, random_state=seed)
    if classes is None:
        return np.asarray(next(freely.split(everything, groups=groups))[1])
    folds = min(max(round(1 / min(test, 1 - test)), 2), len(names))
    fairly = selection.StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    labels, codes = np.unique(classes, return_inverse=True)
    if np.bincount(codes).max() < folds:  # more folds than any class has members: nothing to keep in proportion
        sides = list(freely.split(everything, groups=groups))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # some class has fewer members: judged below, by fold
            sides = [side if test <= 0.5 else side[::-1] for side in fairly.split(everything, codes, groups)]
    wanted = test * np.bincount(codes)

    def unfit(side: tuple[NDArray[np.int64], NDArray[np.int64]]) -> tuple[int, float]:
        """Classes that would not be trained on, then how far the held-out count of each class is from its share."""
        train, held_out = side
        untrained = len(labels) - len(np.unique(codes[train]))
        return untrained, float(np.abs(np.bincount(codes[held_out], minlength=len(labels)) - wanted).sum())

    train, chosen = min(sides, key=unfit)
    absent = np.setdiff1d(labels, classes[train])
    if len(absent):
        raise DataError(f"class {absent[0].item()!r} is in too few groups to be on both sides of a split; {FREELY}")
    return np.asarray(chosen)
