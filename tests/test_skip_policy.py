"""The rule that no skip goes unnoticed under CI is itself tested."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("ci", "reason", "outcome"),
    [
        ("true", "chromium is missing", "failed"),
        ("true", "this processor has no AVX-512", "skipped"),
        ("", "chromium is missing", "skipped"),
    ],
)
def test_a_skip_under_ci_must_be_on_the_list(pytester, monkeypatch, ci, reason, outcome):
    here = Path(__file__).parent
    for name in ("conftest.py", "allowed_skips.txt"):
        shutil.copy(here / name, pytester.path)
    pytester.makepyfile(f"import pytest\n\ndef test_one():\n    pytest.skip({reason!r})")
    monkeypatch.setenv("CI", ci)
    # A process of its own: plugins that this session has registered must not be registered again.
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(**{outcome: 1})
