"""What happened in each epoch, kept as rows; and the bar that shows it while it happens."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..files import whole_file

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from .snapshots import Snapshots

Row = dict[str, float | None]


class History(NamedTuple):
    """One row per epoch, and how the training ended.

    `rows` hold `epoch` (from 1), `loss` (training), `val_loss`, `val_score` (None without validation data),
    `learning_rate` (of the last step) and `seconds` (since the start). `stopped` is "finished" (all epochs), "early"
    (no better for `patience` epochs) or "interrupted" (Ctrl-C). `best` is the epoch whose weights were kept.
    `checkpoint` is the file, or None, that holds the run until `save` has put the model on the disk. `snapshots` has
    the weights by epoch, if `Settings.snapshots` asked for some.

    Example:
        >>> h = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], "finished", 2)
        >>> h["loss"], len(h.rows)
        ([0.5, 0.25], 2)
    """

    rows: list[Row]
    stopped: str
    best: int
    checkpoint: str | None = None
    snapshots: Snapshots | None = None

    def __getitem__(self, column: Any) -> Any:
        """A column by name, ready to plot."""
        return [row[column] for row in self.rows] if isinstance(column, str) else tuple(self)[column]

    def followed(self, by: History) -> History:
        """Both, one after the other: epochs and seconds count on."""
        epochs, seconds = len(self.rows), float(self.rows[-1]["seconds"] or 0) if self.rows else 0.0
        counts = {"epoch": epochs, "seconds": seconds}
        rows = [{**row, **{name: (row[name] or 0) + more for name, more in counts.items()}} for row in by.rows]
        rest: dict[str, Any] = {"checkpoint": by.checkpoint or self.checkpoint, "snapshots": self.snapshots}
        return by._replace(rows=[*self.rows, *rows], best=epochs + by.best, **rest)

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a CSV file with a header; what there was not stays empty."""
        with whole_file(path, text=True) as file:
            writer = csv.DictWriter(file, list(self.rows[0]) if self.rows else ["epoch"])
            writer.writeheader()
            writer.writerows(self.rows)

    def plot(self, theme: str = "light") -> go.Figure:
        """A figure of the losses of training and validation, and of the validation score, over the epochs.

        Args: theme, ``"light"`` or ``"dark"``.

        Raises:
            DataError: there is no epoch. MissingExtraError: plotly is not installed.
        """
        from ..inside import figures

        return figures.history(self, theme=theme)


class Reporter:
    """Shows rows: as a bar on a terminal; elsewhere as a line every tenth of the way, or not at all."""

    def __init__(self, total: int, bar: Progress | None, console: Console, title: str, lines: bool) -> None:
        self.total, self.bar, self.console, self.title, self.lines = total, bar, console, title, lines
        self.task = bar.add_task(title, total=total, note="") if bar else None

    def __call__(self, row: Row) -> None:
        done = int(row["epoch"] or 0)
        note = f"loss {row['loss']:.4f}"
        if row.get("val_score") is not None:
            note += f"  val loss {row['val_loss']:.4f}  val score {row['val_score']:.4f}"
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=done, note=note)
        elif self.lines and (done % max(1, self.total // 10) == 0 or done == self.total):
            self.console.print(f"{self.title} {done}/{self.total}  {note}", highlight=False, markup=False)


@contextmanager
def reporter(total: int, progress: bool | str | None) -> Iterator[Reporter]:
    """A reporter on stderr for `total` epochs.

    Args:
        progress: None shows a bar if stderr is a terminal; True also prints lines if it is not; text does as True
            and is the title; False shows nothing.
    """
    console = Console(stderr=True)
    title = progress if isinstance(progress, str) else "epoch"
    if progress is False or not console.is_terminal:
        yield Reporter(total, None, console, title, lines=bool(progress))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        yield Reporter(total, bar, console, title, lines=False)
