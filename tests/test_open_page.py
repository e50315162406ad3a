"""The page that opens a model and a table in the browser: what it makes of them is what `explain` makes in Python."""

from __future__ import annotations

import base64
import csv
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from axe import violations
from compare import assert_apart, assert_close
from explained import NETS, make, yes_or_no
from gruvy.inside.explorer import opener
from gruvy.inside.explorer.payload import Names, page_data
from gruvy.model import file as model_file
from gruvy.model.model import Model
from gruvy.weights import Cell, Weights
from run_node import run_node

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "web" / "src"
CHANNELS = ["height", "noise", "wind"]


def opened(*jobs, source=SOURCE):
    """What node makes of files."""
    return run_node(ROOT / "tests" / "run_open.mjs", str(source), asked=jobs, default=str)


def table(path, X, y=None, *, separator=",", target="label", id="recording"):
    """A CSV with a row for each step."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, delimiter=separator)
        out.writerow([id, *CHANNELS, *([] if y is None else [target])])
        for i, x in enumerate(X):
            for t, row in enumerate(x):
                label = [] if y is None else [y[i][t] if isinstance(y[i], list) else y[i]]
                out.writerow([f"r{i}", *(repr(float(v)) for v in row), *label])
    return path


def floats(packed):
    return np.frombuffer(base64.b64decode(packed), "<f4").astype(np.float64)


def same_data(found, expected):
    """The page's data, but what needs Python."""
    left_out = {"gradient", "memory", "space", "notes", "history", "summary", "live", "flat", "background"}
    assert set(expected) - set(found) == set()
    assert len(found["sequences"]) == len(expected["sequences"])
    for name in set(expected) - left_out - {"sequences", "time_scales", "saturation", "ranges", "cells"}:
        assert found[name] == expected[name], name
    assert found["summary"] == expected["summary"]
    for mine, others in zip(found["cells"], expected["cells"], strict=True):
        for a, b in zip(mine, others, strict=True):
            assert a["width"] == b["width"]
            for part in "WUbc":
                assert (a[part] is None) == (b[part] is None), part
                if a[part] is not None:
                    assert_close(floats(a[part]), floats(b[part]), "rounded", part)
    for a, b in zip(found["sequences"], expected["sequences"], strict=True):
        assert {k: a[k] for k in ("id", "at", "x", "steps", "truth", "says", "right", "labels")} == {
            k: b[k] for k in ("id", "at", "x", "steps", "truth", "says", "right", "labels")
        }
    assert_close(floats(found["time_scales"]), floats(expected["time_scales"]), "answer")
    assert_close(floats(found["saturation"]), floats(expected["saturation"]), "rounded")
    assert_close(np.array(found["ranges"]), np.array(expected["ranges"]), "exact")


def expected(parts, X, y, channels=CHANNELS):
    return page_data(parts, X, y, Names([f"r{i}" for i in range(len(X))], channels, None), [], 200)


@pytest.mark.parametrize("name", [*NETS, "threshold"])
@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_of_gruvys_is_opened_as_explain_opens_it(name, labelled, tmp_path):
    parts, X, y = yes_or_no() if name == "threshold" else make(*NETS[name])
    y = y if labelled else None
    model_file.write(tmp_path / "m.safetensors", parts)
    table(tmp_path / "d.csv", X, y)
    (found,) = opened((tmp_path / "m.safetensors", tmp_path / "d.csv", None))
    assert found["choice"] == {"id": "recording", "target": "label" if labelled else "", "features": CHANNELS}
    same_data(found["data"], expected(model_file.read(tmp_path / "m.safetensors"), X, y))


