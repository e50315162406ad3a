"""The page's own JavaScript, run by node: what it computes for cases given as JSON."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gruvy.inside.explorer.payload import _net
from run_node import run_node

CASES = Path(__file__).parent.parent / "web" / "test" / "cases.mjs"


def plain(value):
    """As JSON takes it."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def told(edit):
    """An edit as the page writes it."""
    names = ("target", "action", "value", "steps", "units", "layer", "direction", "seed", "name")
    return plain({name: getattr(edit, name) for name in names})


def sequence(x):
    return {"x": np.asarray(x, np.float64).ravel().tolist(), "steps": len(x)}


def data_of(model):
    """What the page carries of a model."""
    return _net(model, None)


def computed(cases):
    """What the page's scripts say of each case."""
    return run_node(CASES, asked=plain(cases))
