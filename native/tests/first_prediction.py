"""What the core computes here has the bits of every other build: states and gradients of float32 and float64.

Needs gruvy's base alone. Exit code 1: other bits.
"""

import hashlib
import sys

import numpy as np

import gruvy
from gruvy.engines import native
from gruvy.reference import Cell

WANTED = "2c84e1476c9c45fcaa7d39041075d45d82fd6f0c62c4410733f79c8f8993a8e9"

digest = hashlib.sha256()
for dtype in (np.float32, np.float64):
    for reset in ("after", "before"):
        for T, B, I, H in ((1, 1, 3, 5), (9, 4, 16, 33), (30, 17, 64, 64)):
            rng = np.random.default_rng(7)
            shapes = ((3 * H, I), (3 * H, H), (3 * H,), (H,), (T, B, I), (B, H), (T, B, H), (B, H))
            W, U, b, c, x, h, dy, dh_last = (rng.uniform(-1, 1, shape).astype(dtype) for shape in shapes)
            cell, convention = Cell(W, U, b, c if reset == "after" else None), gruvy.Convention(reset=reset)
            gates = np.empty((T, B, convention.gates, H), dtype)
            y, last = native.forward(x, h, cell, convention, gates=gates)
            dx, dh, dcell = native.backward(dy, dh_last, x, h, cell, y, gates, convention)
            for numbers in (y, last, dx, dh, *(d for d in dcell if d is not None)):
                digest.update(np.ascontiguousarray(numbers).tobytes())
found = digest.hexdigest()
print(f"{native.info().isa}: {found}")
sys.exit(found != WANTED)
