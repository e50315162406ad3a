"""The lab's page in a real browser: no message, no request, nothing wider than a phone, every figure drawn."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("plotly")
pytest.importorskip("jinja2")

from rich.console import Console

from gruvy import lab

# In a process of its own: a second browser test in this one may hold Playwright's only event loop.
VISIT = """
import json, sys
from playwright.sync_api import sync_playwright
program, url = sys.argv[1:]
args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
seen = []
with sync_playwright() as p:
    browser = p.chromium.launch(executable_path=program, args=args)
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            said, asked = [], []
            tab.on("console", lambda message: said.append(message.text))
            tab.on("pageerror", lambda error: said.append(str(error)))
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(url)
            ink = tab.evaluate("getComputedStyle(document.body).color")
            # The script has drawn the figure, and set its ink to the page's.
            tab.wait_for_function("ink => { const t = document.querySelector('.gtitle');"
                                  " return t && getComputedStyle(t).fill === ink }", arg=ink)
            for summary in tab.query_selector_all("summary"):
                summary.click()
            seen.append({
                "width": width, "scheme": scheme, "ink": ink, "said": said, "asked": asked,
                "wide": tab.evaluate("document.documentElement.scrollWidth"),
                "verdict": tab.inner_text("td.badge"),
                "open": tab.evaluate("[...document.querySelectorAll('details')].every(d => d.open)"),
                "figures": tab.evaluate("document.querySelectorAll('.plotly-graph-div .svg-container').length"),
                # How far a figure's drawing, legend and all, reaches beyond its place on the page.
                "beyond": tab.evaluate("Math.max(...[...document.querySelectorAll('.figure')].map(f => Math.max("
                    "...[...f.querySelectorAll('.main-svg, .legend, .xtick')].map("
                    "e => e.getBoundingClientRect().bottom)) - f.getBoundingClientRect().bottom))"),
            })
    browser.close()
print(json.dumps(seen))
"""


def test_the_page_from_disk(tmp_path):
    pytest.importorskip("playwright.sync_api", reason="a browser test: needs playwright")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("a browser test: needs chromium")
    url = lab.run(tmp_path, only=["squash"], console=Console(quiet=True)).page.as_uri()
    visit = [sys.executable, "-c", VISIT, program, url]
    seen = json.loads(subprocess.run(visit, capture_output=True, text=True, check=True, timeout=300).stdout)
    assert len(seen) == 4
    for found in seen:
        assert found["said"] == []
        assert found["asked"] == [url]
        assert found["wide"] <= found["width"]
        assert found["verdict"].startswith("◐ holds only when σ is meant, not tanh")
        assert found["open"] is True
        assert found["figures"] == 1
        assert found["beyond"] < 1
    assert len({found["ink"] for found in seen}) == 2
