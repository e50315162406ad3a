"""Files of every format that was ever written load for ever, and answer with the same bits.

`fixtures/models-0.1.0` was written by gruvy 0.1.0, format 1: beside each model lie sequences (`values`, `lengths`), the
native engine's read-outs (`raw`) and the answers (`predicted`). No later version writes into this folder.
"""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file

import gruvy
import kept_models
from compare import assert_close
from gruvy.engines import native
from kept_models import FILES, differing, end_to_end, kept

IDS = [path.stem for path in FILES]
ESTIMATORS = {
    "classes-of-text": gruvy.GRUClassifier,
    "two-layers-both-ways": gruvy.GRUClassifier,
    "two-targets": gruvy.GRURegressor,
    "a-label-a-step": gruvy.GRU,
    "double-precision": gruvy.GRU,
}


def test_the_fixtures_are_there():
    assert set(IDS) == set(ESTIMATORS)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_number_in_the_file_is_in_the_model(path):
    data, tensors = gruvy.load(path).data, load_file(path)
    held = {f"{name}.{k}.{d}": a for (k, d), name, a in data.weights.arrays()} | {"V": data.V, "b_y": data.b_y}
    if data.scaler is not None:
        held |= {"input.mean": data.scaler.mean, "input.scale": data.scaler.scale}
    if gruvy.load(path).task == "regress":
        held |= {"target.mean": data.target.mean, "target.scale": data.target.scale}
    held = {name: a for name, a in held.items() if a is not None}
    assert set(held) == set(tensors)
    for name, a in tensors.items():
        assert held[name].dtype == a.dtype
        assert held[name].tobytes() == a.tobytes()


@pytest.mark.skipif(not native.available()[0], reason="no native engine")
@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_the_same_bits(path):
    assert differing(path) == []


@pytest.mark.skipif(not native.available()[0], reason="no native engine")
def test_the_comparison_sees_one_flipped_bit(monkeypatch):
    X, raw, predicted = kept(FILES[0])
    raw.reshape(-1).view(np.uint8)[0] ^= 1
    monkeypatch.setattr(kept_models, "kept", lambda path: (X, raw, predicted))
    assert differing(FILES[0]) == ["read-outs"]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_the_same_answers_of_numpy_and_torch(path):
    X, raw, predicted = kept(path)
    model = gruvy.load(path, engine="reference")
    per_step = model.task == "tag"
    assert_close(end_to_end(model.read_outs(X, per_step), per_step), raw, "same", "read-outs")
    other = ESTIMATORS[path.stem].load(path)
    if model.task is None:
        return
    for answers in (model.predict(X), other.predict(X)):
        answers = np.concatenate(answers) if model.task == "tag" else answers
        if model.task == "regress":
            assert_close(answers.astype(np.float32), predicted.astype(np.float32), "same", "answers")
        else:
            assert answers.tolist() == predicted.tolist()


def test_everything_beside_the_weights():
    data = {path.stem: gruvy.load(path).data for path in FILES}
    text = data["classes-of-text"]
    assert text.target.classes.tolist() == ["no", "yes", "łódź"]
    assert text.columns == {"channels": ["x", "y"], "targets": ["label"], "others": ["id"]}
    assert text.versions["gruvy"] == "0.1.0"
    assert (str(text.weights.convention), text.pooling, text.width) == ("tutorial", "last", None)
    both = data["two-layers-both-ways"]
    assert (both.weights.layers, both.weights.directions, both.target.classes.tolist()) == (2, 2, [-3, 7])
    assert gruvy.GRUClassifier.load(FILES[IDS.index("two-layers-both-ways")]).class_weight == {-3: 1.0, 7: 2.0}
    numbers = data["two-targets"]
    assert (numbers.pooling, numbers.width, numbers.target.flat) == ("max", 3, False)
    assert data["a-label-a-step"].target.per_step
    assert data["double-precision"].weights.dtype == np.float64
    assert str(data["double-precision"].weights.convention) == "after,adds"
