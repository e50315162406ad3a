"""One JSON file per experiment, rewritten whole and atomically after every part: a stopped run resumes at the next."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files
from ..errors import DataError, InputError
from .experiment import Numbers, Settings


@dataclass
class Record:
    """The numbers of one experiment so far, and what they were measured with."""

    path: Path
    experiment: str
    settings: Settings
    seed: int
    parts: Numbers = field(default_factory=dict)
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: dict[str, Any], seconds: float) -> None:
        """Keep one more part, on disk before this returns."""
        self.parts[key] = value
        self.seconds += seconds
        self.save()

    def save(self) -> None:
        """Write the file whole, or not at all."""
        write(self.path, json.dumps({k: v for k, v in vars(self).items() if k != "path"}, indent=1))


def load(
    path: Path, experiment: str, settings: Settings, seed: int, versions: dict[str, str], *, resume: bool = True
) -> Record:
    """The record on disk, if it was measured with the same settings, seed and versions; else an empty one.

    Raises:
        DataError: the file is there and is no lab record.
    """
    fresh = Record(path, experiment, settings, seed, versions=versions)
    if not resume or not path.exists():
        return fresh
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        parts, seconds = stored["parts"], float(stored["seconds"])
        asked = {"experiment": experiment, "settings": settings, "seed": seed, "versions": versions}
        same = json.loads(json.dumps(asked)) == {key: stored[key] for key in asked}
        if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
            raise TypeError("parts")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged: delete it, or start anew with resume=False") from error
    return Record(path, experiment, settings, seed, parts, seconds, versions) if same else fresh


def write(path: Path, text: str) -> None:
    """Write a text file atomically: a reader sees the old file or the new one.

    Raises:
        InputError: the place cannot be written to.
    """
    try:
        files.write(path, text)
    except OSError as error:
        raise InputError(f"out: {path} cannot be written ({error.strerror})") from error