def test_another_net_is_seen(tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    cell = parts.weights.cells[0][0]
    model_file.write(tmp_path / "m.safetensors", parts)
    table(tmp_path / "d.csv", X, y)
    (found,) = opened((tmp_path / "m.safetensors", tmp_path / "d.csv", None))
    other = replace(parts, weights=Weights("tutorial", [[cell._replace(b=cell.b + np.float32(1e-3))]]))
    with pytest.raises(AssertionError):
        same_data(found["data"], expected(other, X, y))


def test_torchs_state_dict_is_opened(tmp_path):
    """Two layers, both directions, under a prefix; the same net by `gruvy.convert` in Python."""
    torch = pytest.importorskip("torch")
    from gruvy.convert.torch import from_state_dict

    torch.manual_seed(0)
    gru, head = torch.nn.GRU(3, 4, 2, bidirectional=True), torch.nn.Linear(8, 3)
    state = {f"net.encoder.{k}": v for k, v in gru.state_dict().items()}
    state |= {f"head.{k}": v for k, v in head.state_dict().items()}
    save_file({k: v.numpy() for k, v in state.items()}, tmp_path / "t.safetensors")
    rng = np.random.default_rng(1)
    X = [rng.normal(size=(n, 3)).astype(np.float32) for n in (5, 8)]
    table(tmp_path / "d.csv", X, separator=";")
    (found,) = opened((tmp_path / "t.safetensors", tmp_path / "d.csv", ""))
    same_data(found["data"] | {"summary": ""}, expected(from_state_dict(state), X, None) | {"summary": ""})


@pytest.mark.parametrize("after", [True, False])
def test_keras_variables_are_opened(after, tmp_path):
    """Kernels with columns z, r, n, as Keras' documentation has them; written here from gruvy's own rows."""
    rng = np.random.default_rng(2)
    H, convention = 4, "torch" if after else "onnx"
    tensors, cells = {}, []
    for k, width in enumerate((3, 2 * H)):
        cells.append([])
        for direction in ("forward", "backward"):
            W, U = rng.normal(size=(3 * H, width)).astype("f"), rng.normal(size=(3 * H, H)).astype("f")
            b, c = rng.normal(size=(2, 3 * H)).astype("f")
            cells[-1].append(Cell(W, U, b, c if after else None))
            zrn = np.r_[H : 2 * H, :H, 2 * H : 3 * H]
            place = f"bidirectional{f'_{k}' if k else ''}/{direction}_gru{f'_{k}' if k else ''}/gru_cell/"
            tensors |= {f"{place}kernel": W[zrn].T, f"{place}recurrent_kernel": U[zrn].T}
            tensors[f"{place}bias"] = np.stack([b[zrn], c[zrn]]) if after else b[zrn]
    V, b_y = rng.normal(size=(3, 2 * H)).astype("f"), rng.normal(size=3).astype("f")
    tensors |= {"dense/kernel": V.T, "dense/bias": b_y}
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, tmp_path / "k.safetensors")
    X = [rng.normal(size=(n, 3)).astype(np.float32) for n in (5, 8)]
    table(tmp_path / "d.csv", X, separator="\t")
    (found,) = opened((tmp_path / "k.safetensors", tmp_path / "d.csv", ""))
    parts = Model(weights=Weights(convention, cells), V=V, b_y=b_y)
    same_data(found["data"], expected(parts, X, None))
    source = tmp_path / "src"
    shutil.copytree(SOURCE, source)
    text = (source / "open" / "model.js").read_text()
    (source / "open" / "model.js").write_text(text.replace("t.subarray(size, 2 * size), 0", "t.subarray(0, size), 0"))
    (wrong,) = opened((tmp_path / "k.safetensors", tmp_path / "d.csv", ""), source=source)
    right = floats(found["data"]["cells"][0][0]["W"])
    assert_apart(floats(wrong["data"]["cells"][0][0]["W"]), right, "rounded")


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_numbers_of_other_widths(dtype, tmp_path):
    rng = np.random.default_rng(3)
    state = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
    state = {k: rng.normal(size=shape).astype(dtype) for k, shape in state.items()}
    state["weight_ih_l0"][0, 0] = 2.0**-20  # below float16's normal numbers
    save_file(state, tmp_path / "t.safetensors")
    table(tmp_path / "d.csv", [rng.normal(size=(4, 3))])
    (found,) = opened((tmp_path / "t.safetensors", tmp_path / "d.csv", ""))
    W = floats(found["data"]["cells"][0][0]["W"]).reshape(12, 3)
    assert_close(W, state["weight_ih_l0"].astype(np.float32).astype(np.float64), "exact")
    said = " ".join(found["data"]["notes"])
    assert ("float64 in the file" in said) == (dtype == "float64")


