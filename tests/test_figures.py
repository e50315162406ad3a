"""The figures: what is drawn is what was traced, on axes that say what they are."""

from __future__ import annotations

import inspect
import json
import sys

import numpy as np
import pytest

from compare import assert_close
from gruvy.errors import DataError, InputError, MissingExtraError
from gruvy.inside import figures
from gruvy.inside.contributions import contributions
from gruvy.inside.gradients import gradient_norms
from gruvy.inside.trace import trace
from gruvy.inside.units import order_of
from gruvy.model.event_scores import event_curve
from gruvy.training import History
from small_nets import CONVENTIONS, irregular, random_weights

pytest.importorskip("plotly")


@pytest.fixture
def net():
    rng = np.random.default_rng(30)
    w = random_weights(rng, CONVENTIONS[0], layers=2, directions=2)
    x, options, _ = irregular(rng)
    return w, x, options, trace(w, x, **options)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("order", ["time-scale", "similarity", "number"])
@pytest.mark.parametrize("gate", ["update", "reset", "keep", "candidate", "state"])
def test_gates_over_time(net, gate, order, theme):
    _, _, _, t = net
    figure = figures.gates(t, gate, sequence=1, layer=2, order=order, theme=theme)
    (heat,) = figure.data
    steps = np.flatnonzero(t.valid[1])
    units = [int(u) for u in heat.y]
    np.testing.assert_array_equal(heat.x, steps + 1)
    np.testing.assert_array_equal(heat.z, getattr(t, gate)[2, 1][steps][:, units].T)
    assert sorted(units) == [0, 1, 2, 3]
    if order == "time-scale":
        assert (np.diff(t.time_scales()[2][units]) <= 0).all()
    assert figure.layout.xaxis.title.text == "step"
    assert figure.layout.yaxis.title.text.startswith("unit")
    if gate in ("candidate", "state"):
        assert heat.zmin == -heat.zmax  # no value and its opposite are as far from the neutral colour
    else:
        assert (heat.zmin, heat.zmax) == (0, 1)
    assert figure.layout.paper_bgcolor == {"light": "#ffffff", "dark": "#191f28"}[theme]


def test_similar_units_lie_side_by_side():
    steps = np.sin(np.linspace(0, 6, 40))
    values = np.concatenate([np.outer([1, -1, 1, -1], steps)])
    t = trace(random_weights(np.random.default_rng(0), CONVENTIONS[0]), np.zeros((1, 40, 3)))
    order = order_of(t, values, 0, "similarity")
    assert {tuple(sorted(order[:2])), tuple(sorted(order[2:]))} == {(0, 2), (1, 3)}


def test_too_many_units_are_averaged_and_said():
    w = random_weights(np.random.default_rng(31), CONVENTIONS[0], H=1030, size=0.01)
    t = trace(w, np.ones((1, 2, 3)))
    figure = figures.gates(t, order="number")
    assert figure.data[0].z.shape == (344, 2)
    assert figure.layout.title.text == "Update gate z (each row the mean of 3 units)"
    assert figure.data[0].y[:2] == ("0 and 2 more", "3 and 2 more")
    assert_close(figure.data[0].z[343], t.update[0, 0, :, 1029], "exact")
    assert_close(figure.data[0].z[1], t.update[0, 0, :, 3:6].mean(1), "equation")


def test_time_scales_count_every_unit(net):
    _, _, _, t = net
    figure = figures.time_scales(t)
    assert [sum(bar.y) for bar in figure.data] == [4] * 4
    assert [bar.name for bar in figure.data] == [f"layer {k}, {d}" for k in (1, 2) for d in ("forward", "backward")]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.title.text == "steps until the state has decayed to 1/e"


@pytest.mark.parametrize("of", ["state", "input"])
def test_gradient_norms_over_lag(net, of):
    w, x, options, _ = net
    g = gradient_norms(w, x, **options)
    figure = figures.gradient_norms({"a": g, "b": g}, of=of)
    named = [line for line in figure.data if line.name]
    assert [line.name for line in named] == ["a", "b"]
    rows = g.state[-1] if of == "state" else g.input
    for lag, level in zip(named[0].x, named[0].y, strict=True):
        column = rows[~np.isnan(rows[:, lag]), lag]
        assert level is None or level in column
    assert (named[0].line.dash, named[1].line.dash) == ("solid", "dash")  # told apart without colour too
    assert figures.gradient_norms(g).layout.xaxis.title.text == "lag k, steps back"


def test_contributions_under_the_input(net):
    w, x, options, _ = net
    c = contributions(w, x, target=0, **options)
    figure = figures.contributions(c, np.nan_to_num(x), sequence=0, features=["a", "b", "c"])
    assert [line.name for line in figure.data[:3]] == ["a", "b", "c"]
    assert_close(figure.data[-1].y, c.values[0].sum(1), "equation")
    wide = random_weights(np.random.default_rng(32), CONVENTIONS[0], I=6)
    many = [np.random.default_rng(33).normal(size=(5, 6))]
    heat, bars = figures.contributions(contributions(wide, many), many, theme="dark").data
    assert heat.z.shape == (6, 5)
    assert heat.z.min() == 0
    assert heat.z.max() == 1
    assert len(bars.y) == 5


