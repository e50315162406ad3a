"""A model at some epochs of its training: files in a folder beside it, and how `gruvy explain` reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gruvy import files
from gruvy.cli.writing import beside
from gruvy.errors import InputError, ModelFileError

if TYPE_CHECKING:
    from gruvy.model.model import Model

NAME = re.compile(r"epoch-(\d+)\.safetensors")


def folder_beside(model: Path) -> Path:
    """Where the snapshots of a model go: m.snapshots beside m.safetensors."""
    return beside(model, "snapshots")


def check(model: Path, others: dict[str, Path | None]) -> None:
    """Refuse, before the training, a folder that cannot be made or written to, or that holds another output.

    Raises:
        InputError: that is so.
    """
    folder = folder_beside(model)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--snapshots: {folder} is a file; expected a folder, or nothing there yet")
    for option, path in others.items():
        if path is not None and path.resolve().parent == folder.resolve() and NAME.fullmatch(path.name):
            raise InputError(f"{option} {path} would be overwritten by --snapshots; expected another place")
    files.check_place(folder / "epoch" if folder.is_dir() else folder, f"--snapshots {folder}")


def write(net: Any, model: Path) -> Path:
    """Write the snapshots of a fitted estimator, which was saved as `model`; those of an earlier training go."""
    import gruvy
    from gruvy.model import file

    folder, saved = folder_beside(model), gruvy.load(model)
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        if NAME.fullmatch(old.name):
            files.remove(old)
    for epoch, one in net.snapshots_.items():
        there = replace(saved, weights=one.weights, V=one.V, b_y=one.b_y)
        file.write(folder / f"epoch-{epoch:04d}.safetensors", there)
    return folder


def read(paths: list[Path]) -> dict[str, Model]:
    """The models in files and folders, by name; of a folder of snapshots by epoch.

    Raises:
        InputError: a folder has no model. ModelFileError: one is damaged.
    """
    import gruvy
    from gruvy.inside.explorer.twins import name_of

    found: dict[str, Model] = {}
    for path in paths:
        inside = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"--against {path}: the folder has no .safetensors file; expected models")
        for one in inside:
            epoch = NAME.fullmatch(one.name) if path.is_dir() else None
            name = one.stem if epoch is None else name_of(int(epoch[1]))
            with named():
                found[name if name not in found else str(one)] = gruvy.load(one)
    return found


@contextmanager
def named() -> Iterator[None]:
    """What is wrong with another model is told under the option that brought it."""
    try:
        yield
    except ModelFileError as problem:
        raise ModelFileError(f"--against {problem}") from problem
    except InputError as problem:
        text = str(problem)
        if not text.startswith("against"):
            raise
        raise InputError(f"--{text}") from problem
