"""A saved model at work without torch: whole sequences, and step by step."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close
from gruvy.engines import native
from gruvy.errors import EngineError, InputError, InputTypeError

KINDS = [
    {},
    {"layers": 2, "convention": "torch"},
    {"bidirectional": True, "convention": "onnx"},
    {"pooling": "mean"},
    {"pooling": "max", "layers": 2, "convention": gruvy.Convention("after", "adds")},
]
SMALL = {"hidden_units": 6, "max_epochs": 3, "random_state": 0}


def problem(n=30, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal([5, -3], [2, 0.1], size=(T, 2)) for T in rng.integers(1, 12, n)]
    return X, np.array(["up" if x[0, 0] > 5 else "down" for x in X])


def classifier(**kind):
    X, y = problem()
    return gruvy.GRUClassifier(**SMALL, **kind).fit(X, y)


def regressor(targets=1, **kind):
    X, _ = problem()
    y = np.array([[1000 + x.sum(), -5 * x[0, 0]][:targets] for x in X])
    return gruvy.GRURegressor(**SMALL, **kind).fit(X, y[:, 0] if targets == 1 else y)


def tagger():
    X, _ = problem()
    torch.manual_seed(0)
    return gruvy.GRU(2, 6, 3).fit(X, [x[:, 0].clip(4, 6).round().astype(int) for x in X], task="tag", max_epochs=3)


def saved(made, tmp_path):
    made.save(tmp_path / "m.safetensors")
    return gruvy.load(tmp_path / "m.safetensors")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_it_answers_as_the_estimator(tmp_path, kind):
    X, _ = problem(seed=1)
    clf = classifier(**kind)
    model = saved(clf, tmp_path)
    assert_close(model.predict_proba(X), clf.predict_proba(X), "answer")
    np.testing.assert_array_equal(model.predict(X), clf.predict(X))
    assert model.task == "classify"
    assert model.classes.tolist() == ["down", "up"]
    for targets in (1, 2):
        reg = regressor(targets, **kind)
        answers = saved(reg, tmp_path).predict(X)
        assert answers.shape == reg.predict(X).shape
        assert_close(answers, reg.predict(X), "answer")


def test_tags(tmp_path):
    X, _ = problem(seed=1)
    net = tagger()
    model = saved(net, tmp_path)
    for a, b in zip(model.predict_proba(X), net.predict_proba(X), strict=True):
        assert_close(a, b, "answer")
    for a, b in zip(model.predict(X), net.predict(X), strict=True):
        np.testing.assert_array_equal(a, b)
    whole = np.zeros((2, 5, 2))
    assert model.predict(whole).shape == (2, 5)
    assert model.predict_proba(whole).shape == (2, 5, 3)


def test_a_network_without_a_task_gives_its_read_outs(tmp_path):
    torch.manual_seed(0)
    net = gruvy.GRU(2, 6, 3)
    model = saved(net, tmp_path)
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    wanted = net(torch.tensor(x, dtype=torch.float32)).last.detach()
    assert_close(model.predict(x), wanted, "answer")
    stream = model.stream(4)
    for t in range(5):
        last = stream.push(x[:, t])
    assert_close(last, wanted, "answer")
    assert model.task is None
    assert model.classes is None


@pytest.mark.parametrize("made", ["classify", "regress", "regress 2", "tag"])
@pytest.mark.parametrize("kind", [k for k in KINDS if "bidirectional" not in k], ids=str)
def test_a_stream_answers_as_predict_does_on_the_prefix(tmp_path, kind, made):
    model = saved(
        {
            "classify": lambda: classifier(**kind), "regress": lambda: regressor(**kind),
            "regress 2": lambda: regressor(2, **kind), "tag": tagger,
        }[made](),
        tmp_path,
    )  # fmt: skip
    x = np.random.default_rng(2).normal([5, -3], [2, 0.1], size=(3, 9, 2))
    answer = model.predict if made.startswith("regress") else model.predict_proba
    stream, alone = model.stream(batch=3), model.stream()
    for t in range(9):
        pushed, single = stream.push(x[:, t]), alone.push(x[0, t])
        wanted = answer(x[:, : t + 1])
        wanted = wanted[:, -1] if made == "tag" else wanted
        assert_close(pushed, wanted, "answer")
        assert_close(single, wanted[0], "answer")
        assert np.shape(single) == np.shape(wanted[0])


@pytest.mark.skipif(not native.available()[0], reason="no native engine")
@pytest.mark.parametrize("kind", [{}, {"layers": 2, "convention": "torch"}], ids=str)
def test_the_native_engine_gives_the_same_bits_in_a_stream_a_batch_and_alone(tmp_path, kind):
    model = saved(regressor(2, **kind), tmp_path)
    x = np.random.default_rng(3).normal([5, -3], [2, 0.1], size=(9, 6, 2))
    stream, alone = model.stream(batch=9), model.stream()
    for t in range(6):
        if t == 3:  # copies go on from where they are
            stream, alone = copy.deepcopy(stream), pickle.loads(pickle.dumps(alone))
        pushed = stream.push(x[:, t])
        np.testing.assert_array_equal(pushed, model.predict(x[:, : t + 1]))
        np.testing.assert_array_equal(pushed[4:5], model.predict(x[4:5, : t + 1]))
        np.testing.assert_array_equal(pushed[4], alone.push(x[4, t]))


@pytest.mark.skipif(not native.available()[0], reason="no native engine")
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_pooled_stream_has_the_bits_of_predict(tmp_path, pooling, dtype):
    """Beyond 128 steps too, from where on NumPy's own sums go in another order; one unit and several."""
    torch.manual_seed(0)
    for units in (1, 6):
        model = saved(gruvy.GRU(2, units, 3, pooling=pooling, dtype=dtype), tmp_path)
        x = np.random.default_rng(4).normal(size=(2, 300, 2))
        stream = model.stream(2)
        for t in range(300):
            pushed = stream.push(x[:, t])
            if t < 4 or t % 37 == 0 or t == 299:
                np.testing.assert_array_equal(pushed, model.predict([row[: t + 1] for row in x]))


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_restart_and_state(tmp_path, pooling):
    model = saved(classifier(pooling=pooling, layers=2), tmp_path)
    x = np.random.default_rng(2).normal([5, -3], [2, 0.1], size=(3, 9, 2))
    stream = model.stream(3)
    for t in range(4):
        stream.push(x[:, t])
    kept = stream.state
    after = stream.push(x[:, 4])
    other = model.stream(3)
    other.state = kept
    np.testing.assert_array_equal(other.push(x[:, 4]), after)
    assert kept.steps.tolist() == [4, 4, 4]  # a copy: pushing has not changed it

    stream.restart(1)
    pushed = stream.push(x[:, 5])
    assert_close(pushed[1], model.predict_proba(x[1:2, 5:6])[0], "answer")
    assert_close(pushed[2], model.predict_proba(x[2:3, :6])[0], "answer")
    stream.restart([True, False, False])
    pushed = stream.push(x[:, 6])
    assert_close(pushed[0], model.predict_proba(x[:1, 6:7])[0], "answer")
    assert_close(pushed[1], model.predict_proba(x[1:2, 5:7])[0], "answer")
    stream.restart()
    assert_close(stream.push(x[:, 7]), model.predict_proba(x[:, 7:8]), "answer")


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_nan_stays_in_its_row(tmp_path, pooling):
    model = saved(classifier(pooling=pooling), tmp_path)
    x = np.random.default_rng(2).normal([5, -3], [2, 0.1], size=(2, 2))
    spoilt = x.copy()
    spoilt[0, 1] = np.nan
    stream = model.stream(2)
    a, b = stream.push(spoilt), model.stream(2).push(x)
    assert np.isnan(a[0]).all()
    np.testing.assert_array_equal(a[1], b[1])
    assert np.isnan(stream.push(x)[0]).all()
    stream.restart(0)
    np.testing.assert_array_equal(stream.push(x)[0], b[0])


