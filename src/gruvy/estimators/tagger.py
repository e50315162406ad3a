"""`GRUTagger`: an answer at every step of sequences of unequal length, in scikit-learn's way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from ..arrays import as_objects
from ..data import Shards
from ..errors import InputError, InputTypeError
from ..model.model import Model, one_each
from ..model.task import Labels, Numbers, Task, end_to_end, task_of_steps
from ..model.yes_no import YesNo
from ..network.fit import raw_of
from .base import Estimator
from .inputs import Examples
from .steps import class_weights, cut, step_weights, steps_of
from .thresholds import threshold_of, tuned, with_threshold

Array = np.ndarray[Any, Any]


def _tells_probabilities(tagger: GRUTagger) -> bool:
    """Whether the answers have probabilities: those of numbers have none."""
    return tagger.answers != "numbers" and not isinstance(getattr(tagger, "task_", None), Numbers)


@dataclass(eq=False, repr=False)
class GRUTagger(Estimator):
    """A scikit-learn estimator with an answer at every step: a class, numbers, or several times yes or no.

    Settings are those of `GRUClassifier`, but for pooling, as each step is read as it comes; and:

    Args:
        answers: ``"classes"``, ``"numbers"``, ``"yes-no"`` or ``"auto"``, which goes by y: numbers with fractions are
            numbers, several columns of nothing but 0 and 1 are yes and no, other columns numbers, all else classes.
        threshold: of two classes, the second is the answer from this probability on, and of yes and no, yes is.
            ``"tuned"`` takes the one with the highest F1 on the steps that `validation_fraction` holds out, for each
            yes and no its own; `tune_threshold` does so on sequences of your own.
        class_weight: ``"balanced"``, or a dict of weights by class (of yes and no by 1 and 0), or None; a step counts
            as much as its class.

    Attributes:
        classes_: the labels (K,), of classes.
        net_: the `gruvy.GRU`, which takes scaled inputs. history_: one row per epoch.
        threshold_: the probability in use, a number or (K,); None of numbers and of more than two classes.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> X = [rng.normal(size=(T, 1)) for T in rng.integers(5, 30, 40)]
        >>> y = [np.where(np.cumsum(x) > 0, "above", "below") for x in X]
        >>> tagger = GRUTagger(hidden_units=8, max_epochs=40, random_state=0).fit(X, y)
        >>> tagger.score(X, y) > 0.9, tagger.predict([[[1.0], [-2.0], [-1.0]]])[0].tolist()
        (True, ['above', 'below', 'below'])
    """

    answers: str = field(default="auto", kw_only=True)
    threshold: float | str = field(default=0.5, kw_only=True)
    class_weight: Any = field(default=None, kw_only=True)

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None, lengths: Any = None) -> Self:
        """Train.

        Args:
            X: a list or object array of N arrays (T_i, I), one array (N, T, I), or (N, T) for one channel.
            y: the answers at every step, N arrays (T_i,), or (T_i, K) for several; or one array (N, T) or (N, T, K).
            sample_weight: how much each sequence counts (N,), or each step, as y; a sequence of weight 0 as if it were
                not there, a step of weight 0 is read but not learnt.
            groups: (N,), of what belongs together, so that the validation split keeps it on one side.
            lengths: (N,), how many steps of each sequence count, where X and y are padded; what lies past them may be
                anything, NaN too. None takes all.

        Raises:
            InputError, InputTypeError, DataError, ValueError: the data or a setting do not suit.
        """
        examples = self._examples(X, y, sample_weight, groups, lengths, reset=not self._goes_on)
        if self.threshold == "tuned" and self.validation_fraction == 0:
            raise InputError('threshold="tuned": needs steps held out; set validation_fraction above 0')
        if not self._goes_on:
            return self._fit(examples, self._task(examples))
        self.task_ = self.net_.task = with_threshold(self.task_, self.threshold)
        return self._fit(examples, self.task_)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, lengths: Any = None) -> Self:
        """Go once over these sequences, from the weights that are there; the rest as for `GRUClassifier.partial_fit`.

        The first call fixes by its own X and y the scale of the inputs and of numbers, and what is answered.

        Args:
            X, y, sample_weight, lengths: as for `fit`.
            classes: all the labels there will ever be; must be given in the first call if the answers are classes,
                unless after `fit` or `load`.

        Raises:
            InputError, InputTypeError, DataError, ValueError: as `fit`; and classes are missing, or not those of the
                first call; or a setting asks for what one pass cannot give: a validation share, patience, a checkpoint,
                a tuned threshold, ``class_weight="balanced"``.

        Example:
            >>> rng = np.random.default_rng(0)
            >>> tagger = GRUTagger(hidden_units=8, random_state=0)
            >>> for _ in range(20):
            ...     X = rng.normal(size=(32, 6, 1))
            ...     tagger = tagger.partial_fit(X, X[:, :, 0] > 0, classes=[False, True])
            >>> tagger.predict([[[1.0], [-1.0]]])[0].tolist()
            [True, False]
        """
        first = not hasattr(self, "net_")
        for name, value in (("class_weight", self.class_weight), ("threshold", self.threshold)):
            if isinstance(value, str):
                raise InputError(f"{name}={value!r}: partial_fit does not see all there will be; expected another")
        examples = self._examples(X, y, sample_weight, None, lengths, reset=first)
        task = self._first(examples, classes) if first else self.task_
        known = first or classes is None or np.array_equal(unique_labels(classes), getattr(self, "classes_", []))
        if not known:
            raise InputError(f"classes={list(classes)!r}: expected those of the calls before")
        task.encode(examples.y)
        return self._pass(examples, task)

    def _first(self, examples: Examples, classes: Any) -> Task:
        if classes is not None:
            return with_threshold(replace(Labels.of(unique_labels(classes)), per_step=True), self.threshold)
        task = self._task(examples)
        if isinstance(task, Labels):
            raise InputError("classes: None in the first call of partial_fit; expected all labels there will ever be")
        return task

    def _task(self, examples: Examples) -> Task:
        task = task_of_steps(examples.y, self.answers, examples.of_steps())
        if self.class_weight is not None and isinstance(task, Numbers):
            raise InputError(f"class_weight={self.class_weight!r}: has no meaning for numbers; expected None")
        return with_threshold(task, self.threshold)

    def _start(self, data: Any, task: Task, scaler: Any, seed: int) -> None:
        super()._start(data, task, scaler, seed)
        if isinstance(task, Labels):
            self.classes_ = task.classes
        elif hasattr(self, "classes_"):
            del self.classes_

    def _examples(self, X: Any, y: Any, sample_weight: Any, groups: Any, lengths: Any, *, reset: bool) -> Examples:
        if isinstance(X, Shards):
            raise InputTypeError("X: Shards, which have one target for each sequence; expected sequences")
        sequences = self._sequences(cut(X, lengths, "X"), learn=True, reset=reset)
        steps = steps_of(self, cut(y, lengths, "y"), sequences)
        weight = step_weights(sample_weight, sequences, lengths)
        found = Examples.counted(sequences, as_objects(steps), None, groups)
        if weight is None:
            return found
        return found._replace(weight=as_objects(weight)).take(np.flatnonzero([each.any() for each in weight]))

    def _weights(self, examples: Examples) -> Array:
        """How much each step counts, (sum of T,), or each yes or no, (sum of T, K)."""
        weight = examples.of_steps()
        if isinstance(self.task_, YesNo):
            weight = np.repeat(weight[:, None], self.task_.count, axis=1)
        if self.class_weight is None:
            return weight
        return weight * class_weights(self.class_weight, end_to_end(examples.y).reshape(weight.shape))

    def _after(self, held: Examples) -> None:
        if self.threshold == "tuned":
            self._tune(held)

    def tune_threshold(self, X: Any, y: Any, sample_weight: Any = None, lengths: Any = None) -> Self:
        """Take the threshold with the highest F1, of the second class or of each yes, on sequences not trained on.

        Args:
            X, y, sample_weight, lengths: as for `fit`; sequences that the training has not seen.

        Returns:
            The estimator, with another `threshold_`, which `predict`, `score` and `save` go by.

        Raises:
            InputError: there is no threshold, with numbers or more than two classes.
        """
        check_is_fitted(self, "net_")
        return self._tune(self._examples(X, y, sample_weight, None, lengths, reset=False))

    def _tune(self, held: Examples) -> Self:
        raw = raw_of(self.net_, self._scaled(held.x), per_step=True)
        self.task_ = self.net_.task = tuned(self.task_, np.concatenate(raw), held.y, held.of_steps())
        return self

    @property
    def threshold_(self) -> float | Array | None:
        """From which probability on the answer is the second class, or yes (K,); None where there is none."""
        check_is_fitted(self, "net_")
        return threshold_of(self.task_)

    def predict(self, X: Any, lengths: Any = None) -> Any:
        """The answers at every step of sequences, as given to `fit`.

        Returns:
            One array (T_i,), or (T_i, K) of several, per sequence: a list for a list and with `lengths`, one array
            (N, T) or (N, T, K) for an array.
        """
        return self._each(X, lengths, lambda raw: self.task_.answers(raw))

    @available_if(_tells_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, lengths: Any = None) -> Any:
        """The probability of each of `classes_`, or of each yes, at every step: (T_i, K), returned as by `predict`.

        Not there where the answers are numbers.
        """
        return self._each(X, lengths, lambda raw: self.task_.probabilities(raw))  # type: ignore[union-attr]

    @available_if(_tells_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any, lengths: Any = None) -> Any:
        """The natural logarithm of each probability, float64: also of those too small for `predict_proba`."""
        return self._each(X, lengths, lambda raw: self.task_.log_probabilities(raw))  # type: ignore[union-attr]

    def score(self, X: Any, y: Any, sample_weight: Any = None, lengths: Any = None) -> float:
        """How good the answers are at the steps that count: of classes and of yes and no the share that is right.

        Of numbers R², mean of the targets. Arguments as for `fit`.
        """
        check_is_fitted(self, "net_")
        examples = self._examples(X, y, sample_weight, None, lengths, reset=False)
        truth, answers = end_to_end(examples.y), end_to_end(self.predict(examples.x))
        weight = examples.of_steps()
        if isinstance(self.task_, Numbers):
            return float(r2_score(truth, answers, sample_weight=weight))
        right = truth.reshape(answers.shape) == answers
        return float(np.average(right if right.ndim == 1 else right.mean(1), weights=weight))

    def transform(self, X: Any, lengths: Any = None) -> Any:
        """What the read-out sees of each step, as features: the top layer's states, each between -1 and 1.

        Returns:
            (T_i, hidden_units), or (T_i, 2 * hidden_units) with both directions, forward first; returned as by
            `predict`.

        Raises:
            NotFittedError, InputError, DataError: there is no network yet, or X does not suit it.
        """
        check_is_fitted(self, "net_")
        X = cut(X, lengths, "X")
        sequences = self._sequences(X)
        states: list[Any] = [None] * len(sequences)
        for rows, hidden, _ in Model.of(self).states(sequences):
            for row, h in zip(rows, hidden, strict=True):
                states[row] = h
        return one_each(X, states, lambda h: h, per_step=True)

    def _each(self, X: Any, lengths: Any, answer: Any) -> Any:
        check_is_fitted(self, "net_")
        X = cut(X, lengths, "X")
        raw = raw_of(self.net_, self._scaled(self._sequences(X)), per_step=True)
        return one_each(X, raw, answer, per_step=True)
