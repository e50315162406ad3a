"""The model file: everything comes back, nothing is executed, and a bad file gets one clear sentence."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close
from gruvy.errors import InputError, ModelFileError
from gruvy.model import file as model_file
from gruvy.model.model import Model
from gruvy.model.scaler import Scaler
from gruvy.model.task import Labels, Numbers
from small_nets import CONVENTIONS, random_weights


def model(convention="tutorial", task=None, layers=2, directions=2, dtype=np.float32, **more):
    rng = np.random.default_rng(0)
    w = random_weights(rng, gruvy.Convention.of(convention), layers=layers, directions=directions, dtype=dtype)
    task = task or Labels(np.array(["no", "yes"]))
    O = task.units[0]
    more = {"versions": {"gruvy": "0.1.0"}, **more}
    return Model(
        weights=w, V=rng.normal(size=(O, 4 * directions)).astype(dtype), b_y=np.zeros(O, dtype), target=task, **more
    )


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_everything_comes_back(tmp_path, convention, dtype):
    scaler = Scaler(np.array([1.0, 2, 3]), np.array([0.1, 1, 10]))
    wrote = model(
        convention, dtype=dtype, pooling="mean", width=7, feature_names=("a", "b"), settings={"layers": 2},
        columns={"channels": ["x"]}, scaler=scaler,
    )  # fmt: skip
    path = tmp_path / "m.safetensors"
    model_file.write(path, wrote)
    read = model_file.read(path)
    for (at, name, a), (at_read, name_read, b) in zip(wrote.weights.arrays(), read.weights.arrays(), strict=True):
        assert (at, name) == (at_read, name_read)
        same(a, b)
    assert read.weights.convention == wrote.weights.convention
    for name in (
        "V",
        "b_y",
        "pooling",
        "width",
        "feature_names",
        "settings",
        "versions",
        "columns",
    ):
        same(getattr(wrote, name), getattr(read, name))
    for a, b in zip(wrote.scaler, read.scaler, strict=True):
        same(a, b)
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert_close(read.seen(x), (x - [1, 2, 3]) / [0.1, 1, 10], "equation")


@pytest.mark.parametrize(
    "task",
    [
        Labels(np.array(["no", "yes", "łódź"])),
        Labels(np.array([-3, 0, 7])),
        Labels(np.array([0.5, 1.5])),
        Labels(np.array([False, True])),
        Labels(np.array(["a", "b"], object), per_step=True),
        Numbers(np.array([1.0, 1e300]), np.array([1e-300, np.pi]), flat=False),
        Numbers(np.array([0.1]), np.array([0.2])),
    ],
    ids=lambda task: f"{task.name}-{getattr(task, 'classes', np.empty(0)).dtype}",
)
def test_tasks_come_back(tmp_path, task):
    path = tmp_path / "m"
    model_file.write(path, model(task=task))
    read = model_file.read(path).target
    assert type(read) is type(task)
    assert read.per_step == task.per_step
    for name in ("classes", "mean", "scale", "flat"):
        if hasattr(task, name):
            same(getattr(task, name), getattr(read, name))


def test_a_network_comes_back(tmp_path):
    torch.manual_seed(0)
    net = gruvy.GRU(3, 4, 2, layers=2, bidirectional=True, convention="torch", pooling="max", dropout=0.25)
    net.save(tmp_path / "m")
    other = gruvy.GRU.load(tmp_path / "m")
    assert repr(other) == repr(net)
    assert not other.training
    assert other.task is None
    x = torch.randn(2, 5, 3)
    assert torch.equal(other(x).outputs, net.eval()(x).outputs)


def test_the_file_is_plain_safetensors_without_pickle(tmp_path):
    path = tmp_path / "m"
    model_file.write(path, model(layers=1, directions=1))
    content = path.read_bytes()
    (n,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + n])
    assert set(header) == {"__metadata__", "W.0.0", "U.0.0", "b.0.0", "V", "b_y"}
    assert json.loads(header["__metadata__"]["gruvy"])["convention"] == {"reset": "before", "update": "adds"}


def test_writing_keeps_the_old_file_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "m"
    model_file.write(path, model())
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device"):
            model_file.write(path, model("torch"))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]
    model_file.write(path, model("torch"))
    assert model_file.read(path).weights.convention.name == "torch"
    assert os.listdir(tmp_path) == ["m"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def edited(path, change):
    """The file with its JSON changed."""
    content = path.read_bytes()
    (n,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + n])
    said = json.loads(header["__metadata__"]["gruvy"])
    change(said)
    header["__metadata__"]["gruvy"] = json.dumps(said)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + n :])


def refuses(path, text):
    wanted = f"{path}: {text}"
    for load in (gruvy.load, gruvy.GRU.load, gruvy.GRUClassifier.load):
        with pytest.raises(ModelFileError, match=f"^{re.escape(wanted)}$"):
            load(path)


def test_bad_files(tmp_path):
    path = tmp_path / "m"
    refuses(path, "no such file; expected a gruvy model")
    refuses(tmp_path, "a folder; expected a gruvy model")
    for foreign in (b"", b"x", b"id,time,x\n1,2,3\n" * 100, pickle.dumps({"a": np.zeros(9)}), b"\x00" * 64):
        path.write_bytes(foreign)
        refuses(path, "not a gruvy model")
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, path)
    refuses(path, "a safetensors file, but not a gruvy model")


def test_a_file_cut_short_anywhere_is_told(tmp_path):
    whole, path = tmp_path / "whole", tmp_path / "m"
    model_file.write(whole, model())
    content = whole.read_bytes()
    for size in (40, 500, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        refuses(path, "a gruvy model, but cut short or damaged")
    path.write_bytes(content[:9])
    refuses(path, "not a gruvy model")


def test_a_newer_file_is_told(tmp_path):
    path = tmp_path / "m"
    model_file.write(path, model())
    edited(path, lambda said: said.update(format=model_file.FORMAT + 1, versions={"gruvy": "9.0.0"}))
    refuses(
        path,
        f"written by gruvy 9.0.0 in format {model_file.FORMAT + 1}; this version reads formats up to "
        f"{model_file.FORMAT}: pip install --upgrade gruvy",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.pop("convention"),
        lambda said: said.update(convention={"reset": "never", "update": "adds"}),
        lambda said: said.update(layers=3),
        lambda said: said.update(pooling="sum"),
        lambda said: said.update(task="sort"),
        lambda said: said.update(classes=["one"]),
        lambda said: said.update(classes_dtype="O"),
        lambda said: said.update(format="1"),
        lambda said: said.update(format=0),
        lambda said: said.update(layers=2**40),
        lambda said: said.update(layers=True),
        lambda said: said.update(directions=-1),
        lambda said: said.update(classes_dtype="<U200000000"),
        lambda said: said.update(classes_dtype="<U1"),
        lambda said: said.update(classes_dtype="|u1", classes=[0, 256]),
        lambda said: said.update(classes_dtype="<i8", classes=[0, 1e400]),
        lambda said: said.update(classes_dtype="<i8", classes=[0, 10**30]),
        lambda said: said.update(classes_dtype="<i8", classes=[0.5, 1.5]),
        lambda said: said.update(classes_dtype="object", classes=[[1], [2]]),
        lambda said: said.update(classes=["yes", "no"]),
        lambda said: said.update(classes={"no": 1, "yes": 2}),
        lambda said: said.update(pooling=["last"]),
        lambda said: said.update(task=["classify"]),
        lambda said: said.update(task="regress", flat=True),
        lambda said: said.update(width="seven"),
        lambda said: said.update(width=0),
        lambda said: said.update(feature_names=7),
        lambda said: said.update(feature_names=[7]),
        lambda said: said.update(columns=["x"]),
        lambda said: said.update(columns={"channels": 3}),
        lambda said: said.update(settings=[]),
        lambda said: said.update(versions=None),
    ],
)
def test_parts_that_do_not_fit_are_told(tmp_path, change):
    path = tmp_path / "m"
    model_file.write(path, model())
    edited(path, change)
    refuses(path, "a gruvy model, but damaged: its parts do not fit each other")


def test_classes_that_no_file_holds(tmp_path):
    classes = np.empty(2, object)
    classes[:] = [(1, 2), (3, 4)]
    wanted = "classes: (1, 2) is of type tuple; a model file holds text and numbers"
    with pytest.raises(InputError, match=f"^{re.escape(wanted)}$"):
        model_file.write(tmp_path / "m", model(task=Labels(classes)))
    assert os.listdir(tmp_path) == []
