"""What the estimators are given: what scikit-learn checks of it, what counts, what is held out; settings as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from ..arrays import check_targets
from ..checks import share
from ..convention import Convention
from ..data import Shards
from ..data.columns import ID_NAMES
from ..errors import DataError, InputError, InputTypeError
from ..model.model import Model
from ..model.scaler import Scaler
from ..model.task import Labels, Numbers
from ..model.yes_no import YesNo
from ..network.fit import check_weights, steps_weights
from ..training.history import Row

Array = np.ndarray[Any, Any]

NOT_KEPT = ("checkpoint", "progress", "callbacks", "snapshots")  # in the model's file: of the training alone


def two_dimensional(X: Any) -> bool:
    """Whether X is for scikit-learn's checks: one table of numbers, or what those checks refuse in their words."""
    if isinstance(X, (list, tuple)):
        if not X or not all(isinstance(x, (list, tuple)) for x in X):
            return False
        try:
            numbers = np.asarray(X)
        except ValueError:  # of unequal length
            return False
        return numbers.ndim == 2 and numbers.dtype.kind != "O"
    if getattr(getattr(X, "index", None), "nlevels", 1) > 1:  # a frame with one row per step: `as_sequences` tells
        return False
    try:
        table = X if hasattr(X, "shape") else np.asarray(X)
    except ValueError:  # of unequal length
        return False
    of_objects = getattr(getattr(table, "dtype", None), "kind", "") == "O"
    return len(table.shape) == 2 or (len(table.shape) == 1 and not of_objects)


def refuse_other_data(X: Any) -> None:
    """Refuse shards where sequences are expected, and a frame with one row per step: its rows are no sequences.

    Raises:
        InputTypeError: X is shards. DataError: a column that tells sequences apart holds a name twice.
    """
    if isinstance(X, Shards):
        raise InputTypeError("X: Shards, which fit alone takes; expected sequences, as part.x of part = X.read(0)")
    for column in getattr(X, "columns", ()):
        if str(column).lower() in ID_NAMES and len(set(np.asarray(X[column]).tolist())) < len(X):
            raise DataError(
                f"X is a frame with one row per step: column {column!r} names a sequence more than once; "
                f"expected one row per sequence: gruvy.sequences(X, id={column!r}, target=...) has .x and .y to fit"
            )


def check_labels(estimator: Any, y: Array, sequences: list[Array]) -> Array:
    """One label per sequence, (N,).

    Raises:
        InputError: there are labels at every step, or several per sequence. InputTypeError: of kinds without an order.
    """
    shapes = [np.shape(label) for label in y] if y.dtype == object or y.ndim > 1 else []
    several = next((i for i, shape in enumerate(shapes) if shape not in ((), (1,))), None)
    if several is None:
        labels: Array = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_order(labels)
        check_classification_targets(labels)
        return labels
    name = type(estimator).__name__
    if all(shape[:1] == (len(x),) for shape, x in zip(shapes, sequences, strict=True)):
        raise InputError(
            f"y: a label at every step; expected one per sequence for {name}; gruvy.GRUTagger learns one per step"
        )
    if y.ndim == 2 and y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        raise InputError(f"y: shape {y.shape}, one-hot rows; expected one label per sequence, as y.argmax(axis=1)")
    raise InputError(
        f"y[{several}]: shape {shapes[several]}, several labels; expected one per sequence; "
        f"sklearn.multioutput.MultiOutputClassifier({name}()) learns several"
    )


def check_order(labels: Array) -> None:
    """Refuse labels of kinds that cannot be sorted.

    Raises:
        InputTypeError: they are.
    """
    try:
        np.unique(labels)
    except TypeError:
        kinds = " and ".join(sorted({type(label).__name__ for label in labels.flat}))
        raise InputTypeError(f"y: labels of types {kinds}, which have no order; expected one type") from None


def each_called(callbacks: Any) -> Callable[[Row], None] | None:
    """One function that calls each of these.

    Raises:
        InputTypeError: they are no list of functions.
    """
    if callbacks is None:
        return None
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise InputTypeError(f"callbacks={callbacks!r}: expected a list of functions of the row of an epoch")

    def call(row: Row) -> None:
        for callback in callbacks:
            callback(row)

    return call


def targets(estimator: Any, y: Any, sequences: list[Array]) -> Array:
    """One target per sequence, or an error."""
    if y is None:
        # scikit-learn's own words
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    return check_targets(y, len(sequences))


