"""Check first, then time interleaved: no ratio is reported of contestants that computed different things."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .contestants import Contestant
from .problem import Mode, Problem, error

PAUSE = 0.003  # seconds; the last contestant's threads may spin for a while and would slow the next


class Timed(NamedTuple):
    """One contestant on one problem: seconds of every round, the error against float64, or why it has none."""

    name: str
    seconds: list[float]
    error: float | None
    absent: str | None


def clock(run: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleave(
    runs: Sequence[Callable[[], Any]], budget: float = 1.0, least: int = 5, most: int = 40
) -> list[list[float]]:
    """Seconds of every round for every run; round after round, so that a slow moment of the machine hits all alike.

    Args:
        runs: what to time, each already run once.
        budget: seconds for each of them, which decides the number of rounds between `least` and `most`.
    """
    slowest = max((clock(run) for run in runs), default=1.0)
    rounds = max(least, min(most, int(budget / slowest)))
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, seconds in zip(runs, found, strict=True):
            time.sleep(PAUSE)
            if slowest < 0.3:
                run()  # wakes threads and fills caches with this contestant's data; a long run does so itself
            seconds.append(clock(run) if slowest > 0.05 else min(clock(run) for _ in range(2)))
    return found


def contest(
    contestants: Sequence[Contestant],
    problem: Problem,
    mode: Mode,
    threads: int,
    budget: float,
    beside: Mapping[str, Callable[[], Any]] | None = None,
) -> list[Timed]:
    """All contestants on one problem; one that is not installed or computes something else is named with the reason.

    beside: what is timed with them for comparison and has no answer to be checked, by name.
    """
    runs: dict[int, Callable[[], Any]] = {}  # of those who compete, by their place
    outcome: list[Timed] = []
    for contestant in contestants:
        try:
            made = contestant.prepare(problem, mode, threads)
        except (ImportError, OSError) as reason:
            outcome.append(Timed(contestant.name, [], None, f"not installed ({reason})"))
            continue
        made.run()
        wrong = error(made.result(), contestant.answer(problem, mode))
        right = wrong <= contestant.limit
        if right:
            runs[len(outcome)] = made.run
        outcome.append(Timed(contestant.name, [], wrong, None if right else f"wrong by {wrong:.1e}, not timed"))
    for name, run in (beside or {}).items():
        runs[len(outcome)] = run
        outcome.append(Timed(name, [], None, None))
    for k, seconds in zip(runs, interleave(list(runs.values()), budget), strict=True):
        outcome[k] = outcome[k]._replace(seconds=seconds)
    return outcome


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float, float]:
    """Their time over ours, round by round: lower quartile, median, upper quartile."""
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return low, middle, high
