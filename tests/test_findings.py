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
KINDS = sorted(path.name for path in FOUND.iterdir())

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the soak forks and reads /proc, as on Linux")


def read(folder: Path) -> dict[str, list]:
    """Read every finding in forked workers: of each kind how many there were and what went wrong."""
    import torch._dynamo  # noqa: F401  (which the first optimiser brings: some 80 MB that are not a file's)

    import gruvy.estimators.base
    import gruvy.training  # noqa: F401  (here, so that no forked process has to)
    from soak import files
    from soak.workers import Attack, Place, run

    def of(kind: str) -> list:
        found = sorted((FOUND / kind).iterdir())

        def one(k, place):
            return files.reread(kind, found[k].name, found[k].read_bytes(), place)

        memory = files.KINDS[kind][4]
        attack = Attack(name=kind, run=one, seconds=60, memory=memory, again=f"tests/findings/{kind}, file")
        (folder / kind).mkdir()
        counts = run(attack, Place(folder / kind, folder / kind / "kept"), seconds=300, count=len(found))
        return [counts.tried, {what: failure.shown for what, failure in counts.failures.items()}]

    return {kind: of(kind) for kind in KINDS}


def test_what_was_found_is_read_or_refused(tmp_path):
    # A process of its own: a fork of one whose tests have started threads, as those of polars, may hang.
    done = subprocess.run([sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    counts = {kind: [len(list((FOUND / kind).iterdir())), {}] for kind in KINDS}
    assert json.loads(done.stdout.splitlines()[-1]) == counts


if __name__ == "__main__":
    print(json.dumps(read(Path(sys.argv[1]))))
