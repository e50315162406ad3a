"""What every command that reads sequences shares: the options that say how, and the reading itself."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gruvy.arrays import as_objects
from gruvy.data.collection import Sequences, described, plural, some, span
from gruvy.data.text_files import STDIN
from gruvy.errors import DataError

if TYPE_CHECKING:
    from gruvy.data import Shards

PANEL = "How the data is laid out"


def _laid_out(flag: str, help: str) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=PANEL)


Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A file (.csv, .tsv, also as .gz; .parquet, .npz; .wav, .flac, .ogg), - for standard input, a folder, or "
        "a data set's name.",
    ),
]
Id = Annotated[str | None, _laid_out("--id", "Column that tells sequences apart (long form).")]
Time = Annotated[str | None, _laid_out("--time", "Column to sort each sequence by.")]
Wide = Annotated[bool, _laid_out("--wide", "One row is one sequence.")]
KeptWide = Annotated[bool | None, _laid_out("--wide/--long", "One row is one sequence, or one step.")]
Features = Annotated[str | None, _laid_out("--features", "Columns to learn from, joined by commas; else all others.")]
Streamed = Annotated[bool, _laid_out("--stream", "DATA is a folder of Parquet files, read one at a time; needs --id.")]
Group = Annotated[str | None, _laid_out("--group", "Column, such as a person, kept on one side of the split.")]
Window = Annotated[int | None, _laid_out("--window", "Cut long recordings into windows of so many steps.")]
Step = Annotated[int | None, _laid_out("--step", "Steps from one window's start to the next's.")]
Drop = Annotated[str | None, _laid_out("--drop", "Columns to leave out, joined by commas.")]
OneHot = Annotated[str | None, _laid_out("--one-hot", "Columns of text, joined by commas: a channel for each text.")]
Indicator = Annotated[bool, _laid_out("--indicator", "Add a channel for each column with gaps: 1 at a gap, else 0.")]
Na = Annotated[
    list[str] | None, _laid_out("--na", "Text that means a gap, as -999; several with commas, or come again.")
]
Decimal = Annotated[str | None, _laid_out("--decimal", "Decimal point of text files, '.' or ','; else as found.")]
Encoding = Annotated[str | None, _laid_out("--encoding", "Of text files; else UTF-8, or Latin-1 if it is not that.")]
_MISSING = _laid_out(
    "--missing",
    "Gaps: 'error'; filled in each sequence by 'forward' (the last value), 'backward' (the next), 'linear', 'mean', "
    "'zero'; or 'drop' the sequence.",
)
Missing = Annotated[str, _MISSING]
KeptMissing = Annotated[str | None, _MISSING]
TargetAt = Annotated[
    str, _laid_out("--target-at", "A target that changes: 'constant' refuses, 'last' takes the last, 'each' all.")
]
Labels = Annotated[
    Path | None,
    _laid_out(
        "--labels", "Labels of stretches of time: an Audacity track, or a table of start, end, label (and file)."
    ),
]
Background = Annotated[str | None, _laid_out("--background", "Label of the steps in none of them; else 'background'.")]

DEFAULTS = {"wide": False, "missing": "error"}  # of the options that are not None by default
BASIC = ("id", "time", "wide", "window", "step", "missing", "features")  # a model's file has these, others if used


@dataclass(frozen=True)
class Layout:
    """How a file or folder holds its sequences: the options as typed, None for one that was not."""

    id: str | None = None
    time: str | None = None
    wide: bool | None = None
    window: int | None = None
    step: int | None = None
    missing: str | None = None
    features: list[str] | None = None
    drop: list[str] | None = None
    one_hot: list[str] | dict[str, list[str]] | None = None
    indicator: bool | list[str] | None = None
    na: list[str] | None = None
    decimal: str | None = None
    encoding: str | None = None
    sound: dict[str, Any] | None = None  # no option of its own: in a model's file
    background: str | None = None

    @classmethod
    def of(
        cls,
        id: str | None,
        time: str | None,
        wide: bool | None,
        window: int | None,
        step: int | None,
        missing: str | None,
        features: str | None,
        drop: str | None,
        na: list[str] | None,
        decimal: str | None,
        encoding: str | None,
    ) -> Layout:
        """Of the options as a command gets them, lists still joined by commas."""
        return cls(
            id=id,
            time=time,
            wide=wide,
            window=window,
            step=step,
            missing=missing,
            features=comma(features),
            drop=comma(drop),
            na=commas(na),
            decimal=decimal,
            encoding=encoding,
        )

    @property
    def typed(self) -> dict[str, Any]:
        """The options that were typed."""
        return {option: value for option, value in vars(self).items() if value is not None}

    def read(self, data: str, **others: Any) -> tuple[Sequences, Sequences | None]:
        """The sequences in a file or folder; or in the data set of that name, with those it holds out for tests.

        Args:
            data: a path, or a data set's name where no such path exists.
            others: `target`, `group`, `ignore`, `target_at`, `labels`, as for `gruvy.data.read`.
        """
        from gruvy.data import load, names, read

        if not Path(data).exists() and data != STDIN:
            known = [entry.name for entry in names()]
            if data in known:
                self._refuse(data, others)
                found = load(data)
                return found.train, found.test
            if not Path(data).suffix and Path(data).name == data:
                close = get_close_matches(data, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"the data sets are {', '.join(known)}"
                raise DataError(f"{data} is no file, no folder and no data set; {hint}")
        return read(data, **self.typed, **others), None

    def _refuse(self, name: str, others: dict[str, Any]) -> None:
        """A data set comes ready made: options about its layout would be ignored, so they are refused."""
        for option, value in {**vars(self), **{key: others.get(key) for key in ("target", "group", "labels")}}.items():
            if value is not None and value != DEFAULTS.get(option):
                raise DataError(
                    f"{as_typed({option: True})} has no meaning for the data set {name}, which comes ready made"
                )

    def alike(self, known: Sequences | Shards) -> Layout:
        """The layout, with what was found in reading, to read other data alike."""
        found = known.found if isinstance(known, Sequences) else {}
        return replace(self, **{"features": known.features, **found})

    def kept(self, data: str, known: Sequences | Shards) -> dict[str, Any] | None:
        """What a model's file keeps of how its data were laid out; None for data that come ready made."""
        if not has_columns(data):
            return None
        found = self.alike(known)
        made = bool(found.one_hot or found.indicator)  # channels are then something else than columns
        basic = {**dict.fromkeys(BASIC), **DEFAULTS, **self.typed, "features": None}
        if (self.wide and self.features) or made:
            basic["features"] = found.features
        return {option: basic[option] for option in BASIC} | {
            option: value for option, value in vars(found).items() if option not in BASIC and value
        }


