"""Make the tutorial's notebook and its pictures from the page `tutorial.md`.

    python docs/build_tutorial.py             the notebook
    python docs/build_tutorial.py --pictures  runs the page's code and draws the pictures too; needs Chromium

The page is the source. A code block that is followed by a picture ends with the figure that is in it.
"""

from __future__ import annotations

import json
import re
import sys
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


def draw(page: str) -> None:
    """Run the page and write its pictures as SVG, plotly's own drawn by a headless browser."""
    from playwright.sync_api import sync_playwright
    from plotly.offline import get_plotlyjs

    namespace: dict[str, Any] = {"__name__": "tutorial"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        tab = browser.new_page()
        tab.add_script_tag(content=get_plotlyjs())
        for kind, code, picture in cells(page):
            if kind != "code":
                continue
            exec(compile(code, PAGE.name, "exec"), namespace)
            if picture:
                figure = namespace["figure"]
                svg = str(figure) if isinstance(figure, str) else _svg(tab, figure)
                path = HERE / picture
                path.parent.mkdir(exist_ok=True)
                path.write_text(svg, encoding="utf-8")
                print(path)
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
    text = PAGE.read_text(encoding="utf-8")
    NOTEBOOK.write_text(notebook(text), encoding="utf-8")
    if "--pictures" in sys.argv:
        draw(text)
