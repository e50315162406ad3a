"""The lab's page in a real browser: no message, no request, accessible; every figure drawn, named and in its place."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("jinja2")

from rich.console import Console

from axe import violations
from explained import Shown
from gruvy import lab
from gruvy.lab.figures import Axis, Figure, Mark, of_net, row
from gruvy.lab.page import render
from gruvy.lab.runner import Report

# How far a figure's drawing reaches beyond its place on the page.
BEYOND = """Math.max(...[...document.querySelectorAll('.plot > svg')].flatMap(s => {
  const b = s.getBoundingClientRect();
  return [...s.querySelectorAll('text, circle, path')].map(e => e.getBoundingClientRect()).map(
    r => Math.max(r.bottom - b.bottom, r.right - b.right, b.left - r.left, b.top - r.top)); }))"""
NAMES = "[...document.querySelectorAll('.plot > svg')].map(s => [s.getAttribute('role'), s.getAttribute('aria-label')])"
LOOKS = {
    "desktop": {"width": 1440}, "phone": {"width": 390}, "dark": {"width": 390, "color_scheme": "dark"},
    "forced": {"width": 1440, "forced_colors": "active"},
}  # fmt: skip
CURVES = Figure(
    "Curves", Axis("lag", log=True, ticks=(10, 100)), Axis("error", ends=(0, 1)),
    (of_net([10, 100], [[0.1, 0.2, 0.3], [0.9, 0.8, 1.0]], "gru"), of_net([10, 100], [[0.0] * 3, [1.5] * 3], "rnn")),
    marks=(Mark(0.05, "solved"),),
)  # fmt: skip
ROWS = Figure(
    "Rows", Axis("right (%)", ends=(0, 103)), Axis(""),
    rows=(row("a long name of a row", [90.0, 99.0, 100.0], "early", "blue"), row("b", [1.0, 2.0, 3.0], "late", "pink")),
    marks=(Mark(25, "a guess"),),
)  # fmt: skip


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The page of an experiment that was run."""
    return lab.run(tmp_path_factory.mktemp("lab"), only=["squash"], console=Console(quiet=True)).page


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The lab's page with both kinds of figures, with numbers that were planted, in two experiments of one claim."""
    e = lab.EXPERIMENTS["squash"]
    e = lab.Experiment(**vars(e) | {"figures": lambda numbers: [CURVES, ROWS]})
    numbers = {key: part() for key, part in e.parts(e.quick, 0).items()}
    other = lab.Experiment(**vars(e) | {"name": "other"})
    results = [lab.Result(one, True, numbers, 1.0, e.rule(numbers)) for one in (e, other)]
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    path.write_text(render(Report(path, path, results).claims(), True, 0, {"gruvy": "1"}), encoding="utf-8")
    return path


@pytest.mark.parametrize("look", LOOKS)
def test_the_page_from_disk(browser, real, look):
    assert real.stat().st_size < 1_000_000
    shown = Shown(browser, real, **LOOKS[look])
    page = shown.page
    for summary in page.query_selector_all("summary"):
        summary.click()
    assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)") is True
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["width"]
    assert page.inner_text("td.badge").startswith("◐ holds only when σ is meant, not tanh")
    ((role, name),) = page.evaluate(NAMES)
    assert role == "img"
    assert "tanh(a), the candidate: -1 at -8, 0 at 0, 1 at 8." in name
    assert page.evaluate(BEYOND) < 1
    assert violations(page) == []
    shown.close(real)


def test_the_theme_is_the_readers_and_can_be_changed(browser, real):
    shown = Shown(browser, real, color_scheme="dark")
    ink = "getComputedStyle(document.body).color"
    dark = shown.page.evaluate(ink)
    shown.page.click("#theme")
    assert shown.page.evaluate(ink) != dark
    assert shown.page.get_attribute("#theme", "aria-pressed") == "false"
    shown.page.click("#theme")
    theme = "document.documentElement.dataset.theme"
    seen = [
        shown.page.evaluate(f"(dispatchEvent(new Event('{event}')), {theme})")
        for event in ("beforeprint", "afterprint")
    ]
    assert seen == ["light", "dark"]
    shown.close(real)


@pytest.mark.parametrize("look", LOOKS)
def test_every_repetition_is_a_dot_and_every_figure_says_what_is_seen(browser, planted, look):
    shown = Shown(browser, planted, **LOOKS[look])
    names = shown.page.evaluate(NAMES)
    assert names == [["img", CURVES.said], ["img", ROWS.said]] * 2
    assert "GRU: 0.2 at 10, 0.9 at 100." in CURVES.said
    assert "b, late: 2 (0.314 to 3.69)." in ROWS.said
    # 12 repetitions of the curves and 6 of the rows, in two experiments; the mean of a GRU is a circle too.
    assert shown.page.locator(".plot > svg circle").count() >= 2 * (12 + 6)
    assert shown.page.evaluate(BEYOND) < 1
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["width"]
    assert violations(shown.page) == []
    shown.close(planted)


def test_axe_finds_what_is_planted(browser, planted):
    shown = Shown(browser, planted)
    shown.page.evaluate(
        """() => { document.querySelector(".plot > svg").removeAttribute("aria-label");
          document.querySelector("h2").style.color = "#ccc"; }"""
    )
    assert {rule for rule, _, _ in violations(shown.page)} == {"svg-img-alt", "color-contrast"}
    shown.close(planted)


def test_a_drawing_that_reaches_beyond_its_place_is_seen(browser, planted):
    shown = Shown(browser, planted)
    shown.page.evaluate("document.querySelector('.plot > svg circle').setAttribute('cx', 5000)")
    assert shown.page.evaluate(BEYOND) > 1
    shown.close(planted)
