"""The code blocks of README and docs run as they stand, in order, one namespace a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


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
    return len(blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(page.read_text(), page.name)


def test_a_wrong_page_is_caught(tmp_path):
    assert run_blocks("```python\nx = 2\nx + 1  # -> 3\n```", "right.md") == 1
    with pytest.raises(AssertionError, match="the page says 4"):
        run_blocks("```python\nx = 2\nx + 1  # -> 4\n```", "wrong.md")
    with pytest.raises(ZeroDivisionError):
        run_blocks("```python\n1 / 0\n```", "broken.md")
