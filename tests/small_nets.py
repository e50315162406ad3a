"""Small random nets and irregular batches, for the tests of traces, gradients, figures and the explorer."""

from __future__ import annotations

import numpy as np

from gruvy.convention import Convention
from gruvy.model.model import Model
from gruvy.model.scaler import Scaler
from gruvy.model.task import Labels, Numbers
from gruvy.weights import Cell, Weights

CONVENTIONS = [Convention(r, u) for r in ("before", "after") for u in ("adds", "keeps")]


def random_weights(rng, convention, I=3, H=4, layers=1, directions=1, dtype=np.float64, size=0.7):
    def cell(width):
        c = rng.normal(size=H) * size if convention.reset == "after" else None
        shapes = ((3 * H, width), (3 * H, H), (3 * H,))
        arrays = [rng.normal(size=s) * size for s in shapes]
        return Cell(*(a.astype(dtype) for a in arrays), None if c is None else c.astype(dtype))

    widths = [I] + [directions * H] * (layers - 1)
    return Weights(convention, [[cell(width) for _ in range(directions)] for width in widths])


def irregular(rng, B=3, T=9, I=3):
    """Unequal lengths, holes, a restart, NaN in the padding."""
    x = rng.normal(size=(B, T, I))
    lengths = np.array([T, T - 3, 0])[:B]
    mask = np.ones((B, T), bool)
    mask[0, 2] = mask[1, 0] = False
    restarts = np.zeros((B, T), bool)
    restarts[0, 5] = restarts[1, 0] = True
    valid = mask & (np.arange(T) < lengths[:, None])
    x[~valid] = np.nan
    return x, {"lengths": lengths, "mask": mask, "restarts": restarts}, valid


def small_model(
    w, V=None, b_y=None, pooling="last", kind="", shift=None, scale=None, y_shift=None, y_scale=None, classes=()
):
    """A model of these weights; `kind` is its task, classes may be left out for numbers."""
    scaler = None if shift is None else Scaler(shift, scale)
    target = None
    if kind in ("classify", "tag"):
        target = Labels(np.array(classes), per_step=kind == "tag")
    elif kind == "regress":
        O = w.hidden_units * w.directions if V is None else len(V)
        target = Numbers(np.zeros(O) if y_shift is None else y_shift, np.ones(O) if y_scale is None else y_scale, False)
    return Model(weights=w, V=V, b_y=b_y, pooling=pooling, target=target, scaler=scaler)
