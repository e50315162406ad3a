"""Find again, who made this and the space of states on the page, against Python's."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest

from compare import assert_apart, assert_close, limit
from explained import Shown, make, order_of, same
from gruvy.inside import exciting, find, fixed_points, influence, plane, trace
from gruvy.inside.edits import Edit
from gruvy.inside.explorer import explain
from gruvy.inside.explorer.payload import Names, page_data
from small_nets import CONVENTIONS, random_weights, small_model
from web_numbers import told

KINDS = {
    "forward": ("classify", CONVENTIONS[0], 1, 1, "last"),
    "layers": ("classify", CONVENTIONS[2], 2, 1, "max"),
    "both": ("tag", CONVENTIONS[1], 1, 2, "last"),
    "numbers": ("regress", CONVENTIONS[3], 2, 2, "mean"),
}


def opened(browser, tmp_path, name, edits=()):
    parts, X, y = make(*KINDS[name])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path)
    if edits:
        shown.page.goto(f"{path.as_uri()}#edits={quote(json.dumps([told(e) for e in edits]))}")
        shown.page.reload()
    return parts, [X[i] for i in order_of(shown)], shown


def settled(shown, name, selector):
    """Once the panel has been worked out."""
    shown.page.locator(f"#{name}").scroll_into_view_if_needed()
    shown.page.wait_for_selector(selector, state="attached")


def close(shown):
    shown.context.close()
    assert shown.said == []


@pytest.mark.parametrize("name", KINDS)
def test_places_and_peaks_are_pythons(browser, tmp_path, name):
    parts, X, shown = opened(browser, tmp_path, name)
    page = shown.page
    k = int(np.argmax([len(x) for x in X]))
    shown.choose("sequence", k)
    shown.slide("step", 3)
    page.focus("#tracks")
    page.keyboard.press("Shift+ArrowRight")
    j = parts.weights.layers * parts.weights.directions - 1
    if j:
        shown.choose("layer", j)
    shown.slide("again-threshold", 0.1)
    settled(shown, "again", "#exciting li")
    page.wait_for_timeout(300)
    found = find(parts, X, k, (2, 4), threshold=0.1, layer=j)
    rows = page.evaluate(
        "Array.from(document.querySelectorAll('#again-table tbody tr'), r => Array.from(r.cells, c => c.textContent))"
    )
    expected = [[k, (2, 4), 1.0], *found.places] if found.places else []
    ids = shown.ask("sequences.map(s => s.id)")
    assert [r[:3] for r in rows] == [[f"{int(100 * share)} %", ids[i], f"{a + 1}–{b}"] for i, (a, b), share in expected]
    words = page.inner_text("#again-says")
    if len(found.units):
        assert words.startswith(f"Over steps 3 to 4, {len(found.units)} of 4 units stay beyond it")
        names = [f"{u}" for u in found.units]
        assert all(u in words for u in names)
    else:
        assert words == "No unit stays beyond the threshold over steps 3 to 4: lower it."
    unit = int(page.inner_text("#exciting-unit"))
    peaks = exciting(parts, X, unit, layer=j)
    said = page.evaluate("Array.from(document.querySelectorAll('#exciting button'), b => b.textContent)")
    assert len(said) == len(peaks)
    for text, peak in zip(said, peaks, strict=True):
        where, _, value = text.partition(": ")
        assert where == f"{ids[peak.sequence]}, step {peak.step + 1}"
        assert same(value.partition(",")[0], peak.value)
    page.locator("#exciting button").first.click()
    assert shown.ask("sequences.indexOf(sequence())") == peaks[0].sequence
    assert shown.ask("view.t") == peaks[0].step
    close(shown)


@pytest.mark.parametrize("name", KINDS)
def test_the_map_of_influences_is_pythons(browser, tmp_path, name):
    edits = [Edit("reset", "set", 0.2, units=1)]
    parts, X, shown = opened(browser, tmp_path, name, edits)
    settled(shown, "influence", "#c-influence svg")
    expected = influence(parts, X[0], edits=edits)
    table = shown.ask("charts.get(document.getElementById('c-influence')).table()")
    found = np.array([row[1:] for row in table[1:]], float)
    if expected.shape[1] > 1:
        assert_close(found + 1, expected + 1, "same")
        assert_apart(found + 1, influence(parts, X[0]) + 1, "same")  # without the edit it is another map
        strongest = shown.page.inner_text("#influence-says").rstrip(".").rpartition(" ")[2]
        assert same(strongest, np.abs(expected).max())
    else:
        assert_close(found[:, 0] + 1, expected[:, 0] + 1, "same")
    close(shown)


@pytest.mark.parametrize("name", KINDS)
def test_the_space_of_states_is_pythons(browser, tmp_path, name):
    edits = [Edit("state", "set", 0.5, units=1)]
    parts, X, shown = opened(browser, tmp_path, name, edits)
    settled(shown, "space", "#c-space .here")
    D = parts.weights.directions
    flat = plane(parts, X)
    table = shown.ask("charts.get(document.getElementById('c-space')).table()")
    found = np.array([row[2:] for row in table[1:]], float)

    def placed(x, edits):
        top = np.concatenate(list(trace(parts, x[None], edits=edits).state[-D:, 0]), axis=1)
        return (top - flat.mean) @ flat.axes.T

    expected = np.concatenate([placed(x, []) for x in X])
    assert_close(found, expected, "float32 in the page")
    shown.slide("step", 3)
    dot = shown.page.locator("#c-space .here")
    now = placed(X[0], edits)[shown.ask("view.t")]
    assert_close(np.array([float(dot.get_attribute(f"data-{k}")) for k in "xy"]), now, "float32 in the page")
    assert shown.page.locator("#c-space .way-before").get_attribute("d").startswith("M")
    kinds = [p["kind"] for p in shown.ask("data.space.points")]
    words = shown.page.inner_text("#space-says")
    if D == 2:
        assert words.startswith("Fixed points are not looked for")
    elif "stable" in kinds:
        assert f"{kinds.count('stable')} where the state stays" in words
    close(shown)


def test_the_points_that_a_page_carries_are_pythons():
    w = random_weights(np.random.default_rng(3), CONVENTIONS[0], H=6, size=1.5).astype(np.float32)
    rng = np.random.default_rng(4)
    scalers = {"shift": np.array([0.5, -1, 0], np.float32), "scale": np.array([2, 0.25, 1], np.float32)}
    model = small_model(
        w, rng.normal(size=(2, 6)), rng.normal(size=2), "last", "classify", classes=("a", "b"), **scalers
    )
    X = [rng.normal(size=(9, 3)) for _ in range(4)]
    carried = page_data(model, X, None, Names(None, None, None), [], 200)["space"]
    starts = np.concatenate([trace(model, x[None]).state[0, 0] for x in X])
    expected = fixed_points(model, scalers["shift"], starts[:32])
    assert carried["looked"]
    assert carried["points"]
    flat = plane(model, X)
    kinds = {(p["kind"], round(p["at"][0], 3)) for p in carried["points"]}
    there = {(p.kind, round(float((flat.axes @ (p.state[0] - flat.mean))[0]), 3)) for p in expected}
    assert kinds & there
    for p in carried["points"]:
        assert p["kind"] == "slow" or p["speed"] < limit("fixed point")


@pytest.mark.parametrize(("gate", "wire"), [("z", "h"), ("r", "x"), ("n", "h")])
def test_a_click_on_the_cell_lists_a_wires_sources(browser, tmp_path, gate, wire):
    parts, X, shown = opened(browser, tmp_path, "forward")
    shown.stand(1, 0, 3, 2)
    shown.page.locator(f"#cell rect[data-gate={gate}]").click()
    shown.choose("source-wire", wire)
    assert shown.page.input_value("#source-gate") == gate
    t, cell = trace(parts, X[0][None], edits=[]), parts.weights.merged().cells[0][0]
    row = "rzn".index(gate) * 4 + 2
    source = parts.seen(X[0][3].astype(float)) if wire == "x" else t.previous()[0, 0, 3]
    if (gate, wire) == ("n", "h"):
        source = source * t.reset[0, 0, 3]  # reset before the product
    products = (cell.W if wire == "x" else cell.U)[row] * source
    order = np.argsort(-np.abs(products), kind="stable")
    values = {k: v for k, v in shown.numbers() if k.startswith("source.")}
    for place, k in enumerate(order):
        assert same(values[f"source.{place}.value"], products[k])
        assert same(values[f"source.{place}.from"], source[k])
    close(shown)
