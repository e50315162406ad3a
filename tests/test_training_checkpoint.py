"""A checkpoint that was damaged, cannot be written, or holds a run that has ended; weights that stop being numbers."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import gruvy
from compare import assert_close
from gruvy.errors import DataError, InputError, ModelFileError
from gruvy.training import checkpoint
from test_training import assert_same, fitted, net, problem, state


def press(row):
    if row["epoch"] == 2:
        raise KeyboardInterrupt


@pytest.fixture
def stopped(tmp_path):
    """The checkpoint of a run with validation that was stopped after its second epoch, and that run's settings."""
    settings = {"checkpoint": tmp_path / "run", "checkpoint_seconds": 0, "validation": problem(12, seed=1)}
    fitted(on_epoch=press, **settings)
    return tmp_path / "run", settings


def unpacked(path):
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()[checkpoint.KEY]), {n: file.get_tensor(n) for n in file.keys()}  # noqa: SIM118


def repacked(path, rest, tensors):
    """Write a checkpoint whose digest is right, whatever it holds."""
    said = rest if isinstance(rest, str) else json.dumps(rest)
    save_file(tensors, path, {checkpoint.KEY: said, checkpoint.DIGEST: checkpoint.digest(said, tensors)})


MOMENT = "/optimiser/0/exp_avg"
TENSORS = {
    "a smaller moment": (MOMENT, lambda t: t.flatten()[:1].clone()),
    "another dtype": (MOMENT, lambda t: t.double()),
    "a long step": ("/optimiser/0/step", lambda t: torch.zeros(3)),
    "a whole step": ("/optimiser/0/step", lambda t: t.long()),
    "a smaller weight": ("/module/V", lambda t: t[:1].clone()),
    "another convention": ("/module/convention_name", lambda t: t.flip(0)),
    "a smaller best": ("/best_state/V", lambda t: t[:1].clone()),
    "a cut generator": ("/torch_rng", lambda t: t[:, :99].clone()),
    "a generator of zeros": ("/torch_rng", torch.zeros_like),
}
VALUES = {
    "rows of text": {"rows": "all"},
    "rows of numbers": {"rows": [1, 2]},
    "best of NaN": {"best": float("nan")},
    "best beyond": {"best": 3},
    "best loss": {"best_loss": float("nan")},
    "seed of text": {"seed": "0"},
    "seed below 0": {"seed": -1},
    "order": {"order_rng": "{}"},
    "no order": {"order_rng": 5},
    "an end that there is not": {"stopped": "never"},
    "no moments": {"optimiser": None},
    "one moment less": {"optimiser": {}},
    "a number as moment": {"optimiser": {"0": 1}},
    "no weights": {"module": {}},
    "something more": {"more": 1},
    "a tensor that is not there": {"module": {"tensor": "/nowhere"}},
    "deep": {"rows": json.loads("[" * 500 + "]" * 500)},
}


@pytest.mark.parametrize("what", TENSORS)
def test_a_tensor_that_does_not_fit_is_refused_before_it_is_used(stopped, what):
    """In a process of its own: the optimiser wrote past the end of a moment that was too small."""
    path, _ = stopped
    rest, tensors = unpacked(path)
    name, change = TENSORS[what]
    tensors[name] = change(tensors[name])
    repacked(path, rest, tensors)
    script = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from test_training import fitted, problem\n"
        "from gruvy.errors import ModelFileError\n"
        "try:\n"
        f"    fitted(checkpoint={str(path)!r}, checkpoint_seconds=0, validation=problem(12, seed=1))\n"
        "except ModelFileError as error:\n"
        "    print(error)\n"
    )
    if what != "a smaller moment":  # the others do not crash: no process is needed
        with pytest.raises(ModelFileError, match=r"^checkpoint .*: damaged: .*; delete it to start anew$"):
            fitted(**stopped[1])
        return
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    shape = tuple(net().W_l0.shape)
    assert done.stdout == (
        f"checkpoint {str(path)!r}: damaged: optimiser/0/exp_avg is (1,) torch.float32, expected {shape} "
        "torch.float32; delete it to start anew\n"
    )


@pytest.mark.parametrize("what", VALUES)
def test_a_value_that_does_not_fit_is_refused(stopped, what):
    path, settings = stopped
    rest, tensors = unpacked(path)
    repacked(path, rest | VALUES[what], tensors)
    with pytest.raises(ModelFileError, match=r"^checkpoint .*: damaged: .*; delete it to start anew$"):
        fitted(**settings)


def test_every_missing_name_and_every_flipped_byte_is_refused(stopped):
    path, settings = stopped
    whole = path.read_bytes()
    rest, tensors = unpacked(path)
    for name in rest:
        repacked(path, {n: v for n, v in rest.items() if n != name}, tensors)
        with pytest.raises(InputError, match=r"^checkpoint .* delete it to start anew$"):
            fitted(**settings)
    rng = np.random.default_rng(0)
    for at in rng.integers(8, len(whole), 40):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"^checkpoint .*"):
            fitted(**settings)
    for size in (0, 7, 9, 500, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError, match=r"^checkpoint .*: not a checkpoint of gruvy$"):
            fitted(**settings)
    path.write_bytes(whole)
    assert fitted(**settings)[1].stopped == "finished"


