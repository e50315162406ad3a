"""Names, texts and numbers as C99 writes them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np

from ..errors import InputError

Array = np.ndarray[Any, Any]

LONGEST = 4095  # bytes of a text that every C99 compiler takes
# A file called as one of these would hide a header of C, or is another of ours. Keywords do no harm: more follows them.
TAKEN = {"math", "stdio", "stdlib", "ctype", "selftest", "example"}


def c_name(name: str) -> str:
    """A name that C accepts, as like the given one as can be.

    Example:
        >>> c_name("größe-2"), c_name("2nd"), c_name("math"), c_name("")
        ('gro_e_2', 'net_2nd', 'net_math', 'net')
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    found = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:40].rstrip("_")
    if not found:
        return "net"
    return f"net_{found}" if found[0].isdigit() or found.lower() in TAKEN else found


def text(said: str) -> str:
    r"""A text in quotes, UTF-8 byte by byte where it is not plain ASCII.

    Raises:
        InputError: C cannot hold it.

    Example:
        >>> print(text('a "b" é??='))
        "a \"b\" \303\251\?\?="
    """
    content = said.encode("utf-8", "backslashreplace")
    if len(content) > LONGEST or b"\0" in content:
        raise InputError(f"class {said[:20]!r}: expected at most {LONGEST:,} bytes and no NUL, as C has texts")
    # Three octal digits end by themselves; a question mark could begin a trigraph.
    plain = "".join(chr(c) if 32 <= c < 127 and c not in b'"\\?' else _escaped(c) for c in content)
    return f'"{plain}"'


def _escaped(c: int) -> str:
    return f"\\{chr(c)}" if c in b'"\\?' else f"\\{c:03o}"


def array(name: str, a: Array, shaped: bool = False) -> str:
    """A constant array of float or double, with as many digits as give the same bits back; flat, or as it is shaped.

    Example:
        >>> print(array("b", np.array([0.5, -1], np.float32)), end="")
        static const float b[2] = {
            5e-01f, -1e+00f,
        };
    """
    kind = {"float32": "float", "float64": "double", "int8": "int8_t"}[str(a.dtype)]
    suffix = "f" if kind == "float" else ""
    numbers = [str(v) if kind == "int8_t" else np.format_float_scientific(v, trim="-") + suffix for v in a.reshape(-1)]
    size = a.shape if shaped else (a.size,)
    if len(size) > 1:
        body = _nested(numbers, size)
    else:
        body = "".join(f"    {', '.join(numbers[i : i + 8])},\n" for i in range(0, len(numbers), 8))
    return f"static const {kind} {name}{''.join(f'[{n}]' for n in size)} = {{\n{body}}};\n"


def _nested(numbers: list[str], size: tuple[int, ...]) -> str:
    """Braces around each axis, as -Wmissing-braces has it."""
    for n in size[:0:-1]:
        numbers = ["{" + ", ".join(numbers[i : i + n]) + "}" for i in range(0, len(numbers), n)]
    return "".join(f"    {row},\n" for row in numbers)
