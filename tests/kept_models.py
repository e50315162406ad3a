"""Model files that earlier versions wrote, and what their writers answered: every build answers with the same bits.

    kept_models.py    exit code 1: other bits, or no native engine

Needs gruvy's base alone, so that a wheel can be asked where nothing else is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import gruvy

FILES = sorted((Path(__file__).parent / "fixtures").glob("models-*/*.safetensors"))


def kept(path: Path) -> tuple[list[Any], Any, Any]:
    """The sequences that lie beside a model, the native engine's read-outs of them and the answers."""
    with np.load(path.with_suffix(".npz")) as file:
        return np.split(file["values"], np.cumsum(file["lengths"])[:-1]), file["raw"], file["predicted"]


def end_to_end(parts: list[Any], per_step: bool) -> Any:
    return np.concatenate(parts) if per_step else np.stack(parts)


def differing(path: Path) -> list[str]:
    """What the native engine answers with other bits, of the read-outs and the answers."""
    X, raw, predicted = kept(path)
    model = gruvy.load(path, engine="native")
    per_step = model.task == "tag"
    answers = model.predict(X)
    pairs = {
        "read-outs": (end_to_end(model.read_outs(X, per_step), per_step), raw),
        "answers": (np.concatenate(answers) if per_step else answers, predicted),
    }
    return [name for name, (a, b) in pairs.items() if a.dtype != b.dtype or a.tobytes() != b.tobytes()]


if __name__ == "__main__":
    other = {path.stem: found for path in FILES if (found := differing(path))}
    print(f"{len(FILES)} model files; with other bits: {other or 'none'}")
    sys.exit(bool(other) or not FILES)
