"""Forecasts against a loop written by hand: the reference's equations, in float64, on the same weights."""

from __future__ import annotations

import numpy as np
import pytest

import gruvy
from compare import assert_apart, assert_close
from gruvy.forecast import Panel
from gruvy.reference import step

SEASON = 4


def series(T, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(T)
    return 50 + 0.2 * t + 5 * np.sin(2 * np.pi * t / SEASON) + rng.normal(size=T)


def forecaster(**settings):
    given = {"season": SEASON, "context": 6, "hidden_units": 5, "max_epochs": 3, "random_state": 0, **settings}
    return gruvy.GRUForecaster(3, **given)


def readout(model, h):
    """The quantiles (K, 3) that a state (H,) says."""
    raw = (h @ model.V.T.astype(np.float64) + model.b_y).reshape(-1, 3)
    return np.sort(raw, axis=1) * model.target.scale[:, None] + model.target.mean[:, None]


def run(model, rows, h):
    """The state after some rows of inputs."""
    cell = model.weights.merged().cells[0][0]
    cell = cell._replace(**{name: None if a is None else a.astype(np.float64) for name, a in cell._asdict().items()})
    for row in rows:
        x = (np.asarray(row, np.float64) - model.scaler.mean) / model.scaler.scale
        h = step(x[None], h[None], cell, model.weights.convention)[0]
    return h


def by_hand(f, y, known=None, drop_state=False):
    """Median, lower and upper of one series (T,), step by step; with a planted fault, the state is forgotten."""
    model, kind, h, W = f.model_, f.plan_.scaling, f.horizon, f.plan_.context
    v = [float(np.log(a)) if kind.log else float(a) for a in y]
    lag = {"mean": 0, "last": 1, "season": SEASON}[kind.kind]
    changes = [v[t] - v[t - lag] for t in range(lag, len(v))] if lag else v
    centre = 0.0 if lag else sum(v) / len(v)
    unit = (sum((c - centre) ** 2 for c in changes) / len(changes)) ** 0.5

    def own(t):
        return (v[t] - (v[t - lag] if lag else centre)) / unit

    T = len(v)
    state = np.zeros(model.weights.hidden_units)
    found = []
    if f.strategy == "direct":
        rows = []
        for t in range(T - W, T):
            ahead = [] if known is None else [known[t + k] for k in range(1, h + 1)]
            rows.append([own(t), *ahead])
        q = readout(model, run(model, rows, state))
        for k in range(1, h + 1):
            base = v[T - 1 + k - lag * -(-k // lag)] if lag else centre
            found.append((base, q[k - 1]))
    else:
        rows = [[own(t), *([] if known is None else [known[t + 1]])] for t in range(T - W, T)]
        state = run(model, rows, state)
        for k in range(1, h + 1):
            t = T - 1 + k
            q = readout(model, state)[0]
            base = v[t - lag] if lag else centre
            found.append((base, q))
            v.append(base + unit * q[1])
            state = np.zeros_like(state) if drop_state else state
            state = run(model, [[q[1], *([] if known is None else [known[min(t + 1, len(known) - 1)]])]], state)
    out = []
    for k, (base, q) in enumerate(found):
        lower, upper = min(q[0] - f.margins_[k, 0], q[1]), max(q[2] + f.margins_[k, 0], q[1])
        out.append([base + unit * a for a in (q[1], lower, upper)])
    out = np.array(out).T
    return np.exp(out) if kind.log else out


@pytest.mark.parametrize("log", [False, True], ids=["plain", "log"])
@pytest.mark.parametrize("kind", ["mean", "last", "season"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_a_forecast_is_the_loop_written_by_hand(strategy, kind, log):
    y = series(60)
    f = forecaster(strategy=strategy, scaling=kind, log=log).fit(y)
    said = f.predict(y[:55])
    assert_close(np.stack(said[:3]), by_hand(f, y[:55]), "answer")


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
@pytest.mark.parametrize("convention", ["torch", "onnx"])
def test_with_columns_known_ahead_and_in_other_conventions(strategy, convention):
    y, known = series(60), np.random.default_rng(1).normal(size=66)
    y = y + 3 * known[:60]
    f = forecaster(strategy=strategy, convention=convention).fit(y, known=known)
    said = f.predict(y, known=known)
    assert_close(np.stack(said[:3]), by_hand(f, y, known), "answer")
    other = np.concatenate([known[:61], -known[61:]])
    assert_apart(f.predict(y, known=other).median, said.median, "another")


def test_a_state_that_is_not_carried_is_seen():
    y = series(60)
    f = forecaster(strategy="recursive", scaling="last", log=False).fit(y)
    assert_apart(f.predict(y).median, by_hand(f, y, drop_state=True)[0], "answer")


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_many_series_answer_as_each_alone(strategy):
    y = [series(40, 1), 1000 * series(52, 2), series(61, 3)]
    f = forecaster(strategy=strategy).fit(y)
    together = f.predict(y)
    for i, one in enumerate(y):
        for a, b in zip(together[:3], f.predict(one)[:3], strict=True):
            assert_close(a[i], b, "exact")


def test_channels_are_forecast_together():
    y = np.stack([series(60), 10 * series(60, 1)], axis=1)
    f = forecaster(strategy="recursive").fit(y)
    said = f.predict()
    assert said.median.shape == said.lower.shape == said.upper.shape == (3, 2)
    assert (said.lower <= said.median).all()
    assert (said.median <= said.upper).all()
    assert f.predict([y, y]).median.shape == (2, 3, 2)


def test_a_saved_forecaster_says_the_same(tmp_path):
    y = series(60)
    f = forecaster(calendar="auto")
    dates = np.datetime64("2020-01") + np.arange(60)
    f.fit(y, times=dates)
    f.save(tmp_path / "m.safetensors")
    g = gruvy.GRUForecaster.load(tmp_path / "m.safetensors")
    a, b = f.predict(), g.predict(y, times=dates)
    for left, right in zip(a[:3], b[:3], strict=True):
        assert_close(left, right, "exact")
    assert b.times[0].astype("datetime64[M]").tolist() == a.times[0].astype("datetime64[M]").tolist()
    assert str(b.times[0][0]) == "2025-01-01T00:00:00"
    assert g.plan_.calendar == ["month"]
    assert isinstance(g.plan_, type(f.plan_))
    assert g.plan_ == f.plan_


def test_a_panel_stands_for_its_arrays():
    y, known = series(60), np.random.default_rng(1).normal(size=66)
    f = forecaster().fit(y, known=known)
    assert_close(f.predict(Panel.of(y, known=known)).median, f.predict(y, known=known).median, "exact")
