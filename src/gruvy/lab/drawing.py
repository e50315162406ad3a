"""The GRU's cell as a drawing, with the numbers of one unit at one step written where they arise."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

# One mark a quantity: Okabe & Ito's colours, and a letter beside each line, so that colour is never the only sign.
_COLOURS = {"h": "#555555", "x": "#0072B2", "z": "#009E73", "r": "#D55E00", "n": "#AA4499"}
_WIDTH, _HEIGHT = 760, 400


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
    given = dict(values or {})

    def number(key: str, letter: str) -> str:
        return f"{letter} = {given[key]:.2f}" if key in given else letter

    parts = [
        # state: from left to right, kept by 1 - z, then the candidate added by z
        _path("h", "M40 70 H305", arrow=True), _path("h", "M335 70 H545", arrow=True),
        _path("h", "M575 70 H715", arrow=True),
        # what feeds the gates: the old state and the input
        _path("h", "M90 70 V358"), _path("x", "M50 370 H470 V345", arrow=True), _path("x", "M170 370 V345", arrow=True),
        _path("x", "M320 370 V267", arrow=True),
        _path("h", "M90 330 H143", arrow=True), _path("h", "M90 358 H455 V345", arrow=True),
        _path("h", "M90 240 H155", arrow=True),
        # reset gate into the product, the product into the candidate
        _path("r", "M170 315 V256", arrow=True), _path("r", "M186 240 H295", arrow=True),
        # update gate: 1 - z to the state, z to the candidate
        _path("z", "M470 315 V170"), _path("z", "M470 170 H335", arrow=True),
        _path("z", "M320 155 V86", arrow=True), _path("z", "M470 170 H544", arrow=True),
        # candidate to its product with z, and up to the sum
        _path("n", "M345 240 H560 V186", arrow=True), _path("n", "M560 154 V86", arrow=True),
        # products and sum
        _knot(320, 70, "∘"), _knot(560, 70, "+"), _knot(170, 240, "∘"), _knot(560, 170, "∘"), _knot(320, 170, "1−"),
        _box(170, 330, "σ", "r"), _box(470, 330, "σ", "z"), _box(320, 250, "tanh", "n"),
        _text(36, 58, number("h", "h"), "h", "start", "the old state"),
        _text(724, 58, number("new", "h′"), "h", "end", "the new state"),
        _text(44, 390, "x", "x", "start", "the input"),
        _text(196, 300, number("r", "r"), "r", "start", "reset gate"),
        _text(490, 296, number("z", "z"), "z", "start", "update gate"),
        _text(355, 228, number("n", "h̃"), "n", "start"), _text(484, 258, "", "n", "start", "h̃ is the candidate"),
    ]  # fmt: skip
    if {"h", "z", "n"} <= given.keys():
        kept, added = (1 - given["z"]) * given["h"], given["z"] * given["n"]
        parts += [
            _text(345, 58, f"(1 − z) h = {kept:.2f}", "h", "start"), _text(572, 132, f"z h̃ = {added:.2f}", "n", "start")
        ]  # fmt: skip
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" width="100%" '
        f'style="max-width:{_WIDTH}px;background:#ffffff" font-family="sans-serif" font-size="14">'
    )
    arrows = "".join(
        f'<marker id="to-{key}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
        for key, colour in _COLOURS.items()
    )
    name = f'<text x="36" y="24" font-size="16" font-weight="bold">{escape(title)}</text>'
    return Drawing(f"{head}<title>{escape(title)}</title><defs>{arrows}</defs>{name}{''.join(parts)}</svg>")


def _path(key: str, d: str, arrow: bool = False) -> str:
    end = f' marker-end="url(#to-{key})"' if arrow else ""
    return f'<path d="{d}" fill="none" stroke="{_COLOURS[key]}" stroke-width="2"{end}/>'


def _knot(x: int, y: int, sign: str) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="15" fill="#ffffff" stroke="#222222" stroke-width="1.5"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle">{sign}</text>'
    )


def _box(x: int, y: int, sign: str, key: str) -> str:
    return (
        f'<rect x="{x - 25}" y="{y - 15}" width="50" height="30" rx="4" fill="#ffffff" stroke="{_COLOURS[key]}" '
        f'stroke-width="2"/><text x="{x}" y="{y + 5}" text-anchor="middle">{sign}</text>'
    )


def _text(x: int, y: int, text: str, key: str, anchor: str, more: str = "") -> str:
    tail = f'<tspan font-size="12" fill="#555555"> {escape(more)}</tspan>' if more else ""
    return (
        f'<text x="{x}" y="{y}" fill="{_COLOURS[key]}" text-anchor="{anchor}">'
        f'<tspan font-weight="bold">{escape(text)}</tspan>{tail}</text>'
    )
