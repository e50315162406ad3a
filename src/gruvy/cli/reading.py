"""What every command that reads sequences shares: the options that say how, and the reading itself."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gruvy.errors import DataError

if TYPE_CHECKING:
    from gruvy.data import Sequences, Shards

PANEL = "How the data is laid out"

Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A file (.csv, .tsv, .parquet, .npz), a folder, or the name of a data set."),
]
Id = Annotated[
    str | None, typer.Option("--id", help="Column that tells sequences apart (long form).", rich_help_panel=PANEL)
]
Time = Annotated[str | None, typer.Option("--time", help="Column to sort each sequence by.", rich_help_panel=PANEL)]
Wide = Annotated[bool, typer.Option("--wide", help="One row is one sequence.", rich_help_panel=PANEL)]
KeptWide = Annotated[
    bool | None,
    typer.Option("--wide/--long", help="One row is one sequence, or one step.", rich_help_panel=PANEL),
]
KeptMissing = Annotated[
    str | None,
    typer.Option("--missing", help="Gaps: 'error', or 'forward' to carry values on.", rich_help_panel=PANEL),
]
Features = Annotated[
    str | None,
    typer.Option("--features", help="Columns to learn from, joined by commas; else all others.", rich_help_panel=PANEL),
]
Streamed = Annotated[
    bool,
    typer.Option(
        "--stream", help="DATA is a folder of Parquet files, read one at a time; needs --id.", rich_help_panel=PANEL
    ),
]
Group = Annotated[
    str | None,
    typer.Option("--group", help="Column, such as a person, kept on one side of the split.", rich_help_panel=PANEL),
]
Window = Annotated[
    int | None,
    typer.Option("--window", help="Cut long recordings into windows of so many steps.", rich_help_panel=PANEL),
]
Step = Annotated[
    int | None, typer.Option("--step", help="Steps from one window's start to the next's.", rich_help_panel=PANEL)
]
Missing = Annotated[
    str, typer.Option("--missing", help="Gaps: 'error', or 'forward' to carry values on.", rich_help_panel=PANEL)
]
TargetAt = Annotated[
    str,
    typer.Option(
        "--target-at", help="A target that changes: 'constant' refuses, 'last' takes the last.", rich_help_panel=PANEL
    ),
]


@dataclass(frozen=True)
class Layout:
    """How a file or folder holds its sequences: the options, as typed."""

    id: str | None = None
    time: str | None = None
    wide: bool = False
    window: int | None = None
    step: int | None = None
    missing: str = "error"

    def read(self, data: str, **others: Any) -> tuple[Sequences, Sequences | None]:
        """The sequences in a file or folder; or in the data set of that name, with those it holds out for tests.

        Args:
            data: a path, or a data set's name where no such path exists.
            others: `target`, `features`, `group`, `ignore`, `target_at`, as for `gruvy.data.read`.
        """
        from gruvy.data import load, names, read

        if not Path(data).exists():
            known = [entry.name for entry in names()]
            if data in known:
                self._refuse(data, others)
                found = load(data)
                return found.train, found.test
            if not Path(data).suffix and Path(data).name == data:
                close = get_close_matches(data, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"the data sets are {', '.join(known)}"
                raise DataError(f"{data} is no file, no folder and no data set; {hint}")
        return read(
            data, id=self.id, time=self.time, wide=self.wide, window=self.window, step=self.step,
            missing=self.missing, **others,
        ), None  # fmt: skip

    def _refuse(self, name: str, others: dict[str, Any]) -> None:
        """A data set comes ready made: options about its layout would be ignored, so they are refused."""
        given = {**vars(self), **{key: others.get(key) for key in ("target", "features", "group")}}
        default = vars(Layout())
        for option, value in given.items():
            if value != default.get(option):
                raise DataError(f"--{option} has no meaning for the data set {name}, which comes ready made")

    def kept(self, data: str, features: list[str] | None) -> dict[str, Any] | None:
        """What a model's file keeps of how its data were laid out; None for data that come ready made."""
        if not has_columns(data):
            return None
        return {**vars(self), "features": features if self.wide else None}


def has_columns(data: str) -> bool:
    """Whether the data are a file or a folder of tables, whose layout has to be told."""
    return Path(data).exists() and Path(data).suffix.lower() != ".npz"


def as_trained(kept: dict[str, Any] | None, data: str, typed: dict[str, Any]) -> tuple[Layout, dict[str, Any]]:
    """How to read data for a model: the options as typed, what else its file keeps, and what was taken from there.

    Args:
        kept: the layout in the model's file, or None.
        data: a path, or a data set's name.
        typed: the options of `Layout` and "features"; None for one that was not typed.
    """
    given = {option: value for option, value in typed.items() if value is not None}
    taken: dict[str, Any] = {}
    if kept is not None and has_columns(data):
        wide, folder = given.get("wide", kept["wide"]), Path(data).is_dir()
        meaningless = {
            "id": folder, "wide": folder, "time": wide and not folder, "step": "window" in given,
            "features": folder or not wide,
        }  # fmt: skip
        default = vars(Layout())
        for option, value in kept.items():
            if option not in given and value != default.get(option) and not meaningless.get(option):
                taken[option] = value
    both = {**taken, **given}
    both.pop("features", None)
    return Layout(**both), taken


def as_typed(options: dict[str, Any]) -> str:
    """Options as one types them."""
    words: list[str] = []
    for option, value in options.items():
        words.append(f"--{option}")
        if not isinstance(value, bool):
            words.append(",".join(value) if isinstance(value, list) else str(value))
    return shlex.join(words)


def comma(text: str | None) -> list[str] | None:
    """A list typed with commas; None stays None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 sequence`, `3 sequences`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def summary(*parts: Sequences | None) -> str:
    """What the sequences are, in a line: how many, how long, their channels and their targets."""
    there = [part for part in parts if part is not None]
    first, lengths = there[0], np.concatenate([part.lengths for part in there])
    shortest, longest = int(lengths.min()), int(lengths.max())
    steps = plural(longest, "step") if shortest == longest else f"{shortest:,} to {plural(longest, 'step')}"
    told = [f"{plural(len(lengths), 'sequence')} of {steps}", f"channels {some(first.features)}"]
    if first.y is not None:
        told.append(f"target {some(first.target)}: {targets(np.concatenate([np.asarray(p.y) for p in there]))}")
    return "; ".join(told)


def targets(y: Any) -> str:
    """The classes and how often each comes, or the range of the numbers."""
    y = np.asarray(y)
    values, counts = np.unique(y, return_counts=True)
    if y.dtype.kind in "iuf" and (y.dtype.kind == "f" or y.ndim > 1 or len(values) > 20):
        return f"{values[0]:.4g} to {values[-1]:.4g}"
    return some([f"{value} {count:,}" for value, count in zip(values, counts, strict=True)], most=12)


def some(names: Sequence[str], most: int = 6) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def notes(sequences: Sequences | Shards) -> Sequence[str]:
    """What was guessed while reading."""
    return [note[0].upper() + note[1:] + "." for note in sequences.notes]
