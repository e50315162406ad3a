"""`GRUTagger`: an answer at every step, of whatever kind, from sequences of unequal length."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.metrics import f1_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score

import gruvy
from compare import assert_close
from gruvy import GRUTagger
from gruvy.errors import DataError, InputError, InputTypeError, ModelFileError

SMALL = {"hidden_units": 6, "max_epochs": 3, "random_state": 0}
KINDS = ("classes", "three classes", "numbers", "columns", "yes-no")


def problem(kind, n=24, seed=0):
    """Whether, and by how much, the sum so far is above 0."""
    rng = np.random.default_rng(seed)
    X = [rng.normal([3, 0], [1, 50], size=(T, 2)) for T in rng.integers(2, 12, n)]
    sums = [np.cumsum(x - [3, 0], axis=0) for x in X]
    make = {
        "classes": lambda s: np.where(s[:, 0] > 0, "up", "down"),
        "three classes": lambda s: np.digitize(s[:, 0], (-1, 1)),
        "numbers": lambda s: 100 + s[:, 0],
        "columns": lambda s: s * [1, 1e6],
        "yes-no": lambda s: (s > [[0, 60]]).astype(int),
    }[kind]
    return X, [make(s) for s in sums]


def padded(each, fill):
    """One array, with `fill` past the end of each."""
    T = max(map(len, each))
    out = np.full((len(each), T, *each[0].shape[1:]), fill, dtype=np.asarray(each[0]).dtype)
    for row, one in zip(out, each, strict=True):
        row[: len(one)] = one
    return out


def same(a, b):
    """Two lists of arrays, bit by bit."""
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    X, y = problem(request.param)
    return request.param, GRUTagger(**SMALL).fit(X, y)


@pytest.mark.parametrize(("kind", "least"), [("three classes", 0.85), ("columns", 0.8), ("yes-no", 0.85)])
def test_it_learns(kind, least):
    X, y = problem(kind, 60)
    Xt, yt = problem(kind, 60, seed=1)
    tagger = GRUTagger(hidden_units=8, max_epochs=60, learning_rate=3e-2, random_state=0).fit(X, y)
    assert tagger.score(Xt, yt) > least


def test_answers_and_scores_have_the_shape_of_the_targets(fitted):
    kind, tagger = fitted
    X, y = problem(kind, seed=2)
    answers = tagger.predict(X)
    assert [a.shape for a in answers] == [t.shape for t in y]
    truth, flat = np.concatenate(y), np.concatenate(answers)
    wanted = r2_score(truth, flat) if kind in ("numbers", "columns") else np.mean(truth == flat)
    assert_close(tagger.score(X, y), wanted, "equation")
    weights = np.arange(1.0, len(X) + 1)
    each = np.repeat(weights, [len(x) for x in X])
    right = np.average((truth == flat).reshape(len(flat), -1).mean(1), weights=each)
    wanted = r2_score(truth, flat, sample_weight=each) if kind in ("numbers", "columns") else right
    assert_close(tagger.score(X, y, weights), wanted, "equation")
    whole = np.stack([x[:2] for x in X])
    assert tagger.predict(whole).shape == (len(X), 2, *y[0].shape[1:])
    assert tagger.transform(X)[3].shape == (len(X[3]), 6)


def test_probabilities(fitted):
    kind, tagger = fitted
    X, _ = problem(kind, seed=2)
    if kind in ("numbers", "columns"):
        assert not hasattr(tagger, "predict_proba")
        assert tagger.threshold_ is None
        return
    p, answers = tagger.predict_proba(X), tagger.predict(X)
    for each, log_p, said in zip(p, tagger.predict_log_proba(X), answers, strict=True):
        assert_close(np.exp(log_p).astype(np.float32), each, "answer")
        if kind == "yes-no":
            np.testing.assert_array_equal(said, each >= 0.5)
        else:
            assert_close(each.sum(1), np.ones(len(each), each.dtype), "total")
            np.testing.assert_array_equal(said, tagger.classes_[each.argmax(1)])


def test_padding_may_hold_anything(fitted):
    kind, one = fitted
    X, y = problem(kind)
    lengths = [len(x) for x in X]
    poison = {"classes": "poison", "three classes": 77}.get(kind, 9 if kind == "yes-no" else np.nan)
    x, t = padded(X, np.nan), padded([a.astype("<U6") if kind == "classes" else a for a in y], poison)
    two = GRUTagger(**SMALL).fit(x, t, lengths=lengths)
    same(one.predict(X), two.predict(x, lengths=lengths))
    same(one.transform(X), two.transform(x, lengths=lengths))
    assert one.history_["loss"] == two.history_["loss"]
    assert one.score(X, y) == two.score(x, t, lengths=lengths)
    three = clone(two).partial_fit(x, t, lengths=lengths, classes=getattr(two, "classes_", None))
    same(three.predict(X), clone(one).partial_fit(X, y, classes=getattr(two, "classes_", None)).predict(X))


def test_a_model_file_answers_alike(fitted, tmp_path):
    kind, tagger = fitted
    X, _ = problem(kind, seed=2)
    tagger.save(tmp_path / "m.safetensors")
    for other in (GRUTagger.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(tagger))):
        same(tagger.predict(X), other.predict(X))
        assert other.get_params() == tagger.get_params()
    model = gruvy.load(tmp_path / "m.safetensors")
    assert (model.task, model.per_step) == ("tag", True)
    for a, b in zip(tagger.predict(X), model.predict(X), strict=True):
        assert_close(a, b, "answer") if a.dtype.kind == "f" else np.testing.assert_array_equal(a, b)
    stream = model.stream()
    steps = [np.asarray(stream.push(x)) for x in X[0]]
    numbers = kind in ("numbers", "columns")
    assert_close(np.array(steps), np.asarray((model.predict if numbers else model.predict_proba)(X)[0]), "answer")
    with pytest.raises(ModelFileError, match=r"holds a GRUTagger; GRUTagger.load reads it$"):
        gruvy.GRUClassifier.load(tmp_path / "m.safetensors")


def test_both_directions_but_no_stream(tmp_path):
    """The answer at the first step may know the last: a stream cannot have it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5, 1))
    y = np.repeat(X[:, -1] > 0, 5, axis=1)
    tagger = GRUTagger(hidden_units=8, max_epochs=30, bidirectional=True, random_state=0).fit(X, y)
    assert tagger.score(X, y) > 0.9
    tagger.save(tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="it cannot answer before the end"):
        gruvy.load(tmp_path / "m.safetensors").stream()


