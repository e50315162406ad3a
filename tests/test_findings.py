"""Damaged files that once made gruvy crash, hang, eat memory or raise what is not its own: found by `make soak`.

`tests/findings/KIND/SEED-CASE.ending`; the name also says in which way the file is read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOUND = Path(__file__).parent / "findings"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the soak forks and reads /proc, as on Linux")


def read(kind: str, folder: Path) -> None:
    """Read every finding of a kind in forked workers; print how many there were and what went wrong."""
    import torch._dynamo  # noqa: F401  (which the first optimiser brings: some 80 MB that are not a file's)

    import gruvy.estimators.base
    import gruvy.training  # noqa: F401  (here, so that no forked process has to)
    from soak import files
    from soak.workers import Attack, Place, run

    found = sorted((FOUND / kind).iterdir())

    def one(k, place):
        return files.reread(kind, found[k].name, found[k].read_bytes(), place)

    memory = files.KINDS[kind][4]
    attack = Attack(name=kind, run=one, seconds=60, memory=memory, again=f"tests/findings/{kind}, file")
    counts = run(attack, Place(folder, folder / "kept"), seconds=300, count=len(found))
    print(json.dumps([counts.tried, {what: failure.shown for what, failure in counts.failures.items()}]))


@pytest.mark.parametrize("kind", sorted(path.name for path in FOUND.iterdir()))
def test_what_was_found_is_read_or_refused(kind, tmp_path):
    # A process of its own: a fork of one whose tests have started threads, as those of polars, may hang.
    command = [sys.executable, __file__, kind, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [len(list((FOUND / kind).iterdir())), {}]


if __name__ == "__main__":
    read(sys.argv[1], Path(sys.argv[2]))
