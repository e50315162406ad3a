"""A page as one file: template, style and script, and a policy that lets no other script run and asks nobody."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ... import files as disk
from ..._version import __version__
from ...errors import InputError
from ...extras import need
from .. import palette


def page(template: str, bundle: str, styles: Sequence[str], values: Mapping[str, Any]) -> bytes:
    """The page of a template of this folder, with the palette and these styles, this script, and these values."""
    jinja2 = need("jinja2")

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


def resource(name: str) -> str:
    """A text file of this folder."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def write(path: Path, content: bytes) -> None:
    """Write a page whole or not at all."""
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        disk.write(path, content)
    except OSError as problem:
        raise InputError(f"path: cannot write {path}: {problem.strerror}") from problem
