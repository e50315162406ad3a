"""The training loop: batches, repeatability, early stopping, interruption, checkpoints, reports, settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close
from gruvy.errors import InputError, ModelFileError
from gruvy.model.scaler import Scaler
from gruvy.model.task import Labels, Numbers
from gruvy.network.fit import fit_task, raw_of
from gruvy.training import Batches, Peer, Settings, check_device
from gruvy.training.judging import judge

QUIET = {"progress": False, "seed": 0}


def problem(n=40, seed=0):
    """Sequences of unequal length whose last number decides."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(T, 2)).astype(np.float32) for T in rng.integers(2, 9, n)]
    return X, np.array(["up" if x[-1, 0] > 0 else "down" for x in X])


def net(seed=0, units=2, **kind):
    torch.manual_seed(seed)
    return gruvy.GRU(2, 8, units, **kind)


def fitted(n=40, validation=None, module=None, **settings):
    X, y = problem(n)
    module = module or net()
    history = fit_task(module, Labels.of(y), X, y, None, validation, Settings(**{**QUIET, "max_epochs": 4, **settings}))
    return module, history


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(a, b):
    a, b = state(a), state(b)
    assert all(torch.equal(a[name], b[name]) for name in a)


# The loop


def test_a_run_repeats_exactly_and_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    kind = {"dropout": 0.3}
    a, history = fitted(module=net(**kind), seed=3)
    b, _ = fitted(module=net(**kind), seed=3)
    c, _ = fitted(module=net(**kind), seed=4)
    assert_same(a, b)
    assert not torch.equal(a.V, c.V)
    torch.manual_seed(5)
    module = net(**kind)
    between = torch.get_rng_state()
    fitted(module=module, seed=3)
    assert torch.equal(between, torch.get_rng_state())
    assert not torch.equal(before, between)
    assert history.stopped == "finished"
    assert history["epoch"] == [1, 2, 3, 4]
    assert history.rows[0]["val_loss"] is None
    assert not a.training


def test_it_learns_and_tells_the_loss_it_had():
    module, history = fitted(max_epochs=60, learning_rate=2e-2, batch_size=8)
    X, y = problem()
    assert history["loss"][-1] < 0.2 < history["loss"][0]
    # With the learning rate at its end of zero the last epoch's loss is that of the trained net.
    task = Labels.of(y)
    loss, score = judge(module, task, Batches(X, task.encode(y)))
    assert_close(history["loss"][-1], np.float64(loss), "late epoch")
    raw = np.stack(raw_of(module, X))
    assert score == (task.answers(raw) == y).mean()
    p = task.probabilities(raw.astype(np.float64))
    assert_close(loss, -np.log(p[np.arange(40), (y == "up").astype(int)]).mean(), "loss")


def test_early_stopping_restores_the_best_epoch():
    X, y = problem(20, seed=1)
    wrong = np.where(y == "up", "down", "up")  # the better the net, the worse on these
    module, history = fitted(validation=(X, wrong), max_epochs=80, patience=3, learning_rate=2e-2)
    assert history.stopped == "early"
    losses = history["val_loss"]
    assert history.best == 1 + int(np.argmin(losses))
    assert len(losses) == history.best + 3
    task = Labels(np.array(["down", "up"]))
    loss, score = judge(module, task, Batches(X, task.encode(wrong)))
    assert loss == losses[history.best - 1]
    assert score == history["val_score"][history.best - 1]
    assert history["val_score"][-1] < 0.5


def test_ctrl_c_keeps_the_best_so_far():
    X, y = problem(20, seed=1)
    seen = []

    def press(row):
        seen.append(row)
        if len(seen) == 3:
            raise KeyboardInterrupt

    module, history = fitted(validation=(X, y), max_epochs=9, on_epoch=press)
    assert history.stopped == "interrupted"
    assert history.rows == seen
    assert len(seen) == 3
    task = Labels.of(y)
    assert judge(module, task, Batches(X, task.encode(y)))[0] == min(history["val_loss"])


def test_the_rate_warms_up_and_falls_to_zero():
    s = Settings(learning_rate=2.0)
    assert_close(np.array([s.rate(d) for d in (0, 0.05, 0.1, 0.55, 1)]), [0, 1, 2, 1, 0], "equation")
    assert Settings(learning_rate=2.0, schedule="constant").rate(0.01) == 2
    _, history = fitted(learning_rate=2e-3)
    assert history["learning_rate"][-1] == 0


