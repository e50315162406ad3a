"""Damage to files: bytes, the header of a safetensors file, the arrays of an archive, the cells of a table."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = [0, 1, 2, 7, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 2**31, 2**63, 10**30, -(10**30), 1e308, -1e308, 0.5, float("nan"), float("inf"),
    "", "x", "object", "O", "<U200000000", "<f8", "|b1", "<M8[s]", "V8", "F32", "F64", "I64", "BOOL", "BF16", "tag",
    "classify", "regress", "mean", "after", "keeps", "torch", "GRUClassifier", "\x00", "\ud800", "é" * 50, [], {}, [[]],
    [None], [1, 2], ["a", "b"], {"a": 1},
]  # fmt: skip
TYPES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}


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


def _text(r: Random, value: Any) -> str:
    said = json.dumps(value)
    if r.random() < 0.02:
        said = said.replace(
            r.choice('0123456789n"'), r.choice(("[" * 20000, "1" * 5000, '{"a":' * 5000, "[" * 5000 + "]" * 5000)), 1
        )
    return said


def safetensors(r: Random, content: bytes, others: list[bytes], key: str) -> bytes:
    """The header's types, shapes and offsets, the JSON inside it, or whole tensors changed; lengths mostly fit."""
    size = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    for _ in range(r.choice((1, 1, 2, 3))):
        kind, names = r.randrange(10), [n for n in header if isinstance(header[n], dict) and n != "__metadata__"]
        if (
            kind <= 3
            and isinstance(header.get("__metadata__"), dict)
            and isinstance(header["__metadata__"].get(key), str)
        ):
            try:
                said = json.loads(header["__metadata__"][key])
            except (ValueError, RecursionError):
                continue
            header["__metadata__"][key] = _text(r, tree(r, said))
        elif kind == 4:
            header = tree(r, header)
            if not isinstance(header, dict):
                header = {"x": header}
        elif kind <= 8 and names:
            header, body = _tensor(r, header, body, r.choice(names))
        elif names:
            name = r.choice(names)
            header[r.choice((name + "x", *names))] = header.pop(name)
    said = _text(r, header).encode("utf-8", "surrogatepass")
    said += b" " * (-len(said) % 8)
    length = len(said) if r.random() < 0.97 else r.choice((*NUMBERS, len(said) + 1, len(said) - 1)) & 2**64 - 1
    return struct.pack("<Q", length) + said + body


def _tensor(r: Random, header: dict[str, Any], body: bytes, name: str) -> tuple[dict[str, Any], bytes]:
    """A tensor of another shape, type or content, with a header that says so and offsets that fit."""
    parts = {}
    for n, said in header.items():
        if n != "__metadata__":
            try:
                a, b = said["data_offsets"]
                parts[n] = (said["dtype"], list(said["shape"]), body[a:b])
            except (KeyError, TypeError, ValueError):
                return header, body
    if name not in parts:
        return header, body
    dtype, shape, data = parts[name]
    kind = r.randrange(6)
    if kind == 0:
        r.shuffle(shape)
    elif kind == 1:
        shape = r.choice(([*shape, 1], [1, *shape], shape[1:], [-1], [0, *shape[1:]], [s for s in shape for _ in "ab"]))
    elif kind == 2 and shape:
        at = r.randrange(len(shape))
        shape[at] = max(0, r.choice((shape[at] - 1, shape[at] + 1, 0, 1, 2 * shape[at])))
    elif kind == 3:
        dtype = r.choice(list(TYPES))
    elif kind == 4 and data:
        value = r.choice(
            (b"\x00\x00\x80\x7f", b"\x00\x00\xc0\x7f", b"\xff\xff\x7f\x7f", b"\x00\x00\x00\x00", b"\xff" * 4)
        )
        at = r.randrange(len(data)) // 4 * 4
        data = data[:at] + value + data[at + 4 :] if r.random() < 0.7 else value * (len(data) // 4)
    else:
        del parts[name]
    if name in parts:
        need = TYPES.get(dtype, 4)
        for n in shape:
            need *= n if isinstance(n, int) else 1
        if 0 <= need < 2**22:
            data = (data * (need // max(1, len(data)) + 1) or bytes(need))[:need]
        parts[name] = (dtype, shape, data)
    at, body = 0, b""
    for n in list(header):
        if n == "__metadata__":
            continue
        if n not in parts:
            del header[n]
            continue
        dtype, shape, data = parts[n]
        header[n] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at, body = at + len(data), body + data
    return header, body


def archive(r: Random, content: bytes, others: list[bytes]) -> bytes:
    """The arrays of an .npz: their headers and contents changed, packed anew, with checksums that fit."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    for _ in range(r.choice((1, 1, 2))):
        name = r.choice(list(parts))
        part = parts[name]
        kind = r.randrange(6)
        if kind <= 2:
            parts[name] = _npy(r, part)
        elif kind == 3:
            parts[name] = raw(r, part, list(parts.values()))
        elif kind == 4:
            parts[r.choice(("X.npy", "values.npy", "lengths.npy", "y.npy", "ids.npy", "groups.npy", "z.npy", "X"))] = (
                part
            )
        elif len(parts) > 1:
            del parts[name]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return out.getvalue()


def _npy(r: Random, part: bytes) -> bytes:
    """An array whose header says another type, order or shape."""
    end = part.find(b"\n")
    if end < 10:
        return part
    said = part[10:end].decode("latin-1")
    what = r.randrange(5)
    if what == 0:
        types = (
            "<f4",
            "<f8",
            "<f2",
            "<c16",
            "<i8",
            "|b1",
            "<U0",
            "<U3",
            "|O",
            "<M8[s]",
            "|S0",
            "|V0",
            "<f16",
            "<U999999999",
        )
        at = said.find("'descr': '") + 10
        said = said[:at] + r.choice(types) + said[said.find("'", at) :]
    elif what == 1:
        shapes = (
            "()",
            "(0,)",
            "(5,)",
            "(500000000000,)",
            "(2, 3)",
            "(0, 3)",
            "(2, 3, 1)",
            "(-1,)",
            "(2, 0, 1)",
            "(9223372036854775807, 2)",
        )
        at = said.find("'shape': ") + 9
        said = said[:at] + r.choice(shapes) + said[said.find(")", at) + 1 :]
    elif what == 2:
        said = said.replace("False", r.choice(("True", "None", "0")))
    elif what == 3:
        said = said.replace(r.choice("'{}:(),"), r.choice(("", "(" * 300, "\x00", "-")), 1)
    else:
        said += " " * r.choice((1, 64, 60000))
    length = len(said) + 1
    if length < 2**16 and r.random() < 0.9:
        return part[:6] + b"\x01\x00" + struct.pack("<H", length) + said.encode("latin-1") + part[end:]
    return part[:6] + b"\x02\x00" + struct.pack("<I", length) + said.encode("latin-1") + part[end:]


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
            cells[:] = cells * r.choice((2, 3, 200))
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
    content = b"\n".join(
        r.choice((b",", b",", b",", b",", b";", b"\t")).join(row) if r.random() < 0.02 else b",".join(row)
        for row in rows
    )
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
