"""What a trained model is: its weights, its read-out, what it answers, for whole sequences and streams. NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import as_sequences
from ..engines import native
from ..engines.choose import choose
from ..engines.held import rounded
from ..engines.stack import packed, run
from ..errors import InputError, InputTypeError
from ..weights import Weights
from .batches import by_length, padded
from .pooling import pooled
from .scaler import Scaler
from .stream import Stream
from .task import Labels, Task
from .yes_no import YesNo

Array = np.ndarray[Any, Any]

FORMATS = {"half": "float16", "bfloat16": "bfloat16", "int8": "int8"}  # by the name that a user gives


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Model:
    """A trained model: `predict`, `predict_proba`, `stream`. `gruvy.load` makes it from a file.

    Attributes:
        weights: the recurrence.
        V, b_y: the read-out (O, D*H), (O,); without them the output is the state itself.
        pooling: what the answer for a whole sequence reads: "last", "mean" or "max".
        target: what it was trained for, with its classes or its targets' scale, or None for raw read-outs.
        scaler: of the inputs, or None where they are taken as they are.
        width: the number of steps that a 2-D array must have, or None.
        feature_names: names of those steps, or None.
        columns: names of the columns of a file that the data came from: "channels", "targets", "others".
        layout: how the files it was trained on hold their sequences: "id", "time", "wide", "window", "step", "missing"
            and, for wide form or where channels are made of columns, "features"; and those used of "drop", "one_hot",
            "indicator", "na", "decimal", "encoding", "sound", "background", as for `gruvy.data.read`, and "detection",
            how a trigger word is detected; None where it is not known.
        settings: of the estimator that made it, and its name under "estimator".
        versions: of what wrote the file.
        held: how its matrices are held: "half", "bfloat16" or "int8", whose numbers `weights` has then, or None.
        name: what errors call it. engine: ``"native"``, ``"reference"`` or None for the fastest.
    """

    weights: Weights
    V: Array | None = None
    b_y: Array | None = None
    pooling: str = "last"
    target: Task | None = None
    scaler: Scaler | None = None
    width: int | None = None
    feature_names: tuple[str, ...] | None = None
    columns: dict[str, list[str]] = field(default_factory=dict)
    layout: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    held: str | None = None
    name: str = "model"
    engine: str | None = None

    @classmethod
    def of(cls, model: Any) -> Model:
        """The model that is in a network, a layer, an estimator or weights.

        Args:
            model: `Weights`, a `Model`, a `gruvy.GRU`, a `torch.nn.GRU` or `gruvy.nn.GRU`, or a fitted estimator.

        Raises:
            InputTypeError: there is no GRU in it.
        """
        if isinstance(model, Model):
            return model
        if isinstance(model, Weights):
            return cls(weights=model)
        if hasattr(model, "weight_ih_l0"):  # torch.nn.GRU and gruvy.nn.GRU
            return cls(weights=Weights.from_torch(model))
        net, target, scaler = model, getattr(model, "task", None), None
        if hasattr(model, "net_") and hasattr(model, "task_"):  # a fitted estimator
            net, target, scaler = model.net_, model.task_, model.scaler_
        weights = getattr(net, "weights", None)
        weights = weights() if callable(weights) else weights
        if not isinstance(weights, Weights):
            raise InputTypeError(
                f"model: {type(model).__name__}, expected gruvy.Weights, a GRU of gruvy or torch, a fitted estimator "
                "or a loaded model"
            )
        V, b_y = (None if a is None else a.detach().cpu().numpy() for a in (net.V, net.b_y))
        return cls(weights=weights, V=V, b_y=b_y, pooling=net.pooling, target=target, scaler=scaler)

    def __repr__(self) -> str:
        w = self.weights
        return (
            f"Model({self.name!r}, task {self.task}, input {w.input_units}, hidden {w.hidden_units}, "
            f"output {self.outputs}, layers {w.layers}, directions {w.directions}, {w.convention}"
            f"{'' if self.held is None else f', weights {self.held!r}'})"
        )

    def holding(self, weights: str | None) -> Model:
        """The same model in float32 with its matrices W and U held as `gruvy.load` takes them.

        Raises:
            InputError: no such way; a weight is too large for it.
        """
        if weights is None:
            return self
        if weights not in FORMATS:
            raise InputError(f"weights={weights!r}: expected {', '.join(map(repr, FORMATS))} or None")
        V, b_y = (None if a is None else a.astype(np.float32) for a in (self.V, self.b_y))
        try:
            own = rounded(self.weights, FORMATS[weights])
        except InputError as problem:
            raise InputError(f"{self.name}: {problem}") from None
        return replace(self, weights=own, V=V, b_y=b_y, held=weights)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("in_core", "cells")}

    @property
    def task(self) -> str | None:
        """ "classify", "regress", "tag", or None for raw read-outs."""
        return None if self.target is None else self.target.name

    @property
    def per_step(self) -> bool:
        """Whether it answers at every step."""
        return self.target is not None and self.target.per_step

    @property
    def classes(self) -> Array | None:
        """The labels (K,), or None."""
        return self.target.classes if isinstance(self.target, Labels) else None

    @property
    def outputs(self) -> int:
        """O, how many numbers the read-out gives."""
        return self.weights.hidden_units * self.weights.directions if self.V is None else len(self.V)

    @property
    def data(self) -> Model:
        """The model itself: its content was once an object of its own."""
        return self

    @cached_property
    def in_core(self) -> bool:
        """Whether the native engine runs it.

        Raises:
            EngineError: a forced engine is not there.
        """
        return choose(self.engine, self.weights.dtype).name == "native"

    @cached_property
    def cells(self) -> list[list[native.Packed]] | None:
        """The weights packed once, since they are only read; None without the native engine."""
        return packed(self.weights, FORMATS.get(self.held or "")) if self.in_core else None

    def seen(self, x: Array) -> Array:
        """What the recurrence sees of the user's x (..., I): scaled in float64 where the model scales."""
        return x if self.scaler is None else self.scaler(np.asarray(x, np.float64))

    def read(self, h: Array) -> Array:
        """Read-outs (..., O) of states (..., D*H); of the native engine with the same bits whatever stands beside."""
        if self.V is None:
            return h
        if self.in_core and h.dtype == self.V.dtype:
            b = self.b_y
            y = native.readout(h.reshape(1, -1, h.shape[-1]), self.V, b, threads=1)
            return y.reshape(*h.shape[:-1], len(self.V))
        y = h @ self.V.T
        return y if self.b_y is None else y + self.b_y

    def states(
        self, sequences: Sequence[Array], steps: int | None = None
    ) -> Iterator[tuple[Array, list[Array], Array]]:
        """The top layer's states of checked sequences, batch by batch of at most so many steps with their padding.

        Yields:
            The places of the batch's sequences, the states of each (T_i, P), and what a whole one is read from (B, P).
        """
        w, D = self.weights, self.weights.directions
        for rows in by_length([len(s) for s in sequences], steps=steps):
            x, lengths = padded([self.seen(sequences[row]).astype(w.dtype, copy=False) for row in rows], w.dtype)
            found = run(w, x, lengths=lengths, engine=self.engine, cells=self.cells)
            top = found.state[-D:].transpose(1, 0, 2).reshape(len(rows), -1)
            valid = np.arange(x.shape[1]) < lengths[:, None]
            whole = pooled(self.pooling, found.hidden, top, valid)
            yield rows, [found.hidden[i, :T] for i, T in enumerate(lengths)], whole

    def read_outs(self, sequences: Sequence[Array], per_step: bool = False) -> list[Array]:
        """Read-outs of checked sequences: (O,) each, or with `per_step` (T_i, O)."""
        raw: list[Any] = [None] * len(sequences)
        for rows, hidden, whole in self.states(sequences):
            answers = [self.read(h) for h in hidden] if per_step else list(self.read(whole))
            for row, answer in zip(rows, answers, strict=True):
                raw[row] = answer
        return raw

    def predict(self, X: Any) -> Any:
        """Labels or numbers for sequences.

        Each is used whole. A model trained on windows (`layout["window"]`) expects its sequences cut alike:
        `gruvy.data.read` with the same `window` and `step` does it, and `gruvy predict` does so by itself.

        Args:
            X: a list of N arrays (T_i, I), or one array (N, T, I), or (N, T) for one channel.

        Returns:
            (N,) labels or numbers, (N, O) numbers, or for tags one array (T_i,) or (T_i, O) per sequence: a list for a
            list, one array (N, T) or (N, T, O) for an array.

        Raises:
            InputTypeError, DataError: X does not hold such sequences.
        """
        return self._answers(X, (lambda raw: raw) if self.target is None else self.target.answers)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of each class (N, K), or for tags (T_i, K) for each sequence; arguments as `predict`.

        Of several yes or no at each step: the probability of each yes.

        Raises:
            InputError: the model tells numbers, not classes.
        """
        return self._answers(X, self._told.probabilities)

    def predict_log_proba(self, X: Any) -> Any:
        """The natural logarithm of each probability, float64: also of those too small for `predict_proba`."""
        return self._answers(X, self._told.log_probabilities)

    @property
    def _told(self) -> Labels | YesNo:
        if isinstance(self.target, (Labels, YesNo)):
            return self.target
        raise InputError(f"{self.name} has no probabilities: its task is {self.task}; predict gives its numbers")

    def _answers(self, X: Any, answer: Any) -> Any:
        shape: tuple[int, ...] = getattr(X, "shape", ())
        if self.width is not None and len(shape) == 2 and shape[1] != self.width:
            raise InputError(f"X has {shape[1]} features, but {self.name} is expecting {self.width} features as input")
        sequences = as_sequences(X, channels=self.weights.input_units, allow_empty=True, dtype=None)
        return one_each(X, self.read_outs(sequences, self.per_step), answer, self.per_step)

    def stream(self, batch: int = 1) -> Stream:
        """A stream that is fed step by step.

        Args:
            batch: how many independent streams run side by side.

        Raises:
            InputError: the model is bidirectional, or batch is no whole number of at least 1.
        """
        if self.weights.directions == 2:
            raise InputError(
                f"{self.name} is bidirectional: it reads each sequence from its end too, so it cannot answer "
                "before the end; train with bidirectional=False to stream"
            )
        cells = None if self.cells is None else [cell for (cell,) in self.cells]
        pooling = "last" if self.per_step else self.pooling
        own = None if self.V is None else (self.V, self.b_y)
        return Stream(self.weights, cells, self.scaler, self.read, self.target, pooling, batch, own)


def one_each(X: Any, raw: Sequence[Array], answer: Any, per_step: bool) -> Any:
    """The answers to read-outs: one array, or with `per_step` one array per sequence, a list where X is one."""
    if not per_step:
        return answer(np.stack(raw))
    answers = [answer(r) for r in raw]
    return answers if isinstance(X, (list, tuple)) or np.asarray(X).dtype == object else np.stack(answers)
