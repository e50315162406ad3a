"""The explorer's page in a real browser: every number against the trace, no message, no request."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from explained import EVIL, NETS, Shown, Truth, assert_numbers, make, number, order_of, same, shown_unit
from gruvy.inside.explorer import explain
from gruvy.weights import Weights


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


@pytest.mark.parametrize("name", NETS)
def test_every_number_on_the_page_is_the_traces(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y, ids=[f"<b>id</b> {i}" for i in range(len(X))], features=EVIL)
    truth, shown = Truth(parts, X), Shown(browser, path)
    order = order_of(shown)
    assert sorted(order) == [0, 1, 2, 3, 4]
    answers = shown.ask("data.sequences.map(s => s.answers.map(a => a.output))")
    layers = truth.w.layers * truth.w.directions
    first = truth.expected(order[0], len(X[order[0]]) // 2, 0, shown_unit(shown), (answers[0] or [None])[0])
    assert_numbers(shown, first | truth.units() | truth.scale(0, shown_unit(shown)), 40)
    rng = np.random.default_rng(21)
    for k, i in enumerate(order):
        shown.choose("sequence", k)
        for a, output in enumerate(answers[k] or [None]):
            if len(answers[k]) > 1:
                shown.choose("target", a)
            for s in {0, len(X[i]) - 1, int(rng.integers(len(X[i])))}:
                j, u = int(rng.integers(layers)), int(rng.integers(4))
                shown.stand(layers, j, s, u)
                shown.choose("p-feature", 1)
                expected = truth.expected(i, s, j, u, output, feature=1)
                assert_numbers(shown, expected | truth.units() | truth.scale(j, u), 40)
    shown.close(path)


def test_the_comparison_with_the_trace_fails_on_a_page_of_another_net(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    cell = parts.weights.cells[0][0]
    other = replace(parts, weights=Weights("tutorial", [[cell._replace(b=cell.b + np.float32(1e-3))]]))
    path = tmp_path / "page.html"
    explain(other, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    i, u = order_of(shown)[0], shown_unit(shown)
    answer = shown.ask("sequence().answers[0].output")
    with pytest.raises(AssertionError):
        assert_numbers(shown, truth.expected(i, len(X[i]) // 2, 0, u, answer) | truth.units() | truth.scale(0, u), 40)
    shown.close(path)


STRAY = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  const known = "[data-value], .tick, script, style, select, #summary, #notes, h1, footer, #place, #step-out, #said, " +
    ".answer > span:first-child, #live, .axis, sub, title, .key, .equation .law, .equation .numbers, table thead, " +
    ".cell .label, #contribution-scale, .plot, #sentence, #again-says, #again-out, " +
    "#space-says, #influence-says, #source-list";
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
    allowed = [
        r"of 4; its own term leaks to 1/e in", r"steps\. Step 2\.", r"If it ended at step 2: .*,", r"1−z?", r"x[0-2]",
        r"After step 2, unit \d: the change of the layer’s state", r"falls for good under 1/e of its largest in ",
        r"\. Medians over 5 sequences, nudged at a quarter of the length\.",
    ]  # fmt: skip
    assert [text for text in stray if not any(re.fullmatch(rule, text) for rule in allowed)] == []
    assert shown.page.inner_text("#place") == "1 of 5"
    assert shown.page.inner_text("#step-out") == f"2 of {len(X[order_of(shown)[0]])}"
    right = sum(r is True for r in shown.ask("data.sequences.map(s => s.right)"))
    assert f"{right} of 5 sequences right ({100 * right / 5:.1f} %)" in shown.page.inner_text("#summary")
    shown.close(path)


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
        x[1] = lowest if j >= truth.w.directions else (lowest - parts.scaler.mean[1]) / parts.scaler.scale[1]
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
