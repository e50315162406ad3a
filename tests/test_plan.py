"""How long a training lasts when nobody says, how the rate falls, what "auto" takes, and what a fit says of itself."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

import gruvy
from compare import assert_close
from gruvy.estimators.auto import chosen
from gruvy.model.task import Labels, Numbers
from gruvy.training import History, Settings, trouble
from gruvy.training.plan import Plan, epochs_for


def rows(*losses):
    return [{"epoch": i + 1, "loss": loss} for i, loss in enumerate(losses)]


@pytest.mark.parametrize(
    ("count", "size", "steps", "epochs"),
    [
        (50, 32, 50 * 150, 1000),  # 2 steps an epoch
        (2400, 32, 2400 * 40, 30),  # 75 steps an epoch: 27 would do
        (100, 32, 100 * 1460, 206),  # 30,000,000 steps read
        (10**6, 32, 10**8, 5),  # more in 5 than 30,000,000
        (1, 32, 0, 2000),
    ],
)
def test_epochs_suit_the_data(count, size, steps, epochs):
    assert epochs_for(count, size, steps) == epochs


def test_what_is_asked_for_is_done():
    plan = Plan(Settings(max_epochs=7), 50, 32, 7500)
    plan.replay(rows(1.0, *[1e-9] * 6))
    assert (plan.epochs, plan.cooled) == (7, None)
    assert_close([plan.rate(e) for e in (0.35, 0.7, 7)], [0.005, 0.01, 0], "equation")


def test_a_loss_flat_near_zero_lets_the_rate_fall_from_where_it_is():
    plan = Plan(Settings(), 50, 32, 7500)
    losses = [1.0] * 35 + [0.009] * 5
    plan.replay(rows(*losses[:-1]))
    assert (plan.epochs, plan.cooled) == (1000, None)
    before = plan.rate(40)
    plan.see(rows(*losses))
    assert plan.epochs == 50
    assert plan.cooled == (40, before)
    assert_close([plan.rate(e) for e in (40, 45, 50)], [before, before / 2, 0], "equation")
    plan.see(rows(*losses, 1.0))  # what comes then changes nothing
    assert plan.epochs == 50


@pytest.mark.parametrize("losses", [[1.0] * 9 + [0.009] * 4, [1.0] * 30 + [0.0] * 4 + [0.02]])
def test_a_loss_that_is_low_by_chance_ends_nothing(losses):
    plan = Plan(Settings(), 50, 32, 7500)
    plan.replay(rows(*losses))
    assert plan.cooled is None


def easy(n=24, T=30, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, T, 2)).astype(np.float32) + 2 * y[:, None, None], y


def test_an_easy_set_ends_early():
    X, y = easy()
    history = gruvy.GRUClassifier(8, random_state=0).fit(X, y).history_
    assert 10 < len(history.rows) < epochs_for(24, 32, 720) / 4
    assert history.stopped == "finished"
    assert history["learning_rate"][-1] < max(history["learning_rate"]) / 20


def test_a_run_interrupted_while_the_rate_falls_goes_on_with_the_same_bits(tmp_path):
    X, y = easy()
    torch.manual_seed(0)
    start = gruvy.GRU(2, 8, 2).state_dict()

    def fitted(**more):
        net = gruvy.GRU(2, 8, 2)
        net.load_state_dict(start)
        net.fit(X, y, task="classify", seed=0, progress=False, **more)
        return net

    whole = fitted()
    count = len(whole.history.rows)

    def stop(row):
        if row["epoch"] == count - 2:
            raise KeyboardInterrupt

    kept = {"checkpoint": tmp_path / "run.checkpoint", "checkpoint_seconds": 0}
    assert fitted(on_epoch=stop, **kept).history.stopped == "interrupted"
    again = fitted(**kept)
    assert again.history["loss"] == whole.history["loss"]
    for name, p in whole.state_dict().items():
        assert torch.equal(p, again.state_dict()[name]), name


@pytest.mark.parametrize(("steps", "pooling", "init"), [(191, "last", "remember:47.75"), (192, "max", "remember:48")])
def test_auto_looks_at_the_length(steps, pooling, init):
    assert chosen("auto", "auto", steps) == {"pooling": pooling, "init": init}
    X, y = easy(8, steps)
    net = gruvy.GRUClassifier(4, max_epochs=1, random_state=0).fit(X, y).net_
    assert net.pooling == pooling
    explicit = gruvy.GRUClassifier(4, max_epochs=1, random_state=0, pooling=pooling, init=init).fit(X, y).net_
    for name, p in net.state_dict().items():
        assert torch.equal(p, explicit.state_dict()[name]), name


def test_an_explicit_setting_is_obeyed_and_a_saved_auto_comes_back(tmp_path):
    X, y = easy(8, 200)
    clf = gruvy.GRUClassifier(4, max_epochs=1, random_state=0, pooling="last", init="glorot").fit(X, y)
    assert clf.net_.pooling == "last"
    clf = gruvy.GRUClassifier(4, max_epochs=1, random_state=0).fit(X, y)
    clf.save(tmp_path / "m.safetensors")
    again = gruvy.GRUClassifier.load(tmp_path / "m.safetensors")
    assert (again.pooling, again.init, again.net_.pooling) == ("auto", "auto", "max")
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_the_loss_of_those_who_do_not_look():
    thirds = Labels.of(["a", "b"]).blind(np.array([0, 0, 1]), np.ones(3))
    assert_close(thirds, -(2 / 3) * math.log(2 / 3) - (1 / 3) * math.log(1 / 3), "equation")
    assert_close(Labels.of(["a", "b"]).blind(np.array([0, 1, 1]), np.array([2.0, 1, 1])), math.log(2), "equation")
    two = Numbers.of(np.zeros((2, 2)))
    assert two.blind(np.array([[0.0, 1], [2, 1]]), np.ones(2)) == 0.5  # 1 and 0
    assert two.blind(np.array([[0.0, 0], [4, 0]]), np.array([3.0, 1])) == 1.5  # 3 * 1 + 9 over 4, halved


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (
            [0.7] * 20,
            "was not learnt: the loss is 0.7 after 20 epochs, and 0.693 for always giving the same answer; more",
        ),
        (np.linspace(1.5, 0.4, 20), "was not learnt: .*; it was still falling, so more max_epochs help"),
        (
            np.linspace(0.7, 0.1, 20),
            "still falling when the training ended: 0.384 after half of its 20 epochs, 0.1 at the",
        ),
        ([0.7] * 3 + [0.3] * 17, None),
        ([0.7] * 15 + [0.05] * 5, None),
    ],
)
def test_what_is_said_of_losses(losses, said):
    told = trouble(History(rows(*losses), "finished", len(losses)), math.log(2))
    if said is None:
        assert told is None
    else:
        assert re.search(said, told), told


def test_a_fit_that_did_not_learn_says_so_and_one_that_did_is_silent():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 10, 1)), np.arange(40) % 2
    with pytest.warns(
        ConvergenceWarning, match="the training set was not learnt: the loss is 0.6.* and 0.693 for always"
    ):
        gruvy.GRUClassifier(4, max_epochs=2, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="the training set was not learnt: .* and 1 for always"):
        gruvy.GRURegressor(4, max_epochs=2, random_state=0).fit(X, rng.normal(size=40))
    gruvy.GRUClassifier(8, random_state=0).fit(*easy())  # warnings are errors here
