"""Files of Keras, RTNeural, torch and ONNX: run by the peer, there and back, and hostile ones."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_help import call
from compare import assert_close
from gruvy import convert
from gruvy.convert.onnx import nodes
from gruvy.engines.stack import run
from gruvy.errors import ConventionError, InputError
from peer_nets import double, inputs, net, same

HERE = Path(__file__).parent
KERAS = """
import sys, warnings
sys.path[:0] = [{here!r}]
import numpy as np
from compare import assert_close
from gruvy import convert
from gruvy.engines.stack import run
from peer_nets import double, inputs, net, same
for seed in range({count}):
    m = net(seed, "onnx" if seed % 3 == 0 else "torch", tall=seed % 3 != 0)
    x = inputs(seed, m, T=3 + seed % 4)
    made = convert.to_keras(m)
    found = run(double(m).weights, x)
    D = m.weights.directions
    top = np.concatenate(list(found.state[-D:]), 1)
    wanted = top @ double(m).V.T + double(m).b_y
    assert_close(np.asarray(made.predict_on_batch(x)), wanted.astype(np.float32), "peer")
    path = {tmp!r} + f"/{{seed}}.keras"
    convert.write(path, m)
    for back in (convert.from_keras(made), convert.read(path)):
        assert same(back.weights, m.weights), seed
        assert back.V.tobytes() == m.V.tobytes() and back.b_y.tobytes() == m.b_y.tobytes()
print("ran", {count})
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_keras_runs_our_numbers_and_gives_them_back(tmp_path: Path, backend: str, count: int) -> None:
    code = KERAS.format(here=str(HERE), tmp=str(tmp_path), count=count)
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"ran {count}" in ran.stdout, ran.stderr[-2000:]


def test_rtneural_ran_what_we_wrote() -> None:
    said = json.loads((HERE / "fixtures" / "rtneural.json").read_text())
    for one in said["nets"]:
        model = convert.formats.rtneural.from_json(one["model"])
        x = np.array(one["x"], np.float32)[None]
        hidden = run(double(model).weights, x).hidden[0]
        wanted = (hidden @ double(model).V.T + double(model).b_y).astype(np.float32)
        assert_close(np.array(one["y"], np.float32), wanted, "peer")


@pytest.mark.parametrize("ending", [".json", ".pt"])
def test_there_and_back_are_the_same_bits(tmp_path: Path, ending: str) -> None:
    for seed in range(20):
        m = net(seed, directions=1 if ending == ".json" else 0)
        convert.write(tmp_path / f"a{ending}", m)
        back = convert.read(tmp_path / f"a{ending}")
        assert same(back.weights, m.weights)
        assert back.V.tobytes() == m.V.tobytes()
        assert back.b_y.tobytes() == m.b_y.tobytes()


def test_rtneural_has_one_direction() -> None:
    with pytest.raises(ConventionError, match="two directions, and RTNeural has one"):
        convert.write("a.json", net(0, directions=2))


