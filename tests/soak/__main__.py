"""`python -m soak`: every attack for so many minutes; the counts, and an exit code that says whether anything broke."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from . import ALONE

os.environ.update(ALONE)

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import report, workers
from .attacks import ATTACKS, again
from .counts import Counts, table

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "soak"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument(
        "what", nargs="*", help=f"some of {', '.join(ATTACKS)} (default: all); or: again NAME SEED CASE"
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="for all together (default: 30)")
    parser.add_argument("--seed", type=int, help="of every case (default: the time)")
    parser.add_argument("--write", action="store_true", help="put the counts into docs/reliability.md")
    return parser.parse_args()


def main() -> int:
    asked, console = arguments(), Console()
    workers.warm()
    fast = Path("/dev/shm")
    scratch = Path(tempfile.mkdtemp(prefix="gruvy-soak-", dir=fast if fast.is_dir() else None))
    try:
        if asked.what[:1] == ["again"]:
            return again(*asked.what[1:], scratch=scratch, kept=KEPT)
        return soak(asked, console, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def soak(asked: argparse.Namespace, console: Console, scratch: Path) -> int:
    """Run the attacks and print the score."""
    names = asked.what or list(ATTACKS)
    if unknown := [name for name in names if name not in ATTACKS]:
        raise SystemExit(f"{unknown[0]}: expected some of {', '.join(ATTACKS)}")
    seed = int(time.time()) % 10**6 if asked.seed is None else asked.seed
    whole = sum(ATTACKS[name].share for name in names)
    shutil.rmtree(KEPT, ignore_errors=True)
    console.print(f"seed {seed}, {asked.minutes:g} minutes, {report.machine()}", highlight=False)
    scores: list[Counts] = []
    stopped = False
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(), console=console, auto_refresh=False,  # a refreshing thread would be forked with its locks
    )  # fmt: skip
    with bar:
        for name in names:
            seconds = asked.minutes * 60 * ATTACKS[name].share / whole
            task, begun = bar.add_task(f"{name:8}", total=seconds, note=""), time.monotonic()

            def tick(tried: int, failed: int, task: int = task, begun: float = begun) -> None:
                note = f"{tried:,} tried, {failed:,} failed"
                bar.update(task, completed=time.monotonic() - begun, note=note)  # type: ignore[arg-type]
                if console.is_terminal:
                    bar.refresh()

            place = workers.Place(scratch, KEPT, tick)
            try:
                found = ATTACKS[name].run(seconds, seed, place)
            except KeyboardInterrupt:
                found, stopped = place.scores, True
            scores += found
            tick(sum(c.tried for c in found), sum(c.failed for c in found))
            bar.refresh()
            if stopped:
                break
    show(console, scores)
    if asked.write and not stopped:
        report.write(ROOT / "docs" / "reliability.md", scores, seed, asked.minutes)
    if stopped:
        console.print("stopped; the counts so far")
    return 1 if stopped or any(c.failed for c in scores) else 0


def show(console: Console, scores: list[Counts]) -> None:
    """The score, and what failed with the commands that show it."""
    shown = Table("attack", "tried", "accepted", "refused", "failed", "seen")
    for row in table(scores):
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print(shown)
    for c in scores:
        for note in c.notes:
            console.print(f"{c.name}: {note}", markup=False, highlight=False)
        for failure in sorted(c.failures.values(), key=lambda f: -f.times):
            console.print(
                f"{c.name}: {failure.times:,} × {failure.what}", markup=False, highlight=False, soft_wrap=True
            )
            for line in failure.shown:
                console.print(f"    {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
