"""What every test shares: one hypothesis profile, no forced engine, and no skip that nobody decided on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# JAX compiles each shape anew, and runs it once or twice: most of its time is the compiler's.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
settings.register_profile("gruvy", deadline=None, max_examples=40, print_blob=True)
settings.load_profile("gruvy")

ALLOWED = [
    line.partition("#")[0].strip()
    for line in (Path(__file__).parent / "allowed_skips.txt").read_text().splitlines()
    if line.partition("#")[0].strip()
]


@pytest.fixture(autouse=True)
def _no_forced_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own GRUVY_ENGINE must not change what the tests say."""
    monkeypatch.delenv("GRUVY_ENGINE", raising=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Under CI a test that skips must be on the list: a tool that went missing is a failure, not silence."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped under CI, and its reason is not allowed:\n{reason}"
    return report


BROWSER = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--force-prefers-reduced-motion",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Generator[Any, None, None]:
    """A real browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="a browser test: needs playwright")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("a browser test: needs chromium")
    with playwright.sync_playwright() as p:
        found = p.chromium.launch(executable_path=program, args=BROWSER)
        yield found
        found.close()
