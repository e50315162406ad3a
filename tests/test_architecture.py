"""The house: who may import whom, what the documents say of it, and the sizes that keep it readable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "gruvy"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command([])"


def layers() -> list[str]:
    """The contract's layers, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found: list[str] = next(c["layers"] for c in contracts if c["type"] == "layers")
    return found


def lint(root: Path) -> tuple[int, str]:
    """Import-linter's exit code and report for a tree that has pyproject.toml and src.

    Without `site` no .pth file is read, so that no installed gruvy stands before the tree's own, neither as a path nor
    as the finder of an editable install.
    """
    path = os.pathsep.join([str(root / "src"), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-S", "-c", LINT],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path):
    """A copy of what import-linter reads, to plant faults in."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(SOURCE, tmp_path / "src" / "gruvy", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return tmp_path


def test_arrows_run_down_and_in_no_circle(tree):
    code, said = lint(tree)
    assert code == 0, said
    assert len(list(SOURCE.rglob("*.py"))) == int(re.search(r"Analyzed (\d+) files", said)[1])


@pytest.mark.parametrize(
    ("path", "planted", "seen"),
    [
        ("errors.py", "def late() -> None:\n    from . import nn\n", "gruvy.errors -> gruvy.nn"),
        ("stray.py", "", "gruvy.stray"),  # a file that no layer holds
        (
            "inside/trace.py",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from . import gradients\n",
            "No cycles are allowed in gruvy.inside.",
        ),
    ],
    ids=["an arrow up", "a stray file", "a circle that the type checker alone sees"],
)
def test_planted_faults_are_seen(tree, path, planted, seen):
    file = tree / "src" / "gruvy" / path
    assert seen not in lint(tree)[1]
    file.write_text((file.read_text() if file.exists() else "") + "\n\n" + planted)
    code, said = lint(tree)
    assert code == 1
    assert seen in said


def test_the_map_is_the_contract():
    page = (ROOT / "docs" / "architecture.md").read_text()
    shown = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    assert [line.strip() for line in shown[1].splitlines()] == layers()


def test_every_package_says_what_it_is_for():
    page = (ROOT / "docs" / "architecture.md").read_text()
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert len(packages) >= 11
    for name in packages:
        assert f"`{name}`" in page, name


def test_sizes():
    assert len([path for path in SOURCE.iterdir() if path.is_file() and path.suffix != ".so"]) <= 12
    sources = list(SOURCE.rglob("*.py"))
    assert len(sources) > 90
    long = {str(path): n for path in sources if (n := len(path.read_text().splitlines())) > 350}
    assert not long
    skips = sum(path.read_text().count("fmt: skip") for path in sources)
    assert skips <= 20
