"""Every control of the explorer's page, by mouse, keyboard and finger, in a real browser."""

from __future__ import annotations

import re

import numpy as np

from explained import EVIL, NETS, Shown, Truth, assert_numbers, make, order_of, picture_agrees, shown_unit
from gruvy.inside.explorer import explain


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
        i = order[int(shown.ask("view.list[view.at]"))]
        j = int(page.input_value("#layer"))
        output = shown.ask("sequence().answers[view.target].output")
        expected = truth.expected(i, step() - 1, j, shown_unit(shown), output)
        assert_numbers(shown, expected | truth.units() | truth.scale(j, shown_unit(shown)), 40)

    # choosing sequences: mistakes first, buttons at both ends, filters
    rights = shown.ask("data.sequences.map(s => s.right)")
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
    assert shown.ask("view.list.every(i => sequences[i].truth === data.classes[0])")
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
    page.mouse.click(*shown.place("c-gate", 6, 2))
    assert (step(), shown_unit(shown)) == (6, 2)
    check()
    page.mouse.move(*shown.place("c-gate", 1, 0))
    page.mouse.down()
    page.mouse.move(*shown.place("c-gate", 9, 0), steps=4)
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
        assert picture_agrees(shown, truth, gate)
    shown.choose("layer", 1)
    check()
    shown.choose("shows", "c")
    shown.choose("shows", "x")
    shown.choose("order", "scale")
    rows = shown.ask("view.order")
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


def test_a_finger_on_a_narrow_screen(browser, tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    path = tmp_path / "page.html"
    explain(parts, X, path, y)
    shown = Shown(browser, path, width=390, has_touch=True, color_scheme="dark")
    page = shown.page
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    shown.choose("sequence", order_of(shown).index(2))
    page.touchscreen.tap(*shown.place("c-gate", 4, 0))
    assert page.input_value("#step") == "4"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    shown.close(path)
