"""Training that goes on, `partial_fit` and `warm_start`, and who is told of it: `callbacks`."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone

import gruvy
from compare import assert_apart, assert_close
from gruvy import GRUClassifier, GRURegressor
from gruvy.errors import DataError, InputError, InputTypeError
from small_shards import written
from test_estimators import SMALL, problem

NAMES = ["high", "low", "middle"]


def weights(estimator):
    return torch.cat([p.detach().flatten() for p in estimator.net_.parameters()])


def passes(clf, count=3, **first):
    X, y = problem()
    for k in range(count):
        clf.partial_fit(X, y, **(first if k == 0 else {}))
    return clf


def steps_by_hand(net, X, y, count, **group):
    """So many steps of torch's AdamW on the whole of the data, with the gradient cut to norm 1."""
    optimiser = torch.optim.AdamW(net.parameters(), **group)
    lengths = [len(x) for x in X]
    x = torch.nn.utils.rnn.pad_sequence([torch.tensor(x) for x in X], batch_first=True)
    net.train()
    for _ in range(count):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x, lengths=lengths).last, torch.tensor(y)).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net


def test_passes_are_steps_of_one_optimiser():
    X, y = problem()
    clf = GRUClassifier(**SMALL, batch_size=None).fit(X, y)
    clf.net_.double()
    scaled = [clf.scaler_(x).astype(np.float32).astype(np.float64) for x in X]
    place = np.searchsorted(clf.classes_, y)
    start = copy.deepcopy(clf)
    for _ in range(3):
        clf.partial_fit(X, y)
    wanted = copy.deepcopy(start)
    steps_by_hand(wanted.net_, scaled, place, 3, lr=1e-2, weight_decay=0.01)
    assert_close(weights(clf), weights(wanted), "trained")
    for _ in range(3):  # a new optimiser each time would end elsewhere
        steps_by_hand(start.net_, scaled, place, 1, lr=1e-2, weight_decay=0.01)
    assert_apart(weights(clf), weights(start), "trained")


def test_passes_learn_and_fit_begins_anew():
    X, y = problem(seed=1)
    clf = passes(GRUClassifier(hidden_units=8, random_state=0), 30, classes=NAMES)
    assert clf.score(X, y) > 0.9
    assert clf.n_iter_ == len(clf.history_.rows) == 30
    assert clf.history_["epoch"] == list(range(1, 31))
    assert clf.history_["seconds"] == sorted(clf.history_["seconds"])
    assert clf.history_["learning_rate"] == [1e-2] * 30
    X, y = problem()
    np.testing.assert_array_equal(
        clf.set_params(max_epochs=2).fit(X, y).predict_proba(X),
        GRUClassifier(hidden_units=8, max_epochs=2, random_state=0).fit(X, y).predict_proba(X),
    )
    assert len(clf.history_.rows) == 2


def test_the_first_pass_fixes_classes_and_scale():
    X, y = problem()
    some = y != "high"
    low = [x for x, k in zip(X, some, strict=True) if k]
    clf = GRUClassifier(**SMALL).partial_fit(low, y[some], classes=["middle", "low", "high"])
    assert clf.classes_.tolist() == NAMES
    mean = clf.input_mean_
    assert_close(mean, np.concatenate(low).mean(0))
    clf.partial_fit([x + 1000 for x in X], y)
    assert clf.input_mean_ is mean
    assert clf.predict_proba(X).shape == (60, 3)
    reg = GRURegressor(**SMALL).partial_fit(X[:30], np.arange(30.0))
    assert (reg.task_.mean.item(), reg.n_iter_) == (14.5, 1)
    reg.partial_fit(X, np.arange(60.0))
    assert (reg.task_.mean.item(), reg.n_iter_) == (14.5, 2)


def test_passes_repeat_exactly_and_can_be_kept_between():
    X, _ = problem()
    kind = {"hidden_units": 8, "dropout": 0.3, "random_state": 0}
    once = passes(GRUClassifier(**kind), 4, classes=NAMES)
    again = passes(GRUClassifier(**kind), 2, classes=NAMES)
    again = passes(pickle.loads(pickle.dumps(again)), 2)
    np.testing.assert_array_equal(once.predict_proba(X), again.predict_proba(X))


