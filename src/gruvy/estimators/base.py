"""What classifier, regressor and tagger share: sequences in, a training, answers out, and the model file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..arrays import as_sequences, check_collection
from ..checks import share
from ..data import Shards
from ..errors import InputError, ModelFileError
from ..model import file as model_file
from ..model.model import Model
from ..model.scaler import Scaler
from ..model.task import Labels, Task
from ..network import GRU
from ..network.fit import fit_task, raw_of
from ..network.shards import blind_of_shards, check_shards, fit_shards
from ..training import History, Settings, adamw, check_device, checkpoint, start, trouble
from .auto import chosen
from .inputs import Examples, each_called, refuse_other_data, settings_in, settings_out, split, two_dimensional

Array = np.ndarray[Any, Any]

_OF_NETWORK = ("layers", "bidirectional", "convention", "dropout")
_OF_WEIGHTS = ("hidden_units", "layers", "bidirectional", "convention", "pooling", "scale_inputs")
_OF_TRAINING = frozenset(f.name for f in fields(Settings))


@dataclass(eq=False, repr=False)
class Parameters(BaseEstimator):  # type: ignore[misc]
    """The settings of all estimators, from which the constructor is made: `GRUClassifier` explains them."""

    hidden_units: int = 64
    _: KW_ONLY
    layers: int = 1
    bidirectional: bool = False
    convention: Any = "tutorial"
    dropout: float = 0.0
    init: str = "auto"
    max_epochs: int | None = None
    batch_size: int | None = 32
    learning_rate: float = 1e-2
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    schedule: str = "cosine"
    validation_fraction: float = 0.0
    patience: int | None = None
    scale_inputs: bool = True
    device: str = "cpu"
    random_state: Any = None
    progress: bool | str | None = False
    checkpoint: str | None = None
    warm_start: bool = False
    callbacks: Any = None
    snapshots: int = 0


class Estimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Parameters):  # type: ignore[misc]
    """What classifier, regressor and tagger share."""

    pooling: str = "last"  # a setting where one answer is read of all states
    net_: GRU
    task_: Task
    history_: History
    scaler_: Scaler | None
    width_: int | None  # the number of steps of each sequence, where they were a table of numbers
    columns_: dict[str, list[str]]  # what the model file says of the data's own file, as `save` has it
    layout_: dict[str, Any] | None
    _made: dict[str, Any]  # the settings that the weights are for
    _optimiser: torch.optim.Optimizer | None = None  # what `partial_fit` goes on with
    _random: Any = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _settings(self, seed: int | None = None) -> Settings:
        given = self.get_params(deep=False).items()
        asked = {name: value for name, value in given if name in _OF_TRAINING}
        return Settings(seed=seed, on_epoch=each_called(self.callbacks), **asked)

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` trains the weights that are there."""
        return bool(self.warm_start) and hasattr(self, "net_")

    def _fit(self, examples: Examples, task: Task) -> Self:
        """Train on what was checked."""
        seed = self._seed(self.random_state)
        settings = self._settings(seed)
        train, held = map(examples.take, split(self, len(examples.x), examples.y, examples.groups, seed))
        if self._goes_on:
            self._go_on()
        else:
            self._start(train.x, task, train.scaler() if self.scale_inputs else None, seed)
        self._optimiser = None
        validation = (self._scaled(held.x), held.y) if held.x else None
        x, weight = self._scaled(train.x), self._weights(train)
        history = fit_task(self.net_, self.task_, x, train.y, weight, validation, settings, in_core=True)
        self._after(held)
        return self._end(history, self.task_.blind(self.task_.encode(train.y), weight))

    def _weights(self, examples: Examples) -> Array:
        """How much each loss counts."""
        return np.ones(len(examples.x)) if examples.weight is None else examples.weight

    def _after(self, held: Examples) -> None:
        """What is left to do with what was held out of the training."""

    def _pass(self, examples: Examples, task: Task) -> Self:
        """Go once over what was checked, at a constant rate, with the optimiser of the pass before."""
        random = check_random_state(self.random_state) if self._random is None else self._random
        seed = self._seed(random)
        settings = replace(self._settings(seed), max_epochs=1, schedule="constant", on_epoch=None, snapshots=0)
        for name, expected in (("validation_fraction", 0.0), ("patience", None), ("checkpoint", None)):
            if (value := getattr(self, name)) != expected:
                raise InputError(f"{name}={value!r}: partial_fit only trains, on all it is given; expected {expected}")
        call = each_called(self.callbacks)
        if hasattr(self, "net_"):
            self._go_on()
        else:
            self._start(examples.x, task, examples.scaler() if self.scale_inputs else None, seed)
        self._random = random
        optimiser, self._optimiser = self._optimiser, None  # put back when all went well: NaN would stay in it
        device = check_device(settings.device)
        if optimiser is None or next(self.net_.parameters()).device.type != device.type:  # its memory is there too
            optimiser = adamw(self.net_.to(device).parameters(), settings)
        for group in optimiser.param_groups:
            group["weight_decay"] = settings.weight_decay
        before = getattr(self, "history_", None)
        given = (self._scaled(examples.x), examples.y, self._weights(examples))
        found = fit_task(self.net_, self.task_, *given, None, settings, in_core=True, optimiser=optimiser)
        self._optimiser = optimiser
        self._end(found if before is None else before.followed(found))
        if call is not None and found.rows:
            call(self.history_.rows[-1])
        return self

    def _fit_shards(self, shards: Shards, task: Task, **not_taken: Any) -> Self:
        """Train on files of which one at a time is in memory."""
        check_shards(shards, None, **not_taken)
        seed = self._seed(self.random_state)
        settings = self._settings(seed)
        if share("validation_fraction", self.validation_fraction) or self.patience is not None:
            raise InputError(
                "validation_fraction, patience: shards are trained on whole; "
                "gruvy.GRU(...).fit(shards, validation=(X, y), patience=...) judges each epoch"
            )
        if self._goes_on:
            check_shards(shards, self.net_.input_units)
            self._go_on()
        else:
            self.width_, self.n_features_in_ = None, len(shards.features)
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            self._start(shards, task, shards.inputs.scaler() if self.scale_inputs else None, seed)
        self._optimiser = None
        history = fit_shards(self.net_, self.task_, shards, self.scaler_, settings)
        return self._end(history, blind_of_shards(self.task_, shards))

    def _seed(self, random_state: Any) -> int:
        """One seed, and so one split and one start, in all processes."""
        drawn = int(check_random_state(random_state).randint(2**31 - 1))
        seed: int = start(check_device(self.device)).share(drawn)
        return seed

    def _start(self, data: Sequence[Array] | Shards, task: Task, scaler: Scaler | None, seed: int) -> None:
        """A network with new weights, for data such as these."""
        if isinstance(data, Shards):
            channels, steps = len(data.features), data.steps / len(data)
        else:
            channels, steps = data[0].shape[1], sum(map(len, data)) / len(data)
        self.scaler_ = scaler
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            kind = {name: getattr(self, name) for name in _OF_NETWORK} | chosen(self.pooling, self.init, steps)
            self.net_ = GRU(channels, self.hidden_units, task.units[0], **kind)
        self.net_.task = self.task_ = task  # before training: if that fails, the last good weights can be used
        self.columns_, self.layout_ = {}, None
        self._made, self._random = self._settings_of_weights(), None
        if hasattr(self, "history_"):
            del self.history_

    def _settings_of_weights(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _OF_WEIGHTS}

    def _go_on(self) -> None:
        """The network that is there, which has to be the one that the settings ask for."""
        for name, now in self._settings_of_weights().items():
            if str(now) != str(before := self._made[name]):
                raise InputError(
                    f"{name}={now!r}: training goes on with weights made for {name}={before!r}; expected the same, or "
                    "a clone of the estimator, which begins anew"
                )
        self.net_.dropout = share("dropout", self.dropout)

    def _end(self, history: History, blind: float = 0.0) -> Self:
        """Keep the history, and say what is to be said of it; blind: the loss without looking, or 0."""
        told = trouble(history, blind)
        if told is not None:
            warnings.warn(told, ConvergenceWarning, stacklevel=4)
        self.history_ = history
        self.net_.history, self.n_iter_ = self.history_, len(self.history_.rows)
        return self

    def _sequences(self, X: Any, *, learn: bool = False, reset: bool = False) -> list[Array]:
        """X as sequences; 2-D numbers are one channel, of the width seen in fit, checked in scikit-learn's way."""
        check_collection(X, "X")
        refuse_other_data(X)
        if two_dimensional(X) and (reset or self.width_ is not None):
            X = validate_data(self, X, reset=reset, ensure_all_finite=False)
            if reset:
                self.width_ = X.shape[1]
            return as_sequences(X, dtype=None)
        channels = None if reset else self.net_.input_units
        sequences = as_sequences(X, channels=channels, allow_empty=not learn, dtype=None)
        if reset:
            self.width_, self.n_features_in_ = None, sequences[0].shape[1]
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        return sequences

    def _scaled(self, sequences: Sequence[Array]) -> list[Array]:
        return [(x if self.scaler_ is None else self.scaler_(x)).astype(np.float32, copy=False) for x in sequences]

    def _raw(self, X: Any) -> Array:
        """Read-outs (N, O) of sequences, as given to `fit`."""
        check_is_fitted(self, "net_")
        return np.stack(raw_of(self.net_, self._scaled(self._sequences(X))))

    def transform(self, X: Any) -> Array:
        """What the read-out sees of each sequence, as features for another estimator.

        Args:
            X: sequences, as given to `fit`.

        Returns:
            (N, hidden_units), or (N, 2 * hidden_units) with both directions, forward first: the top layer's states,
            pooled as `pooling` says. Each number lies between -1 and 1.

        Raises:
            NotFittedError, InputError, DataError: there is no network yet, or X does not suit it.

        Example:
            >>> from gruvy import GRUClassifier
            >>> X, y = np.random.default_rng(0).normal(size=(20, 6, 2)), ["a", "b"] * 10
            >>> clf = GRUClassifier(hidden_units=4, max_epochs=1).fit(X, y)
            >>> clf.transform(X).shape, clf.get_feature_names_out()[:2].tolist()
            ((20, 4), ['gruclassifier0', 'gruclassifier1'])
        """
        check_is_fitted(self, "net_")
        model = Model.of(self)
        sequences = self._sequences(X)
        features = np.empty((len(sequences), self._n_features_out), model.weights.dtype)
        for rows, _, pooled in model.states(sequences):
            features[rows] = pooled
        return features

    @property
    def _n_features_out(self) -> int:
        return self.net_.directions * self.net_.hidden_units

    @property
    def input_mean_(self) -> Array | None:
        """The mean of each channel (I,), or None where inputs are taken as they are."""
        return None if self.scaler_ is None else self.scaler_.mean

    @property
    def input_scale_(self) -> Array | None:
        """The deviation of each channel (I,), or None where inputs are taken as they are."""
        return None if self.scaler_ is None else self.scaler_.scale

    @property
    def snapshots_(self) -> dict[int, Model]:
        """The model as it was, by epoch, if `snapshots` had `fit` keep some; 0: before the first."""
        check_is_fitted(self, "net_")
        rest: dict[str, Any] = {"target": self.task_, "scaler": self.scaler_, "width": self.width_}
        return {epoch: replace(model, **rest) for epoch, model in self.net_.snapshots.items()}

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        columns: dict[str, list[str]] | None = None,
        layout: dict[str, Any] | None = None,
    ) -> None:
        """Write the fitted model to one file, from which `load` and `gruvy.load` predict the same.

        Args:
            path: the file; an old one is replaced only when the new one is complete. Then a checkpoint of this fit is
                removed.
            columns: names of a file's columns that the data came from, under "channels", "targets" and "others"; by
                default those of the file that the estimator was loaded from.
            layout: how that file holds its sequences, see `gruvy.model.model.Model`; by default as `columns`.
        """
        check_is_fitted(self, "net_")
        names = getattr(self, "feature_names_in_", None)
        model = self.net_.model(
            target=self.task_,
            scaler=self.scaler_,
            width=self.width_,
            feature_names=None if names is None else tuple(map(str, names)),
            settings={"estimator": type(self).__name__, **settings_out(self.get_params(deep=False))},
            columns=self.columns_ if columns is None else columns,
            layout=self.layout_ if layout is None else layout,
        )
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
            self._settings()
            self.net_, self.task_ = GRU.of(model), model.target  # type: ignore[assignment]
            self._made = self._settings_of_weights()
        self.scaler_, self.width_ = model.scaler, model.width
        self.columns_, self.layout_ = model.columns, model.layout
        self.n_features_in_ = model.width or model.weights.input_units
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, object)
        if isinstance(model.target, Labels):
            self.classes_ = model.target.classes
        return self
