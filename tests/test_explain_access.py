"""The explorer's page for everybody: axe-core in both themes, fingers, paper, and people's own colours."""

from __future__ import annotations

import pytest

from axe import violations
from compare import limit
from explained import NETS, Shown, make, order_of
from gruvy.inside.explorer import explain

HISTORY = [{"epoch": e, "loss": 1 / e, "val_loss": 1.2 / e, "val_score": 1 - 1 / (e + 1)} for e in (1, 2)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("pages"), {}
    for name in ("tutorial", "before-keeps", "torch"):
        parts, X, y = make(*NETS[name])
        found[name] = folder / f"{name}.html"
        explain(parts, X, found[name], y, history=HISTORY)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tutorial", "before-keeps", "torch"])
def test_axe_finds_nothing(browser, pages, name, theme):
    shown = Shown(browser, pages[name], color_scheme=theme)
    assert shown.page.evaluate("document.documentElement.dataset.theme") == theme
    shown.page.click("details:not(.menu) summary")  # the table
    assert violations(shown.page) == []
    shown.page.click("#c-gate >> xpath=preceding-sibling::div[1] >> summary")
    shown.page.get_by_role("button", name="Python").and_(shown.page.locator(":visible")).click()
    assert violations(shown.page) == []
    shown.close(pages[name])


def test_axe_finds_what_is_planted(browser, pages):
    shown = Shown(browser, pages["tutorial"])
    shown.page.evaluate(
        """() => { document.getElementById("filter").parentNode.replaceWith(document.getElementById("filter"));
          document.getElementById("said").style.color = "#ccc"; }"""
    )
    assert {rule for rule, _, _ in violations(shown.page)} == {"select-name", "color-contrast"}
    shown.close(pages["tutorial"])


SMALL = """least => Array.from(document.querySelectorAll("button, select, input, summary, a[href]")).filter(e => {
  const box = e.getBoundingClientRect();
  return box.width && box.left >= 0 && (box.height < least - 0.5 || box.width < least - 0.5);
}).map(e => `${e.tagName} ${e.id} ${e.getBoundingClientRect().width} x ${e.getBoundingClientRect().height}`)"""


def test_what_one_presses_is_large_enough(browser, pages):
    """24 pixels for a pointer, 44 for a finger: Web Content Accessibility Guidelines 2.5.8 and 2.5.5."""
    shown = Shown(browser, pages["torch"])
    assert shown.page.evaluate(SMALL, 24) == []
    shown.close(pages["torch"])
    phone = Shown(browser, pages["torch"], width=390, has_touch=True, is_mobile=True)
    assert phone.page.evaluate("matchMedia('(pointer: coarse)').matches")
    assert phone.page.evaluate(SMALL, 44) == []
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    phone.close(pages["torch"])


PLACES = """() => ["c-input", "c-contribution", "c-gate", "c-answer"].map(id => {
  const box = document.querySelector(`#${id} .cursor`).getBoundingClientRect();
  const all = document.querySelector(`#${id} svg`).getBoundingClientRect();
  return (box.left + box.width / 2 - all.left) / all.width;
})"""


def test_paper_keeps_the_cursor_the_keys_and_the_meters(browser, pages):
    shown = Shown(browser, pages["tutorial"], color_scheme="dark")
    shown.choose("sequence", order_of(shown).index(2))
    shown.slide("step", 7)
    shown.page.emulate_media(media="print")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown.page.wait_for_timeout(400)
    places = shown.page.evaluate(PLACES)
    assert max(places) - min(places) < limit("place on a page")  # one step in all the plots
    width = shown.page.evaluate("+document.querySelector('#c-gate svg').getAttribute('width')")
    assert abs(places[0] - (50 + (width - 68) * 6.5 / 12) / width) < limit("place on a page")
    for what in (".meter i", ".ramp", ".key svg"):
        assert shown.page.evaluate("q => getComputedStyle(document.querySelector(q)).printColorAdjust", what) == "exact"
    assert shown.page.evaluate("document.documentElement.dataset.theme") == "light"
    shown.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.page.evaluate("document.documentElement.dataset.theme") == "dark"
    shown.close(pages["tutorial"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ones_own_colours_keep_the_cursor_the_keys_and_the_meters(browser, pages, theme):
    shown = Shown(browser, pages["tutorial"], forced_colors="active", color_scheme=theme)
    paper = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
    for what, part in ((".cursor", "stroke"), (".key path", "stroke"), (".meter i", "backgroundColor")):
        colour = shown.page.evaluate("([q, p]) => getComputedStyle(document.querySelector(q))[p]", [what, part])
        assert colour not in (paper, "none", "rgba(0, 0, 0, 0)"), what
    assert shown.page.evaluate("getComputedStyle(document.querySelector('.meter i')).width") != "0px"
    shown.close(pages["tutorial"])


def test_a_history_of_two_epochs_has_both_ticks(browser, pages):
    shown = Shown(browser, pages["tutorial"])
    for chart in ("loss", "score"):
        ticks = shown.page.evaluate(
            "id => Array.from(document.querySelectorAll(`#f-${id} [data-mark='x-axis tick label'] text`), "
            "t => t.textContent)",
            chart,
        )
        assert ticks == ["1", "2"]
    shown.close(pages["tutorial"])
