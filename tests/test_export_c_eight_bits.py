"""A model as C with weights in 8 bits: the compiled code against the runtime on the rounded weights."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gruvy
from c_code import STRICT, answers, drawn, make, net, streamed
from cli_help import call
from compare import assert_close, limit
from gruvy.export import to_c
from gruvy.export.eight_bits import in_8_bits, levels, rounded
from gruvy.model import file as model_file
from gruvy.model.model import Model
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights, small_model
from test_cli_errors import save_model


@pytest.fixture(scope="module")
def gcc() -> list[str]:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return ["gcc"]


@pytest.mark.parametrize("seed", range(0, 48, 4))
def test_eight_bits(gcc: list[str], seed: int, tmp_path: Path) -> None:
    """Weights in 8 bits are those of the net that is rounded to them; what they meet is rounded 256 times finer."""
    seed += seed // 4 % 4
    model = net(seed, size=0.3)
    X, done = drawn(model, seed, (12, 1, 9)), to_c(model, tmp_path, int8=True)
    assert_close(answers(done, X, gcc), streamed(rounded(model), X), "in 8 bits")
    assert make(tmp_path, "check").returncode == 0
    source = done.files[1].read_text()
    done.files[1].write_text(re.sub(r"(int8_t U0\[\d+\] = \{\n    )[^}]+\}", r"\g<1>9}", source))
    assert make(tmp_path, "check").returncode != 0


def test_no_sum_of_eight_bits_overflows(gcc: list[str], tmp_path: Path) -> None:
    """The worst that there is: all weights and all inputs as large as they can be, 3,000 of them."""
    cell = Cell(np.full((3, 3000), 1e-5), np.zeros((3, 1)), np.zeros(3), None)
    model = small_model(Weights("tutorial", [[cell]]))
    x = np.full((1, 3000), 10.0)
    done = to_c(model, tmp_path, int8=True)
    assert 127 * 3000 * levels(3000) < 2**31 <= 127 * 3000 * (levels(3000) + 1)
    n = np.tanh(0.3) / (1 + np.exp(-0.3))
    assert_close(answers(done, [x], gcc), np.array([[n]], np.float32), "in 8 bits")


def test_activations_without_a_library(gcc: list[str], tmp_path: Path) -> None:
    """e^a, sigmoid and tanh of the code in 8 bits are polynomials: against NumPy in float64, NaN included."""
    source = to_c(net(4), tmp_path, int8=True).files[1].read_text()
    (tmp_path / "three.c").write_text(
        source + "\n#include <stdio.h>\nint main(void)\n{\n    float a[3];\n    while (fread(a, 4, 1, stdin) == 1) {\n"
        "        a[1] = sigmoid(a[0]), a[2] = bounded(a[0]), a[0] = power(-fabsf(a[0]));\n"
        "        fwrite(a, 12, 1, stdout);\n    }\n    return 0;\n}\n"
    )
    subprocess.run([*gcc, *STRICT, "three.c", "-o", "three", "-lm"], cwd=tmp_path, check=True)
    x = np.concatenate([np.linspace(-100, 100, 40001), [0.0, np.inf, -np.inf, np.nan]]).astype(np.float32)
    ran = subprocess.run([tmp_path / "three"], input=x.tobytes(), capture_output=True, check=True).stdout
    power, sigmoid, tanh = np.frombuffer(ran, np.float32).reshape(-1, 3).T.astype(float)
    a = x.astype(float)
    big = abs(a) < 80
    assert_close(power[big] / np.exp(-abs(a[big])), np.ones(big.sum()), "polynomial")
    number = ~np.isnan(a)
    with np.errstate(over="ignore"):
        assert_close(sigmoid[number], 1 / (1 + np.exp(-a[number])), "polynomial")
    assert_close(tanh[number], np.tanh(a[number]), "polynomial")
    assert np.isnan([power[-1], sigmoid[-1], tanh[-1]]).all()


def test_rows_in_eight_bits() -> None:
    """No weight is off by more than half a step of its row."""
    a = np.random.default_rng(0).normal(size=(7, 30)) * np.logspace(-8, 8, 7)[:, None]
    q, scales = in_8_bits(a)
    assert (abs(q * scales[:, None].astype(float) - a) <= 0.5001 * abs(a).max(1, keepdims=True) / 127).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "units", "kind", "share"),
    [("spoken-digits", 64, "in C", 0.3), ("japanese-vowels", 32, "answer", 0.33)],
)
def test_whole_data_sets(gcc: list[str], name: str, units: int, kind: str, share: float, tmp_path: Path) -> None:
    """In float32 as the runtime answers; in 8 bits the accuracy within .01, and the size of the weights.

    30 % is asked of spoken digits; scales and biases weigh more in a smaller net.
    """
    data = gruvy.data.load(name)
    clf = gruvy.GRUClassifier(units, max_epochs=20, random_state=0).fit(data.train.x, data.train.y)
    model, X = Model.of(clf), [np.asarray(x, np.float32) for x in data.test.x]
    ends = np.cumsum([len(x) for x in X]) - 1
    one, eight = to_c(model, tmp_path), to_c(model, tmp_path / "eight", int8=True)
    found, coarse = answers(one, X, gcc), answers(eight, X, gcc)
    assert_close(found, streamed(model, X), kind)
    right, rough = (np.mean(model.classes[a[ends].argmax(1)] == data.test.y) for a in (found, coarse))
    print(f"{name}: {right:.4f} in float32, {rough:.4f} in 8 bits; {one.weights} and {eight.weights} bytes")
    assert abs(right - rough) <= limit("accuracy in 8 bits")
    assert eight.weights <= share * one.weights


def test_what_it_costs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--check: the accuracy, or the error of each target, before and in 8 bits."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    save_model(Path("m.safetensors"))
    X = rng.normal(size=(40, 6, 2))
    np.savez("ways.npz", X=X, y=np.where(rng.random(40) < 0.5, "up", "down"))
    w = random_weights(rng, CONVENTIONS[3], I=2, H=3, dtype=np.float32)
    V, b_y = rng.normal(size=(1, 3)).astype(np.float32), np.zeros(1, np.float32)
    model_file.write("n.safetensors", small_model(w, V, b_y, kind="regress"))
    y = gruvy.load("n.safetensors").predict(X)[:, 0]
    np.savez("numbers.npz", X=X, y=y)
    words = ["export", "m.safetensors", "--to", "c", "--int8", "--check", "ways.npz"]
    done = call(*words)
    assert done.exit_code == 0, done.stderr
    right = np.mean(gruvy.load("m.safetensors").predict(X) == np.load("ways.npz")["y"])
    assert f"accuracy on ways.npz: {right:.4g}, in 8 bits " in done.stdout
    said = json.loads(call(*words, "--json").stdout)["check"]
    assert (said["data"], said["sequences"], said["before"]) == ("ways.npz", 40, {"accuracy": right})
    told = json.loads(call("export", "n.safetensors", "--to", "c", "--int8", "--check", "numbers.npz", "--json").stdout)
    (before,), (after,) = (told["check"][each].values() for each in ("before", "in_8_bits"))
    off = to_c(gruvy.load("n.safetensors"), "n8", int8=True).model.predict(X)[:, 0] - y
    assert_close(before + 1, 1.0, "answer")
    assert_close(after, np.sqrt(np.mean(off**2)), "answer")
    assert after > before
    wrong = call(*words[:4], "--check", "ways.npz")
    assert wrong.stderr == "gruvy: --check ways.npz has no meaning without --int8\n"
