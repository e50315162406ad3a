"""What one takes from the explorer's page: its address, a plot as a file, the line of Python behind a number."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from compare import assert_close
from explained import NETS, SOME_SLOW, Shown, Truth, make, order_of, same
from gruvy.errors import InputError
from gruvy.inside import answers
from gruvy.inside.explorer import explain
from small_nets import CONVENTIONS, random_weights

PLOTS = ("c-input", "c-contribution", "c-gate", "c-answer", "f-nudge")


def opened(shown, plot):
    """The menu of a plot. By the keyboard: what stands above a plot may still be written, and moves it."""
    heading = "preceding-sibling::div[1]" if plot.startswith("c-") else "ancestor::figure/figcaption"
    menu = shown.page.locator(f"#{plot} >> xpath={heading} >> details.menu")
    menu.locator("summary").press("Enter")
    return menu


def said(shown, plot, x, y):
    """What the pointer reads at a place of a plot, in the plot's own values, and the line of Python for it."""
    shown.page.locator(f"#{plot}").scroll_into_view_if_needed()
    place = shown.ask("charts.get(document.getElementById(given[0])).place(given[1], given[2])", [plot, x, y])
    shown.page.mouse.move(*place)
    text = shown.page.inner_text(".reading")
    menu = opened(shown, plot)
    menu.get_by_role("button", name="Python").press("Enter")
    assert text in menu.inner_text()
    code = menu.locator("pre").inner_text()
    shown.page.keyboard.press("Escape")
    return text, code


def run(code, model, X):
    names = {"model": model, "X": X}
    *imports, line = code.split("\n")
    exec("\n".join(imports), names)
    return eval(line, names)


