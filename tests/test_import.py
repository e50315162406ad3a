"""What an import may load, asked of a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "polars", "pandas", "plotly", "accelerate", "scipy", "typer", "rich")


def loaded_after(code: str) -> list[str]:
    script = f"import sys, json\n{code}\nprint(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "code",
    [
        "import gruvy",
        "import gruvy; gruvy.load",
        "import gruvy.reference, gruvy.engines.stack, gruvy.model.model, gruvy.model.file, gruvy.engines.native",
    ],
)
def test_light(code):
    assert loaded_after(code) == []


def test_the_check_can_fail():
    assert loaded_after("import rich, typer") == ["typer", "rich"]


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
