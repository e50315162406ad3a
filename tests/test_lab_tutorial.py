"""The tutorial: its notebook is its page, runs in Jupyter, and its pictures are there. (Its code runs in test_docs.)"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build_tutorial", DOCS / "build_tutorial.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebook_is_the_page(build):
    page = build.PAGE.read_text(encoding="utf-8")
    book = build.NOTEBOOK.read_text(encoding="utf-8")
    assert book == build.notebook(page, build.kept(book)), "run: python docs/build_tutorial.py"
    code = [text for kind, text, _ in build.cells(page) if kind == "code"]
    assert "\n".join(code) == "\n".join(b.strip() for b in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S))
    assert all("](tutorial/" not in text for kind, text, _ in build.cells(page))


def test_the_notebook_keeps_what_its_code_gives(build):
    """Each cell that shows something has its output: the page's picture, the page's claim, what is printed now."""
    import gruvy

    page = build.PAGE.read_text(encoding="utf-8")
    outputs, found = build.kept(build.NOTEBOOK.read_text(encoding="utf-8")), 0
    for kind, code, picture in build.cells(page):
        if kind != "code":
            continue
        assert code in outputs, f"run: make notebook, for this code was not run:\n{code}"
        data = [o.get("data", {}) for o in outputs[code]]
        if picture:
            svg = (DOCS / picture).read_text(encoding="utf-8")
            assert "".join(data[-1]["image/svg+xml"]) == svg, f"make notebook: {picture} is another picture"
            found += 1
        elif claim := re.search(r"^(?!print)\S.*  # -> (.+)$", code.splitlines()[-1]):
            assert "".join(data[-1]["text/plain"]) == claim[1]
            found += 1
    printed = outputs["import gruvy\n\nnet = gruvy.GRU(2, 16, 1)\nprint(net.equations())"]
    assert "".join(printed[0]["text"]) == f"{gruvy.GRU(2, 16, 1).equations()}\n"
    assert found >= 14


def test_the_section_on_the_four_equations_shows_them(build):
    """As mathematics, and they are those of the net beside them."""
    import gruvy

    page = build.PAGE.read_text(encoding="utf-8")
    shown = re.search(r"^```math\n(.*?)^```", page.split("## The four equations")[1], re.M | re.S)[1]
    own = gruvy.GRU(2, 16, 1).equations().latex.splitlines()
    assert [line.removesuffix(r" \\") for line in own[1:6]] == [
        line.removesuffix(r" \\") for line in shown.splitlines()[1:6]
    ]
    assert f"$$\n{shown}$$" in "".join(
        "".join(c["source"]) for c in build.json.loads(build.NOTEBOOK.read_text())["cells"]
    )


def test_a_cell_is_run_as_jupyter_runs_it(build):
    assert build.ran("print(1)\n2 + 2", "a", {}) == [
        {"name": "stdout", "output_type": "stream", "text": ["1\n"]},
        {"data": {"text/plain": ["4"]}, "execution_count": 0, "metadata": {}, "output_type": "execute_result"},
    ]
    assert build.ran("x = 1", "a", {}) == []


def test_every_picture_is_there_and_described(build):
    page = build.PAGE.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page)
    assert len(pictures) >= 8
    assert [file for _, file in pictures] == [file for _, _, file in build.cells(page) if file]
    for description, file in pictures:
        assert len(description) > 20
        assert ElementTree.parse(DOCS / file).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert {f.name for f in (DOCS / "tutorial").iterdir()} == {Path(file).name for _, file in pictures}


def test_the_drawing_writes_the_numbers_of_the_step():
    from gruvy.lab.drawing import cell

    svg = cell({"h": 0.5, "z": 0.25, "r": 0.9, "n": -0.8, "new": 0.175}, "a < b")
    text = "".join(ElementTree.fromstring(svg).itertext())
    for part in ("h = 0.50", "z = 0.25", "r = 0.90", "h̃ = -0.80", "(1 − z) h = 0.38", "z h̃ = -0.20", "a < b"):
        assert part in text
    assert svg._repr_svg_() == svg
    assert "0." not in "".join(ElementTree.fromstring(cell()).itertext())


@pytest.mark.slow
def test_the_notebook_opens_and_runs_in_jupyter(build, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(build.NOTEBOOK, as_version=4)
    nbformat.validate(book)
    # The same library that is under test, and no leftovers in the working tree.
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent / "src"))
    nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [out for c in book.cells if c.cell_type == "code" for out in c.outputs]
    kinds = [kind for out in outputs for kind in out.get("data", {})]
    assert kinds.count("application/vnd.plotly.v1+json") == 8
    assert kinds.count("image/svg+xml") == 1
