"""The house: who may import whom, what the documents say of it, and the sizes that keep it readable."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "gruvy"
LINT = (
    "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports']; lint_imports_command()"
)


def layers() -> list[str]:
    """The contract's layers, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found: list[str] = next(c["layers"] for c in contracts if c["type"] == "layers")
    return found


def lint(root: Path) -> tuple[int, str]:
    """Import-linter's exit code and report for a tree that has pyproject.toml and src."""
    path = f"import sys; sys.path.insert(0, {str(root / 'src')!r}); sys.meta_path[:] = [f for f in sys.meta_path if "
    path += "'_editable' not in type(f).__module__ and 'ScikitBuild' not in type(f).__name__]; "
    done = subprocess.run([sys.executable, "-c", path + LINT], cwd=root, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_arrows_run_down_and_a_planted_one_up_is_seen(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(SOURCE, tmp_path / "src" / "gruvy", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    code, said = lint(tmp_path)
    assert code == 0, said
    errors = tmp_path / "src" / "gruvy" / "errors.py"
    text = errors.read_text()
    errors.write_text(f"{text}\n\ndef late() -> None:\n    from . import nn\n")
    code, said = lint(tmp_path)
    assert code == 1
    assert "gruvy.errors -> gruvy.nn" in said
    errors.write_text(text)
    (tmp_path / "src" / "gruvy" / "stray.py").write_text("")  # a file that no layer holds
    code, said = lint(tmp_path)
    assert code == 1
    assert "gruvy.stray" in said


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
