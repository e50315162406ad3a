"""`gruvy bench`: everybody who can compute a GRU on this machine, checked equal and then timed against gruvy.

Beyond what users import it takes `gruvy.engines`: for the fused multiply-adds that the processor can do, and for the
recurrence alone, packed once, which a loaded model runs together with its read-out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InputError
from .problem import GRID, Mode, Shape, make

if TYPE_CHECKING:
    from .timing import Timed

MODES = ("train", "infer", "deploy", "step", "variants", "together")


class Order(NamedTuple):
    """What one process measures: the arguments of `run`, for one number of threads."""

    threads: int
    modes: Sequence[str]
    shapes: Sequence[Shape]
    only: Sequence[str] | None
    budget: float


def run(
    threads: Sequence[int] = (2, 1),
    modes: Sequence[str] = MODES,
    shapes: Sequence[Shape] = GRID,
    only: Sequence[str] | None = None,
    budget: float = 1.0,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run the benchmark, one fresh process for each number of threads.

    Args:
        threads: numbers of threads to hold everybody to. modes: some of `MODES`.
        shapes: (T, B, I, H), default the grid. only: names of contestants beside gruvy, default all.
        budget: seconds for each contestant on each shape. report: gets a line for each cell as it is done.

    Returns:
        A dictionary that JSON can hold: machine, and cells with the seconds of every round.

    Raises:
        InputError: an unknown mode, contestant, or number of threads.
    """
    from .contestants import CONTESTANTS
    from .deployed import DEPLOYED, STEP

    known = list(dict.fromkeys(c.name for c in (*CONTESTANTS, *DEPLOYED, *STEP)))
    for name in only or ():
        if name not in known:
            raise InputError(f"only: no contestant {name!r}; there are {', '.join(known)}")
    for mode in modes:
        if mode not in MODES:
            raise InputError(f"modes: {mode!r}, expected {' or '.join(MODES)}")
    found: dict[str, Any] = {}
    for count in threads:
        if count < 1:
            raise InputError(f"threads: {count}, expected 1 or more")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "cells.json"
            order = Order(count, modes, shapes, only, budget)
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


def measure(order: Order, report: Callable[[str], None]) -> dict[str, Any]:
    """All cells in this process, which is held to so many threads; see `run`."""
    from . import machine

    machine.use_threads(order.threads)
    peak = machine.peak(order.threads)
    cells: list[dict[str, Any]] = []
    for mode in order.modes:
        for shape, operations, timed in contests(mode, order):
            cell = {"mode": mode, "threads": order.threads, "shape": shape, "operations": operations, "peak": peak}
            cells.append(cell | {"timed": [t._asdict() for t in timed]})
            report(line(cells[-1]))
    # Other work on the machine can only have lowered it.
    peaks = [rate for rate in (peak, machine.peak(order.threads)) if rate]
    for cell in cells:
        cell["peak"] = max(peaks, default=None)
    return {"machine": machine.describe(), "cells": cells}


def contests(mode: str, order: Order) -> Iterator[tuple[str, int | None, list[Timed]]]:
    """The cells of a mode: the shape, the operations of its products if they are compared, and who took how long."""
    from . import deployed, timing, together, variants
    from .contestants import CONTESTANTS

    _, _, shapes, only, budget = order
    if mode == "variants":
        for variant in variants.variants():
            yield f"{variant.name} {variant.sizes}", None, variants.contest(variant, budget)
    elif mode == "together":
        for name in together.NAMES:
            if name == together.NAMES[0] or not only or name in only:
                for shape in together.SHAPES:
                    yield f"{name} {shape}", None, together.contest(name, shape, order.threads, budget)
    else:
        kind: Mode = "train" if mode == "train" else "infer"
        all_of = {"deploy": deployed.DEPLOYED, "step": deployed.STEP}.get(mode, CONTESTANTS)
        field = [c for k, c in enumerate(all_of) if kind in c.modes and (k == 0 or not only or c.name in only)]
        for shape in deployed.step_shapes() if mode == "step" else shapes:
            problem = make(Shape(*shape))
            beside = {deployed.READING: deployed.reading(problem)} if mode == "step" else {}
            timed = timing.contest(field, problem, kind, order.threads, budget, beside)
            yield str(problem.shape), None if mode == "step" else problem.shape.operations(kind), timed


def line(cell: dict[str, Any]) -> str:
    """One cell as a line of text."""
    from . import report

    ratios = {name: report.cell_ratio(cell, name) for name in report.names([cell])}
    parts = [f"{name} {found[1]:.2f}" for name, found in ratios.items() if found]
    if (part := report.share(cell)) is not None:
        parts.append(f"share of FMA peak {part:.2f}")
    return f"{cell['mode']}, {report.plural(cell['threads'])}, {cell['shape']}: {', '.join(parts)}"