def test_gradients_are_cut_to_a_norm(monkeypatch):
    norms = []
    step = torch.optim.AdamW.step

    def watched(self, *args, **kwargs):
        gradients = [p.grad.norm() for group in self.param_groups for p in group["params"]]
        norms.append(float(torch.stack(gradients).norm()))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    fitted(clip_norm=0.05)
    assert_close(np.float64(max(norms)), 0.05, "clipped")
    norms.clear()
    fitted(clip_norm=None)
    assert max(norms) > 0.06


@pytest.mark.parametrize("validation", [False, True])
def test_a_checkpoint_goes_on_as_if_nothing_had_happened(tmp_path, validation):
    path = tmp_path / "run"
    X, y = problem(20, seed=1)
    settings = {"max_epochs": 6, "validation": (X, y) if validation else None}
    kind = {"dropout": 0.3}
    whole, history = fitted(module=net(**kind), **settings)

    def press(row):
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    settings |= {"checkpoint": path, "checkpoint_seconds": 0}
    _, first = fitted(module=net(**kind), on_epoch=press, **settings)
    assert path.exists()
    assert len(first.rows) == 3
    module, second = fitted(module=net(**kind), **settings)
    assert path.exists()
    assert_same(module, whole)
    assert second["loss"] == history["loss"]
    assert second["val_loss"] == history["val_loss"]
    module.history = second
    module.save(tmp_path / "model")
    assert not path.exists()


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "run"

    def press(row):
        raise KeyboardInterrupt

    fitted(checkpoint=path, checkpoint_seconds=0, on_epoch=press)
    wanted = f"checkpoint {str(path)!r}: of a run with other data, settings or network; delete it to start anew"
    for other in ({"n": 41}, {"learning_rate": 1e-3}, {"module": net(pooling="max")}):
        with pytest.raises(InputError, match=f"^{re.escape(wanted)}$"):
            fitted(checkpoint=path, **other)
    path.write_bytes(b"something else")
    with pytest.raises(ModelFileError, match=f"^{re.escape(f'checkpoint {str(path)!r}: not a checkpoint of gruvy')}$"):
        fitted(checkpoint=path)


