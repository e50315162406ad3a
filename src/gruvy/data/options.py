"""How a table holds its sequences, as one tells it: which columns are what, and how steps become sequences."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from dataclasses import dataclass

from gruvy.checks import whole
from gruvy.errors import InputError


@dataclass(frozen=True)
class Options:
    """The options of `gruvy.sequences` and `gruvy.data.read`, which explains them, checked.

    Raises:
        InputError: an option is none of those there are, or out of its range.
    """

    id: str | None = None
    time: str | None = None
    target: str | Ordered[str] | None = None
    features: Ordered[str] | None = None
    group: str | None = None
    ignore: Ordered[str] = ()
    wide: bool = False
    window: int | None = None
    step: int | None = None
    missing: str = "error"
    target_at: str = "constant"

    def __post_init__(self) -> None:
        for name, given, known in (
            ("missing", self.missing, ("error", "forward")),
            ("target_at", self.target_at, ("constant", "last")),
        ):
            if given not in known:
                raise InputError(f'{name}={given!r}: expected "{known[0]}" or "{known[1]}"')
        for name, steps in (("window", self.window), ("step", self.step)):
            if steps is not None:
                whole(name, steps, 1)
        if self.step is not None and self.window is None:
            raise InputError(f"step={self.step}: expected window= (--window) with it")

    @property
    def targets(self) -> list[str]:
        """The columns with the targets; none where there are none."""
        return _each(self.target)

    @property
    def chosen(self) -> list[str]:
        """The features that are asked for by name; none for all that are left."""
        return _each(self.features)

    @property
    def taken(self) -> set[str]:
        """The columns that are something else than an id or a time."""
        return {*self.targets, *self.chosen, *([self.group] if self.group else [])}


def _each(names: str | Ordered[str] | None) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)
