"""Damage to bytes, to JSON and to the cells of a table."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

MOST = 1_000_000  # bytes of a damaged file: ten times as much, and 100 MB, are within the bounds of its reader
NUMBERS = [0, 1, 2, 7, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 2**31, 2**63, 10**30, -(10**30), 1e308, -1e308, 0.5, float("nan"), float("inf"),
    "", "x", "object", "O", "<U200000000", "<f8", "|b1", "<M8[s]", "V8", "F32", "F64", "I64", "BOOL", "BF16", "tag",
    "classify", "regress", "mean", "after", "keeps", "torch", "GRUClassifier", "\x00", "\ud800", "é" * 50, [], {}, [[]],
    [None], [1, 2], ["a", "b"], {"a": 1},
]  # fmt: skip


def raw(r: Random, content: bytes, others: list[bytes]) -> bytes:
    """A few bytes flipped, overwritten, cut out, doubled, or taken from another file."""
    data = bytearray(content)
    for _ in range(r.choice((1, 1, 1, 2, 4, 16))):
        at, kind = r.randrange(len(data) + 1), r.randrange(8)
        # Where a format keeps its header, its first and last bytes, damage tells most.
        at = r.choice((at, min(at, r.randrange(64)), max(0, len(data) - r.randrange(1, 64))))
        size = min(r.choice((1, 2, 4, 8, 64, 1000)), len(data) - at)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << r.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = r.choice((0, 1, 9, 10, 34, 44, 91, 123, 125, 127, 128, 255, r.randrange(256)))
        elif kind == 2:
            data[at : at + 8] = struct.pack(r.choice("<>") + "Q", r.choice((*NUMBERS, len(data), len(data) + 1)))
        elif kind == 3:
            del data[at : None if r.random() < 0.3 else at + size]
        elif kind == 4:
            data[at:at] = data[at : at + size] * r.choice((1, 2, 50))
        elif kind == 5:
            other = r.choice(others)
            start = r.randrange(len(other) + 1)
            data[at : at + size] = other[start : start + size]
        elif kind == 6:
            data[at : at + 4] = struct.pack("<I", r.choice(NUMBERS) & 0xFFFFFFFF)
        else:
            data[at:at] = str(r.choice((*NUMBERS, 10**40, -1, 1e999))).encode()
    return bytes(data)


def tree(r: Random, value: Any) -> Any:
    """A JSON value with a part replaced, dropped, renamed, doubled, swapped or nested deep."""
    parents = [(p, k) for p, k in _places(value) if r.random() < 0.5] or list(_places(value))
    if not parents:
        return r.choice(VALUES)
    parent, key = r.choice(parents)
    kind = r.randrange(8)
    if kind <= 2:
        parent[key] = r.choice(VALUES)
    elif kind == 3:
        del parent[key]
    elif kind == 4:
        other, place = r.choice(parents)
        parent[key] = json.loads(json.dumps(other[place]))
    elif kind == 5 and isinstance(parent, dict):
        parent[str(r.choice((f"{key}x", "", "W.0.0", "V", "b_y", "format", "0", "x" * 300)))] = parent.pop(key)
    elif kind == 6 and isinstance(parent[key], (int, float)) and not isinstance(parent[key], bool):
        parent[key] = r.choice(
            (parent[key] + 1, -parent[key], parent[key] * 2, 0, r.choice(NUMBERS), float(parent[key]))
        )
    elif kind == 7:
        parent[key] = [parent[key]] * r.choice((0, 2, 100))
    return value


def _places(value: Any, depth: int = 0) -> Any:
    if isinstance(value, (dict, list)) and depth < 12:
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key], depth + 1)


CELLS = [
    b"", b"nan", b"inf", b"-1e999", b"1" * 5000, b"9" * 400, b"x", b"(recording)", b"(label)", b'"', b'""', b'"a,b"',
    b'"a\nb"', b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"true", b"2024-01-02", b"02/03/2024", b"12:30", b"1e5",
    b"0x10", b" 1 ", b"a" * 200000, b"=1+1", b"\r", b"\xed\xa0\x80", b"1,5", b"id", b"time", b"1_000", "١".encode(),
    b"1e-400",
]  # fmt: skip


def text(r: Random, content: bytes, others: list[bytes]) -> bytes:
    """The cells, columns, rows and separators of a CSV file changed."""
    rows = [line.split(b",") for line in content.split(b"\n")]
    for _ in range(r.choice((1, 1, 2, 4))):
        kind = r.randrange(9)
        row = r.choice((0, r.randrange(len(rows))))
        cells = rows[row]
        if kind <= 3 and cells:
            cells[r.randrange(len(cells))] = r.choice(CELLS)
        elif kind == 4 and cells:
            del cells[r.randrange(len(cells))]
        elif kind == 5 and cells:
            times = r.choice((2, 3, 200))
            cells *= times if times * sum(map(len, cells)) < MOST else 1
        elif kind == 6:
            rows[row:row] = rows[row : row + r.randrange(1, 9)] * r.choice((1, 30))
        elif kind == 7:
            column, cell = r.randrange(1 + len(cells)), r.choice(CELLS[:-8])
            for other in rows[1:]:
                if column < len(other):
                    other[column] = cell if len(cell) < 100 else b"1"
        else:
            del rows[row : row + r.choice((1, 1, 5, 100))]
            rows = rows or [[b""]]
    lines: list[bytes] = []
    size = 0
    for row in rows:  # doubled rows of doubled long cells would be gigabytes
        if size < MOST:
            comma = r.choice((b",", b",", b",", b",", b";", b"\t")) if r.random() < 0.02 else b","
            lines.append(comma.join(row))
            size += len(lines[-1])
    content = b"\n".join(lines)
    if r.random() < 0.05:
        content = r.choice((
            lambda c: b"\xef\xbb\xbf" + c, lambda c: c.decode("latin-1").encode("utf-16"), lambda c: zlib.compress(c),
            lambda c: c.replace(b"\n", b"\r\n"), lambda c: c.replace(b"\n", b"\r"), lambda c: c.replace(b",", b";"),
        ))(content)  # fmt: skip
    return content


Mutator = Callable[[Random, bytes, list[bytes]], bytes]


def mixed(structured: Mutator, share: float = 0.6) -> Mutator:
    """Structured damage, plain damage of bytes, and now and then both."""

    def change(r: Random, content: bytes, others: list[bytes]) -> bytes:
        if r.random() < share:
            try:
                content = structured(r, content, others)
            except Exception:
                return raw(r, content, others)  # what the first damage has left has no structure to damage
            if r.random() < 0.9:
                return content
        return raw(r, content, others)

    return change
