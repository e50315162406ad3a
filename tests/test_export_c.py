"""A model as C: what the compiled code answers, step by step, against the stream of gruvy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gruvy
from cli_help import call
from compare import assert_apart, assert_close
from gruvy.errors import InputError
from gruvy.export import CFiles, to_c
from gruvy.export.c_text import c_name, text
from gruvy.export.eight_bits import in_8_bits, levels, rounded
from gruvy.model.model import Model
from gruvy.model.quantiles import Quantiles
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights, small_model
from test_cli_errors import save_model

POOLINGS, KINDS = ("last", "mean", "max"), ("", "classify", "tag", "regress")
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1"]
# Reads whether a sequence begins and the numbers of a step, as floats; writes the answer and the bytes of a state.
DRIVER = """
#include "net.h"
#include <stdio.h>
int main(void)
{
    static net_state state;
    float row[1 + NET_INPUTS], answer[NET_OUTPUTS + 1];
    net_init(&state);
    answer[NET_OUTPUTS] = (float)sizeof state;
    while (fread(row, sizeof row, 1, stdin) == 1) {
        if (row[0] > 0.0f)
            net_reset(&state);
        net_step(&state, row + 1, answer);
        fwrite(answer, sizeof answer, 1, stdout);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def gcc() -> list[str]:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return ["gcc"]


def other(name: str) -> list[str]:
    if shutil.which(name) is None:
        pytest.skip(f"another C compiler: needs {name}")
    return [name]


def net(seed: int, **more: Any) -> Model:
    """A random net: every convention with every pooling and task in 48 seeds; layers, sizes and biases differ."""
    rng = np.random.default_rng(seed)
    convention, pooling, kind = CONVENTIONS[seed % 4], POOLINGS[seed // 4 % 3], KINDS[seed // 12 % 4]
    L, I, H, O = (int(rng.integers(*each)) for each in ((1, 4), (1, 6), (1, 14), (1, 4)))
    w = random_weights(rng, convention, I, H, L, 1, np.float32, **more)
    if seed % 3 == 0:  # torch's two biases
        w = w_map(w, lambda cell: cell._replace(c=rng.normal(size=3 * H).astype(np.float32)))
    elif seed % 5 == 0:
        w = w_map(w, lambda cell: cell._replace(b=None, c=None))
    V, b_y = rng.normal(size=(O, H)).astype(np.float32), rng.normal(size=O).astype(np.float32)
    classes = [f"class {k}" for k in range(max(O, 2))] if kind[:1] in ("c", "t") else ()
    scales = rng.normal(size=I) * 100, rng.uniform(0.1, 100, I), rng.normal(size=O), rng.uniform(1, 10, O)
    model = small_model(w, V, b_y, pooling, kind, *scales, classes)
    return model if seed % 7 else small_model(w, V, None, pooling, kind, classes=classes)


def w_map(w: Weights, change: Any) -> Weights:
    return Weights(w.convention, [[change(cell) for cell in layer] for layer in w.cells])


def drawn(model: Model, seed: int, lengths: tuple[int, ...] = (50, 1, 9)) -> list[Any]:
    rng, I = np.random.default_rng(seed), model.weights.input_units
    X = [rng.normal(size=(n, I)) for n in lengths]
    return [(x if model.scaler is None else model.scaler.back(x)).astype(np.float32) for x in X]


def program(done: CFiles, compiler: list[str]) -> Path:
    """The written code and the driver, compiled."""
    folder = done.files[0].parent
    (folder / "driver.c").write_text(DRIVER)
    built = [*compiler, *STRICT, "net.c", "driver.c", "-o", "driver", "-lm"]
    subprocess.run(built, cwd=folder, check=True)
    return folder / "driver"


def answers(done: CFiles, X: list[Any], compiler: list[str], runner: tuple[str, ...] = ()) -> Any:
    """The answers to all steps of the sequences (M, O); the bytes of a state are what was told."""
    rows = [np.hstack([np.arange(len(x))[:, None] == 0, x]) for x in X]
    given = np.concatenate(rows).astype(np.float32).tobytes()
    ran = subprocess.run([*runner, program(done, compiler)], input=given, capture_output=True, check=True)
    found = np.frombuffer(ran.stdout, np.float32).reshape(sum(map(len, X)), -1)
    assert (found[:, -1] == done.state).all()
    return found[:, :-1]


def streamed(model: Model, X: list[Any]) -> Any:
    """The same of the runtime."""
    found = []
    for x in X:
        stream = model.stream()
        found += [np.reshape(stream.push(row), -1) for row in x]
    return np.array(found).astype(np.float32)


def check(model: Model, found: Any, X: list[Any]) -> None:
    """Three layers over fifty steps: the C code and the runtime are each within 1e-6 of the same net in float64."""
    V, b_y = (None if a is None else a.astype(np.float64) for a in (model.V, model.b_y))
    assert_close(found, streamed(replace(model, weights=model.weights.astype(np.float64), V=V, b_y=b_y), X), "answer")
    assert_close(found, streamed(model, X), "engine")


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    said = ["make", "-s", f"CFLAGS={' '.join(STRICT)}", *words]
    return subprocess.run(said, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("seed", range(48))
def test_random_nets(gcc: list[str], seed: int, tmp_path: Path) -> None:
    model = net(seed)
    X = drawn(model, seed)
    check(model, answers(to_c(model, tmp_path), X, gcc), X)


def test_another_reset_and_another_update_are_seen(gcc: list[str], tmp_path: Path) -> None:
    """The comparison itself: the same weights in the other conventions."""
    for seed, switch in ((1, "UPDATE_KEEPS"), (2, "RESET_AFTER")):
        model = small_model(random_weights(np.random.default_rng(0), CONVENTIONS[seed], dtype=np.float32))
        X = drawn(model, 0)
        done = to_c(model, tmp_path)
        source = done.files[1].read_text()
        changed = source.replace(f"#define {switch} 1", f"#define {switch} 0", 1)
        assert changed != source
        if switch == "RESET_AFTER":
            changed = re.sub(r", c0\}", "}", changed).replace("static const float c0", "const float c0")
        done.files[1].write_text(changed)
        assert_apart(answers(done, X, gcc), streamed(model, X), "answer")


@pytest.mark.parametrize("seed", [3, 17, 31, 44])
def test_clang(seed: int, tmp_path: Path) -> None:
    model = net(seed)
    X = drawn(model, seed)
    check(model, answers(to_c(model, tmp_path), X, other("clang")), X)


@pytest.mark.parametrize("seed", [3, 17, 31, 44])
def test_aarch64(seed: int, tmp_path: Path) -> None:
    model, compiler, runner = net(seed), other("aarch64-linux-gnu-gcc"), other("qemu-aarch64")
    X = drawn(model, seed)
    found = answers(to_c(model, tmp_path), X, [*compiler, "-static"], tuple(runner))
    check(model, found, X)


@pytest.mark.parametrize("seed", [3, 17, 31, 44])
def test_cortex_m(seed: int, tmp_path: Path) -> None:
    """Compiled alone; and the names that it leaves to others are those of math.h and of the compiler's arithmetic."""
    compiler, nm = other("arm-none-eabi-gcc"), other("arm-none-eabi-nm")
    to_c(net(seed), tmp_path, int8=seed % 2 == 0)
    words = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-ffreestanding"]
    subprocess.run([*compiler, *STRICT, *words, "-c", "net.c"], cwd=tmp_path, check=True)
    left = subprocess.run([*nm, "-u", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    others = {name for name in left.split() if name != "U" and not name.startswith("__aeabi")}
    assert others <= {"expf", "tanhf", "floorf", "fabsf"}


def test_spoken_digits(gcc: list[str], tmp_path: Path) -> None:
    """A trained net on recordings."""
    data = gruvy.data.load("spoken-digits").test
    clf = gruvy.GRUClassifier(16, max_epochs=2, random_state=0).fit(data.x[:120], data.y[:120])
    model, X = Model.of(clf), [np.asarray(x, np.float32) for x in data.x[:120]]
    found, wanted = answers(to_c(model, tmp_path), X, gcc), streamed(model, X)
    assert_close(found, wanted, "answer")
    np.testing.assert_array_equal(found.argmax(1), wanted.argmax(1))


@pytest.mark.parametrize("seed", [0, 5, 16, 30, 47])
def test_the_self_test(gcc: list[str], seed: int, tmp_path: Path) -> None:
    """It passes on what was written, and fails when a weight is another; all of it compiles without a warning."""
    source = to_c(net(seed), tmp_path).files[1]
    done = make(tmp_path, "all", "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "net: as gruvy answers\n", "")
    right = source.read_text()
    wrong = re.sub(r"(float U0\[\d+\] = \{\n    )[^,]+,", r"\g<1>9.0f,", right)
    assert wrong != right
    source.write_text(wrong)
    subprocess.run([*gcc, "-o", "faulty", "selftest.c", "net.c", "-lm"], cwd=tmp_path, check=True)
    ran = subprocess.run([tmp_path / "faulty"], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "numbers are wrong" in ran.stdout


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


def test_rows_in_eight_bits() -> None:
    """No weight is off by more than half a step of its row."""
    a = np.random.default_rng(0).normal(size=(7, 30)) * np.logspace(-8, 8, 7)[:, None]
    q, scales = in_8_bits(a)
    assert (abs(q * scales[:, None].astype(float) - a) <= 0.5001 * abs(a).max(1, keepdims=True) / 127).all()


@pytest.mark.slow
def test_spoken_digits_in_eight_bits(gcc: list[str], tmp_path: Path) -> None:
    """Accuracy within .01 of float32's, weights at most 30 % of its size; the float version equals the runtime."""
    data = gruvy.data.load("spoken-digits")
    clf = gruvy.GRUClassifier(64, max_epochs=20, random_state=0).fit(data.train.x, data.train.y)
    model, X = Model.of(clf), [np.asarray(x, np.float32) for x in data.test.x]
    ends = np.cumsum([len(x) for x in X]) - 1
    one, eight = to_c(model, tmp_path), to_c(model, tmp_path / "eight", int8=True)
    found, coarse = answers(one, X, gcc), answers(eight, X, gcc)
    assert_close(found, streamed(model, X), "in C")
    right, rough = (np.mean(model.classes[a[ends].argmax(1)] == data.test.y) for a in (found, coarse))
    print(f"spoken digits: {right:.4f} in float32, {rough:.4f} in 8 bits; {one.weights} and {eight.weights} bytes")
    assert abs(right - rough) <= 0.01
    assert eight.weights <= 0.3 * one.weights


def test_the_example(gcc: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    w = random_weights(rng, CONVENTIONS[2], I=2, H=4, dtype=np.float32)
    names = ['say "no"', "größer??/"]
    V = rng.normal(size=(2, 4)).astype(np.float32)
    model = small_model(w, V, np.zeros(2, np.float32), kind="classify", classes=names)
    done = to_c(model, tmp_path, name="2 ways")
    assert done.files[0].name == "net_2_ways.h"
    assert len(done.files[3].read_text().splitlines()) <= 45
    assert make(tmp_path, "example").returncode == 0
    given = "1,2\n0.5 -1\n\n1,2\n"
    ran = subprocess.run([tmp_path / "example"], input=given, capture_output=True, text=True, check=True)
    rows = [line.split(",") for line in ran.stdout.splitlines()]
    first = streamed(model, [np.array([[1, 2], [0.5, -1]], np.float32)])
    assert_close(np.array([row[:2] for row in rows], np.float32), first[[0, 1, 0]], "answer")
    assert [row[2] for row in rows] == [names[k] for k in first[[0, 1, 0]].argmax(1)]
    short = subprocess.run([tmp_path / "example"], input="1\n", capture_output=True, text=True, check=False)
    assert (short.returncode, short.stderr) == (1, "expected 2 numbers a row, found 1\n")


def test_cmake(gcc: list[str], tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("another C compiler: needs cmake")
    to_c(net(1), tmp_path)
    for words in (["-S", ".", "-B", "built"], ["--build", "built"]):
        subprocess.run(["cmake", *words], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["ctest", "--test-dir", "built"], cwd=tmp_path, check=True, capture_output=True)


def test_names_and_texts() -> None:
    assert [c_name(name) for name in ("int", "a-b", "__x", "stdio", "Example", "größe", "数")] == [
        "int", "a_b", "x", "net_stdio", "net_Example", "gro_e", "net",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"^class 'aaaaaaaaaaaaaaaaaaaa': expected at most 4,095 bytes"):
        text("a" * 5000)


def test_refused(tmp_path: Path) -> None:
    rng, folder = np.random.default_rng(0), tmp_path / "net"
    both = random_weights(rng, CONVENTIONS[0], directions=2)
    with pytest.raises(InputError, match=r"^the model is bidirectional: it reads each sequence from its end too"):
        to_c(both, folder)
    w = random_weights(rng, CONVENTIONS[0])
    with pytest.raises(InputError, match=r"^the model is a forecaster"):
        to_c(Model(weights=w, target=Quantiles(np.zeros(1), np.ones(1), np.array([0.5]))), folder)
    with pytest.raises(InputError, match="not finite in float32"):
        to_c(random_weights(rng, CONVENTIONS[0], size=1e300), folder)
    far = small_model(w, shift=np.full(3, 1e50), scale=np.ones(3))
    with pytest.raises(InputError, match=r"^the model has inputs or answers beyond float32"):
        to_c(far, folder)
    assert not folder.exists()


def test_what_is_told(tmp_path: Path) -> None:
    """By hand: 3 gates of 4 units over 2 inputs and 4 states, their biases and c, and a read-out of 1."""
    cell = Cell(np.ones((12, 2)), np.ones((12, 4)), np.ones(12), np.ones(12))
    model = small_model(Weights("torch", [[cell]]), np.ones((1, 4)), np.ones(1), "mean")
    done = to_c(model, tmp_path)
    assert done.weights == 4 * (24 + 48 + 12 + 4 + 4 + 1)
    assert done.multiply_adds == 24 + 48 + 4
    assert done.state == 8 * (1 + 4) + 4 * 3 * 4
    assert done.notes == ["weights of float64 are written as float32, the precision of the C code"]


def test_the_command(tmp_path: Path) -> None:
    save_model(tmp_path / "my-net.safetensors")
    words = ["export", str(tmp_path / "my-net.safetensors"), "--to", "c"]
    done = call(*words, "-o", str(tmp_path / "out"))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{tmp_path}/out: my_net.h, my_net.c, selftest.c, example.c, Makefile, CMakeLists.txt",
        "weights 248 bytes (flash), state 36 bytes (RAM), 51 multiply-adds a step; make check in the folder tries it",
    ]
    told = json.loads(call(*words, "--json").stdout)
    assert told["files"][0] == str(tmp_path / "my-net" / "my_net.h")
    assert (told["weights_bytes"], told["state_bytes"], told["multiply_adds"]) == (248, 36, 51)
    assert call(*words, "--opset", "17").stderr == "gruvy: --opset 17 has no meaning for --to c\n"
    assert "a file; expected a folder" in call(*words, "-o", str(tmp_path / "my-net.safetensors")).stderr
    save_model(tmp_path / "both.safetensors", directions=2)
    both = call("export", str(tmp_path / "both.safetensors"), "--to", "c").stderr
    assert both.startswith("gruvy: the model is bidirectional"), both
    assert both.endswith("train without --bidirectional\n"), both
