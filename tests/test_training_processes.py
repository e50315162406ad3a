"""Several processes train as one does: the same rows, the same loss, one decision to stop, and no waiting for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
ACCELERATE = [sys.executable, "-m", "accelerate.commands.launch", "--multi_cpu"]

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
from gruvy.tasks import Labels
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
if len(sys.argv) > 3:
    kind["seed"] = int(sys.argv[3])
if what == "patience":
    kind |= {{"max_epochs": 60, "patience": 2, "learning_rate": 3e-2}}
if what == "checkpoint":
    kind |= {{"checkpoint": out + ("/run" if rank == 0 else "/no folder/run"), "checkpoint_seconds": 0}}
if what == "other":
    data.weights = data.weights + rank
torch.manual_seed(rank if len(sys.argv) == 3 else 0)  # each process starts from weights of its own
module = net(seed=rank).double()
result = train(module, task, data, validation=wrong if what == "patience" else None, settings=Settings(**kind))
with open(f"{{out}}/{{rank}}.json", "w") as file:
    found = {{"taken": taken, "loss": result["loss"], "stopped": result.stopped, "seed": shared[:1]}}
    json.dump(found | {{"weights": [p.tolist() for p in module.parameters()]}}, file)
"""


def run(tmp_path, what, count, launcher=TORCHRUN, timeout=120, seed=None):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=os.path.dirname(__file__)))
    number = "--nproc-per-node" if launcher is TORCHRUN else "--num_processes"
    launch = [sys.executable] if count == 0 else [*launcher, f"{number}={count}"]
    line = [*launch, str(script), what, str(tmp_path), *([] if seed is None else [str(seed)])]
    began = time.monotonic()
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=timeout, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    found = [
        json.loads((tmp_path / f"{i}.json").read_text()) for i in range(count or 1) if (tmp_path / f"{i}.json").exists()
    ]
    assert time.monotonic() - began < timeout
    return done, found


def check_rows(found):
    """Every row once an epoch, over all processes; four batches of 37 rows."""
    for epoch in range(3):
        rows = [r for one in found for batch in one["taken"][4 * epoch : 4 * epoch + 4] for r in batch]
        assert sorted(rows) == list(range(37))


def together(tmp_path, count, launcher):
    done, found = run(tmp_path, "train", count, launcher)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(found) == count
    check_rows(found)
    for one in found[1:]:
        assert (one["loss"], one["weights"]) == (found[0]["loss"], found[0]["weights"])
    return found


def test_two_processes_without_a_seed_use_every_row_once(tmp_path):
    together(tmp_path, 2, TORCHRUN)
