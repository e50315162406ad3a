"""Text from a file or standard input, unpacked and as UTF-8, whatever it was."""

from __future__ import annotations

import codecs
import gzip
import re
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple

from gruvy.data.memory_limit import read_decoded
from gruvy.data.table import openable, shown
from gruvy.errors import DataError

STDIN = "-"  # the path that stands for standard input
_GZIP = b"\x1f\x8b"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class Text(NamedTuple):
    """A text and what to call it: its bytes as UTF-8, or None where the file itself is that; and what was decided."""

    source: str
    path: Path
    content: bytes | None
    notes: list[str]

    def open(self) -> IO[str]:
        """The text, line ends as they are."""
        if self.content is None:
            return self.path.open(encoding="utf-8-sig", newline="")
        return TextIOWrapper(BytesIO(self.content), encoding="utf-8-sig", newline="")

    def held(self) -> Path | BytesIO:
        """The text as polars takes it."""
        return openable(self.path) if self.content is None else BytesIO(self.content)


def read_text(path: Path, encoding: str | None) -> Text:
    """The text in a file, packed with gzip or not, or in standard input for "-".

    Without an encoding it is UTF-8, or else Latin-1, which is said in a note.

    Raises:
        DataError: it is not text in that encoding, or damaged; TooLargeError: it unpacks to more than the limit.
    """
    source = "stdin" if path == Path(STDIN) else shown(path)
    packed = False
    content: bytes | None = None
    if path == Path(STDIN):
        content = read_decoded(source, sys.stdin.buffer)
        packed = content.startswith(_GZIP)
    else:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
    if packed:
        try:
            with gzip.open(path if content is None else BytesIO(content)) as file:
                content = read_decoded(source, file)
        except (OSError, EOFError, zlib.error) as problem:
            raise DataError(f"{source} is not a gzip file that can be read ({problem})") from problem
    pieces = _pieces(path) if content is None else iter([content])
    notes: list[str] = []
    if encoding is not None or not _is_utf8(pieces):
        content = _decoded(path.read_bytes() if content is None else content, encoding, source, notes)
    return Text(source, path, content, notes)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _is_utf8(pieces: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(content: bytes, encoding: str | None, source: str, notes: list[str]) -> bytes:
    """The text as UTF-8; without an encoding it is Latin-1, with the letters that Windows added to it."""
    if encoding is None:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise DataError(f'{source} is not UTF-8 text but UTF-16: say encoding="utf-16" (--encoding utf-16)')
        if _CONTROL.search(content):
            raise DataError(f"{source} is not text: it holds control characters")
        notes.append("it is not UTF-8 and is read as Latin-1 (--encoding names another)")
    try:
        return content.decode(encoding or "cp1252").encode()
    except UnicodeError:
        told = f"{encoding} text" if encoding else "UTF-8 text, nor Latin-1: name its encoding (--encoding)"
        raise DataError(f"{source} is not {told}") from None
