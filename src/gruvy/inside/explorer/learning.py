"""Pages that need no model in Python: small nets that learn, and the explorer on files that a reader drops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .writing import data_in_page, page, write

NETS = (("rnn", "tanh RNN"), ("lstm", "LSTM"), ("gru", "GRU"))


def playground(path: str | os.PathLike[str], *, title: str = "Train it here") -> int:
    """Write a page on which an RNN, an LSTM and a GRU learn side by side, in any browser and offline.

    The reader chooses task, lag, units, learning rate, how long the gates are set to remember, and which gates learn;
    the page trains in workers and draws the loss, the right answers, what is left of the gradient over the lag, and
    the gates at work. Its gradients are tested against `gruvy.reference` and torch.

    Args:
        path: the HTML file to write; an old one is replaced whole.
        title: of the page.

    Returns:
        The page's size in bytes.

    Raises:
        InputError: the file cannot be written. MissingExtraError: jinja2 is not installed.

    Example:
        >>> import tempfile
        >>> playground(Path(tempfile.mkdtemp()) / "playground.html") > 100_000
        True
    """
    return _written(path, "playground.html.j2", "playground", {"title": title, "nets": NETS})


def opener(path: str | os.PathLike[str], *, title: str = "Inside a GRU") -> int:
    """Write a page that takes a model's file and a table from the reader's own disk and opens the explorer on them.

    A ``.safetensors`` file of gruvy's, of torch's ``state_dict`` or of Keras' variables, and a CSV with a row for each
    step: the page reads both, runs the net and shows gates, states and answers. Nothing leaves the browser, and no
    Python is needed.

    Args:
        path: the HTML file to write; an old one is replaced whole.
        title: of the page.

    Returns:
        The page's size in bytes.

    Raises:
        InputError: the file cannot be written. MissingExtraError: jinja2 is not installed.

    Example:
        >>> import tempfile
        >>> opener(Path(tempfile.mkdtemp()) / "open.html") > 100_000
        True
    """
    return _written(path, "page.html.j2", "open", {"title": title, "opener": True, "data": data_in_page({})})


def _written(path: str | os.PathLike[str], template: str, name: str, values: dict[str, Any]) -> int:
    """Write the page of this name's script and style; its size."""
    content = page(template, f"{name}.bundle.js", ("page.css", f"{name}.css"), values)
    write(Path(path), content)
    return len(content)
