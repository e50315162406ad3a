"""`gruvy bench`: everybody who can compute a GRU on this machine, checked equal and then timed against gruvy."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .problem import GRID, Mode, Shape, make

MODES: tuple[Mode, ...] = ("train", "infer")


def run(threads: Sequence[int] = (2, 1), modes: Sequence[str] = MODES, shapes: Sequence[Shape] = GRID,
        only: Sequence[str] | None = None, budget: float = 1.0,
        report: Callable[[str], None] = print) -> dict[str, Any]:  # fmt: skip
    """Run the benchmark, one fresh process for each number of threads.

    Args:
        threads: numbers of threads to hold everybody to. modes: ``"train"`` and ``"infer"``.
        shapes: (T, B, I, H), default the grid. only: names of contestants beside gruvy, default all.
        budget: seconds for each contestant on each shape. report: gets a line for each cell as it is done.

    Returns:
        A dictionary that JSON can hold: machine, and cells with the seconds of every round.

    Raises:
        InputError: an unknown mode, contestant, or number of threads.
    """
    from .contestants import CONTESTANTS

    known = [c.name for c in CONTESTANTS]
    for name in only or ():
        if name not in known:
            raise InputError(f"only: no contestant {name!r}; there are {', '.join(known)}")
    for mode in modes:
        if mode not in MODES:
            raise InputError(f"modes: {mode!r}, wanted {' or '.join(MODES)}")
    found: dict[str, Any] = {}
    for count in threads:
        if count < 1:
            raise InputError(f"threads: {count}, wanted 1 or more")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "cells.json"
            order = {"threads": count, "modes": list(modes), "shapes": list(shapes), "only": only, "budget": budget}
            child = [sys.executable, "-m", "gruvy.bench", json.dumps(order), str(out)]
            process = subprocess.Popen(child, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            for line in process.stdout:
                report(line.rstrip())
            if process.wait():
                raise InputError(f"threads={count}: the benchmark's process ended with code {process.returncode}")
            part = json.loads(out.read_text())
        found = {"machine": part["machine"], "cells": [*found.get("cells", []), *part["cells"]]}
    return found


def measure(threads: int, modes: Iterable[Mode], shapes: Iterable[Shape], only: Sequence[str] | None,
            budget: float, report: Callable[[str], None]) -> dict[str, Any]:  # fmt: skip
    """All cells in this process, which is held to so many threads; see `run`."""
    from . import machine
    from . import report as reports
    from .contestants import CONTESTANTS, OURS
    from .timing import contest

    machine.use_threads(threads)
    cells = []
    for mode in modes:
        field = [c for c in CONTESTANTS if mode in c.modes and (c is OURS or not only or c.name in only)]
        for shape in shapes:
            problem = make(Shape(*shape))
            timed = [t._asdict() for t in contest(field, problem, mode, threads, budget)]
            cell = {
                "mode": mode,
                "threads": threads,
                "shape": str(problem.shape),
                "operations": problem.shape.operations(mode),
                "peak": machine.peak(threads),
                "timed": timed,
            }
            cells.append(cell)
            parts = [
                f"{name} {found[1]:.2f}" for name in reports.names([cell]) if (found := reports.cell_ratio(cell, name))
            ]
            part = reports.share(cell)
            if part is not None:
                parts.append(f"share of FMA peak {part:.2f}")
            report(f"{mode} {threads} thread(s) {cell['shape']}: " + ", ".join(parts))
    return {"machine": machine.describe(), "cells": cells}
