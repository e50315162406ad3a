"""A usual step of a stream goes through the core in one call: the long way's answers, to the bit, and its checks."""

from __future__ import annotations

import copy
import pickle
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare import assert_close
from gruvy.convention import Convention
from gruvy.engines import native
from gruvy.engines.feed import feed
from gruvy.engines.stack import packed
from gruvy.errors import InputError, InputTypeError
from gruvy.model.model import Model
from gruvy.model.yes_no import YesNo
from small_nets import random_weights, small_model

pytestmark = pytest.mark.skipif(not native.available()[0], reason=native.available()[1])
I, H = 3, 5


def model(kind: str, pooling: str = "last", dtype: Any = np.float32, units: int = H, read: bool = True) -> Model:
    rng = np.random.default_rng(1)
    w = random_weights(rng, Convention.of("tutorial"), I, units, layers=2, dtype=dtype)
    O = 1 if kind == "two" else 3
    V, b = (rng.normal(size=(O, units)).astype(dtype), rng.normal(size=O).astype(dtype)) if read else (None, None)
    given: dict[str, Any] = {"classes": ("a", "b", "c")} if kind in ("classify", "tag") else {}
    if kind == "two":
        kind, given["classes"] = "classify", ("a", "b")
    if kind == "yes-no":
        return replace(small_model(w, V, b, pooling), target=YesNo(3))
    if kind:
        given |= {"shift": rng.normal(size=I), "scale": rng.uniform(1, 2, I)}
    if kind == "regress":
        given |= {"y_shift": rng.normal(size=3), "y_scale": rng.uniform(1, 2, 3)}
    return small_model(w, V, b, pooling, kind, **given)


