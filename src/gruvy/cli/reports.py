"""How good a model is, beside guessing, in words and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruvy.cli.app import PLAIN

Array = np.ndarray[Any, Any]

MOST_COLUMNS = 16  # a larger confusion table does not fit on a page: then the commonest mistakes are listed


def confusion(truth: Array, answers: Array, classes: Array) -> Array:
    """How often class i (rows) was called class j (columns): (K, K)."""
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (np.searchsorted(classes, truth), np.searchsorted(classes, answers)), 1)
    return counts


def majority(y: Array) -> tuple[Any, int]:
    """The commonest class, the first where several are, and how often it comes."""
    classes, counts = np.unique(y, return_counts=True)
    return classes[counts.argmax()], int(counts.max())


def classes_report(page: Console, truth: Array, answers: Array, guess: Any, classes: Array) -> None:
    """Accuracy, what always answering `guess` gets, and what was mistaken for what."""
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "accuracy",
        f"[bold]{np.mean(truth == answers):.3f}[/bold]",
        f"{int(np.sum(truth == answers)):,} of {len(truth):,} right",
    )
    table.add_row("baseline", f"{np.mean(truth == guess):.3f}", f"always answering {escape(str(guess))}")
    page.print(table)
    confusion_report(page, confusion(truth, answers, classes), classes)


def confusion_report(page: Console, counts: Array, classes: Sequence[Any] | Array) -> None:
    """The confusion table; for many classes the commonest mistakes."""
    names = [escape(str(name)) for name in classes]
    if len(names) <= MOST_COLUMNS:
        table = Table("true \\ answer", *names, box=PLAIN, padding=(0, 1, 0, 0))
        for i, name in enumerate(names):
            cells = [_cell(int(count), i == j) for j, count in enumerate(counts[i])]
            table.add_row(f"[bold]{name}[/bold]", *cells)
        page.print(table)
        return
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None, kind="stable")[::-1][:10]
    pairs = [divmod(int(place), len(names)) for place in order if wrong.flat[place]]
    if not pairs:
        page.print("No mistakes.")
        return
    table = Table("true", "answer", "times", title="commonest mistakes", box=PLAIN)
    for i, j in pairs:
        table.add_row(names[i], names[j], str(wrong[i, j]))
    page.print(table)


def numbers_report(page: Console, truth: Array, answers: Array, mean: Array, targets: Sequence[str]) -> None:
    """Error of each target beside that of always answering the mean of the training data, and R²."""
    truth, answers = truth.reshape(len(truth), -1), answers.reshape(len(answers), -1)
    table = Table("target", "typical error", "R²", "baseline: always the mean", box=PLAIN)
    for k, name in enumerate(targets):
        error, guess = truth[:, k] - answers[:, k], truth[:, k] - mean[k]
        spread = np.mean((truth[:, k] - truth[:, k].mean()) ** 2)
        share = f"{1 - np.mean(error**2) / spread:.3f}" if spread > 0 else "undefined: one value only"
        table.add_row(escape(name), f"[bold]{_rms(error):.4g}[/bold]", share, f"{_rms(guess):.4g} ({mean[k]:.4g})")
    page.print(table)
    page.print("Errors are root mean squares, in the target's own unit; an R² of 1 is perfect, 0 as good as the mean.")


def _rms(error: Array) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _cell(count: int, right: bool) -> str:
    if not count:
        return "[dim]·[/dim]"
    return f"[bold]{count}[/bold]" if right else f"[red]{count}[/red]"
