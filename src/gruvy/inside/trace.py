"""Look inside a run: gates, candidate and state at every step, and how long each unit remembers. NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..convention import Convention
from ..engines.stack import check_state, run
from ..engines.steps import check_flags, check_lengths, in_order
from ..errors import InputError
from ..model.batches import as_batch
from ..model.model import Model
from ..reference import Steps, states_before, valid_steps
from .edits import Edit, Plan

Array = np.ndarray[Any, Any]


class Saturation(NamedTuple):
    """Shares of the steps at which a gate is nearly shut (low) or nearly open (high), each (layers*D, H)."""

    update_low: Array
    update_high: Array
    reset_low: Array
    reset_high: Array


class Trace(NamedTuple):
    """What a GRU did at every step: each array (layers * directions, B, T, H), zero where a step does not count.

    `valid` (B, T) says which steps count; `initial` (layers * directions, B, H) is the state before the first.
    The state equation holds: ``state = keep * previous() + (1 - keep) * candidate``, the gate `update` itself and
    one minus it in the convention's order; only where an edit changed the state itself it does not.
    """

    update: Array
    reset: Array
    candidate: Array
    state: Array
    valid: Array
    initial: Array
    restarts: Array | None
    convention: Convention
    directions: int

    @property
    def keep(self) -> Array:
        """The weight of the old state in the new one, in any convention: 1 keeps all of it, 0 replaces it."""
        kept = self.update if self.convention.keeps else 1 - self.update
        return np.where(self.valid[None, :, :, None], kept, 0)

    def previous(self) -> Array:
        """The state that each step started from, after any restart: (layers * directions, B, T, H)."""
        valid = self.valid.T[..., None]
        before = np.empty_like(self.state)
        for k, (state, h) in enumerate(zip(self.state, self.initial, strict=True)):
            cuts, reverse = self.steps(k).restarts, k % self.directions == 1
            before[k] = states_before(h, state.transpose(1, 0, 2), valid, cuts, reverse).transpose(1, 0, 2)
        return np.where(valid.transpose(1, 0, 2), before, 0)

    def final(self) -> Array:
        """The state after the last step that counts, in each direction's own order: (layers * directions, B, H)."""
        last = np.empty_like(self.initial)
        for k, (state, h) in enumerate(zip(self.state, self.initial, strict=True)):
            cuts, T = self.steps(k).restarts, state.shape[1]
            for t in reversed(range(T)) if k % self.directions == 1 else range(T):
                h = h if cuts is None else np.where(cuts[t][:, None], 0, h)
                h = np.where(self.valid[:, t, None], state[:, t], h)
            last[k] = h
        return last

    def steps(self, k: int) -> Steps:
        """The steps as layer and direction k met them, for an engine, time first."""
        cuts = None if self.restarts is None else self.restarts.T
        return in_order(Steps(mask=self.valid.T, restarts=cuts), reverse=k % self.directions == 1)

    def time_scales(self) -> Array:
        """Steps until a unit's state has decayed to 1/e, at the gates observed: (layers * directions, H).

        It is -1 / mean(log keep) over all steps that count: infinite for a unit that always keeps everything, 0 for
        one that ever forgets everything, NaN where no step counts.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            # keep is the product's geometric mean a step; log of it in float64
            kept = self._values(self.keep).astype(np.float64)
            scale: Array = -1 / np.where(kept.shape[1] > 0, _mean(np.log(kept)), np.nan)
        return np.abs(scale)  # a mean of 0 gives -infinity

    def saturation(self, low: float = 0.1, high: float = 0.9) -> Saturation:
        """Shares of steps with a gate below `low` and above `high`, by unit: each (layers * directions, H).

        Raises:
            InputError: not 0 <= low <= high <= 1.
        """
        if not 0 <= low <= high <= 1:
            raise InputError(f"low, high: {low}, {high}; expected 0 <= low <= high <= 1")
        z, r = self._values(self.update), self._values(self.reset)
        return Saturation(_mean(z < low), _mean(z > high), _mean(r < low), _mean(r > high))

    def _values(self, a: Array) -> Array:
        """The values at steps that count, of all sequences: (layers * directions, steps, H)."""
        return a[:, self.valid]


def _mean(a: Array) -> Array:
    """The mean over axis 1, NaN where it is empty."""
    if a.shape[1] == 0:
        return np.full((a.shape[0], a.shape[2]), np.nan)
    return np.asarray(a.mean(1, dtype=np.float64))


def trace(
    model: Any,
    x: Any,
    *,
    lengths: Any = None,
    mask: Any = None,
    restarts: Any = None,
    state: Any = None,
    edits: Sequence[Edit] | None = None,
    engine: str | None = None,
) -> Trace:
    """Run a GRU over a batch and keep every gate, candidate and state of every layer and direction.

    Args:
        model: `Weights`, a `gruvy.GRU`, a `torch.nn.GRU` or `gruvy.nn.GRU`, a fitted estimator or a loaded model.
        x: inputs (B, T, I), or a list of sequences (T_i, I), as the model's own `predict` takes them: a model that
            scales its inputs scales them here too.
        lengths: (B,) valid steps of each sequence, default T.
        mask: (B, T) booleans, True where a step counts; default all.
        restarts: (B, T) booleans, True where a sequence starts anew.
        state: initial states (layers * directions, B, H), default zeros.
        edits: a list of `gruvy.Edit`, for "what if": the net then runs on the reference equations in float64.
        engine: ``"native"``, ``"reference"`` or None for the fastest.

    Returns:
        `Trace`; `gruvy.inside.read_out` says what the model answers from it.

    Raises:
        InputError, InputTypeError: an argument does not fit; the text says which, what was given and what was expected.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.ones((6, 1)), np.zeros((6, 2)), None, None)]])
        >>> t = trace(w, np.ones((1, 3, 1)))
        >>> t.update.shape, t.keep[0, 0, :, 0].round(3)
        ((1, 1, 3, 2), array([0.269, 0.269, 0.269]))
        >>> t.time_scales().round(3)
        array([[0.761, 0.761]])
    """
    model = Model.of(model)
    w = model.weights.merged()
    x, lengths = as_batch(x, lengths, w.input_units)
    (B, T, _), D, H = x.shape, w.directions, w.hidden_units
    if edits is not None:
        w, engine = w.astype(np.float64), _by_reference(engine)
    initial = check_state(state, (w.layers * D, B, H), w.dtype)
    lengths, mask = check_lengths(lengths, B, T), check_flags("mask", mask, B, T)
    restarts = check_flags("restarts", restarts, B, T)
    plan = None if edits is None else Plan(edits, w, T)
    if plan is not None:
        x, mask = plan.edited(x, lengths, mask, blank_of(model))
    x, change = model.seen(x), None if plan is None else plan.change
    given = {"lengths": lengths, "mask": mask, "restarts": restarts}
    result = run(w, x, initial, **given, gates=True, engine=engine, change=change)
    assert result.gates is not None  # asked for
    assert result.layers is not None
    states = result.layers.reshape(w.layers, B, T, D, H).transpose(0, 3, 1, 2, 4).reshape(w.layers * D, B, T, H)
    # Views of what the engine wrote: the trace copies nothing that it need not.
    r, z, n = (result.gates[:, :, :, k].transpose(0, 2, 1, 3) for k in range(3))
    valid = valid_steps(T, B, Steps(lengths, None if mask is None else mask.T))[..., 0].T
    return Trace(z, r, n, states, valid, initial, restarts, w.convention, D)


def blank_of(model: Model) -> Array:
    """The input (I,) that says nothing: the mean of the training data where the model knows it, else 0."""
    return np.zeros(model.weights.input_units) if model.scaler is None else np.asarray(model.scaler.mean, np.float64)


def _by_reference(engine: str | None) -> str:
    if engine not in (None, "reference"):
        raise InputError(f'engine={engine!r}: edits are made in the reference equations; expected "reference" or None')
    return "reference"
