"""The same bits: states, outputs and gradients over instruction sets, threads, padding, batch and chunks."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from native_cases import CONVENTIONS, SIZES, differing, trial

from .counts import Broken, Counts
from .workers import Attack, Place, Seen, run


def _compare(got: Any, want: Any, what: str) -> None:
    """Every number the same, bit for bit."""
    if np.shape(got) != np.shape(want) or np.asarray(got).tobytes() != np.asarray(want).tobytes():
        raise Broken(f"bits differ: {what}")


def layer(r: Random) -> dict[str, int]:
    """One layer in one direction: whatever forward and backward give."""
    made, wrong = differing(trial(r.getrandbits(30)))
    if wrong:
        raise Broken(f"bits differ: {wrong[0]}")
    return {"layers": 1, "comparisons of tensors": made}


def model(r: Random) -> str:
    """A whole model without torch: predicted in any batch, or step by step in a stream."""
    from gruvy.model.model import Model
    from gruvy.model.task import Numbers
    from small_nets import random_weights

    rng = np.random.default_rng(r.getrandbits(30))
    I, H, O, layers, D = (
        r.randrange(1, 5),
        r.choice(SIZES[:18]),
        r.randrange(1, 4),
        r.choice((1, 2)),
        r.choice((1, 1, 2)),
    )
    dtype, pooling = r.choice((np.float32, np.float64)), r.choice(("last", "mean", "max"))
    weights = random_weights(rng, r.choice(CONVENTIONS), I, H, layers, D, dtype)
    task = Numbers(np.zeros(O), np.ones(O), O == 1) if r.random() < 0.5 else None
    m = Model(
        weights=weights, V=rng.normal(size=(O, D * H)).astype(dtype), b_y=rng.normal(size=O).astype(dtype),
        pooling=pooling, target=task,
    )  # fmt: skip
    X = [rng.normal(size=(r.randrange(1, 30), I)).astype(dtype) for _ in range(r.randrange(2, 20))]
    together = m.predict(X)
    for i in r.sample(range(len(X)), 2):
        _compare(m.predict([X[i]])[0], together[i], "a sequence alone and among others")
        if D == 1:
            stream = m.stream()
            for x in X[i]:
                answer = stream.push(x[None])
            got = np.asarray(answer).reshape(np.shape(together[i])).astype(together.dtype)
            _compare(got, together[i], f"a stream and predict, pooling {pooling}")
    return "models"


def attack(part: str, seed: int) -> Attack:
    """Configurations; seven layers to a model."""

    def one(k: int, folder: Path) -> Seen:
        r = Random((seed << 40) + k)
        return model(r) if k % 8 == 7 else layer(r)

    return Attack(name="bits", run=one, seconds=120, again=f"python -m soak again bits {seed}")


def bits(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Configurations drawn for so long."""
    return [run(attack("", seed), place, seconds=seconds)]
