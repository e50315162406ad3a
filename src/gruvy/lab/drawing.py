"""The GRU's cell as a drawing, with the numbers of one unit at one step written where they arise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2

from ..inside.palette import QUANTITIES


class Drawing(str):
    """An SVG that a notebook shows."""

    def _repr_svg_(self) -> str:
        return str(self)


def cell(values: Mapping[str, float] | None = None, title: str = "One step of the GRU") -> Drawing:
    """Draw the tutorial's cell: the state along the top, the gates and the candidate below.

    Args:
        values: numbers of one unit to write into it, any of ``"h"`` (the old state), ``"z"``, ``"r"``, ``"n"`` (the
            candidate) and ``"new"`` (the new state); None draws the letters alone.
        title: read out to those who do not see it, and written above.

    Returns:
        An SVG, as a string that a notebook draws.

    Source: the equations of `gruvy.reference.tutorial_step`.

    Example:
        >>> cell({"z": 0.25}).count("z = 0.25")
        1
    """
    source = Path(__file__).with_name("cell.svg").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True).from_string(source)
    return Drawing(template.render(values=values or {}, title=title, colours=QUANTITIES))
