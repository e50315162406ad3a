"""axe-core in a page that is open: what it finds against the accessibility guidelines."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

WEB = Path(__file__).parents[1] / "web"
RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.flatMap(
  v => v.nodes.map(n => [v.id, n.target.join(" "), n.failureSummary.split("\\n").slice(0, 3).join(" ")])))"""


@cache
def source() -> str:
    """axe-core's script, of the version that web/package-lock.json names."""
    file = WEB / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        pytest.skip("a test of the pages: needs npm, with which `make test` fetches what it wants")
    return file.read_text(encoding="utf-8")


def violations(page) -> list[tuple[str, str, str]]:
    """Rule, element and what is wrong, of every violation. Evaluated, not added, so that the page's policy stands."""
    page.evaluate(source() + "\n;undefined")
    return [tuple(found) for found in page.evaluate(RUN)]
