"""`GRUClassifier`: labels for sequences of unequal length, in scikit-learn's way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite, column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ..data import Shards
from ..model.task import Labels
from ..network.shards import labels_of_shards
from .base import Estimator
from .inputs import Examples, targets

Array = np.ndarray[Any, Any]


@dataclass(eq=False, repr=False)
class GRUClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A scikit-learn classifier of sequences: a GRU, trained with cross entropy.

    Args:
        hidden_units: numbers that the network remembers.
        layers, bidirectional, convention, dropout, pooling, init: of the network, see `gruvy.GRU`; ``"auto"`` reads
            sequences of 48 steps or more in the mean by the maximum of their states, shorter ones by the last, and
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
            self.classes_ = labels.classes
            others = {"y": y, "sample_weight": sample_weight, "groups": groups, "class_weight": self.class_weight}
            return self._fit_shards(X, labels, **others)
        sequences = self._sequences(X, reset=True)
        y = column_or_1d(targets(self, y, sequences), warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        examples = Examples.counted(sequences, y, sample_weight, groups)
        task = Labels.of(examples.y)
        self.classes_ = task.classes
        if self.class_weight is not None:
            examples = examples.times(compute_sample_weight(self.class_weight, examples.y))
        return self._fit(examples, task)

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
