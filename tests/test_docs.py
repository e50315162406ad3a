"""The code blocks of README and docs run as they stand, in order, one namespace a page."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCES = ("```python", "```text", "```math")
WITHOUT_CODE = {"accuracy.md", "architecture.md", "benchmark.md", "gallery.md", "limits.md", "reliability.md"}


def count_blocks(text: str, name: str) -> int:
    """How many Python blocks a page means to have. A fence of any other look is a mistake: its code would not run."""
    count, inside = 0, False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("```", "~~~")):
            continue
        allowed = ("```",) if inside else FENCES
        assert line in allowed, f"{name}, line {number}: fence {line!r}, expected {' or '.join(allowed)}"
        count, inside = count + (line == "```python"), not inside
    assert not inside, f"{name}: the last fence is not closed"
    return count


def run_blocks(text: str, name: str) -> int:
    """Run a page's Python blocks; a line of code with a comment `# -> value` must print that value."""
    namespace: dict[str, object] = {"__name__": name}
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        first = text[: block.start()].count("\n") + 1
        exec(compile("\n" * first + block[1], name, "exec"), namespace)
        for line in block[1].splitlines():
            code, arrow, value = line.partition("# -> ")
            if arrow:
                shown = re.sub(r"^(print\()(.*)\)\s*$", r"\2", code.strip())
                actual = str(eval(shown, namespace))
                assert actual == value.strip(), f"{name}: {shown} gave {actual}, the page says {value.strip()}"
    assert len(blocks) == count_blocks(text, name), name
    return len(blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    count = run_blocks(page.read_text(encoding="utf-8"), page.name)
    assert (count == 0) == (page.name in WITHOUT_CODE), f"{page.name}: {count} blocks were run"


def test_a_wrong_page_is_caught(tmp_path):
    assert run_blocks("```python\nx = 2\nx + 1  # -> 3\n```", "right.md") == 1
    with pytest.raises(AssertionError, match="the page says 4"):
        run_blocks("```python\nx = 2\nx + 1  # -> 4\n```", "wrong.md")
    with pytest.raises(ZeroDivisionError):
        run_blocks("```python\n1 / 0\n```", "broken.md")


@pytest.mark.parametrize(
    "fence", ["```pyton", "``` python", "```", "```Python", "```py", "~~~python", " ```python", "```python "]
)
def test_a_mistyped_fence_is_caught(fence):
    with pytest.raises(AssertionError, match=r"page\.md, line 3: fence"):
        run_blocks(f"# Page\n\n{fence}\n1 / 0\n```\n", "page.md")
    with pytest.raises(AssertionError, match=r"page\.md"):  # after a good one, too
        run_blocks(f"```python\n1\n```\n\n{fence}\n1 / 0\n```\n", "page.md")
    with pytest.raises(AssertionError, match="the last fence is not closed"):
        run_blocks("```python\n1\n```\n\n```text\n", "page.md")


def test_the_drawings_of_the_engine_are_those_of_its_source():
    """`python docs/draw_engine.py` makes them anew."""
    made = runpy.run_path(str(ROOT / "docs" / "draw_engine.py"))
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    assert made["written"](page) == page
    for name, draw in made["DRAWINGS"].items():
        assert (ROOT / "docs" / "engine" / f"{name}.svg").read_text(encoding="utf-8") == str(draw())
        assert f"engine/{name}.svg" in page
