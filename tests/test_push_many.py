"""Many steps at once give the bits of step by step, whatever the blocks."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gruvy
from compare import assert_close
from gruvy.engines import native
from gruvy.errors import InputError, InputTypeError

CORE = pytest.param("native", marks=pytest.mark.skipif(not native.available()[0], reason=native.available()[1]))
KINDS = [{}, {"pooling": "mean"}, {"pooling": "max", "layers": 2}]
MADE = [*((gruvy.GRUClassifier, kind) for kind in KINDS), (gruvy.GRURegressor, {"convention": "torch"})]


def model(made, kind, engine, tmp_path, channels=2):
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, (12, 6, channels))
    y = [0, 1] * 6 if made is gruvy.GRUClassifier else rng.normal(size=12)
    made(hidden_units=5, max_epochs=1, random_state=0, **kind).fit(X, y).save(tmp_path / "m.safetensors")
    return gruvy.load(tmp_path / "m.safetensors", engine=engine)


@pytest.mark.parametrize("engine", [CORE, "reference"])
@pytest.mark.parametrize(("made", "kind"), MADE)
def test_the_bits_of_step_by_step(made, kind, engine, tmp_path):
    net = model(made, kind, engine, tmp_path)
    for batch in (1, 3):
        x = np.random.default_rng(1).normal(3, 2, (40, batch, 2))
        one = net.stream(batch)
        wanted = np.stack([one.push(step) for step in x])
        for blocks in ([40], [1, 0, 7, 32], [13, 27]):
            many = net.stream(batch)
            got = np.concatenate([many.push_many(part) for part in np.split(x, np.cumsum(blocks)[:-1])])
            np.testing.assert_array_equal(got, wanted)
            assert all(np.array_equal(a, b) for a, b in zip(many.state, one.state, strict=True))


def test_without_the_batch_axis(tmp_path):
    net = model(gruvy.GRUClassifier, {}, None, tmp_path, channels=1)
    x = np.random.default_rng(1).normal(size=9)
    wanted = [net.predict_proba([x[: t + 1, None]])[0] for t in range(9)]
    assert_close(net.stream().push_many(x), np.array(wanted), "answer")
    assert net.stream().push_many(x[:, None]).shape == (9, 2)
    assert net.stream().push_many(x[:, None, None]).shape == (9, 1, 2)


def test_what_does_not_fit_is_refused(tmp_path):
    net = model(gruvy.GRUClassifier, {}, None, tmp_path)
    text = "x: shape (2, 3), expected (n, batch, 2) = (n, 1, 2) or (n, 2)"
    with pytest.raises(InputError, match=re.escape(text)):
        net.stream().push_many(np.zeros((2, 3)))
    with pytest.raises(InputError, match=re.escape("x: shape (5, 2), expected (n, batch, 2) = (n, 3, 2)")):
        net.stream(3).push_many(np.zeros((5, 2)))
    with pytest.raises(InputTypeError, match=re.escape("x: list, expected numbers (n, 1, 2)")):
        net.stream().push_many(["a"])