def test_a_pass_goes_on_from_a_file(tmp_path):
    X, y = problem()
    clf = GRUClassifier(hidden_units=8, max_epochs=30, random_state=0).fit(X, y)
    clf.save(tmp_path / "m")
    again = GRUClassifier.load(tmp_path / "m").partial_fit(X, y)
    assert again.score(X, y) > 0.9
    assert again.n_iter_ == 1
    np.testing.assert_array_equal(clf.partial_fit(X, y).predict_proba(X), again.predict_proba(X))


def test_a_class_weighs_as_its_sequences():
    X, y = problem()
    heavy = {"low": 7.0}
    a = GRUClassifier(**SMALL, class_weight=heavy).partial_fit(X, y, classes=NAMES)
    b = GRUClassifier(**SMALL).partial_fit(X, y, classes=NAMES, sample_weight=np.where(y == "low", 7.0, 1.0))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    a.partial_fit(X[:2], ["high", "middle"])  # none of that class


def test_a_pass_that_fails_leaves_no_trace():
    X, y = problem()
    clf = passes(GRUClassifier(**SMALL), 1, classes=NAMES)
    before = clf.predict_proba(X)
    with pytest.raises(InputError, match=r"^learning_rate=1e\+38: .* the weights of the start are kept"):
        clf.set_params(learning_rate=1e38).partial_fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    clf.set_params(learning_rate=1e-2).partial_fit(X, y)
    assert np.isfinite(clf.history_["loss"]).all()
    assert clf.n_iter_ == 2


A = np.zeros((4, 3, 2))
Y = ["a", "b"] * 2


