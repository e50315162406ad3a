"""What an import may load, asked of a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "gruvy"

HEAVY = ("torch", "sklearn", "polars", "pandas", "plotly", "accelerate", "scipy", "typer", "rich")


def loaded_after(code: str) -> list[str]:
    script = f"import sys, json\n{code}\nprint(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("code", ["import gruvy", "import gruvy; gruvy.load"])
def test_light(code):
    assert loaded_after(code) == []


def test_what_looks_inside_is_there_by_both_its_names():
    from gruvy import inside

    for name in inside.__all__:
        assert getattr(inside, name).__name__ == name
    assert sys.modules["gruvy.inside.trace"].trace is inside.trace
    assert sys.modules["gruvy.inside.contributions"].contributions is inside.contributions


def test_the_check_can_fail():
    assert loaded_after("import rich, typer") == ["typer", "rich"]


# The rooms that docs/architecture.md promises to need NumPy alone.
LIGHT = (
    "errors", "checks", "files", "extras", "arrays", "convention", "weights", "reference", "engines", "model", "inside",
)  # fmt: skip
NOT_LIGHT = ("gruvy.inside.figures",)


def modules(rooms):
    """Every module of these rooms."""
    paths = [p for room in rooms for p in [SOURCE / f"{room}.py", *(SOURCE / room).rglob("*.py")] if p.exists()]
    names = (".".join(p.relative_to(SOURCE.parent).with_suffix("").parts) for p in paths)
    return sorted(name.removesuffix(".__init__") for name in names)


def failing(names):
    """Which of these modules do not import where there is no heavy package, and what they then say."""
    script = f"""
import importlib, json, sys
sys.modules.update(dict.fromkeys({HEAVY}))
failed = {{}}
for name in {names}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
loaded = [m for m in {HEAVY} if sys.modules[m] is not None]
print(json.dumps([failed, loaded]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    failed, loaded = json.loads(done.stdout)
    assert loaded == []
    return failed


def test_every_module_that_needs_numpy_alone_imports_with_numpy_alone():
    rooms = {name.split(".")[1] for name in modules(LIGHT) if "." in name}
    assert rooms == set(LIGHT)
    names = [name for name in modules(LIGHT) if name not in NOT_LIGHT]
    assert len(names) > 20
    assert failing(names) == {}
    assert loaded_after(f"import {', '.join(names)}") == []


def test_a_module_that_needs_more_is_seen():
    heavy = ["gruvy.nn.layer", "gruvy.training.loop", "gruvy.estimators.base"]
    assert list(failing(["gruvy.convention", *heavy])) == heavy


def test_every_public_name_is_there():
    import gruvy

    for name in gruvy.__all__:
        assert getattr(gruvy, name) is not None
    with pytest.raises(AttributeError, match="module 'gruvy' has no attribute 'LSTM'"):
        _ = gruvy.LSTM


def last_line(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return (done.stderr or done.stdout).strip().splitlines()[-1]


def test_a_missing_extra_says_which():
    script = "import sys; sys.modules['torch'] = None; import gruvy; gruvy.GRU"
    assert last_line(script) == ('gruvy.errors.MissingExtraError: torch is not installed: pip install "gruvy[train]"')
    script = "import sys; sys.modules['sklearn'] = None; import gruvy; gruvy.GRUClassifier"
    assert last_line(script) == (
        'gruvy.errors.MissingExtraError: scikit-learn is not installed: pip install "gruvy[train]"'
    )


NO_METADATA = """
import importlib.metadata, sys
def requires(name):
    raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.requires = requires
sys.modules["torch"] = sys.modules["sklearn"] = None
"""


def test_without_metadata_the_packages_themselves_are_named():
    assert last_line(f"{NO_METADATA}import gruvy; gruvy.GRU") == (
        "gruvy.errors.MissingExtraError: torch is not installed: pip install torch"
    )
    assert last_line(f"{NO_METADATA}from gruvy.extras import need; need('sklearn.svm')") == (
        "gruvy.errors.MissingExtraError: scikit-learn is not installed: pip install scikit-learn"
    )
    assert last_line(f"{NO_METADATA}from gruvy.cli.doctor import doctor; doctor()") == (
        "gruvy itself is not installed, its source lies on the path: what its extras bring is not known."
    )
