"""Random edits of random nets, and what they do by the equations written out once more: a unit and a step at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gruvy.inside.edits import Edit
from gruvy.inside.noise import normal
from small_nets import CONVENTIONS, random_weights, small_model

WHERE = ("update", "reset", "candidate", "state")


def random_case(rng, dtype=np.float64, irregular=True):
    """A model of any kind, inputs (B, T, I) and, if wanted, lengths, mask and restarts."""
    layers, directions, I, H = (int(rng.integers(1, 3)) for _ in range(4))
    I, H, T, B = I + 1, H + 2, int(rng.integers(4, 12)), 2
    kind = str(rng.choice(["classify", "regress", "tag", ""]))
    w = random_weights(rng, CONVENTIONS[rng.integers(4)], I, H, layers, directions, dtype, 0.9)
    O = 1 if kind in ("classify", "tag") and rng.random() < 0.3 else 3
    scalers = (
        {"shift": rng.normal(size=I).astype(dtype), "scale": rng.uniform(0.5, 2, I).astype(dtype)}
        if rng.random() < 0.6
        else {}
    )
    if kind == "regress":
        scalers |= {"y_shift": rng.normal(size=O).astype(dtype), "y_scale": rng.uniform(0.5, 2, O).astype(dtype)}
    V, b_y = rng.normal(size=(O, directions * H)).astype(dtype), rng.normal(size=O).astype(dtype)
    pooling = "last" if kind == "tag" else str(rng.choice(["last", "mean", "max"]))
    model = small_model(w, V, b_y, pooling, kind, classes=("a", "b", "c")[: max(2, O)], **scalers)
    if model.classes is not None and O == 1 and rng.random() < 0.7:
        model = replace(model, target=replace(model.target, threshold=rng.uniform(0.1, 0.9)))
    X = rng.normal(size=(B, T, I)).astype(dtype)
    if not irregular or rng.random() < 0.3:
        return model, X, {}
    restarts = rng.random((B, T)) < 0.1
    return model, X, {"lengths": rng.integers(1, T + 1, B), "mask": rng.random((B, T)) < 0.85, "restarts": restarts}


def leads(model, p):
    """Which class a model says, of probabilities (K,); 0 of numbers."""
    if model.classes is None:
        return 0
    return int(np.argmax(p)) if model.target.threshold is None else int(p[1] >= model.target.threshold)


def random_edits(rng, model, T, count=None):
    w, edits = model.weights, []
    for _ in range(int(rng.integers(1, 5)) if count is None else count):
        target = str(rng.choice(["input", "input", "update", "reset", "candidate", "state"]))
        action = str(rng.choice(["set", "scale", "add"]))
        if target == "input":
            action = str(rng.choice(["set", "scale", "add", "blank", "repeat", "shift", "noise", "cut"]))
        a = int(rng.integers(T))
        b = int(rng.integers(a + 1, T + 1))
        width = w.input_units if target == "input" else w.hidden_units
        units = (
            None
            if rng.random() < 0.4 or action == "cut"
            else sorted(rng.choice(width, int(rng.integers(1, width + 1)), replace=False).tolist())
        )
        m = width if units is None else len(units)
        value = {
            "blank": None,
            "cut": None,
            "repeat": int(rng.integers(1, 4)),
            "shift": int(rng.integers(-5, 6)),
            "noise": float(rng.uniform(0, 1)),
        }.get(action, "")
        if value == "":
            shape = [(), (m,), (b - a, 1), (b - a, m)][rng.integers(4)]
            value = rng.normal(size=shape).round(3).tolist()
        more = {}
        if target != "input":
            more["layer"] = None if rng.random() < 0.4 else int(rng.integers(w.layers))
            more["direction"] = None if rng.random() < 0.4 else ["forward", "backward"][rng.integers(w.directions)]
        steps = None if (a, b) == (0, T) else (a, b)
        edits.append(
            Edit(
                target,
                action,
                value,
                steps=steps,
                units=units,
                seed=int(rng.integers(2**32)) if action == "noise" else 0,
                **more,
            )
        )
    return edits


def by_hand(model, x, edits, lengths=None, mask=None, restarts=None, fault=""):
    """One sequence (T, I) with loops alone. fault: a way to get it wrong, for the test of the comparison."""
    w, (T, I) = model.weights.merged(), x.shape
    D, H, x = w.directions, w.hidden_units, [[float(v) for v in row] for row in x]
    end = T if lengths is None else int(lengths)
    counts = [t < end and (mask is None or bool(mask[t])) for t in range(T)]
    blank = [0.0] * I if model.scaler is None else [float(v) for v in model.scaler.mean]
    for e in edits:
        if e.target == "input":
            edit_input(x, e, end, counts, blank)
    inside = {}
    for e in reversed(edits) if fault == "order" else edits:
        inside.setdefault(e.target, []).append(e)
    if model.scaler is not None and fault != "unscaled":
        x = [[(v - m) / s for v, m, s in zip(row, model.scaler.mean, model.scaler.scale, strict=True)] for row in x]
    found = {name: np.zeros((w.layers * D, T, H)) for name in WHERE}
    last = np.zeros((w.layers * D, H))
    for k in range(w.layers):
        for d in range(D):
            j, cell, h = k * D + d, w.cells[k][d], [0.0] * H
            for t in range(T - 1, -1, -1) if d else range(T):
                cut = restarts is not None and (restarts[t] if d == 0 else t + 1 < T and restarts[t + 1])
                h = [0.0] * H if cut else h
                if counts[t]:
                    at = T - 1 - t if fault == "backward" and d else t - (fault == "late")
                    h = one_step(cell, w.convention, x[t], h, inside, (k, d, at), T, fault, found, (j, t))
            last[j] = h
        x = [[found["state"][k * D + d, t, u] for d in range(D) for u in range(H)] for t in range(T)]
    found["valid"] = np.array(counts)
    return found | tell(model, found["state"][-D:], last[-D:], counts, restarts)


def one_step(cell, convention, x, h, edits, at, T, fault, found, to):
    H, (W, U, b, c) = len(h), cell

    def changed(name, unit, v):
        layer, direction, t = at
        for e in edits.get(name, []):
            a, b = e.steps or (0, T)
            fits = e.layer in (None, layer) and e.direction in (None, ["forward", "backward"][direction])
            if fits and a <= t < b and (e.units is None or unit in e.units):
                by = number_of(
                    e.value,
                    t - a,
                    unit if e.units is None else e.units.index(unit),
                    b - a,
                    H if e.units is None else len(e.units),
                )
                v = by if e.action == "set" else v * by if e.action == "scale" else v + by
        return v

    def product(row, by):
        return sum(float(p) * q for p, q in zip(row, by, strict=True))

    def squash(a):
        return 1 / (1 + math.exp(-a))

    free = [squash(product(W[u], x) + product(U[u], h) + b[u]) for u in range(H)]
    r = [changed("reset", u, v) for u, v in enumerate(free)]
    used = free if fault == "gate" else r
    new = []
    for u in range(H):
        a = product(W[2 * H + u], x) + b[2 * H + u]
        if convention.reset == "before":
            n = math.tanh(a + product(U[2 * H + u], [p * q for p, q in zip(used, h, strict=True)]))
        else:
            n = math.tanh(a + used[u] * (product(U[2 * H + u], h) + c[u]))
        n = changed("candidate", u, n)
        z = changed("update", u, squash(product(W[H + u], x) + product(U[H + u], h) + b[H + u]))
        v = changed("state", u, (1 - z) * n + z * h[u] if convention.keeps else (1 - z) * h[u] + z * n)
        for name, value in (("reset", r[u]), ("candidate", n), ("update", z), ("state", v)):
            found[name][to[0], to[1], u] = value
        new.append(v)
    return new


def number_of(value, row, column, rows, columns):
    """The number of a value that was given once, for each unit, or for each step and unit."""
    if not isinstance(value, tuple):
        return value
    if not isinstance(value[0], tuple):
        return value[column if len(value) > 1 else 0]
    line = value[row if len(value) > 1 else 0]
    return line[column if len(line) > 1 else 0]


def edit_input(x, e, end, counts, blank):
    T, I = len(x), len(x[0])
    a, b = e.steps or (0, T)
    old = [list(row) for row in x]
    channels = range(I) if e.units is None else e.units
    if e.action == "cut":
        for t in range(a, b):
            counts[t] = False
        return
    inside = [t for t in range(a, b) if t < end]
    for place, f in enumerate(channels):
        for t in inside:
            if e.action in ("blank", "shift"):
                x[t][f] = blank[f]
            elif e.action == "noise":
                x[t][f] += e.value * float(normal(e.seed, t, f))
            elif e.action in ("set", "scale", "add"):
                by = number_of(e.value, t - a, place, b - a, len(channels))
                x[t][f] = by if e.action == "set" else old[t][f] * by if e.action == "scale" else old[t][f] + by
        for t in inside:
            if e.action == "shift" and 0 <= t + e.value < end:
                x[t + e.value][f] = old[t][f]
        for i in range(len(inside) * e.value if e.action == "repeat" else 0):
            if inside[-1] + 1 + i < end:
                x[inside[-1] + 1 + i][f] = old[inside[i % len(inside)]][f]


def tell(model, top, last, counts, restarts):
    """The answers from the top layer's states (D, T, H) and the last ones (D, H)."""
    T = len(counts)
    since, used = 0, []
    for t in range(T):
        if restarts is not None and restarts[t]:
            used = []
        if counts[t]:
            used.append(t)
    hidden = np.concatenate(list(top), axis=-1)

    def pooled(steps, final):
        if model.pooling == "last" or not steps:
            return final
        values = hidden[steps]
        return values.mean(0) if model.pooling == "mean" else values.max(0)

    def read(h):
        y = h if model.V is None else model.V.astype(float) @ h + model.b_y
        if model.task in ("classify", "tag"):
            scores = np.array([0, y[0]]) if len(y) == 1 else y
            return np.exp(scores) / np.exp(scores).sum()
        return y * model.target.scale + model.target.mean if model.task == "regress" else y

    final = read(pooled(used, np.concatenate(list(last))))
    steps = np.zeros((T, len(final)))
    for t in range(T):
        if counts[t]:
            since = max([s for s in range(t + 1) if restarts is not None and restarts[s]], default=0)
            own = [s for s in range(since, t + 1) if counts[s]]
            steps[t] = read(hidden[t] if model.task == "tag" else pooled(own, hidden[t]))
    return {"final": final, "steps": steps}
