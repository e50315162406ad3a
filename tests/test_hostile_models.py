"""Model files made to harm: each is refused at load, in one line, before it costs anything."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gruvy
from gruvy.errors import Error, InputError, ModelFileError
from gruvy.model import file as model_file
from gruvy.model.scaler import Scaler
from gruvy.model.task import Labels
from mutations import KINDS, model, mutated, regressor, rewritten

DAMAGED = "a gruvy model, but damaged: its parts do not fit each other"


def refuses(path, *loads, text=DAMAGED):
    for load in loads or (gruvy.load, gruvy.GRU.load):
        with pytest.raises(ModelFileError, match=f"^{re.escape(f'{path}: {text}')}$"):
            load(path)


@pytest.mark.parametrize(
    "said",
    ["[" * 200_000, "{" * 9, "[]", "null", '"x"', "9" * 5000, '{"format": 1}', " " * (model_file.SAID + 1)],
    ids=["deep", "cut", "a list", "null", "text", "5,000 digits", "little", "long"],
)
def test_json_that_says_no_model(tmp_path, said):
    model(tmp_path / "m")
    rewritten(tmp_path / "m", said)
    refuses(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("V", lambda a: a[0]),
        ("V", lambda a: a[:, :3]),
        ("V", lambda a: a.astype(np.float64)),
        ("V", lambda a: a.astype(np.int64)),
        ("V", lambda a: a.astype(np.float16)),
        ("V", lambda a: a * np.nan),
        ("b_y", lambda a: a[:, None]),
        ("b_y", lambda a: a[:0]),
        ("b_y", lambda a: np.zeros((), np.float32)),
        ("W.0.0", lambda a: np.full_like(a, np.inf)),
        ("U.1.0", lambda a: a[:, :0]),
        ("target.mean", lambda a: a[:1]),
        ("target.mean", lambda a: a[:, None]),
        ("target.mean", lambda a: a.astype(np.int64)),
        ("target.scale", lambda a: 0 * a),
        ("target.scale", lambda a: np.zeros(())),
        ("input.mean", lambda a: a[:2]),
        ("input.scale", lambda a: -a),
        ("input.scale", lambda a: a.astype(bool)),
    ],
)
def test_tensors_that_do_not_fit_fail_at_load(tmp_path, name, change):
    regressor(tmp_path / "m")
    rewritten(tmp_path / "m", tensors=lambda held: held.update({name: change(held[name])}))
    refuses(tmp_path / "m")


@pytest.mark.parametrize("name", ["b.0.0", "c.1.0", "input.mean", "input.scale", "target.scale", "W.1.0"])
def test_a_tensor_under_another_name_is_not_forgotten(tmp_path, name):
    regressor(tmp_path / "m")
    rewritten(tmp_path / "m", tensors=lambda held: held.update({"z": held.pop(name)}))
    refuses(tmp_path / "m")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    X, y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8)
    gruvy.GRUClassifier(hidden_units=2, max_epochs=1, random_state=0).fit(X, y % 2).save(folder / "classifier")
    gruvy.GRURegressor(hidden_units=2, max_epochs=1, random_state=0).fit(X, y * 1.0).save(folder / "regressor")
    return folder


@pytest.mark.parametrize("name", ["classifier", "regressor"])
@pytest.mark.parametrize(
    "change",
    [
        {"colour": 1},
        {"": 1},
        {"hidden_units": 3},
        {"hidden_units": "2"},
        {"layers": None},
        {"bidirectional": True},
        {"convention": "torch"},
        {"convention": 7},
        {"pooling": "max"},
        {"dropout": "x"},
        {"dropout": 2},
        {"max_epochs": "many"},
        {"learning_rate": {}},
        {"schedule": []},
        {"scale_inputs": False},
        {"class_weight": [[[], 1]]},
        {"class_weight": [1, 2]},
    ],
    ids=str,
)
def test_settings_of_no_estimator(tmp_path, fitted, name, change):
    path = tmp_path / "m"
    path.write_bytes((fitted / name).read_bytes())
    rewritten(path, lambda said: said["settings"].update(change))
    refuses(path, {"classifier": gruvy.GRUClassifier, "regressor": gruvy.GRURegressor}[name].load)


def test_an_estimator_of_another_task_or_none(tmp_path, fitted):
    path = tmp_path / "m"
    path.write_bytes((fitted / "classifier").read_bytes())
    rewritten(path, lambda said: said["settings"].update(estimator="GRURegressor"))
    refuses(path, gruvy.GRURegressor.load)
    rewritten(path, lambda said: said.update(task="tag", settings={**said["settings"], "estimator": "GRUClassifier"}))
    refuses(path, gruvy.GRUClassifier.load)
    rewritten(path, lambda said: said["settings"].pop("estimator"))
    refuses(path, gruvy.GRU.load)
    rewritten(path, lambda said: said["settings"].pop("layers"))
    refuses(path, gruvy.GRU.load)


def test_what_could_not_be_read_is_not_written(tmp_path):
    model(tmp_path / "good")
    bad = replace(model_file.read(tmp_path / "good"), scaler=Scaler(np.array([0, np.nan, 0]), np.ones(3)))
    with pytest.raises(InputError, match=r"^input\.mean: holds NaN or infinity; expected finite numbers"):
        model_file.write(tmp_path / "m", bad)
    with pytest.raises(InputError, match=r"^names of classes and columns: .* characters, expected at most 4,194,304$"):
        model(tmp_path / "m", Labels(np.array(["a", "b" * model_file.SAID], object)))


@settings(max_examples=150)
@given(
    regress=st.booleans(),
    changes=st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_mutated_models(tmp_path_factory, regress, changes):
    path = tmp_path_factory.mktemp("m") / "m"
    (regressor if regress else model)(path)
    path.write_bytes(mutated(path.read_bytes(), changes))
    try:
        loaded = gruvy.load(path)
    except Error:
        return
    loaded.predict([np.zeros((2, loaded.weights.input_units))])
