"""A trained model at work, without torch: whole sequences, or one step at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import model_file, native, recurrence, reference
from .data.arrays import as_sequences
from .errors import InputError, InputTypeError
from .tasks import Labels

Array = np.ndarray[Any, Any]
ROWS = 256  # sequences run at once


def load(path: str | os.PathLike[str], *, engine: str | None = None) -> Model:
    """The model in a file that an estimator's `save`, `gruvy.GRU.save` or `gruvy train` wrote. Needs no torch.

    Args:
        path: the file.
        engine: ``"native"``, ``"reference"`` or None for the fastest.

    Raises:
        ModelFileError: the file is not there, no gruvy model, cut short or damaged, or of a newer version.
    """
    return Model(model_file.read(path), name=Path(path).name, engine=engine)


class Model:
    """A trained model: `predict`, `predict_proba`, `stream`. `gruvy.load` makes it.

    Attributes:
        data: everything in the file, a `gruvy.model_file.Model`.
        task: "classify", "regress", "tag", or None for raw read-outs.
        classes: the labels (K,), or None.
    """

    def __init__(self, data: model_file.Model, *, name: str = "model", engine: str | None = None) -> None:
        self.data, self.name, self.engine = data, name, engine
        # A forced engine that is not there is told now.
        self._native = recurrence.choose(engine, data.weights.dtype).name == "native"

    @cached_property
    def _cells(self) -> list[list[native.Packed]] | None:
        """The weights packed once, since they are only read; None without the native engine."""
        return recurrence.packed(self.data.weights) if self._native else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_cells"}

    @property
    def task(self) -> str | None:
        """What the answers are: "classify", "regress" or "tag"; None for a net saved without training by `fit`."""
        return None if self.data.task is None else self.data.task.name

    @property
    def classes(self) -> Array | None:
        """The labels (K,) in the order of the probabilities; None for a model of numbers."""
        return self.data.task.classes if isinstance(self.data.task, Labels) else None

    def __repr__(self) -> str:
        w = self.data.weights
        return (
            f"Model({self.name!r}, task {self.task}, input {w.input_units}, hidden {w.hidden_units}, "
            f"output {len(self.data.b_y)}, layers {w.layers}, directions {w.directions}, {w.convention})"
        )

    def predict(self, X: Any) -> Any:
        """Labels or numbers for sequences.

        Args:
            X: a list of N arrays (T_i, I), or one array (N, T, I), or (N, T) for one channel.

        Returns:
            (N,) labels or numbers, (N, O) numbers, or for tags one array (T_i,) a sequence: a list for a list, one
            array (N, T) for an array.

        Raises:
            InputTypeError, DataError: X does not hold such sequences.
        """
        task = self.data.task
        return self._answers(X, (lambda raw: raw) if task is None else task.answers)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of each class (N, K), or for tags (T_i, K) for each sequence; arguments as `predict`.

        Raises:
            InputError: the model tells numbers, not classes.
        """
        task = self.data.task
        if not isinstance(task, Labels):
            raise InputError(f"{self.name} has no probabilities: its task is {self.task}; predict gives its numbers")
        return self._answers(X, task.probabilities)

    def _answers(self, X: Any, answer: Any) -> Any:
        sequences = self._sequences(X)
        raw = self._raw(sequences)
        if self.data.task is None or not self.data.task.per_step:
            return answer(np.stack(raw))
        answers = [answer(r) for r in raw]
        return answers if isinstance(X, (list, tuple)) or np.asarray(X).dtype == object else np.stack(answers)

    def _sequences(self, X: Any) -> list[Array]:
        width = self.data.width
        shape: tuple[int, ...] = getattr(X, "shape", ())
        if width is not None and len(shape) == 2 and shape[1] != width:
            raise InputError(f"X has {shape[1]} features, but {self.name} is expecting {width} features as input")
        return as_sequences(X, channels=self.data.weights.input_units, allow_empty=True, dtype=None)

    def _raw(self, sequences: Sequence[Array]) -> list[Array]:
        """Read-outs: (O,) for each sequence, or (T_i, O) where the task is one a step."""
        d, per_step = self.data, self.data.task is not None and self.data.task.per_step
        lengths = np.array([len(s) for s in sequences])
        order = np.argsort(lengths, kind="stable")
        raw: list[Any] = [None] * len(sequences)
        for rows in (order[i : i + ROWS] for i in range(0, len(order), ROWS)):
            x = np.zeros((len(rows), lengths[rows].max(), d.weights.input_units), d.weights.dtype)
            for i, row in enumerate(rows):
                x[i, : lengths[row]] = d.scaled(sequences[row])
            run = recurrence.run(d.weights, x, lengths=lengths[rows], engine=self.engine, cells=self._cells)
            D = d.weights.directions
            top = run.state[-D:].transpose(1, 0, 2).reshape(len(rows), -1)
            for i, row in enumerate(rows):
                hidden = run.hidden[i, : lengths[row]]
                raw[row] = self._read(hidden if per_step else _pool(d.pooling, hidden, top[i]))
        return raw

    def _read(self, h: Array) -> Array:
        """Read-outs (..., O) of states (..., D*H); of the native engine with the same bits whatever stands beside."""
        V, b = self.data.V, self.data.b_y
        if self._native:
            return native.readout(h.reshape(1, -1, h.shape[-1]), V, b, threads=1).reshape(*h.shape[:-1], len(b))
        y: Array = h @ V.T + b
        return y

    def stream(self, batch: int = 1) -> Stream:
        """A stream that is fed step by step.

        Args:
            batch: how many independent streams run side by side.

        Raises:
            InputError: the model is bidirectional, or batch is no whole number of at least 1.
        """
        return Stream(self, batch)