def test_one_channel_takes_a_number(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 6))
    model = saved(gruvy.GRUClassifier(**SMALL).fit(X, X[:, -1] > 0), tmp_path)
    stream = model.stream()
    for t in range(6):
        p = stream.push(X[3, t])
    assert_close(p, model.predict_proba(X[3:4])[0], "answer")


def test_an_empty_sequence_is_answered_from_the_initial_state(tmp_path):
    clf = classifier()
    model = saved(clf, tmp_path)
    X = [np.empty((0, 2)), problem()[0][0]]
    assert_close(model.predict_proba(X), clf.predict_proba(X), "answer")
    logits = model.data.b_y
    assert_close(model.predict_proba(X)[0], np.exp(logits) / np.exp(logits).sum(), "answer")


ALONE = """
import sys, json
for heavy in ("torch", "sklearn", "pandas", "polars", "scipy", "accelerate"):
    sys.modules[heavy] = None
import numpy as np, gruvy
model = gruvy.load(sys.argv[1])
X = [np.array(x) for x in json.loads(sys.argv[2])]
stream = model.stream()
for x_t in X[0]:
    p = stream.push(x_t)
print(json.dumps([model.predict(X).tolist(), model.predict_proba(X).tolist(), p.tolist()]))
"""


def test_no_torch_no_scikit_learn(tmp_path):
    clf = classifier(pooling="mean", layers=2)
    clf.save(tmp_path / "m")
    X = problem(seed=3)[0][:5]
    given = json.dumps([x.tolist() for x in X])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, str(tmp_path / "m"), given], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    labels, p, last = json.loads(done.stdout)
    assert labels == clf.predict(X).tolist()
    assert_close(p, clf.predict_proba(X), "answer")
    assert_close(last, clf.predict_proba(X)[0], "answer")


