"""The explorer's page in a real browser: every control, every number against the trace, no message, no request."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from gruvy import reference
from gruvy.contributions import contributions
from gruvy.explain import explain, payload
from gruvy.explain.choosing import outputs_of, probabilities
from gruvy.parts import Parts
from gruvy.trace import trace
from gruvy.weights import Weights
from small_nets import CONVENTIONS, random_weights

EVIL = ["</script><b>1</b>", 'it\'s "two" & <i>', "три"]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--force-prefers-reduced-motion",
]  # fmt: skip


def number(text):
    """What a printed number says, and the size of its last digit."""
    plain = text.strip().replace("−", "-")
    if plain in ("∞", "-∞"):
        return float(plain.replace("∞", "inf")), 0
    decimals = re.fullmatch(r"-?\d+\.(\d+)(e[+-]?\d+)?", plain)
    assert decimals, f"not a number as the page prints them: {text!r}"
    return float(plain), 10.0 ** (int((decimals[2] or "e0")[1:]) - len(decimals[1]))


def same(text, expected):
    found, last = number(text)
    return found == expected or abs(found - expected) <= 1.5001 * last  # rounded, and one more in the last digit


def test_the_comparison_of_numbers_fails_on_planted_faults():
    assert same("0.1235", 0.12345)
    assert same("−0.1234", -0.12345)
    assert same("12.35", 12.3449)
    assert same("∞", np.inf)
    assert not same("0.1234", -0.1234)
    assert not same("0.1237", 0.12345)
    assert not same("0.0000", 0.0002)
    with pytest.raises(AssertionError):
        number("NaN")


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="a browser test: needs playwright")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("a browser test: needs chromium")
    with playwright.sync_playwright() as p:
        found = p.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield found
        found.close()


class Shown:
    """A page that is open, with what it said and what it asked for."""

    def __init__(self, browser, path, width=1440, **options):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda m: self.said.append(m.text))
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_timeout(100)

    def close(self, path):
        self.context.close()
        assert self.said == []
        assert self.asked == [path.as_uri()]

    def numbers(self):
        return self.page.evaluate(
            "Array.from(document.querySelectorAll('[data-value]'), e => [e.dataset.value, e.textContent])"
        )

    def choose(self, name, value):
        self.page.select_option(f"#{name}", str(value))

    def slide(self, name, value):
        self.page.eval_on_selector(
            f"#{name}", "(e, v) => { e.focus(); e.value = v; e.dispatchEvent(new Event('input')); }", value
        )


class Truth:
    """What the page must print, from the trace of the same weights, in float64."""

    def __init__(self, parts, X):
        w = parts.weights
        self.parts, self.X = Parts(**{**parts.__dict__, "weights": w.astype(np.float64)}), X
        self.w = self.parts.weights.merged()
        self.traces = [trace(self.parts, x[None]) for x in X]
        self.outputs = outputs_of(self.parts, X, None)
        self.found = {}

    def answer(self, output):
        if self.parts.task in ("classify", "tag"):
            return probabilities(output)
        return output * self.parts.y_scale + self.parts.y_shift

    def prefix(self, i, s):
        """The answer if the sequence ended after step s, or for tags at step s."""
        if self.parts.task == "tag":
            return self.answer(self.outputs[1][i][s])
        return self.answer(outputs_of(self.parts, [self.X[i][: s + 1]], None)[0][0])

    def inputs(self, i, j):
        """What layer and direction j saw: (T, width)."""
        D = self.w.directions
        if j < D:
            return self.parts.seen(self.X[i])
        below = self.traces[i].state[(j // D - 1) * D : (j // D) * D, 0]
        return np.concatenate(list(below), axis=-1)

    def cell(self, i, s, j, u, *, x=None, h=None, r=None, z=None):
        """Every number of one unit's step, with x, h of all units and the unit's gates replaced at will."""
        cell, convention = self.w.cells[j // self.w.directions][j % self.w.directions], self.w.convention
        H = self.w.hidden_units
        x = self.inputs(i, j)[s] if x is None else x
        h = self.traces[i].previous()[j, 0, s] if h is None else h
        W, U, b, c = cell
        rs = reference.sigmoid(W[:H] @ x + U[:H] @ h + b[:H])
        rs[u] = rs[u] if r is None else r
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
            assert abs(unit[name] - a[j, 0, s, u]) < 1e-12
        found = {f"cell.{k}": v for k, v in unit.items()} | {f"unit.{k}": v for k, v in unit.items()}
        found |= {f"equation.{e}.{k}": v for e in ("r", "z", "n", "out") for k, v in unit.items()}
        final = self.answer(self.outputs[0][i])
        found |= {f"answer.{o}": v for o, v in enumerate(final)} | {f"final.{o}": v for o, v in enumerate(final)}
        found |= {f"sofar.{o}": v for o, v in enumerate(self.prefix(i, s))}
        found |= {"step.contribution": self.contributions(i, answer)[s].sum()}
        found |= {f"input.{f}": v for f, v in enumerate(self.X[i][s])}
        x = self.X[i][s] if j < self.w.directions else self.inputs(i, j)[s]
        found |= {f"play.{k}": unit[k] for k in ("h", "z", "r", "kept", "added", "out", "n")} | {"play.x": x[feature]}
        return found

    def contributions(self, i, answer):
        if (i, answer) not in self.found:
            c = contributions(self.parts, self.X[i][None], target=answer, tolerance=5e-3)
            self.found[i, answer] = c.values[0]
        return self.found[i, answer]

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
    parts = Parts(w, V, b_y, pooling, kind, classes=tuple(EVIL) if O == 3 else (), **scalers)
    X = [rng.normal(size=(n, 3)).astype(np.float32) for n in (7, 1, 12, 9, 5)]
    if kind == "tag":
        y = [[EVIL[k] for k in rng.integers(0, 3, len(x))] for x in X]
    else:
        y = rng.normal(40, 3, 5) if kind == "regress" else [EVIL[k] for k in rng.integers(0, 3, 5)]
    return parts, X, y


NETS = {
    "tutorial": ("classify", CONVENTIONS[0], 1, 1, "last"),
    "before-keeps": ("tag", CONVENTIONS[1], 1, 2, "last"),
    "after-adds": ("classify", CONVENTIONS[2], 2, 1, "max"),
    "torch": ("regress", CONVENTIONS[3], 2, 2, "mean"),
    "mean": ("regress", CONVENTIONS[1], 1, 1, "mean"),
}


def order_of(shown):
    """The page's sequences by the place they had in X, from their names."""
    return [int(v) for v in shown.page.evaluate("data.sequences.map(s => s.id.split(' ').at(-1))")]


