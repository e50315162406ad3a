"""Damaged files that once made gruvy crash, hang, eat memory or raise what is not its own: found by `make soak`.

`tests/findings/KIND/SEED-CASE.ending`; the name also says in which way the file is read.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gruvy.estimators.base
import gruvy.training  # noqa: F401  (here, so that no forked process has to)
from soak import files
from soak.workers import Attack, Place, run

FOUND = Path(__file__).parent / "findings"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the soak forks and reads /proc, as on Linux"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # several threads, and a fork
]


@pytest.mark.parametrize("kind", sorted(path.name for path in FOUND.iterdir()))
def test_what_was_found_is_read_or_refused(kind, tmp_path):
    found = sorted((FOUND / kind).iterdir())
    memory = files.KINDS[kind][4]

    def one(k, folder):
        return files.reread(kind, found[k].name, found[k].read_bytes(), folder)

    attack = Attack(name=kind, run=one, seconds=60, memory=memory, again=f"tests/findings/{kind}, file")
    counts = run(attack, Place(tmp_path, tmp_path / "kept"), seconds=300, count=len(found))
    assert counts.tried == len(found)
    assert {what: failure.shown for what, failure in counts.failures.items()} == {}
