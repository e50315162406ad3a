"""How much memory a Parquet file asks for, by its footer and the header of every page, before any page is decoded.

The format: https://parquet.apache.org/docs/file-format; its structures are in Thrift's compact protocol.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
FOOTER = 2**24  # bytes
CELL = 16  # bytes of a value once decoded: a number has at most 16, a text that many beside its letters
_END, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12


def decoded_size(path: Path) -> int:
    """Bytes that the columns take when they are decoded, at most.

    Raises:
        ValueError: the file is cut short, damaged or no Parquet file.
    """
    with path.open("rb") as file:
        if path.stat().st_size < 12:
            raise ValueError("too short")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            length = int.from_bytes(content[-8:-4], "little")
            start = len(content) - 8 - length
            if content[-4:] != MAGIC or start < 4 or length > FOOTER:
                raise ValueError("no footer at its end")
            try:
                footer = _Reader(content, start).struct()
                return sum(_group(content, group) for group in footer.get(4, []))
            except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as problem:
                raise ValueError("damaged structure") from problem


def _group(content: mmap.mmap, group: dict[int, Any]) -> int:
    """Bytes of all columns of a row group."""
    return sum(_column(content, column[3], group[3]) for column in group[1])


def _column(content: mmap.mmap, column: dict[int, Any], rows: int) -> int:
    """Bytes of the pages of one column, unpacked, and of its values."""
    at, values, size = column[9], 0, 0
    if 0 < column.get(11, 0) < at:  # its dictionary comes first
        at = column[11]
    end = at + column[7]
    if at < 4 or end > len(content):
        raise ValueError("pages outside the file")
    while at < end:
        reader = _Reader(content, at)
        page = reader.struct()
        header = page.get(5) or page.get(7) or page.get(8) or {}
        if page[2] < 0 or page[3] < 0 or header.get(1, 0) < 0:
            raise ValueError("a negative size")
        size += page[2]
        values += header.get(1, 0)
        at = reader.at + page[3]
    return max(size, int(column[6])) + CELL * max(values, int(column[5]), rows)


class _Reader:
    """Thrift's compact protocol: a structure as a dict from field number to value."""

    def __init__(self, content: mmap.mmap, at: int) -> None:
        self.content, self.at, self.depth = content, at, 0

    def struct(self) -> dict[int, Any]:
        self.depth += 1
        if self.depth > 20:
            raise ValueError("too deep")
        found: dict[int, Any] = {}
        field = 0
        while (head := self._byte()) & 15 != _END:
            field = field + (head >> 4) if head >> 4 else self._whole()
            kind = head & 15
            found[field] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind)
        self.depth -= 1
        return found

    def _value(self, kind: int) -> Any:
        if kind in (_TRUE, _FALSE, _BYTE):  # in a list; alone a boolean has no byte
            return self._byte()
        if _BYTE < kind < _DOUBLE:
            return self._whole()
        if kind == _DOUBLE:
            self.at += 8
            return None
        if kind == _BINARY:
            size = self._size()
            self.at += size
            return None
        if kind in (_LIST, _SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._size()
            self.depth += 1
            if self.depth > 20:
                raise ValueError("too deep")
            items = [self._value(head & 15) for _ in range(count)]
            self.depth -= 1
            return items
        if kind == _MAP:
            count = self._size()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._value(kinds >> 4)
                self._value(kinds & 15)
            return None
        if kind == _STRUCT:
            return self.struct()
        raise ValueError(f"no type {kind}")

    def _byte(self) -> int:
        byte = self.content[self.at]
        self.at += 1
        return byte

    def _size(self) -> int:
        """An unsigned number, 7 bits a byte."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number of more than 64 bits")

    def _whole(self) -> int:
        """A signed number, the sign in the last bit."""
        value = self._size()
        return (value >> 1) ^ -(value & 1)
