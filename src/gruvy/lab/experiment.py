"""What an experiment is: a claim, a prediction, a measurement in parts, a rule that turns numbers into a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from .claims import Claim
from .verdict import Verdict
from .weigh import interval

if TYPE_CHECKING:
    from .figures import Figure

Numbers = dict[str, dict[str, Any]]
Parts = dict[str, Callable[[], dict[str, Any]]]
Settings = dict[str, Any]
APART = 100  # repetition k of seed s draws with 100 s + k: no two seeds share a repetition


@dataclass(frozen=True)
class Experiment:
    """How one claim of the tutorial is put to the test.

    Args:
        name: what ``only=`` calls it.
        claim: the tutorial's claim; several experiments may have one.
        prediction: what should be measured if the claim is true, said before measuring.
        method: what is done, in a paragraph.
        quick: settings of the quick mode.
        full: settings of the full mode; a setting that differs from the quick one is named as reduced.
        budget: (quick, full) minutes on two otherwise idle cores.
        parts: from settings and seed, the measurements to make, each under its key: a part is what a stopped run
            resumes at. Each gives a JSON object.
        rule: from the numbers, the verdict. Its docstring is the rule in words, and is printed beside the verdict.
        figures: from the numbers, the figures.
        table: from the numbers, a header and rows.
        algebra: from the numbers, what among them is an identity of the equations, checked but no experiment; in a
            sentence, empty if nothing is.
        identity: nothing of it is an experiment: it is algebra whole.
        alone: its parts measure time: none is measured beside another.
        only_full: why the quick mode leaves it out; empty when it does not.
    """

    name: str
    claim: Claim
    prediction: str
    method: str
    quick: Settings
    full: Settings
    budget: tuple[float, float]
    parts: Callable[[Settings, int], Parts]
    rule: Callable[[Numbers], Verdict]
    figures: Callable[[Numbers], list[Figure]]
    table: Callable[[Numbers], tuple[list[str], list[list[str]]]] = field(default=lambda numbers: ([], []))
    algebra: Callable[[Numbers], str] = field(default=lambda numbers: "")
    identity: bool = False
    alone: bool = False
    only_full: str = ""

    def settings(self, quick: bool) -> Settings:
        """The settings of this mode."""
        return self.quick if quick else self.full

    def reduced(self) -> list[str]:
        """What the quick mode does less of, one phrase per setting; empty when it does all that the full mode does."""
        return [
            f"{key.replace('_', ' ')} {show(self.quick[key])} (full: {show(self.full[key])})"
            for key in self.quick
            if self.quick[key] != self.full[key]
        ]

    @property
    def rule_text(self) -> str:
        """The rule in words."""
        return " ".join((self.rule.__doc__ or "").split())


@dataclass(frozen=True)
class Result:
    """One experiment and what came of it.

    Args:
        experiment: the experiment.
        quick: which settings it was run with.
        numbers: what was measured, by part.
        seconds: what the measuring took.
        verdict: what the rule says; None when it was not run.
        missing: why it was not run, else None.
    """

    experiment: Experiment
    quick: bool
    numbers: Numbers
    seconds: float
    verdict: Verdict | None
    missing: str | None = None

    @property
    def reduced(self) -> list[str]:
        """What the quick mode did less of; empty in full mode."""
        return self.experiment.reduced() if self.quick else []

    @property
    def outcome(self) -> str:
        """The verdict's outcome, or ``"not run"``."""
        return self.verdict.outcome if self.verdict else "not run"

    @property
    def said(self) -> str:
        """The verdict with its condition, or ``"not run"``."""
        return str(self.verdict or "not run")

    def summary(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        e = self.experiment
        texts = {
            "name": e.name,
            "claim": str(e.claim),
            "prediction": e.prediction,
            "method": e.method,
            "rule": e.rule_text,
        }
        measured = {"settings": e.settings(self.quick), "reduced": self.reduced, "seconds": round(self.seconds, 1)}
        verdict = vars(self.verdict) if self.verdict else None
        return texts | measured | {"verdict": verdict, "missing": self.missing, "numbers": self.numbers}


def show(value: object) -> str:
    """A setting as text."""
    if isinstance(value, list):
        return ", ".join(f"({show(v)})" if isinstance(v, list) else show(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {show(v)}" for key, v in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def sweep(measure: Callable[..., dict[str, Any]], s: Settings, seed: int, **axes: Iterable[Any]) -> Parts:
    """A part for each combination of the axes' values and each repetition, ``measure(s, seed, **values)``.

    What a part gives has the values and the seed beside what was measured.
    """
    made: Parts = {}
    for values in product(*axes.values()):
        given = dict(zip(axes, values, strict=True))
        words = ", ".join(f"{axis} {value}" if isinstance(value, int) else str(value) for axis, value in given.items())
        for k in repetitions(s, seed):
            made[f"{words}, seed {k}"] = partial(_one, measure, s, k, given)
    return made


def repetitions(s: Settings, seed: int) -> range:
    """The seeds of a run's repetitions."""
    return range(APART * seed, APART * seed + s["seeds"])


def _one(measure: Callable[..., dict[str, Any]], s: Settings, seed: int, given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "seed": seed, **measure(s, seed, **given)}


def rows(numbers: Numbers, /, **which: Any) -> list[dict[str, Any]]:
    """The parts that have these values, in order: ``rows(numbers, kind="gru")``."""
    return [r for r in numbers.values() if all(key in r and r[key] == value for key, value in which.items())]


def average(numbers: Numbers, column: str, /, **which: Any) -> float:
    """The mean of a number over the parts that have these values."""
    return mean(r[column] for r in rows(numbers, **which))


def repeated(numbers: Numbers, column: str, /, **which: Any) -> list[float]:
    """A number of each repetition, in the order of their seeds; `which` must leave one part of each."""
    found = {r["seed"]: float(r[column]) for r in rows(numbers, **which)}
    return [found[seed] for seed in sorted(found)]


def mean(values: Iterable[float]) -> float:
    """The mean of some numbers; of none, it is an error."""
    listed = list(values)
    return sum(listed) / len(listed)


def percent(share: float) -> str:
    """A share as text: 0.975 is '97.5 %'."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares as text: 0.125 is '12.5 points'."""
    return f"{100 * share:.1f} points"


def spread(values: list[float], form: Callable[[float], str] = percent) -> str:
    """Repetitions as text: their mean and `interval`, '97.5 % (96.0 % to 99.0 %)'; '97.5 %' where all are the same.

    The ends of shares are told no further than from 0 to 1.
    """
    found = interval(values)
    if found.low == found.high:
        return form(found.mean)
    low, high = (max(0.0, found.low), min(1.0, found.high)) if form is percent else (found.low, found.high)
    return f"{form(found.mean)} ({form(low)} to {form(high)})"
