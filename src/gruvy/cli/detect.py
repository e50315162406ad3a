"""`gruvy train --task detect`: recordings of words in, a model that hears one of them out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gruvy.cli import options
from gruvy.cli.app import PLAIN, document, out, say
from gruvy.cli.options import typed
from gruvy.cli.progress import progress
from gruvy.cli.writing import check_outputs, history_beside
from gruvy.data import fetched
from gruvy.data.collection import plural, some
from gruvy.errors import InputError

if TYPE_CHECKING:
    from gruvy.detection import Found, Rated, Words

PANEL = "Trigger words (--task detect)"


def _of_detection(flag: str, help: str) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=PANEL)


Trigger = Annotated[str | None, _of_detection("--trigger", "The word to hear; DATA is a folder of words.")]
Hours = Annotated[float | None, _of_detection("--hours", "Hours of sound to lay from the recordings; else 6.")]

OURS = ("trigger", "hours")
SHARED = (
    "data", "target", "group", "task", "model", "history", "hidden_units", "layers", "dropout", "max_epochs",
    "batch_size", "learning_rate", "seed", "json",
)  # fmt: skip
NETWORK = ("hours", "hidden_units", "layers", "dropout", "max_epochs", "batch_size", "learning_rate", "seed")


def refuse(context: typer.Context) -> None:
    """Options of detection have no meaning for other tasks.

    Raises:
        InputError: one was typed.
    """
    options.refuse(context, OURS, "detect")


def train(context: typer.Context) -> None:
    """Train a detector, tell how good it is for speakers it has not heard, and save one that has heard all.

    Raises:
        InputError: an option has no meaning here, or one is missing.
    """
    given, every = typed(context), context.params
    options.allow(context, (*SHARED, *OURS), "detect")
    data, model, trigger = every["data"], every["model"], every["trigger"]
    history = every["history"] or history_beside(model)
    check_outputs([("--model", model), ("--history", history)], {"the data": data})
    if trigger is None:
        raise InputError("--task detect: name the word to hear with --trigger")
    from gruvy.detection import fit_detector, read_recordings
    from gruvy.model.file import write

    page = out(every["json"])
    with progress() as told:
        words = read_recordings(
            fetched.here() if data == fetched.SPOKEN_DIGITS and not Path(data).exists() else data,
            target=every["target"],
            group=every["group"],
            progress=lambda done, of: told("reading", done, of),
        )
        _describe(page, words, data, trigger)
        found = fit_detector(
            words, trigger, progress=told, **{name: value for name, value in given.items() if name in NETWORK}
        )
    write(model, found.model)
    found.history.write_csv(history)
    next_one = f"gruvy listen {shlex.quote(str(model))}"
    if every["json"]:
        document(
            {
                "data": data,
                "task": "detect",
                "trigger": trigger,
                "recordings": len(words),
                "test": {"speakers": found.held, **_scores(found.chosen)},
                "curve": [_scores(each) for each in found.curve],
                "epochs": len(found.history.rows),
                "stopped": found.history.stopped,
                "model": model,
                "history": history,
                "next": next_one,
            }
        )
    else:
        _report(page, found)
        page.print(f"model    {model}\nhistory  {history}\n\nNext:\n  {next_one}", markup=False)
    if found.history.stopped == "interrupted":
        say("gruvy: stopped; what was learnt so far is saved")
        raise typer.Exit(1)


def _describe(page: Console, words: Words, data: str, trigger: str) -> None:
    said = words.words == trigger
    speakers = sorted(set(words.speakers))
    who = f"speakers {some(speakers, 6)}" if speakers != [""] else "speakers not known"
    page.print(
        f"{data}: {len(words):,} recordings of {len(set(words.words)):,} words at {words.rate:,} Hz, "
        f"{int(said.sum()):,} of {trigger!r}; {who}",
        markup=False,
    )


def _report(page: Console, found: Found) -> None:
    who = f"said by {some(found.held, 6)}" if found.held else "in recordings"
    heard, other = (plural(round(60 * score.hours), "minute") for score in found.chosen[2:])
    page.print(f"\nA net that had not heard them, on {heard} and on {other} of other words {who}:", markup=False)
    table = Table("threshold", "F1", "precision", "recall", "delay", "false alarms an hour", box=PLAIN)
    for each in found.curve:
        if each.smoothing != found.chosen.smoothing or (each != found.chosen and round(100 * each.threshold) % 10):
            continue
        score = each.heard
        cells = [f"{each.threshold:.2f}", *(f"{x:.3f}" for x in (score.f1, score.precision, score.recall))]
        cells += [f"{score.delay:.2f} s", f"{each.other.false_per_hour:.0f}"]
        cells = ["-" if cell.startswith("nan") else cell for cell in cells]  # nothing was heard
        table.add_row(*cells, style="bold" if each == found.chosen else None)
    page.print(table)
    taken = f"threshold {found.chosen.threshold:.2f}, smoothing {found.chosen.smoothing:g} s"
    page.print(f"{taken}; then a net learnt from everybody\n", markup=False)


def _scores(rated: Rated) -> dict[str, Any]:
    heard = rated.heard
    told = {name: getattr(heard, name) for name in ("f1", "precision", "recall", "delay")}
    return {
        "threshold": rated.threshold,
        "smoothing": rated.smoothing,
        **told,
        "false_per_hour": rated.other.false_per_hour,
    }
