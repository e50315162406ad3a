"""Several processes train as one does: the same rows, the same loss, one decision to stop, and no waiting for ever."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from compare import assert_close
from gruvy.model.task import Labels
from gruvy.network.fit import fit_task
from gruvy.training import Settings
from test_training import net, problem

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
ACCELERATE = [
    sys.executable,
    "-m",
    "accelerate.commands.launch",
    "--multi_gpu",
    "--num_machines=1",
    "--mixed_precision=no",
    "--dynamo_backend=no",
]

# Each process writes the rows of each of its batches, and its history, to a file of its own.
SCRIPT = """
import json, os, signal, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {tests!r})
import numpy as np
import torch
torch.set_num_threads(1)
from test_training import net, problem
from gruvy.training import Batches, Settings, processes, train
from gruvy.model.task import Labels
what, out = sys.argv[1:3]
rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
X, y = problem(37)
task = Labels.of(y)
data = Batches(X, task.encode(y), dtype=torch.float64)
wrong = Batches(X, 1 - task.encode(y), dtype=torch.float64)
taken, steps = [], []
take = data.take
data.take = lambda rows: (taken.append(rows.tolist()), take(rows))[1]
share = processes.Together.share
def seen(self, value):
    value = share(self, value)
    if isinstance(value, int):
        shared.append(value)
    return value
shared = []
processes.Together.share = seen
def on_epoch(row):
    if what == "press" and rank == count - 1 and row["epoch"] == 2:
        raise KeyboardInterrupt
    if what == "signal" and rank == count - 1 and row["epoch"] == 2:
        os.kill(os.getpid(), signal.SIGINT)
    if what == "die" and rank == count - 1 and row["epoch"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "patience" and row["epoch"] == 1 and rank:
        row["val_loss"] = 0.0  # a process that sees another loss must not decide by itself
kind = {{"max_epochs": 3, "batch_size": 12, "seed": None, "progress": False, "on_epoch": on_epoch}}
if what == "patience":
    kind |= {{"max_epochs": 60, "patience": 2, "learning_rate": 3e-2}}
if what == "checkpoint":
    kind |= {{"checkpoint": out + ("/run" if rank == 0 else "/no folder/run"), "checkpoint_seconds": 0}}
if what == "other":
    data.weights = data.weights + rank
module = net(seed=rank).double()  # weights of its own
result = train(module, task, data, validation=wrong if what == "patience" else None, settings=Settings(**kind))
with open(f"{{out}}/{{rank}}.json", "w") as file:
    found = {{"taken": taken, "loss": result["loss"], "stopped": result.stopped, "seed": shared[:1]}}
    json.dump(found | {{"weights": [p.tolist() for p in module.parameters()]}}, file)
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)  # at the interpreter's end one of some eight is aborted: "terminate called without an active exception"
"""


def run(tmp_path, what, count, launcher=TORCHRUN, timeout=120):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=os.path.dirname(__file__)))
    number = "--nproc-per-node" if launcher is TORCHRUN else "--num_processes"
    launch = [part for part in launcher if count > 1 or part != "--multi_gpu"] + [f"{number}={count}"]
    line = [*launch, str(script), what, str(tmp_path)]
    began = time.monotonic()
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=timeout, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    found = [
        json.loads((tmp_path / f"{i}.json").read_text()) for i in range(count) if (tmp_path / f"{i}.json").exists()
    ]
    assert time.monotonic() - began < timeout
    return done, found


def check_rows(found):
    """Every row once an epoch; a process without a share of a batch runs a row of another's, which does not count."""
    for epoch in range(3):
        steps = [set().union(*(one["taken"][4 * epoch + k] for one in found)) for k in range(4)]
        assert sorted(row for rows in steps for row in rows) == list(range(37))


def check_together(tmp_path, count, launcher=TORCHRUN):
    """Processes without a seed agree with each other, and with one process that has their seed and weights."""
    done, found = run(tmp_path, "train", count, launcher)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(found) == count
    check_rows(found)
    for one in found[1:]:
        assert (one["loss"], one["weights"]) == (found[0]["loss"], found[0]["weights"])
    return found


def test_two_processes_without_a_seed_use_every_row_once(tmp_path):
    check_together(tmp_path, 2)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_processes_reach_the_loss_of_one(tmp_path, count, launcher, monkeypatch):
    """The seed that the first process drew, given to one process alone, gives the same losses and weights."""
    found = check_together(tmp_path, count, launcher)[0]
    fixed = SimpleNamespace(integers=lambda *_: found["seed"][0])
    random = np.random.default_rng
    X, y = problem(37)
    module = net(seed=0).double()
    if count > 1:
        monkeypatch.setattr(np.random, "default_rng", lambda seed=None: fixed if seed == 12345 else random(seed))
        history = fit_task(
            module, Labels.of(y), X, y, None, None, Settings(max_epochs=3, batch_size=12, seed=12345, progress=False)
        )
        assert_close(np.array(found["loss"]), history["loss"], "trained")
        for a, b in zip(found["weights"], module.parameters(), strict=True):
            assert_close(np.array(a), b, "trained")


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    ("what", "stopped"),
    [("patience", "early"), ("press", "interrupted"), ("signal", "interrupted"), ("checkpoint", "finished")],
)
def test_all_processes_stop_together(tmp_path, what, stopped, count):
    """Also where one sees another loss or gets Ctrl-C; only the first process needs to see the checkpoint."""
    done, found = run(tmp_path, what, count)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [one["stopped"] for one in found] == [stopped] * count
    assert all(one["loss"] == found[0]["loss"] and one["weights"] == found[0]["weights"] for one in found)


@pytest.mark.slow
def test_a_process_that_dies_ends_the_others(tmp_path):
    """Without a launcher that would end them: the connection breaks, and that is an error in each."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=os.path.dirname(__file__)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment |= {"OMP_NUM_THREADS": "1"}
    line = [sys.executable, str(script), "die", str(tmp_path)]
    running = [
        subprocess.Popen(
            line, env={**environment, "RANK": str(i), "LOCAL_RANK": str(i)}, stderr=subprocess.PIPE, text=True
        )
        for i in range(3)
    ]
    try:
        told = [one.communicate(timeout=120)[1] for one in running]
    finally:
        for one in running:
            one.kill()
    assert [one.returncode for one in running] == [1, 1, -9]
    assert all("RuntimeError" in text for text in told[:2])


@pytest.mark.slow
def test_different_data_are_refused(tmp_path):
    done, found = run(tmp_path, "other", 2)
    assert done.returncode != 0
    assert found == []
    told = "InputError: the processes were given different data, settings or networks; expected the same in each"
    assert told in done.stderr
