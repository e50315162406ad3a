"""The real sets inside installed packages, as sequences; and parts of their training data to choose by."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

import gruvy

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Part:
    """N sequences (T_i, I), and their targets (N,)."""

    x: list[Array]
    y: Array


@dataclass(frozen=True)
class Set:
    """task: "classify" or "regress"."""

    name: str
    task: str
    train: Part
    test: Part

    def chosen_by(self, seed: int) -> tuple[Part, Part]:
        """70 % of the training part to learn from, 30 % to choose by."""
        rows = np.arange(len(self.train.y))
        strata = self.train.y if self.task == "classify" else None
        learn, judge = train_test_split(rows, test_size=0.3, random_state=seed, stratify=strata)
        return _rows(self.train, learn), _rows(self.train, judge)


def _rows(part: Part, rows: Array) -> Part:
    return Part([part.x[i] for i in rows], part.y[rows])


def _aeon(loader: str) -> Callable[[], tuple[Part, Part]]:
    def load() -> tuple[Part, Part]:
        import aeon.datasets

        def part(split: str) -> Part:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # two of the sets leave aeon's wheel with 1.7
                x, y = getattr(aeon.datasets, loader)(split=split)
            return Part([np.asarray(series.T, np.float32) for series in x], np.asarray(y))

        return part("train"), part("test")

    return load


def _named(name: str) -> Callable[[], tuple[Part, Part]]:
    def load() -> tuple[Part, Part]:
        found = gruvy.data.load(name)
        train, test = (
            Part([np.asarray(x, np.float32) for x in p.x], np.asarray(p.y)) for p in (found.train, found.test)
        )
        return train, test

    return load


_SETS: dict[str, tuple[str, Callable[[], tuple[Part, Part]]]] = {
    "ACSF1": ("classify", _aeon("load_acsf1")),
    "ArrowHead": ("classify", _aeon("load_arrow_head")),
    "BasicMotions": ("classify", _aeon("load_basic_motions")),
    "CardanoSentiment": ("regress", _aeon("load_cardano_sentiment")),
    "Covid3Month": ("regress", _aeon("load_covid_3month")),
    "GunPoint": ("classify", _aeon("load_gunpoint")),
    "ItalyPowerDemand": ("classify", _aeon("load_italy_power_demand")),
    "JapaneseVowels": ("classify", _aeon("load_japanese_vowels")),
    "OSULeaf": ("classify", _aeon("load_osuleaf")),
    "PickupGestureWiimoteZ": ("classify", _aeon("load_pickup_gesture_wiimoteZ")),
    "UnitTest": ("classify", _aeon("load_unit_test")),
    "adding": ("regress", _named("adding")),
    "digits": ("classify", _named("digits")),
    "mnist1d": ("classify", _named("mnist1d")),
    "spoken-digits": ("classify", _named("spoken-digits")),
}
NAMES = tuple(_SETS)
HALVES = NAMES[::2], NAMES[1::2]  # fixed before anything was looked at: every other name


def load(name: str) -> Set:
    """A set by its name."""
    task, make = _SETS[name]
    train, test = make()
    return Set(name, task, train, test)
