"""Self-contained pages: inside a trained GRU, and where small nets learn. No server, no network, no manual."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError
from ...extras import need
from ...model.model import Model
from ...model.task import Labels
from .learning import opener as opener
from .learning import playground as playground
from .payload import Names, page_data, rows_of
from .twins import others_of
from .writing import data_in_page, page, write

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
    against: Any = None,
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
        against: a second model, or several as a dict by name, to run beside this one on the page; default the snapshots
            of a training with ``snapshots=N``, if `model` is what was trained; False none.
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
    need("jinja2")  # told before the work, not after it
    if path is None and not inline:
        raise InputError("path: None, expected the file to write, or inline=True for a notebook")

    rows = rows_of(model, history)
    asked = replace(Model.of(model), engine=engine)
    if asked.per_step and not isinstance(asked.target, Labels):
        raise InputError(
            "the model answers with numbers or yes and no at every step, which a page does not show; expected classes"
        )
    others = others_of(model, against)
    data = page_data(asked, X, y, Names(ids, features, classes), rows, max_sequences, others)
    values = {"title": title, "data": data_in_page(data)}
    content, file = page("page.html.j2", BUNDLE, ("page.css",), values), None
    if path is not None:
        file = Path(path)
        write(file, content)
    told = (len(content), len(data["sequences"]), data["total"], data["notes"])
    return Explained(file, *told, content.decode() if inline else None)
