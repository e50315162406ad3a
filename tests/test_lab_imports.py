"""The lab and the benchmark stand on top: they import what users import, and their own modules in no circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "gruvy"
GROUND = {"arrays", "checks", "convention", "errors", "extras", "files"}
PUBLIC = {"", "data", "estimators", "inside", "network", "nn", "reference", "training", "weights"}
# The loop is given a task; the benchmark measures an engine alone.
MORE = {"lab": {"model.task"}, "bench": {"engines", "export"}}


def imported(text, package):
    """The modules that a module of this package imports, also for the type checker alone; gruvy itself is ""."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (a.name.removeprefix("gruvy").strip(".") for a in node.names if a.name.split(".")[0] == "gruvy")
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level == 0 and module.split(".")[0] != "gruvy":
                continue
            base = f"{package}.{module}" if node.level == 1 else module.removeprefix("gruvy")
            for name in node.names:
                whole = f"{base}.{name.name}".replace("..", ".").strip(".")
                path = SOURCE.joinpath(*whole.split("."))
                yield whole if path.with_suffix(".py").exists() or path.is_dir() else base.strip(".")


def modules(package):
    return {
        package if path.stem == "__init__" else f"{package}.{path.stem}": set(
            imported(path.read_text("utf-8"), package)
        )
        for path in SOURCE.joinpath(package).glob("*.py")
    }


def circle(graph, package):
    inside = {name: {m for m in found if m.split(".")[0] == package} for name, found in graph.items()}
    try:
        TopologicalSorter(inside).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def deeper(graph, package):
    names, rooms = GROUND | PUBLIC | MORE[package], MORE[package] | {"inside", package}

    def fits(module):
        return module in names or module.split(".")[0] in rooms

    return {(name, module) for name, found in graph.items() for module in found if not fits(module)}


@pytest.mark.parametrize("package", ["lab", "bench"])
def test_what_stands_on_top(package):
    graph = modules(package)
    assert len(graph) > 5
    assert sum(map(len, graph.values())) > 20
    assert circle(graph, package) is None
    assert deeper(graph, package) == set()


def test_planted_arrows_are_seen():
    text = """
from ..engines import native
from ..data import load
from .runner import Result
def f():
    from gruvy.network.fit import fit_network
"""
    graph = {"lab.page": set(imported(text, "lab")), "lab.runner": set(imported("from .page import render", "lab"))}
    assert graph["lab.page"] == {"engines.native", "data", "lab.runner", "network.fit"}
    assert deeper(graph, "lab") == {("lab.page", "engines.native"), ("lab.page", "network.fit")}
    assert set(circle(graph, "lab")) == {"lab.page", "lab.runner"}
