"""One sentence on what a net did with a sequence, from measurements alone: the page says the same. NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..model.batches import as_batch
from ..model.model import Model
from .answers import leads
from .edits import DIRECTIONS, Edit
from .read_out import ReadOut, read_out
from .trace import trace

Array = np.ndarray[Any, Any]

SURE = 0.9  # from this probability on a net is called sure


class Without(NamedTuple):
    """The answer once something is taken away: its class (None for numbers), and its probability or the number."""

    says: str | None
    value: float


class Carrier(NamedTuple):
    """The unit whose switching off moves the answer most towards the one without the range of steps."""

    layer: int
    direction: str | None
    unit: int
    without: Without


class Description(NamedTuple):
    """What a net did with a sequence. Steps are counted from 0, and a range ends before its second number.

    says, value: the answer: a class and its probability, or None and the number. sure: the longest stretch before the
    turn at which one class led with at least .9: (class, first, end, lowest probability), or None. turn: the step from
    which on the answer leads, and which class led before it, or None; of numbers the step of the largest move, and the
    numbers before and after it. steps, without: the shortest range of steps without which it says something else, or
    of numbers without which the answer moves by at least half of all it moved over the steps; and what it then says.
    carrier: `Carrier`, or None where there is no such range or no unit does it. kept: the answer's probability, or the
    number, while the carrier is off. text: the sentence; it counts steps from 1, as the page does.
    """

    says: str | None
    value: float
    sure: tuple[str, int, int, float] | None
    turn: tuple[int, Any, Any] | None
    steps: tuple[int, int] | None
    without: Without | None
    carrier: Carrier | None
    kept: float | None
    text: str


def describe(
    model: Any, x: Any, *, edits: Sequence[Edit] = (), step: int | None = None, names: Sequence[str] | None = None
) -> Description:
    """Say in a sentence what a net did with a sequence: when it was sure, where it turned, which steps and unit did it.

    Every range of steps is left out once, from the shortest on, and every unit switched off once (its state set to 0
    from the range's first step on, in its direction's order).

    Args:
        model: anything `trace` takes.
        x: one sequence (T, I).
        edits: made before all else.
        step: of a model that answers at every step, which answer is meant; default the last.
        names: what to call the classes; default the model's own.

    Returns:
        `Description`. Of several numbers that a model answers with it is about the first.

    Raises:
        InputError, InputTypeError: an argument does not fit.

    Example:
        >>> from gruvy.weights import Cell, Weights
        >>> W = np.array([[0.0], [0.0], [3.0]])
        >>> w = Weights("tutorial", [[Cell(W, np.zeros((3, 1)), None, None)]])
        >>> for part in describe(w, np.array([[0.1], [0.0], [1.0]])).text.split("; "):
        ...     print(part)
        Ends at 0.534
        moved most at step 3 (from 0.0728 to 0.534)
        without step 3 it ends at 0.0728
        unit 0 carries most of it: switched off from step 3, it ends at 0.
    """
    return _Question(Model.of(model), x, list(edits), step, names).description()


class _Question:
    def __init__(self, model: Model, x: Any, edits: list[Edit], step: int | None, names: Sequence[str] | None) -> None:
        self.model, self.edits, self.step = model, edits, step
        x = np.asarray(x)
        self.x = as_batch(x[None] if x.ndim == 2 else x, None, model.weights.input_units)[0]
        if len(self.x) != 1 or not self.x.shape[1]:
            raise InputError(f"x: shape {x.shape}, expected one sequence of at least one step")
        self.T = self.x.shape[1]
        if step is not None and (not model.per_step or not 0 <= step < self.T):
            raise InputError(f"step: {step}, expected None, or 0 to {self.T - 1} of a model that answers at every step")
        self.names = None
        if model.classes is not None:
            self.names = [str(v) for v in (model.classes if names is None else names)]
        self.at = self.T - 1 if step is None else step

    def description(self) -> Description:
        seen = trace(self.model, self.x, edits=self.edits)
        first = read_out(self.model, seen)
        whole, course = self.answer(first)[0], self.over_time(first, seen.valid[0])
        best = int(leads(self.model, whole))
        sure, turn = (None, None) if course is None else self.turn(course, best)
        steps, without = self.shortest(whole, best, course)
        carrier, kept = (None, None) if steps is None else self.carrier(whole, best, steps, without)
        said = None if without is None else self.told(without)
        found = Description(*self.told(whole, best), sure, turn, steps, said, carrier, kept, "")
        return found._replace(text=self.text(found))

    def run(self, x: Array, mask: Array | None, more: list[Edit]) -> ReadOut:
        seen = trace(self.model, x, mask=mask, edits=[*self.edits, *more])
        return read_out(self.model, seen)

    def answer(self, found: ReadOut) -> Array:
        """The answers that are meant (B, K)."""
        return found.steps[:, self.at] if self.model.per_step and found.steps is not None else found.final

    def told(self, answer: Array, k: int | None = None) -> Without:
        k = int(leads(self.model, answer)) if k is None else k
        return Without(self.names[k] if self.names else None, float(answer[k]))

    def over_time(self, found: ReadOut, valid: Array) -> Array | None:
        """The answer if it ended at each step (T, K); at a step that was cut it is that of the step before."""
        if found.steps is None or self.model.per_step or not valid.any():
            return None
        latest = np.maximum.accumulate(np.where(valid, np.arange(self.T), -1))
        return np.asarray(found.steps[0, np.where(latest < 0, valid.argmax(), latest)])

    def turn(self, steps: Array, best: int) -> tuple[Any, Any]:
        """Where it was sure before the turn, and the turn."""
        if self.names is None:
            v = steps[:, 0]
            if self.T < 2:
                return None, None
            t = int(np.abs(np.diff(v)).argmax()) + 1
            return None, (t, float(v[t - 1]), float(v[t]))
        says = leads(self.model, steps)
        p = np.take_along_axis(steps, says[:, None], axis=1)[:, 0]
        sure, other = p >= SURE, np.flatnonzero(says != best)
        end = int(other[-1]) + 1 if len(other) else 0
        turn = (end, self.names[says[end - 1]], self.names[best]) if end else None
        # before the turn; where there is none, at the end
        longest: tuple[int, int] | None = None
        first = 0
        for t in range(1, (end or self.T) + 1):
            if t < (end or self.T) and says[t] == says[first] and sure[t] == sure[first]:
                continue
            if sure[first] and (longest is None or t - first >= longest[1] - longest[0]):
                longest = first, t
            first = t
        if longest is None:
            return None, turn
        a, b = longest
        return (self.names[says[a]], a, b, float(p[a:b].min())), turn

    def shortest(self, whole: Array, best: int, course: Array | None) -> tuple[tuple[int, int] | None, Array | None]:
        """The shortest range of steps without which the answer is another one, and that answer."""
        half = None
        if self.names is None:
            half = 0 if course is None else np.ptp(course[:, 0]) / 2
            if half == 0:
                return None, None
        for length in range(1, self.T):
            starts = [a for a in range(self.T - length + 1) if not (self.model.per_step and a <= self.at < a + length)]
            if not starts:
                continue
            mask = np.ones((len(starts), self.T), bool)
            for row, a in enumerate(starts):
                mask[row, a : a + length] = False
            left = self.answer(self.run(np.repeat(self.x, len(starts), axis=0), mask, []))
            if half is None:
                other, moved = leads(self.model, left) != best, -left[:, best]
            else:
                moved = np.abs(left[:, 0] - whole[0])
                other = moved >= half
            if other.any():
                row = int(np.where(other, moved, -np.inf).argmax())
                return (starts[row], starts[row] + length), left[row]
        return None, None

    def carrier(
        self, whole: Array, best: int, steps: tuple[int, int], without: Array | None
    ) -> tuple[Carrier | None, float | None]:
        assert without is not None  # there is a range
        w, most, found = self.model.weights, 0.0, None
        other = int(leads(self.model, without))

        def margin(answer: Array) -> float:
            if self.names is None:
                return float(answer[0] * np.sign(whole[0] - without[0]))
            with np.errstate(divide="ignore"):
                return float(np.log(answer[best]) - np.log(answer[other]))

        for layer in range(w.layers):
            for d in range(w.directions):
                over = (steps[0], self.T) if d == 0 else (0, steps[1])
                way = DIRECTIONS[d] if w.directions == 2 else None
                for unit in range(w.hidden_units):
                    off = Edit("state", "set", 0.0, steps=over, units=unit, layer=layer, direction=way)
                    left = self.answer(self.run(self.x, None, [off]))[0]
                    if margin(whole) - margin(left) > most:
                        most, found = (
                            margin(whole) - margin(left),
                            (Carrier(layer, way, unit, self.told(left)), float(left[best])),
                        )
        return (None, None) if found is None else found

    def text(self, d: Description) -> str:
        said = [self._course(d)]
        if d.steps is None:
            if self.names is not None:
                said.append("no range of steps changes what it says")
            return "; ".join(said) + "."
        assert d.without is not None  # there is a range
        a, b = d.steps
        which = f"without step {b}" if b - a == 1 else f"without steps {a + 1} to {b}"
        said.append(f"{which} it {self._answers(d.without)}")
        if d.carrier is None:
            return "; ".join([*said, "no single unit carries the difference"]) + "."
        c, w = d.carrier, self.model.weights
        name = f"unit {c.unit}" + (f" of layer {c.layer + 1}" if w.layers > 1 else "")
        name += "" if c.direction is None else f", {c.direction},"
        if c.direction == "backward":
            off = f"switched off from step {b} back"
        else:
            off = f"switched off from step {a + 1}"
        if c.without.says != d.says:
            said.append(f"{name} carries the difference: {off}, it {self._answers(c.without)}")
        elif d.says is None:
            said.append(f"{name} carries most of it: {off}, it {self._answers(c.without)}")
        else:
            assert d.kept is not None  # there is a carrier
            said.append(f"{name} carries most of it: {off}, {d.says} goes from {_p(d.value)} to {_p(d.kept)}")
        return "; ".join(said) + "."

    def _answers(self, w: Without) -> str:
        return f"ends at {_number(w.value)}" if w.says is None else f"says {w.says} ({_p(w.value)})"

    def _course(self, d: Description) -> str:
        if self.model.per_step:
            said = self._answers(Without(d.says, d.value))
            return f"At step {self.at + 1} it {said}"
        if d.says is None:
            end = f"Ends at {_number(d.value)}"
            if d.turn is None:
                return end
            return f"{end}; moved most at step {d.turn[0] + 1} (from {_number(d.turn[1])} to {_number(d.turn[2])})"
        sure = ""
        if d.sure is not None:
            name, a, b, p = d.sure
            at = f"at step {b}" if b - a == 1 else f"from step {a + 1} to {b}"
            sure = f"Sure of {name} {at} (at least {_floor(p)})"
        if d.turn is not None:
            t, before, _ = d.turn
            end = f"at step {t + 1} ({_p(d.value)} at the end)"
            return (
                f"{sure}, turned to {d.says} {end}"
                if sure
                else f"Not sure before it turned from {before} to {d.says} {end}"
            )
        whole = f"Says {d.says} ({_p(d.value)})"
        return f"{whole}. {sure}" if sure else whole


def _p(p: float) -> str:
    """A probability in two digits, never rounded to certainty."""
    if p >= 0.995:
        return "over .99"
    return "under .01" if p < 0.005 else f"{p:.2f}"[1:]


def _floor(p: float) -> str:
    """A probability that is at least this: two digits, rounded down."""
    return f"{math.floor(p * 100 + 1e-9) / 100:.2f}"[1:] if p < 1 else ".99"


def _number(v: float) -> str:
    """Three digits."""
    return np.format_float_positional(float(f"{v:.3g}"), trim="-")
