"""Weights held in fewer bytes: the numbers that NumPy and torch round them to, and the answers of those numbers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gruvy
from cli_help import call, write_slopes
from compare import assert_apart, assert_close
from gruvy.convention import Convention
from gruvy.engines import held, native
from gruvy.engines.stack import packed, run
from gruvy.errors import InputError, InputTypeError
from gruvy.model import file as model_file
from gruvy.model.model import FORMATS, Model
from gruvy.weights import Cell, Weights
from small_nets import CONVENTIONS, irregular, random_weights, small_model
from test_cli_errors import SLOPES, save_model

CORE = pytest.mark.skipif(not native.available()[0], reason=native.available()[1])
TORCH = Convention.of("torch")
# Below and above one vector of every kind, and beyond the sums that are made of chains.
SIZES = [(1, 1), (7, 37), (300, 260)]
ISAS = [name for name, there in (native.info().builds if native.available()[0] else ()) if there]


def by_hand(a: np.ndarray, weights: str) -> np.ndarray:
    """The numbers that weights become, by other people's roundings."""
    if weights == "half":
        return a.astype(np.float16).astype(np.float32)
    if weights == "bfloat16":
        return torch.tensor(a).bfloat16().float().numpy()
    rows = []
    for row in a:  # row by row
        scale = np.float32(max(map(abs, row.tolist())) / 127) or np.float32(1)
        rows.append([np.float32(round(float(w / scale))) * scale for w in row])
    return np.array(rows, np.float32)


def rounded(w: Weights, weights: str) -> Weights:
    w = w.merged()
    return Weights(
        w.convention,
        [[Cell(by_hand(W, weights), by_hand(U, weights), b, c) for W, U, b, c in layer] for layer in w.cells],
    )


def drawn(convention: Any, I: int, H: int, **more: Any) -> Weights:
    rng = np.random.default_rng(I * H)
    size = more.pop("size", 0.7 / np.sqrt(max(H, 4) / 4))
    return random_weights(rng, convention, I=I, H=H, dtype=np.float32, size=size, **more)


@pytest.mark.parametrize("weights", FORMATS)
def test_the_numbers_are_those_of_others(weights: str) -> None:
    rng = np.random.default_rng(0)
    a = (rng.normal(size=(9, 70)) * np.logspace(-6, 4, 9)[:, None]).astype(np.float32)
    a[2] = 0
    a[3, :4] = [1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-11, 1 + 3 * 2.0**-11]  # half way: to even
    w = held.rounded(Weights("onnx", [[Cell(a, np.zeros((9, 3), np.float32), None, None)]]), FORMATS[weights])
    assert_close(w.cells[0][0].W, by_hand(a, weights), "exact")
    again = held.rounded(w, FORMATS[weights])
    assert_close(again.cells[0][0].W, w.cells[0][0].W, "same" if weights == "int8" else "exact")


@CORE
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("convention", [CONVENTIONS[0], TORCH], ids=str)
def test_the_core_on_held_weights(convention: Any, weights: str, isa: str) -> None:
    """With 16 bits the bits of float32 weights of the same numbers, in every tile; with 8 bits to rounding."""
    kind = "engine" if weights == "int8" else "exact"
    rng = np.random.default_rng(1)
    for I, H in SIZES:
        w = drawn(convention, I, H)
        (cell,), (right,) = w.merged().cells[0], rounded(w, weights).cells[0]
        small, full = (
            native.Packed(held.hold(cell, FORMATS[weights]), convention, isa),
            native.Packed(right, convention, isa),
        )
        for B in (1, 3, 14):
            x, h = rng.normal(size=(2, B, I)).astype(np.float32), rng.normal(size=(B, H)).astype(np.float32)
            for threads in (1, 2):
                for found, wanted in zip(
                    small.forward(x, h, threads=threads), full.forward(x, h, threads=1), strict=True
                ):
                    assert_close(found, wanted, kind)
            assert_close(small.step(x[0], h), full.step(x[0], h), kind)
            assert_close(small.step(x[0], h), small.forward(x[:1], h)[1], "exact")
        assert (small.core.bytes < 0.7 * full.core.bytes) or H < 20


@CORE
@pytest.mark.parametrize("weights", FORMATS)
def test_the_core_on_irregular_batches(weights: str) -> None:
    w = drawn(TORCH, 3, 6, layers=2, directions=2)
    x, steps, _ = irregular(np.random.default_rng(4))
    cells = packed(w, FORMATS[weights])
    found = run(w, x, gates=True, engine="native", cells=cells, **steps)
    wanted = run(rounded(w, weights), x, gates=True, engine="reference", **steps)
    for own, other in zip(found, wanted, strict=True):
        assert_close(own, other, "engine")
    again = pickle.loads(pickle.dumps(cells))
    assert_close(run(w, x, engine="native", cells=again, **steps).hidden, found.hidden, "exact")


