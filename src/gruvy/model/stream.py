"""A model fed one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import reference
from ..checks import whole
from ..engines import native
from ..engines.feed import Push, feed
from ..errors import InputError, InputTypeError
from ..weights import Weights
from .scaler import Scaler
from .task import Labels, Numbers, Task
from .yes_no import YesNo

Array = np.ndarray[Any, Any]


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

    def __init__(
        self,
        weights: Weights,
        cells: Sequence[native.Packed] | None,
        scaler: Scaler | None,
        read: Callable[[Array], Array],
        target: Task | None,
        pooling: str,
        batch: int = 1,
        readout: tuple[Array, Array | None] | None = None,
    ) -> None:
        """Args: cells, the weights packed, or None for NumPy; read, the read-out of pooled states; target, what that is
        told as, or None for itself; readout, V and b_y that `read` reads with, or None where it gives the states.
        """
        self.batch = whole("batch", batch, 1)
        self._weights, self._packed, self._pooling = weights.merged(), cells, pooling
        self._scaler, self._read, self._target = scaler, read, target
        w = self._weights
        self._hidden = np.zeros((w.layers, self.batch, w.hidden_units), w.dtype)
        self._pooled = np.zeros((self.batch, w.hidden_units))  # float64: a sum of many steps
        self._steps = np.zeros(self.batch, np.int64)
        self._readout = readout
        self._feed()

    def _feed(self) -> None:
        """Make `_push`, the way of a usual step, or None; what it fills; and what is left to do then."""
        dtype, target, readout = self._weights.dtype, self._target, self._readout
        back = Scaler(target.mean, target.scale) if isinstance(target, Numbers) else None
        self._filled = dtype if back is None else np.dtype(np.float64)
        O = self._weights.hidden_units if readout is None else len(readout[0])
        answers, self._shape = "numbers", (self.batch, O)
        self._tell: Callable[[Array], Array] | None = None
        if isinstance(target, Labels):
            self._shape = (self.batch, len(target.classes))
            answers = "softmax" if self._shape[1] == O else "two"
        elif isinstance(target, YesNo):
            answers = "sigmoids"
        elif target is not None:
            self._tell = target.shaped if isinstance(target, Numbers) else target.stream
        self._push: Push | None = None
        if self._packed is not None and all(a is None or a.dtype == dtype for a in readout or ()):
            own = (self._pooling, self._hidden, self._pooled, self._steps)
            self._push = feed(self._packed, *own, scaler=self._scaler, readout=readout, back=back, answers=answers)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_push", "_tell")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._feed()

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
        if self._push is not None:
            y = np.empty(self._shape, self._filled)
            done = self._push(x, y)
            if done:  # else it is no array of float32 or float64 in this shape
                y = y if self._tell is None else self._tell(y)
                return y[0] if done == 2 else y
        I = self._weights.input_units
        try:
            x = np.asarray(x, np.float64)
        except (TypeError, ValueError):
            raise InputTypeError(f"x: {type(x).__name__}, expected numbers ({self.batch}, {I})") from None
        single = self.batch == 1 and x.shape in ((I,), () if I == 1 else (I,))
        if x.shape != (self.batch, I) and not single:
            alone = f" or ({I},)" if self.batch == 1 else ""
            raise InputError(f"x: shape {x.shape}, expected (batch, {I}) = ({self.batch}, {I}){alone}")
        answer = self._answer(self._step(self._seen(x.reshape(self.batch, I))))
        return answer[0] if single else answer

    def _seen(self, x: Array) -> Array:
        return x if self._scaler is None else self._scaler(x)

    def _answer(self, pooled: Array) -> Array:
        y = self._read(pooled)
        return y if self._target is None else self._target.stream(y)

    def push_many(self, x: Any) -> Any:
        """Feed any number of steps at once; the answers are those of `push` for each in turn, to the bit.

        Args:
            x: (n, batch, I), or (n, I) for a batch of 1; (n,) will do for one channel and a batch of 1. n may be 0.

        Returns:
            An answer after each step: (n, batch, K) probabilities, or numbers (n, batch) or (n, batch, O); without the
            batch axis if x had none.

        Raises:
            InputError, InputTypeError: x has another shape, or is not made of numbers.
        """
        I, B, H = self._weights.input_units, self.batch, self._weights.hidden_units
        try:
            x = np.asarray(x, np.float64)
        except (TypeError, ValueError):
            raise InputTypeError(f"x: {type(x).__name__}, expected numbers (n, {B}, {I})") from None
        single = B == 1 and x.ndim >= 1 and x.shape[1:] in ((I,), () if I == 1 else (I,))
        if (x.ndim != 3 and not single) or (x.ndim == 3 and x.shape[1:] != (B, I)):
            alone = f" or (n, {I})" if B == 1 else ""
            raise InputError(f"x: shape {x.shape}, expected (n, batch, {I}) = (n, {B}, {I}){alone}")
        seen = self._seen(x.reshape(-1, B, I))
        pooled = np.empty((len(x), B, H), self._weights.dtype)
        for t, step in enumerate(seen):
            pooled[t] = self._step(step)
        answers = self._answer(pooled)
        return answers[:, 0] if single else answers

    def _step(self, seen: Array) -> Array:
        """What is read after one step (batch, I) more, as the recurrence sees it."""
        h = seen.astype(self._weights.dtype, copy=False)
        for k, (cell,) in enumerate(self._weights.cells):
            if self._packed is None:
                self._hidden[k] = reference.step(h, self._hidden[k], cell, self._weights.convention)
            else:
                self._packed[k].step_into(h, self._hidden[k], self._hidden[k])
            h = self._hidden[k]
        return self._pool(h.copy())

    def _pool(self, h: Array) -> Array:
        self._steps += 1
        if self._pooling == "last":
            return h
        if self._pooling == "mean":
            self._pooled += h
            return (self._pooled / self._steps[:, None]).astype(h.dtype)
        first = self._steps[:, None] == 1
        self._pooled[...] = np.where(first, h, np.maximum(self._pooled, h))
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
            raise InputError(
                f"rows={rows!r}: expected indices below {self.batch}, or ({self.batch},) booleans"
            ) from None

    @property
    def state(self) -> StreamState:
        """A copy of what the stream remembers; set it to go on from there, in this or another stream of the model."""
        return StreamState(self._hidden.copy(), self._pooled.copy(), self._steps.copy())

    @state.setter
    def state(self, state: StreamState) -> None:
        own = (self._hidden, self._pooled, self._steps)
        if not isinstance(state, (tuple, list)) or [np.shape(a) for a in state] != [a.shape for a in own]:
            given = [np.shape(a) for a in state] if isinstance(state, (tuple, list)) else type(state).__name__
            raise InputError(f"state: {given}, expected the state of a stream of this model, {[a.shape for a in own]}")
        for mine, a in zip(own, state, strict=True):
            mine[...] = a
