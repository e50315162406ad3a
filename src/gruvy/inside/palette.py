"""The colours of the figures and of the pages, each once.

They survive colour blindness: cividis for what runs from 0 to 1, blue through neutral to vermilion for what has a sign,
for lines the palette of Okabe and Ito, its light colours darkened until each stands out 3 to 1 in both themes.
"""

from __future__ import annotations

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#C05F93", "#B07400", "#2A8DC7")  # for lines, in this order
NAMES = ("blue", "vermilion", "green", "pink", "orange", "sky")
BLUE, VERMILION = COLOURS[:2]
# Of the quantities of a step, in the cell's drawings and beside the equations.
QUANTITIES = {"x": COLOURS[5], "h": COLOURS[0], "z": COLOURS[4], "r": COLOURS[2], "n": COLOURS[3]}
# cividis, ten stops
SEQUENTIAL = (
    "#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838",
)  # fmt: skip
THEMES = {
    "light": {
        "template": "plotly_white", "paper": "#ffffff", "ink": "#1b212b", "middle": "#f6f6f3", "wire": "#bec2c8",
    },
    "dark": {
        "template": "plotly_dark", "paper": "#191f28", "ink": "#e8ebef", "middle": "#202630", "wire": "#5c6676",
    },
}  # fmt: skip


def rgb(colour: str) -> list[int]:
    """Red, green and blue, 0 to 255.

    Example:
        >>> rgb("#0072B2")
        [0, 114, 178]
    """
    return list(bytes.fromhex(colour[1:]))


def contrast(one: str, other: str) -> float:
    """How far two colours stand apart, from 1 to 21, as the Web Content Accessibility Guidelines count it.

    Example:
        >>> contrast("#000000", "#ffffff")
        21.0
    """
    dim, bright = sorted(map(_luminance, (one, other)))
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    parts = [v / 255 for v in rgb(colour)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(share * v for share, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def css() -> str:
    """The colours as properties of a page's style: ``var(--blue)``, ``var(--line-0)``; those of a theme too."""
    named = dict(zip(NAMES, COLOURS, strict=True)) | {f"line-{i}": c for i, c in enumerate(COLOURS)}
    named |= {f"of-{name}": colour for name, colour in QUANTITIES.items()}
    named |= {"negative": BLUE, "positive": VERMILION, "sequential": ", ".join(SEQUENTIAL)}
    light, dark = (
        {"card": look["paper"], "ink": look["ink"], "middle": look["middle"], "wire": look["wire"]}
        for look in THEMES.values()
    )
    return f':root {{{_lines(named | light)} }}\n:root[data-theme="dark"] {{{_lines(dark)} }}\n'


def _lines(properties: dict[str, str]) -> str:
    return "".join(f" --{name}: {value};" for name, value in properties.items())
