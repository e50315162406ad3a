"""Small random nets and irregular batches, for the tests of traces, gradients, figures and the explorer."""

from __future__ import annotations

import numpy as np

from gruvy.convention import Convention
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
