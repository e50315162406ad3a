"""The lab's page in a real browser: no message, no request, accessible; every figure drawn, named and in its place."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("jinja2")

from rich.console import Console

from gruvy import lab
from gruvy.lab.figures import Axis, Figure, Mark, of_net, row
from gruvy.lab.page import render
from gruvy.lab.runner import Report

AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"
# In a process of its own: a second browser test in this one may hold Playwright's only event loop.
VISIT = """
import json, sys
from playwright.sync_api import sync_playwright
program, url, axe = sys.argv[1:]
args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
seen = []
with sync_playwright() as p:
    browser = p.chromium.launch(executable_path=program, args=args)
    for width, scheme, forced in ((1440, "light", "none"), (390, "dark", "none"), (390, "light", "active")):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme,
                                      forced_colors=forced, bypass_csp=bool(axe))
        tab = context.new_page()
        said, asked = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(url)
        for summary in tab.query_selector_all("summary"):
            summary.click()
        found = {
            "width": width, "scheme": scheme, "said": said[:], "asked": asked[:],
            "ink": tab.evaluate("getComputedStyle(document.body).color"),
            "wide": tab.evaluate("document.documentElement.scrollWidth"),
            "verdict": tab.inner_text("td.badge"),
            "open": tab.evaluate("[...document.querySelectorAll('details')].every(d => d.open)"),
            "names": tab.evaluate("[...document.querySelectorAll('.plot > svg')].map(s => [s.getAttribute('role'),"
                                  " s.getAttribute('aria-label')])"),
            # How far a figure's drawing reaches beyond its place on the page.
            "beyond": tab.evaluate("Math.max(...[...document.querySelectorAll('.plot > svg')].flatMap(s => {"
                " const b = s.getBoundingClientRect();"
                " return [...s.querySelectorAll('text, circle, path')].map(e => e.getBoundingClientRect()).map("
                "r => Math.max(r.bottom - b.bottom, r.right - b.right, b.left - r.left, b.top - r.top)) }))"),
            "dots": tab.evaluate("document.querySelectorAll('.plot > svg circle').length"),
        }
        tab.click("#theme")
        found["other"] = tab.evaluate("getComputedStyle(document.body).color")
        tab.click("#theme")
        if axe:
            tab.add_script_tag(content=open(axe).read())
            found["axe"] = tab.evaluate("axe.run().then(r => r.violations.map("
                                        "v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))")
        seen.append(found)
    browser.close()
print(json.dumps(seen))
"""


def visit(url, axe=False):
    pytest.importorskip("playwright.sync_api", reason="a browser test: needs playwright")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("a browser test: needs chromium")
    if axe and not AXE.exists():
        pytest.skip("needs axe-core: cd web && npm ci")
    asked = [sys.executable, "-c", VISIT, program, url, str(AXE) if axe else ""]
    return json.loads(subprocess.run(asked, capture_output=True, text=True, check=True, timeout=300).stdout)


def test_the_page_from_disk(tmp_path):
    path = lab.run(tmp_path, only=["squash"], console=Console(quiet=True)).page
    assert path.stat().st_size < 1_000_000
    url = path.as_uri()
    for found in visit(url):
        assert found["said"] == []
        assert found["asked"] == [url]
        assert found["wide"] <= found["width"]
        assert found["verdict"].startswith("◐ holds only when σ is meant, not tanh")
        assert found["open"] is True
        ((role, name),) = found["names"]
        assert role == "img"
        assert "tanh(a), the candidate: -1 at -8, 0 at 0, 1 at 8." in name
        assert found["beyond"] < 1
        assert found["other"] != found["ink"] or found["scheme"] == "light"


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


@pytest.fixture
def page(tmp_path):
    """The lab's page with both kinds of figures, with numbers that were planted."""
    e = lab.EXPERIMENTS["squash"]
    e = lab.Experiment(**vars(e) | {"figures": lambda numbers: [CURVES, ROWS]})
    numbers = {key: part() for key, part in e.parts(e.quick, 0).items()}
    other = lab.Experiment(**vars(e) | {"name": "other"})
    results = [lab.Result(one, True, numbers, 1.0, e.rule(numbers)) for one in (e, other)]
    path = tmp_path / "lab.html"
    path.write_text(render(Report(path, path, results).claims(), True, 0, {"gruvy": "1"}), encoding="utf-8")
    return path


def test_every_repetition_is_a_dot_and_every_figure_says_what_is_seen(page):
    for found in visit(page.as_uri()):
        names = dict.fromkeys(name for _, name in found["names"])
        assert list(names) == [CURVES.said, ROWS.said]
        assert "GRU: 0.2 at 10, 0.9 at 100." in CURVES.said
        assert "b, late: 2 (0.314 to 3.69)." in ROWS.said
        assert len(found["names"]) == 4
        # 12 repetitions of the curves and 6 of the rows, in two experiments; a mean may be a circle too.
        assert found["dots"] >= 2 * (12 + 6)
        assert found["beyond"] < 1
        assert found["wide"] <= found["width"]
        assert math.isfinite(found["beyond"])


def test_nothing_that_axe_finds(page):
    for found in visit(page.as_uri(), axe=True):
        assert found["axe"] == []


def test_axe_would_find_something(page):
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<h1>", '<h1><img src="data:,">', 1).replace('lang="en"', ""), encoding="utf-8")
    found = " ".join(visit(page.as_uri(), axe=True)[0]["axe"])
    assert "image-alt" in found
    assert "html-has-lang" in found