def made():
    return GRUClassifier(**SMALL).partial_fit(A, Y, classes=["a", "b"])


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda: GRUClassifier().partial_fit(A, Y), InputError,
         "classes: None in the first call of partial_fit; expected all labels there will ever be"),
        (lambda: GRUClassifier().partial_fit(A, Y, classes=["a"]), DataError,
         "y has one class, 'a'; expected at least 2 classes"),
        (lambda: GRUClassifier().partial_fit(A, Y, classes=["b", "c"]), DataError,
         "y holds 'a', a class that the training data do not have"),
        (lambda: made().partial_fit(A, Y, classes=["a", "c"]), InputError,
         "classes=['a', 'c']: expected those of the calls before, ['a', 'b']"),
        (lambda: made().partial_fit(A, ["a", "c"] * 2), DataError,
         "y holds 'c', a class that the training data do not have"),
        (lambda: made().partial_fit(A[:, :, :1], Y), DataError,
         "X[0] has shape (3, 1), 1 channel; expected 2 channels"),
        (lambda: made().partial_fit(A[:, :0], Y), DataError, "X[0] has 0 steps; at least 1 is expected"),
        (lambda: GRUClassifier(class_weight="balanced").partial_fit(A, Y, classes=["a", "b"]), InputError,
         "class_weight='balanced': partial_fit does not see all there will be; expected a dict of weights or None"),
        (lambda: GRUClassifier(validation_fraction=0.5).partial_fit(A, Y, classes=["a", "b"]), InputError,
         "validation_fraction=0.5: partial_fit only trains, on all it is given; expected 0.0"),
        (lambda: GRUClassifier(checkpoint="c").partial_fit(A, Y, classes=["a", "b"]), InputError,
         "checkpoint='c': partial_fit only trains, on all it is given; expected None"),
        (lambda: made().set_params(hidden_units=9).partial_fit(A, Y), InputError,
         "hidden_units=9: training goes on with weights made for hidden_units=8; expected the same, or a clone of the "
         "estimator, which begins anew"),
        (lambda: GRURegressor(**SMALL).partial_fit(A, [1, 2, 3, 4]).partial_fit(A, np.zeros((4, 2))), DataError,
         "y has 2 targets per sequence; expected 1"),
        (lambda: GRUClassifier(callbacks=print).fit(A, Y), InputTypeError,
         "callbacks=<built-in function print>: expected a list of functions of the row of an epoch"),
        (lambda: GRUClassifier(callbacks=[3]).partial_fit(A, Y, classes=["a", "b"]), InputTypeError,
         "callbacks=[3]: expected a list of functions of the row of an epoch"),
    ],
)  # fmt: skip
def test_it_refuses(act, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        act()


def test_a_warm_start_goes_on_where_fit_ended():
    X, y = problem()
    clf = GRUClassifier(**SMALL, warm_start=True).fit(X, y)
    kept, scaler = weights(clf), clf.scaler_
    moved = [x + 1000 for x in X]
    clf.set_params(learning_rate=1e-9).fit(moved, y)
    assert_close(weights(clf), kept)
    assert clf.scaler_ is scaler
    assert len(clf.history_.rows) == 4
    clf.set_params(warm_start=False).fit(moved, y)
    assert_apart(weights(clf), kept)
    assert_close(clf.input_mean_, np.concatenate(moved).mean(0))


def test_warm_starts_add_up():
    X, y = problem()
    clf = GRUClassifier(hidden_units=8, max_epochs=10, learning_rate=2e-2, random_state=0, warm_start=True)
    losses = [loss for _ in range(3) for loss in clf.fit(X, y).history_["loss"]]
    assert len(losses) == 30
    assert losses[-1] < losses[19] < losses[9]
    assert clf.score(X, y) > 0.9
    some = y != "high"
    clf.fit([x for x, k in zip(X, some, strict=True) if k], y[some])
    assert clf.predict_proba(X).shape == (60, 3)
    reg = GRURegressor(**SMALL, warm_start=True).fit(X, np.arange(60.0)).fit(X[:9], np.arange(9.0))
    assert reg.task_.mean.item() == 29.5


def test_a_warm_start_with_other_data_or_settings_is_refused_and_changes_nothing():
    X, y = problem()
    clf = GRUClassifier(**SMALL, warm_start=True, dropout=0.1).fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(DataError, match=r"^X\[0\] has shape \(\d, 1\), 1 channel; expected 2 channels$"):
        clf.fit([x[:, :1] for x in X], y)
    with pytest.raises(DataError, match=r"^y holds 'other', a class that the training data do not have$"):
        clf.fit(X, ["other", *y[1:]])
    with pytest.raises(InputError, match=r"^bidirectional=True: training goes on with weights made for bidirectional"):
        clf.set_params(bidirectional=True).fit(X, y)
    clf.set_params(bidirectional=False)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    assert clf.n_features_in_ == 2
    assert clf.set_params(dropout=0.5).fit(X, y).net_.dropout == 0.5
    assert clone(clf).set_params(bidirectional=True).fit(X, y).net_.bidirectional


def test_a_warm_start_goes_on_from_a_file(tmp_path):
    X, y = problem()
    GRUClassifier(**SMALL).fit(X, y).save(tmp_path / "m")
    clf = GRUClassifier.load(tmp_path / "m").set_params(warm_start=True, learning_rate=1e-9)
    before = weights(clf)
    assert_close(weights(clf.fit(X, y)), before)


def test_shards_go_on_too(tmp_path):
    _, X, labels, _ = written(tmp_path, [20, 12])
    data = gruvy.data.shards(tmp_path, id="id", time="time", target="label", ignore=["number"])
    clf = GRUClassifier(**SMALL, warm_start=True).fit(X, labels)
    before, scaler = weights(clf), clf.scaler_
    clf.set_params(learning_rate=1e-9).fit(data)
    assert_close(weights(clf), before)
    assert clf.scaler_ is scaler
    part = data.read(0)
    clf.partial_fit(part.x, part.y)
    wanted = "X: Shards, which fit alone takes; expected sequences, as part.x of part = X.read(0)"
    for act in (lambda: clf.partial_fit(data, None), lambda: clf.predict(data)):
        with pytest.raises(InputTypeError, match=f"^{re.escape(wanted)}$"):
            act()
    wide = GRUClassifier(**SMALL, warm_start=True).fit([x[:, :1] for x in X], labels)
    with pytest.raises(DataError, match=r"^X has 2 channels, the network input_units=1$"):
        wide.fit(data)
    assert wide.n_features_in_ == 1


def test_callbacks_hear_of_every_epoch(tmp_path):
    X, y = problem()
    heard, counted = [], []
    clf = GRUClassifier(**SMALL, callbacks=[heard.append, lambda row: counted.append(row["epoch"])])
    clf.fit(X, y)
    assert heard == clf.history_.rows
    assert counted == [1, 2, 3, 4]
    clf.partial_fit(X, y)
    assert heard == clf.history_.rows
    clf.save(tmp_path / "m")
    again = GRUClassifier.load(tmp_path / "m")
    assert again.callbacks is None
    assert gruvy.load(tmp_path / "m").settings.keys() >= {"warm_start"}


def test_a_callback_may_end_the_training():
    X, y = problem()

    def enough(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    clf = GRUClassifier(**SMALL, callbacks=[enough]).fit(X, y)
    assert (clf.history_.stopped, clf.n_iter_) == ("interrupted", 2)
    assert clf.predict(X).shape == (60,)
