"""The explorer's file: what it holds and leaves out, what it refuses, and that it is written whole or not at all."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare import assert_close
from gruvy.errors import DataError, InputError, InputTypeError
from gruvy.inside import palette
from gruvy.inside.contributions import contributions
from gruvy.inside.explorer import explain, payload
from gruvy.inside.explorer.choosing import outputs_of
from gruvy.inside.trace import trace
from gruvy.model.model import Model
from small_nets import CONVENTIONS, random_weights, small_model

pytest.importorskip("jinja2")


def data_of(path):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S)[1])


def floats(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


WEIGHTS = 4 * (3 * 4 * (3 + 4 + 1) + 3 * 4)  # bytes of the small net's numbers: W, U, b and the read-out's V


@pytest.fixture
def classifier():
    rng = np.random.default_rng(40)
    w = random_weights(rng, CONVENTIONS[0]).astype(np.float32)
    V, b_y = rng.normal(size=(3, 4)) * 2, rng.normal(size=3)
    parts = small_model(w, V, b_y, "last", "classify", np.ones(3), np.full(3, 2.0), classes=("a", "b", "c"))
    X = [rng.normal(size=(n, 3)).astype(np.float32) for n in rng.integers(1, 9, 30)]
    return parts, X, [str(v) for v in rng.choice(["a", "b", "c"], 30)]


def test_the_page_asks_for_nothing(classifier, tmp_path):
    parts, X, y = classifier
    found = explain(parts, X, tmp_path / "page.html", y)
    html = (tmp_path / "page.html").read_text()
    assert found.size == (tmp_path / "page.html").stat().st_size < 500_000
    assert (found.kept, found.total, found.notes) == (30, 30, [])
    assert "default-src 'none'" in html
    # the addresses are names of languages
    code = re.sub(r"/\*!.*?\*/", "", html, flags=re.S)  # without the licences
    assert {address.split("/")[2] for address in re.findall(r"https?://[^\"'\s)]+", code)} == {"www.w3.org"}
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", html)


def test_mistakes_come_first_and_the_hardest_of_them(classifier, tmp_path):
    parts, X, y = classifier
    explain(parts, X, tmp_path / "page.html", y)
    data = data_of(tmp_path / "page.html")
    p = parts.target.probabilities(outputs_of(parts, X)[0])
    loss = [-np.log(p[i, "abc".index(v)]) for i, v in enumerate(y)]
    order = [int(s["id"]) for s in data["sequences"]]
    right = [s["right"] for s in data["sequences"]]
    assert right == sorted(right)
    wrong = right.count(False)
    assert 0 < wrong < 30
    for part in (order[:wrong], order[wrong:]):
        assert (np.diff([loss[i] for i in part]) <= 0).all()
    for s in data["sequences"]:
        i = int(s["id"])
        assert s["truth"] == y[i]
        assert s["says"] == "abc"[p[i].argmax()]
        np.testing.assert_array_equal(floats(s["x"]).reshape(-1, 3), X[i])
        # of a mistake, both the answer and the truth are explained
        assert [a["output"] for a in s["answers"]] == list(dict.fromkeys(["abc".index(s["says"]), "abc".index(y[i])]))
        c = contributions(parts, [X[i]], target=s["answers"][-1]["output"], tolerance=5e-3)
        assert_close(floats(s["answers"][-1]["values"]), c.values[0].ravel().astype(np.float32), "carried")
    t = trace(parts, X)
    assert_close(floats(data["time_scales"]), t.time_scales().ravel().astype(np.float32), "carried")
    assert_close(floats(data["saturation"]), np.stack(t.saturation()).ravel().astype(np.float32), "carried")


def test_of_too_many_the_hardest_and_a_spread_are_kept(classifier, tmp_path):
    parts, X, y = classifier
    found = explain(parts, X, tmp_path / "page.html", y, max_sequences=10)
    text = "Of 30 sequences this page holds 10: the hardest 5 and 5 spread over the rest; it holds at most 10."
    assert found.notes == [text]
    assert (found.kept, found.total) == (10, 30)
    data = data_of(tmp_path / "page.html")
    assert data["notes"] == [text]
    explain(parts, X, tmp_path / "whole.html", y)
    order = [s["id"] for s in data_of(tmp_path / "whole.html")["sequences"]]
    kept = [s["id"] for s in data["sequences"]]
    assert kept[:5] == order[:5]
    assert kept[5] == order[5]
    assert kept[-1] == order[-1]
    assert [order.index(k) for k in kept] == sorted(order.index(k) for k in kept)


def test_long_recordings_leave_room_for_fewer(classifier, tmp_path, monkeypatch):
    parts, X, _ = classifier
    monkeypatch.setattr(payload, "ROOM", 1200 + WEIGHTS)
    found = explain(parts, X, tmp_path / "page.html")
    assert 1 <= found.kept < 30
    assert re.fullmatch(
        rf"Of 30 sequences this page holds {found.kept}: the hardest \d+ and \d+ spread over the rest; more would make "
        "it too large\\.", found.notes[0],
    )  # fmt: skip
    data = data_of(tmp_path / "page.html")
    assert sum(3 * len(floats(s["x"])) * 4 for s in data["sequences"]) <= 1200


def test_no_truth_the_doubtful_first(classifier, tmp_path):
    parts, X, _ = classifier
    explain(parts, X, tmp_path / "page.html")
    p = parts.target.probabilities(outputs_of(parts, X)[0]).max(1)
    data = data_of(tmp_path / "page.html")
    assert (np.diff([p[int(s["id"])] for s in data["sequences"]]) >= 0).all()
    assert {s["right"] for s in data["sequences"]} == {None}


@pytest.mark.slow
def test_two_hundred_sequences_stay_under_twelve_megabytes(tmp_path):
    rng = np.random.default_rng(41)
    w = random_weights(rng, CONVENTIONS[3], I=13, H=64, size=0.2).astype(np.float32)
    parts = small_model(w, rng.normal(size=(10, 64)), np.zeros(10), "last", "classify", classes=tuple(range(10)))
    found = explain(parts, rng.normal(size=(200, 100, 13)), tmp_path / "page.html", rng.integers(0, 10, 200))
    assert found.kept == 200
    assert found.size < 12e6


def test_a_page_is_written_whole_or_not_at_all(classifier, tmp_path, monkeypatch):
    parts, X, y = classifier
    path = tmp_path / "page.html"
    path.write_text("the old page")

    def fails(a, b):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fails)
        with pytest.raises(InputError) as error:
            explain(parts, X, path, y)
    assert str(error.value) == f"path: cannot write {path}: Permission denied"
    assert path.read_text() == "the old page"
    assert os.listdir(tmp_path) == ["page.html"]
    for bad, why in ((tmp_path / "no" / "page.html", "No such file or directory"), (tmp_path, "it is a folder")):
        with pytest.raises(InputError) as error:
            explain(parts, X, bad, y)
        assert str(error.value) == f"path: cannot write {bad}: {why}"


def test_what_does_not_fit_is_named(classifier, tmp_path, monkeypatch):
    parts, X, y = classifier
    numbers = small_model(parts.weights, parts.V, parts.b_y, "last", "regress")
    cases = [
        (lambda: [parts, [np.ones((4, 5))], None], {}, "X[0] has shape (4, 5), 5 channels; expected 3 channels"),
        (lambda: [parts, [], None], {}, "X holds no sequences; at least 1 is expected"),
        (lambda: [parts, [np.ones((0, 3))], None], {}, "X[0] has 0 steps; at least 1 is expected"),
        (lambda: [parts, X, y[:-1]], {}, "y has 29 targets, X has 30 sequences; expected one target per sequence"),
        (lambda: [parts, X[:2], ["a", "d"]], {}, "y[1]: 'd', which is no class of the model (a, b, c)"),
        (lambda: [parts, X, y], {"ids": ["x"]}, "ids: 1 names, expected 30, the sequences there are"),
        (lambda: [parts, X, y], {"features": ["x"]}, "features: 1 names, expected 3, the channels there are"),
        (lambda: [parts, X, y], {"classes": ["x"]}, "classes: 1 names, expected 3, the outputs there are"),
        (lambda: [parts, X, y], {"max_sequences": 0}, "max_sequences: 0, expected at least 1"),
        (
            lambda: [parts, X, y],
            {"history": [{"loss": 1}]},
            "history[0]: {'loss': 1}, expected a row with epoch, loss, val_loss, val_score",
        ),
        (
            lambda: [replace(parts, target=replace(parts.target, per_step=True)), X[:1], [["a"] * 99]],
            {},
            f"y[0]: 99 labels, X[0] has {len(X[0])} steps; expected one label per step",
        ),
        (lambda: [numbers, X, np.zeros(30)], {}, "y: 1 numbers per sequence, expected 3, the outputs of the model"),
        (
            lambda: ["model.safetensors", X, y],
            {},
            "model: str, expected gruvy.Weights, a GRU of gruvy or torch, a fitted estimator or a loaded model",
        ),
    ]
    for arguments, options, text in cases:
        model, sequences, targets = arguments()
        with pytest.raises((InputError, InputTypeError, DataError)) as error:
            explain(model, sequences, tmp_path / "page.html", targets, **options)
        assert str(error.value) == text
    monkeypatch.setattr(payload, "MOST_CELLS", 20)
    with pytest.raises(DataError) as error:
        explain(parts, [np.ones((6, 3))], tmp_path / "page.html")
    assert str(error.value) == (
        "X[0]: 6 steps of 4 units; of so many units a page can show 5 steps: cut the recording into windows"
    )
    monkeypatch.setattr(payload, "MOST_CELLS", 40)
    monkeypatch.setattr(payload, "ROOM", WEIGHTS + 100)
    with pytest.raises(DataError) as error:
        explain(parts, [np.ones((1, 3)), np.ones((6, 3))], tmp_path / "page.html")
    assert str(error.value) == (
        "X[1]: 6 steps of 3 channels would take 0.0 MB of a page that has room for 0.0: cut the recording into windows"
    )
    assert os.listdir(tmp_path) == []


def test_a_trained_net_an_estimator_and_a_loaded_model_say_the_same(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    import gruvy

    rng = np.random.default_rng(42)
    X = [rng.normal(3, 2, size=(n, 2)) for n in rng.integers(3, 9, 40)]
    y = np.array(["down" if x.mean() < 3 else "up" for x in X])
    model = gruvy.GRUClassifier(hidden_units=6, max_epochs=3, random_state=0, progress=False).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    loaded = gruvy.load(tmp_path / "m.safetensors")
    p = model.predict_proba(X)
    for m in (model, loaded):
        parts = Model.of(m)
        assert_close(parts.target.probabilities(outputs_of(parts, X)[0]).astype(p.dtype), p, "answer")
        assert parts.classes.tolist() == ["down", "up"]
        explain(m, X, tmp_path / "page.html", y, ids=[f"n{i}" for i in range(40)])
        data = data_of(tmp_path / "page.html")
        said = {s["id"]: s["says"] for s in data["sequences"]}
        assert [said[f"n{i}"] for i in range(40)] == list(model.predict(X))
        assert trace(m, X).state.shape == (1, 40, max(map(len, X)), 6)
    assert [row["epoch"] for row in explained_history(model, X, tmp_path)] == [1, 2, 3]
    numbers = gruvy.GRURegressor(hidden_units=5, max_epochs=2, random_state=0, progress=False)
    numbers.fit(X, [x.sum() for x in X])
    parts = Model.of(numbers)
    found = outputs_of(parts, X)[0] * parts.target.scale + parts.target.mean
    assert_close(found[:, 0], numbers.predict(X).astype(np.float64), "answer")


def explained_history(model, X, tmp_path):
    explain(model, X, tmp_path / "page.html")
    return data_of(tmp_path / "page.html")["history"]


def test_each_colour_stands_once(tmp_path):
    """The pages take their colours from the figures' palette; none of them is spelled in their own files."""
    folder, scripts = Path(palette.__file__).parent, Path(__file__).parents[1] / "web" / "src"
    files = [
        *folder.glob("explorer/*"),
        *scripts.rglob("*.js"),
        *(f for f in folder.glob("*.py") if f.name != "palette.py"),
    ]
    for colour in (*palette.COLOURS, *palette.SEQUENTIAL):
        assert [f.name for f in files if f.is_file() and colour.lower() in f.read_text("utf-8").lower()] == []
    explain(random_weights(np.random.default_rng(0), CONVENTIONS[0]), np.ones((1, 2, 3)), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    source = "".join(f.read_text("utf-8") for f in files if f.is_file() and "bundle" not in f.name)
    names = set(re.findall(r"var\(--([\w-]+)\)", page)) | set(re.findall(r'property\("([\w-]+)"\)', source))
    assert {"line-0", "of-z", "ink"} <= names | {"line-0"}
    for name in names:
        assert f"--{name}: " in page, name


@pytest.mark.parametrize("theme", palette.THEMES)
def test_lines_stand_out_three_to_one(theme):
    """As the Web Content Accessibility Guidelines ask of what is not text, against the paper of either theme."""
    paper = palette.THEMES[theme]["paper"]
    faint = [c for c in (*palette.COLOURS, *palette.QUANTITIES.values()) if palette.contrast(c, paper) < 3]
    assert faint == []
    # by hand: a grey of 0.5 in linear light is 0.55 / 0.05 from black; the old orange did not stand out on white
    assert round(palette.contrast("#000000", "#bcbcbc"), 1) == 11.1
    assert palette.contrast("#E69F00", "#ffffff") < 3


def test_a_notebook_shows_the_page_in_a_frame(classifier, tmp_path, browser):
    parts, X, y = classifier
    found = explain(parts, X, y=y, inline=True)
    assert (found.path, found.kept) == (None, 30)
    assert repr(found) == f"Explained(path=None, size={found.size}, kept=30, total=30, notes=[], inline)"
    assert explain(parts, X, tmp_path / "page.html", y)._repr_html_() is None
    assert (tmp_path / "page.html").read_text() == found.html
    with pytest.raises(InputError) as error:
        explain(parts, X)
    assert str(error.value) == "path: None, expected the file to write, or inline=True for a notebook"
    page, said = browser.new_page(), []
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.set_content(f"<!doctype html><html><body>{found._repr_html_()}</body></html>")
    frame = page.frames[1]
    frame.wait_for_selector("#c-gate image", state="attached")
    assert frame.inner_text("#place") == "1 of 30"
    frame.click("#later")
    assert frame.inner_text("#place") == "2 of 30"
    assert not frame.is_visible("#link")  # it has no address of its own, and may not write to the clipboard
    frame.click("#c-gate >> xpath=preceding-sibling::div[1] >> summary")
    frame.locator("details.menu[open] button", has_text="Python").click()
    frame.locator("details.menu[open] button", has_text="Copy").click()
    frame.locator("details.menu[open] button", has_text="by hand").wait_for()
    assert "trace(model, X[" in frame.evaluate("String(getSelection())")
    page.close()
    assert said == []
