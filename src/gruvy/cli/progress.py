"""How far a long work is: a bar on a terminal, a line for each part of it elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """What is to be called with what is being done, how much of it is done, and of how much; it tells on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: set[str] = set()

        def line(what: str, done: int, of: int) -> None:
            if what not in seen:
                seen.add(what)
                print(what, file=sys.stderr)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, speed_estimate_period=600) as bar:
        task = bar.add_task("")

        def moved(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of)

        yield moved
