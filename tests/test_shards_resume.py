"""Training on shards goes on in mid-epoch, with the same bits as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import gruvy
from gruvy.data import shards
from gruvy.errors import InputError, ModelFileError
from gruvy.training import ShardBatches
from small_shards import written
from test_training_checkpoint import repacked, unpacked

STEPS = 50  # an epoch: 40, 25 and 33 sequences in batches of 2 are 20, 13 and 17 steps
SETTINGS = {"max_epochs": 3, "batch_size": 2, "seed": 5, "progress": False, "checkpoint_seconds": 0}


@pytest.fixture
def folder(tmp_path):
    written(tmp_path / "shards", [40, 25, 33])
    return tmp_path / "shards"


def fitted(folder, stop=None, how=None, **settings):
    """A net trained on the shards, which `how` interrupts before the step of this number."""
    found = shards(folder, id="id", target="label", ignore=["number"])
    torch.manual_seed(0)
    net = gruvy.GRU(2, 6, 2, dropout=0.3)
    real, taken = ShardBatches.steps, []

    def steps(self, *args, **kwargs):
        count, each = real(self, *args, **kwargs)

        def counted():
            for step in each:
                if len(taken) == stop:
                    how()
                taken.append(step)
                yield step

        return count, counted()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ShardBatches, "steps", steps)
        return net.fit(found, **SETTINGS | settings), len(taken)


def press():
    raise KeyboardInterrupt


def assert_same(a, b):
    assert a.history["loss"] == b.history["loss"]
    assert a.history["learning_rate"] == b.history["learning_rate"]
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("stop", [3, 17, 32, 49, 50, 51, 70, 149])
def test_an_interrupted_epoch_goes_on_at_its_last_checkpoint(folder, tmp_path, stop):
    whole, steps = fitted(folder)
    path = tmp_path / "run"
    stopped, before = fitted(folder, stop, press, checkpoint=path)
    assert stopped.history.stopped == "interrupted"
    assert before == stop
    within = unpacked(path)[0]["within"]
    assert (within is None) == (stop % STEPS < 16)
    again, after = fitted(folder, checkpoint=path)
    assert again.history.stopped == "finished"
    assert after == steps - (stop - stop % STEPS) - stop % STEPS // 16 * 16
    assert_same(again, whole)
    assert unpacked(path)[0]["within"] is None


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_shards_resume import fitted
fitted({folder!r}, {stop}, lambda: os.kill(os.getpid(), signal.SIGKILL), checkpoint={path!r})
"""


def test_a_process_killed_at_a_random_batch_goes_on_with_the_same_bits(folder, tmp_path):
    stop = int(np.random.default_rng().integers(1, 3 * STEPS))
    print(f"killed at step {stop}")
    path = str(tmp_path / "run")
    script = KILLED.format(tests=os.path.dirname(__file__), folder=str(folder), stop=stop, path=path)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert_same(fitted(folder, checkpoint=path)[0], fitted(folder)[0])


@pytest.fixture
def stopped(folder, tmp_path):
    fitted(folder, 20, press, checkpoint=tmp_path / "run")
    return folder, tmp_path / "run"


def test_other_files_are_another_run(stopped):
    folder, path = stopped
    written(folder, [40, 25, 32])
    with pytest.raises(InputError, match=r"of a run with other data, settings or network; delete it to start anew$"):
        fitted(folder, checkpoint=path)


def test_another_number_of_processes_does_not_go_on_in_mid_epoch(stopped):
    """Each process had its own shards, and its own random numbers."""
    folder, path = stopped
    rest, tensors = unpacked(path)
    tensors["/torch_rng"] = tensors["/torch_rng"].repeat(2, 1)
    repacked(path, rest, tensors)
    told = r"written in mid-epoch by 2 processes, and now there are 1; expected 2 again, or delete it to start anew$"
    with pytest.raises(InputError, match=told):
        fitted(folder, checkpoint=path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("/within/losses", lambda t: t[:0]),
        ("/within/losses", lambda t: t.long()),
        ("/within/losses", lambda t: torch.cat([t] * 4)),
        ("/within/good/weights", lambda t: t[:1].clone()),
        ("seconds", float("nan")),
        ("good", {}),
        ("stopped", "finished"),
    ],
)
def test_a_damaged_part_of_an_epoch_is_refused(stopped, name, change):
    folder, path = stopped
    rest, tensors = unpacked(path)
    if name in tensors:
        tensors[name] = change(tensors[name])
    elif name == "stopped":
        rest[name] = change
    else:
        rest["within"][name] = change
    repacked(path, json.dumps(rest), tensors)
    with pytest.raises(ModelFileError, match=r"^checkpoint .*: damaged: .*; delete it to start anew$"):
        fitted(folder, checkpoint=path)
