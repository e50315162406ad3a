"""The demo: a net that learns to add, one that learns to hear, and a look inside it. Also an example to learn from.

Each act uses the public face of the library alone, prints what it measured, and tells what did not come out right.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from gruvy.cli.demo.addition import learn_to_add
from gruvy.cli.demo.inside import look_inside
from gruvy.cli.demo.speech import learn_speech

__all__ = ["run"]


def run(page: Console, model: Path) -> list[str]:
    """Play all three acts.

    Args:
        page: where it is shown.
        model: where the net that hears digits is saved.

    Returns:
        What did not come out as it should, a sentence each.
    """
    acts: list[tuple[str, Callable[[], list[str]]]] = [
        ("1  A net of 16 units learns to add", lambda: learn_to_add(page)),
        ("2  Real speech, beside an RNN and an LSTM", lambda: learn_speech(page, model)),
        ("3  One spoken digit, seen from inside", lambda: look_inside(page, model)),
    ]
    trouble = []
    started = time.perf_counter()
    for title, act in acts:
        page.print()
        page.print(Rule(f"[bold]{title}[/bold]", align="left", style="dim"))
        trouble += act()
    page.print(f"[dim]{time.perf_counter() - started:.0f} seconds in all[/dim]")
    return trouble
