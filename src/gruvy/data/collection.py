"""Sequences: what files, frames and named data sets are turned into, and what estimators are fed from."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gruvy.arrays import as_sequences, check_targets
from gruvy.errors import DataError, InputError


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """N sequences of unequal length, with their targets, names and groups.

    Arguments:
        x: N float arrays (T_i, I), steps by channels (anything that `as_sequences` takes).
        y: N labels or numbers, (N, K) numbers, one array per sequence with one target per step, or None.
        ids: N names; by default "0", "1", ...
        groups: N group names; the sequences of one group stay on one side of every split. None: no groups.
        features: I names of the channels; by default "x0", "x1", ...
        target: names of the targets; empty where they have none.
        notes: what was guessed while reading, a sentence each.
        found: the options of `gruvy.data.read` that were found while reading and have other data read alike:
            `read(new, **s.found)`. Empty where there are none.

    Raises:
        DataError: the sequences are not usable, or the counts of the others do not fit them.

    >>> s = Sequences([[[1.0], [2.0]], [[3.0]]], y=["up", "down"])
    >>> s
    Sequences(2 of 1 to 2 steps, 1 channel: x0; y: down 1, up 1)
    >>> s.select([1]).ids
    ['1']
    """

    x: list[NDArray[np.floating]]
    y: NDArray[Any] | None = None
    ids: list[str] = field(default_factory=list)
    groups: NDArray[Any] | None = None
    features: list[str] = field(default_factory=list)
    target: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        x = as_sequences(self.x, name="x", allow_empty=True, dtype=None)
        count, channels = len(x), x[0].shape[1]
        ids = [str(name) for name in self.ids] if len(self.ids) else [str(i) for i in range(count)]
        features = [str(name) for name in self.features] if len(self.features) else [f"x{i}" for i in range(channels)]
        if len(ids) != count:
            raise DataError(f"ids has {len(ids)} names, x has {count} sequences; expected one name per sequence")
        if len(features) != channels:
            have = f"features has {len(features)} names, x has {channels} channels"
            raise DataError(f"{have}; expected one name per channel")
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "features", features)
        if self.y is not None:
            object.__setattr__(self, "y", check_targets(self.y, count, of="x"))
        if self.groups is not None:
            groups = np.asarray(self.groups)
            if groups.shape != (count,):
                raise DataError(
                    f"groups has shape {groups.shape}, x has {count} sequences; expected one group per sequence"
                )
            object.__setattr__(self, "groups", groups)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many steps each sequence has: (N,)."""
        return np.array([len(x) for x in self.x], dtype=np.int64)

    @property
    def channels(self) -> int:
        """I, the number of channels of every sequence."""
        return len(self.features)

    def select(self, indices: ArrayLike) -> Sequences:
        """The sequences at these positions (or where a mask (N,) is True), in the order given.

        Raises:
            InputError: no position is given, or one that does not exist.
        """
        chosen = np.asarray(indices)
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise InputError(f"indices has shape {chosen.shape}; a mask must have shape ({len(self)},)")
            chosen = np.flatnonzero(chosen)
        chosen = np.atleast_1d(chosen)
        if chosen.size == 0:
            raise InputError("indices is empty; at least 1 sequence is expected")
        if chosen.min() < -len(self) or chosen.max() >= len(self):
            raise InputError(f"indices reaches from {chosen.min()} to {chosen.max()}; there are {len(self)} sequences")
        return Sequences(
            [self.x[i] for i in chosen],
            y=None if self.y is None else self.y[chosen],
            ids=[self.ids[i] for i in chosen],
            groups=None if self.groups is None else self.groups[chosen],
            features=self.features,
            target=self.target,
            notes=self.notes,
            found=self.found,
        )

    def __repr__(self) -> str:
        channels = plural(self.channels, "channel")
        parts = [f"{len(self)} of {span(self.lengths)}, {channels}: {some(self.features, 4)}"]
        if self.y is not None:
            told = f"shape {self.y.shape}" if self.y.ndim > 1 else described(self.y)
            parts.append(f"{some(self.target, 4) or 'y'}: {told}")
        if self.groups is not None:
            parts.append(f"{len(set(self.groups.tolist()))} groups")
        return f"Sequences({'; '.join(parts)})"


def plural(count: int, one: str) -> str:
    """`1 sequence`, `3 sequences`."""
    return f"{count:,} {one if count == 1 else one + 's'}"


def span(lengths: NDArray[np.int64]) -> str:
    """`3 steps`, `1 to 3 steps`: how long sequences are."""
    shortest, longest = int(lengths.min()), int(lengths.max())
    return plural(longest, "step") if shortest == longest else f"{shortest:,} to {plural(longest, 'step')}"


def some(names: Ordered[str], most: int) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def described(y: NDArray[Any]) -> str:
    """Targets: how often each label comes, or the range of the numbers."""
    if y.dtype == object and len(y) and np.ndim(y[0]):
        several = f", {np.shape(y[0])[1]} at each step" if np.ndim(y[0]) > 1 else " at the steps"
        return described(np.concatenate(list(y))) + several
    values, counts = np.unique(y, return_counts=True)
    if y.dtype.kind in "iuf" and (y.dtype.kind == "f" or y.ndim > 1 or len(values) > 20):
        return f"{values[0]:.4g} to {values[-1]:.4g}"
    return some([f"{value} {count:,}" for value, count in zip(values, counts, strict=True)], 12)
