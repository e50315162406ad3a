"""The rule that one half of the sets chooses, how it does on the other, and docs/accuracy.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import marked

from . import contestants, sets, study
from .study import Job

Scores = dict[Job, dict[str, Any]]


class Rule(NamedTuple):
    """Sequences of usually fewer than `least` steps are read by their last state, longer ones by `pooling`."""

    least: float
    pooling: str
    init: str

    def setting(self, steps: float) -> str:
        """The setting of the grid that it takes for sequences of so many steps."""
        pooling = "last" if steps < self.least else self.pooling
        return contestants.name_of({"pooling": pooling, "init": self.init, "bidirectional": False})

    def __str__(self) -> str:
        always = {0: self.pooling, math.inf: "last"}
        reading = always.get(self.least, f"last below {self.least:g} steps, else {self.pooling}")
        return f"{reading}; {self.init}"


def rules() -> Iterator[Rule]:
    """What may be shipped: one direction, since a net that reads both ways cannot follow a stream."""
    for init in ("uniform", "remember"):
        yield Rule(math.inf, "last", init)
        for least, pooling in product((0, 32, 48, 96, 192), ("mean", "max")):
            yield Rule(least, pooling, init)


def chosen_by(scores: Scores, name: str, what: str) -> float:
    """The mean over the splits of the training part, of a score of at least 0."""
    found = [
        row["score"] for job, row in scores.items() if job.set == name and job.part == "choose" and job.what == what
    ]
    return max(0.0, float(np.mean(found)))


def worth(scores: Scores, rule: Rule, names: Iterable[str]) -> float:
    """The mean over sets of what a rule's setting reaches on parts of their training data."""
    return float(np.mean([chosen_by(scores, name, rule.setting(steps_of(name))) for name in names]))


def best_rule(scores: Scores, names: Iterable[str]) -> Rule:
    """The rule worth most on these sets; of equal ones the first."""
    names = list(names)
    return max(rules(), key=lambda rule: worth(scores, rule, names))


def steps_of(name: str) -> float:
    """The usual number of steps of a set's training sequences."""
    return contestants.usual_length(study.sets_(name).train.x)


def complete(scores: Scores) -> list[str]:
    """The sets on which every setting was tried."""
    return [name for name in sets.NAMES if all(job in scores for job in study.choosing(name))]


def tested(scores: Scores, name: str, what: str) -> list[float]:
    """The scores on the test part, by seed."""
    return [
        row["score"] for job, row in sorted(scores.items()) if (job.set, job.part, job.what) == (name, "test", what)
    ]


def shown(found: list[float]) -> str:
    """Mean, and the least and the largest where there are several."""
    if not found:
        return "not run"
    spread = f" ({min(found):.2f} to {max(found):.2f})" if len(found) > 1 else ""
    return f"{np.mean(found):.3f}{spread}".replace("0.", ".") if min(found) >= 0 else f"{np.mean(found):.2f}{spread}"


def written(scores: Scores) -> str:
    """The part of the page that the run writes."""
    done = complete(scores)
    lines = ["## How the default was chosen", ""]
    halves = [[name for name in half if name in done] for half in sets.HALVES]
    for ours, other, word in ((halves[0], halves[1], "first"), (halves[1], halves[0], "second")):
        if ours and other:
            rule = best_rule(scores, ours)
            lines.append(
                f"- The {word} half ({', '.join(ours)}) chooses *{rule}*, worth {worth(scores, rule, ours):.3f} there; "
                f"on the other half it is worth {worth(scores, rule, other):.3f}, where the best rule has "
                f"{worth(scores, best_rule(scores, other), other):.3f} and the last state from uniform weights "
                f"{worth(scores, Rule(math.inf, 'last', 'uniform'), other):.3f}."
            )
    if done:
        rule = best_rule(scores, done)
        lines.append(f"- All {len(done)} sets together choose *{rule}*, worth {worth(scores, rule, done):.3f}.")
    lines += ["", "## Scores on the test parts", ""]
    whats = list(contestants.JUDGED)
    lines.append(
        "| set | sequences, steps | " + " | ".join([*whats, "best of the grid", "seconds of the default"]) + " |"
    )
    lines.append("| --- " * (len(whats) + 4) + "|")
    for name in sets.NAMES:
        data, seconds = study.sets_(name), [
            row["seconds"] for job, row in scores.items() if (job.set, job.part, job.what) == (name, "test", whats[0])
        ]  # fmt: skip
        grid = {job.what for job in study.best(name, scores)}
        cells = [shown(tested(scores, name, what)) for what in (*whats, *grid)]
        if not grid:
            cells.append("not run")
        took = f"{np.median(seconds):.0f}" if seconds else ""
        kind = "" if data.task == "classify" else " (R²)"
        lines.append(
            f"| {name}{kind} | {len(data.train.y):,}, {steps_of(name):.0f} | " + " | ".join([*cells, took]) + " |"
        )
    lines += ["", *beaten(scores)]
    return "\n".join(lines)


def beaten(scores: Scores) -> Iterator[str]:
    """Where a GRU with its default is not the tool, and what is: another by .02 or more, or the linear model at all."""
    for name in sets.NAMES:
        found = {what: tested(scores, name, what) for what in contestants.JUDGED}
        if all(found.values()):
            ours, *others = ((float(np.mean(values)), what) for what, values in found.items())
            for score, what in sorted(others, reverse=True):
                ahead = score - ours[0]
                if ahead >= 0.02 or (ahead > 0 and what == contestants.LINEAR):
                    none = "; none of them predicts it" if score <= 0 else ""
                    yield f"- On {name} {what} is better than the default by {ahead:.3f}{none}."


def write(page: Path, scores: Scores) -> None:
    """Put it into the page."""
    marked.replace(page, "accuracy", written(scores))
