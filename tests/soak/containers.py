"""Damage with knowledge of a format: the header and tensors of a safetensors file, the arrays of an archive."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from random import Random
from typing import Any

from .mutate import NUMBERS, raw, tree

TYPES = {"F32": 4, "F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}


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
            file.writestr(zipfile.ZipInfo(name), part, file.compression)  # of a fixed date: a case is its number alone
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
