"""How good a model is, beside guessing, in words and tables: what `measures` has measured, for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gruvy.cli.app import PLAIN
from gruvy.cli.measures import Judged, verdicts
from gruvy.data.collection import plural, some

Array = np.ndarray[Any, Any]

MOST_COLUMNS = 16  # a larger confusion table does not fit on a page: then the commonest mistakes are listed
MOST_LETTERS = 40  # of the name of a class
BLOCKS = "▁▂▃▄▅▆▇█"


def report(page: Console, judged: Judged, training: Judged | None = None, *, each: bool = False) -> None:
    """How good a model is on what it has not seen, beside a baseline and what it has learnt from.

    Args:
        judged, training: of `measures.judge`.
        each: of classes, also the recall of each.
    """
    if "targets" in judged:
        _numbers(page, judged, training)
    elif "answers" in judged:
        _yes_no(page, judged, training, each)
    else:
        _classes(page, judged, training)
    for sentence in verdicts(judged):
        page.print(sentence, markup=False)
    if "classes" not in judged:
        return
    if unknown := judged["unknown"]:
        count = sum(one["count"] for one in unknown)
        which = some([f"{_short(one['class'])} {one['count']:,}" for one in unknown], 6)
        have = "has a class" if count == 1 else "have classes"
        page.print(
            f"{count:,} of {plural(judged['count'], judged['unit'])} {have} that training has not seen, "
            f"and count as wrong: {which}.",
            markup=False,
        )
    names = [one["class"] for one in judged["classes"]]
    if each:
        _recalls(page, judged)
    confusion_report(page, judged["confusion"], names)


def _classes(page: Console, judged: Judged, training: Judged | None) -> None:
    table = Table.grid(padding=(0, 2))

    def row(name: str, of: Judged, what: str, bold: bool = False) -> None:
        share = f"[bold]{of['accuracy']:.3f}[/bold]" if bold else f"{of['accuracy']:.3f}"
        interval = of["interval"]
        text = f"95 % interval {interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
        table.add_row(name, share, f"{of['right']:,} of {of['count']:,} {what}", text)

    steps = "steps right" if judged["unit"] == "step" else "right"
    row("accuracy", judged, steps, bold=True)
    if "whole" in judged:
        row("whole", judged["whole"], "sequences right at every step")
    if training is not None:
        row("training", training, steps)
    baseline = judged["baseline"]
    table.add_row("baseline", f"{baseline['accuracy']:.3f}", f"always answering {_name(baseline['answer'])}")
    if "whole" in judged:
        table.add_row("balanced", f"{judged['balanced_accuracy']:.3f}", "mean recall of the classes")
        if (nll := judged["negative_log_likelihood"]) is not None:
            table.add_row("log loss", f"{nll:.4f}", "negative log-likelihood per step")
    page.print(table)


def _yes_no(page: Console, judged: Judged, training: Judged | None, each: bool) -> None:
    """The negative log-likelihood of a step and the right answers, beside the baseline; of each answer, if wanted."""
    table = Table("", "log loss", "right", "precision", "recall", "F1", box=PLAIN)
    said = {"held out" if training else "here": judged} | ({} if training is None else {"training": training})
    for name, of in said.items():
        cells = (f"{of[key]:.3f}" for key in ("accuracy", "precision", "recall", "f1"))
        table.add_row(name, f"[bold]{of['negative_log_likelihood']:.4f}[/bold]", *cells)
    baseline = judged["baseline"]
    table.add_row("baseline", f"{baseline['negative_log_likelihood']:.4f}", f"{baseline['accuracy']:.3f}", "", "", "")
    page.print(table)
    page.print(
        f"{plural(judged['count'], 'step')} with {plural(len(judged['answers']), 'answer')} of yes or no each. The log "
        "loss is the negative log-likelihood per step, summed over its answers; the baseline knows how often each is "
        "yes.",
        markup=False,
    )
    if not each:
        return
    there = sorted((one for one in judged["answers"] if one["count"]), key=lambda one: -int(one["count"]))
    title = None if len(there) <= MOST_COLUMNS else f"of {len(there):,} answers those that are yes most often"
    table = Table("yes", "precision", "recall", "F1", "of", title=title, box=PLAIN)
    for one in there[:MOST_COLUMNS]:
        cells = (f"{one[key]:.3f}" for key in ("precision", "recall", "f1"))
        table.add_row(_name(one["answer"]), *cells, f"{one['count']:,}")
    page.print(table)


def _recalls(page: Console, judged: Judged) -> None:
    """The recall of each class; of many classes, of those of which most is missed."""
    there = [one for one in judged["classes"] if one["count"]]
    title = None
    if len(there) > MOST_COLUMNS:
        title = f"of {len(there):,} classes those with the lowest recall"
        there = sorted(there, key=lambda one: one["recall"])[:MOST_COLUMNS]
    table = Table("class", "precision", "recall", "F1", "right", "of", title=title, box=PLAIN)
    for one in there:
        cells = (f"{one[key]:.3f}" for key in ("precision", "recall", "f1"))
        table.add_row(_name(one["class"]), *cells, f"{one['right']:,}", f"{one['count']:,}")
    page.print(table)


def confusion_report(page: Console, counts: Array, classes: Sequence[Any] | Array) -> None:
    """The confusion table; for many classes the commonest mistakes."""
    names = [_name(name) for name in classes]
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


def _numbers(page: Console, judged: Judged, training: Judged | None) -> None:
    """Errors of each target beside that of always answering the mean of the training data, and R²."""
    seen = [] if training is None else ["in training"]
    table = Table("target", "typical error", "mean error", "R²", *seen, "always the mean", box=PLAIN)
    for k, one in enumerate(judged["targets"]):
        share = "undefined" if one["r2"] is None else f"{one['r2']:.3f}"
        error, absolute = one["root_mean_squared_error"], one["mean_absolute_error"]
        learnt = [] if training is None else [f"{training['targets'][k]['root_mean_squared_error']:.4g}"]
        guess = one["baseline"]
        always = f"{guess['root_mean_squared_error']:.4g} ({guess['answer']:.4g})"
        table.add_row(escape(one["target"]), f"[bold]{error:.4g}[/bold]", f"{absolute:.4g}", share, *learnt, always)
    page.print(table)
    page.print(
        "Errors are in the target's own unit; a typical error is the root mean square, a mean error the mean of the "
        "absolute ones. An R² of 1 is perfect, 0 as good as the mean."
    )
    if any(one["r2"] is None for one in judged["targets"]):
        page.print("R² is undefined where all true values are one.")


def spread_report(page: Console, each: Sequence[Judged], spread: dict[str, dict[str, float]]) -> None:
    """How the score on what was held out changes from seed to seed."""
    for name, of in spread.items():
        page.print(
            f"{plural(len(each), 'seed')}: {name} {of['mean']:.4g} on average, {of['least']:.4g} to {of['most']:.4g}, "
            f"standard deviation {of['deviation']:.2g}",
            markup=False,
        )


def curve(values: Sequence[float], width: int = 40) -> str:
    """Numbers as a line of blocks, from the lowest to the highest; more than `width` are averaged in stretches.

    Example:
        >>> curve([8.0, 4.0, 2.0, 1.0])
        '█▄▂▁'
    """
    means = np.array([part.mean() for part in np.array_split(np.asarray(values, np.float64), min(width, len(values)))])
    low, high = means.min(), means.max()
    heights = (means - low) / (high - low) if high > low else np.zeros(len(means))
    return "".join(BLOCKS[int(height)] for height in np.round(heights * (len(BLOCKS) - 1)))


def curves(page: Console, rows: Sequence[dict[str, float | None]]) -> None:
    """The losses of a training as small curves."""
    table = Table.grid(padding=(0, 2))
    for column, name in (("loss", "loss"), ("val_loss", "validation")):
        values = [value for row in rows if (value := row.get(column)) is not None]
        if values:
            table.add_row(name, curve(values), f"{values[0]:.4g} to {values[-1]:.4g} in {plural(len(values), 'epoch')}")
    page.print(table)


def _short(name: Any) -> str:
    text = str(name)
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def _name(name: Any) -> str:
    """The name of a class, in a table."""
    return escape(_short(name))


def _cell(count: int, right: bool) -> str:
    if not count:
        return "[dim]·[/dim]"
    return f"[bold]{count}[/bold]" if right else f"[red]{count}[/red]"
