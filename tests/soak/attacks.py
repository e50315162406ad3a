"""The attacks by name, with their shares of the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import binding, bits, disk, files, guided, kills, threads
from .counts import Counts
from .workers import Attack, Place, run


@dataclass(frozen=True)
class Kind:
    """run: for so many seconds, with a seed. share: of the whole time. cases: the numbered cases behind a name."""

    run: Callable[[float, int, Place], list[Counts]]
    share: float
    cases: Callable[[str, int], Attack]


ATTACKS: dict[str, Kind] = {
    "files": Kind(files.files, 0.36, files.attack),
    "guided": Kind(guided.guided, 0.06, lambda part, seed: files.attack(part, seed)),
    "binding": Kind(binding.binding, 0.08, binding.attack),
    "bits": Kind(bits.bits, 0.12, bits.attack),
    "kills": Kind(kills.kills, 0.2, kills.attack),
    "disk": Kind(disk.disk, 0.08, disk.attack),
    "threads": Kind(threads.threads, 0.12, threads.attack),
}


def again(name: str, seed: str, case: str, *, scratch: Path, kept: Path) -> int:
    """Repeat one case, `files:csv 7 1234`, and say how it ends."""
    kind, _, part = name.partition(":")
    score = run(ATTACKS[kind].cases(part, int(seed)), Place(scratch, kept), seconds=600, first=int(case), count=1)
    for failure in score.failures.values():
        print(failure.what, *failure.shown, sep="\n    ")
    print(f"{score.accepted} accepted, {score.refused} refused, {score.failed} failed")
    return 1 if score.failed else 0
