"""The colours of the figures and of the explorer's page, each once.

They survive colour blindness: cividis for what runs from 0 to 1, blue through neutral to vermilion for what has a sign,
the palette of Okabe and Ito for lines.
"""

from __future__ import annotations

import json
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # for lines, in this order
NAMES = ("blue", "vermilion", "green", "pink", "orange", "sky")
BLUE, VERMILION = COLOURS[:2]
THEMES = {
    "light": {"template": "plotly_white", "paper": "#ffffff", "ink": "#1b212b", "middle": "#f6f6f3"},
    "dark": {"template": "plotly_dark", "paper": "#191f28", "ink": "#e8ebef", "middle": "#202630"},
}


def rgb(colour: str) -> list[int]:
    """Red, green and blue, 0 to 255.

    Example:
        >>> rgb("#0072B2")
        [0, 114, 178]
    """
    return list(bytes.fromhex(colour[1:]))


def css() -> str:
    """The colours as properties of the page's style: ``var(--blue)``; those of a theme too."""
    lines = "".join(f" --{name}: {colour};" for name, colour in zip(NAMES, COLOURS, strict=True))
    light, dark = (f" --card: {look['paper']}; --ink: {look['ink']};" for look in THEMES.values())
    return f':root {{{lines}{light} }}\n:root[data-theme="dark"] {{{dark} }}\n'


def script() -> str:
    """The colours as constants of the page's scripts: PALETTE by name, LINES in order, NEUTRAL by theme."""
    neutral = {name: rgb(look["middle"]) for name, look in THEMES.items()}
    constants: dict[str, Any] = {
        "PALETTE": dict(zip(NAMES, COLOURS, strict=True)),
        "LINES": COLOURS,
        "NEUTRAL": neutral,
    }
    constants |= {"BLUE": rgb(BLUE), "VERMILION": rgb(VERMILION)}
    return '"use strict";\n' + "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
