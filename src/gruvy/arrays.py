"""Arrays to sequences, with NumPy alone: the check that every estimator and the runtime make first."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gruvy.errors import DataError, InputTypeError

_LEVELS = ("level_0", "level_1")  # what pandas calls the levels of an index without names
_EXPECTED = "a list of (steps, channels) arrays, a (sequences, steps, channels) array or a (sequences, steps) array"


def as_sequences(
    X: Any,
    *,
    name: str = "X",
    channels: int | None = None,
    allow_empty: bool = False,
    check_finite: bool = True,
    dtype: DTypeLike | None = np.float32,
) -> list[NDArray[np.floating]]:
    """One float array of shape (T_i, I) for each sequence in X, or an error that says what is wrong and where.

    Arguments:
        X: a list (or tuple, or object array) of N arrays (T_i, I), or (T_i,) for one channel; or one array
            (N, T, I), or (N, T) for one channel. Anything NumPy reads as an array serves as an array.
            An array (N, I, T), as aeon has it, needs its axes swapped: a `UserWarning` says where X looks like one.
        name: what the errors call X.
        channels: the number I that is expected, or None for whatever the first sequence has.
        allow_empty: whether a sequence may have 0 steps.
        check_finite: whether NaN and infinity are refused.
        dtype: the floating dtype of the results; None keeps float32 and float64 and makes all else float64.

    Returns:
        N arrays (T_i, I), which may share memory with X.

    Raises:
        InputTypeError: X is not a collection of sequences at all, or holds something that is not a number.
        DataError: no sequence, a sequence of 0 steps, a wrong number of channels or dimensions, NaN or infinity.

    >>> [x.shape for x in as_sequences([[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]])]
    [(1, 2), (2, 2)]
    >>> [x.shape for x in as_sequences(np.zeros((3, 5)))]
    [(5, 1), (5, 1), (5, 1)]
    """
    items = _items(X, name)
    if len(items) == 0:
        raise DataError(f"{name} holds no sequences; at least 1 is expected")
    if isinstance(items, np.ndarray):
        whole = _numbers(items, name, dtype)
        if channels is None and whole.ndim == 3:
            _doubt_axes(whole, name)
        if check_finite and not np.isfinite(whole).all():
            for i in range(len(items)):  # only to name the culprit
                _refuse_non_finite(items[i], whole[i], f"{name}[{i}]")
        sequences = list(whole if whole.ndim == 3 else whole[:, :, np.newaxis])
    else:
        sequences = []
        for i, item in enumerate(items):
            where = f"{name}[{i}]"
            array = _array(item, where)
            x = _numbers(array, where, dtype)
            if check_finite and not np.isfinite(x).all():
                _refuse_non_finite(array, x, where)
            if x.ndim == 1:
                x = x.reshape(-1, 1 if len(x) else _first_channels(items, channels))
            elif x.ndim != 2:
                raise DataError(f"{where} has shape {x.shape}; expected (steps, channels)")
            sequences.append(x)
    _check_shapes(sequences, name, channels, allow_empty)
    return sequences


def _items(X: Any, name: str) -> NDArray[Any] | list[Any]:
    """X as one numeric array of 2 or 3 dimensions, or as a list of things that are one sequence each."""
    check_collection(X, name)
    if isinstance(X, (str, bytes, dict, set)) or not (hasattr(X, "__len__") or hasattr(X, "__array__")):
        raise InputTypeError(f"{name} is of type {type(X).__name__}; expected {_EXPECTED}")
    if isinstance(X, (list, tuple)):
        if X and np.isscalar(X[0]):
            raise InputTypeError(f"{name} is a flat list of {type(X[0]).__name__}; expected {_EXPECTED}")
        return list(X)
    index: Any = getattr(X, "index", None)  # of a pandas frame
    if getattr(index, "nlevels", 1) > 1:
        id, time = (level if label is None else label for level, label in zip(_LEVELS, index.names, strict=False))
        raise DataError(
            f"{name} is a frame with an index of {index.nlevels} levels, one row per step; expected {_EXPECTED}: "
            f"gruvy.sequences({name}, id={id!r}, time={time!r}).x makes one"
        )
    try:
        array = np.asarray(X)
    except ValueError:  # a collection of something else
        array = np.empty((), object)
    if array.dtype == object and array.ndim == 1:
        return list(array)
    if array.dtype == object and array.ndim == 0:
        raise InputTypeError(f"{name} is of type {type(X).__name__}; expected {_EXPECTED}")
    if array.ndim not in (2, 3):
        raise DataError(f"{name} has shape {array.shape}; expected {_EXPECTED}")
    return array


def check_collection(X: Any, name: str) -> None:
    """Refuse collections of other libraries that NumPy would take for something else, or fail on in its own words.

    Raises:
        DataError, InputTypeError: X is one; the text says what makes sequences of it.
    """
    if hasattr(X, "batch_sizes"):
        raise InputTypeError(
            f"{name} is a PackedSequence; expected {_EXPECTED}: torch.nn.utils.rnn.unpack_sequence({name}) makes one"
        )
    if isinstance(getattr(X, "x", None), list):
        raise InputTypeError(f"{name} is of type {type(X).__name__}; expected its arrays, {name}.x, and {name}.y for y")
    framed = hasattr(X, "columns") and getattr(getattr(X, "index", None), "nlevels", 1) == 1
    table = np.asarray(X) if framed or isinstance(X, np.ndarray) else None
    if table is None or table.dtype != object or table.ndim != 2 or not table.size:
        return
    if any(np.ndim(cell) == 1 for cell in table[0]):
        raise DataError(
            f"{name} is a nested frame, with a series in each cell; expected {_EXPECTED}: "
            f"[np.column_stack(row) for row in np.asarray({name})] makes one"
        )
    texts = [k for k, cell in enumerate(table[0]) if isinstance(cell, str)] if framed else []
    if texts:
        raise DataError(
            f"{name} is a frame with text in column {list(X.columns)[texts[0]]!r}; expected numbers; "
            f"of a frame with one row per step gruvy.sequences({name}, id=..., target=...) makes sequences"
        )


def _doubt_axes(X: NDArray[np.floating], name: str) -> None:
    """Warn where (N, T, I) looks like (N, I, T): few steps of many channels that run on from one to the next.

    In embeddings, one-hot codes and sensors neighbouring channels differ as much as any others; along time they do not.
    """
    _, steps, channels = X.shape
    if 4 * steps > channels or channels < 8:
        return
    some = X[:64].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        jumps, spread = np.mean(np.diff(some, axis=2) ** 2), np.mean(np.var(some, axis=2))
    if jumps < spread / 2:
        warnings.warn(
            f"{name} has shape {X.shape}: taken as {'1 step' if steps == 1 else f'{steps} steps'} of "
            f"{channels} channels, yet it looks like {channels} steps of {_channels(steps)}; "
            f"for (sequences, channels, steps) pass {name}.transpose(0, 2, 1), else list({name}) to be sure",
            UserWarning,
            stacklevel=3,
        )


def _array(item: Any, where: str) -> NDArray[Any]:
    try:
        return np.asarray(item)
    except (ValueError, TypeError) as problem:
        raise DataError(f"{where} is ragged; expected the same number of channels at every step") from problem


def _numbers(array: NDArray[Any], where: str, dtype: DTypeLike | None) -> NDArray[np.floating]:
    """The array as floats; numbers held as objects or booleans are numbers, text and complex numbers are not."""
    if array.dtype.kind not in "fiub":
        if array.dtype.kind != "O":
            raise InputTypeError(f"{where} has dtype {array.dtype}; expected real numbers")
        try:
            array = array.astype(np.float64)
        except (ValueError, TypeError) as problem:
            raise InputTypeError(f"{where} holds something that is not a number ({problem})") from problem
    if dtype is None:
        dtype = array.dtype if array.dtype in (np.float32, np.float64) else np.float64
    with np.errstate(over="ignore"):  # a value too large for the dtype is reported with the other infinities
        result: NDArray[np.floating] = array.astype(dtype, copy=False)
    return result


def _refuse_non_finite(before: NDArray[Any], after: NDArray[np.floating], where: str) -> None:
    bad = np.argwhere(~np.isfinite(after))
    if not len(bad):
        return
    place = tuple(int(index) for index in bad[0])
    step, feature = place[0], place[1] if len(place) > 1 else 0
    value = float(before[place])
    if np.isnan(value):
        what = "NaN"
    elif np.isinf(value):
        what = "infinity" if value > 0 else "-infinity"
    else:
        raise DataError(f"{where} holds {value!r} at step {step}, feature {feature}, too large for {after.dtype}")
    raise DataError(f"{where} holds {what} at step {step}, feature {feature}; every value must be finite")


def _check_shapes(sequences: list[NDArray[np.floating]], name: str, channels: int | None, allow_empty: bool) -> None:
    first = sequences[0].shape[1]
    for i, x in enumerate(sequences):
        if x.shape[1] == 0:
            raise DataError(f"{name}[{i}] has 0 channels; at least 1 is expected")
        if len(x) == 0 and not allow_empty:
            raise DataError(f"{name}[{i}] has 0 steps; at least 1 is expected")
        if channels is not None and x.shape[1] != channels:
            raise DataError(f"{name}[{i}] has shape {x.shape}, {_channels(x.shape[1])}; expected {_channels(channels)}")
        if x.shape[1] != first:
            raise DataError(f"{name}[{i}] has {_channels(x.shape[1])}, {name}[0] has {first}; expected the same in all")


def _first_channels(items: list[Any], channels: int | None) -> int:
    """The number of channels that `[]`, a sequence of 0 steps, must mean beside the other sequences."""
    if channels is not None:
        return channels
    return next((np.shape(item)[1] for item in items if np.ndim(item) == 2), 1)


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def check_targets(y: Any, count: int, *, name: str = "y", of: str = "X") -> NDArray[Any]:
    """The targets as an array whose first axis has one entry for each of `count` sequences.

    Arguments:
        y: N labels or numbers, (N, K) numbers, or N arrays with one target per step, of unequal length too.
        count: N, how many sequences there are.
        name, of: what the errors call the targets and the sequences.

    Raises:
        DataError: there are no targets (None), or more or fewer than sequences.

    >>> check_targets(["a", "b"], 2).tolist()
    ['a', 'b']
    """
    if y is None:
        raise DataError(f"{name} is None; expected one target for each of the {count} sequences in {of}")
    try:
        targets = np.asarray(y)
    except ValueError:  # one array per sequence, of unequal length
        targets = as_objects([np.asarray(item) for item in y])
    got = len(targets) if targets.ndim else 0
    if got != count:
        raise DataError(f"{name} has {got} targets, {of} has {count} sequences; expected one target per sequence")
    return targets


def as_objects(each: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays of any shapes as an array of objects (N,), which NumPy does not make of them where they are alike."""
    found = np.empty(len(each), dtype=object)
    for i, one in enumerate(each):
        found[i] = one
    return found
