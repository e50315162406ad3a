"""Make the tutorial's notebook from the page `tutorial.md`, and the pictures of it and of other pages.

    python docs/build_tutorial.py                        the notebook, with the outputs of code that is as it was
    python docs/build_tutorial.py --pictures             runs the tutorial's code, draws its pictures, keeps what came
                                                         out in the notebook, as `make notebook` does; needs Chromium
    python docs/build_tutorial.py --pictures inside.md   of another page

The page is the source. A code block that is followed by a picture ends with the figure that is in it: one of plotly's,
an SVG as text, or the path of an HTML page, of which it is a picture.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shutil
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


Outputs = dict[str, list[dict[str, Any]]]  # by the code of a cell, what came out of it


def notebook(page: str, outputs: Outputs) -> str:
    """The page as a Jupyter notebook: its code and what came out of it. A formula is fenced by dollars there."""
    made: list[dict[str, Any]] = []
    count = 0
    for k, (kind, text, _) in enumerate(cells(page)):
        if kind == "markdown":
            text = re.sub(r"^```math\n(.*?)^```$", r"$$\n\1$$", text, flags=re.MULTILINE | re.DOTALL)
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell-{k:02}",
            "metadata": {},
            "source": text.splitlines(True),
        }
        if kind == "code":
            count += 1
            found = [o | ({"execution_count": count} if "execution_count" in o else {}) for o in outputs.get(text, [])]
            cell |= {"execution_count": count if text in outputs else None, "outputs": found}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def kept(book: str) -> Outputs:
    """What came out of the cells of a notebook."""
    found = json.loads(book)["cells"]
    return {"".join(c["source"]): c["outputs"] for c in found if c["cell_type"] == "code" and c["execution_count"]}


def ran(code: str, name: str, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell as Jupyter does: what it printed, and the value of an expression it ends with."""
    tree, value, printed = ast.parse(code), None, io.StringIO()
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, name, "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
    found: list[dict[str, Any]] = []
    if text := printed.getvalue():
        found.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(True)})
    if value is not None:
        found.append(_result({"text/plain": [repr(value)]}))
    return found


def _result(data: dict[str, Any]) -> dict[str, Any]:
    return {"data": data, "execution_count": 0, "metadata": {}, "output_type": "execute_result"}


def draw(page: str, name: str = PAGE.name) -> Outputs:
    """Run the page in a folder of its own and write its pictures, drawn by a headless browser unless SVG already."""
    namespace: dict[str, Any] = {"__name__": "tutorial"}
    outputs: Outputs = {}
    with _browser() as (browser, tab), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for kind, code, picture in cells(page):
            if kind != "code":
                continue
            outputs[code] = ran(code, name, namespace)
            if picture:
                figure = namespace["figure"]
                path = HERE / picture
                path.parent.mkdir(exist_ok=True)
                if isinstance(figure, Path):
                    shot = browser.new_page(viewport={"width": 1200, "height": 800})
                    shot.goto(figure.resolve().as_uri())
                    shot.wait_for_timeout(500)
                    shot.screenshot(path=path)
                else:
                    svg = figure if isinstance(figure, str) else _svg(tab, figure)
                    path.write_text(svg, encoding="utf-8")
                    # a code host's page shows a picture, and not plotly's own figures
                    data = {"image/svg+xml": svg.splitlines(True), "text/plain": [f"<figure {path.stem}>"]}
                    outputs[code] = [o for o in outputs[code] if o["output_type"] == "stream"] + [_result(data)]
                print(path)
    return outputs


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
            executable_path=shutil.which("chromium"),
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


def main(arguments: list[str]) -> None:
    """What the command line asks for."""
    outputs = kept(NOTEBOOK.read_text(encoding="utf-8"))
    if "--pictures" in arguments:
        for name in [a for a in arguments if a != "--pictures"] or [PAGE.name]:
            found = draw((HERE / name).read_text(encoding="utf-8"), name)
            outputs = found if name == PAGE.name else outputs
    NOTEBOOK.write_text(notebook(PAGE.read_text(encoding="utf-8"), outputs), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
