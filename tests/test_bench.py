"""The benchmark checks before it times, and its tables say what was measured."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import gruvy
from compare import assert_close, limit
from gruvy import reference
from gruvy.bench import contestants, deployed, problem, report, timing, together

SHAPE = problem.Shape(6, 3, 4, 5)
INSTALLED = {
    "ONNX Runtime": ("onnxruntime", "onnx"),
    "oneDNN lbr_gru": ("onednn",),
    "Keras on TensorFlow": ("keras", "tensorflow"),
    "JAX scan": ("jax",),
}


def skip_absent(name):
    for package in INSTALLED.get(name, ()):
        # A module, or (oneDNN) a distribution with a library and no module.
        if importlib.util.find_spec(package) is None:
            try:
                importlib.metadata.distribution(package)
            except importlib.metadata.PackageNotFoundError:
                pytest.skip(f"benchmark contestant {package} is not installed")


@pytest.mark.parametrize("mode", ["train", "infer"])
@pytest.mark.parametrize("contestant", contestants.CONTESTANTS, ids=lambda c: c.name)
def test_every_contestant_computes_the_same(contestant, mode):
    skip_absent(contestant.name)
    p = problem.make(SHAPE)
    ready = contestant.prepare(p, mode, 1)
    ready.run()
    assert problem.error(ready.result(), contestant.answer(p, mode)) < limit("engine", "float32")


@pytest.mark.parametrize("contestant", deployed.DEPLOYED, ids=lambda c: c.name)
def test_every_deployed_contestant_computes_the_same(contestant):
    skip_absent(contestant.name)
    p = problem.make(SHAPE)
    ready = contestant.prepare(p, "infer", 1)
    ready.run()
    assert problem.error(ready.result(), contestant.answer(p, "infer")) < limit("engine", "float32")


@pytest.mark.parametrize("contestant", deployed.STEP, ids=lambda c: c.name)
def test_every_stream_computes_the_same(contestant):
    skip_absent({"JAX": "JAX scan"}.get(contestant.name, contestant.name))
    p = problem.make(problem.Shape(deployed.STEPS, 1, 5, 5))
    ready = contestant.prepare(p, "infer", 1)
    for _ in range(2):  # each run starts anew
        ready.run()
    assert problem.error(ready.result(), contestant.answer(p, "infer")) < limit("engine", "float32")


def test_what_has_no_answer_is_timed_beside():
    p = problem.make(SHAPE)
    timed = timing.contest(contestants.CONTESTANTS[:1], p, "infer", 1, 0.01, {"floor": lambda: None})
    assert [t.name for t in timed] == ["gruvy", "floor"]
    assert timed[1].error is None
    assert len(timed[0].seconds) == len(timed[1].seconds) >= 5


def test_two_processes_at_once():
    timed = together.contest("gruvy", SHAPE, 1, budget=0.02)
    assert [t.name for t in timed] == ["alone", "two at once, half of the time"]
    assert [len(t.seconds) for t in timed] == [together.ROUNDS] * 2
    assert all(s > 0 for t in timed for s in t.seconds)


def test_the_answer_is_torch_and_the_reference_alike():
    """Two independent sources of the answer agree where both have the convention."""
    p = problem.make(SHAPE)
    w = problem.weights(p, "torch").astype(np.float64).merged()
    y, _ = reference.forward(p.x.astype(float), np.zeros((3, 5)), w.cells[0][0], w.convention)
    assert_close(y, problem.answer(p, "infer")["y"])


@pytest.mark.parametrize("fault", ["shifted", "nan", "missing", "shape"])
def test_a_wrong_contestant_is_not_timed(fault):
    p = problem.make(SHAPE)
    right = problem.answer(p, "infer")["y"]
    wrong = {
        "shifted": {"y": right + 1e-3 * np.abs(right).max()},
        "nan": {"y": np.where(right == right[0, 0, 0], np.nan, right)},
        "missing": {},
        "shape": {"y": right[:-1]},
    }[fault]
    liar = contestants.Contestant("liar", ("infer",), lambda *_: contestants.Ready(lambda: None, lambda: wrong))
    honest = contestants.Contestant(
        "honest", ("infer",), lambda *_: contestants.Ready(lambda: None, lambda: {"y": right})
    )
    timed = timing.contest([liar, honest], p, "infer", 1, budget=0.01)
    assert timed[0].absent is not None
    assert timed[0].absent.startswith("wrong by")
    assert timed[0].seconds == []
    assert timed[1].absent is None
    assert len(timed[1].seconds) >= 5


def test_an_absent_contestant_is_named():
    def prepare(*_):
        raise ImportError("no module named speedy")

    timed = timing.contest(
        [contestants.Contestant("speedy", ("infer",), prepare)], problem.make(SHAPE), "infer", 1, 0.01
    )
    assert timed[0].absent == "not installed (no module named speedy)"


def test_ratios_and_means_by_hand():
    assert timing.ratio([2, 4, 6, 8], [1, 2, 3, 4]) == (2, 2, 2)
    assert_close(report.geometric_mean([1, 4]), 2.0, "equation")
    # 6 T B H (I + H) operations a forward pass: 6 * 6 * 3 * 5 * 9
    assert SHAPE.operations("infer") == 4860
    assert SHAPE.operations("train") == 3 * 4860


def results():
    def timed(name, seconds, absent=None):
        return {"name": name, "seconds": seconds, "error": None, "absent": absent}

    cells = [
        {"mode": "train", "threads": 2, "shape": f"(1, 1, 1, {k})", "operations": 60, "peak": 100.0,
         "timed": [timed("gruvy", [1.0] * 4), timed("torch.nn.GRU", [float(k)] * 4), timed("JAX scan", [], "not here")]}
        for k in (2, 8)
    ]  # fmt: skip
    return {"machine": {"processor": "P", "system": "S", "python": "3"}, "cells": cells}


def test_tables_by_hand(tmp_path):
    text = report.tables(results())
    assert "| (1, 1, 1, 2) | 2.00 (2.00–2.00) | – | 0.60 |" in text
    assert "| **geometric mean** | **4.00** | – | |" in text
    assert "- JAX scan: not here" in text
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n")
    report.write_readme(page, report.summary(results()))
    written = page.read_text()
    assert "| torch.nn.GRU | 4.0 (worst 2.00) |" in written
    assert "old" not in written
    assert written.endswith("after\n")
    assert "4.0</text>" not in report.figure(results())
    assert ">8.0</text>" in report.figure(results())


def test_bars_by_hand():
    """Geometric mean of 2 and 8 is 4; gruvy's bar is a quarter of it, and its own variants have none."""
    found = results()
    assert list(report.overall(found)) == ["torch.nn.GRU"]
    assert_close(report.overall(found)["torch.nn.GRU"], 4.0, "equation")
    drawn = report.bars({"torch.nn.GRU": 4.0, 'gruvy, reset "before"': 1.1}, "small & print")
    widths = [float(w) for w in re.findall(r'<rect [^>]* width="([\d.]+)"', drawn)]
    assert_close(widths[0], widths[1] / 4, "one decimal")
    assert len(widths) == 2
    assert ">torch.nn.GRU takes 4.0 times as long</text>" in drawn
    assert "small &amp; print" in drawn
    assert "takes 4.0 times as long" in report.speed(found)
    assert "mean of 2 sizes; P, 2 threads" in report.speed(found)
    assert report.page(found).endswith(report.tables(found))


def test_the_figure_shows_the_numbers_of_the_page():
    docs = Path(__file__).parents[1] / "docs"
    table = (docs / "benchmark.md").read_text(encoding="utf-8").partition("### Forward with backward")[2]
    header, *_, means = table.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    times = {
        name.strip(): float(mean.strip(" *"))
        for name, mean in zip(header.split("|")[2:-1], means.split("|")[2:-1], strict=True)
        if mean.strip()
    }
    drawn = re.findall(r">(.+) takes ([\d.]+) times as long</text>", (docs / "speed.svg").read_text(encoding="utf-8"))
    assert dict(drawn) == {name: f"{value:.1f}" for name, value in times.items() if not name.startswith("gruvy")}


def test_errors(tmp_path):
    from gruvy import bench

    for options, text in (
        ({"only": ["fast"]}, "only: no contestant 'fast'; there are gruvy, "),
        ({"modes": ["guess"]}, "modes: 'guess', expected train or infer or deploy"),
        ({"threads": [0]}, "threads: 0, expected 1 or more"),
    ):
        with pytest.raises(gruvy.InputError) as error:
            bench.run(**options)
        assert str(error.value).startswith(text)
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(gruvy.InputError, match="no place for the table"):
        report.write_readme(page, "x")
