"""The pages' own JavaScript, run by node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def run_node(script: Path, *words: str, asked: Any, default: Callable[[Any], Any] | None = None) -> Any:
    """What a script answers, as JSON on stdout, to what it is asked, as JSON on stdin."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [program, str(script), *words], input=json.dumps(asked, default=default), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