class Examples(NamedTuple):
    """What is learnt from: N sequences (T_i, I), their targets, and how much each counts and its group, or None.

    Of targets at every step y and weight are object arrays, one array (T_i, ...) for each sequence.
    """

    x: list[Array]
    y: Array
    weight: Array | None
    groups: Array | None

    @classmethod
    def counted(cls, sequences: list[Array], y: Array, sample_weight: Any, groups: Any) -> Examples:
        """Only what counts: sequences of weight 0 are as good as absent."""
        weight, groups = check_weights(sample_weight, len(sequences)), None if groups is None else np.asarray(groups)
        if groups is not None and groups.shape != (len(sequences),):
            raise InputError(f"groups: shape {groups.shape}, expected (sequences,) = ({len(sequences)},)")
        every = cls(sequences, y, weight, groups)
        return every if weight is None or weight.all() else every.take(np.flatnonzero(weight))

    def take(self, rows: Array) -> Examples:
        """Those at these places."""
        weight, groups = (None if a is None else a[rows] for a in (self.weight, self.groups))
        return Examples([self.x[i] for i in rows], self.y[rows], weight, groups)

    def times(self, weight: Array) -> Examples:
        """The same, with their weights multiplied by these (N,)."""
        return self._replace(weight=weight if self.weight is None else self.weight * weight)

    def scaler(self) -> Scaler:
        """What brings each channel to mean 0 and deviation 1."""
        each = None if self.weight is None else self.of_steps()
        return Scaler.of(np.concatenate(self.x).astype(np.float64), each, "X", "channel")

    def of_steps(self) -> Array:
        """How much each step counts, end to end (sum of T,)."""
        if self.weight is not None and self.weight.dtype == object:
            return np.asarray(np.concatenate(self.weight), np.float64)
        return steps_weights(self.weight, self.x)


def split(estimator: Any, count: int, y: Array, groups: Any, seed: int) -> tuple[Array, Array]:
    """Indices to train on, and to validate on: stratified, and a group on one side."""
    f = share("validation_fraction", estimator.validation_fraction)
    every = np.arange(count)
    if f == 0:
        if estimator.patience is not None:
            raise InputError(f"patience={estimator.patience!r}: needs validation data; set validation_fraction above 0")
        return every, every[:0]
    if count < 2 or round(f * count) in (0, count):
        raise InputError(f"validation_fraction={f!r}: of {count} sequences leaves none to train or to validate on")
    if groups is not None:
        return next(GroupShuffleSplit(1, test_size=f, random_state=seed).split(every, y, groups))  # type: ignore[no-any-return]
    sides = min(round(f * count), count - round(f * count))
    strata = None
    if isinstance(estimator, ClassifierMixin):
        classes, counts = np.unique(y, return_counts=True)
        strata = y if counts.min() >= 2 and len(classes) <= sides else None
    train, held = train_test_split(every, test_size=round(f * count), random_state=seed, stratify=strata)
    return train, held


def settings_out(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON can hold them. A random generator, and what was done while it trained, are not the model's."""
    out = {name: value for name, value in settings.items() if name not in NOT_KEPT}
    out["convention"] = str(out["convention"])
    out["device"] = "cpu"
    if not isinstance(out["random_state"], (int, np.integer)):
        out["random_state"] = None
    if isinstance(out.get("class_weight"), dict):
        out["class_weight"] = [[_plain(k), float(w)] for k, w in out["class_weight"].items()]
    return {name: _plain(value) for name, value in out.items()}


def settings_in(settings: dict[str, Any], model: Model) -> dict[str, Any]:
    """The settings that `settings_out` gave, as arguments.

    Raises:
        ValueError, TypeError, KeyError: they are not those of the model beside them.
    """
    if isinstance(settings.get("class_weight"), list):
        settings["class_weight"] = dict(settings["class_weight"])
    w = model.weights
    same = (
        settings["hidden_units"] == w.hidden_units
        and settings["layers"] == w.layers
        and bool(settings["bidirectional"]) == (w.directions == 2)
        and Convention.of(settings["convention"]) == w.convention
        and settings.get("pooling", "last") in ("auto", model.pooling)
        and bool(settings["scale_inputs"]) == (model.scaler is not None)
    )
    if not same:
        raise ValueError("settings")
    per_step = "answers" in settings
    wanted = (Labels, Numbers, YesNo) if per_step else Labels if "class_weight" in settings else Numbers
    if not isinstance(model.target, wanted) or model.target.per_step != per_step:
        raise ValueError("task")
    if model.feature_names is not None and len(model.feature_names) != (model.width or w.input_units):
        raise ValueError("feature_names")
    return settings


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
