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
        "from gruvy.inside import figures, palette, trace; import gruvy.inside.trace, gruvy.inside.explorer",
    ],
)
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


def test_every_public_name_is_there():
    import gruvy

    for name in gruvy.__all__:
        assert getattr(gruvy, name) is not None
    with pytest.raises(AttributeError, match="module 'gruvy' has no attribute 'LSTM'"):
        _ = gruvy.LSTM


def test_a_missing_extra_says_which():
    script = "import sys; sys.modules['torch'] = None; import gruvy; gruvy.GRU"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        'gruvy.errors.MissingExtraError: gruvy.GRU needs torch, which is not installed: pip install "gruvy[train]"'
    )
