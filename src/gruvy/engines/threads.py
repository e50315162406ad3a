"""How many threads a call gets: what the process may use, what was asked for, and what pays."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError


def processors() -> int:
    """How many processors this process may keep busy; asked again on every call, since others may change it."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, _quota())


@functools.cache
def _quota() -> int:
    return _granted(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))


def _granted(process: Path, groups: Path) -> int:
    """The processors' worth of time that the control groups of this process grant it, whole ones, at least 1."""
    granted = [float(os.cpu_count() or 1)]
    try:
        lines = process.read_text().splitlines()
    except OSError:  # no Linux
        lines = []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        # Version 2 has no controllers here and "quota period" in one file; in a container the path may lead nowhere.
        old = "cpu" in controllers.split(",")
        if controllers and not old:
            continue
        root = groups / "cpu" if old else groups
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if old else ("cpu.max",)
        own = root / path.lstrip("/")
        for group in (own, *own.parents):
            if not group.is_relative_to(root):
                break
            try:
                quota, period = " ".join((group / name).read_text() for name in names).split()
            except (OSError, ValueError):
                continue
            if quota not in ("max", "-1"):
                granted.append(float(quota) / float(period))
    return max(1, int(min(granted)))


def whole(threads: Any) -> int:
    """A number of threads: whole and at least 1."""
    if type(threads) is int and threads > 0:
        return threads
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
        raise InputError(f"threads: {threads!r}, expected a whole number of at least 1")
    return int(threads)


_threads: int | None = None


def set_threads(threads: int | None) -> None:
    """Set the number of threads of a call that names none; None means one for each processor it may run on.

    Raises:
        InputError: no whole number of at least 1.
    """
    global _threads
    _threads = None if threads is None else whole(threads)


def threads() -> int:
    """The number of threads of a large call that names none."""
    return _threads or processors()


# Below these, two threads were slower than one where it was measured: operations of a call, and B·H² of a step.
_SMALL, _SMALL_STEP = 50e6, 128 * 128


def threads_for(x: Any, state: Any) -> int:
    """The number of threads of a call that names none: one where sharing costs more than it saves.

    Few rows are shared out by hidden units, with a wait at every step. The numbers are the same whatever the threads.
    x (T, B, I), state (B, H); what has other axes, the core will refuse.
    """
    if len(getattr(x, "shape", ())) != 3 or len(getattr(state, "shape", ())) != 2:
        return 1
    (T, B, I), H = x.shape, state.shape[1]
    if 6 * T * B * H * (I + H) < _SMALL or (B < 8 and B * H * H < _SMALL_STEP):
        return 1
    return threads()


# A step of as many weights, for each row, is shared with threads that are awake in time; of fewer it is never worth it.
_LARGE_STEP = 1 << 20


def may_share(weights: int) -> bool:
    """Whether a step of a cell of so many weights is shared for any usual number of rows."""
    return 8 * weights >= _LARGE_STEP


def threads_for_step(rows: int, weights: int) -> int:
    """The number of threads of one step of packed weights."""
    return threads() if rows * weights >= _LARGE_STEP else 1


def count(asked: int | None, x: Any, state: Any) -> int:
    """The threads of a call: a number that is given is obeyed, None is `threads_for`."""
    return threads_for(x, state) if asked is None else whole(asked)
