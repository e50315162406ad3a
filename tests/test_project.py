"""What the project says of itself in several files is the same in each."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import gruvy

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
yaml = pytest.importorskip("yaml")


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version():
    cited = load("CITATION.cff")
    assert cited["version"] == gruvy.__version__
    assert cited["license"] == PROJECT["license"]
    assert cited["url"] == PROJECT["urls"]["Homepage"]


def test_every_python_that_is_promised_is_tested_on_every_system():
    matrix = load(".github/workflows/tests.yml")["jobs"]["test"]["strategy"]["matrix"]
    classified = [m[1] for c in PROJECT["classifiers"] if (m := re.search(r":: (3\.\d+)$", c))]
    assert matrix["python"] == classified
    assert PROJECT["requires-python"] == f">={classified[0]}"
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


@pytest.mark.parametrize("form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda p: p.stem)
def test_a_form_asks_for_something(form):
    asked = load(form.relative_to(ROOT))
    assert {"name", "description", "body"} <= set(asked)
    assert any(part.get("validations", {}).get("required") for part in asked["body"])
