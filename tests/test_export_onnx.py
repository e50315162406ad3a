"""A model as ONNX: what ONNX Runtime answers against the runtime of gruvy, which other tests hold to torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from cli_help import call
from compare import assert_apart, assert_close
from gruvy.convention import Convention
from gruvy.engines.stack import run
from gruvy.errors import InputError
from gruvy.export import to_onnx
from gruvy.model.batches import padded
from gruvy.model.model import Model
from gruvy.model.quantiles import Quantiles
from gruvy.model.task import Numbers
from small_nets import CONVENTIONS, random_weights, small_model
from test_cli_errors import save_model

POOLINGS, KINDS, OPSETS = ("last", "mean", "max"), ("", "classify", "tag", "regress"), (14, 17, 18, 22)


def net(seed: int) -> Model:
    """A random net: convention, layers, directions, pooling, task and classes differ from one to the next."""
    rng = np.random.default_rng(seed)
    L, D, I, H, O = (int(rng.integers(*each)) for each in ((1, 4), (1, 3), (1, 6), (1, 12), (1, 4)))
    kind, pooling = KINDS[int(rng.integers(4))], POOLINGS[int(rng.integers(3))]
    K = max(O, 2)  # two classes may share one read-out
    classes = ([f"class {k}" for k in range(K)] if seed % 2 else list(range(10, 10 + K))) if kind[:1] in "ct" else ()
    w = random_weights(rng, CONVENTIONS[seed % 4], I, H, L, D, np.float32)
    V, b_y = rng.normal(size=(O, D * H)).astype(np.float32), rng.normal(size=O).astype(np.float32)
    scales = rng.normal(size=I) * 100, rng.uniform(0.1, 100, I), rng.normal(size=O), rng.uniform(1, 10, O)
    return small_model(w, V, b_y, pooling, kind, *scales, classes)


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(session: Any, given: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in session.get_inputs()}
    found = session.run(None, {name: a for name, a in given.items() if name in names})
    return dict(zip([each.name for each in session.get_outputs()], found, strict=True))


def drawn(rng: np.random.Generator, model: Model, *size: int) -> Any:
    assert model.scaler is not None
    x = rng.normal(size=(*size, model.weights.input_units)) * model.scaler.scale + model.scaler.mean
    return x.astype(np.float32)


def check_numbers(model: Model, found: dict[str, Any], wanted: Any) -> None:
    """Raw read-outs; or predictions, measured in deviations of the targets."""
    if not isinstance(model.target, Numbers):
        assert_close(found["output"], wanted, "in ONNX Runtime")
        return
    assert_close(found["prediction"] / model.target.scale, wanted / model.target.scale, "in deviations")


def check_whole(model: Model, path: Path, rng: np.random.Generator, B: int, longest: int) -> None:
    s, w = session(path), model.weights
    X = [drawn(rng, model, int(n)) for n in rng.integers(0, longest + 1, B)]
    x, lengths = padded(X, np.float32)
    seen = np.stack([model.seen(row) for row in x]).astype(np.float32)
    x[np.arange(x.shape[1]) >= lengths[:, None]] = np.nan  # what stands past a length has no effect
    h0 = np.zeros((w.layers * w.directions, B, w.hidden_units), np.float32)
    given = {"x": x, "lengths": lengths.astype(np.int32), "initial_state": h0}
    found = answers(s, given)
    if model.task == "tag":
        p, labels = model.predict_proba(X), model.predict(X)
        for i, n in enumerate(lengths):
            assert not found["probabilities"][i, n:].any()
            assert_close(found["probabilities"][i, :n], p[i], "in ONNX Runtime")
            np.testing.assert_array_equal(found["label"][i, :n], labels[i])
    elif model.classes is not None:
        assert_close(found["probabilities"], model.predict_proba(X), "in ONNX Runtime")
        np.testing.assert_array_equal(found["label"], model.predict(X))
    else:
        check_numbers(model, found, model.predict(X))
    given["initial_state"] = rng.normal(size=h0.shape).astype(np.float32)
    wanted = run(w, seen, given["initial_state"], lengths=lengths).state
    assert_close(answers(s, given)["state"], wanted, "in ONNX Runtime")
    np.testing.assert_array_equal(answers(s, given)["state"][:, lengths == 0], given["initial_state"][:, lengths == 0])


def check_steps(model: Model, path: Path, rng: np.random.Generator) -> None:
    s, stream, w = session(path), model.stream(2), model.weights
    kept: dict[str, Any] = {
        "state": np.zeros((w.layers, 2, w.hidden_units), np.float32),
        "pooled": np.zeros((2, w.hidden_units)),
        "steps": np.zeros(2, np.int64),
    }
    for _ in range(6):
        x = drawn(rng, model, 2)
        found = answers(s, {"x": x, **kept})
        kept = {name: found.get(f"next_{name}", old) for name, old in kept.items()}
        if model.classes is not None:
            assert_close(found["probabilities"], stream.push(x), "in ONNX Runtime")
        else:
            check_numbers(model, found, stream.push(x))
    assert_close(kept["state"], stream.state.hidden, "in ONNX Runtime")


def check(seed: int, folder: Path) -> None:
    model, rng = net(seed), np.random.default_rng(seed)
    done = to_onnx(model, folder / "net.onnx", opset=OPSETS[seed % len(OPSETS)])
    for B, longest in ((1, 50), (2, 0), (7, 50)):
        check_whole(model, done.whole, rng, B, longest)
    assert (done.step is None) == (model.weights.directions == 2)
    if done.step is not None:
        check_steps(model, done.step, rng)


@pytest.mark.parametrize("seed", range(24))
def test_random_nets(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
def test_five_hundred_random_nets(tmp_path: Path) -> None:
    for seed in range(500):
        check(seed, tmp_path)


def test_another_place_of_the_reset_gate_is_seen(tmp_path: Path) -> None:
    """The comparison itself: the same weights with the other linear_before_reset."""
    model = net(4)
    whole = to_onnx(model, tmp_path / "net.onnx").whole
    proto = onnx.load(whole)
    for node in proto.graph.node:
        for attribute in node.attribute:
            if attribute.name == "linear_before_reset":
                attribute.i = 1 - attribute.i
    onnx.save(proto, tmp_path / "other.onnx")
    w = model.weights
    x = drawn(np.random.default_rng(0), model, 2, 9)
    h0 = np.zeros((w.layers * w.directions, 2, w.hidden_units), np.float32)
    given = {"x": x, "lengths": np.array([9, 9], np.int32), "initial_state": h0}
    one, other = (answers(session(path), given)["state"] for path in (whole, tmp_path / "other.onnx"))
    assert_apart(other, one, "in ONNX Runtime")


def test_what_the_file_says(tmp_path: Path) -> None:
    model = small_model(random_weights(np.random.default_rng(0), Convention.of("tutorial")), kind="classify",
                        classes=["a", "b", "c", "d"])  # fmt: skip
    done = to_onnx(model, tmp_path / "net.onnx", opset=14)
    proto = onnx.load(done.whole)
    said = {each.key: each.value for each in proto.metadata_props}
    assert said["gruvy.convention"] == "tutorial"
    assert said["gruvy.written_as"] == "onnx: linear_before_reset=0"
    assert json.loads(said["gruvy.classes"]) == ["a", "b", "c", "d"]
    assert [each.version for each in proto.opset_import] == [14]
    assert any("float64" in note for note in done.notes)


def test_refused(tmp_path: Path) -> None:
    w = random_weights(np.random.default_rng(0), CONVENTIONS[0])
    with pytest.raises(InputError, match=r"^opset=13: expected 14 to \d+$"):
        to_onnx(w, tmp_path / "net.onnx", opset=13)
    with pytest.raises(InputError, match=r"expected a name that ends in \.onnx$"):
        to_onnx(w, tmp_path / "net")
    huge = random_weights(np.random.default_rng(0), CONVENTIONS[0], size=1e300)
    with pytest.raises(InputError, match="not finite in float32"):
        to_onnx(huge, tmp_path / "net.onnx")
    forecaster = Model(weights=w, target=Quantiles(np.zeros(1), np.ones(1), np.array([0.1, 0.5, 0.9])))
    with pytest.raises(InputError, match=r"^the model is a forecaster"):
        to_onnx(forecaster, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command(tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors")
    done = call("export", str(tmp_path / "m.safetensors"), "--to", "onnx")
    assert done.exit_code == 0, done.stderr
    assert "m.onnx: whole sequences;" in done.stdout
    told = json.loads(call("export", str(tmp_path / "m.safetensors"), "--to", "onnx", "--json").stdout)
    assert (told["opset"], told["whole"], told["step"]) == (
        17, str(tmp_path / "m.onnx"), str(tmp_path / "m-step.onnx"),
    )  # fmt: skip
    assert "m-step.onnx: one step of a stream;" in done.stdout
    assert (
        call("export", str(tmp_path / "m.safetensors"), "--to", "nope").stderr
        == "gruvy: --to nope: expected onnx or c\n"
    )