def has_columns(data: str) -> bool:
    """Whether the data are a file or a folder of tables, whose layout has to be told."""
    return data == STDIN or (Path(data).exists() and Path(data).suffix.lower() != ".npz")


def called(data: str) -> str:
    """What to call the data in what is said of them."""
    return "stdin" if data == STDIN else data


def as_trained(kept: dict[str, Any] | None, data: str, layout: Layout) -> tuple[Layout, dict[str, Any]]:
    """How to read data for a model: as typed, and else as its file keeps it; and the options taken from there.

    Args:
        kept: the layout in the model's file, or None.
        data: a path, or a data set's name.
        layout: as typed.
    """
    typed = layout.typed
    taken: dict[str, Any] = {}
    if kept is not None and has_columns(data):
        wide, folder = typed.get("wide", kept["wide"]), Path(data).is_dir()
        meaningless = {
            "id": folder,
            "wide": folder,
            "time": wide and not folder,
            "step": "window" in typed,
            "features": kept["wide"] != (wide and not folder),
            "one_hot": wide and not folder,
            "detection": True,  # of `gruvy listen`
        }
        for option, value in kept.items():
            if option not in typed and value != DEFAULTS.get(option) and not meaningless.get(option):
                taken[option] = value
    return replace(layout, **taken), taken


def as_typed(options: dict[str, Any]) -> str:
    """Options as one types them."""
    words: list[str] = []
    for option, value in options.items():
        words.append(f"--{option.replace('_', '-')}")
        if not isinstance(value, bool) and option != "indicator":
            words.append(str(value) if isinstance(value, (str, int)) else ",".join(value))
    return shlex.join(words)


def commas(texts: list[str] | None) -> list[str] | None:
    """A list typed with commas or by typing the option again; None for none."""
    return [part for text in texts for part in comma(text) or []] if texts else None


def comma(text: str | None) -> list[str] | None:
    """A list typed with commas; None stays None."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def summary(*parts: Sequences | None) -> str:
    """What the sequences are, in a line: how many, how long, their channels and their targets."""
    there = [part for part in parts if part is not None]
    first, lengths = there[0], np.concatenate([part.lengths for part in there])
    told = [f"{plural(len(lengths), 'sequence')} of {span(lengths)}", f"channels {some(first.features, 6)}"]
    if first.y is not None:
        each = [np.asarray(part.y) for part in there]
        alike = len({y.shape[1:] for y in each}) == 1  # parts with targets at every step may be longer than others
        targets = np.concatenate(each) if alike else as_objects([row for y in each for row in y])
        told.append(f"target {some(first.target, 6)}: {described(targets)}")
    return "; ".join(told)


def notes(sequences: Sequences | Shards) -> Sequence[str]:
    """What was decided while reading."""
    return [note[0].upper() + note[1:] + "." for note in sequences.notes]
