"""`GRUClassifier` and `GRURegressor`: scikit-learn estimators for sequences of unequal length."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_random_state, column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arrays import as_sequences
from ..errors import ModelFileError
from ..model import file as model_file
from ..model.scaler import Scaler
from ..model.task import Labels, Numbers, Task
from ..network import GRU
from ..network.fit import check_numbers, fit_task, raw_of
from ..training import History, Settings, check_device, checkpoint, start
from .inputs import counted, settings_in, settings_out, split, targets, two_dimensional

Array = np.ndarray[Any, Any]

_OF_NETWORK = ("layers", "bidirectional", "convention", "dropout", "pooling", "init")
_OF_TRAINING = (
    "max_epochs", "batch_size", "learning_rate", "weight_decay", "clip_norm", "schedule", "patience", "device",
    "progress", "checkpoint",
)  # fmt: skip


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share: the settings, sequences in, and the model file."""

    net_: GRU
    task_: Task
    history_: History
    scaler_: Scaler | None
    width_: int | None

    def __init__(self, hidden_units: int = 64, *, layers: int = 1, bidirectional: bool = False,
                 convention: Any = "tutorial", dropout: float = 0.0, pooling: str = "last", init: str = "uniform",
                 max_epochs: int = 50, batch_size: int | None = 32, learning_rate: float = 1e-2,
                 weight_decay: float = 0.01, clip_norm: float | None = 1.0, schedule: str = "cosine",
                 validation_fraction: float = 0.0, patience: int | None = None, scale_inputs: bool = True,
                 device: str = "cpu", random_state: Any = None, progress: bool | str | None = False,
                 checkpoint: str | None = None) -> None:  # fmt: skip
        self.hidden_units = hidden_units
        self.layers = layers
        self.bidirectional = bidirectional
        self.convention = convention
        self.dropout = dropout
        self.pooling = pooling
        self.init = init
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.schedule = schedule
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.scale_inputs = scale_inputs
        self.device = device
        self.random_state = random_state
        self.progress = progress
        self.checkpoint = checkpoint

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _fit(self, X: list[Array], y: Array, weight: Array | None, task: Task, groups: Any) -> Self:
        """Train on checked sequences and targets; weight (N,) has no zeros."""
        settings = {name: getattr(self, name) for name in _OF_TRAINING}
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        seed = start(check_device(self.device)).share(seed)  # one split and one start in all processes
        chosen = Settings(seed=seed, **settings)
        train, held = split(self, len(X), y, groups, seed)
        X, y, judged = [X[i] for i in train], y[train], ([X[i] for i in held], y[held])
        weight = None if weight is None else weight[train]
        self.scaler_ = None
        if self.scale_inputs:
            each = None if weight is None else np.repeat(weight, [len(x) for x in X])
            self.scaler_ = Scaler.of(np.concatenate(X).astype(np.float64), each, "X", "channel")
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            kind = {name: getattr(self, name) for name in _OF_NETWORK}
            self.net_ = GRU(X[0].shape[1], self.hidden_units, task.units[0], **kind)
        validation = (self._scaled(judged[0]), judged[1]) if len(held) else None
        self.net_.task = self.task_ = task  # before training: if that fails, the last good weights can be used
        self.history_ = fit_task(self.net_, task, self._scaled(X), y, weight, validation, chosen, in_core=True)
        self.net_.history, self.n_iter_ = self.history_, len(self.history_.rows)
        return self

    def _sequences(self, X: Any, reset: bool) -> list[Array]:
        """X as sequences; 2-D numbers are one channel, of the width seen in fit, checked in scikit-learn's way."""
        if two_dimensional(X) and (reset or self.width_ is not None):
            X = validate_data(self, X, reset=reset, ensure_all_finite=False)
            if reset:
                self.width_ = X.shape[1]
            return as_sequences(X, dtype=None)
        sequences = as_sequences(
            X, channels=None if reset else self.net_.input_units, allow_empty=not reset, dtype=None
        )
        if reset:
            self.width_, self.n_features_in_ = None, sequences[0].shape[1]
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        return sequences

    def _scaled(self, X: Sequence[Array]) -> list[Array]:
        return [(x if self.scaler_ is None else self.scaler_(x)).astype(np.float32, copy=False) for x in X]

    @property
    def input_mean_(self) -> Array | None:
        """The mean of each channel (I,), or None where inputs are taken as they are."""
        return None if self.scaler_ is None else self.scaler_.mean

    @property
    def input_scale_(self) -> Array | None:
        """The deviation of each channel (I,), or None where inputs are taken as they are."""
        return None if self.scaler_ is None else self.scaler_.scale

    def _raw(self, X: Any) -> Array:
        check_is_fitted(self, "net_")
        return np.stack(raw_of(self.net_, self._scaled(self._sequences(X, reset=False))))

    def save(self, path: str | os.PathLike[str], *, columns: dict[str, list[str]] | None = None,
             layout: dict[str, Any] | None = None) -> None:  # fmt: skip
        """Write the fitted model to one file, from which `load` and `gruvy.load` predict the same.

        Args:
            path: the file; an old one is replaced only when the new one is complete. Then a checkpoint of this fit is
                removed.
            columns: names of a file's columns that the data came from, under "channels", "targets" and "others".
            layout: how that file holds its sequences, see `gruvy.model.model.Model`.
        """
        check_is_fitted(self, "net_")
        names = getattr(self, "feature_names_in_", None)
        model = self.net_.model(
            target=self.task_, scaler=self.scaler_, width=self.width_,
            feature_names=None if names is None else tuple(map(str, names)),
            settings={"estimator": type(self).__name__, **settings_out(self.get_params(deep=False))},
            columns=columns or {}, layout=layout,
        )  # fmt: skip
        model_file.write(path, model)
        checkpoint.remove(getattr(self, "history_", None))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The fitted estimator in a file that `save` wrote.

        Raises:
            ModelFileError: the file is not there, no gruvy model, damaged, newer, or holds another estimator.
        """
        model = model_file.read(path)
        settings = dict(model.settings)
        made = settings.pop("estimator", None)
        if made != cls.__name__:
            what = "a network that was saved alone; gruvy.GRU.load" if made is None else f"a {made}; {made}.load"
            raise ModelFileError(f"{path}: holds {what} reads it")
        with model_file.fitting(path):
            self = cls(**settings_in(settings, model))
            Settings(**{name: getattr(self, name) for name in _OF_TRAINING})
            self.net_, self.task_ = GRU.of(model), model.target  # type: ignore[assignment]
        self.scaler_, self.width_ = model.scaler, model.width
        self.n_features_in_ = model.width or model.weights.input_units
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, object)
        if isinstance(model.target, Labels):
            self.classes_ = model.target.classes
        return self


class GRUClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A scikit-learn classifier of sequences: a GRU, trained with cross entropy.

    Args:
        hidden_units: numbers that the network remembers.
        layers, bidirectional, convention, dropout, pooling, init: of the network, see `gruvy.GRU`.
        max_epochs, batch_size, learning_rate, weight_decay, clip_norm, schedule: see `gruvy.training.Settings`.
        validation_fraction: the share of the sequences held out to judge each epoch, the best of which is kept; 0
            trains on all for `max_epochs`.
        patience: stop after this many epochs without a lower validation loss; None does not stop.
        scale_inputs: bring each channel to mean 0 and deviation 1, as in the training data.
        device: of torch.
        random_state: makes a fit repeat exactly, on one machine with one number of threads.
        progress: False is silent, None shows a bar if stderr is a terminal, True also lines if it is not; text is the
            title.
        checkpoint: a file to save a long run to, and to go on from if it is there; `save` removes it.
        class_weight: ``"balanced"``, or a dict of weights by class, or None.

    Attributes:
        classes_: the labels (K,). net_: the `gruvy.GRU`, which takes scaled inputs. history_: a row an epoch.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = [rng.normal(size=(rng.integers(5, 9), 2)) + 3 * (i % 2) for i in range(40)]
        >>> y = ["low", "high"] * 20
        >>> clf = GRUClassifier(hidden_units=8, max_epochs=10, random_state=0).fit(X, y)
        >>> clf.predict(X[:2]).tolist(), clf.score(X, y)
        (['low', 'high'], 1.0)
    """

    def __init__(self, hidden_units: int = 64, *, layers: int = 1, bidirectional: bool = False,
                 convention: Any = "tutorial", dropout: float = 0.0, pooling: str = "last", init: str = "uniform",
                 max_epochs: int = 50, batch_size: int | None = 32, learning_rate: float = 1e-2,
                 weight_decay: float = 0.01, clip_norm: float | None = 1.0, schedule: str = "cosine",
                 validation_fraction: float = 0.0, patience: int | None = None, scale_inputs: bool = True,
                 device: str = "cpu", random_state: Any = None, progress: bool | str | None = False,
                 checkpoint: str | None = None, class_weight: Any = None) -> None:  # fmt: skip
        # scikit-learn reads the settings from this signature, so each stands here by name.
        super().__init__(
            hidden_units, layers=layers, bidirectional=bidirectional, convention=convention, dropout=dropout,
            pooling=pooling, init=init, max_epochs=max_epochs, batch_size=batch_size, learning_rate=learning_rate,
            weight_decay=weight_decay, clip_norm=clip_norm, schedule=schedule,
            validation_fraction=validation_fraction, patience=patience, scale_inputs=scale_inputs, device=device,
            random_state=random_state, progress=progress, checkpoint=checkpoint,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train.

        Args:
            X: a list or object array of N arrays (T_i, I), one array (N, T, I), or (N, T) for one channel.
            y: N labels: text, numbers or booleans.
            sample_weight: (N,), how much each sequence counts; 0 as if it were not there.
            groups: (N,), of what belongs together, so that the validation split keeps it on one side.

        Raises:
            InputError, InputTypeError, DataError, ValueError: the data or a setting do not suit.
        """
        sequences = self._sequences(X, reset=True)
        y = column_or_1d(targets(self, y, sequences), warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        sequences, y, weight, groups = counted(sequences, y, sample_weight, groups)
        task = Labels.of(y)
        self.classes_ = task.classes
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            weight = by_class if weight is None else weight * by_class
        return self._fit(sequences, y, weight, task, groups)

    def predict(self, X: Any) -> Array:
        """The likeliest labels (N,) of sequences, as given to `fit`."""
        return self._labels.answers(self._raw(X))

    def predict_proba(self, X: Any) -> Array:
        """The probability of each of `classes_` for each sequence: (N, K)."""
        return self._labels.probabilities(self._raw(X))

    @property
    def _labels(self) -> Labels:
        check_is_fitted(self, "net_")
        return self.task_  # type: ignore[return-value]


class GRURegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A scikit-learn regressor of sequences, for one target or many: a GRU, trained with squared error.

    Args: as `GRUClassifier`, but for class_weight. Targets are scaled inside, and predictions scaled back.

    Attributes:
        net_: the `gruvy.GRU`, which takes scaled inputs and gives scaled targets. history_: a row an epoch.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(60, 8, 1))
        >>> y = 100 + X[:, -1, 0]
        >>> reg = GRURegressor(hidden_units=8, max_epochs=30, learning_rate=3e-2, random_state=0).fit(X, y)
        >>> reg.score(X, y) > 0.9
        True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train.

        Args:
            X: a list or object array of N arrays (T_i, I), one array (N, T, I), or (N, T) for one channel.
            y: numbers (N,), or (N, O) for several targets.
            sample_weight: (N,), how much each sequence counts; 0 as if it were not there.
            groups: (N,), of what belongs together, so that the validation split keeps it on one side.

        Raises:
            InputError, InputTypeError, DataError, ValueError: the data or a setting do not suit.
        """
        sequences = self._sequences(X, reset=True)
        y = check_numbers(targets(self, y, sequences))
        sequences, y, weight, groups = counted(sequences, y, sample_weight, groups)
        return self._fit(sequences, y, weight, Numbers.of(y, weight), groups)

    def predict(self, X: Any) -> Array:
        """The targets (N,) or (N, O) of sequences, as given to `fit`, on their own scale."""
        raw = self._raw(X)
        return self.task_.answers(raw)
