"""The same bits: states, outputs and gradients over instruction sets, threads, padding, batch and chunks."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from gruvy import native
from native_cases import CONVENTIONS, actual, problem

from .counts import Broken, Counts
from .workers import Attack, Place, run

LANES = (1, 2, 4, 8, 16, 32, 48, 64)  # of every kernel; sizes on both sides of each
Tensors = dict[str, Any]


def _size(r: Random, most: int) -> int:
    """A size near a number of lanes, or any."""
    size = r.choice(LANES) + r.choice((-1, 0, 1, 2)) if r.random() < 0.7 else r.randrange(1, most)
    return max(1, min(size, most))


def _compare(got: Tensors, want: Tensors, what: str) -> None:
    """Every number of every tensor the same, bit for bit."""
    for name, w in want.items():
        g = got[name]
        if (g is None) != (w is None) or (w is not None and (g.shape != w.shape or g.tobytes() != w.tobytes())):
            raise Broken(f"bits of {name} differ: {what}")


def _part(result: Tensors, t: slice, b: slice) -> Tensors:
    """What belongs to some steps of some sequences; the last state only where the steps end with the last."""
    return {
        "y": result["y"][t, b], "gates": result["gates"][t, b], "dx": result["dx"][t, b], "last": result["last"][b],
        "dh": result["dh"][b],
    }  # fmt: skip


def layer(r: Random) -> str:
    """One layer in one direction."""
    convention, dtype = r.choice(CONVENTIONS), r.choice((np.float32, np.float32, np.float64))
    # Gradients of weights are summed over rows of steps, some hundreds at a time: both fewer and more.
    T, B = r.choice(
        ((_size(r, 70), _size(r, 40)), (r.randrange(1, 6), r.randrange(60, 300)), (r.randrange(200, 500), 1))
    )
    I, H = _size(r, 70), _size(r, 70)
    reverse = r.random() < 0.3
    args, options = problem(
        convention, dtype, T, B, I, H, r.getrandbits(30), lengths=r.random() < 0.5, holes=r.random() < 0.3,
        restarts=r.random() < 0.3, biases=r.random() < 0.8,
    )  # fmt: skip
    rng = np.random.default_rng(r.getrandbits(30))
    dy = rng.normal(size=(T, B, H)).astype(dtype) if r.random() < 0.9 else None
    dh = rng.normal(size=(B, H)).astype(dtype) if dy is None or r.random() < 0.7 else None
    first = actual(convention, args, options, dy, dh, reverse, isa="generic", threads=1)
    for isa, runs in native.info().builds:
        for threads in (1, 2, 3) if runs else ():
            got = actual(convention, args, options, dy, dh, reverse, isa=isa, threads=threads)
            _compare(got, first, f"{isa} with {threads} threads and generic with 1")
    isa = r.choice([name for name, runs in native.info().builds if runs])
    how = {"isa": isa, "threads": r.choice((1, 2, 3))}
    _alone(r, convention, args, options, dy, dh, reverse, first, how)
    _padded(r, convention, args, options, dy, dh, reverse, first, how)
    if not reverse and options["lengths"] is None and T > 1:
        _chunks(r, convention, args, options, dy, dh, first, how)
    return "layers"


def _cut(options: Tensors, t: slice, b: slice) -> Tensors:
    lengths = options["lengths"]
    return {
        "lengths": None if lengths is None else lengths[b].copy(),
        **{name: None if options[name] is None else options[name][t, b].copy() for name in ("mask", "restarts")},
    }


def _alone(r: Random, convention: Any, args: Tensors, options: Tensors, dy: Any, dh: Any, reverse: bool,
           first: Tensors, how: Tensors) -> None:  # fmt: skip
    """Some sequences without the others."""
    B = args["x"].shape[1]
    start = r.randrange(B)
    b, t = slice(start, start + r.randrange(1, B - start + 1)), slice(None)
    part = {**args, "x": args["x"][:, b].copy(), "h": args["h"][b].copy()}
    dy, dh = None if dy is None else dy[:, b].copy(), None if dh is None else dh[b].copy()
    got = actual(convention, part, _cut(options, t, b), dy, dh, reverse, **how)
    _compare(_part(got, t, t), _part(first, t, b), "a part of the batch and the whole of it")


def _padded(r: Random, convention: Any, args: Tensors, options: Tensors, dy: Any, dh: Any, reverse: bool,
            first: Tensors, how: Tensors) -> None:  # fmt: skip
    """The same sequences with steps behind them that do not count, and whose content is nothing."""
    T, B, more = *args["x"].shape[:2], r.choice((1, 3, 17))

    def longer(a: Any, fill: Any) -> Any:
        return None if a is None else np.concatenate([a, np.full((more, *a.shape[1:]), fill, a.dtype)])

    lengths = np.full(B, T) if options["lengths"] is None else options["lengths"]
    padded = {"lengths": lengths, "mask": longer(options["mask"], True), "restarts": longer(options["restarts"], False)}
    got = actual(convention, {**args, "x": longer(args["x"], np.nan)}, padded, longer(dy, 0), dh, reverse, **how)
    if got["dx"][T:].any() or got["y"][T:].any():
        raise Broken("steps that do not count: states or gradients that are not zero")
    for part in ("y", "gates", "dx"):
        got[part] = got[part][:T]
    _compare(got, first, "padding and none")


def _chunks(r: Random, convention: Any, args: Tensors, options: Tensors, dy: Any, dh: Any, first: Tensors,
            how: Tensors) -> None:  # fmt: skip
    """In two parts, the state handed on and its gradient handed back."""
    T, every = args["x"].shape[0], slice(None)
    cut = r.randrange(1, T)
    early, late = slice(0, cut), slice(cut, T)

    def chunk(t: slice, h: Any, dh: Any) -> Tensors:
        part = {**args, "x": args["x"][t], "h": h}
        return actual(convention, part, _cut(options, t, every), None if dy is None else dy[t], dh, False, **how)

    h = chunk(early, args["h"], None if dy is not None else dh)["last"]
    second = chunk(late, h, dh)
    got = {**chunk(early, args["h"], second["dh"])}
    for name in ("y", "gates", "dx"):
        got[name] = np.concatenate([got[name], second[name]])
    got["last"] = second["last"]
    _compare(_part(got, every, every), _part(first, every, every), "two chunks and the whole")


def model(r: Random) -> str:
    """A whole model without torch: predicted in any batch, or step by step in a stream."""
    from gruvy import model_file, runtime
    from gruvy.tasks import Numbers
    from small_nets import random_weights

    rng = np.random.default_rng(r.getrandbits(30))
    I, H, O, layers, D = r.randrange(1, 5), _size(r, 40), r.randrange(1, 4), r.choice((1, 2)), r.choice((1, 1, 2))
    dtype, pooling = r.choice((np.float32, np.float64)), r.choice(("last", "mean", "max"))
    weights = random_weights(rng, r.choice(CONVENTIONS), I, H, layers, D, dtype)
    task = Numbers(np.zeros(O), np.ones(O), O == 1) if r.random() < 0.5 else None
    m = runtime.Model(model_file.Model(
        weights=weights, V=rng.normal(size=(O, D * H)).astype(dtype), b_y=rng.normal(size=O).astype(dtype),
        pooling=pooling, task=task,
    ))  # fmt: skip
    X = [rng.normal(size=(r.randrange(1, 30), I)).astype(dtype) for _ in range(r.randrange(2, 20))]
    together = m.predict(X)
    for i in r.sample(range(len(X)), 2):
        _compare({"predict": m.predict([X[i]])[0]}, {"predict": together[i]}, "a sequence alone and among others")
        if D == 1:
            stream = m.stream()
            for x in X[i]:
                answer = stream.push(x[None])
            got = np.asarray(answer).reshape(np.shape(together[i])).astype(together.dtype)
            _compare({"push": got}, {"push": together[i]}, f"a stream and predict, pooling {pooling}")
    return "models"


def attack(part: str, seed: int) -> Attack:
    """Configurations; seven layers to a model."""

    def one(k: int, folder: Path) -> str:
        r = Random((seed << 40) + k)
        return model(r) if k % 8 == 7 else layer(r)

    return Attack(name="bits", run=one, seconds=120, again=f"python -m soak again bits {seed}")


def bits(seconds: float, seed: int, place: Place) -> list[Counts]:
    """Configurations drawn for so long."""
    return [run(attack("", seed), place, seconds=seconds)]
