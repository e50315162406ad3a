"""From recordings of words to a model that hears one of them: training, and the choice of its threshold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import positive, whole
from ..data.sound import features_of
from ..model import events
from ..model.model import Model
from ..model.scaler import Moments
from ..model.sound import SoundFeatures
from ..model.task import Labels
from .judge import MINUTES, Progress, Rated, best, rated, trials
from .streams import HEARD, laid
from .words import Words, check_trigger

SECONDS = 12.0  # of a recording to learn from
LAYOUT = {"id": None, "time": None, "wide": False, "window": None, "step": None, "missing": "error", "features": None}
SMOOTHING = (0.1, 0.15)  # seconds to choose from: more would be late
AFTER = (0.05, 0.25)  # seconds after a trigger's end in which a step is one of it
RESAMPLING = "LQ"  # what holds a stream back least, at most 62 ms: the other qualities 80 to 170


class Found(NamedTuple):
    """A trained detector.

    model: to `gruvy.model.file.write`. history: of the last training. held: the speakers that the threshold was
    chosen on, by a net that had not heard them; empty where the speakers are not known. chosen: the settings of
    events, and how good they are there. curve: the same for each threshold and smoothing that was tried.
    """

    model: Model
    history: Any
    held: list[str]
    chosen: Rated
    curve: list[Rated]


def fit_detector(
    words: Words,
    trigger: str,
    *,
    hours: float = 6.0,
    hidden_units: int = 64,
    layers: int = 2,
    dropout: float = 0.2,
    max_epochs: int = 8,
    batch_size: int = 16,
    learning_rate: float = 6e-3,
    smoothing: float | None = None,
    refractory: float = 0.6,
    minutes: tuple[int, int] = MINUTES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Found:
    """Train a net to hear a word among others.

    Long recordings are made of the words: one after another, each in another voice, room and microphone, with pauses
    and background noise. A first net learns from all but about a fifth of the speakers; on them, unchanged, the
    threshold is chosen: the best F1 with at most 6 false alarms an hour and a median delay of at most 0.15 s, or else
    the fewest alarms, and of thresholds about as good the middle one. Then a net learns from everybody.

    Args:
        words: of `read_recordings`.
        trigger: the word to hear, one of `words.words`.
        hours: of sound to make for each training.
        hidden_units, layers, dropout, max_epochs, batch_size, learning_rate: of net and training.
        smoothing, refractory: seconds, of `gruvy.detect`; a smoothing of None is chosen, with the threshold, of 0.1 and
            0.15.
        minutes: of recordings with the trigger, and of other words alone, that settings of events are chosen on.
        seed: the same seed gives the same model.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        InputError: nobody says the trigger, there are fewer than 10 recordings of it or of other words, or a setting
            is out of its range. MissingExtraError: torch, soxr or kaldi-native-fbank is not installed.

    Example:
        >>> from gruvy.detection import read_recordings
        >>> found = fit_detector(read_recordings("recordings"), "seven")  # doctest: +SKIP
        >>> found.held, round(found.chosen.heard.f1, 2)  # doctest: +SKIP
        (['ann'], 0.96)
    """
    check_trigger(words, trigger)
    positive("hours", hours)
    whole("seed", seed, 0)
    for each in minutes:
        whole("minutes", each, 1)
    events.Detection(step=0.01, smoothing=0.0 if smoothing is None else smoothing, refractory=refractory)
    net = {"hidden_units": hidden_units, "layers": layers, "dropout": dropout}
    how = {"max_epochs": max_epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    features = SoundFeatures(rate=words.rate, resampling=RESAMPLING)
    held = words.held_out(trigger, seed)
    say = progress or (lambda *_: None)
    model, history = train(words.where(~held), trigger, features, hours, net, how, seed, say, "the first net")
    wanted = SMOOTHING if smoothing is None else (smoothing,)
    found = trials(model, words.where(held), trigger, seed, say, minutes)
    curve = rated(found, features, smoothing=wanted, refractory=refractory)
    chosen = best(curve)
    if history.stopped != "interrupted":
        model, history = train(words, trigger, features, hours, net, how, seed, say, "the net")
    settings = events.Detection(
        step=features.step, threshold=chosen.threshold, smoothing=chosen.smoothing, refractory=refractory
    )
    assert model.layout is not None
    model.layout["detection"] = events.kept(settings, trigger)
    speakers = sorted({*words.speakers[held]} - {*words.speakers[~held]})
    return Found(model, history, speakers, chosen, curve)


def train(
    words: Words,
    trigger: str,
    features: SoundFeatures,
    hours: float,
    net: dict[str, Any],
    how: dict[str, Any],
    seed: int,
    say: Progress,
    named: str,
) -> tuple[Model, Any]:
    """A model of probabilities step by step, and the history of its training."""
    import torch

    from ..network import GRU
    from ..training import Settings

    def told(row: Any) -> None:
        say(f"training {named}", int(row["epoch"] or 0), epochs)

    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        gru = GRU(features.channels, net["hidden_units"], 2, layers=net["layers"], dropout=net["dropout"])
    settings = {**how, "seed": seed, "progress": False, "on_epoch": told}
    epochs = Settings(**settings).max_epochs or 0  # whatever is wrong with a setting is told before hours are laid
    count, classes = max(1, round(hours * 3600 / SECONDS)), np.unique([trigger, background(trigger)])
    mine, rng = classes.tolist().index(trigger), np.random.default_rng(seed)
    X: list[Any] = []
    y, moments = [], None
    for k in range(count):
        say(f"laying {hours:g} h of words for {named}", k, count)
        made = laid(words, trigger, SECONDS, HEARD, rng)
        X.append(features_of(made.samples, features))
        y.append(np.where(after(features.window + features.step * np.arange(len(X[-1])), made.ends), mine, 1 - mine))
        seen = Moments.of(X[-1].astype(np.float64))
        moments = seen if moments is None else moments.merged(seen)
    assert moments is not None
    scaler = moments.scaler()
    for k, x in enumerate(X):
        X[k] = scaler(x).astype(np.float32)
    say(f"training {named}", 0, epochs)
    gru.fit(X, y, "tag", **settings)
    model = gru.model(
        target=Labels(classes, per_step=True),
        scaler=scaler,
        columns={"channels": features.names, "targets": ["label"], "others": []},
        layout={**LAYOUT, "sound": asdict(features)},
        settings=dict(net),
    )
    return model, gru.history


def after(times: NDArray[np.floating[Any]], ends: list[float]) -> NDArray[np.bool_]:
    """Which times (T,) come just after an end."""
    since = times - np.array(ends or [np.inf])[:, None]
    found: NDArray[np.bool_] = ((since >= AFTER[0]) & (since < AFTER[1])).any(0)
    return found


def background(trigger: str) -> str:
    """What all steps are called that are not of the trigger."""
    return f"not {trigger}"