def test_a_finished_run_is_taken_from_its_checkpoint_until_it_is_saved(tmp_path):
    path = tmp_path / "run"
    X, y = problem()
    settings = {"max_epochs": 3, "seed": 0, "progress": False, "checkpoint": path}
    first = net().fit(X, y, **settings)
    told = (
        rf"^checkpoint '{path}': this training had ended after 3 epochs; its weights are taken and nothing is trained"
    )
    with pytest.warns(UserWarning, match=told):
        second = net(seed=5).fit(X, y, **settings)
    assert_same(first, second)
    assert second.history == first.history
    with pytest.raises(OSError, match="No such file"):
        second.save(tmp_path / "no folder" / "model")
    assert path.exists()
    second.save(tmp_path / "model")
    assert not path.exists()
    assert_same(gruvy.GRU.load(tmp_path / "model"), first)


def test_save_leaves_what_can_go_on_and_what_is_another_run(stopped, tmp_path):
    path, settings = stopped
    clf = gruvy.GRUClassifier(hidden_units=4, max_epochs=2, random_state=0, checkpoint=str(tmp_path / "other"))
    clf.fit(*problem())
    (tmp_path / "other").write_bytes(path.read_bytes())
    clf.save(tmp_path / "model")
    assert (tmp_path / "other").exists()
    module = net()
    path.unlink()
    module.history = fitted(module=module, on_epoch=press, **settings)[1]
    module.save(tmp_path / "model")
    assert path.exists()


def test_a_checkpoint_that_cannot_be_written_is_known_before_the_first_step(tmp_path):
    rows = []
    for path, why in (
        (tmp_path, " is a folder; expected the name of a file"),
        (tmp_path / "no" / "run", f": there is no folder {tmp_path / 'no'}"),
    ):
        with pytest.raises(InputError, match=f"^{re.escape(f'checkpoint {str(path)!r}{why}')}$"):
            fitted(checkpoint=path, on_epoch=rows.append)
    assert rows == []


FULL = """
import resource, sys, warnings
sys.path.insert(0, {tests!r})
from test_training import fitted, net, problem
from gruvy.errors import InputError
module = net()
rows = []
def fill(row):
    rows.append(row)
    if len(rows) == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
if {first}:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    try:
        _, history = fitted(module=module, checkpoint={path!r}, checkpoint_seconds=0, on_epoch=fill)
        print(history.stopped, len(rows))
    except InputError as error:
        print(error, len(rows))
print(*[w.message for w in told])
"""


@pytest.mark.parametrize("first", [True, False])
def test_a_full_disk(tmp_path, first):
    """From the start: an error before the first step. Later: one warning, and the training ends."""
    path = tmp_path / "run"
    script = FULL.format(tests=os.path.dirname(__file__), path=str(path), first=first)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    trouble = f"checkpoint {str(path)!r}: cannot be written: File too large"
    if first:
        assert done.stdout == f"{trouble} 0\n\n"
        assert os.listdir(tmp_path) == []
    else:
        assert done.stdout == f"finished 4\n{trouble}; training goes on without\n"
        assert os.listdir(tmp_path) == ["run"]  # that of the second epoch, and nothing beside it
        assert len(unpacked(path)[0]["rows"]) == 2
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


# Weights that stop being numbers


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_step_too_far_is_an_error_and_the_last_good_weights_are_kept(epochs):
    """One batch an epoch: after the only step no loss is computed any more, and the weights were NaN in silence."""
    module, rows, good = net(), [], []

    def keep(row):
        rows.append(row)
        good.append(state(module))

    before = state(module)
    step = torch.optim.AdamW.step

    def broken(self, *args, **kwargs):
        result = step(self, *args, **kwargs)
        if len(rows) == epochs - 1:
            with torch.no_grad():
                module.U_l0[0, 0] = float("nan")
        return result

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.optim.AdamW, "step", broken)
        with pytest.raises(InputError) as error:
            fitted(module=module, batch_size=None, max_epochs=epochs, on_epoch=keep)
    kept = f"epoch {epochs - 1}" if epochs > 1 else "the start"
    assert str(error.value) == (
        f"learning_rate=0.01: U_l0 became infinite or NaN in batch 1 of epoch {epochs}; the weights of {kept} are "
        "kept; a smaller learning_rate may help, or inputs and targets scaled to about 1"
    )
    wanted = good[-1] if good else before
    assert all(torch.equal(value, wanted[name]) for name, value in state(module).items())


def test_numbers_that_no_scale_fits_are_refused():
    """The square of 1e200 is beyond float64: the scale became infinite, and the net learned nothing in silence."""
    X, y = np.ones((6, 3, 2)), np.arange(6.0)
    X[4, 1, 1] = -1e200
    small = {"hidden_units": 2, "max_epochs": 1, "random_state": 0}
    with pytest.raises(DataError, match=r"^X: -1e\+200 in channel 1; expected numbers of at most 1e100 in size$"):
        gruvy.GRURegressor(**small).fit(X, y)
    with pytest.raises(DataError, match=r"^y: 1e\+200 in target 0; expected numbers of at most 1e100 in size$"):
        gruvy.GRURegressor(**small).fit(np.ones((6, 3, 2)), y + 1e200 * (y == 3))
    told = (
        "^X: sequence 4 has a number in channel 1 that is too large for float32; expected inputs and targets scaled to"
    )
    with pytest.raises(DataError, match=told):
        gruvy.GRU(2, 2, 2).fit(X, [0, 1] * 3, max_epochs=1)
    good = np.random.default_rng(0).normal(size=(6, 3, 2))
    with pytest.raises(DataError, match="^validation " + told[1:]):
        gruvy.GRU(2, 2, 2).fit(good, [0, 1] * 3, max_epochs=1, validation=(X, [0, 1] * 3))
    scaled = gruvy.GRURegressor(**small).fit(1e90 * good, 1e90 * y)
    assert np.isfinite(scaled.predict(1e90 * good)).all()
    assert_close(scaled.input_scale_, 1e90 * good.reshape(-1, 2).std(0))