def test_a_sequence_of_no_weight_is_absent_and_a_step_is_read():
    X, y = problem("classes")
    weight = [np.ones(len(x)) for x in X]
    weight[3][:] = 0
    kept = [i for i in range(len(X)) if i != 3]
    a = GRUTagger(**SMALL).fit([X[i] for i in kept], [y[i] for i in kept])
    b = GRUTagger(**SMALL).fit(X, y, sample_weight=weight)
    c = GRUTagger(**SMALL).fit(X, y, sample_weight=[0 if i == 3 else 1 for i in range(len(X))])
    same(a.predict_proba(X), b.predict_proba(X))
    same(a.predict_proba(X), c.predict_proba(X))
    weight = [np.ones(len(x)) for x in X]
    wrong = [t.copy() for t in y]
    for w, t in zip(weight, wrong, strict=True):
        w[0], t[0] = 0, "down"
    d, e = (GRUTagger(**SMALL).fit(X, t, sample_weight=weight) for t in (y, wrong))
    same(d.predict_proba(X), e.predict_proba(X))


def test_class_weights_are_weights_of_the_steps():
    X, y = problem("three classes")
    flat = np.concatenate(y)
    counts = np.bincount(flat)
    by_class = {k: len(flat) / (3 * counts[k]) for k in range(3)}
    own = [np.array([by_class[k] for k in t]) for t in y]
    balanced, given = (GRUTagger(**SMALL, class_weight=w).fit(X, y) for w in ("balanced", by_class))
    same(balanced.predict_proba(X), given.predict_proba(X))
    flags = [(t[:, None] == [0, 1]).astype(int) for t in y]
    more = SMALL | {"max_epochs": 20, "learning_rate": 5e-2}
    some, none = (GRUTagger(**more, class_weight=w).fit(X, flags) for w in ({1: 5.0}, None))
    assert np.concatenate(some.predict_proba(X)).mean() > np.concatenate(none.predict_proba(X)).mean() + 0.05
    column = GRUTagger(**SMALL, class_weight="balanced").fit(X, [t[:, None] for t in y])
    same(column.predict_proba(X), balanced.predict_proba(X))
    # A weight of the sample would change the scale of the inputs too, were it not for this.
    a = GRUTagger(**SMALL, scale_inputs=False, class_weight="balanced").fit(X, y)
    b = GRUTagger(**SMALL, scale_inputs=False).fit(X, y, sample_weight=own)
    for p, q in zip(a.predict_proba(X), b.predict_proba(X), strict=True):
        assert_close(p, q, "answer")