def test_history_and_confusion():
    rows = [{"epoch": e, "loss": 1 / e, "val_loss": None, "val_score": e / 3} for e in (1, 2, 3)]
    figure = figures.history(rows)
    assert [(line.name, line.y) for line in figure.data] == [
        ("training loss", (1, 0.5, 1 / 3)),
        ("validation score", (1 / 3, 2 / 3, 1)),
    ]
    drawn = History(rows, "finished", 3).plot(theme="dark")
    assert drawn.to_plotly_json()["data"] == figure.to_plotly_json()["data"]
    assert drawn.layout.paper_bgcolor != figure.layout.paper_bgcolor
    figure = figures.confusion(["b", "a", "b", "c"], ["b", "b", "a", "c"], classes=["c", "b", "a"], theme="dark")
    assert figure.data[0].customdata.tolist() == [[1, 0, 0], [0, 1, 1], [0, 1, 0]]
    assert figure.data[0].z.tolist() == [[1, 0, 0], [0, 0.5, 0.5], [0, 1, 0]]
    assert figure.layout.title.text == "2 of 4 right"
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("predicted", "true")


def shown(figure):
    """What a notebook is handed, as it arrives there; fails where a figure has nothing to show."""
    content = json.loads(json.dumps(figure._repr_mimebundle_()))["application/vnd.plotly.v1+json"]
    layout = content["layout"]
    assert layout["title"]["text"]
    assert layout["xaxis"]["title"]["text"]
    assert layout["yaxis"]["title"]["text"]
    values = [line[axis] for line in content["data"] for axis in ("y", "z") if axis in line]
    assert values
    assert all(v["bdata"] if isinstance(v, dict) else len(v) for v in values)
    return content


def test_every_figure_shows_itself_in_a_notebook(net, monkeypatch):
    io = pytest.importorskip("plotly.io", reason="plotly is not installed")
    monkeypatch.setattr(io.renderers, "default", "plotly_mimetype")
    w, x, options, t = net
    c = contributions(w, x, target=0, **options)
    made = {
        "gates": figures.gates(t),
        "time_scales": figures.time_scales(t),
        "gradient_norms": figures.gradient_norms(gradient_norms(w, x, **options)),
        "contributions": figures.contributions(c, np.nan_to_num(x)),
        "history": figures.history([{"epoch": 1, "loss": 1.0}]),
        "confusion": figures.confusion([1, 0], [1, 1]),
        "event_curve": figures.event_curve(event_curve([[0.5]], [[1.0]], step=1)),
    }
    own = inspect.getmembers(figures, inspect.isfunction)
    assert set(made) == {name for name, f in own if f.__module__ == figures.__name__ and name[0] != "_"}
    for name, figure in made.items():
        assert [line["type"] for line in shown(figure)["data"]] == [line.type for line in figure.data], name


def test_a_figure_with_nothing_to_show_is_seen(net, monkeypatch):
    io = pytest.importorskip("plotly.io", reason="plotly is not installed")
    figure = figures.gates(net[3])
    monkeypatch.setattr(io.renderers, "default", "plotly_mimetype")
    shown(figure)
    for fault in ({"title": None}, {"xaxis": {"title": None}}, {"yaxis": {"title": None}}):
        with pytest.raises((AssertionError, KeyError)):
            shown(figures.gates(net[3]).update_layout(fault))
    with pytest.raises(AssertionError):
        shown(type(figure)(layout=figure.layout))
    with pytest.raises(TypeError):  # what JSON cannot carry
        shown(figure.update_layout(meta=object()))


def test_bad_input_is_named(net):
    _, x, _, t = net
    c = contributions(net[0], x, target=0, **net[2])
    cases = [
        (lambda: figures.gates(t, "forget"), "gate='forget': expected one of update, reset, keep, candidate, state"),
        (lambda: figures.gates(t, sequence=3), "sequence: 3, expected 0 to 2"),
        (lambda: figures.gates(t, layer=-1), "layer: -1, expected 0 to 3"),
        (lambda: figures.gates(t, order="x"), 'order=\'x\': expected "time-scale", "similarity" or "number"'),
        (lambda: figures.gates(t, theme="blue"), 'theme=\'blue\': expected "light" or "dark"'),
        (lambda: figures.contributions(c, x, sequence=9), "sequence: 9, expected 0 to 2"),
        (lambda: figures.contributions(c, x, features=["a"]), "features: 1 names, expected 3"),
        (
            lambda: figures.contributions(c, [np.zeros((99, 3))]),
            "x: sequence of shape (99, 3), the contributions have (9, 3)",
        ),
        (lambda: figures.history([]), "rows: no epoch; expected at least 1"),
        (lambda: figures.confusion([1], [1, 2]), "truth, predicted: shapes (1,) and (2,), expected (N,) twice"),
        (lambda: figures.confusion([1, 2], [1, 1], classes=[1]), "classes: 2 is not among them"),
        (lambda: figures.gradient_norms({}, of="x"), 'of=\'x\': expected "state" or "input"'),
        (
            lambda: figures.time_scales(trace(net[0], np.zeros((1, 0, 3)))),
            "trace: no step counts, so no unit has a time-scale",
        ),
    ]
    for call, text in cases:
        with pytest.raises((InputError, DataError)) as error:
            call()
        assert str(error.value) == text


def test_without_plotly_the_extra_is_named(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.delitem(sys.modules, "plotly.graph_objects", raising=False)
    with pytest.raises(MissingExtraError) as error:
        figures.gates(net[3])
    assert str(error.value) == 'plotly is not installed: pip install "gruvy[plots]"'
