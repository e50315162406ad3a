"""`GRUClassifier`: labels for sequences of unequal length, in scikit-learn's way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted

from ..data import Shards
from ..errors import InputError
from ..model.task import Labels
from ..network.shards import labels_of_shards
from .base import Estimator
from .inputs import Examples, check_labels, targets

Array = np.ndarray[Any, Any]


@dataclass(eq=False, repr=False)
class GRUClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A scikit-learn classifier of sequences: a GRU, trained with cross entropy.

    Args:
        hidden_units: numbers that the network remembers.
        layers, bidirectional, convention, dropout, pooling, init: of the network, see `gruvy.GRU`; ``"auto"`` reads
            sequences of 192 steps or more in the mean by the maximum of their states, shorter ones by the last, and
            starts with gates that remember for a quarter of that mean. `net_` has what was taken.
        max_epochs, batch_size, learning_rate, weight_decay, clip_norm, schedule: see `gruvy.training.Settings`.
        validation_fraction: the share of the sequences held out to judge each epoch, the best of which is kept; 0
            trains on all for `max_epochs`, of which None takes as many as suit the data.
        patience: stop after this many epochs without a lower validation loss; None does not stop.
        scale_inputs: bring each channel to mean 0 and deviation 1, as in the training data.
        device: of torch.
        random_state: makes a fit repeat exactly, on one machine with one number of threads.
        progress: False is silent, None shows a bar if stderr is a terminal, True also lines if it is not; text is the
            title.
        checkpoint: a file to save a long run to, and to go on from if it is there; `save` removes it.
        warm_start: True lets a second `fit` go on from the weights of the first, with its classes, its scale of the
            inputs and a new optimiser; the network's own settings have to stay as they are.
        callbacks: a list of functions, each called with the row of `history_` after every epoch; they are not saved.
        snapshots: keep the model as it was at up to so many epochs, in `snapshots_`, for `explain`.
        class_weight: ``"balanced"``, or a dict of weights by class, or None.

    Attributes:
        classes_: the labels (K,). net_: the `gruvy.GRU`, which takes scaled inputs. history_: one row per epoch.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = [rng.normal(size=(rng.integers(5, 9), 2)) + 3 * (i % 2) for i in range(40)]
        >>> y = ["low", "high"] * 20
        >>> clf = GRUClassifier(hidden_units=8, max_epochs=10, random_state=0).fit(X, y)
        >>> clf.predict(X[:2]).tolist(), clf.score(X, y)
        (['low', 'high'], 1.0)
    """

    pooling: str = field(default="auto", kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train.

        Args:
            X: a list or object array of N arrays (T_i, I), one array (N, T, I), or (N, T) for one channel;
                or `gruvy.data.Shards`, which bring their targets and take none of the others, nor a class_weight.
            y: N labels: text, numbers or booleans.
            sample_weight: (N,), how much each sequence counts; 0 as if it were not there.
            groups: (N,), of what belongs together, so that the validation split keeps it on one side.

        Raises:
            InputError, InputTypeError, DataError, ValueError: the data or a setting do not suit.
        """
        if isinstance(X, Shards):
            labels = labels_of_shards(X)
            check_classification_targets(labels.classes)
            self.classes_ = self._labels.classes if self._goes_on else labels.classes
            others = {"y": y, "sample_weight": sample_weight, "groups": groups, "class_weight": self.class_weight}
            return self._fit_shards(X, labels, **others)
        examples = self._examples(X, y, sample_weight, groups, reset=not self._goes_on)
        task = self._labels if self._goes_on else Labels.of(examples.y)
        self.classes_ = task.classes
        if self.class_weight is not None:
            examples = examples.times(compute_sample_weight(self.class_weight, examples.y))
        return self._fit(examples, task)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go once over these sequences, from the weights that are there.

        The first call makes the network and fixes the scale of the inputs, by its own X. Each call takes steps of
        `batch_size` sequences at the constant rate `learning_rate`, and the optimiser remembers the calls before; after
        `fit` or `load` the optimiser begins anew. `max_epochs` and `schedule` have no say, `history_` gets a row.

        Args:
            X, y, sample_weight: as for `fit`.
            classes: all the labels there will ever be; must be given in the first call, unless after `fit` or `load`.

        Raises:
            InputError, InputTypeError, DataError, ValueError: as `fit`; and classes are missing, or not those of the
                first call; or a setting asks for what one pass cannot give: a validation share, patience, a checkpoint,
                ``class_weight="balanced"``.

        Example:
            >>> rng = np.random.default_rng(0)
            >>> clf = GRUClassifier(hidden_units=8, random_state=0)
            >>> for _ in range(20):
            ...     y = rng.integers(0, 2, 32)
            ...     clf = clf.partial_fit(rng.normal(size=(32, 6, 1)) + 3 * y[:, None, None], y, classes=[0, 1])
            >>> clf.predict([[[0.0]] * 6, [[3.0]] * 6]).tolist()
            [0, 1]
        """
        first = not hasattr(self, "net_")
        task = self._first_labels(classes) if first else self._same_labels(classes)
        if isinstance(self.class_weight, str):
            raise InputError(
                f"class_weight={self.class_weight!r}: partial_fit does not see all there will be; expected a dict of "
                "weights or None"
            )
        examples = self._examples(X, y, sample_weight, None, reset=first)
        task.encode(examples.y)
        self.classes_ = task.classes
        if self.class_weight is not None:
            examples = examples.times(np.array([float(self.class_weight.get(label, 1)) for label in examples.y]))
        return self._pass(examples, task)

    def _first_labels(self, classes: Any) -> Labels:
        if classes is None:
            raise InputError("classes: None in the first call of partial_fit; expected all labels there will ever be")
        return Labels.of(unique_labels(classes))

    def _same_labels(self, classes: Any) -> Labels:
        before = self._labels.classes
        if classes is not None and not np.array_equal(unique_labels(classes), before):
            raise InputError(f"classes={list(classes)!r}: expected those of the calls before, {before.tolist()}")
        return self._labels

    def _examples(self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool) -> Examples:
        sequences = self._sequences(X, learn=True, reset=reset)
        labels = check_labels(self, targets(self, y, sequences), sequences)
        return Examples.counted(sequences, labels, sample_weight, groups)

    def predict(self, X: Any) -> Array:
        """The likeliest labels (N,) of sequences, as given to `fit`."""
        return self._labels.answers(self._raw(X))

    def predict_proba(self, X: Any) -> Array:
        """The probability of each of `classes_` for each sequence: (N, K)."""
        return self._labels.probabilities(self._raw(X))

    def predict_log_proba(self, X: Any) -> Array:
        """The natural logarithm of each probability, (N, K) float64: also of those too small for `predict_proba`."""
        return self._labels.log_probabilities(self._raw(X))

    @property
    def _labels(self) -> Labels:
        check_is_fitted(self, "net_")
        return self.task_  # type: ignore[return-value]