@pytest.mark.parametrize("kind", ["classes", "yes-no"])
def test_the_tuned_threshold_has_the_highest_f1(kind, tmp_path):
    X, y = problem(kind, 40)
    Xh, yh = problem(kind, 40, seed=1)
    tagger = GRUTagger(**SMALL).fit(X, y).tune_threshold(Xh, yh)
    p, truth = np.concatenate(tagger.predict_proba(Xh)), np.concatenate(yh)
    if kind == "classes":
        p, truth = p[:, 1:], (truth == tagger.classes_[1]).astype(int)[:, None]
    said = np.concatenate(tagger.predict(Xh))
    said = (said == "up").astype(int)[:, None] if kind == "classes" else said
    for k, threshold in enumerate(np.ravel(tagger.threshold_)):
        best = max(f1_score(truth[:, k], p[:, k] >= level) for level in p[:, k])
        assert_close(f1_score(truth[:, k], said[:, k]), best, "equation")
        assert threshold not in p[:, k]
    tagger.save(tmp_path / "m.safetensors")
    for other in (gruvy.load(tmp_path / "m.safetensors"), GRUTagger.load(tmp_path / "m.safetensors")):
        same(tagger.predict(Xh), other.predict(Xh))


def test_a_threshold_that_is_said_or_tuned_on_what_is_held_out():
    X, y = problem("classes", 40)
    low, half = (GRUTagger(**SMALL, threshold=t).fit(X, y) for t in (0.0, 0.5))
    assert set(np.concatenate(low.predict(X))) == {"up"}
    assert (low.threshold_, half.threshold_) == (0.0, 0.5)
    tuned = GRUTagger(**SMALL, threshold="tuned", validation_fraction=0.3).fit(X, y)
    plain = GRUTagger(**SMALL, validation_fraction=0.3).fit(X, y)
    assert tuned.threshold_ != 0.5
    same(tuned.predict_proba(X), plain.predict_proba(X))
    again = clone(tuned).set_params(warm_start=True).fit(X, y).set_params(threshold=0.25).fit(X, y)
    assert again.threshold_ == 0.25
    again.set_params(validation_fraction=0.0).fit(X[:1], [np.full(len(X[0]), "up")])  # one class alone, of those known
    assert again.classes_.tolist() == ["down", "up"]


def test_partial_fit_learns_each_kind():
    for kind in ("classes", "numbers", "yes-no"):
        tagger = GRUTagger(hidden_units=8, learning_rate=2e-2, random_state=0)
        for seed in range(25):
            X, y = problem(kind, 32, seed)
            classes = ["down", "up"] if kind == "classes" and seed == 0 else None
            tagger.partial_fit(X, y, classes=classes)
        assert tagger.score(*problem(kind, 40, seed=99)) > (0.7 if kind == "numbers" else 0.8)
        assert len(tagger.history_.rows) == 25


def test_scikit_learns_tools():
    X, y = problem("classes", 30)
    scores = cross_val_score(GRUTagger(**SMALL), X, y, cv=3)
    assert scores.shape == (3,)
    found = GridSearchCV(GRUTagger(**SMALL), {"threshold": [0.1, 0.5]}, cv=2).fit(X, y)
    assert set(found.best_params_) == {"threshold"}


