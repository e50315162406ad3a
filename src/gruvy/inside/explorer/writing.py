"""A page as one file: template, style and script, and a policy that lets no other script run and asks nobody."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ... import files as disk
from ..._version import __version__
from ...errors import InputError
from ...extras import need
from .. import palette


def page(
    template: str, bundle: str, styles: Sequence[str], values: Mapping[str, Any], package: str = __package__
) -> bytes:
    """The page of a template in a package's folder: the palette and these styles, this script, these values."""
    jinja2 = need("jinja2")

    def resource(name: str) -> str:
        return (files(package) / name).read_text(encoding="utf-8")

    script = resource(bundle)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    filled: str = environment.from_string(resource(template)).render(
        css=palette.css() + "".join(map(resource, styles)),
        script=script,
        script_hash=f"'sha256-{digest}'",
        version=__version__,
        **values,
    )
    return filled.encode()


def data_in_page(data: Any) -> str:
    """Data as a page's scripts read them: JSON in which a name that holds "</script>" ends no script.

    Every "<" is written as its code, so the browser never sees one.
    """
    text = json.dumps(data, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def write(path: Path, content: bytes) -> None:
    """Write a page whole or not at all."""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        disk.write(path, content)
    except OSError as problem:
        raise InputError(f"path: cannot write {path}: {problem.strerror}") from problem
