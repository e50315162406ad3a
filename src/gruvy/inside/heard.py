"""What a detector hears: the sound as it sees it, the probability under it, and the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, InputTypeError
from ..model import events
from ..model.event_scores import score_events
from ..model.model import Model
from ..model.sound import SoundFeatures
from .drawing import frame, heat
from .palette import COLOURS

if TYPE_CHECKING:
    import plotly.graph_objects as go

Array = np.ndarray[Any, Any]

END = {"color": COLOURS[3], "width": 2, "dash": "dot"}
MOST = 6000  # steps that a picture shows: a minute


def heard(model: Any, features: Any, *, truth: Any = None, theme: str = "light") -> go.Figure:
    """A recording as a detector hears it: its features over time, and under them the probability and the events.

    Args:
        model: of `gruvy.detection`, or loaded from its file.
        features: (T, channels), of the recording: ``gruvy.data.features_of(samples, settings)``. Of more than 6,000
            steps, the first are shown.
        truth: the seconds at which the word ends, in order, if known: events are then right or false alarms.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        InputError, InputTypeError: the model is no detector, or the features are not its own.
        MissingExtraError: plotly is not installed.
    """
    layout = model.layout if isinstance(model, Model) else None
    if layout is None or "detection" not in layout or model.classes is None:
        raise InputTypeError("model: expected one that was trained to hear a word, as gruvy.load reads it")
    settings, word = SoundFeatures(**layout["sound"]), str(layout["detection"]["trigger"])
    x = np.asarray(features, np.float32)
    if x.ndim != 2 or x.shape[1] != settings.channels or not len(x):
        raise InputError(f"features: shape {x.shape}, expected (T, {settings.channels})")
    x = x[:MOST]
    detection = events.of_file(layout["detection"], step=settings.step, start=settings.window)
    p = model.predict_proba([x])[0][:, model.classes.tolist().index(word)]
    times = settings.window + settings.step * np.arange(len(x))
    figure = frame(
        f"Listening for {word!r}",
        theme,
        "seconds",
        "band",
        xaxis={"title": "seconds", "zeroline": False, "anchor": "y2", "range": [0, float(times[-1])]},
        yaxis={"title": "mel band" if settings.kind == "log-mel" else "coefficient", "domain": [0.46, 1]},
        yaxis2={"title": "probability", "domain": [0, 0.4], "range": [0, 1.05], "zeroline": False},
    )
    scale: dict[str, Any] = {"zmin": float(np.quantile(x, 0.01)), "zmax": float(x.max()), "showscale": False}
    figure.add_trace(heat(x.T, "", "%{x:.2f} s, band %{y}<br>%{z:.1f}", x=times, **scale))
    line = {"color": COLOURS[0], "width": 1.5}
    figure.add_scatter(x=times, y=p, yaxis="y2", mode="lines", line=line, name="probability")
    figure.add_hline(y=detection.threshold, yref="y2", line={"color": COLOURS[4], "dash": "dash", "width": 1.5})
    found = detection.detector()(p)
    told = [event.time for event in found]
    ends = [float(end) for end in ([] if truth is None else truth) if end <= times[-1]]
    for end in ends:
        figure.add_vline(x=end, line=END)
    if ends:
        figure.add_scatter(x=[None], y=[None], mode="lines", name="the word ends", line=END)
    wrong = [] if truth is None else _alarms(told, ends, float(times[-1]))
    right = [time for time in told if time not in wrong]
    marks = (("event", COLOURS[2], "triangle-down", right), ("false alarm", COLOURS[1], "x", wrong))
    for name, colour, symbol, which in marks:
        if which:
            marker = {"color": colour, "symbol": symbol, "size": 12}
            figure.add_scatter(x=which, y=[1.0] * len(which), yaxis="y2", mode="markers", name=name, marker=marker)
    return figure


def _alarms(told: list[float], ends: list[float], seconds: float) -> list[float]:
    """Those events that are none: without them as many ends are found."""
    best = score_events(told, ends, seconds=seconds).found
    return [
        time
        for k, time in enumerate(told)
        if score_events(told[:k] + told[k + 1 :], ends, seconds=seconds).found == best
    ]
