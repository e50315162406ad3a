"""Hold-out splits: shares, classes, groups, and what cannot be split."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gruvy.data import Sequences, guess_task, split
from gruvy.errors import DataError, InputError

pytest.importorskip("sklearn")


def made(count, **options):
    return Sequences(np.arange(float(count)).reshape(count, 1), **options)


def test_classes_keep_their_shares():
    s = made(100, y=["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    train, test = split(s)
    assert Counter(test.y.tolist()) == {"a": 12, "b": 6, "c": 2}
    assert Counter(train.y.tolist()) == {"a": 48, "b": 24, "c": 8}


@pytest.mark.parametrize("y", [None, np.linspace(0, 1, 40), np.zeros((40, 2)), np.arange(40)])
@pytest.mark.parametrize("share", [0.01, 0.25, 0.99])
def test_shares_without_classes(y, share):
    train, test = split(made(40, y=y), share)
    assert len(test) == {0.01: 1, 0.25: 10, 0.99: 39}[share]
    assert sorted(train.ids + test.ids, key=int) == [str(i) for i in range(40)]
    assert [int(i) for i in test.ids] == sorted(int(i) for i in test.ids)


def test_seeds():
    s = made(50, y=[0, 1] * 25)
    assert split(s, seed=3)[1].ids == split(s, seed=3)[1].ids
    assert split(s, seed=3)[1].ids != split(s, seed=4)[1].ids


@given(
    sizes=st.lists(st.integers(1, 8), min_size=2, max_size=12),
    share=st.sampled_from([0.1, 0.2, 0.5, 0.8]),
    kind=st.sampled_from(["none", "classes", "numbers"]),
    seed=st.integers(0, 1000),
)
def test_a_group_is_never_on_both_sides(sizes, share, kind, seed):
    groups = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
    rng = np.random.default_rng(seed)
    y = {"none": None, "classes": rng.choice(["u", "v"], len(groups)), "numbers": rng.random(len(groups))}[kind]
    try:
        train, test = split(made(len(groups), y=y, groups=groups), share, seed)
    except DataError:
        assert kind == "classes"  # one of them in too few groups; its text is tested below
        return
    assert not set(train.groups) & set(test.groups)
    assert len(train) + len(test) == len(groups)
    assert len(train)
    assert len(test)
    if kind == "classes":
        assert set(y.tolist()) == set(train.y.tolist())


def test_groups_and_classes_together():
    groups = np.repeat(np.arange(20), 10)
    y = np.where(groups % 4 == 0, "rare", "common")  # a class a group: 5 groups of one, 15 of the other
    train, test = split(made(200, y=y, groups=groups), 0.2)
    assert Counter(test.y.tolist()) == {"rare": 10, "common": 30}
    assert Counter(train.y.tolist()) == {"rare": 40, "common": 120}


def test_a_large_share_of_groups_is_held_out():
    groups = np.repeat(np.arange(20), 10)
    y = np.tile([0, 1], 100)
    assert len(split(made(200, y=y, groups=groups), 0.8)[1]) == 160


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classify"),
        ([True, False], "classify"),
        ([0, 1, 0, 1], "classify"),
        ([0.0, 1.0, 0.0, 1.0], "classify"),
        (list(range(20)) * 2, "classify"),
        (list(range(21)) * 2, "regress"),
        ([0, 1, 2, 3], "regress"),
        ([0.5, 1.0, 0.5, 1.0], "regress"),
        ([[0, 1], [1, 0]], "regress"),
    ],
)
def test_which_task(y, task):
    assert guess_task(y) == task


def test_a_label_a_step_is_a_tag():
    assert guess_task(Sequences(np.zeros((2, 3)), y=[np.zeros(2), np.zeros(3)]).y) == "tag"


@pytest.mark.parametrize(
    ("sequences", "options", "error", "text"),
    [
        (made(4), {"test": 0}, InputError, "test=0: expected a share between 0 and 1"),
        (made(4), {"test": 1.5}, InputError, "test=1.5: expected a share between 0 and 1"),
        (made(4), {"test": float("nan")}, InputError, "test=nan: expected a share between 0 and 1"),
        (made(1), {}, DataError, "there is 1 sequence; a split needs at least 2"),
        (
            made(5, y=["a", "a", "a", "a", "b"]),
            {},
            DataError,
            "class 'b' has 1 sequence; a split needs 2 of every class; stratify=False splits without regard to classes",
        ),
        (
            made(9, y=["a", "b", "c"] * 3),
            {},
            DataError,
            "test=0.2 of 9 sequences leaves 2 on one side, fewer than the 3 classes; "
            "stratify=False splits without regard to classes",
        ),
        (
            made(4, groups=["p"] * 4),
            {},
            DataError,
            "all sequences are of one group, 'p'; a split needs at least 2 groups",
        ),
        (
            made(6, y=["a", "a", "b", "b", "c", "c"], groups=["p", "p", "q", "q", "r", "r"]),
            {},
            DataError,
            "class 'a' is in too few groups to be on both sides of a split; "
            "stratify=False splits without regard to classes",
        ),
    ],
)
def test_refusals(sequences, options, error, text):
    with pytest.raises(error) as refusal:
        split(sequences, **options)
    assert str(refusal.value) == text


def test_refused_classes_split_freely():
    train, test = split(made(5, y=["a", "a", "a", "a", "b"]), stratify=False)
    assert (len(train), len(test)) == (4, 1)