@CORE
@pytest.mark.parametrize("fault", ["W", "U", "scale_W", "scale_U", "b"])
def test_a_planted_fault_is_seen(fault: str) -> None:
    w = drawn(TORCH, 3, 20)
    small = held.hold(w.merged().cells[0][0], "int8")
    wrong = np.array(getattr(small, fault))
    wrong.reshape(-1)[7] = -wrong.reshape(-1)[7] - 1
    x = np.random.default_rng(5).normal(size=(2, 2, 3)).astype(np.float32)
    one, other = (native.Packed(c, w.convention).forward(x, None)[0] for c in (small, small._replace(**{fault: wrong})))
    assert_apart(one, other, "engine")


@CORE
def test_the_core_refuses_what_does_not_fit() -> None:
    small = held.hold(drawn(TORCH, 3, 5).merged().cells[0][0], "int8")
    for wrong, message in [
        ({"format": "nope"}, "format: 'nope', expected float16, bfloat16 or int8"),
        ({"W": small.W.astype(np.uint16)}, "W: dtype uint16, expected int8"),
        ({"U": small.U[:, :4]}, "W: shape (15, 3), expected (3H, I) = (12, 3)"),
        ({"scale_U": small.scale_U[:4]}, "scale_U: shape (4,), expected (3H,) = (15,)"),
        ({"scale_W": None}, "scale_W: None, expected an array (3H,)"),
        ({"b": small.b.astype(np.float64)}, "b: dtype float64, expected float32"),
    ]:
        with pytest.raises((InputError, InputTypeError)) as caught:
            native.Packed(small._replace(**wrong), drawn(TORCH, 1, 1).convention)
        assert str(caught.value) == message


@pytest.mark.parametrize("engine", [pytest.param("native", marks=CORE), "reference"])
@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_a_loaded_model(convention: Any, weights: str, engine: str, tmp_path: Path) -> None:
    w = drawn(convention, 3, 20, layers=2)
    rng = np.random.default_rng(6)
    V, b_y = rng.normal(size=(4, 20)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    model = small_model(w, V, b_y, "mean", "classify", np.zeros(3), np.full(3, 2.0), classes=("a", "b", "c", "d"))
    model_file.write(tmp_path / "m.safetensors", model)
    X = rng.normal(size=(5, 9, 3))
    small = gruvy.load(tmp_path / "m.safetensors", weights=weights, engine=engine)
    right = Model(**{**model.__dict__, "weights": rounded(w, weights), "engine": "reference"})
    assert f"weights '{weights}'" in repr(small)
    assert_close(small.predict_proba(X), right.predict_proba(X), "answer")
    stream = small.stream(batch=5)
    for step in X.swapaxes(0, 1):
        last = stream.push(step)
    assert_close(last, right.predict_proba(X), "answer")
    assert_close(pickle.loads(pickle.dumps(small)).predict_proba(X), small.predict_proba(X), "exact")
    assert_apart(small.predict_proba(X), gruvy.load(tmp_path / "m.safetensors").predict_proba(X), "answer")


def test_a_float64_model_becomes_float32(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    w = random_weights(rng, CONVENTIONS[0], H=5)
    model = small_model(w, rng.normal(size=(2, 5)), rng.normal(size=2))
    model_file.write(tmp_path / "m.safetensors", model)
    small = gruvy.load(tmp_path / "m.safetensors", weights="half")
    assert {small.weights.dtype, small.V.dtype, small.b_y.dtype} == {np.dtype(np.float32)}
    assert_close(small.weights.cells[0][0].U, w.cells[0][0].U.astype(np.float16).astype(np.float32), "exact")


def test_what_is_refused(tmp_path: Path) -> None:
    w = drawn(CONVENTIONS[0], 3, 4)
    ((cell,),) = w.cells
    U = np.array(cell.U)
    U[5, 2] = 70000
    w = Weights(w.convention, [[cell._replace(U=U)]])
    model_file.write(tmp_path / "m.safetensors", small_model(w, np.zeros((1, 4), np.float32), np.zeros(1, np.float32)))
    with pytest.raises(InputError) as caught:
        gruvy.load(tmp_path / "m.safetensors", weights="half")
    assert str(caught.value) == "m.safetensors: weights: 70000 in layer 0, beyond what float16 holds"
    assert gruvy.load(tmp_path / "m.safetensors", weights="bfloat16").weights.cells[0][0].U[5, 2] == 70144
    with pytest.raises(InputError) as caught:
        gruvy.load(tmp_path / "m.safetensors", weights="nope")
    assert str(caught.value) == "weights='nope': expected 'half', 'bfloat16', 'int8' or None"


def test_at_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_slopes(Path("d.csv"), count=12)
    save_model(Path("m.safetensors"))
    said = {}
    for more in ([], ["--weights", "half"], ["--weights", "int8"]):
        done = call("predict", "m.safetensors", "d.csv", *SLOPES[:4], *more)
        assert done.exit_code == 0, done.stderr
        said[" ".join(more)] = done.stdout
    assert len(set(said.values())) == 3
    assert call("score", "m.safetensors", "d.csv", *SLOPES, "--target", "way", "--weights", "int8").exit_code == 0
