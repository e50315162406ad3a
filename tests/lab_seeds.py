"""`python -m lab_seeds`: the lab's quick mode at several seeds; goes on where it ended; --write makes the table.

Repetitions of one seed are none of another's, so that the verdicts of two seeds are independent.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

PAGE = Path(__file__).resolve().parents[1] / "docs" / "lab.md"
BEGIN, END = "<!-- verdicts by seed: begin -->\n", "<!-- verdicts by seed: end -->\n"
OPEN = ("cannot tell", "not run")
ALWAYS = ("gradients", "early", "answer")

# By experiment, or by claim, the verdict at each seed as the lab says it: outcome, and a condition.
Said = dict[str, list[str]]


def outcome(said: str) -> str:
    """A verdict without its condition."""
    return "holds only when" if said.startswith("holds only when") else said


def differing(found: Said) -> list[str]:
    """The experiments whose verdicts differ between seeds, those aside that cannot tell."""
    return [name for name, verdicts in found.items() if len({outcome(v) for v in verdicts} - set(OPEN)) > 1]


def deciding(found: Said) -> list[int]:
    """At each seed, how many experiments decide."""
    return [sum(v not in OPEN for v in at) for at in zip(*found.values(), strict=True)]


def undecided(found: Said, names: tuple[str, ...] = ALWAYS) -> list[str]:
    """Those of the names that do not decide at every seed."""
    return [name for name in names if any(v in OPEN for v in found[name])]


def table(found: Said, first: str) -> str:
    """A row for each experiment or claim, a column for each seed; under which conditions, last."""
    seeds = range(len(next(iter(found.values()))))
    lines = [
        f"| {first} | " + " | ".join(f"seed {k}" for k in seeds) + " | only when |",
        "| --- " * (len(seeds) + 2) + "|",
    ]
    for name, verdicts in found.items():
        conditions = dict.fromkeys(v.removeprefix("holds only when ") for v in verdicts if outcome(v) != v)
        cells = (outcome(v).replace("only when", "only when …") for v in verdicts)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {'; '.join(conditions)} |")
    return "\n".join(lines) + "\n"


def text(experiments: Said, claims: Said) -> str:
    """What the page says of the seeds."""
    differ, decide = differing(experiments), deciding(experiments)
    always = [name for name, verdicts in experiments.items() if not set(verdicts) & set(OPEN)]
    said = (
        f"Experiments whose verdict differs between the seeds, *cannot tell* aside: {', '.join(differ) or 'none'}. Of "
        f"{len(experiments)} experiments, those that decide at each seed: {', '.join(map(str, decide))}. At every "
        f"seed: {', '.join(f'`{name}`' for name in always)}.\n"
    )
    return f"\n{said}\n{table({f'`{n}`': v for n, v in experiments.items()}, 'experiment')}\n{table(claims, 'claim')}\n"


def write(page: Path, said: str) -> None:
    """Put it into the page, in place of what was there."""
    old = page.read_text(encoding="utf-8")
    new = re.sub(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", lambda _: said, old, flags=re.DOTALL)
    page.write_text(new, encoding="utf-8")


def measured(folder: Path, seed: int) -> Any:
    """The lab's report of what lies in a folder, by today's rules; what was not measured whole has no verdict."""
    from gruvy import lab
    from gruvy.lab.runner import versions
    from gruvy.lab.store import load

    results, found_versions = [], versions()
    for e in lab.EXPERIMENTS.values():
        path = folder / "parts" / f"{e.name}-quick-seed{seed}.json"
        record, todo = load(path, e.name, e.quick, seed, found_versions), e.parts(e.quick, seed)
        there = not e.only_full and set(todo) <= set(record.parts)
        numbers = {key: record.parts[key] for key in todo} if there else {}
        results.append(lab.Result(e, True, numbers, record.seconds, e.rule(numbers) if there else None, "not measured"))
    return lab.Report(folder / "lab.html", folder / "lab.json", results)


def main() -> int:
    from gruvy import lab

    parser = argparse.ArgumentParser(prog="python -m lab_seeds", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 (default: 5)")
    parser.add_argument("--only", help="names of experiments, joined by commas (default: all)")
    parser.add_argument("--out", type=Path, default=Path("build/lab"), help="where the numbers are kept")
    parser.add_argument("--processes", type=int, default=min(8, os.cpu_count() or 1))
    parser.add_argument("--measured", action="store_true", help="measure nothing: take what is there")
    parser.add_argument("--write", action="store_true", help="write the table into docs/lab.md")
    asked, console = parser.parse_args(), Console()
    only = asked.only.split(",") if asked.only else None
    experiments: Said = {}
    claims: Said = {}
    for seed in range(asked.seeds):
        folder = asked.out / f"seed-{seed}"
        if asked.measured:
            report = measured(folder, seed)
        else:
            report = lab.run(folder, only=only, seed=seed, processes=asked.processes, console=console)
        for r in report.results:
            experiments.setdefault(r.experiment.name, []).append(r.said)
        for claim, verdict, _ in report.claims():
            claims.setdefault(str(claim), []).append(str(verdict))
        seconds = sum(r.seconds for r in report.results)
        console.print(f"seed {seed}: {seconds / 60:.1f} minutes of measuring", highlight=False)
    console.print(text(experiments, claims), markup=False, highlight=False, soft_wrap=True)
    if asked.write:
        write(PAGE, text(experiments, claims))
    return 0


if __name__ == "__main__":
    sys.exit(main())