def _pool(pooling: str, hidden: Array, final: Array) -> Array:
    if pooling == "last" or len(hidden) == 0:
        return final
    pooled: Array = hidden.mean(axis=0) if pooling == "mean" else hidden.max(axis=0)
    return pooled


class StreamState(NamedTuple):
    """Everything a stream remembers: hidden (layers, B, H), pooled (B, H), steps (B,) since the last restart.

    `pooled` is the sum of the top layer's states for pooling "mean", their maximum for "max", and unused for "last".
    """

    hidden: Array
    pooled: Array
    steps: Array


class Stream:
    """A model fed one step at a time; `Model.stream` makes it.

    After each step the answer equals that of `predict_proba` or `predict` for all steps so far: probabilities, or
    numbers on the targets' own scale; with tags, the probabilities of that step.
    """

    def __init__(self, model: Model, batch: int = 1) -> None:
        if isinstance(batch, bool) or not isinstance(batch, (int, np.integer)) or batch < 1:
            raise InputError(f"batch={batch!r}: wanted a whole number of at least 1")
        w = model.data.weights
        if w.directions == 2:
            raise InputError(
                f"{model.name} is bidirectional: it reads each sequence from its end too, so it cannot answer "
                "before the end; train with bidirectional=False to stream"
            )
        self.model, self.batch = model, int(batch)
        self._weights = w.merged()
        self._packed = None if model._cells is None else [cell for (cell,) in model._cells]
        self._hidden = np.zeros((w.layers, self.batch, w.hidden_units), w.dtype)
        self._pooled = np.zeros((self.batch, w.hidden_units))  # float64: a sum of many steps
        self._steps = np.zeros(self.batch, np.int64)

    def push(self, x: Any) -> Any:
        """Feed one step and get the answer after it.

        Args:
            x: (batch, I), or (I,) for a batch of 1; a number will do for one channel and a batch of 1.

        Returns:
            Probabilities (batch, K), or numbers (batch,) or (batch, O); without the batch axis if x had none. NaN and
            infinity go through, in their own row only.

        Raises:
            InputError, InputTypeError: x has another shape, or is not made of numbers.
        """
        d, I = self.model.data, self._weights.input_units
        try:
            x = np.asarray(x, np.float64)
        except (TypeError, ValueError):
            raise InputTypeError(f"x: {type(x).__name__}, wanted numbers ({self.batch}, {I})") from None
        single = self.batch == 1 and x.shape in ((I,), () if I == 1 else (I,))
        if x.shape != (self.batch, I) and not single:
            alone = f" or ({I},)" if self.batch == 1 else ""
            raise InputError(f"x: shape {x.shape}, wanted (batch, {I}) = ({self.batch}, {I}){alone}")
        h = d.scaled(x.reshape(self.batch, I))
        for k, (cell,) in enumerate(self._weights.cells):
            if self._packed is None:
                self._hidden[k] = reference.step(h, self._hidden[k], *cell, self._weights.convention)
            else:
                self._packed[k].step_into(h, self._hidden[k], self._hidden[k])
            h = self._hidden[k]
        y = self.model._read(self._pool(h))
        answer = y if d.task is None else d.task.stream(y)
        return answer[0] if single else answer

    def _pool(self, h: Array) -> Array:
        pooling, tag = self.model.data.pooling, self.model.task == "tag"
        self._steps += 1
        if pooling == "last" or tag:
            return h
        if pooling == "mean":
            self._pooled += h
            return (self._pooled / self._steps[:, None]).astype(h.dtype)
        first = self._steps[:, None] == 1
        self._pooled = np.where(first, h, np.maximum(self._pooled, h))
        return self._pooled.astype(h.dtype)

    def restart(self, rows: Any = None) -> None:
        """Forget everything, as before the first step.

        Args:
            rows: the streams to restart, as an index, a list of indices or booleans (batch,); None restarts all.

        Raises:
            InputError: there are no such rows.
        """
        which = slice(None) if rows is None else np.atleast_1d(np.asarray(rows))
        try:
            self._steps[which] = 0
            self._pooled[which] = 0
            self._hidden[:, which] = 0
        except IndexError:
            raise InputError(f"rows={rows!r}: wanted indices below {self.batch}, or ({self.batch},) booleans") from None

    @property
    def state(self) -> StreamState:
        """A copy of what the stream remembers; set it to go on from there, in this or another stream of the model."""
        return StreamState(self._hidden.copy(), self._pooled.copy(), self._steps.copy())

    @state.setter
    def state(self, state: StreamState) -> None:
        own = (self._hidden, self._pooled, self._steps)
        if not isinstance(state, (tuple, list)) or [np.shape(a) for a in state] != [a.shape for a in own]:
            came = [np.shape(a) for a in state] if isinstance(state, (tuple, list)) else type(state).__name__
            raise InputError(f"state: {came}, wanted the state of a stream of this model, {[a.shape for a in own]}")
        for mine, a in zip(own, state, strict=True):
            mine[...] = a
