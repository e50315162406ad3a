"""Model files of answers at every step, made to harm; and where such a model cannot go, in one sentence."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import gruvy
from compare import assert_close
from gruvy.errors import InputError, ModelFileError
from gruvy.export import to_c, to_onnx
from gruvy.inside.explorer import explain
from gruvy.model.task import Labels, Numbers
from gruvy.model.yes_no import YesNo
from mutations import model as written
from mutations import rewritten
from test_tagger import SMALL, problem

TASKS = {
    "yes-no": YesNo(2, np.array([0.2, 0.9])),
    "numbers": Numbers(np.array([1.0, 2.0]), np.array([3.0, 4.0]), flat=False, per_step=True),
    "classes": Labels(np.array(["a", "b"]), per_step=True, threshold=0.3),
}
X = [np.random.default_rng(1).normal(size=(T, 3)).astype(np.float32) for T in (5, 3)]


def loaded(path, kind):
    written(path, TASKS[kind])
    return gruvy.load(path)


@pytest.mark.parametrize("kind", TASKS)
def test_the_task_comes_back(tmp_path, kind):
    model, task = loaded(tmp_path / "m", kind), TASKS[kind]
    assert (model.task, model.per_step, type(model.target)) == ("tag", True, type(task))
    for name, value in vars(task).items():
        np.testing.assert_array_equal(getattr(model.target, name), value)
    raw = model.read_outs(X, per_step=True)
    for answer, r in zip(model.predict(X), raw, strict=True):
        np.testing.assert_array_equal(answer, task.answers(r))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("yes-no", {"thresholds": [0.2]}),
        ("yes-no", {"thresholds": [0.2, 1.5]}),
        ("yes-no", {"thresholds": [0.2, 1]}),
        ("yes-no", {"thresholds": "0.2"}),
        ("yes-no", {"steps": "maybe"}),
        ("yes-no", {"steps": "numbers"}),
        ("numbers", {"steps": "yes-no", "thresholds": None}),
        ("numbers", {"steps": None}),
        ("numbers", {"flat": True}),
        ("classes", {"threshold": 2.0}),
        ("classes", {"threshold": "0.5"}),
        ("classes", {"classes": ["a", "b", "c"]}),
    ],
)
def test_parts_that_do_not_fit(tmp_path, kind, change):
    written(tmp_path / "m", TASKS[kind])
    rewritten(tmp_path / "m", lambda said: said.update(change))
    with pytest.raises(ModelFileError, match=r"damaged: its parts do not fit each other$"):
        gruvy.load(tmp_path / "m")


def test_a_taggers_file_that_calls_itself_a_classifiers(tmp_path):
    def change(said):
        said["settings"] |= {"estimator": "GRUClassifier", "pooling": "last"}
        del said["settings"]["answers"], said["settings"]["threshold"]

    gruvy.GRUTagger(**SMALL).fit(*problem("classes")).save(tmp_path / "m")
    rewritten(tmp_path / "m", change)
    with pytest.raises(ModelFileError, match=r"damaged: its parts do not fit each other$"):
        gruvy.GRUClassifier.load(tmp_path / "m")


@pytest.mark.parametrize("to", [to_onnx, to_c])
def test_yes_and_no_are_not_exported(tmp_path, to):
    text = "the model answers with yes or no several times at each step; expected classes or numbers"
    with pytest.raises(InputError, match=f"^{text}$"):
        to(loaded(tmp_path / "m", "yes-no"), tmp_path / "m.onnx")


@pytest.mark.parametrize("to", [to_onnx, to_c])
def test_a_threshold_that_is_not_exported_is_said(tmp_path, to):
    done = to(loaded(tmp_path / "m", "classes"), tmp_path / "m.onnx")
    assert "the threshold 0.3 is not written: the label is that of the likelier class" in done.notes


@pytest.mark.parametrize("kind", ["yes-no", "numbers"])
def test_a_page_shows_classes_alone(tmp_path, kind):
    text = "the model answers with numbers or yes and no at every step, which a page does not show; expected classes"
    with pytest.raises(InputError, match=f"^{text}$"):
        explain(loaded(tmp_path / "m", kind), X, tmp_path / "page.html")


def test_numbers_at_every_step_in_onnx(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = loaded(tmp_path / "m", "numbers")
    to_onnx(model, tmp_path / "m.onnx")
    x = np.full((2, 5, 3), np.nan, np.float32)
    for row, s in zip(x, X, strict=True):
        row[: len(s)] = s
    given = {"x": x, "lengths": np.array([5, 3], np.int32), "initial_state": np.zeros((2, 2, 4), np.float32)}
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["prediction"], given)
    for got, wanted, s in zip(found, model.predict(X), X, strict=True):
        assert_close(got[: len(s)], wanted.astype(np.float32), "in ONNX Runtime")


def test_numbers_at_every_step_in_c(tmp_path):
    """The code's own test compares it with the stream's answers."""
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("a C compiler: needs cc and make")
    to_c(loaded(tmp_path / "m", "numbers"), tmp_path / "c")
    done = subprocess.run(["make", "check"], cwd=tmp_path / "c", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
