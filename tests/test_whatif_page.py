"""What if, on the page in a browser: every number against Python's trace with the same edits; what a hand can do."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest

from axe import violations
from compare import assert_close
from edit_cases import random_edits
from explained import NETS, SOME_SLOW, Shown, Truth, make, order_of, same
from gruvy.inside import describe, read_out, trace
from gruvy.inside.edits import Edit, Plan
from gruvy.inside.explorer import aggregate, explain
from gruvy.inside.trace import blank_of
from web_numbers import told


def fitting(edits, T):
    """As the page has them: a range ends with the sequence."""
    found = []
    for e in edits:
        a, b = e.steps or (0, T)
        if a < T:
            value = e.value
            if isinstance(value, tuple) and isinstance(value[0], tuple) and len(value) > 1 and e.steps:
                value = value[: min(T, b) - a]
            found.append(replace(e, steps=None if e.steps is None else (a, min(T, b)), value=value))
    return found


class Edited(Truth):
    """What the page must print where edits were made, from Python's trace with the same edits."""

    def __init__(self, parts, X, edits):
        super().__init__(parts, X)
        own = [fitting(edits, len(x)) for x in X]
        plans = [Plan(e, self.w, len(x)) for e, x in zip(own, X, strict=True)]
        self.before = [read_out(self.parts, t) for t in self.traces]
        self.traces = [trace(self.parts, x[None], edits=e) for e, x in zip(own, X, strict=True)]
        self.X = [p.edited(x[None], None, None, blank_of(self.parts))[0][0] for p, x in zip(plans, X, strict=True)]
        self.read = [read_out(self.parts, t) for t in self.traces]
        self.own, self.plain = own, Truth(parts, X)

    def expected(self, i, s, j, u, answer, feature=0):
        t, free = self.traces[i], self.cell(i, s, j, u)
        unit = self.cell(i, s, j, u, r=t.reset[j, 0, s, u], others=t.reset[j, 0, s])
        values = {"r": t.reset, "z": t.update, "n": t.candidate, "out": t.state, "h": t.previous()}
        unit |= {k: a[j, 0, s, u] for k, a in values.items()}
        old = unit["z"] if self.w.convention.keeps else 1 - unit["z"]
        after = self.w.convention.reset == "after"
        unit |= {"kept": old * unit["h"], "added": (1 - old) * unit["n"], "one": 1 - unit["z"]}
        unit |= {"q": unit["q"] if t.valid[0, s] else 0.0}
        unit |= {"rh": unit["r"] * (unit["q"] if after else unit["h"])}
        found = {f"{where}.{k}": v for where in ("cell", "unit") for k, v in unit.items()}
        found |= {f"equation.{e}.{k}": v for e in ("r", "z", "n", "out") for k, v in unit.items()}
        final = self.read[i].final[0]
        for name in ("answer", "final", "now"):
            found |= {f"{name}.{o}": v for o, v in enumerate(final)}
        found |= {f"before.{o}": v for o, v in enumerate(self.before[i].final[0])}
        if self.read[i].steps is not None:
            found |= {f"sofar.{o}": v for o, v in enumerate(self.read[i].steps[0, s])}
        found |= {f"input.{f}": v for f, v in enumerate(self.X[i][s])}
        x = self.X[i][s] if j < self.w.directions else self.inputs(i, j)[s]
        found |= {f"play.{k}": free[k] for k in ("h", "z", "r", "kept", "added", "out", "n")} | {"play.x": x[feature]}
        was = self.plain.expected(i, s, j, u, answer)
        found |= self.sources(i, s, j, u)
        return found | {k: v for k, v in was.items() if k.startswith(("explained.", "step.", "nudge."))}


def address(path, edits):
    return f"{path.as_uri()}#edits={quote(json.dumps([told(e) for e in edits]))}"


def agree(shown, expected):
    """Every number on the page; those of a nudge, which are whole, have a test of their own."""
    seen = [(k, text) for k, text in shown.numbers() if not k.startswith("nudge.")]
    assert len(seen) >= 35
    assert [(k, text, expected.get(k)) for k, text in seen if k not in expected or not same(text, expected[k])] == []


