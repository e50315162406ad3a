"""The comparison helper must fail on planted faults, and the faults that matter in a GRU must be visible to it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compare
from compare import assert_apart, assert_close, error, limit
from gruvy import Convention, reference
from gruvy.reference import Cell

Array = np.ndarray[Any, Any]


def case(convention: str) -> dict[str, Array]:
    """Inputs and weights of a small layer, and what the reference makes of them, forward and backward."""
    rng = np.random.default_rng(7)
    T, B, I, H = 4, 3, 2, 3
    of = Convention.of(convention)
    x, h = rng.normal(size=(T, B, I)), rng.normal(size=(B, H))
    W, U, b = rng.normal(size=(3 * H, I)), rng.normal(size=(3 * H, H)), rng.normal(size=3 * H)
    c = rng.normal(size=H) if of.reset == "after" else None
    cell, gates = Cell(W, U, b, c), np.zeros((T, B, of.gates, H))
    y, last = reference.forward(x, h, cell, of, gates=gates)
    dx, dh, (dW, dU, db, _) = reference.backward(np.ones_like(y), None, x, h, cell, y, gates, of)
    assert dx is not None
    return {"y": y, "last": last, "dx": dx, "dh": dh, "dW": dW, "dU": dU, "db": db}


def swapped(U: Array) -> Array:
    r, z, n = np.split(U, 3)
    return np.concatenate([z, r, n])


def stale(b: Array) -> Array:
    """One bias as it was before an update of one per mille."""
    b = b.copy()
    b[0] *= 1.001
    return b


def one_nan(a: Array) -> Array:
    a = a.copy()
    a.flat[-1] = np.nan
    return a


FAULTS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "a gate swapped for another": ("dU", swapped),
    "a wrong sign": ("dW", lambda a: -a),
    "a stale bias": ("db", stale),
    "a NaN": ("y", one_nan),
    "a step late": ("y", lambda a: np.roll(a, 1, axis=0)),
    "another row's state": ("last", lambda a: a[::-1]),
    "another dtype": ("dx", lambda a: a.astype(np.float32)),
    "an axis too many": ("dh", lambda a: a[None]),
    "one row for all": ("dh", lambda a: a[:1]),
}


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_fail(fault: str, convention: str) -> None:
    name, plant = FAULTS[fault]
    right = case(convention)[name]
    assert_close(right.copy(), right)
    with pytest.raises(AssertionError):
        assert_close(plant(right), right)


def test_nan_on_both_sides_fails() -> None:
    with pytest.raises(AssertionError, match="error inf"):
        assert_close(np.array([np.nan]), np.array([np.nan]))


def test_error_is_relative_to_the_largest() -> None:
    assert error([1.0, 3.0], [1.0, 4.0]) == 0.25
    assert error([0.0], [0.0]) == 0.0
    assert error([1e-300], [0.0]) == np.inf


def test_a_hair_over_the_limit_fails_and_says_by_how_much() -> None:
    most = limit("answer")
    assert round(assert_close(np.array([1.0 + most / 2, 0.0]), np.array([1.0, 0.0]), "answer"), 6) == 0.5
    with pytest.raises(AssertionError, match=r"last: error 2.000e-06, limit 1e-06"):
        assert_close(np.array([1.0 + 2 * most]), np.array([1.0]), "answer", "last")
    with pytest.raises(AssertionError, match="exact"):
        assert_close(np.array([1.0 + 3e-16]), np.array([1.0]), "exact")


def test_what_must_differ_is_told_from_what_must_not() -> None:
    one = np.array([1.0, 2.0])
    assert_apart(one + limit("another") * 2, one, "another")
    with pytest.raises(AssertionError, match="the limit 1e-02 would not see it"):
        assert_apart(one + limit("another") / 2, one, "another")
    with pytest.raises(AssertionError, match="shape"):
        assert_apart(one[:1], one, "another")
    with pytest.raises(AssertionError, match="not finite"):
        assert_apart(one_nan(one), one, "another")


def test_plain_numbers_take_the_others_dtype_and_arrays_do_not() -> None:
    assert_close(np.array([0.1], np.float32), [0.1], "exact")
    assert_close([0.1], np.array([0.1], np.float32), "exact")
    with pytest.raises(AssertionError, match="dtype float32, expected float64"):
        assert_close(np.array([0.5], np.float32), np.array([0.5]), "exact")
    with pytest.raises(KeyError):
        assert_close(one_nan(np.zeros(2)), np.zeros(2), "a kind that nobody gave a reason for")


@pytest.mark.parametrize("kind", compare.ABSOLUTE)
def test_absolute_kinds_see_what_is_beyond_them(kind: str) -> None:
    most = limit(kind)
    assert_close(np.array([0.0, most]), np.zeros(2), kind)
    for wrong in (np.array([0.0, -1.01 * most]), one_nan(np.zeros(2)), np.zeros(3)):
        with pytest.raises(AssertionError):
            assert_close(wrong, np.zeros(2), kind)


@pytest.mark.parametrize("kind", ["equation", "same", "gradient", "engine", "derivative", "second", "norm", "trained"])
def test_a_lower_precision_is_seen(kind: str) -> None:
    """Numbers cut short to float32, or float16, somewhere on the way."""
    exact = case("torch")["y"]
    assert_apart(exact.astype(np.float32).astype(np.float64), exact, kind)
    if (kind, "float32") in compare.TOLERANCES:
        single = exact.astype(np.float32)
        assert_apart(single.astype(np.float16).astype(np.float32), single, kind)


@pytest.mark.parametrize("kind", ["answer", "total", "carried", "rounded"])
def test_float16_is_seen_where_float32_is_promised(kind: str) -> None:
    single = case("torch")["y"].astype(np.float32)
    assert_apart(single.astype(np.float16).astype(np.float32), single, kind)


# A tolerance as it is written where it does not belong.
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"
LITERAL = re.compile(
    rf"\b(?:atol|rtol|rel|abs|decimal|significant)\s*=\s*{NUMBER}"  # of a comparison
    rf"|(?:all|is)close\(|\bapprox\(|testing\.assert_close\("  # with tolerances of their own
    rf"|[<>]=?\s*{NUMBER}e-\d"
    rf"|\babs\([^<>]*[<>]=?\s*\d*\.\d+\b(?!\s*\*)"
    rf"|[<>]=?\s*{NUMBER}\s*\*\s*\S*\beps\b"
    rf"|^\s*\w*(?:LIMIT|TOLERANCE)\w*\s*(?::[^=]*)?=\s*{NUMBER}",
    re.MULTILINE,
)
PLANTED = [
    "np.testing.assert_allclose(a, b, atol=1e-3)",
    "np.testing.assert_allclose(a, b)",
    "assert torch.allclose(a, b)",
    "torch.testing.assert_close(a, b)",
    "assert x == pytest.approx(2)",
    "np.testing.assert_almost_equal(a, b, decimal=3)",
    "assert error(a, b) < 1e-3",
    "assert np.abs(a - b).max() <= 2.5e-06",
    "assert abs(a - 1) < 0.01",
    "assert (a - b).abs().max() < 20 * torch.finfo(dtype).eps",
    "LIMIT = 1e-13",
    "LIMITS: dict[str, float] = 2e-6",
]
FREE = [
    "assert np.abs(x).max() <= 1",
    "assert 0.9 < accuracy",
    "assert (np.abs(answers - y).mean(0) < 0.4 * y.std(0)).all()",
    'assert e < limit("same")',
    "mask = rng.random((T, B)) < 0.7",
    "settings = Settings(learning_rate=1e-2)",
]


def test_no_tolerance_stands_outside_the_table() -> None:
    for line in PLANTED:
        assert LITERAL.search(line), line
    for line in FREE:
        assert not LITERAL.search(line), line
    here = Path(__file__)
    files = [path for path in here.parent.glob("*.py") if path.name not in (here.name, "compare.py")]
    assert len(files) > 60
    found = []
    for path in files:
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if LITERAL.search(line):
                found.append(f"{path.name}:{n}: {line.strip()}")
    assert found == []


def test_every_kind_of_the_table_is_used() -> None:
    """A limit that nothing asks for is a limit that nobody checks."""
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("[!c]*.py"))
    kinds = {kind for kind, _ in compare.TOLERANCES} | set(compare.ABSOLUTE)
    assert {kind for kind in kinds - {"bfloat16", "float16", "float32"} if f'"{kind}"' not in text} == set()
    assert not {kind for kind, _ in compare.TOLERANCES} & set(compare.ABSOLUTE)


def test_every_limit_stands_under_its_reason() -> None:
    lines = Path(compare.__file__).read_text(encoding="utf-8").splitlines()
    entry = re.compile(r"    (?:\(\"|\").*: .*,$")
    bare = [b for a, b in itertools.pairwise(lines) if entry.match(b) and not (a.startswith("    #") or entry.match(a))]
    assert sum(bool(entry.match(line)) for line in lines) == len(compare.TOLERANCES) + len(compare.ABSOLUTE)
    assert bare == []
