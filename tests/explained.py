"""The explorer's page opened in a real browser, and what must stand on it, from the trace of the same weights."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from compare import assert_close, limit
from gruvy import reference
from gruvy.inside.contributions import contributions
from gruvy.inside.explorer.choosing import outputs_of
from gruvy.inside.memory import memory
from gruvy.inside.trace import trace
from small_nets import CONVENTIONS, random_weights, small_model

EVIL = ["</script><b>1</b>", 'it\'s "two" & <i>', "три"]


def number(text):
    """What a printed number says, and the size of its last digit."""
    plain = text.strip().replace("−", "-")
    if plain in ("∞", "-∞"):
        return float(plain.replace("∞", "inf")), 0
    if re.fullmatch(r"\d+", plain):  # a count
        return int(plain), 0
    decimals = re.fullmatch(r"-?\d+\.(\d+)(e[+-]?\d+)?", plain)
    assert decimals, f"not a number as the page prints them: {text!r}"
    return float(plain), 10.0 ** (int((decimals[2] or "e0")[1:]) - len(decimals[1]))


def same(text, expected):
    found, last = number(text)
    return found == expected or abs(found - expected) <= limit("last digit") * last


class Shown:
    """A page that is open, with what it said and what it asked for."""

    def __init__(self, browser, path, width=1440, at=None, first=None, **options):
        """at: another address than the file's own. first: a script that runs before those of the page."""
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda m: self.said.append(m.text))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        if first:
            self.page.add_init_script(first)
        self.page.goto(at or path.as_uri())
        self.page.wait_for_timeout(100)

    def close(self, path):
        self.context.close()
        assert self.said == []
        # a worker's script is the page's own, out of the browser's memory
        assert [url for url in self.asked if not url.startswith("blob:")] == [path.as_uri()]

    def numbers(self):
        return self.page.evaluate(
            "Array.from(document.querySelectorAll('[data-value]'), e => [e.dataset.value, e.textContent])"
        )

    def ask(self, question, given=None):
        """What the page's own parts say: `view`, `net`, `data`, `run`, `sequences`, `charts`, `sequence()`, `H`."""
        words = "{view, net, data, sequences, charts, state} = window.gruvy, sequence = () => window.gruvy.sequence"
        return self.page.evaluate(
            f"given => {{ const {words}, run = view.run, H = net.units; return {question}; }}", given
        )

    def settled(self):
        """Wait for the run of a net that runs beside the page."""
        for _ in range(600):
            if self.page.evaluate("Boolean(window.gruvy && gruvy.view.run)"):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("the net did not run within 30 seconds")

    def place(self, name, step, row=None):
        """Where on the screen a step of a plot over time is, counted from 1, and a row of it; by default its middle."""
        self.page.locator(f"#{name}").scroll_into_view_if_needed()
        return self.ask(
            "(chart => chart.place(given[1] - 0.5, given[2] === null ? (chart.y.domain[0] + chart.y.domain[1]) / 2 : "
            "given[2] + 0.5))(charts.get(document.getElementById(given[0])))",
            [name, step, row],
        )

    def choose(self, name, value):
        self.page.select_option(f"#{name}", str(value))

    def slide(self, name, value):
        self.page.eval_on_selector(
            f"#{name}", "(e, v) => { e.focus(); e.value = v; e.dispatchEvent(new Event('input')); }", value
        )

    def stand(self, layers, j, s, u):
        """At layer j of `layers`, step s and unit u; one layer alone has no choice."""
        if layers > 1:
            self.choose("layer", j)
        self.slide("step", s + 1)
        self.page.fill("#unit", str(u))
        self.page.press("#unit", "Enter")