@pytest.mark.parametrize("name", SOME_SLOW)
def test_every_number_on_an_edited_page_is_pythons(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    plain, count = Truth(parts, X), 0
    for seed in range(3):
        print(f"seed {seed}")
        rng = np.random.default_rng(seed)
        edits = random_edits(rng, parts, 12)
        truth, shown = Edited(parts, X, edits), Shown(browser, path)
        shown.page.goto(address(path, edits))
        shown.page.reload()
        order, layers = order_of(shown), truth.w.layers * truth.w.directions
        answers = shown.ask("data.sequences.map(s => s.answers.map(a => a.output))")
        for k, i in enumerate(order):
            if not truth.own[i]:
                continue  # nothing of it fits the sequence
            shown.choose("sequence", k)
            for s in {0, len(X[i]) - 1, int(rng.integers(len(X[i])))}:
                j, u = int(rng.integers(layers)), int(rng.integers(4))
                shown.stand(layers, j, s, u)
                expected = (
                    truth.expected(i, s, j, u, answers[k][0] if answers[k] else None)
                    | plain.units()
                    | plain.scale(j, u)
                )
                agree(shown, expected)
                count += len(shown.numbers())
        shown.context.close()
        assert shown.said == []
    print(f"{count} numbers")
    assert count > 800


def test_the_comparison_fails_on_planted_faults(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    edits = [Edit("state", "set", 0.4, steps=(1, 3), units=2)]
    shown = Shown(browser, path)
    shown.page.goto(address(path, edits))
    shown.page.reload()
    i, s, answer = order_of(shown)[0], 3, shown.ask("sequence().answers[0].output")
    shown.stand(1, 0, s, 1)
    plain = Truth(parts, X)
    for fault in ("none", "later", "unit", "value"):
        other = {
            "none": edits[0],
            "later": replace(edits[0], steps=(1, 4)),
            "unit": replace(edits[0], units=3),
            "value": replace(edits[0], value=0.401),
        }[fault]
        expected = Edited(parts, X, [other]).expected(i, s, 0, 1, answer) | plain.units() | plain.scale(0, 1)
        if fault == "none":
            agree(shown, expected)
            continue
        with pytest.raises(AssertionError):
            agree(shown, expected)
    shown.context.close()


def opened(browser, tmp_path, name="tutorial"):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path)
    return parts, [X[i] for i in order_of(shown)], shown


def made(shown):
    """The edits that the page has, from its address, which follows in a moment."""
    shown.page.wait_for_timeout(450)
    return json.loads(shown.page.evaluate("new URLSearchParams(location.hash.slice(1)).get('edits') || '[]'"))


def says_now(shown, parts, x, edits):
    """The answers that stand on the page are those of the edited run."""
    final = read_out(parts, trace(parts, x[None], edits=edits)).final[0]
    shown_values = {k: v for k, v in shown.numbers() if k.startswith(("answer.", "now."))}
    assert shown_values
    assert [k for k, v in shown_values.items() if not same(v, final[int(k.split(".")[1])])] == []


def settled(shown):
    """What the page works out by and by has its place: nothing moves under the hand."""
    shown.page.wait_for_function(
        """() => {
      const now = [...document.querySelectorAll("svg")].map((e) => Math.round(e.getBoundingClientRect().top)).join();
      const same = now === window.before;
      window.before = now;
      return same;
    }""",
        polling=300,
    )


def drag(shown, plot, first, last, rows=(None, None)):
    settled(shown)
    x0, y0 = shown.place(plot, first, rows[0])
    x1, y1 = shown.place(plot, last, rows[1])
    shown.page.mouse.move(x0, y0)
    shown.page.mouse.down()
    shown.page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    shown.page.mouse.move(x1, y1)
    shown.page.mouse.up()


def test_a_hand_drags_a_range_and_blanks_it_and_moves_it(browser, tmp_path):
    parts, X, shown = opened(browser, tmp_path)
    shown.page.check("input[value=steps]")
    drag(shown, "c-input", 2, 4)
    assert (shown.page.input_value("#w-from"), shown.page.input_value("#w-to")) == ("2", "4")
    shown.page.select_option("#w-action", "blank")
    shown.page.click("#w-add")
    assert made(shown) == [{"target": "input", "action": "blank", "steps": [1, 4]}]
    says_now(shown, parts, X[0], [Edit("input", "blank", steps=(1, 4))])
    assert shown.page.inner_text(".chip button:first-child") == "input blank, steps 2–4"
    drag(shown, "c-answer", 3, 5)  # while it is chosen the drag moves it
    says_now(shown, parts, X[0], [Edit("input", "blank", steps=(2, 5))])
    shown.page.click("#w-undo")
    says_now(shown, parts, X[0], [Edit("input", "blank", steps=(1, 4))])
    shown.page.click("#w-undo")
    assert made(shown) == []
    says_now(shown, parts, X[0], []) if shown.page.query_selector("[data-value^='now.']") else None
    shown.page.click("#w-redo")
    shown.page.click("#w-redo")
    says_now(shown, parts, X[0], [Edit("input", "blank", steps=(2, 5))])
    shown.page.click(".chip button:first-child")
    shown.page.fill(".chip input", "the clue")
    shown.page.press(".chip input", "Enter")
    assert made(shown)[0]["name"] == "the clue"
    shown.page.click(".chip .away")
    assert made(shown) == []
    assert shown.page.inner_text("#w-verdict") == "Nothing is changed."
    shown.context.close()
    assert shown.said == []


def test_rows_of_units_are_dragged_on_the_gates_and_a_slider_moves_them(browser, tmp_path):
    parts, X, shown = opened(browser, tmp_path)
    shown.choose("order", "number")
    shown.choose("gate", "h")
    shown.page.check("input[value=steps]")
    drag(shown, "c-gate", 2, 3, (1, 2))
    assert shown.page.input_value("#w-target") == "state"
    assert shown.page.input_value("#w-units") == "1, 2"
    shown.page.click("#w-add")
    assert made(shown) == [{"target": "state", "action": "set", "value": 0, "steps": [1, 3], "units": [1, 2]}]
    shown.page.select_option("#w-action", "set")
    for value in (-0.5, 0.25):
        shown.slide("w-slider", value)
        says_now(shown, parts, X[0], [Edit("state", "set", value, steps=(1, 3), units=(1, 2))])
    shown.page.dispatch_event("#w-slider", "change")
    assert made(shown)[0]["value"] == 0.25
    shown.context.close()
    assert shown.said == []


def test_the_gates_show_the_change(browser, tmp_path):
    parts, X, shown = opened(browser, tmp_path)
    edits = [Edit("state", "set", 0.5, steps=(1, 3), units=1)]
    shown.page.goto(f"{shown.page.url.split('#')[0]}#gate=h&edits={quote(json.dumps([told(e) for e in edits]))}")
    shown.page.reload()
    shown.page.check("#w-moved")
    table = shown.ask("charts.get(document.getElementById('c-gate')).table()")
    found = np.array([row[1:] for row in sorted(table[1:])], float)
    moved = trace(parts, X[0][None], edits=edits).state[0, 0] - trace(parts, X[0][None], edits=[]).state[0, 0]
    assert_close(found, moved.T, "derivative")
    shown.page.uncheck("#w-moved")
    assert shown.page.inner_text("#gate-name") == "State h"
    shown.context.close()
    assert shown.said == []


def test_a_hand_draws_on_the_input(browser, tmp_path):
    parts, X, shown = opened(browser, tmp_path)
    shown.page.check("input[value=paint]")
    low, high = shown.ask("(c => c.y.domain)(charts.get(document.getElementById('c-input')))")
    drag(shown, "c-input", 2, 4)
    (edit,) = made(shown)
    assert (edit["target"], edit["action"], edit["steps"]) == ("input", "set", [1, 4])
    middle = [v for (v,) in edit["value"]]
    assert_close(np.array(middle), np.full(3, (low + high) / 2), "three decimals")
    drawn = Edit("input", "set", edit["value"], steps=tuple(edit["steps"]), units=edit["units"])
    says_now(shown, parts, X[0], [drawn])
    shown.context.close()
    assert shown.said == []


def test_all_of_it_from_the_keyboard(browser, tmp_path):
    parts, X, shown = opened(browser, tmp_path)
    page = shown.page
    page.focus("#tracks")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert (page.input_value("#w-from"), page.input_value("#w-to")) == ("2", "4")
    for target, action, value in (("input", "cut", None), ("update", "set", "0.75"), ("state", "scale", "0.5")):
        page.focus("#w-target")
        page.select_option("#w-target", target)
        page.select_option("#w-action", action)
        if value:
            page.focus("#w-value")
            page.keyboard.press("Control+a")
            page.keyboard.type(value)
        page.focus("#w-add")
        page.keyboard.press("Enter")
        page.focus("#w-add")
        page.keyboard.press("Enter")  # another one
    edits = [
        Edit("input", "cut", steps=(1, 4)),
        Edit("update", "set", 0.75, steps=(1, 4)),
        Edit("state", "scale", 0.5, steps=(1, 4)),
    ]
    assert len(made(shown)) == 3
    says_now(shown, parts, X[0], edits)
    page.focus("#tracks")
    page.keyboard.press("Control+z")
    says_now(shown, parts, X[0], edits[:2])
    page.keyboard.press("Control+y")
    says_now(shown, parts, X[0], edits)
    page.focus("#chip-away-0")
    page.keyboard.press("Enter")
    says_now(shown, parts, X[0], edits[1:])
    assert page.evaluate("document.activeElement.id") == "chip-away-0"
    shown.context.close()
    assert shown.said == []


def test_a_link_with_nonsense_is_a_page_without_edits(browser, tmp_path):
    _, _, shown = opened(browser, tmp_path)
    url = shown.page.url
    for text in ("{", "[3]", '{"a": 1}', '[{"target": "input", "action": "set", "value": "x"}]'):
        shown.page.goto(f"{url}#edits={quote(text)}")
        shown.page.reload()
        assert shown.page.inner_text("#w-verdict") == "Nothing is changed."
    shown.context.close()
    assert shown.said == []


def sentence(shown):
    """Once it has been worked out."""
    for _ in range(200):
        text = shown.page.inner_text("#sentence")
        if text and not shown.page.locator("#sentence.stale").count():
            return text
        shown.page.wait_for_timeout(50)
    raise AssertionError(text)


@pytest.mark.parametrize("name", ["tutorial", "mean"])
def test_the_sentence_on_the_page_is_pythons(browser, tmp_path, name):
    parts, X, shown = opened(browser, tmp_path, name)
    assert sentence(shown) == " ".join(describe(parts, X[0]).text.split())
    edits = [Edit("input", "scale", 3.0, steps=(1, 5))]
    shown.page.goto(f"{shown.page.url.split('#')[0]}#edits={quote(json.dumps([told(e) for e in edits]))}")
    shown.page.reload()
    assert sentence(shown) == " ".join(describe(parts, X[0], edits=edits).text.split())
    shown.context.close()
    assert shown.said == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_an_edited_page(browser, tmp_path, theme):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path, color_scheme=theme)
    edits = [Edit("input", "blank", steps=(1, 3)), Edit("state", "set", 0.0, units=1, name="one off")]
    shown.page.goto(address(path, edits))
    shown.page.reload()
    shown.page.click("#chip-0")
    for panel in ("influence", "again", "space"):
        shown.page.locator(f"#{panel}").scroll_into_view_if_needed()
        shown.page.wait_for_timeout(600)
    shown.page.focus("#tracks")
    shown.page.keyboard.press("Shift+ArrowRight")
    shown.page.wait_for_timeout(600)
    assert violations(shown.page) == []
    shown.context.close()
    assert shown.said == []


@pytest.mark.parametrize("name", ["tutorial", "torch"])
def test_a_net_that_runs_beside_the_page_takes_edits_too(browser, tmp_path, monkeypatch, name):
    monkeypatch.setattr(aggregate, "AT_ONCE", 0)
    parts, X, shown = opened(browser, tmp_path, name)
    edits = [
        Edit("input", "scale", 2.0, steps=(0, 3)),
        Edit("update", "set", 0.3, units=2),
        Edit("input", "cut", steps=1),
    ]
    fit = fitting(edits, len(X[0]))
    shown.page.goto(f"{shown.page.url.split('#')[0]}#edits={quote(json.dumps([told(e) for e in edits]))}")
    shown.page.reload()
    shown.page.wait_for_selector("#w-verdict [data-value]")
    assert shown.ask("data.background")
    says_now(shown, parts, X[0], fit)
    shown.page.click("#w-none")
    for _ in range(100):
        if shown.page.inner_text("#w-verdict") == "Nothing is changed.":
            break
        shown.page.wait_for_timeout(30)
    assert shown.page.inner_text("#w-verdict") == "Nothing is changed."
    assert shown.page.locator("#influence").is_hidden()
    shown.context.close()
    assert shown.said == []
