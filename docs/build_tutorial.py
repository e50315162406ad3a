"""Make the tutorial's notebook from the page `tutorial.md`, and the pictures of it and of other pages.

    python docs/build_tutorial.py                        the notebook
    python docs/build_tutorial.py --pictures             runs the tutorial's code and draws its pictures; needs Chromium
    python docs/build_tutorial.py --pictures inside.md   of another page

The page is the source. A code block that is followed by a picture ends with the figure that is in it: one of plotly's,
an SVG as text, or the path of an HTML page, of which it is a picture.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE, NOTEBOOK = HERE / "tutorial.md", HERE / "tutorial.ipynb"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n!\[[^\]]*\]\(([^)]+)\)\n)?", re.MULTILINE | re.DOTALL)


def cells(page: str) -> list[tuple[str, str, str | None]]:
    """(kind, text, picture) of every cell: "markdown", or "code" with the file of the picture it draws."""
    found: list[tuple[str, str, str | None]] = []
    at = 0
    for block in BLOCK.finditer(page):
        found.append(("markdown", page[at : block.start()].strip(), None))
        found.append(("code", block[1].strip(), block[2]))
        at = block.end()
    found.append(("markdown", page[at:].strip(), None))
    return [cell for cell in found if cell[1]]


def notebook(page: str) -> str:
    """The page as a Jupyter notebook: its code, not yet run, without the pictures that running it draws."""
    made: list[dict[str, Any]] = []
    for k, (kind, text, _) in enumerate(cells(page)):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell-{k:02}",
            "metadata": {},
            "source": text.splitlines(True),
        }
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def draw(page: str, name: str = PAGE.name) -> None:
    """Run the page in a folder of its own and write its pictures, drawn by a headless browser unless SVG already."""
    namespace: dict[str, Any] = {"__name__": "tutorial"}
    with _browser() as (browser, tab), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for kind, code, picture in cells(page):
            if kind != "code":
                continue
            exec(compile(code, name, "exec"), namespace)
            if picture:
                figure = namespace["figure"]
                path = HERE / picture
                path.parent.mkdir(exist_ok=True)
                if isinstance(figure, Path):
                    shot = browser.new_page(viewport={"width": 1200, "height": 800})
                    shot.goto(figure.resolve().as_uri())
                    shot.screenshot(path=path)
                else:
                    svg = figure if isinstance(figure, str) else _svg(tab, figure)
                    path.write_text(svg, encoding="utf-8")
                print(path)


def drawn(figure: Any) -> str:
    """One figure of plotly's as an SVG."""
    with _browser() as (_, tab):
        return _svg(tab, figure)


@contextlib.contextmanager
def _browser() -> Iterator[tuple[Any, Any]]:
    """A headless browser, and a tab in it that knows plotly."""
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        tab = browser.new_page()
        tab.add_script_tag(content=get_plotlyjs())
        yield browser, tab
        browser.close()


def _svg(tab: Any, figure: Any) -> str:
    """A plotly figure as an SVG of 760 by 420."""
    script = """async figure => {
        const url = await Plotly.toImage(JSON.parse(figure), {format: "svg", width: 760, height: 420});
        return decodeURIComponent(url.slice(url.indexOf(",") + 1));
    }"""
    figure.update_layout(width=760, height=420)
    return str(tab.evaluate(script, figure.to_json()))


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if "--pictures" in sys.argv:
        for name in [a for a in sys.argv[1:] if a != "--pictures"] or [PAGE.name]:
            draw((HERE / name).read_text(encoding="utf-8"), name)
