"""The counts of a run, written into docs/reliability.md by the run itself."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import marked
from gruvy.bench.machine import processor

from .counts import Counts, table


def machine() -> str:
    """The class of machine: what decides which kernels run, and on how many cores."""
    wide = next((name for name in ("AVX-512", "AVX2") if name in processor()), "neither AVX-512 nor AVX2")
    python = ".".join(map(str, sys.version_info[:2]))
    return f"{os.cpu_count()} cores, {wide}, {sys.platform}, Python {python}"


def text(scores: list[Counts], seed: int, minutes: float) -> str:
    """The score as a table in Markdown, with the date and the command that repeats it."""
    rows = "\n".join(
        f"| {name} | {tried:,} | {accepted:,} | {refused:,} | {failed:,} | {seen} |"
        for name, tried, accepted, refused, failed, seen in table(scores)
    )
    lines = [
        f"{datetime.date.today():%Y-%m-%d}, {machine()}: `make soak MINUTES={minutes:g} SEED={seed}`",
        "",
        "| attack | tried | accepted | refused | failed | also counted |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        rows,
    ]
    broken = [(c.name, f) for c in scores for f in c.failures.values()]
    lines += ["", *(f"- {name}: {f.times:,} × {f.what}" for name, f in broken)] if broken else []
    lines += ["", *(f"{c.name}: {note}." for c in scores for note in c.notes)] if any(c.notes for c in scores) else []
    return "\n".join(lines)


def write(page: Path, scores: list[Counts], seed: int, minutes: float) -> None:
    """Replace what stands between the page's marks."""
    marked.replace(page, "soak", text(scores, seed, minutes))
