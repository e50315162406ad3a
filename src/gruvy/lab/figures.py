"""What the lab's figures have in common: one colour and one marker per net, one dash per start, axes with units."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from .nets import NAMES, Kind, Start

# Okabe & Ito's palette: told apart under every common colour blindness; markers and dashes say it a second time.
COLOURS = {"rnn": "#D55E00", "lstm": "#0072B2", "gru": "#009E73", "other": "#CC79A7", "mark": "#E69F00"}
MARKERS = {"rnn": "square", "lstm": "diamond", "gru": "circle"}
DASHES = {"plain": "dot", "remember": "solid"}
STARTED = {"plain": "torch's start", "remember": "set to remember"}


def figure(title: str, x: str, y: str, **axes: Any) -> go.Figure:
    """An empty figure with a title and axis titles; `axes` are plotly's layout keys, `xaxis_type` and the like."""
    layout = go.Figure()
    layout.update_layout(
        title={"text": title, "font": {"size": 16}, "x": 0, "xref": "paper", "xanchor": "left"},
        xaxis_title=x,
        yaxis_title=y,
        template="plotly_white",
        height=400,
        margin={"l": 70, "r": 20, "t": 60, "b": 60},
        legend={"font": {"size": 12}},
        **axes,
    )
    if not x:  # names, not numbers: no lines to read values off
        layout.update_xaxes(showgrid=False)
    return layout


def label(kind: Kind, start: Start | None = None) -> str:
    """What the legend calls a net."""
    return NAMES[kind] if start is None else f"{NAMES[kind]}, {STARTED[start]}"


def line(fig: go.Figure, x: list[Any], y: list[float], kind: Kind, start: Start | None = None, **more: Any) -> None:
    """Add one net's line in its colour, marker and dash."""
    style: dict[str, Any] = {
        "mode": "lines+markers",
        "name": label(kind, start),
        "line": {"color": COLOURS[kind], "dash": DASHES[start or "remember"], "width": 2},
        "marker": {"symbol": MARKERS[kind] + ("-open" if start == "plain" else ""), "size": 9},
    }
    fig.add_trace(go.Scatter(x=x, y=y, **{**style, **more}))


def bars(fig: go.Figure, x: list[str], y: list[float], name: str, colour: str, digits: int | None = 0) -> None:
    """Add a bar for each name in x, with its number written at it: so many digits, or as it is."""
    written = "%{y}" if digits is None else f"%{{y:.{digits}f}}"
    fig.add_trace(go.Bar(x=x, y=y, name=name, marker_color=colour, texttemplate=written))


def percent_bars(title: str, y: str) -> go.Figure:
    """An empty figure for bars of shares in percent."""
    return figure(title, "", f"{y} (%)", barmode="group", yaxis_range=[0, 109])


def mark(fig: go.Figure, y: float, text: str, position: str = "top left") -> None:
    """A dashed line across the figure, with what it stands for."""
    style = {"dash": "dash", "width": 1, "color": "#777777"}
    fig.add_hline(y=y, line=style, annotation_text=text, annotation_position=position)