def test_what_is_wrong_is_said_in_words(tmp_path):
    parts, X, y = make(*NETS["tutorial"])
    good, data = tmp_path / "m.safetensors", table(tmp_path / "d.csv", X, y)
    model_file.write(good, parts)
    raw = good.read_bytes()
    files = {}
    for name, content in {"short": raw[:40], "cut": raw[:-4], "text": b"hello", "empty": b""}.items():
        files[name] = tmp_path / f"{name}.safetensors"
        files[name].write_bytes(content)
    for name, rows in {"lstm": 16, "rnn": 4, "other": 7}.items():
        files[name] = tmp_path / f"{name}.safetensors"
        save_file({"weight_ih_l0": np.zeros((rows, 3), "f"), "weight_hh_l0": np.zeros((rows, 4), "f")}, files[name])
    files["linear"] = tmp_path / "linear.safetensors"
    save_file({"weight": np.zeros((2, 3), "f")}, files["linear"])
    tables = {
        "ragged": "recording,height,noise,wind\na,1,2,3\na,1,2\n", "words": "recording,height,noise\na,1,x\n",
        "nothing": "recording,height\n", "class": "recording,height,noise,wind,label\na,1,2,3,nobody\n",
    }  # fmt: skip
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
    cut = "It is no safetensors file, or it is cut short."
    wanted = [
        (files["short"], data, cut), (files["cut"], data, cut), (files["text"], data, cut), (files["empty"], data, cut),
        (files["lstm"], data, "It is an LSTM; this page shows GRUs."),
        (files["rnn"], data, "It is a plain RNN; this page shows GRUs."),
        (files["other"], data, "Its recurrent net is not a GRU's."),
        (files["linear"], data, "No GRU is in it: expected gruvy's own file, or tensors called weight_ih_l0 (torch) or "
         "recurrent_kernel (Keras); it has weight."),
        (good, tmp_path / "ragged.csv", "Row 3 of the table has 3 cells, the first has 4."),
        (good, tmp_path / "words.csv", "The net reads 3 channels at each step, and 1 column is chosen: height."),
        (good, tmp_path / "nothing.csv", "The table has no rows under its names of columns."),
        (good, tmp_path / "class.csv", "Sequence a, step 1: nobody, which is no class of the net ("),
    ]  # fmt: skip
    for (model, csv_file, text), found in zip(
        wanted, opened(*((model, csv_file, None) for model, csv_file, _ in wanted)), strict=True
    ):
        assert found["error"].startswith(text), (model.name, csv_file.name, found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_files_are_dropped_and_looked_into(browser, tmp_path, scheme):
    """In a real browser: choose two files, and the explorer opens; nothing is asked of anybody."""
    parts, X, y = make(*NETS["tutorial"])
    model_file.write(tmp_path / "m.safetensors", parts)
    table(tmp_path / "d.csv", X, y)
    path = tmp_path / "open.html"
    opener(path)
    page = browser.new_page(color_scheme=scheme)
    said, asked = [], []
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("request", lambda r: asked.append(r.url))
    page.goto(path.as_uri())
    assert not page.is_visible("#tracks")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert violations(page) == []
    page.set_input_files("#files", [tmp_path / "d.csv"])
    page.set_input_files("#files", [ROOT / "README.md"])
    page.wait_for_timeout(200)
    assert "README.md: expected a model that ends in .safetensors" in page.inner_text("#trouble")
    assert not page.is_visible("#choices")
    page.set_input_files("#files", [tmp_path / "m.safetensors"])
    page.wait_for_timeout(300)
    assert page.inner_text("#trouble") == ""
    assert page.inner_text("#model-is") == "m.safetensors: a GRU of 4 units from gruvy, 1 layer, 3 channels"
    assert page.input_value("#column-id") == "recording"
    assert violations(page) == []
    page.uncheck("#columns input >> nth=0")
    page.click("#open")
    assert "2 columns are chosen" in page.inner_text("#trouble")
    page.check("#columns input >> nth=0")
    page.click("#open")
    page.wait_for_timeout(500)
    assert page.is_visible("#tracks")
    assert not page.is_visible("#opener")
    assert "4 hidden units" in page.inner_text("#summary")
    assert "Contributions" in page.inner_text("#notes")
    data = expected(parts, X, y)
    shown = page.evaluate("gruvy.sequences.map((s) => [s.id, s.says, s.right])")
    assert shown == [[s["id"], s["says"], s["right"]] for s in data["sequences"]]
    assert re.search(r"\d\.\d{4}", page.inner_text("#answers"))
    assert violations(page) == []
    assert said == []
    assert asked == [path.as_uri()]
    page.close()
