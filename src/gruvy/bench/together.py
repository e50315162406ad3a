"""Two processes on the same cores: how much more than its fair share of the time each of them needs."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Any

from .problem import Shape, make
from .timing import Timed

SHAPES = (Shape(100, 32, 64, 64), Shape(100, 64, 256, 256))
NAMES = ("gruvy", "torch.nn.GRU")
ROUNDS = 6


def contest(name: str, shape: Shape, threads: int, budget: float) -> list[Timed]:
    """One contestant's training step alone, and half of what it takes while a second process does the same.

    Both processes have the same `threads` cores and as many threads, so half is the fair share. Timed in turns.
    """
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(2)]
    processes = [
        context.Process(target=_train, args=(theirs, name, tuple(shape), threads), daemon=True) for _, theirs in pairs
    ]
    pipes = [ours for ours, _ in pairs]
    alone: list[float] = []
    shared: list[float] = []
    try:
        for process in processes:
            process.start()
        for pipe in pipes:
            pipe.recv()
        for k in range(ROUNDS):
            (seconds,) = _go([pipes[k % 2]], budget / 2)
            alone.append(seconds)
            shared.append(sum(_go(pipes, budget)) / 2 / 2)
        for pipe in pipes:
            pipe.send(None)
    finally:
        for process in processes:
            process.join(5)
            process.terminate()
    return [Timed("alone", alone, None, None), Timed("two at once, half of the time", shared, None, None)]


def _go(pipes: list[Any], seconds: float) -> list[float]:
    """Seconds a call of each, all at the same time."""
    for pipe in pipes:
        pipe.send(seconds)
    return [pipe.recv() for pipe in pipes]


def _train(pipe: Connection, name: str, sizes: tuple[int, int, int, int], threads: int) -> None:
    """A process: for every number of seconds that comes, train for so long, and say how long a call took."""
    from . import machine
    from .contestants import CONTESTANTS

    machine.use_threads(threads)
    prepare = next(c.prepare for c in CONTESTANTS if c.name == name)
    run = prepare(make(Shape(*sizes)), "train", threads).run
    run()
    pipe.send("ready")
    while (seconds := pipe.recv()) is not None:
        calls, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            run()
            calls += 1
        pipe.send(passed / calls)