def test_repr(tmp_path):
    assert repr(saved(classifier(), tmp_path)) == (
        "Model('m.safetensors', task classify, input 2, hidden 6, output 2, layers 1, directions 1, tutorial)"
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made = {
        "clf": classifier(), "reg": regressor(), "both": classifier(bidirectional=True),
        "flat": gruvy.GRUClassifier(**SMALL).fit(np.eye(6), [0, 1] * 3),
    }  # fmt: skip
    for name, estimator in made.items():
        estimator.save(folder / name)
    return {name: gruvy.load(folder / name) for name in made} | {"folder": folder}


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda m: m["reg"].predict_proba([np.ones((3, 2))]), InputError,
         "reg has no probabilities: its task is regress; predict gives its numbers"),
        (lambda m: m["both"].stream(), InputError,
         "both is bidirectional: it reads each sequence from its end too, so it cannot answer before the end; train "
         "with bidirectional=False to stream"),
        (lambda m: m["clf"].stream(0), InputError, "batch=0: expected a whole number of at least 1"),
        (lambda m: m["clf"].stream().push([1, 2, 3]), InputError,
         "x: shape (3,), expected (batch, 2) = (1, 2) or (2,)"),
        (lambda m: m["clf"].stream(2).push([1, 2]), InputError, "x: shape (2,), expected (batch, 2) = (2, 2)"),
        (lambda m: m["clf"].stream().push("ab"), InputTypeError, "x: str, expected numbers (1, 2)"),
        (lambda m: m["clf"].stream(2).restart(2), InputError,
         "rows=2: expected indices below 2, or (2,) booleans"),
        (lambda m: setattr(m["clf"].stream(), "state", m["clf"].stream(2).state), InputError,
         "state: [(1, 2, 6), (2, 6), (2,)], expected the state of a stream of this model, [(1, 1, 6), (1, 6), (1,)]"),
        (lambda m: setattr(m["clf"].stream(), "state", 3), InputError,
         "state: int, expected the state of a stream of this model, [(1, 1, 6), (1, 6), (1,)]"),
        (lambda m: m["clf"].predict([np.ones((3, 2)), np.ones((3, 4))]), InputError,
         "X[1] has shape (3, 4), 4 channels; expected 2 channels"),
        (lambda m: m["clf"].predict([np.array([[1, 2], [np.nan, 4]])]), InputError,
         "X[0] holds NaN at step 1, feature 0; every value must be finite"),
        (lambda m: m["clf"].predict([]), InputError, "X holds no sequences; at least 1 is expected"),
        (lambda m: m["flat"].predict(np.ones((2, 5))), InputError,
         "X has 5 features, but flat is expecting 6 features as input"),
        (lambda m: gruvy.load(m["folder"] / "clf", engine="fastest"), EngineError,
         "engine 'fastest' (asked for): expected \"native\" or \"reference\""),
    ],
)  # fmt: skip
def test_errors(models, act, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        act(models)
