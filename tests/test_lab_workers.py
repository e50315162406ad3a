"""The lab's parts measured side by side: the same numbers, and no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")
pytest.importorskip("jinja2")

import torch

from gruvy import lab
from gruvy.lab import cost, memory, workers

COPY = (
    memory.EXPERIMENTS[2],
    {"equal": ["units"], "symbols": 2, "lags": [3], "units": 4, "steps": 2, "learning_rates": [0.01], "seeds": 2},
)


def test_parts_measured_side_by_side_are_the_same_numbers():
    e, settings = COPY
    keys = list(e.parts(settings, 0))
    assert len(keys) >= workers.WORTH_IT
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one = {key: value for key, value, _ in workers.Workers(1).measure(e, settings, 0, keys)}
    finally:
        torch.set_num_threads(threads)
    with workers.Workers(2) as two:
        assert {key: value for key, value, _ in two.measure(e, settings, 0, keys)} == one
        assert two.pool is not None
    assert multiprocessing.active_children() == []


def test_what_measures_time_and_what_is_few_is_measured_alone():
    (e,), settings = cost.EXPERIMENTS, {"inputs": 3, "units": 4, "repeats": 2, "shapes": [[5, 2, 3, 4]], "seeds": 1}
    assert e.alone
    assert [e.name for e in lab.EXPERIMENTS.values() if e.alone] == ["cost"]
    few, other = COPY
    with workers.Workers(2) as two:
        assert len(list(two.measure(e, settings, 0, list(e.parts(settings, 0))))) == 4
        assert len(list(two.measure(few, other, 0, list(few.parts(other, 0))[:4]))) == 4
        assert two.pool is None


def test_a_failure_ends_the_processes():
    e, settings = COPY
    keys = list(e.parts(settings, 0))

    def stopped():
        with workers.Workers(2) as two:
            for _ in two.measure(e, settings, 0, keys):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stopped()
    assert multiprocessing.active_children() == []


def alive(group, *more):
    """Processes of a group that run or sleep; a dead one that nobody has collected does not count."""
    command = ["pgrep", "-g", str(group), "-r", "R,S,D", *more]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


def wait_for(condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not shutil.which("pgrep"), reason="needs pgrep")
@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_ctrl_c_ends_all_processes_without_their_tracebacks(tmp_path, seconds):
    """Early, while the processes import torch, and later, while they measure."""
    command = [
        sys.executable,
        "-m",
        "gruvy",
        "lab",
        "--only",
        "copy",
        "--full",
        "--processes",
        "2",
        "-o",
        str(tmp_path),
    ]
    lab = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert wait_for(lambda: len(alive(lab.pid, "-f", "spawn_main")) >= 2)
    time.sleep(seconds)
    os.killpg(lab.pid, signal.SIGINT)
    _, said = lab.communicate(timeout=60)
    assert lab.returncode == 1
    assert said.splitlines()[-1] == "gruvy: stopped"
    assert "Traceback" not in said
    assert wait_for(lambda: not alive(lab.pid))
