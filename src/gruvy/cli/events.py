"""Events in `gruvy score`: how well a model with an answer at every step finds them, over the threshold."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gruvy import files
from gruvy.cli.app import PLAIN
from gruvy.cli.measures import Judged
from gruvy.data.collection import plural, some
from gruvy.errors import DataError, InputError
from gruvy.model.event_scores import event_curve, true_events
from gruvy.model.yes_no import YesNo

if TYPE_CHECKING:
    from gruvy.data import Sequences
    from gruvy.model.model import Model

MEASURES = ("precision", "recall", "f1", "delay", "false_per_hour")

_events = partial(typer.Option, rich_help_panel="Events, of a model with an answer at every step")

Event = Annotated[str | None, _events(help="The label that events have: each stretch of it is one true event.")]
Every = Annotated[float | None, _events(help="Seconds from one step to the next; of sound they are known.")]
Early = Annotated[float, _events(help="An event may come so many seconds before the stretch begins.")]
Late = Annotated[float, _events(help="And so many after it.")]
Smoothing = Annotated[float, _events(help="Seconds over which probabilities are averaged.")]
Refractory = Annotated[float, _events(help="Seconds after an event without another.")]
Plot = Annotated[Path | None, _events(help="A page for the curve over the threshold, to open in a browser.")]


DEFAULTS = {"every": None, "early": 0.15, "late": 0.5, "smoothing": 0.1, "refractory": 0.6, "plot": None}


def check(event: str | None, **given: Any) -> None:
    """Refuse options of events where there are none.

    Raises:
        InputError: one was typed without --event.
    """
    for name, value in given.items():
        if event is None and value != DEFAULTS[name]:
            raise InputError(f"--{name} {value} needs --event too, the label that events have")


def judge(net: Model, sequences: Sequences, label: str, every: float | None, **how: float) -> Judged:
    """The scores of the events of this label over the threshold, and how they were made.

    Args:
        every: seconds per step, where they are not known. how: smoothing, refractory, early, late.

    Raises:
        InputError: the model has no such label, or the seconds are not known. DataError: there is no true event.
    """
    sound = (net.layout or {}).get("sound") or {}
    if every is None and not sound:
        raise InputError("--event needs --every too, the seconds from one step to the next")
    step, start = (sound["step"], sound["window"]) if every is None else (every, 0.0)
    if isinstance(net.target, YesNo):
        names: list[Any] = sequences.target if len(sequences.target) == net.outputs else list(range(net.outputs))
    else:
        names = [] if net.classes is None or not net.per_step else net.classes.tolist()
    place = next((k for k, name in enumerate(names) if str(name) == label), None)
    if place is None:
        raise InputError(
            f"--event {label}: expected a label of the model, {some(list(map(str, names)), 8) or 'which has none'}"
        )
    p = [each[:, place] for each in net.predict_proba(sequences.x)]
    yes_no, where = isinstance(net.target, YesNo), {"step": step, "start": start}
    assert sequences.y is not None
    truth = [true_events(y[:, place] if yes_no else y, 1 if yes_no else names[place], **where) for y in sequences.y]
    curve = event_curve(p, truth, **where, **how)
    count = curve.scores[0].found + curve.scores[0].missed
    if not count:
        raise DataError(f"--event {label}: no step has that label, so there is no true event")
    rows = [
        {"threshold": threshold, **score._asdict(), **{name: getattr(score, name) for name in MEASURES}}
        for threshold, score in zip(curve.thresholds, curve.scores, strict=True)
    ]
    for row in rows:
        del row["delays"]
    seconds = {"seconds_per_step": step, **how}
    return {"label": label, "count": count, **seconds, "best": curve.best, "curve": rows, "_curve": curve}


def report(page: Console, of: Judged) -> None:
    """A table of the scores at some thresholds, the one with the highest F1 among them."""
    rows = [row for k, row in enumerate(of["curve"]) if k % 2 or k == of["best"]]
    table = Table("threshold", "precision", "recall", "F1", "delay", "false an hour", box=PLAIN)
    for row in rows:
        cells = ["-" if row[name] != row[name] else f"{row[name]:.3f}" for name in MEASURES[:3]]
        delay = "-" if row["delay"] != row["delay"] else f"{row['delay']:.2f} s"
        level = f"{row['threshold']:.2f}"
        best = row is of["curve"][of["best"]]
        table.add_row(f"[bold]{level} *[/bold]" if best else level, *cells, delay, f"{row['false_per_hour']:.1f}")
    page.print(table)
    page.print(
        f"{plural(of['count'], 'true event')} of {of['label']!r} in {of['curve'][0]['hours']:.3g} hours, each where "
        f"its label begins. An event from {of['early']:g} s before to {of['late']:g} s after may have found it. *: "
        "the highest F1 here, to be chosen on other data than it is judged on.",
        markup=False,
    )


def write_curve(path: Path, of: Judged) -> None:
    """The curve as a page that works offline."""
    from gruvy.inside import figures

    figure = figures.event_curve(of["_curve"])
    with files.whole_file(path, text=True) as file:
        file.write(figure.to_html(include_plotlyjs=True))
