"""Parts of an experiment measured one after the other, or side by side in processes of their own."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import MissingExtraError
from .experiment import Experiment, Settings

# The key, the numbers (or in words what is not installed) and the seconds of a part.
Measured = tuple[str, dict[str, Any] | str, float]
WORTH_IT = 5  # a new process takes seconds to start: fewer parts than these are measured here


class Workers:
    """As many processes as asked for, started when they are first needed, gone at the end of the ``with``."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.pool: ProcessPoolExecutor | None = None
        self.others = set(multiprocessing.active_children())

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, failed: Any, *_: Any) -> None:
        if self.pool is None:
            return
        if failed:  # stopped in the middle: nobody waits for what is still being measured
            for process in set(multiprocessing.active_children()) - self.others:
                process.terminate()
        self.pool.shutdown(cancel_futures=True)

    def measure(self, e: Experiment, settings: Settings, seed: int, keys: list[str]) -> Iterator[Measured]:
        """Measure these parts, each as it is ready."""
        parts = e.parts(settings, seed)
        if self.processes == 1 or e.alone or len(keys) < WORTH_IT:
            for key in keys:
                yield timed(key, parts[key])
            return
        if self.pool is None:
            self.pool = ProcessPoolExecutor(self.processes, multiprocessing.get_context("spawn"), _start)
        with _without_interrupts():  # the processes start here
            futures = [self.pool.submit(timed, key, parts[key]) for key in keys]
        for future in as_completed(futures):
            yield future.result()


def timed(key: str, measure: Callable[[], dict[str, Any]]) -> Measured:
    """One part, and how long it took; the number of torch's threads is as it was."""
    threads, begin = torch.get_num_threads(), time.perf_counter()
    value: dict[str, Any] | str
    try:
        value = measure()
    except MissingExtraError as error:
        value = str(error)
    finally:
        torch.set_num_threads(threads)
    return key, value, time.perf_counter() - begin


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl-C waits until the block is over, and never reaches a process that starts inside: this one ends it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start() -> None:
    """One thread per process; Ctrl-C is for the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