def long(stream: Any) -> Any:
    """The stream without its short way."""
    stream._push = None
    return stream


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The long way is an error."""

    def never(*given: Any) -> None:
        raise AssertionError("the long way")

    monkeypatch.setattr("gruvy.model.stream.Stream._step", never)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("kind", ["", "classify", "two", "regress", "tag", "yes-no"])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_the_long_way(kind: str, pooling: str, batch: int, dtype: Any) -> None:
    net = model(kind, pooling, dtype)
    one, other = net.stream(batch), long(net.stream(batch))
    assert one._push is not None
    for t, x in enumerate(np.random.default_rng(2).normal(size=(12, batch, I))):
        if t == 7:
            for each in (one, other):
                each.restart([batch - 1])
        x[0, 1] = np.nan if t == 10 and batch > 1 else x[0, 1]
        x = x.astype(np.float32) if t % 2 else x
        found, wanted = one.push(x), other.push(x)
        assert found.dtype == wanted.dtype
        assert found.tobytes() == wanted.tobytes()
        assert [a.tobytes() for a in one.state] == [a.tobytes() for a in other.state]


@pytest.mark.parametrize("kind", ["classify", "two", "tag", "yes-no"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_those_of_a_whole_sequence(kind: str, dtype: Any, short: None) -> None:
    net = model(kind, dtype=dtype)
    x = np.random.default_rng(4).normal(size=(9, I)).astype(dtype)
    stream = net.stream()
    found = np.array([stream.push(step) for step in x])
    wanted = net.predict_proba([x])[0]
    assert (found if net.per_step else found[-1]).tobytes() == wanted.tobytes()


def test_probabilities_of_states_without_a_read_out(short: None) -> None:
    net = model("classify", units=3, read=False)
    stream = net.stream()
    found = stream.push(np.ones(I))
    scores = np.exp(stream.state.hidden[-1, 0].astype(np.float64))
    assert_close(found, (scores / scores.sum()).astype(np.float32))


def test_scores_that_are_not_finite(short: None) -> None:
    net = model("classify", units=4)
    for odd, wanted in ((np.inf, [np.nan] * 3), (-np.inf, None), (np.nan, [np.nan] * 3)):
        bias = net.b_y.copy()
        bias[1] = odd
        found = replace(net, b_y=bias).stream().push(np.ones(I))
        if wanted is None:
            assert found[1] == 0
            assert_close(found.sum(), np.float32(1))
        else:
            assert np.array_equal(found, np.array(wanted, np.float32), equal_nan=True)


def test_states_without_a_read_out_are_new_each_time(short: None) -> None:
    stream = model("", read=False).stream()
    first = stream.push(np.ones(I))
    kept = first.copy()
    stream.push(np.ones(I))
    assert_close(first, kept, "exact")
    assert_close(stream.push(np.zeros(I)), stream.state.hidden[-1, 0], "exact")


def test_a_flat_target() -> None:
    net = model("regress", units=4)
    one = Model(**{**net.__dict__, "V": net.V[:1], "b_y": net.b_y[:1]})
    target = type(net.target)(net.target.mean[:1], net.target.scale[:1], flat=True)
    one = Model(**{**one.__dict__, "target": target})
    x = np.ones((2, I))
    assert one.stream(2).push(x).shape == (2,)
    assert one.stream().push(x[0]).shape == ()
    assert_close(one.stream(2).push(x), long(one.stream(2)).push(x), "exact")


def test_arrays_in_any_layout_take_it(short: None) -> None:
    stream, x = model("classify").stream(2), np.arange(24.0).reshape(4, 6)
    for given in (x[::2, :I], x[1::-1, 5:2:-1], np.asfortranarray(x[:2, :I]), x[:2, ::2].astype(np.float32)):
        stream.restart()
        wanted = stream.push(np.array(given, order="C"))
        stream.restart()
        assert_close(stream.push(given), wanted, "exact")


@pytest.mark.parametrize(
    "x",
    [[1, 2, 3], np.arange(3), np.ones(3, ">f8"), np.ones(3, np.float16), np.ma.ones(3), np.ones((1, 3), bool)],
    ids=["list", "int64", "big-endian", "float16", "masked", "bool"],
)
def test_whatever_else_goes_the_long_way_or_the_same(x: Any) -> None:
    net = model("regress")
    assert_close(net.stream().push(x), long(net.stream()).push(x), "exact")


def test_the_errors_are_the_same() -> None:
    stream = model("classify").stream()
    before = stream.state
    for x, kind, message in [
        (np.ones(4), InputError, "x: shape (4,), expected (batch, 3) = (1, 3) or (3,)"),
        (np.ones((2, 3)), InputError, "x: shape (2, 3), expected (batch, 3) = (1, 3) or (3,)"),
        (np.ones((1, 1, 3)), InputError, "x: shape (1, 1, 3), expected (batch, 3) = (1, 3) or (3,)"),
        (np.float64(1), InputError, "x: shape (), expected (batch, 3) = (1, 3) or (3,)"),
        (np.array(["a", "b", "c"]), InputTypeError, "x: ndarray, expected numbers (1, 3)"),
        (b"abc", InputTypeError, "x: bytes, expected numbers (1, 3)"),
        (None, InputError, "x: shape (), expected (batch, 3) = (1, 3) or (3,)"),
    ]:
        with pytest.raises(kind) as caught:
            stream.push(x)
        assert str(caught.value) == message
    assert all(map(np.array_equal, stream.state, before))


def test_a_number_that_float32_lacks_is_still_warned_of() -> None:
    net = model("classify")
    x = np.array([1.0, 1e300, 2.0])
    with pytest.warns(RuntimeWarning, match="overflow"):
        found = net.stream().push(x)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert np.array_equal(found, long(net.stream()).push(x), equal_nan=True)


def test_infinity_goes_through(short: None) -> None:
    assert np.isfinite(model("").stream().push(np.array([np.inf, 0.0, 1.0]))).all()


def test_copies_go_on_by_themselves(short: None) -> None:
    stream, x = model("classify", "mean").stream(), np.random.default_rng(3).normal(size=(4, I))
    stream.push(x[0])
    others = [copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))]
    wanted = [stream.push(step) for step in x[1:]]
    for other in others:
        assert_close(np.array([other.push(step) for step in x[1:]]), np.array(wanted), "exact")


def test_a_read_out_of_another_dtype_has_no_short_way() -> None:
    net = model("")
    other = Model(**{**net.__dict__, "V": net.V.astype(np.float64), "b_y": net.b_y.astype(np.float64)})
    assert other.stream()._push is None
    assert_close(other.stream().push(np.ones(I)).astype(np.float32), net.stream().push(np.ones(I)), "same")


def test_large_layers_in_several_python_threads() -> None:
    net = model("regress", "max", units=450)
    x = np.random.default_rng(4).normal(size=(3, 25, I))
    wanted = [net.stream() for _ in x]
    answers = [[long(stream).push(step) for step in own] for stream, own in zip(wanted, x, strict=True)]
    found: list[Any] = [[] for _ in x]

    def run(own: Any, into: list[Any]) -> None:
        stream = net.stream()
        into.extend(stream.push(step) for step in own)

    threads = [threading.Thread(target=run, args=each) for each in zip(x, found, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert_close(np.array(found), np.array(answers), "exact")


def test_what_does_not_fit_is_refused() -> None:
    w = random_weights(np.random.default_rng(0), Convention.of("torch"), I, H, layers=2, dtype=np.float32)
    cells = [cell for (cell,) in packed(w)]
    state = {"hidden": np.zeros((2, 1, H), np.float32), "pooled": np.zeros((1, H)), "steps": np.zeros(1, np.int64)}
    pair = np.zeros(I), np.ones(I)
    for wrong, message in [
        ({"cells": cells[::-1]}, "cells: number 1 does not fit the first"),
        ({"cells": []}, "cells: none, expected one for each layer"),
        ({"pooling": "nope"}, "pooling: 'nope', expected last, mean or max"),
        ({"hidden": np.zeros((1, 1, H), np.float32)}, "hidden: shape (1, 1, 5), expected (layers, B, H) = (2, 1, 5)"),
        ({"steps": np.zeros(1)}, "steps: dtype float64, expected int64"),
        ({"scaler": (pair[0][:2], pair[1])}, "mean: shape (2,), expected (I,) = (3,)"),
        ({"scaler": (pair[0], None)}, "scale: None, expected an array (I,)"),
        ({"readout": (np.zeros((3, H + 1), np.float32), None)}, "V: shape (3, 6), expected (O, H) = (3, 5)"),
        ({"back": pair}, "back_mean: shape (3,), expected (O,) = (5,)"),
    ]:
        given: dict[str, Any] = {"cells": cells, "pooling": "last", **state, **wrong}
        with pytest.raises((InputError, InputTypeError)) as caught:
            feed(**given)
        assert str(caught.value) == message
