"""The one way in which gruvy writes a file: whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows: there leftovers stay
    fcntl = None  # type: ignore[assignment]

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)  # of file systems that do not sync folders


def check_place(path: str | os.PathLike[str], named: str) -> None:
    """Refuse, before an hour of work, a place that cannot be written to; `named` begins the error's text.

    Raises:
        InputError: the folder is not there or not writable, or the path is a folder.
    """
    path = Path(path)
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{named} is a folder; expected the name of a file")
    if not folder.is_dir():
        raise InputError(f"{named}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{named}: no permission to write to the folder {folder.resolve()}")


@contextmanager
def whole_file(path: str | os.PathLike[str], *, text: bool = False) -> Iterator[IO[Any]]:
    """A file that appears under its name, and on the disk itself, only when all of it is written.

    Until then whoever opens the path finds the old file, which keeps its permissions; if the writing fails, nothing
    has changed. A symbolic link stays one: the file that it names is replaced. A device or pipe is written to as it
    is. What a killed process left of an earlier try is removed.

    Args:
        path: the file.
        text: yields a file for text (UTF-8, line ends as given) instead of bytes.

    Raises:
        OSError: it cannot be written.
    """
    kind: dict[str, Any] = {"mode": "w", "encoding": "utf-8", "newline": ""} if text else {"mode": "wb"}
    target = Path(os.path.realpath(path))
    with _named(path):
        old = target.stat().st_mode if target.exists() else None
        if old is not None and stat.S_ISDIR(old):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if old is not None and not stat.S_ISREG(old):
        with open(target, **kind) as file:
            yield file
        return
    clear(target)
    with _named(path):
        part, handle = _part(target, 0o666 if old is None else stat.S_IMODE(old))
    try:
        with open(handle, **kind) as file:
            yield file
            with _named(path):
                file.flush()
                os.fsync(handle)
                if old is not None:
                    os.chmod(part, stat.S_IMODE(old))
                os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    with _named(path):
        sync_folder(target.parent)


def write(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file whole or not at all, as `whole_file` does; text as UTF-8.

    Raises:
        OSError: it cannot be written; its file name is the path.
    """
    with _named(path), whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def remove(path: str | os.PathLike[str]) -> None:
    """Remove a file, on the disk itself, if it is there.

    Raises:
        OSError: it cannot be removed.
    """
    path = Path(path)
    if path.exists():
        path.unlink(missing_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put on the disk which files a folder has."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def clear(path: str | os.PathLike[str]) -> None:
    """Remove what killed processes left of earlier tries to write this file; what is being written stays."""
    target = Path(os.path.realpath(path))
    if fcntl is None or not target.parent.is_dir():
        return
    ours = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.part")
    for name in os.listdir(target.parent):
        if ours.fullmatch(name) is None:
            continue
        part = target.parent / name
        try:
            with open(part, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # who writes holds the lock, and it dies with them
                part.unlink()
        except OSError:  # being written, gone, or another user's
            continue


def _part(target: Path, mode: int) -> tuple[Path, int]:
    """A new locked file beside the target, open for writing; the umask applies to its mode."""
    while True:
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        taken = False  # by `clear` of another process, between two of our lines
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            taken = isinstance(error, BlockingIOError)  # other errors: a file system without locks
        if not taken and os.fstat(handle).st_nlink:
            return part, handle
        os.close(handle)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the operating system name this path, not the file beside it."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = os.fspath(path), None
        raise
