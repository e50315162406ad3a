"""Run the lab: every experiment's parts, those on disk left out, then the page and the numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import gruvy

from ..errors import InputError
from . import binary, cost, gates, gradients, memory, relation, speech, squash, store
from .claims import Claim
from .experiment import Experiment, Result
from .page import render
from .verdict import Verdict, join
from .workers import Workers

_ADDING, _ORDER, _COPY, _ANSWER = memory.EXPERIMENTS
_FIRST = [_ADDING, _ORDER, _COPY, *speech.EXPERIMENTS, *gradients.EXPERIMENTS, _ANSWER, *relation.EXPERIMENTS]
_THEN = [*cost.EXPERIMENTS, *gates.EXPERIMENTS, *squash.EXPERIMENTS, *binary.EXPERIMENTS]
# In the order of the tutorial's claims.
EXPERIMENTS: dict[str, Experiment] = {e.name: e for e in _FIRST + _THEN}


@dataclass(frozen=True)
class Report:
    """What a run of the lab leaves: where its page and numbers are, and its results."""

    page: Path
    numbers: Path
    results: list[Result]

    def claims(self) -> list[tuple[Claim, Verdict, list[Result]]]:
        """Of each claim the verdict that joins its experiments (see `gruvy.lab.claims.join`), and their results."""
        by: dict[Claim, list[Result]] = {}
        for r in self.results:
            by.setdefault(r.experiment.claim, []).append(r)
        return [(claim, join({r.experiment.name: r.verdict for r in of}), of) for claim, of in by.items()]

    def verdicts(self) -> list[dict[str, str]]:
        """Of each experiment its name, the claim, the verdict, and a note where it was reduced or left out."""
        return [
            {
                "experiment": r.experiment.name,
                "claim": str(r.experiment.claim),
                "verdict": r.said,
                "note": r.missing or ("quick: reduced" if r.reduced else ""),
            }
            for r in self.results
        ]

    def table(self) -> Table:
        """Claims and verdicts, for a terminal."""
        table = Table("claim", "verdict", "experiments")
        for claim, verdict, results in self.claims():
            said = [f"{r.experiment.name}: {r.said}" if len(results) > 1 else r.experiment.name for r in results]
            table.add_row(str(claim), str(verdict), "\n".join(said))
        return table


def run(
    out: str | Path,
    *,
    quick: bool = True,
    only: Sequence[str] | None = None,
    resume: bool = True,
    seed: int = 0,
    processes: int = 1,
    console: Console | None = None,
) -> Report:
    """Put the tutorial's claims to the test, and write what came of it.

    Args:
        out: the folder to write to: ``lab.html``, ``lab.json``, and one file per experiment under ``parts``.
        quick: about 4 minutes on 2 idle cores, reduced, and says where; else about an hour.
        only: names of experiments, default all.
        resume: take over what an earlier run with the same settings has measured; False measures anew.
        seed: draws weights and data; repetition k draws with 100 * seed + k.
        processes: how many measure side by side; what is timed is measured alone. More than 1 starts new Python
            processes, so a script needs its ``if __name__ == "__main__":``.
        console: where the progress is shown, default standard error.

    Returns:
        `Report`. An experiment whose data are not installed is left out, and says so.

    Raises:
        InputError: `out` cannot be written to; an experiment is unknown; seed or processes is out of its range.
        DataError: a file to resume from is damaged.

    Example:
        >>> import tempfile
        >>> from rich.console import Console
        >>> with tempfile.TemporaryDirectory() as out:
        ...     report = run(out, only=["squash"], console=Console(quiet=True))
        >>> report.results[0].verdict.outcome
        'holds only when'
    """
    chosen = choose(only)
    for name, value, least in (("seed", seed, 0), ("processes", processes, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{name}={value!r}: expected a whole number, {least} or more")
    out, console = Path(out), console or Console(stderr=True)
    parts = out / "parts"
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"out: {parts} cannot be made ({error.strerror})") from error
    # Nothing is measured before it is known that it can be kept.
    store.write(out / "lab.json", json.dumps({"finished": False}))
    found_versions = versions()
    name = f"{'quick' if quick else 'full'}-seed{seed}.json"
    records = [
        store.load(parts / f"{e.name}-{name}", e.name, e.settings(quick), seed, found_versions, resume=resume)
        for e in chosen
    ]
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Workers(processes) as workers, Progress(*columns, console=console) as progress:
        for e, record in zip(chosen, records, strict=True):
            bar = progress.add_task(e.name, total=None)
            results.append(_measure(e, record, quick, workers, progress, bar))
            said = f"{e.name}: {results[-1].outcome}"
            progress.update(bar, description=said)
            if not console.is_terminal:  # a file shows no bars until all is over
                console.print(said)
    report = Report(out / "lab.html", out / "lab.json", results)
    store.write(report.page, render(report.claims(), quick, seed, found_versions))
    summary: dict[str, Any] = {"finished": True, "quick": quick, "seed": seed, "versions": found_versions}
    summary["claims"] = [{"claim": str(claim), "verdict": vars(verdict)} for claim, verdict, _ in report.claims()]
    store.write(report.numbers, json.dumps(summary | {"experiments": [r.summary() for r in results]}, indent=1))
    return report


def choose(only: Sequence[str] | None) -> list[Experiment]:
    """The experiments of these names, in the lab's order; all for None.

    Raises:
        InputError: a name is unknown, or none is given.
    """
    names = list(EXPERIMENTS) if only is None else [only] if isinstance(only, str) else list(only)
    for name in names:
        if name not in EXPERIMENTS:
            raise InputError(f"only: there is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}")
    if not names:
        raise InputError(f"only: empty; expected some of {', '.join(EXPERIMENTS)}")
    return [e for name, e in EXPERIMENTS.items() if name in names]


def versions() -> dict[str, str]:
    """What the numbers depend on beside the settings."""
    found = {name: metadata.version(name) for name in ("torch", "numpy")}
    path = gruvy.nn.GRU(1, 1, convention="tutorial").path(torch.zeros(1, 1, 1))
    return {"gruvy": gruvy.__version__, **found, "engine": path.reason}


def _measure(
    e: Experiment, record: store.Record, quick: bool, workers: Workers, progress: Progress, bar: Any
) -> Result:
    """The parts that are not there yet, then the verdict."""
    if quick and e.only_full:
        return Result(e, quick, {}, 0.0, None, f"in full mode alone: {e.only_full}")
    todo = e.parts(record.settings, record.seed)
    progress.update(bar, total=len(todo), completed=sum(key in record.parts for key in todo))
    left = [key for key in todo if key not in record.parts]
    for key, value, seconds in workers.measure(e, record.settings, record.seed, left):
        if isinstance(value, str):
            return Result(e, quick, record.parts, record.seconds, None, value)
        record.add(key, value, seconds)
        progress.update(bar, description=f"{e.name}: {key}", advance=1)
    numbers = {key: record.parts[key] for key in todo}
    return Result(e, quick, numbers, record.seconds, e.rule(numbers))
