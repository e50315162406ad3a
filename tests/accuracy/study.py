"""The jobs: what on which set with which seed. Each score is kept at once, so that a run goes on where it ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress

from gruvy.errors import InputError

from . import contestants, sets

RESULTS = Path(__file__).with_name("results.jsonl")
SEEDS = 5
SLOW = ("adding", "OSULeaf", "ACSF1")  # come last
LARGE = 1000  # sequences, from which one split to choose by is enough


class Job(NamedTuple):
    """part: "choose" learns from 70 % of the training part and is judged on the rest, "test" uses the sets' own."""

    set: str
    part: str
    what: str
    seed: int


def choosing(name: str) -> Iterator[Job]:
    """Every setting of the grid on parts of the training data."""
    splits = 1 if len(sets_(name).train.y) > LARGE else 2
    for setting in contestants.grid():
        for seed in range(splits):
            yield Job(name, "choose", contestants.name_of(setting), seed)


def judging(name: str) -> Iterator[Job]:
    """Every judged contestant on the test part; a linear model has no seed to differ by."""
    for what in contestants.JUDGED:
        for seed in range(1 if what == "linear on statistics" else SEEDS):
            yield Job(name, "test", what, seed)


def best(name: str, scores: dict[Job, dict[str, Any]]) -> Iterator[Job]:
    """The setting of the grid that the splits choose, on the test part; none while some are missing."""
    wanted = list(choosing(name))
    if all(job in scores for job in wanted):
        chosen = max(
            {job.what: None for job in wanted},
            key=lambda what: np.mean([scores[job]["score"] for job in wanted if job.what == what]),
        )
        for seed in range(SEEDS):
            yield Job(name, "test", chosen, seed)


def jobs(scores: dict[Job, dict[str, Any]], names: tuple[str, ...], part: str = "") -> list[Job]:
    """What is still to do, of a kind after the other."""
    names = tuple(sorted(names, key=lambda name: SLOW.index(name) + 1 if name in SLOW else 0))
    each = [
        *(job for name in names for job in choosing(name)),
        *(job for name in names for job in judging(name)),
        *(job for name in names for job in best(name, scores)),
    ]
    return [job for job in each if job not in scores and part in ("", job.part)]


@cache
def sets_(name: str) -> sets.Set:
    """A set, loaded once in a process."""
    return sets.load(name)


def score(data: sets.Set, truth: np.ndarray[Any, Any], answers: np.ndarray[Any, Any]) -> float:
    """The share of right answers; of numbers, 1 less the squared error in terms of that of their own mean (R²)."""
    if data.task == "classify":
        return float((truth == answers).mean())
    truth = truth.astype(float)
    return float(1 - ((truth - answers) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def do(job: Job) -> dict[str, Any]:
    """One job in this process, on one thread."""
    data = sets_(job.set)
    train, judged = data.chosen_by(job.seed) if job.part == "choose" else (data.train, data.test)
    run = contestants.JUDGED.get(job.what)
    if run is None:
        run = contestants.with_setting(next(s for s in contestants.grid() if contestants.name_of(s) == job.what))
    started = time.process_time()  # whatever else runs on the machine
    try:
        found = {"score": score(data, judged.y, run(data, train, judged, job.seed))}
    except InputError as error:  # a training that diverged knows nothing
        found = {"score": 0.0, "failed": str(error)}
    return found | {"seconds": round(time.process_time() - started, 2)}


def begin() -> None:
    """A worker computes on one thread, so that two do not stand in each other's way."""
    import torch

    from gruvy.engines.threads import set_threads

    torch.set_num_threads(1)
    set_threads(1)


def read(path: Path = RESULTS) -> dict[Job, dict[str, Any]]:
    """The scores so far."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = {}
    for line in lines:
        row = json.loads(line)
        found[Job(*(row.pop(field) for field in Job._fields))] = row
    return found


def run(minutes: float, console: Console, names: tuple[str, ...], part: str = "", path: Path = RESULTS) -> int:
    """Do jobs until the time is over; how many are left."""
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    scores, until = read(path), time.monotonic() + 60 * minutes
    tried: set[Job] = set()
    with ProcessPoolExecutor(2, get_context("spawn"), begin) as pool, Progress(console=console) as bar:
        task = bar.add_task("jobs", total=len(jobs(scores, names, part)))
        running: dict[Future[dict[str, Any]], Job] = {}
        while True:
            left = [job for job in jobs(scores, names, part) if job not in tried]
            while left and len(running) < 3 and time.monotonic() < until:
                job = left.pop(0)
                tried.add(job)
                running[pool.submit(do, job)] = job
            if not running:
                return len(jobs(scores, names, part))
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(done)
                scores[job] = done.result()
                with path.open("a") as out:
                    out.write(json.dumps({**job._asdict(), **scores[job]}) + "\n")
                bar.update(task, advance=1, description=f"{job.set} {job.part} {job.what}")
