"""`GRURegressor`: numbers for sequences of unequal length, in scikit-learn's way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from ..data import Shards
from ..model.task import Numbers
from ..network.fit import check_numbers
from ..network.shards import numbers_of_shards
from .base import Estimator
from .inputs import Examples, targets

Array = np.ndarray[Any, Any]


@dataclass(eq=False, repr=False)
class GRURegressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A scikit-learn regressor of sequences, for one target or many: a GRU, trained with squared error.

    Args: as `GRUClassifier`, but for class_weight. Targets are scaled inside, and predictions scaled back.

    Attributes:
        net_: the `gruvy.GRU`, which takes scaled inputs and gives scaled targets. history_: one row per epoch.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(60, 8, 1))
        >>> y = 100 + X[:, -1, 0]
        >>> reg = GRURegressor(hidden_units=8, max_epochs=30, learning_rate=3e-2, random_state=0).fit(X, y)
        >>> reg.score(X, y) > 0.9
        True
    """

    pooling: str = field(default="auto", kw_only=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train.

        Args:
            X: a list or object array of N arrays (T_i, I), one array (N, T, I), or (N, T) for one channel;
                or `gruvy.data.Shards`, which bring their targets and take none of the others.
            y: numbers (N,), or (N, O) for several targets.
            sample_weight: (N,), how much each sequence counts; 0 as if it were not there.
            groups: (N,), of what belongs together, so that the validation split keeps it on one side.

        Raises:
            InputError, InputTypeError, DataError, ValueError: the data or a setting do not suit.
        """
        if isinstance(X, Shards):
            others = {"y": y, "sample_weight": sample_weight, "groups": groups}
            return self._fit_shards(X, numbers_of_shards(X), **others)
        examples = self._examples(X, y, sample_weight, groups, reset=not self._goes_on)
        return self._fit(examples, Numbers.of(examples.y, examples.weight))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go once over these sequences, from the weights that are there.

        The first call makes the network and fixes the scale of inputs and targets, by its own X and y. The rest as for
        `GRUClassifier.partial_fit`.

        Args:
            X, y, sample_weight: as for `fit`.

        Raises:
            InputError, InputTypeError, DataError, ValueError: as `fit`; and a setting asks for what one pass cannot
                give: a validation share, patience, a checkpoint.

        Example:
            >>> rng = np.random.default_rng(0)
            >>> reg = GRURegressor(hidden_units=8, random_state=0)
            >>> for _ in range(30):
            ...     X = rng.normal(size=(32, 5, 1))
            ...     reg = reg.partial_fit(X, 100 + X[:, -1, 0])
            >>> reg.score(X, 100 + X[:, -1, 0]) > 0.9
            True
        """
        examples = self._examples(X, y, sample_weight, None, reset=not hasattr(self, "net_"))
        task = self.task_ if hasattr(self, "net_") else Numbers.of(examples.y, examples.weight)
        task.encode(examples.y)
        return self._pass(examples, task)

    def _examples(self, X: Any, y: Any, sample_weight: Any, groups: Any, *, reset: bool) -> Examples:
        sequences = self._sequences(X, learn=True, reset=reset)
        numbers = check_numbers(targets(self, y, sequences))
        return Examples.counted(sequences, numbers, sample_weight, groups)

    def predict(self, X: Any) -> Array:
        """The targets (N,) or (N, O) of sequences, as given to `fit`, on their own scale."""
        raw = self._raw(X)
        return self.task_.answers(raw)
