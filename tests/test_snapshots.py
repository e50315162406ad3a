"""Snapshots of a training: which epochs, the very weights, the same after an interruption, and files for `explain`."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone

import gruvy
from cli_help import call
from gruvy.errors import InputError, ModelFileError
from gruvy.training.snapshots import epochs_kept
from test_training import assert_same, fitted, net, problem
from test_training_checkpoint import repacked, unpacked


@pytest.mark.parametrize("most", range(1, 9))
def test_they_are_spread_evenly_and_never_too_many(most):
    for epochs in range(80):
        kept = list(epochs_kept(most, epochs))
        steps = {b - a for a, b in pairwise(kept)}
        assert kept[0] == 0
        assert len(steps) <= 1
        assert len(kept) <= most
        assert len(kept) == epochs + 1 or 2 * len(kept) > most  # and not fewer than they have to be


@pytest.mark.parametrize("most", [1, 3, 100])
def test_each_is_the_net_of_its_epoch(most):
    X, y = problem(30)
    own = net()
    seen = {0: own.weights()}
    settings = {"seed": 0, "max_epochs": 7, "snapshots": most, "schedule": "constant"}
    own.fit(X, y, **settings, on_epoch=lambda row: seen.update({row["epoch"]: own.weights()}))
    assert list(own.snapshots) == list(epochs_kept(most, 7))
    for epoch, model in own.snapshots.items():
        assert model.weights.cells[0][0].W.tobytes() == seen[epoch].cells[0][0].W.tobytes()
        assert model.weights.cells[0][0].U.tobytes() == seen[epoch].cells[0][0].U.tobytes()
        assert model.task == "classify"
    changed = [m.V.tobytes() for m in own.snapshots.values()]
    assert len(set(changed)) == len(changed)  # a planted fault: one and the same tensor, kept again and again


def test_they_change_nothing_and_without_them_there_are_none():
    plain, history = fitted()
    kept, other = fitted(snapshots=4)
    assert_same(plain, kept)
    assert (history.snapshots, plain.snapshots) == (None, {})
    assert repr(other.snapshots).startswith("Snapshots of epochs 0, ")


def press(row):
    if row["epoch"] == 3:
        raise KeyboardInterrupt


def test_after_an_interruption_they_are_the_same(tmp_path):
    whole, history = fitted(snapshots=3)
    settings = {"checkpoint": tmp_path / "run", "checkpoint_seconds": 0, "snapshots": 3}
    _, cut = fitted(on_epoch=press, **settings)
    assert cut.stopped == "interrupted"
    assert sorted(cut.snapshots) == list(epochs_kept(3, 3))
    again, resumed = fitted(**settings)
    assert_same(whole, again)
    assert sorted(resumed.snapshots) == sorted(history.snapshots)
    for epoch, state in history.snapshots.items():
        for name, t in state.items():
            assert t.numpy().tobytes() == resumed.snapshots[epoch][name].numpy().tobytes()
    with pytest.raises(InputError, match="other data, settings or network"):
        fitted(**{**settings, "snapshots": 4})


@pytest.mark.parametrize("what", ["one less", "another epoch", "a smaller weight", "none"])
def test_a_checkpoint_with_wrong_ones_is_refused(tmp_path, what):
    settings = {"checkpoint": tmp_path / "run", "checkpoint_seconds": 0, "snapshots": 3}
    fitted(on_epoch=press, **settings)
    rest, tensors = unpacked(tmp_path / "run")
    if what == "one less":
        del rest["snapshots"]["0"]
    elif what == "another epoch":
        rest["snapshots"]["1"] = rest["snapshots"].pop("0")
    elif what == "none":
        del rest["snapshots"]
    else:
        tensors["/snapshots/0/V"] = tensors["/snapshots/0/V"][:1].clone()
    repacked(tmp_path / "run", rest, tensors)
    with pytest.raises(ModelFileError, match="damaged"):
        fitted(**settings)


@pytest.mark.parametrize("bad", [-1, 1.5, "all", True])
def test_a_number_that_is_none_is_refused(bad):
    with pytest.raises(InputError, match="snapshots"):
        fitted(snapshots=bad)


def test_an_estimator_keeps_the_model_with_its_scale_and_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(24, 6, 2)) * 30 + 500
    y = np.where(X[:, :, 0].mean(axis=1) > 500, "up", "down")
    clf = gruvy.GRUClassifier(4, max_epochs=6, random_state=0, snapshots=4).fit(X, y)
    assert list(clf.snapshots_) == [0, 2, 4, 6]
    assert clf.snapshots_[6].predict(X).tolist() == clf.predict(X).tolist()  # the last epoch is the net itself
    assert clf.snapshots_[0].predict_proba(X).tolist() != clf.predict_proba(X).tolist()
    assert list(pickle.loads(pickle.dumps(clf)).snapshots_) == [0, 2, 4, 6]
    assert clone(clf).snapshots == 4
    assert gruvy.GRUClassifier(4, max_epochs=2, random_state=0).fit(X, y).snapshots_ == {}
    clf.partial_fit(X, y)
    assert list(clf.snapshots_) == [0, 2, 4, 6]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["id,x,kind"]
    for i in range(30):
        x = rng.normal(size=8) + (i % 2)
        lines += [f"{i},{v:.4f},{'ab'[i % 2]}" for v in x]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


TRAIN = ("train", "d.csv", "--target", "kind", "--hidden-units", "4", "--max-epochs", "4", "--json")


def test_the_command_keeps_them_beside_the_model_and_explains_with_them(data):
    done = call(*TRAIN, "--snapshots", "3", "-o", "m.safetensors")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["snapshots"] == "m.snapshots"
    assert sorted(p.name for p in (data / "m.snapshots").iterdir()) == [f"epoch-000{k}.safetensors" for k in (0, 2, 4)]
    last, model = gruvy.load(data / "m.snapshots/epoch-0004.safetensors"), gruvy.load(data / "m.safetensors")
    x = [np.ones((5, 1), np.float32)]
    assert last.predict_proba(x).tolist() == model.predict_proba(x).tolist()
    assert (last.columns, last.layout) == (model.columns, model.layout)
    # a second training leaves nothing of the first; what is not ours stays
    (data / "m.snapshots/mine.txt").write_text("mine")
    done = call(*TRAIN, "--snapshots", "2", "--max-epochs", "3", "-o", "m.safetensors")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (data / "m.snapshots").iterdir()) == [
        "epoch-0000.safetensors", "epoch-0002.safetensors", "mine.txt",
    ]  # fmt: skip
    done = call("explain", "m.safetensors", "d.csv", "--against", "m.snapshots", "--against", "m.safetensors", "--json")
    assert done.exit_code == 0, done.output
    page = (data / "report.html").read_text()
    carried = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert [one["name"] for one in carried["twins"]] == ["before training", "epoch 2", "m"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*TRAIN, "--snapshots", "-1"), "--snapshots"),
        ((*TRAIN, "--snapshots", "2", "-o", "taken.safetensors"), "taken.snapshots is a file"),
        ((*TRAIN, "--snapshots", "2", "-o", "m.snapshots/epoch-0000.safetensors"), "there is no folder"),
        (("explain", "old.safetensors", "d.csv", "--against", "empty"), "has no .safetensors file"),
        (("explain", "old.safetensors", "d.csv", "--against", "a.st", "-o", "a.st"), "would overwrite --against"),
        (("explain", "old.safetensors", "d.csv", "--against", "nowhere.safetensors"), "nowhere.safetensors"),
        ((*TRAIN, "--task", "forecast", "--horizon", "2", "--snapshots", "2"), "--snapshots has no meaning"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(data, words, told):
    call(*TRAIN, "-o", "old.safetensors")
    (data / "taken.snapshots").write_text("")
    (data / "a.st").write_bytes((data / "old.safetensors").read_bytes())
    (data / "empty").mkdir()
    done = call(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("gruvy: ")
    assert told in done.stderr
    assert "Traceback" not in done.output
