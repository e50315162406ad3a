"""Softmax and sigmoid of read-outs, by the core and by NumPy, against float64 torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compare import assert_apart, assert_close
from gruvy.engines import core
from gruvy.engines.probabilities import sigmoids, softmax
from gruvy.errors import InputError

BY = pytest.mark.parametrize("numpy", [False, True], ids=["core", "numpy"])


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = getattr(request.node, "callspec", None)
    if asked is not None and asked.params.get("numpy"):
        monkeypatch.setattr(core, "available", lambda: (False, "not here"))


def reference(raw: Any, way: Any) -> Any:
    exact = torch.from_numpy(raw.astype(np.float64))
    return (torch.softmax(exact, -1) if way is softmax else torch.sigmoid(exact)).numpy().astype(raw.dtype)


@BY
@pytest.mark.parametrize("way", [softmax, sigmoids])
@given(
    shape=st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 35)),
    dtype=st.sampled_from([np.float32, np.float64]),
    spread=st.sampled_from([0.1, 3.0, 30.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_torch_has_the_same(numpy: bool, way: Any, shape: Any, dtype: Any, spread: float, seed: int) -> None:
    raw = (np.random.default_rng(seed).normal(size=shape) * spread).astype(dtype)
    before = raw.copy()
    found = way(raw)
    assert_close(found, reference(raw, way))
    assert raw.tobytes() == before.tobytes()  # untouched
    if found.size and shape[-1] > 1:
        assert_apart(found + found.dtype.type(1e-3), reference(raw, way))


@BY
def test_any_layout(numpy: bool) -> None:
    raw = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    for view in (raw[::2], raw[:, ::3], raw.T, raw[0], raw[None], raw[::-1, ::-1]):
        assert_close(softmax(view), softmax(view.copy()), "exact")
        assert_close(sigmoids(view), sigmoids(view.copy()), "exact")
        assert_close(softmax(view), reference(view.copy(), softmax))


@BY
def test_far_from_zero(numpy: bool) -> None:
    raw = np.array([[1000.0, 0.0], [-1000.0, -1000.0], [1e38, -1e38], [88.0, 0.0]], np.float32)
    assert_close(softmax(raw), reference(raw, softmax))
    assert_close(sigmoids(raw[:, 0]), reference(raw[:, 0], sigmoids))
    small = softmax(np.array([0.0, -95.0], np.float32))[1]  # below the normal numbers
    assert small == np.float32(np.exp(-95.0))
    assert softmax(np.array([0.0, -110.0], np.float32))[1] == 0


@BY
def test_not_finite(numpy: bool) -> None:
    raw = np.array([[0, np.nan, 1], [0, np.inf, 1], [0, -np.inf, 0], [1, 2, 3]], np.float32)
    with np.errstate(invalid="ignore"):
        found = softmax(raw)
    assert np.isnan(found[:2]).all()
    assert found[2].tolist() == [0.5, 0, 0.5]
    assert_close(found[3:], reference(raw[3:], softmax))
    assert np.isnan(sigmoids(raw)[0, 1])
    assert_close(sigmoids(raw[1:3]), reference(raw[1:3], sigmoids))


@pytest.mark.parametrize(("dtype", "kind"), [(np.int64, "float32"), (">f4", "float32")])
def test_other_types_go_by_numpy(dtype: Any, kind: str) -> None:
    found = softmax(np.array([[0, 1, 3]], dtype)).astype(np.float64)
    assert_close(found, reference(np.array([[0.0, 1.0, 3.0]]), softmax), kind)


@pytest.mark.skipif(not core.available()[0], reason=core.available()[1])
def test_the_core_refuses_what_does_not_fit() -> None:
    good: dict[str, Any] = {"answers": "softmax", "isa": core.isa()}
    for p, given_, message in [
        (np.ones(3), good, r"p: 1 axes, expected \(rows, K\)"),
        (np.ones((2, 6))[:, ::2], good, "p: "),
        (np.ones((2, 2)), good | {"answers": "logits"}, "answers: 'logits', expected softmax or sigmoids"),
        (np.ones((2, 2)), good | {"isa": "z80"}, "isa 'z80'"),
    ]:
        with pytest.raises(InputError, match=message):
            core.core.probabilities(p, **given_)
