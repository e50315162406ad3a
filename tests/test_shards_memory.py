"""Four gigabytes of training data in less than one of memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

FILES, BYTES = 256, 2**24  # 4 GB in all
CHANNELS, STEPS = 64, 50

SCRIPT = """
import sys
import torch
import gruvy
from gruvy.data import shards
found = shards(sys.argv[1], id="id", target="label")
net = gruvy.GRU(len(found.features), 4, 2).fit(found, max_epochs=1, batch_size=256, progress=False)
print(len(found), found.steps, net.history["loss"][0])
print(*(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def write(path, number, rng):
    """Some 16 MB of random numbers, which do not compress."""
    count = BYTES // (4 * CHANNELS * STEPS)
    x = rng.standard_normal((count * STEPS, CHANNELS), np.float32)
    ids = np.repeat(np.arange(number * count, (number + 1) * count), STEPS)
    columns = {f"c{i}": x[:, i] for i in range(CHANNELS)}
    frame = pl.DataFrame({"id": ids, "label": ids % 2, **columns})
    frame.write_parquet(path / f"{number:03d}.parquet", compression="uncompressed", statistics=False)
    return count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of the memory is read where Linux tells it")
def test_four_gigabytes_are_trained_on_in_less_than_one(tmp_path):
    rng = np.random.default_rng(0)
    count = sum(write(tmp_path, number, rng) for number in range(FILES))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 4e9
    line = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=850, env=environment)
    finally:
        for path in tmp_path.glob("*.parquet"):
            Path(path).unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{count} {count * STEPS} ")
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) * 1024
    print(f"peak resident memory {peak / 1e6:.0f} MB")
    assert peak < 1e9
