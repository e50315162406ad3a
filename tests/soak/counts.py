"""What an attack counts, and the reproductions that it keeps."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gruvy

PACKAGE = Path(gruvy.__file__).parent  # a checkout may have its name too
KEPT = 3  # reproductions of one failure; the others are only counted


class Broken(Exception):
    """A promise that did not hold: the text says which."""


@dataclass
class Failure:
    """One thing that went wrong, however often: what, how often, and the cases that show it."""

    what: str
    times: int = 0
    shown: list[str] = field(default_factory=list)


@dataclass
class Counts:
    """The score of an attack.

    accepted: it did what was asked; refused: with an error of gruvy's own. seen: more that is worth a number.
    """

    name: str
    tried: int = 0
    accepted: int = 0
    refused: int = 0
    failures: dict[str, Failure] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        return sum(failure.times for failure in self.failures.values())

    def fail(self, what: str, times: int = 1) -> Failure:
        """Count a failure under its name."""
        failure = self.failures.setdefault(what, Failure(what))
        failure.times += times
        return failure

    def add(self, other: Counts) -> None:
        """Take over the score of a part."""
        self.tried += other.tried
        self.accepted += other.accepted
        self.refused += other.refused
        self.seen += other.seen
        self.notes += [note for note in other.notes if note not in self.notes]
        for failure in other.failures.values():
            mine = self.fail(failure.what, failure.times)
            mine.shown = (mine.shown + failure.shown)[:KEPT]


def name_of(error: BaseException) -> str:
    """A name that the same fault has each time: the error's type, its text without what varies, and where it rose."""
    if isinstance(error, Broken):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(PACKAGE)]
    places = dict.fromkeys(f"{Path(f.filename).name}:{f.lineno}" for f in (ours[-1:] + frames[-1:]))
    text = re.sub(r"'[^']*'?|\d+", "…", " ".join(str(error).split())[:100])
    # What a library says may name its values, so the text counts only where our own code rose it.
    said = f": {text}" if ours and frames and ours[-1] == frames[-1] else ""
    return f"{type(error).__name__}{said} at {' < '.join(reversed(places))}"


def save(folder: Path, name: str, content: bytes) -> str:
    """Keep a file that shows a failure; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return str(path)


def table(all_counts: list[Counts]) -> list[list[Any]]:
    """A row for each attack: name, tried, accepted, refused, failed, what else was seen."""
    return [
        [c.name, c.tried, c.accepted, c.refused, c.failed, ", ".join(f"{n:,} {what}" for what, n in c.seen.items())]
        for c in all_counts
    ]