class Truth:
    """What the page must print, from the trace of the same weights, in float64."""

    def __init__(self, parts, X):
        w = parts.weights
        self.parts, self.X = replace(parts, weights=w.astype(np.float64)), X
        self.w = self.parts.weights.merged()
        self.traces = [trace(self.parts, x[None]) for x in X]
        self.outputs = outputs_of(self.parts, X)
        self.found = {}

    def answer(self, output):
        if self.parts.task in ("classify", "tag"):
            return self.parts.target.probabilities(output)
        return output * self.parts.target.scale + self.parts.target.mean

    def prefix(self, i, s):
        """The answer if the sequence ended after step s, or for tags at step s."""
        if self.parts.task == "tag":
            return self.answer(self.outputs[1][i][s])
        return self.answer(outputs_of(self.parts, [self.X[i][: s + 1]])[0][0])

    def inputs(self, i, j):
        """What layer and direction j saw: (T, width)."""
        D = self.w.directions
        if j < D:
            return self.parts.seen(self.X[i])
        below = self.traces[i].state[(j // D - 1) * D : (j // D) * D, 0]
        return np.concatenate(list(below), axis=-1)

    def cell(self, i, s, j, u, *, x=None, h=None, r=None, z=None, others=None):
        """Every number of one unit's step, with x, h of all units and the unit's gates replaced at will.

        others: the reset gates of the other units, where they do not follow.
        """
        cell, convention = self.w.cells[j // self.w.directions][j % self.w.directions], self.w.convention
        H = self.w.hidden_units
        x = self.inputs(i, j)[s] if x is None else x
        h = self.traces[i].previous()[j, 0, s] if h is None else h
        W, U, b, c = cell
        rs = reference.sigmoid(W[:H] @ x + U[:H] @ h + b[:H])
        own = rs[u] if r is None else r
        rs = rs if others is None else others.copy()
        rs[u] = own
        k = H + u
        z = reference.sigmoid(W[k] @ x + U[k] @ h + b[k]) if z is None else z
        k = 2 * H + u
        after = convention.reset == "after"
        q = U[k] @ h + (0 if c is None else c[u]) if after else U[k] @ (rs * h)
        n = np.tanh(W[k] @ x + b[k] + (rs[u] * q if after else q))
        old = z if convention.keeps else 1 - z
        found = {"h": h[u], "r": rs[u], "z": z, "n": n, "q": q, "out": old * h[u] + (1 - old) * n, "one": 1 - z,
                 "kept": old * h[u], "added": (1 - old) * n, "rh": rs[u] * (q if after else h[u])}  # fmt: skip
        for gate, row in (("r", u), ("z", H + u), ("n", 2 * H + u)):
            found |= {f"{gate}.Wx": W[row] @ x, f"{gate}.Uh": U[row] @ h, f"{gate}.b": b[row]}
        if not after:
            found["n.Uh"] = q
        return found | {"c": 0 if c is None else c[u]}

    def expected(self, i, s, j, u, answer, feature=0):
        """By data-value: every number on the page. `answer` is the output that the contributions explain."""
        t = self.traces[i]
        unit = self.cell(i, s, j, u)
        # the trace says the same as the equations written out above
        for name, a in (("r", t.reset), ("z", t.update), ("n", t.candidate), ("out", t.state), ("h", t.previous())):
            assert_close(np.float64(unit[name]), np.float64(a[j, 0, s, u]), "cell", name)
        found = {f"cell.{k}": v for k, v in unit.items()} | {f"unit.{k}": v for k, v in unit.items()}
        found |= {f"equation.{e}.{k}": v for e in ("r", "z", "n", "out") for k, v in unit.items()}
        final = self.answer(self.outputs[0][i])
        found |= {f"answer.{o}": v for o, v in enumerate(final)} | {f"final.{o}": v for o, v in enumerate(final)}
        found |= {f"sofar.{o}": v for o, v in enumerate(self.prefix(i, s))}
        found |= self.of_answer(i, s, answer)
        found |= {f"input.{f}": v for f, v in enumerate(self.X[i][s])}
        m = memory(self.parts, self.X[i][None], at=s)
        found |= {"nudge.state": m.state[j, 0, u], "nudge.answer": m.answer[j, 0, u]}
        x = self.X[i][s] if j < self.w.directions else self.inputs(i, j)[s]
        found |= {f"play.{k}": unit[k] for k in ("h", "z", "r", "kept", "added", "out", "n")} | {"play.x": x[feature]}
        return found | self.sources(i, s, j, u)

    def sources(self, i, s, j, u):
        """What makes the update gate of the input, as the page lists it at first: the largest products."""
        cell = self.w.cells[j // self.w.directions][j % self.w.directions]
        weight, x = cell.W[self.w.hidden_units + u], self.inputs(i, j)[s]
        order = sorted(range(len(x)), key=lambda k: -abs(weight[k] * x[k]))
        found = {}
        for place, k in enumerate(order[:8]):
            found |= {f"source.{place}.weight": weight[k], f"source.{place}.from": x[k]}
            found |= {f"source.{place}.value": weight[k] * x[k]}
        return found | {"source.rest": sum(weight[k] * x[k] for k in order[8:])}

    def of_answer(self, i, s, answer):
        """What the contributions add up to."""
        values, base, gap = self.contributions(i, answer, s)
        found = {"step.contribution": values[s].sum(), "explained.base": base}
        found |= {"explained.size": abs(values.sum()), "explained.total": base + values.sum()}
        return found | {"explained.own": base + values.sum() + gap, "explained.gap": gap}

    def row(self, i, s, j, units, block):
        """Of some units and the block of steps that holds step s: mean, lowest and highest."""
        t, steps = self.traces[i], range(s // block * block, min(len(self.X[i]), (s // block + 1) * block))
        found = {}
        for name, a in (("z", t.update), ("r", t.reset), ("h", t.state)):
            values = [a[j, 0, step, u] for step in steps for u in units]
            found |= {f"row.{name}.mean": sum(values) / len(values)}
            found |= {f"row.{name}.low": min(values), f"row.{name}.high": max(values)}
        return found

    def contributions(self, i, answer, s):
        """To an output, on the scale that a person reads, and what it is without them; of a tagger at step s."""
        tags = self.parts.task == "tag"
        answer, s = (int(self.outputs[1][i][s].argmax()), s) if answer is None else (answer, None)
        if (i, answer, s) not in self.found:
            at = s if tags else None
            c = contributions(self.parts, self.X[i][None], target=answer, tolerance=5e-3, at=at)
            scale, mean = (
                (1, 0) if tags or self.parts.task == "classify" else (self.parts.target.scale, self.parts.target.mean)
            )
            self.found[i, answer, s] = c.values[0] * scale, (c.base * scale + mean).item(), (c.gap * scale).item()
        return self.found[i, answer, s]

    def units(self):
        """Of the table: time-scales and saturation over all sequences together."""
        if "units" not in self.found:
            self.found["units"] = self._units()
        return self.found["units"]

    def scale(self, j, u):
        """What the page says beside the unit's number."""
        return {"unit.scale": self.units()[f"table.{j * 4 + u}.scale"]}

    def _units(self):
        count = max(map(len, self.X))
        lengths = np.array([len(x) for x in self.X])
        x = np.stack([np.pad(x, ((0, count - len(x)), (0, 0))) for x in self.X])
        t = trace(self.parts, x, lengths=lengths)
        found = {f"table.{i}.scale": v for i, v in enumerate(t.time_scales().ravel())}
        for k, share in enumerate(t.saturation()):
            found |= {f"table.{i}.{k}": v for i, v in enumerate(share.ravel())}
        at = [len(x) // (4 if self.w.directions == 1 else 2) for x in self.X]
        several = [memory(self.parts, x[None], at=a) for x, a in zip(self.X, at, strict=True)]
        for j in range(self.w.layers * self.w.directions):
            for name in ("state", "answer"):
                values = sorted(v for m in several if not np.isnan(v := getattr(m, f"{name}_together")[j, 0]))
                found[f"together.{j}.{name}"] = values[(len(values) - 1) // 2] if values else None
        return found


def assert_numbers(shown, expected, least):
    seen = shown.numbers()
    assert len(seen) >= least
    wrong = [(k, text, expected.get(k)) for k, text in seen if k not in expected or not same(text, expected[k])]
    assert wrong == []


def make(kind, convention, layers, directions, pooling):
    rng = np.random.default_rng(20)
    w = random_weights(rng, convention, layers=layers, directions=directions, size=0.9).astype(np.float32)
    P, O = 4 * directions, 1 if kind == "regress" else 3
    scalers = {"shift": np.array([0.5, -1, 0], np.float32), "scale": np.array([2, 0.25, 1], np.float32)}
    if kind == "regress":
        scalers |= {"y_shift": np.array([40.0], np.float32), "y_scale": np.array([3.0], np.float32)}
    V, b_y = rng.normal(size=(O, P)).astype(np.float32), rng.normal(size=O).astype(np.float32)
    parts = small_model(w, V, b_y, pooling, kind, classes=tuple(EVIL) if O == 3 else (), **scalers)
    X = [rng.normal(size=(n, 3)).astype(np.float32) for n in (7, 1, 12, 9, 5)]
    if kind == "tag":
        y = [[EVIL[k] for k in rng.integers(0, 3, len(x))] for x in X]
    else:
        y = rng.normal(40, 3, 5) if kind == "regress" else [EVIL[k] for k in rng.integers(0, 3, 5)]
    return parts, X, y


def yes_or_no(threshold=0.3):
    """A tagger of two classes that share a score, with a threshold; sequences and labels."""
    rng = np.random.default_rng(24)
    w = random_weights(rng, CONVENTIONS[1], size=0.9).astype(np.float32)
    V, b_y = rng.normal(size=(1, 4)).astype(np.float32), np.zeros(1, np.float32)
    parts = small_model(w, V, b_y, kind="tag", classes=("no", "yes"))
    X = [rng.normal(size=(n, 3)).astype(np.float32) for n in (9, 6, 12)]
    y = [rng.choice(["no", "yes"], len(x)).tolist() for x in X]
    return replace(parts, target=replace(parts.target, threshold=threshold)), X, y


NETS = {
    "tutorial": ("classify", CONVENTIONS[0], 1, 1, "last"),
    "before-keeps": ("tag", CONVENTIONS[1], 1, 2, "last"),
    "after-adds": ("classify", CONVENTIONS[2], 2, 1, "max"),
    "torch": ("regress", CONVENTIONS[3], 2, 2, "mean"),
    "mean": ("regress", CONVENTIONS[1], 1, 1, "mean"),
}
# Three of them have both resets, layers, directions and all tasks; the others are slow.
SOME_SLOW = [pytest.param(name, marks=pytest.mark.slow) if name in ("after-adds", "mean") else name for name in NETS]


def order_of(shown):
    """The page's sequences by the place they had in X, from their names."""
    return [int(v) for v in shown.ask("data.sequences.map(s => s.id.split(' ').at(-1))")]


def shown_unit(shown):
    return int(shown.page.input_value("#unit"))


def picture_agrees(shown, truth, gate):
    """The picture of the gate gets lighter, or redder, exactly as the values get larger."""
    i = 2
    t = truth.traces[i]
    values = {"z": t.update, "keep": t.keep, "r": t.reset, "n": t.candidate, "h": t.state}[gate][0, 0]  # (T, H)
    order = shown.ask("view.order")
    pixels = shown.page.evaluate(
        """async ([rows, steps]) => { const out = [], image = new Image();
          image.src = document.querySelector("#c-gate image").getAttribute("href");
          await image.decode();
          const copy = document.createElement("canvas");
          copy.width = image.width; copy.height = image.height;
          const pen = copy.getContext("2d", {willReadFrequently: true});
          pen.drawImage(image, 0, 0);
          for (let u = 0; u < rows; u++) for (let t = 0; t < steps; t++)
            out.push(Array.from(
              pen.getImageData((t + .5) * image.width / steps, (u + .5) * image.height / rows, 1, 1).data));
          return out; }""",
        [4, len(values)],
    )
    red, green, blue, _ = np.array(pixels, float).T
    level = (red - blue) if gate in ("n", "h") else 0.3 * red + 0.59 * green + 0.11 * blue
    flat = values[:, order].T.ravel()
    first, second = np.triu_indices(len(flat), 1)
    apart = np.abs(flat[first] - flat[second]) > limit("colours told apart")
    return bool(((level[first] > level[second]) == (flat[first] > flat[second]))[apart].all())
