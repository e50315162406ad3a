"""What the numbers say about a claim: one verdict of an experiment, and one of several experiments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .weigh import Answer

Outcome = Literal["holds", "holds only when", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class Verdict:
    """What the numbers say about a claim.

    Args:
        outcome: ``"holds"``, ``"holds only when"``, ``"does not hold"`` or ``"cannot tell"``.
        text: the numbers that decided, in a sentence or two.
        condition: what comes after "holds only when", else empty.
    """

    outcome: Outcome
    text: str
    condition: str = ""

    def __str__(self) -> str:
        return f"{self.outcome} {self.condition}".strip()


def decide(text: str, holds: Answer, partly: Answer, condition: str) -> Verdict:
    """The verdict of a claim that holds; or else only when the condition is met; or else does not hold.

    Nobody can tell when it is not known whether it holds, or, where it does not, whether it does under the condition.
    """
    if holds:
        return Verdict("holds", text)
    if holds is None or partly is None:
        return Verdict("cannot tell", text)
    return Verdict("holds only when", text, condition) if partly else Verdict("does not hold", text)


def join(verdicts: Mapping[str, Verdict | None]) -> Verdict:
    """An experiment that cannot tell, or was not run, has no vote. Cannot tell: fewer than half of the experiments
    vote. Holds: all votes are that it holds. Does not hold: all are that it does not. Else it holds only when the
    conditions of the votes are met, and in those experiments alone that do not vote against it.

    Args:
        verdicts: by the experiments' names; None of one that was not run.
    """
    votes = {name: v for name, v in verdicts.items() if v is not None and v.outcome != "cannot tell"}
    silent = [name for name in verdicts if name not in votes]
    text = "; ".join(f"{name}: {v or 'not run'}" for name, v in verdicts.items()) + "."
    if 2 * len(votes) < len(verdicts) or not votes:
        return Verdict("cannot tell", text)
    if silent:
        text += f" No vote: {', '.join(silent)}."
    against = [name for name, v in votes.items() if v.outcome == "does not hold"]
    if len(against) == len(votes):
        return Verdict("does not hold", text)
    conditions = list(dict.fromkeys(v.condition for v in votes.values() if v.condition))
    if against:
        for_it = [name for name in votes if name not in against]
        conditions.insert(0, f"the task is {' or '.join(for_it)}, not {' or '.join(against)}")
    return Verdict("holds only when", text, " and ".join(conditions)) if conditions else Verdict("holds", text)
