"""How a table holds its sequences, as one tells it: which columns are what, and how steps become sequences."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

from gruvy.checks import whole
from gruvy.data.table import DECIMALS
from gruvy.errors import InputError
from gruvy.model.sound import SoundFeatures

RULES = ("error", "forward", "backward", "linear", "mean", "zero", "drop")  # what may be done with gaps


@dataclass(frozen=True)
class Options:
    """The options of `gruvy.sequences` and `gruvy.data.read`, which explains them, checked.

    Raises:
        InputError: an option is none of those there are, out of its range, or does not go with another.
    """

    id: str | None = None
    time: str | None = None
    target: str | Ordered[str] | None = None
    features: Ordered[str] | None = None
    group: str | None = None
    ignore: Ordered[str] = ()
    drop: str | Ordered[str] = ()
    wide: bool = False
    window: int | None = None
    step: int | None = None
    missing: str = "error"
    indicator: bool | Ordered[str] = False
    na: str | Ordered[str] = ()
    one_hot: str | Ordered[str] | Mapping[str, Ordered[str]] = ()
    decimal: str | None = None
    encoding: str | None = None
    target_at: str = "constant"
    sound: SoundFeatures | Mapping[str, Any] | None = None
    labels: str | Path | None = None
    background: str | None = None

    def __post_init__(self) -> None:
        for name, given, known in (
            ("missing", self.missing, RULES),
            ("target_at", self.target_at, ("constant", "last", "each")),
            ("decimal", self.decimal or ".", DECIMALS),
        ):
            if given not in known:
                *others, last = [f'"{value}"' for value in known]
                raise InputError(f"{name}={given!r}: expected {', '.join(others)} or {last}")
        for name, steps in (("window", self.window), ("step", self.step)):
            if steps is not None:
                whole(name, steps, 1)
        if self.step is not None and self.window is None:
            raise InputError(f"step={self.step}: expected window= (--window) with it")
        if self.indicator is True and self.missing in ("error", "drop"):
            raise InputError(
                f'indicator=True (--indicator) with missing="{self.missing}": expected a rule that fills gaps, '
                'such as missing="linear" (--missing linear)'
            )
        for name, said in (("labels", self.labels), ("background", self.background)):
            if said is not None and self.target_at != "each":
                raise InputError(f'{name}={str(said)!r}: expected target_at="each" (--task tag) with it')
        if self.labels is not None and self.target is not None:
            raise InputError(f"labels={str(self.labels)!r}: gives the target; expected no target= (--target) with it")
        self._check_roles()
        if self.encoding is not None:
            try:
                TextIOWrapper(BytesIO(), encoding=self.encoding)
            except (LookupError, ValueError, TypeError):
                raise InputError(
                    f"encoding={self.encoding!r}: expected the name of an encoding, such as utf-8 or latin-1"
                ) from None

    def _check_roles(self) -> None:
        """A column that is left out is nothing else, and one that is made one-hot is a feature."""
        others = {"id": self.id, "time": self.time, "group": self.group}
        roles = {name: [column] for name, column in others.items() if column is not None}
        roles |= {"target": self.targets}
        for name, columns, taken in (
            ("drop", self.dropped, {**roles, "features": self.chosen, "one_hot": list(self.categories)}),
            ("one_hot", list(self.categories), roles),
        ):
            for column in columns:
                other = next((role for role, its in taken.items() if column in its), None)
                if other is not None:
                    raise InputError(f"{name}={column!r}: expected another column than that of {other}")

    @property
    def targets(self) -> list[str]:
        """The columns with the targets; none where there are none."""
        return each(self.target)

    @property
    def chosen(self) -> list[str]:
        """The features that are asked for by name; none for all that are left."""
        return each(self.features)

    @property
    def dropped(self) -> list[str]:
        """The columns that are left out."""
        return each(self.drop)

    @property
    def gap_texts(self) -> list[str]:
        """What means a gap in the channels, beside what always does."""
        return each(self.na)

    @property
    def categories(self) -> dict[str, list[str]]:
        """The columns that become one channel per category: with the categories, none for those that are there."""
        if isinstance(self.one_hot, Mapping):
            return {column: list(known) for column, known in self.one_hot.items()}
        return {column: [] for column in each(self.one_hot)}

    @property
    def taken(self) -> set[str]:
        """The columns that are something else than an id or a time."""
        others = [*self.targets, *self.chosen, *self.dropped, *self.categories]
        return {*others, *([self.group] if self.group else [])}


def each(names: str | Ordered[str] | None) -> list[str]:
    """One name or several as a list."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)
