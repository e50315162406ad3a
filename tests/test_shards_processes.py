"""Several processes, on one machine or two, each read their own shards and train as one process does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close
from gruvy.training import batches as in_memory
from small_shards import written
from test_training_processes import ACCELERATE, TORCHRUN

COUNTS = [43, 19, 34, 30, 2]

# Each process writes the sequences of each step of each epoch, told by their first number, and its history.
SCRIPT = """
import json, os, signal, sys
import torch
torch.set_num_threads(1)
import gruvy
from gruvy.data import shards
from gruvy.training import ShardBatches
folder, out, stop, *path = sys.argv[1:]
rank = int(os.environ.get("RANK", 0))
real, taken = ShardBatches.steps, []
def steps(self, *args, **kwargs):
    count, each = real(self, *args, **kwargs)
    taken.append([])
    def told():
        for step in each:
            if sum(map(len, taken)) == int(stop) and rank == 1:
                os.kill(os.getpid(), signal.SIGINT)
            taken[-1].append(step.batch.x[:, 0, 0].tolist() if step.counts else [])
            yield step
    return count, told()
ShardBatches.steps = steps
torch.manual_seed(0)
net = gruvy.GRU(2, 6, 2, dtype=torch.float64)
found = shards(folder, id="id", target="label", ignore=["number"])
kind = {"max_epochs": 2, "batch_size": 3, "seed": 5, "progress": False, "checkpoint_seconds": 0}
net.fit(found, **kind, checkpoint=path[0] if path else None)
with open(f"{out}/{rank}.json", "w") as file:
    told = {"taken": taken, "loss": net.history["loss"], "stopped": net.history.stopped}
    json.dump(told | {"weights": [p.tolist() for p in net.parameters()]}, file)
"""


@pytest.fixture
def data(tmp_path):
    return written(tmp_path / "shards", COUNTS)


def command(tmp_path, *launch, stop=-1, checkpoint=None):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    extra = [] if checkpoint is None else [str(checkpoint)]
    return [*launch, str(script), str(tmp_path / "shards"), str(tmp_path), str(stop), *extra]


def run(tmp_path, *launch, count=2, **how):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = command(tmp_path, *launch, **how)
    done = subprocess.run(line, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return found_by(tmp_path, count)


def found_by(tmp_path, count):
    found = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(count)]
    for one in found[1:]:
        assert (one["loss"], one["weights"]) == (found[0]["loss"], found[0]["weights"])
    return found


def check_as_one_process(found, data, monkeypatch):
    """The batches of all processes together, given to one process with all sequences in memory."""
    _, X, labels, _ = data
    place = {x[0, 0]: i for i, x in enumerate(X)}
    epochs = []
    for each in zip(*(one["taken"] for one in found), strict=True):  # of each process, the steps of this epoch
        epochs.append([[place[v] for part in parts for v in part] for parts in zip(*each, strict=True)])
        assert sorted(row for rows in epochs[-1] for row in rows) == list(range(len(X)))
    assert len(epochs) == 2
    order = iter(epochs)
    monkeypatch.setattr(in_memory, "shuffled", lambda *_: [np.array(rows) for rows in next(order)])
    torch.manual_seed(0)
    net = gruvy.GRU(2, 6, 2, dtype=torch.float64)
    net.fit(X, labels, max_epochs=2, batch_size=3, seed=5, progress=False)
    assert_close(np.array(found[0]["loss"]), np.array(net.history["loss"]), "trained")
    for a, b in zip(found[0]["weights"], net.parameters(), strict=True):
        assert_close(np.array(a), b, "trained")


def test_two_processes_use_every_sequence_once_and_train_as_one(tmp_path, data, monkeypatch):
    found = run(tmp_path, *TORCHRUN, "--nproc-per-node=2")
    assert all(sum(map(len, epoch)) > 0 for one in found for epoch in one["taken"])
    check_as_one_process(found, data, monkeypatch)


@pytest.mark.slow
def test_three_processes_started_by_accelerate(tmp_path, data, monkeypatch):
    check_as_one_process(run(tmp_path, *ACCELERATE, "--num_processes=3", count=3), data, monkeypatch)


@pytest.mark.slow
def test_two_processes_go_on_in_mid_epoch(tmp_path, data):
    launch = (*TORCHRUN, "--nproc-per-node=2")
    whole = run(tmp_path, *launch)
    path = tmp_path / "run"
    stopped = run(tmp_path, *launch, stop=20, checkpoint=path)
    assert [one["stopped"] for one in stopped] == ["interrupted"] * 2
    again = run(tmp_path, *launch, checkpoint=path)
    assert again[0]["weights"] == whole[0]["weights"]
    assert again[0]["loss"] == whole[0]["loss"]
    assert 0 < len(again[0]["taken"][0]) < len(whole[0]["taken"][0])


ADDRESSES = ("10.0.0.1", "10.0.0.2")  # as in the page's commands
PAGE = Path(__file__).parent.parent / "docs" / "large.md"
PROGRAMS = {"torchrun": "torch.distributed.run", "accelerate launch": "accelerate.commands.launch"}


def commands(program, machines):
    """The page's commands that start this program on so many machines, as arguments but for the script."""
    lines = re.findall(rf"^    {program} (.*) train\.py$", PAGE.read_text().replace("\\\n", ""), re.MULTILINE)
    lines = [line for line in lines if ("--nnodes=2" in line or "--num_machines=2" in line) == (machines == 2)]
    assert len(lines) == machines
    return [[sys.executable, "-m", PROGRAMS[program], *line.split()] for line in lines]


@pytest.fixture
def machines():
    """Two network namespaces joined by a cable, and nothing else: what two machines see of each other."""
    names = [f"gruvy-{os.getpid()}-{i}" for i in range(2)]
    ends = [f"gv{os.getpid()}{i}" for i in range(2)]

    def ip(*words):
        return subprocess.run(["ip", *words], capture_output=True, text=True)

    if shutil.which("ip") is None or ip("netns", "add", names[0]).returncode:
        pytest.skip("network namespaces need iproute2 and the administrator")
    try:
        ip("netns", "add", names[1])
        made = ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
        if made.returncode:
            pytest.skip("network namespaces are not joined here: " + made.stderr.strip())
        for name, end, address in zip(names, ends, ADDRESSES, strict=True):
            for words in (f"addr add {address}/24 dev {end}", f"link set {end} up", "link set lo up"):
                done = ip("-n", name, *words.split())
                assert done.returncode == 0, done.stderr
        yield names, ends
    finally:
        for name in names:
            ip("netns", "delete", name)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_two_machines_train_as_one(tmp_path, data, machines, program, monkeypatch):
    """The commands of docs/large.md. Both read the same folder."""
    running = []
    for name, end, launch in zip(*machines, commands(program, 2), strict=True):
        line = ["ip", "netns", "exec", name, *command(tmp_path, *launch)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": end}
        running.append(subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True))
    try:
        told = [one.communicate(timeout=180)[1] for one in running]
    finally:
        for one in running:
            one.kill()
    assert [one.returncode for one in running] == [0, 0], told[0][-3000:] + told[1][-3000:]
    check_as_one_process(found_by(tmp_path, 2), data, monkeypatch)