def test_a_loss_out_of_bounds_is_told():
    X = [np.ones((3, 2), np.float32)] * 4
    task = Numbers(np.zeros(1), np.ones(1))
    y = np.array([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(
        InputError,
        match=r"^learning_rate=1e\+30: the loss became (nan|inf) in batch 1 of epoch 2, and W_l0 infinite or NaN; the "
        r"weights of epoch 1 are kept; a smaller learning_rate may help, or inputs and targets scaled to about 1$",
    ):
        fit_task(
            net(units=1),
            task,
            X,
            y,
            None,
            None,
            Settings(**QUIET, learning_rate=1e30, clip_norm=None, weight_decay=1.0),
        )


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"max_epochs": 0}, "max_epochs=0: expected a whole number of at least 1"),
        ({"max_epochs": 2.0}, "max_epochs=2.0: expected a whole number of at least 1"),
        ({"batch_size": 0}, "batch_size=0: expected a whole number of at least 1"),
        ({"batch_size": True}, "batch_size=True: expected a whole number of at least 1"),
        ({"patience": 0}, "patience=0: expected a whole number of at least 1"),
        ({"seed": -1}, "seed=-1: expected a whole number of at least 0"),
        ({"learning_rate": 0}, "learning_rate=0: expected a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan: expected a number above 0"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1: expected a number of at least 0"),
        ({"clip_norm": 0}, "clip_norm=0: expected a number above 0"),
        ({"clip_norm": "1"}, "clip_norm='1': expected a number above 0"),
        ({"schedule": "step"}, 'schedule=\'step\': expected "cosine" or "constant"'),
    ],
)
def test_settings_out_of_range(setting, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        Settings(**setting)


def test_devices(monkeypatch):
    assert check_device("cpu").type == "cpu"
    with pytest.raises(InputError, match=r'^device=\'gpu\': expected a device of torch, as "cpu" or "cuda"$'):
        check_device("gpu")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(InputError, match=r'^device="cuda": not on this machine, which has cpu$'):
        check_device("cuda")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert check_device("cuda:1").index == 1
    with pytest.raises(InputError, match=r'^device="cuda:2": not on this machine, which has cpu, cuda:0, cuda:1$'):
        check_device("cuda:2")
    with pytest.raises(InputError, match=r'^device="mps": not on this machine, which has cpu, cuda:0, cuda:1$'):
        check_device("mps")


# Other modules, other processes


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_peer_answers_as_if_each_sequence_were_alone(kind, bidirectional):
    torch.manual_seed(0)
    peer = Peer(kind(2, 4, 2, batch_first=True, bidirectional=bidirectional), 3).double()
    X = [torch.randn(T, 2, dtype=torch.float64) for T in (5, 2, 4)]
    x = torch.nn.utils.rnn.pad_sequence(X, batch_first=True)
    out = peer(x, lengths=torch.tensor([5, 2, 4]))
    for i, alone in enumerate(X):
        wanted = peer(alone[None])
        assert_close(out.last[i], wanted.last[0])
        assert_close(out.outputs[i, : len(alone)], wanted.outputs[0])
        assert out.outputs[i, len(alone) :].abs().sum() == 0
        if not bidirectional:
            assert_close(wanted.last, wanted.outputs[:, -1])


def test_a_peer_trains_and_refuses_time_first():
    X, y = problem()
    torch.manual_seed(0)
    peer = Peer(torch.nn.LSTM(2, 8, batch_first=True), 2)
    history = fit_task(
        peer, Labels.of(y), X, y, None, None, Settings(**QUIET, max_epochs=60, learning_rate=2e-2, batch_size=8)
    )
    assert history["loss"][-1] < 0.3
    wanted = "recurrent: LSTM with batch_first=False, expected batch_first=True"
    with pytest.raises(InputError, match=f"^{wanted}$"):
        Peer(torch.nn.LSTM(2, 8), 2)


def test_one_process_does_without_accelerate():
    script = (
        "import sys, numpy as np, gruvy\n"
        "gruvy.GRU(1, 2, 2).fit(np.zeros((4, 3, 1)), [0, 1, 0, 1], max_epochs=1)\n"
        "print('accelerate' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


TOGETHER = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {tests!r})
import torch
torch.set_num_threads(1)
from test_training import fitted, net
module, history = fitted(n=37, max_epochs=3, batch_size=12, seed=0, module=net().double())
import os
if os.environ.get("RANK", "0") == "0":
    from safetensors.torch import save_file
    save_file({{**module.state_dict(), "loss": torch.tensor(history["loss"], dtype=torch.float64)}}, sys.argv[1])
"""


@pytest.mark.slow
def test_two_processes_train_the_same_network(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(TOGETHER.format(tests=os.path.dirname(__file__)))
    alone, together = tmp_path / "alone", tmp_path / "together"
    subprocess.run([sys.executable, str(script), str(alone)], check=True, timeout=300)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run([*launch, str(script), str(together)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    from safetensors.torch import load_file

    a, b = load_file(alone), load_file(together)
    for name in a:
        assert_close(b[name].double(), a[name].double(), "trained", name)


def test_scaling_by_hand():
    mean, scale = Scaler.of(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([1.0, 3.0]))
    assert_close(mean, [2.5, 5], "equation")
    assert_close(scale, [np.sqrt(0.75), 1], "equation")  # 0.25 * 1.5² + 0.75 * 0.5²; a constant is left as it is


@pytest.mark.parametrize("size", [1e-90, 1e-13, 1.0, 1e90])
def test_what_is_constant_is_told_relative_to_its_size(size):
    """A column in picoamperes is scaled as one in amperes; a constant one is left alone, whatever its rounding."""
    mean, scale = Scaler.of(size * np.array([[1.0, 0.1, 0.0], [3.0, 0.1, 0.0], [1.0, 0.1, 0.0], [3.0, 0.1, 0.0]]))
    assert_close(mean, np.array([2 * size, 0.1 * size, 0]), "equation")
    assert_close(scale, np.array([size, 1, 1]), "equation")
    odd = Scaler.of(np.full((7, 1), 0.1 * size))
    assert odd.scale == 1
