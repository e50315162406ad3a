"""A model as C: what the compiled code answers, step by step, against the stream of gruvy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gruvy
from c_code import STRICT, answers, check, drawn, make, net, other, streamed
from cli_help import call
from compare import assert_apart, assert_close
from gruvy.errors import InputError
from gruvy.export import to_c
from gruvy.export.c_text import c_name, text
from gruvy.model.model import Model
from gruvy.model.quantiles import Quantiles
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, random_weights, small_model
from test_cli_errors import save_model


@pytest.fixture(scope="module")
def gcc() -> list[str]:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return ["gcc"]


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
def test_webassembly(seed: int, tmp_path: Path) -> None:
    """Run by Node, which browsers share their engine with."""
    other("wasm-ld")
    if not Path("/usr/lib/wasm32-wasi").exists():
        pytest.skip("another C compiler: needs wasi-libc")
    model, compiler, runner = net(seed), other("clang"), other("node")
    X, run = drawn(model, seed), (*runner, "--no-warnings", str(Path(__file__).with_name("run_wasm.mjs")))
    check(model, answers(to_c(model, tmp_path), X, [*compiler, "--target=wasm32-wasi", "--sysroot=/usr"], run), X)


@pytest.mark.parametrize("seed", [3, 17, 31, 44])
def test_cortex_m(seed: int, tmp_path: Path) -> None:
    """Compiled alone; and the names that it leaves to others are those of math.h and of the compiler's arithmetic."""
    compiler, nm = other("arm-none-eabi-gcc"), other("arm-none-eabi-nm")
    int8 = seed > 20
    to_c(net(seed), tmp_path, int8=int8)
    words = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-ffreestanding"]
    subprocess.run([*compiler, *STRICT, *words, "-c", "net.c"], cwd=tmp_path, check=True)
    left = subprocess.run([*nm, "-u", "net.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    others = {name for name in left.split() if name != "U" and not name.startswith("__aeabi")}
    assert others <= ({"floorf", "fabsf"} if int8 else {"expf", "tanhf"})


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