@pytest.mark.parametrize(
    ("settings", "y", "more", "error", "text"),
    [
        ({}, ["a", "b"], {}, DataError, "y: one answer per sequence; expected one per step, arrays (T_i,): "
         "gruvy.GRUClassifier and gruvy.GRURegressor learn one per sequence"),
        ({}, [["a", "b"], ["a"]], {}, DataError, "y[1] has shape (1,), X[1] has 3 steps; expected one label per step"),
        ({}, [[[0, 1]] * 2, [0, 1, 1]], {}, DataError,
         "y[1] has shape (3,), y[0] (2, 2); expected as many targets per step"),
        ({}, [[0.5, np.nan], [1, 2, 3]], {}, InputError, "y[0]: nan at step 1; expected finite numbers"),
        ({}, [["a", "a"], ["a"] * 3], {}, DataError, "y has one class, 'a'; expected at least 2 classes"),
        ({"threshold": 2}, None, {}, InputError, 'threshold=2: expected a number from 0 to 1, or "tuned"'),
        ({"threshold": 0.3}, [[0, 1], [2, 1, 0]], {}, InputError,
         "threshold: y has 3 classes, which no threshold decides between; expected 0.5, the default"),
        ({"threshold": "tuned"}, None, {}, InputError,
         'threshold="tuned": needs steps held out; set validation_fraction above 0'),
        ({"class_weight": "balanced"}, [[0.5, 1], [1, 2, 3]], {}, InputError,
         "class_weight='balanced': has no meaning for numbers; expected None"),
        ({}, None, {"lengths": [2, 4]}, InputError, "lengths[1]: 4, expected 0 to 3, the steps of X[1]"),
        ({}, None, {"lengths": [2]}, InputError, "lengths: shape (1,) of int64, expected 2 whole numbers"),
        ({}, None, {"sample_weight": [[1, 1], [1, 1]]}, InputError,
         "sample_weight: expected (sequences,), or for each sequence one number per step"),
        ({}, None, {"sample_weight": [[1, 1], [1, -1, 1]]}, InputError,
         "sample_weight: -1.0 at index 3; expected finite numbers of at least 0"),
        ({}, [["a", None], ["b", "a", "a"]], {}, InputTypeError,
         "y: labels of types NoneType and str, which have no order; expected one type"),
        ({"answers": "numbers"}, None, {}, InputError, 'y: holds text; expected other targets for answers="numbers"'),
    ],
)  # fmt: skip
def test_errors(settings, y, more, error, text):
    X = [np.ones((2, 1)), np.zeros((3, 1))]
    y = [["a", "b"], ["b", "a", "a"]] if y is None else y
    with pytest.raises(error) as refusal:
        GRUTagger(**SMALL, **settings).fit(X, y, **more)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("settings", "classes", "text"),
    [
        ({}, None, "classes: None in the first call of partial_fit; expected all labels there will ever be"),
        ({"class_weight": "balanced"}, ["a", "b"],
         "class_weight='balanced': partial_fit does not see all there will be; expected another"),
        ({"threshold": "tuned"}, ["a", "b"],
         "threshold='tuned': partial_fit does not see all there will be; expected another"),
    ],
)  # fmt: skip
def test_what_partial_fit_refuses(settings, classes, text):
    with pytest.raises(InputError) as refusal:
        GRUTagger(**SMALL, **settings).partial_fit([np.ones((2, 1))], [["a", "b"]], classes=classes)
    assert str(refusal.value) == text


def test_a_network_alone_learns_them_too(tmp_path):
    X, y = problem("yes-no")
    for targets, units, text in (
        (y, 2, "y has 2 targets per step, the network output_units=1; expected output_units=2"),
        ([t * 0.5 for t in y], 2, "y has 2 targets per step, the network output_units=1; expected output_units=2"),
    ):
        net = gruvy.GRU(2, 4, units).fit(X, targets, task="tag", max_epochs=2, seed=0, progress=False)
        assert net.predict(X)[3].shape == targets[3].shape
        net.save(tmp_path / "m.safetensors")
        for answers in (
            gruvy.GRU.load(tmp_path / "m.safetensors").predict(X),
            gruvy.load(tmp_path / "m.safetensors").predict(X),
        ):
            assert_close(answers[3].astype(float), net.predict(X)[3].astype(float), "answer")
        with pytest.raises(InputError, match=f"^{text}$"):
            gruvy.GRU(2, 4, 1).fit(X, targets, task="tag")


def test_shards_have_no_targets_at_each_step(tmp_path):
    frame = pl.DataFrame({"id": ["a", "a", "b", "b"], "x": [1.0, 2, 3, 4], "y": ["u", "u", "v", "v"]})
    frame.write_parquet(tmp_path / "s.parquet")
    with pytest.raises(InputError) as refusal:
        gruvy.data.shards(tmp_path, id="id", target="y", target_at="each")
    assert str(refusal.value) == (
        'target_at="each": shards have one target for each sequence; expected "constant" or "last"'
    )
    with pytest.raises(
        InputTypeError, match=r"^X: Shards, which have one target for each sequence; expected sequences$"
    ):
        GRUTagger(**SMALL).fit(gruvy.data.shards(tmp_path, id="id", target="y"))
