"""How many bytes a compressed file may decode to: a few kilobytes can ask for all the memory there is."""

from __future__ import annotations

import os
from gzip import GzipFile
from io import BytesIO
from pathlib import Path
from typing import IO

from gruvy.errors import DataError, InputError

VARIABLE = "GRUVY_MAX_DATA_BYTES"


class TooLargeError(DataError):
    """A file decodes to more bytes than the limit."""


def check_decoded(path: Path, size: int) -> None:
    """Refuse a file that says it decodes to more bytes than GRUVY_MAX_DATA_BYTES, or a quarter of the memory.

    Raises:
        TooLargeError: it does. InputError: the variable is not a number.
    """
    most = limit()
    if size > most:
        raise TooLargeError(
            f"{path} decodes to {size:,} bytes, expected at most {most:,}; set {VARIABLE} to read it all the same"
        )


def limit() -> int:
    """Bytes that a file may decode to.

    Raises:
        InputError: the environment variable is not a number.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
        except (AttributeError, ValueError, OSError):  # not a system that tells
            return 2**31
    if not given.isdecimal() or len(given) > 18:
        raise InputError(f"{VARIABLE}={given!r}: expected a number of bytes")
    return int(given)


def read_decoded(source: str, file: IO[bytes] | GzipFile) -> bytes:
    """All bytes of a file that is unpacked as it is read, which says no size that could be believed.

    Raises:
        TooLargeError: they are more than the limit. InputError: the variable is not a number.
    """
    most = limit()
    content = BytesIO()
    while piece := file.read(1 << 20):
        content.write(piece)
        if content.tell() > most:
            raise TooLargeError(
                f"{source} decodes to more than {most:,} bytes, the most expected; "
                f"set {VARIABLE} to read it all the same"
            )
    return content.getvalue()
