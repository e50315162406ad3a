"""The pages' scripts: their types, and that the bundles in the package are what web/src makes; a stale one is found."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from axe import WEB, source

BUNDLES = WEB.parent / "src" / "gruvy"


def node(*words: str) -> subprocess.CompletedProcess[str]:
    source()  # what web/package-lock.json names is there, or the test skips
    program = shutil.which("node")
    assert program is not None  # npm is there, or `source` had skipped
    return subprocess.run([program, *words], cwd=WEB, capture_output=True, text=True)


def test_the_bundles_are_fresh_and_a_stale_one_is_found(tmp_path):
    found = list(BUNDLES.rglob("*.bundle.js"))
    assert "explorer.bundle.js" in [f.name for f in found]
    for file in found:
        shutil.copy(file, tmp_path)
    fresh = node("build.mjs", "--check", "--at", str(tmp_path))
    assert (fresh.returncode, fresh.stderr) == (0, ""), "run: make page"
    stale = tmp_path / "explorer.bundle.js"
    stale.write_text(stale.read_text(encoding="utf-8").replace("tanh", "sinh", 1), encoding="utf-8")
    found = node("build.mjs", "--check", "--at", str(tmp_path))
    assert found.returncode == 1
    assert found.stderr == "explorer.bundle.js is not what its sources make: make page\n"


@pytest.mark.parametrize(
    ("planted", "word"), [("const x = missing(1);", "missing"), ('document.title = "a".nope();', "nope")]
)
def test_types_are_checked(tmp_path, planted, word):
    """What `make lint` runs is content with the sources, and is not with a planted fault."""
    checked = Path("node_modules") / "typescript" / "bin" / "tsc"
    settings = json.loads((WEB / "tsconfig.json").read_text(encoding="utf-8"))
    (tmp_path / "planted.js").write_text(planted, encoding="utf-8")
    settings["include"] = [str(tmp_path / "planted.js")]
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    found = node(str(checked), "-p", str(tmp_path))
    assert found.returncode != 0
    assert word in found.stdout


def test_the_lock_names_no_registry_and_the_notice_names_the_library():
    assert "resolved" not in (WEB / "package-lock.json").read_text(encoding="utf-8")
    text = next(BUNDLES.rglob("explorer.bundle.js")).read_text(encoding="utf-8")
    notice = text[: text.index("*/")]
    assert "@observablehq/plot" in notice
    assert "Permission to use, copy, modify" in notice
