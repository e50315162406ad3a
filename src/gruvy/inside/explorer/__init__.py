"""One self-contained page on which a person looks inside a trained GRU: no server, no network, no manual."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from ... import files as disk
from ..._version import __version__
from ...errors import InputError
from ...extras import need
from ...model.model import Model
from ...model.task import Labels
from .. import palette
from .payload import Names, page_data, rows_of

BUNDLE = "explorer.bundle.js"  # made of web/src by `make page`


class Explained(NamedTuple):
    """What `explain` made: where, its size in bytes, how many sequences of how many, what was left out; the page."""

    path: Path | None
    size: int
    kept: int
    total: int
    notes: list[str]
    html: str | None = None

    def __repr__(self) -> str:
        said = [f"{n}={getattr(self, n)!r}" for n in self._fields if n != "html"]
        return f"Explained({', '.join(said)}{', inline' if self.html else ''})"

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the page in a frame of its own."""
        if self.html is None:
            return None
        page = self.html.replace("&", "&amp;").replace('"', "&quot;")
        style = "width: 100%; height: 900px; border: 1px solid #8888; border-radius: 8px"
        rights = "allow-scripts allow-downloads"
        return f'<iframe title="Inside a GRU" sandbox="{rights}" style="{style}" srcdoc="{page}"></iframe>'


def explain(
    model: Any,
    X: Any,
    path: str | os.PathLike[str] | None = None,
    y: Any = None,
    *,
    ids: Any = None,
    features: Any = None,
    classes: Any = None,
    history: Any = None,
    title: str = "Inside a GRU",
    max_sequences: int = 200,
    inline: bool = False,
    engine: str | None = None,
) -> Explained:
    """Write a page that shows a trained net from inside: gates, state, contributions, step by step.

    Args:
        model: `Weights`, a `gruvy.GRU`, a `torch.nn.GRU` or `gruvy.nn.GRU`, a fitted estimator or a loaded model.
        X: the sequences to show, as the model's `predict` takes them: a list of (T_i, I) arrays, (N, T, I) or (N, T).
        path: the HTML file to write; an old one is replaced whole. None with `inline`.
        y: the true labels or targets, N of them (for tags: N arrays), if known: mistakes then come first.
        ids: N names of the sequences; default 0, 1, ...
        features: I names of the input's channels; default x0, x1, ...
        classes: the names to show for the classes, in the model's order; default the model's own.
        history: of the training, a `History` or rows with epoch, loss, val_loss, val_score; default the model's own.
        title: of the page.
        max_sequences: how many sequences the page may hold; of more it keeps the hardest half and a spread of the rest.
        inline: whether what is returned is shown by a notebook as the page, in a frame of its own.
        engine: ``"native"``, ``"reference"`` or None for the fastest, for what is computed beforehand.

    Returns:
        `Explained`.

    Raises:
        InputError, InputTypeError, DataError: the model, the data and their names do not fit each other, or the file
            cannot be written. MissingExtraError: jinja2 is not installed.

    Example:
        >>> import numpy as np, tempfile
        >>> from gruvy.weights import Cell, Weights
        >>> w = Weights("tutorial", [[Cell(np.ones((6, 1)), np.zeros((6, 2)), None, None)]])
        >>> explain(w, np.ones((4, 5, 1)), Path(tempfile.mkdtemp()) / "page.html").kept
        4
    """
    jinja2 = need("jinja2")
    if path is None and not inline:
        raise InputError("path: None, expected the file to write, or inline=True for a notebook")

    rows = rows_of(model, history)
    asked = replace(Model.of(model), engine=engine)
    if asked.per_step and not isinstance(asked.target, Labels):
        raise InputError(
            "the model answers with numbers or yes and no at every step, which a page does not show; expected classes"
        )
    data = page_data(asked, X, y, Names(ids, features, classes), rows, max_sequences)
    script = _resource(BUNDLE)
    # A label may hold "</script>": inside JSON every "<" is written as its code, so the browser never sees one.
    text = json.dumps(data, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_resource("page.html.j2"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = {
        "title": title,
        "css": palette.css() + _resource("page.css"),
        "script": script,
        "script_hash": f"'sha256-{digest}'",
        "data": text,
        "version": __version__,
    }
    html = template.render(page)
    content, file = html.encode(), None if path is None else Path(path)
    if file is not None:
        _write(file, content)
    told = (len(content), len(data["sequences"]), data["total"], data["notes"])
    return Explained(file, *told, html if inline else None)


def _resource(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _write(path: Path, content: bytes) -> None:
    """Write the page whole or not at all."""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        disk.write(path, content)
    except OSError as problem:
        raise InputError(f"path: cannot write {path}: {problem.strerror}") from problem