@pytest.mark.parametrize("name", SOME_SLOW)
def test_the_line_of_python_gives_the_number_under_the_pointer(browser, tmp_path, name):
    parts, X, y = make(*NETS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown, rng = Shown(browser, path), np.random.default_rng(70)
    order, tried = order_of(shown), 0
    if parts.weights.layers * parts.weights.directions > 1:
        shown.choose("layer", 1)
    for k in rng.permutation(5)[:3]:
        shown.choose("sequence", k)
        T = len(X[order[k]])
        shown.slide("step", int(rng.integers(1, T + 1)))
        for plot in PLOTS:
            if not shown.page.is_visible(f"#{plot} svg"):
                assert plot == "c-answer"
                assert parts.weights.directions == 2
                continue
            gate = rng.choice(["z", "keep", "r", "n", "h"])
            if plot == "c-gate":
                shown.choose("gate", gate)
            x0, x1, y0, y1 = shown.ask(
                "(c => [...c.x.domain, ...c.y.domain])(charts.get(document.getElementById(given)))", plot
            )
            text, code = said(shown, plot, rng.uniform(x0, x1), rng.uniform(*sorted((y0, y1))))
            value = run(code, parts, X)
            if plot == "f-nudge":  # the line says how long, the text how much
                what = "answer" if text.startswith("on the answer") else "state"
                found = dict(shown.numbers()).get(f"nudge.{what}")
                assert (found is None and not np.isfinite(value)) or int(found) == value
            else:
                printed = re.search(r": (−?[\d.e+−]+)(?:, (?:for|against|raises|lowers))?$", text)[1]
                assert same(printed, float(value)), (text, code, value)
            tried += 1
    assert tried >= 12
    shown.close(path)


def test_arrays_of_one_channel_are_called_as_they_are(browser, tmp_path):
    w = random_weights(np.random.default_rng(71), CONVENTIONS[0], I=1).astype(np.float32)
    X = np.random.default_rng(72).normal(size=(3, 6)).astype(np.float32)
    path = tmp_path / "page.html"
    explain(w, X, path)
    shown = Shown(browser, path)
    text, code = said(shown, "c-input", 2.5, 0)
    i = int(shown.ask("sequence().at"))
    assert code.split("\n")[-1] == f"X[{i}][2]"
    assert same(text.split(": ")[1], run(code, w, X))
    text, code = said(shown, "c-gate", 2.5, 1.5)
    assert same(text.split(": ")[1], run(code, w, X))
    shown.close(path)


def test_the_view_stands_in_the_address_and_comes_back(browser, tmp_path):
    parts, X, y = make(*NETS["after-adds"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path)
    assert shown.page.url == path.as_uri()  # nothing was chosen yet
    k = order_of(shown).index(2)
    shown.choose("sequence", k)
    shown.choose("layer", 1)
    shown.slide("step", 9)
    shown.page.fill("#unit", "3")
    shown.page.press("#unit", "Enter")
    shown.choose("gate", "h")
    shown.choose("order", "number")
    shown.page.click("#theme")
    shown.page.wait_for_timeout(600)
    address = shown.page.url
    assert address.split("#")[1] == "sequence=2&step=9&unit=3&layer=1&gate=h&order=number&theme=dark"
    numbers, shown_before = (
        shown.numbers(),
        shown.ask("[view.at, view.t, view.layer, view.unit, view.gate, view.order]"),
    )
    shown.close(path)
    again = Shown(browser, path, at=address)
    assert again.ask("[view.at, view.t, view.layer, view.unit, view.gate, view.order]") == shown_before
    assert again.numbers() == numbers
    assert again.page.evaluate("document.documentElement.dataset.theme") == "dark"
    # a link that is pasted over it is followed; what makes no sense is passed over
    again.page.evaluate("location.hash = 'sequence=0&step=2&unit=99&gate=nonsense&theme=purple&x=<b>'")
    again.page.wait_for_timeout(200)
    assert again.ask("[sequence().at, view.t, view.layer, view.unit, view.gate]") == [0, 1, 1, 3, "h"]
    assert again.page.evaluate("document.documentElement.dataset.theme") == "dark"
    again.context.close()
    assert again.said == []


def test_a_plot_is_saved_as_a_picture_a_drawing_and_a_table(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y, ids=[f"case {i}" for i in range(5)])
    truth, shown = Truth(parts, X), Shown(browser, path)
    files = {}
    for kind in ("PNG", "SVG", "CSV"):
        menu = opened(shown, "c-gate")
        with shown.page.expect_download() as download:
            menu.get_by_role("button", name=kind).click()
        files[kind] = tmp_path / f"saved.{kind}"
        download.value.save_as(files[kind])
        assert download.value.suggested_filename == f"case-{order_of(shown)[0]}-the-gates.{kind.lower()}"
    png = files["PNG"].read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(png[16:20])
    assert width == 2 * int(shown.page.get_attribute("#c-gate svg", "width"))
    root = ElementTree.fromstring(files["SVG"].read_text())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in "".join(e.get("style", "") for e in root.iter())  # it stands alone
    rows = list(csv.reader(io.StringIO(files["CSV"].read_text())))
    i = order_of(shown)[0]
    for row in rows[1:]:
        values = np.array(row[1:], float)
        assert_close(values, truth.traces[i].update[0, 0, :, int(row[0])].astype(np.float64), "same")
    assert len(rows) == 5
    shown.close(path)


def test_every_panel_is_saved_the_cell_with_its_numbers(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    truth, shown = Truth(parts, X), Shown(browser, path)
    shown.page.wait_for_selector("#c-space svg")
    panels = shown.page.eval_on_selector_all("[data-plot]", "all => all.map(e => e.id)")
    assert {"cell", "c-influence", "c-space", "c-gate", "f-memory"} <= set(panels)
    assert shown.page.locator("details.menu").count() == len(panels)
    saved = {}
    for panel, name in (("cell", "the cell"), ("c-influence", "who made this"), ("c-space", "the space of states")):
        for kind in ("SVG", "CSV"):
            menu = shown.page.locator(f"details.menu:has(summary[aria-label^='Save {name}'])")
            menu.locator("summary").click()
            with shown.page.expect_download() as download:
                menu.get_by_role("button", name=kind).click()
            download.value.save_as(tmp_path / f"{panel}.{kind}")
            saved[panel, kind] = (tmp_path / f"{panel}.{kind}").read_text()
        drawn = ElementTree.fromstring(saved[panel, "SVG"])
        assert len(list(drawn.iter())) > 20
        assert "var(" not in "".join(e.get("style", "") for e in drawn.iter())
        assert len(list(csv.reader(io.StringIO(saved[panel, "CSV"])))) > 5
    i, s, u = order_of(shown)[0], shown.ask("view.t"), shown.ask("view.unit")
    numbers = dict(csv.reader(io.StringIO(saved["cell", "CSV"])))
    t = truth.traces[i]
    for name, a in (("r", t.reset), ("z", t.update), ("n", t.candidate), ("out", t.state)):
        assert_close(np.float64(numbers[name]), a[0, 0, s, u], "cell", name)
    shown.close(path)


def test_answers_at_every_step_are_the_model_on_what_came_before():
    rng = np.random.default_rng(73)
    for name in ("tutorial", "after-adds", "mean"):
        parts, X, _ = make(*NETS[name])
        truth = Truth(parts, X)
        i, s = 2, int(rng.integers(1, 12))
        assert_close(answers(truth.parts, X)[i][s], np.asarray(truth.prefix(i, s)), "same")
    two, X, _ = make(*NETS["torch"])
    with pytest.raises(InputError) as error:
        answers(two, X)
    assert str(error.value) == "model: it reads in both directions, so it has no answer before the end"
