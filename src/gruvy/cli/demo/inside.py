"""Act three: one spoken digit seen from inside the net that has just learnt to hear it. No torch from here on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

import gruvy
from gruvy.data import load
from gruvy.inside.trace import trace

Array = np.ndarray[Any, Any]

ROWS = 12  # of the 64 units, as many as fit beside each other on a page
SHADES = " ░▒▓█"  # a gate of 0 to 1, for terminals without colour and eyes that see none
COLOURS = (
    "default",
    "rgb(90,110,190)",
    "rgb(60,150,190)",
    "rgb(230,160,50)",
    "rgb(240,110,30)",
)  # the same, low to high


def look_inside(page: Console, model: Path) -> list[str]:
    """Draw the gates over time; gives what did not come out as it should."""
    net = gruvy.load(model)
    unseen = load("spoken-digits").test
    said = np.asarray(unseen.y)
    heard = net.predict(unseen.x) == said
    i = int(np.argmin(np.where(heard, np.abs(unseen.lengths - 22), np.inf)))  # right, and about as long as fits
    x, digit = unseen.x[i], said[i]
    labels = np.asarray(net.classes)
    gates = trace(net, [x])
    z, r = gates.update[0, 0], gates.reset[0, 0]  # (T, H): the only layer and direction, the only sequence
    units = np.argsort(z.mean(axis=0), kind="stable")[np.linspace(0, z.shape[1] - 1, ROWS).astype(int)]

    page.print(
        f"Somebody says [bold]{digit}[/bold], in {len(x)} steps. {ROWS} of the {z.shape[1]} units, "
        "those that take in least at the top:"
    )
    page.print()
    heat_map(page, "update gate z: full takes in the new, empty keeps the old", z[:, units], units)
    heat_map(page, "reset gate r: full uses the old for the new, empty leaves it aside", r[:, units], units)

    stream = net.stream()
    probabilities = [stream.push(step) for step in x]  # as it would come from a microphone
    so_far = [labels[np.argmax(p)] for p in probabilities]
    page.print("  answer so far ", *(f"{label} " for label in so_far), sep="", markup=False)
    sure = next(t for t in range(len(x)) if all(label == digit for label in so_far[t:]))
    page.print(
        f"From step {sure + 1} of {len(x)} on it answers {digit}; "
        f"at the end it gives that a probability of {probabilities[-1].max():.3f}."
    )

    whole = net.predict_proba([x])[0]
    kept, new = 1 - z, gates.candidate[0, 0]
    apart = np.abs(kept * gates.previous()[0, 0] + z * new - gates.state[0, 0]).max()
    trouble = []
    if np.abs(probabilities[-1] - whole).max() > 1e-5:
        trouble.append("the answer step by step is not that for the whole sequence")
    if apart > 1e-6:
        trouble.append(f"the gates shown do not give the state: {apart:.1e} apart")
    return trouble


def heat_map(page: Console, title: str, gate: Array, units: Array) -> None:
    """A gate (T, rows) over time, two columns per step."""
    page.print(f"  [bold]{title}[/bold]")
    for unit, values in zip(units, gate.T, strict=True):
        line = Text(f"     unit {unit:>2}    ")
        for value in values:
            level = min(int(value * len(SHADES)), len(SHADES) - 1)
            line.append(SHADES[level] * 2, style=COLOURS[level])
        page.print(line)
    scale = Text("     scale      ")
    for level, (shade, colour) in enumerate(zip(SHADES, COLOURS, strict=True)):
        scale.append(shade * 2, style=colour)
        scale.append(f" {level / len(SHADES):.1f}-{(level + 1) / len(SHADES):.1f}  ")
    page.print(scale)
    page.print()