@pytest.mark.parametrize("name", NETS)
def test_every_number_on_the_page_is_the_traces(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y, ids=[f"<b>id</b> {i}" for i in range(len(X))], features=EVIL)
    truth, shown = Truth(parts, X), Shown(browser, path)
    order = order_of(shown)
    assert sorted(order) == [0, 1, 2, 3, 4]
    answers = shown.page.evaluate("data.sequences.map(s => s.answers.map(a => a.output))")
    layers = truth.w.layers * truth.w.directions
    first = truth.expected(order[0], len(X[order[0]]) // 2, 0, shown_unit(shown), answers[0][0])
    assert_numbers(shown, first | truth.units() | truth.scale(0, shown_unit(shown)), 40)
    rng = np.random.default_rng(21)
    for k, i in enumerate(order):
        shown.choose("sequence", k)
        for a, output in enumerate(answers[k]):
            if len(answers[k]) > 1:
                shown.choose("target", a)
            for s in {0, len(X[i]) - 1, int(rng.integers(len(X[i])))}:
                j, u = int(rng.integers(layers)), int(rng.integers(4))
                if layers > 1:
                    shown.choose("layer", j)
                shown.slide("step", s + 1)
                shown.page.fill("#unit", str(u))
                shown.page.press("#unit", "Enter")
                shown.choose("p-feature", 1)
                expected = truth.expected(i, s, j, u, output, feature=1)
                assert_numbers(shown, expected | truth.units() | truth.scale(j, u), 40)
    shown.close(path)


def shown_unit(shown):
    return int(shown.page.input_value("#unit"))


def test_the_comparison_with_the_trace_fails_on_a_page_of_another_net(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    cell = parts.weights.cells[0][0]
    other = Parts(**{**parts.__dict__, "weights": Weights("tutorial", [[cell._replace(b=cell.b + np.float32(1e-3))]])})
    path = tmp_path / "page.html"
    explain(other, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    i, u = order_of(shown)[0], shown_unit(shown)
    answer = shown.page.evaluate("sequence().answers[0].output")
    with pytest.raises(AssertionError):
        assert_numbers(shown, truth.expected(i, len(X[i]) // 2, 0, u, answer) | truth.units() | truth.scale(0, u), 40)
    shown.close(path)


STRAY = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  const known = "[data-value], .tick, script, style, select, #summary, #notes, h1, footer, #place, #step-out, #said, " +
    ".answer > span:first-child, #live, .axis, sub, title, .key, .equation .law, .equation .numbers, table thead, " +
    ".cell .label, #contribution-scale";
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (/[0-9]/.test(node.textContent) && !node.parentElement.closest(known)) found.push(node.textContent.trim());
  }
  return found;
}"""


def test_no_number_stands_outside_what_is_compared(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path)
    shown.slide("step", 2)
    stray = shown.page.evaluate(STRAY)
    # the rest is words around the cursor: which step, how many units, what is written in formulas
    allowed = [r"of 4; remembers for", r"steps\. Step 2\.", r"If it ended at step 2: .*,", r"1−z?", r"x[0-2]"]
    assert [text for text in stray if not any(re.fullmatch(rule, text) for rule in allowed)] == []
    assert shown.page.inner_text("#place") == "1 of 5"
    assert shown.page.inner_text("#step-out") == f"2 of {len(X[order_of(shown)[0]])}"
    right = sum(r is True for r in shown.page.evaluate("data.sequences.map(s => s.right)"))
    assert f"{right} of 5 sequences right ({100 * right / 5:.1f} %)" in shown.page.inner_text("#summary")
    shown.close(path)


def test_every_control(browser, tmp_path):
    parts, X, y = make(*NETS["after-adds"])
    path = tmp_path / "page.html"
    history = [{"epoch": e, "loss": 1 / e, "val_loss": 1.2 / e, "val_score": 1 - 1 / (e + 1)} for e in range(1, 9)]
    explain(parts, X, path, y, history=history, title='A "title" </title><script>x()</script>')
    truth, shown = Truth(parts, X), Shown(browser, path)
    page, order = shown.page, order_of(shown)
    assert page.title() == 'A "title" </title><script>x()</script>'

    def step():
        return int(page.input_value("#step"))

    def check():
        i = order[int(page.evaluate("view.list[view.at]"))]
        j = int(page.input_value("#layer"))
        output = page.evaluate("sequence().answers[view.target].output")
        expected = truth.expected(i, step() - 1, j, shown_unit(shown), output)
        assert_numbers(shown, expected | truth.units() | truth.scale(j, shown_unit(shown)), 40)

    # choosing sequences: mistakes first, buttons at both ends, filters
    rights = page.evaluate("data.sequences.map(s => s.right)")
    assert rights == sorted(rights)
    assert page.is_disabled("#earlier")
    for _ in range(4):
        page.click("#later")
    assert page.is_disabled("#later")
    check()
    page.click("#earlier")
    assert page.inner_text("#place") == "4 of 5"
    shown.choose("filter", "wrong")
    assert page.inner_text("#place") == f"1 of {rights.count(False)}"
    check()
    if True in rights:
        shown.choose("filter", "right")
        check()
    shown.choose("filter", f"class:{EVIL[0]}")
    assert page.evaluate("view.list.every(i => sequences[i].truth === data.classes[0])")
    shown.choose("filter", "all")
    shown.choose("sequence", order.index(2))  # twelve steps
    # the cursor: slider by keyboard, plots by keyboard, by mouse, by a drag
    page.focus("#step")
    page.keyboard.press("Home")
    assert step() == 1
    page.keyboard.press("ArrowRight")
    assert step() == 2
    check()
    page.focus("#tracks")
    keys = {"ArrowRight": 3, "End": 12, "ArrowLeft": 11, "PageUp": 1, "PageDown": 11, "Home": 1}
    for key, wanted in keys.items():
        page.keyboard.press(key)
        assert step() == wanted, key
    shown.choose("order", "number")
    page.fill("#unit", "0")
    page.press("#unit", "Enter")
    page.focus("#tracks")
    page.keyboard.press("ArrowDown")
    assert shown_unit(shown) == 1
    page.keyboard.press("ArrowUp")
    assert shown_unit(shown) == 0
    page.locator("#c-gate").scroll_into_view_if_needed()
    box = page.locator("#c-gate").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 5.5 / 12, box["y"] + box["height"] * 2.5 / 4)
    assert (step(), shown_unit(shown)) == (6, 2)
    check()
    page.mouse.move(box["x"] + box["width"] * 0.5 / 12, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 8.5 / 12, box["y"] + 4, steps=4)
    page.mouse.up()
    assert step() == 9
    check()
    # playing ends at the end
    shown.slide("step", 11)
    page.click("#play")
    assert page.inner_text("#play") == "Pause"
    page.get_by_role("button", name="Play", exact=True).wait_for()
    assert step() == 12
    # what the plots show
    for gate in ("z", "keep", "r", "n", "h"):
        shown.choose("gate", gate)
        assert picture_agrees(page, truth, gate)
    shown.choose("layer", 1)
    check()
    shown.choose("shows", "c")
    shown.choose("shows", "x")
    shown.choose("order", "scale")
    rows = page.evaluate("view.order")
    scales = np.array([truth.units()[f"table.{4 + u}.scale"] for u in rows])
    assert (np.diff(scales) <= 0).all()
    # what a screen reader is told
    page.wait_for_timeout(500)
    assert re.match(r"Step 12 of 12, unit \d: update 0\.\d{4}, reset 0\.\d{4}, state", page.inner_text("#live"))
    # theme, table, the dots of the time-scales
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    check()
    page.click("details summary")
    page.locator("#f-scale circle").nth(0).click()
    assert page.locator("#f-scale circle.on").count() == 1
    check()
    unnamed = page.evaluate(
        """Array.from(document.querySelectorAll('select, input, button')).filter(e =>
             !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.id)"""
    )
    assert unnamed == []
    shown.close(path)


def picture_agrees(page, truth, gate):
    """The picture of the gate gets lighter, or redder, exactly as the values get larger."""
    i = 2
    t = truth.traces[i]
    values = {"z": t.update, "keep": t.keep, "r": t.reset, "n": t.candidate, "h": t.state}[gate][0, 0]  # (T, H)
    order = page.evaluate("view.order")
    pixels = page.evaluate(
        """([rows, steps]) => { const c = document.getElementById("c-gate"), out = [];
          const copy = document.createElement("canvas");
          copy.width = c.width; copy.height = c.height;
          const pen = copy.getContext("2d", {willReadFrequently: true});
          pen.drawImage(c, 0, 0);
          for (let u = 0; u < rows; u++) for (let t = 0; t < steps; t++)
            out.push(Array.from(pen.getImageData((t + .5) * c.width / steps, (u + .5) * c.height / rows, 1, 1).data));
          return out; }""",
        [4, len(values)],
    )
    red, green, blue, _ = np.array(pixels, float).T
    level = (red - blue) if gate in ("n", "h") else 0.3 * red + 0.59 * green + 0.11 * blue
    flat = values[:, order].T.ravel()
    first, second = np.triu_indices(len(flat), 1)
    apart = np.abs(flat[first] - flat[second]) > 0.05
    return bool(((level[first] > level[second]) == (flat[first] > flat[second]))[apart].all())


@pytest.mark.parametrize("name", ["tutorial", "after-adds", "torch"])
def test_the_playground_does_what_the_equations_say(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    i = order_of(shown)[0]
    for j in range(truth.w.layers * truth.w.directions):
        if truth.w.layers * truth.w.directions > 1:
            shown.choose("layer", j)
        s, u = int(shown.page.input_value("#step")) - 1, shown_unit(shown)
        x, h = truth.inputs(i, j)[s].copy(), truth.traces[i].previous()[j, 0, s].copy()

        def check(user_x, x=x, h=h, s=s, u=u, j=j, **forced):
            unit = truth.cell(i, s, j, u, x=x, h=h, **forced)
            wanted = {f"play.{k}": unit[k] for k in ("h", "z", "r", "kept", "added", "out", "n")} | {"play.x": user_x}
            found = [(k, v) for k, v in shown.numbers() if k.startswith("play.")]
            assert [(k, v, wanted[k]) for k, v in found if not same(v, wanted[k])] == []
            assert len(found) == 8

        shown.choose("p-feature", 1)
        lowest = float(shown.page.get_attribute("#p-x", "min"))
        shown.slide("p-x", lowest)
        x[1] = lowest if j >= truth.w.directions else (lowest - parts.shift[1]) / parts.scale[1]
        check(lowest)
        shown.slide("p-h", 0.75)
        h[u] = 0.75
        check(lowest)
        shown.slide("p-z", 0.9)
        check(lowest, z=0.9)
        assert shown.page.inner_text("#p-z-is") == "held"
        shown.slide("p-r", 0.1)
        check(lowest, z=0.9, r=0.1)
        shown.page.click("#p-free")
        check(lowest)
        assert shown.page.inner_text("#p-z-is") == "follows"
        shown.page.click("#p-reset")
        x, h = truth.inputs(i, j)[s], truth.traces[i].previous()[j, 0, s]
        check(X[i][s][1] if j < truth.w.directions else x[1], x=x, h=h)
    shown.close(path)


def test_labels_are_text_and_never_markup(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    nasty = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    classes = [nasty + str(k) for k in range(3)]
    explain(parts, X, path, y, ids=[nasty] * 5, features=[nasty] * 3, classes=classes, title=nasty)
    html = path.read_text()
    assert "<img" not in html
    assert html.count("<script") == 2
    shown = Shown(browser, path)
    assert shown.page.title() == nasty
    assert shown.page.locator("img").count() == 0
    assert nasty in shown.page.inner_text("#sequence option >> nth=0")
    shown.close(path)


def test_a_finger_on_a_narrow_screen(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path, width=390, has_touch=True, color_scheme="dark")
    page = shown.page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    shown.choose("sequence", order_of(shown).index(2))
    page.locator("#c-gate").scroll_into_view_if_needed()
    box = page.locator("#c-gate").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 3.5 / 12, box["y"] + 5)
    assert page.input_value("#step") == "4"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    shown.close(path)


def test_many_units_and_steps_are_averaged_and_said(browser, tmp_path, monkeypatch):
    monkeypatch.setattr(payload, "MOST_WORK", 1e9)
    rng = np.random.default_rng(22)
    w = random_weights(rng, CONVENTIONS[0], I=1, H=310, size=0.05).astype(np.float32)
    x = rng.normal(size=(1250, 1)).astype(np.float32)
    path = tmp_path / "page.html"
    found = explain(w, [x], path)
    assert found.notes == [
        "Contributions are left out: this net and these sequences are too large for more.",
        "Gradients over lag are left out: this net and these sequences are too large for them.",
    ]
    shown = Shown(browser, path)
    text = shown.page.inner_text("#aggregated")
    assert "each row of the gates is the mean of 3 units; each column is the mean of 2 steps" in text
    assert shown.page.inner_text("#notes").split("\n") == found.notes
    shown.slide("step", 1000)
    t = trace(w.astype(np.float64), x[None], engine="reference")
    u = shown_unit(shown)
    seen = dict(shown.numbers())
    for key, a in (("cell.z", t.update), ("cell.out", t.state), ("cell.n", t.candidate)):
        assert same(seen[key], a[0, 0, 999, u])
    shown.close(path)
