"""What every figure shares: its frame, and a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..extras import need
from .palette import BLUE, COLOURS, THEMES, VERMILION

if TYPE_CHECKING:
    import plotly.graph_objects as go

Array = np.ndarray[Any, Any]


def frame(title: str, theme: str, x: str, y: str, **layout: Any) -> go.Figure:
    """A figure with nothing in it; x and y are the titles of its axes, `layout` is plotly's."""
    if theme not in THEMES:
        raise InputError(f'theme={theme!r}: expected "light" or "dark"')
    go, look = need("plotly.graph_objects"), THEMES[theme]
    return go.Figure(
        layout={
            "title": {"text": title, "x": 0, "xref": "paper", "font": {"size": 18}},
            "template": look["template"],
            "paper_bgcolor": look["paper"],
            "plot_bgcolor": look["paper"],
            "font": {"color": look["ink"], "size": 14},
            "margin": {"l": 70, "r": 30, "t": 84, "b": 60},
            "xaxis": {"title": x, "zeroline": False},
            "yaxis": {"title": y, "zeroline": False},
            "colorway": COLOURS,
            "legend": {"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom"},
            **layout,
        }
    )


def heat(values: Array, bar: str, hover: str, *, signed: str | None = None, **more: Any) -> dict[str, Any]:
    """A heat map of values (rows, columns) from 0 to 1, or with `signed`, the theme, from -size to size.

    Args: bar, the title of the colour bar; hover, the text beside the pointer; more, plotly's.
    """
    scale: dict[str, Any] = {"colorscale": "Cividis", "zmin": 0, "zmax": 1}
    if signed is not None:
        size = float(np.nanmax(np.abs(values), initial=0)) or 1.0
        colours = [[0, BLUE], [0.5, THEMES[signed]["middle"]], [1, VERMILION]]
        scale = {"colorscale": colours, "zmin": -size, "zmax": size}
    said = {"colorbar": {"title": {"text": bar, "side": "right"}}, "hovertemplate": hover + "<extra></extra>"}
    return {"type": "heatmap", "z": values, **scale, **said, **more}


def check_place(name: str, value: int, count: int) -> None:
    """An index of one of `count` things."""
    if not 0 <= value < count:
        raise InputError(f"{name}: {value}, expected 0 to {count - 1}")
