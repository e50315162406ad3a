"""`python -m accuracy`: go on with the study for so many minutes; with --write, put the page together."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from . import page, sets, study

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m accuracy", description=__doc__)
    parser.add_argument("sets", nargs="*", help=f"some of {', '.join(sets.NAMES)} (default: all)")
    parser.add_argument("--part", choices=("choose", "test"), default="", help="only these jobs")
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no job begins (default: 60)")
    parser.add_argument("--write", action="store_true", help="write docs/accuracy.md from the scores")
    asked, console = parser.parse_args(), Console()
    left = study.run(asked.minutes, console, tuple(asked.sets) or sets.NAMES, asked.part)
    console.print(f"{left} jobs are left" if left else "all jobs are done")
    if asked.write:
        page.write(PAGE, study.read())
    return 0


if __name__ == "__main__":
    sys.exit(main())