def gru_model(w: Any, *, direction: str = "forward", layout: int = 0, **more: Any) -> Any:
    """An ONNX model of one GRU node, by the onnx package."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def turned(a: Any) -> Any:
        r, z, n = np.split(a, 3)
        return np.concatenate([z, r, n])

    cells, H = w.cells[0], w.hidden_units
    W, R = (np.stack([turned(getattr(c, k)) for c in cells]) for k in "WU")
    B = np.stack([np.concatenate([turned(c.b), turned(c.c)]) for c in cells])
    node = helper.make_node(
        "GRU", ["X", "W", "R", "B", "n", "h"], ["Y", "Y_h"], name="g", hidden_size=H, direction=direction,
        layout=layout, linear_before_reset=int(w.convention.reset == "after"), **more,
    )  # fmt: skip
    real = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("X", "h")]
    whole = helper.make_tensor_value_info("n", TensorProto.INT32, ["B"])
    outs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("Y", "Y_h")]
    held = [numpy_helper.from_array(a, n) for a, n in ((W, "W"), (R, "R"), (B, "B"))]
    graph = helper.make_graph([node], "g", [*real, whole], outs, held)
    return helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_onnx_runtime_and_we_run_the_same_nodes(count: int) -> None:
    ort = pytest.importorskip("onnxruntime")
    for seed in range(count):
        direction = ("forward", "reverse", "bidirectional")[seed % 3]
        D = 2 if direction == "bidirectional" else 1
        m = net(seed, ("torch", "onnx")[seed // 3 % 2], layers=1, directions=D)
        proto = gru_model(m.weights, direction=direction)
        x = np.swapaxes(inputs(seed, m), 0, 1)
        n = np.array([len(x), 1 + seed % len(x)], np.int32)
        h = np.random.default_rng(seed).uniform(-1, 1, size=(D, 2, m.weights.hidden_units)).astype(np.float32)
        session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        Y, Y_h = session.run(None, {"X": x, "n": n, "h": h})
        (node,) = nodes(proto)
        found = node.run(x, lengths=n, state=h)
        assert_close(found[0], Y[: len(found[0])], "peer")
        assert_close(found[1], Y_h, "peer")


def test_the_node_cases_of_onnx_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    from onnx import helper, numpy_helper
    from onnx.backend.test.case.node import gru

    ran = set()

    def expect(node: Any, inputs: list[Any], outputs: list[Any], name: str) -> None:
        values = dict(zip(filter(None, node.input), inputs, strict=True))  # the cases give the weights as inputs
        held = [numpy_helper.from_array(values[n], n) for n in node.input[1:4] if n]
        graph = helper.make_graph([node], name, [], [], held)
        (found,) = nodes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)]))
        lengths = values.get(node.input[4]) if len(node.input) > 4 else None
        answers = found.run(inputs[0], lengths=lengths)
        there = [answer for answer, n in zip(answers, node.output, strict=False) if n]
        for answer, wanted in zip(there, outputs, strict=True):
            assert_close(answer, np.asarray(wanted, answer.dtype), "peer")
        ran.add(name)

    monkeypatch.setattr(gru, "expect", expect)
    cases = [name for name in vars(gru.GRU) if name.startswith("export")]
    for name in cases:
        getattr(gru.GRU, name)()
    assert len(ran) == len(cases) >= 4


def test_what_a_node_asks_for_and_we_lack_is_refused_by_name() -> None:
    w = net(0, layers=1, directions=1).weights
    for more, said in (({"clip": 2.0}, "clip=2"), ({"activations": ["Relu", "Tanh"]}, "'Relu', 'Tanh'")):
        with pytest.raises(InputError, match=said):
            nodes(gru_model(w, **more))
    with pytest.raises(InputError, match='direction="reverse" alone'):
        convert.from_onnx(gru_model(w, direction="reverse"))
    with pytest.warns(convert.ConversionWarning, match="takes its initial state from 'h'"):
        convert.from_onnx(gru_model(w))
    more_than_a_gru = gru_model(w)
    more_than_a_gru.graph.node.add(op_type="Relu", input=["Y"], output=["Z"])
    left_out = "the GRU nodes are taken; left out: Relu"
    state = "takes its initial state from 'h'"
    with pytest.warns(convert.ConversionWarning, match=state), pytest.warns(convert.ConversionWarning, match=left_out):
        convert.from_onnx(more_than_a_gru)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def test_hostile_files_are_one_error_and_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from onnx import TensorProto

    monkeypatch.chdir(tmp_path)
    m = net(0, layers=1, directions=1)
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"gru": Evil()}, "evil2.pt")
    broken = m.weights.to_torch().state_dict()
    torch.save({**broken, "weight_hh_l0": broken["weight_hh_l0"][:, :0]}, "shapes.pt")
    torch.save({**broken, "weight_hh_l0": broken["weight_hh_l0"] * np.nan}, "nan.pt")
    proto = gru_model(m.weights)
    (tmp_path / "whole.onnx").write_bytes(proto.SerializeToString())
    (tmp_path / "cut.onnx").write_bytes(proto.SerializeToString()[:-30])
    for name in ("huge", "outside", "opset", "empty"):
        bad = type(proto).FromString(proto.SerializeToString())
        if name == "huge":
            bad.graph.initializer[0].dims[:] = [1, 2**40, 2**10]
        elif name == "outside":
            held: TensorProto = bad.graph.initializer[0]
            held.ClearField("raw_data")
            held.data_location = TensorProto.EXTERNAL
            held.external_data.add(key="location", value="../../etc/passwd")
        elif name == "opset":
            bad.opset_import[0].version = 999
        else:
            del bad.graph.node[:]
        (tmp_path / f"{name}.onnx").write_bytes(bad.SerializeToString())
    (tmp_path / "a.json").write_text('{"layers": [{"type": "lstm", "shape": [1], "weights": []}]}')
    (tmp_path / "b.json").write_text("[" * 100_000)
    with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", b" " * 2**24)
        file.writestr("model.weights.h5", b"")
    with zipfile.ZipFile("lambda.keras", "w") as file:
        layers = [{"class_name": "Lambda", "config": {}}]
        file.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
        import h5py

        with h5py.File("w.h5", "w"):
            pass
        file.write("w.h5", "model.weights.h5")
    layers = [{"class_name": "GRU", "config": {"name": "g"}}]
    with h5py.File("secret.h5", "w") as file:
        file["vars/0"] = np.zeros(1, np.float32)
    with h5py.File("w.h5", "w") as file:
        file["layers/gru/cell"] = h5py.ExternalLink("secret.h5", "/")
    with zipfile.ZipFile("link.keras", "w") as file:
        file.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
        file.write("w.h5", "model.weights.h5")
    with pytest.raises(InputError, match="is a link, expected numbers in the file itself"):
        convert.read("link.keras")
    hostile = [p for p in sorted(tmp_path.iterdir()) if p.suffix in convert.formats.ENDINGS and p.stem != "whole"]
    assert len(hostile) == 14
    for path in hostile:
        with pytest.raises(InputError, match=path.name):
            convert.read(path)
    assert not (tmp_path / "ran").exists()


def test_the_commands_convert_and_inspect(tmp_path: Path) -> None:
    m = net(2)
    convert.write(tmp_path / "a.pt", m)
    done = call("convert", str(tmp_path / "a.pt"), str(tmp_path / "b.safetensors"))
    assert done.exit_code == 0, done.output
    told = call("inspect", str(tmp_path / "b.safetensors"), "--json")
    said = json.loads(told.stdout)
    assert (said["layers"], said["directions"], said["convention"]) == (m.weights.layers, m.weights.directions, "torch")


def test_damaged_files_are_refused_or_read(tmp_path: Path) -> None:
    """Cut short, or some bytes changed: an error of ours or a model, never another exception."""
    m, r = net(0, layers=1, directions=1), np.random.default_rng(0)
    for ending in (".pt", ".json"):
        convert.write(tmp_path / f"a{ending}", m)
    (tmp_path / "a.onnx").write_bytes(gru_model(m.weights).SerializeToString())
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for k in range(120):
            data = bytearray(whole)
            for at in r.integers(len(data), size=1 + k % 7):
                data[at] = r.integers(256)
            path.write_bytes(data[: r.integers(len(data))] if k % 3 == 0 else data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    assert convert.read(path).weights.layers >= 1
                except InputError as problem:
                    assert path.name in str(problem)  # noqa: PT017
