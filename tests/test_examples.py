"""The scripts in examples/ run as a stranger runs them, and say what they should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import gruvy
from compare import assert_close

EXAMPLES = Path(__file__).parent.parent / "examples"
SOURCE = str(Path(gruvy.__file__).parent.parent)
NO_TORCH = "import sys; sys.modules['torch'] = None\n"


def run(name, *arguments, given="", cwd=None, before=""):
    code = f"{before}import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(EXAMPLES / name), *arguments],
        input=given, cwd=cwd, env=os.environ | {"PYTHONPATH": SOURCE}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here():
    assert sorted(p.name for p in EXAMPLES.glob("*.py")) == ["classify_csv.py", "convert_model.py", "stream.py"]


def test_classify_and_stream(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["id,person,time,a,b,label"]
    for i in range(60):
        label, T = ("low", "high")[i % 2], rng.integers(4, 9)
        x = rng.normal(size=(T, 2)) + 3 * (i % 2)
        rows += [f"s{i},p{i // 6},{t},{a:.4f},{b:.4f},{label}" for t, (a, b) in enumerate(x)]
    (tmp_path / "data.csv").write_text("\n".join(rows))
    said = run("classify_csv.py", "data.csv", "--target", "label", "--group", "person", "--epochs", "10", cwd=tmp_path)
    assert "60 of 4 to 8 steps" in said
    assert "would be right in 50.0%" in said
    assert "the model is in model.safetensors" in said

    # The stream, in a process that cannot import torch, says what the model says of each sequence so far.
    x = rng.normal(size=(5, 2)).round(3)
    lines = [" ".join(map(str, step)) for step in x.tolist()]
    said = run(
        "stream.py", "model.safetensors", given="\n".join([*lines, "", *lines[:2]]), cwd=tmp_path, before=NO_TORCH
    )
    head, *answers = (line.split("\t") for line in said.splitlines())
    assert head == ["step", "high", "low"]
    assert [row[0] for row in answers] == ["1", "2", "3", "4", "5", "1", "2"]
    got = np.array([row[1:] for row in answers], float)
    model = gruvy.load(tmp_path / "model.safetensors")
    wanted = model.predict_proba([x[:t] for t in (1, 2, 3, 4, 5, 1, 2)])
    assert_close(got, wanted, "four decimals")


def test_convert_model():
    said = run("convert_model.py")
    assert "Converted(swapped=('gru',), left={})" in said
    difference = float(said.split("largest difference of the results: ")[1].split()[0])
    assert_close(difference, 0.0, "converted")
    losses = [float(line.split()[1]) for line in said.splitlines() if line.startswith("loss")]
    assert losses[2] < losses[0]
