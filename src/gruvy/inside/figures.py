"""Figures (plotly) of traces, gradients, contributions and training. Each shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, InputError
from ..model.event_scores import EventCurve
from .contributions import Contributions
from .drawing import check_place, frame, heat
from .gradients import GradientNorms
from .heard import heard
from .palette import BLUE, COLOURS, VERMILION, rgb
from .trace import Trace
from .units import fewer, order_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

Array = np.ndarray[Any, Any]

__all__ = ["confusion", "contributions", "event_curve", "gates", "gradient_norms", "heard", "history", "time_scales"]

# name: (title, whether it has a sign)
_GATES = {
    "update": ("Update gate z", False),
    "reset": ("Reset gate r", False),
    "keep": ("Weight of the old state", False),
    "candidate": ("Candidate", True),
    "state": ("State h", True),
}


def gates(
    trace: Trace,
    gate: str = "update",
    *,
    sequence: int = 0,
    layer: int = 0,
    order: str = "time-scale",
    theme: str = "light",
) -> go.Figure:
    """A gate, the candidate or the state of every unit over time, as a heat map.

    Args:
        trace: of `gruvy.inside.trace.trace`.
        gate: ``"update"``, ``"reset"``, ``"keep"``, ``"candidate"`` or ``"state"``.
        sequence, layer: which sequence of the batch; which layer and direction, 0 .. layers * directions - 1.
        order: of the units: ``"time-scale"``, the longest memory on top, ``"similarity"``, units that do alike side
            by side, or ``"number"``.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        InputError: there is no such gate, sequence, layer or order. MissingExtraError: plotly is not installed.
    """
    if gate not in _GATES:
        raise InputError(f"gate={gate!r}: expected one of {', '.join(_GATES)}")
    layers, sequences, _, H = trace.state.shape
    check_place("sequence", sequence, sequences)
    check_place("layer", layer, layers)
    title, signed = _GATES[gate]
    steps = np.flatnonzero(trace.valid[sequence])
    values = getattr(trace, gate)[layer, sequence, steps].T  # (H, T)
    units = order_of(trace, values, layer, order)
    values, labels, together = fewer(values[units], units)
    if together > 1:
        title += f" (each row the mean of {together} units)"
    y = "unit, longest memory on top" if order == "time-scale" else f"unit, by {order}"
    axis = {"title": y, "autorange": "reversed", "showticklabels": H <= 32}
    hover = "step %{x}<br>unit %{y}<br>%{z:.4f}"
    figure = frame(title, theme, "step", y, yaxis=axis)
    return figure.add_trace(heat(values, "value", hover, signed=theme if signed else None, x=steps + 1, y=labels))


def time_scales(trace: Trace, *, theme: str = "light") -> go.Figure:
    """How many units remember for how long: a histogram on a logarithmic axis, a colour per layer and direction.

    Args: trace, of `gruvy.inside.trace.trace`; theme, ``"light"`` or ``"dark"``.
    """
    figure = frame("How long units remember", theme, "steps until the state has decayed to 1/e", "units")
    figure.update_layout(barmode="stack")
    scales = trace.time_scales()
    finite = np.clip(scales, 1e-2, 1e6)[~np.isnan(scales)]
    if not finite.size:
        raise DataError("trace: no step counts, so no unit has a time-scale")
    edges = np.linspace(np.floor(np.log10(finite.min()) * 4) / 4, np.ceil(np.log10(finite.max()) * 4 + 0.01) / 4, 33)
    for j, row in enumerate(scales):
        counts, _ = np.histogram(np.log10(np.clip(row[~np.isnan(row)], 1e-2, 1e6)), edges)
        figure.add_bar(
            x=10 ** ((edges[1:] + edges[:-1]) / 2),
            y=counts,
            width=np.diff(10**edges) * 0.94,
            name=_name(j, trace.directions),
            showlegend=len(scales) > 1,
            hovertemplate="%{x:.3g} steps: %{y} units<extra></extra>",
        )
    figure.update_xaxes(type="log", dtick=None if edges[-1] - edges[0] < 1.5 else 1, minor={"ticks": "outside"})
    return figure


def _name(j: int, directions: int) -> str:
    side = "" if directions == 1 else (", backward" if j % 2 else ", forward")
    return f"layer {j // directions + 1}{side}"


def gradient_norms(
    norms: GradientNorms | Mapping[str, GradientNorms], *, of: str = "state", layer: int = -1, theme: str = "light"
) -> go.Figure:
    """The norm of the gradient over lag, on a logarithmic axis: the median over sequences, and its spread.

    Args:
        norms: of `gruvy.inside.gradients.gradient_norms`, or several by name, as ``{"untrained": a, "trained": b}``.
        of: ``"state"``, of the last state by an earlier one; ``"input"``, of the output by an earlier input.
        layer: which layer and direction, for the state; default the last.
        theme: ``"light"`` or ``"dark"``.
    """
    if of not in ("state", "input"):
        raise InputError(f'of={of!r}: expected "state" or "input"')
    named = {"": norms} if isinstance(norms, GradientNorms) else dict(norms)
    what = "∂h<sub>T</sub>/∂h<sub>T−k</sub>" if of == "state" else "∂output/∂x<sub>T−k</sub>"
    figure = frame("Gradient on its way back through time", theme, "lag k, steps back", f"norm of {what} (log10)")
    dashes = ("solid", "dash", "dot", "dashdot")
    for i, (name, one) in enumerate(named.items()):
        rows = one.state[layer] if of == "state" else one.input
        lags = np.flatnonzero((~np.isnan(rows)).any(0))
        # where most sequences have exactly 0 (past a restart) there is no level to draw
        spread = [np.quantile(c[~np.isnan(c)], (0.1, 0.5, 0.9), method="nearest") for c in rows.T[lags]]
        levels = zip(*spread, strict=True)
        low, middle, high = ([float(v) if np.isfinite(v) else None for v in level] for level in levels)
        colour = COLOURS[i % len(COLOURS)]
        line = {"color": colour, "width": 2.5, "dash": dashes[i % 4]}
        if len(rows) > 1:
            shade = f"rgba({','.join(map(str, rgb(colour)))},0.18)"
            band = {"x": lags, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
            figure.add_scatter(y=high, fillcolor=shade, **band)
            figure.add_scatter(y=low, fillcolor=shade, fill="tonexty", **band)
        hover = "lag %{x}: 10<sup>%{y:.2f}</sup><extra>" + name + "</extra>"
        figure.add_scatter(
            x=lags, y=middle, mode="lines", name=name, line=line, showlegend=bool(name), hovertemplate=hover
        )
    figure.update_yaxes(tickprefix="10<sup>", ticksuffix="</sup>")
    return figure


def contributions(
    found: Contributions, x: Any, *, sequence: int = 0, features: Any = None, theme: str = "light"
) -> go.Figure:
    """A sequence's input, and under it what each step contributed to the answer.

    Args:
        found: of `gruvy.inside.contributions.contributions`.
        x: the inputs it was given: (B, T, I) or a list of (T_i, I).
        sequence: which of them.
        features: I names of the input's channels; default x0, x1, ...
        theme: ``"light"`` or ``"dark"``.
    """
    check_place("sequence", sequence, len(found.values))
    inputs = np.asarray(x[sequence])
    T, I = inputs.shape
    if found.values.shape[1] < T or found.values.shape[2] != I:
        raise InputError(f"x: sequence of shape {inputs.shape}, the contributions have {found.values.shape[1:]}")
    names = [f"x{i}" for i in range(I)] if features is None else [str(name) for name in features]
    if len(names) != I:
        raise InputError(f"features: {len(names)} names, expected {I}")
    values, steps = found.values[sequence, :T], np.arange(1, T + 1)
    target = f"contribution to<br>output {found.target[sequence]}"
    figure = frame("What each step contributed to the answer", theme, "step", "input")
    figure.update_layout(xaxis={"anchor": "y2"}, yaxis={"domain": [0.46, 1]})
    figure.update_layout(yaxis2={"domain": [0, 0.38], "title": target, "zeroline": True})
    if I <= 4:
        for i, name in enumerate(names):
            line = {"color": COLOURS[i]}
            figure.add_scatter(x=steps, y=inputs[:, i], name=name, mode="lines+markers", line=line, showlegend=True)
    else:
        low, high = inputs.min(0), inputs.max(0)
        own = np.where(high > low, (inputs - low) / np.where(high > low, high - low, 1), 0.5)
        bar = "input, each channel<br>over its own range"
        hover = "step %{x}<br>%{y}: %{customdata:.4g}"
        figure.add_trace(heat(own.T, bar, hover, x=steps, y=names, customdata=inputs.T))
        figure.update_traces(colorbar={"y": 0.73, "len": 0.6})
    total = values.sum(1)
    colours = np.where(total < 0, BLUE, VERMILION)
    hover = "step %{x}: %{y:.4f}<extra></extra>"
    figure.add_bar(x=steps, y=total, yaxis="y2", marker={"color": colours}, showlegend=False, hovertemplate=hover)
    return figure


def history(rows: Any, *, theme: str = "light") -> go.Figure:
    """The loss of each epoch, and the validation score on an axis of its own where there is one.

    Args:
        rows: a `History`, or rows with epoch, loss, val_loss, val_score.
        theme: ``"light"`` or ``"dark"``.
    """
    rows = list(getattr(rows, "rows", rows))
    if not rows:
        raise DataError("rows: no epoch; expected at least 1")
    figure = frame("Training", theme, "epoch", "loss", yaxis={"title": "loss", "rangemode": "tozero"})
    columns = {"loss": "training loss", "val_loss": "validation loss", "val_score": "validation score"}
    for i, (column, name) in enumerate(columns.items()):
        points = [(row["epoch"], row[column]) for row in rows if row.get(column) is not None]
        if not points:
            continue
        x, y = zip(*points, strict=True)
        score = column == "val_score"
        line = {"color": COLOURS[i], "width": 2.5, "dash": ("solid", "dash", "dot")[i]}
        figure.add_scatter(x=x, y=y, name=name, mode="lines", line=line, yaxis="y2" if score else "y", showlegend=True)
        if score:
            axis = {"title": "score", "overlaying": "y", "side": "right", "showgrid": False, "tickmode": "auto"}
            figure.update_layout(yaxis2=axis, margin={"r": 70})
    return figure


def event_curve(curve: EventCurve, *, theme: str = "light") -> go.Figure:
    """Precision, recall and F1 of events over the threshold, and on an axis of their own the false alarms in an hour.

    Args:
        curve: of `gruvy.model.event_scores.event_curve`.
        theme: ``"light"`` or ``"dark"``.
    """
    figure = frame(
        "Events over the threshold", theme, "threshold", "share", yaxis={"range": [0, 1.02], "title": "share"}
    )
    lines = {"precision": "precision", "recall": "recall", "f1": "F1", "false_per_hour": "false alarms an hour"}
    for i, (measure, name) in enumerate(lines.items()):
        values = [getattr(score, measure) for score in curve.scores]
        y = [value if np.isfinite(value) else None for value in values]
        alarms = measure == "false_per_hour"
        line = {"color": COLOURS[i], "width": 2.5, "dash": ("solid", "dash", "longdash", "dot")[i]}
        more = {"mode": "lines+markers", "line": line, "yaxis": "y2" if alarms else "y", "showlegend": True}
        figure.add_scatter(x=curve.thresholds, y=y, name=name, **more)
    axis = {
        "title": "false alarms an hour",
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "rangemode": "tozero",
    }
    return figure.update_layout(yaxis2=axis, margin={"r": 70})


def confusion(truth: Any, predicted: Any, *, classes: Any = None, theme: str = "light") -> go.Figure:
    """The confusion matrix: rows are true classes, columns what was predicted, colours shares of the row.

    Args:
        truth, predicted: N labels each.
        classes: the classes in the order to show; default all there are, sorted.
        theme: ``"light"`` or ``"dark"``.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise InputError(f"truth, predicted: shapes {truth.shape} and {predicted.shape}, expected (N,) twice")
    shown = np.unique(np.concatenate([truth, predicted])) if classes is None else np.asarray(classes)
    strange = ~np.isin(np.concatenate([truth, predicted]), shown)
    if strange.any():
        raise DataError(f"classes: {np.concatenate([truth, predicted])[strange][0].item()!r} is not among them")
    counts = np.array([[int(((truth == a) & (predicted == b)).sum()) for b in shown] for a in shown])
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = [str(c) for c in shown]
    right = int(np.trace(counts))
    axes = {
        "xaxis": {"title": "predicted", "type": "category", "side": "bottom"},
        "yaxis": {"title": "true", "type": "category", "autorange": "reversed", "scaleanchor": "x"},
    }
    size = {"width": max(420, 46 * len(names) + 220), "height": max(380, 46 * len(names) + 160)}
    figure = frame(f"{right} of {len(truth)} right", theme, "predicted", "true", **axes, **size)
    hover = "is %{y}, says %{x}: %{customdata}"
    figure.add_trace(heat(share, "share of the true class", hover, x=names, y=names, customdata=counts))
    text = np.where(counts > 0, counts.astype(str), "")
    return figure.update_traces(text=text, texttemplate="%{text}", xgap=1, ygap=1)
