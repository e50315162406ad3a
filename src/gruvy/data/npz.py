"""NumPy archives to sequences, with NumPy alone."""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from gruvy.arrays import as_objects, as_sequences
from gruvy.data.collection import Sequences
from gruvy.data.memory_limit import check_decoded
from gruvy.errors import DataError, InputError

_npy: Any = np.lib.format  # without types of its own
RATIO = 1100  # no deflated byte holds more than 1,032
KINDS = "biufcUSmM"
FLAT = ("lengths", "ids", "groups", "features")
KEYS = ("X", "values", "lengths", "y", "ids", "groups", "features")


def read_npz(path: Path) -> Sequences:
    """The sequences of a .npz file: X, or values and lengths; and if there, y, ids, groups, features."""
    try:
        with ZipFile(path) as file:
            arrays = _arrays(file, path)
    except (DataError, InputError):
        raise
    except Exception as problem:  # zipfile, each of its decompressors and NumPy's parser have errors of their own
        raise DataError(f"{path} is not a .npz file that can be read") from problem
    if "X" in arrays:
        if "values" in arrays or "lengths" in arrays:
            raise DataError(f"{path} holds X and values or lengths; expected one or the other")
        x = as_sequences(arrays["X"], name=f"{path}: X", dtype=None)
    elif "values" in arrays and "lengths" in arrays:
        x = _cut(arrays["values"], arrays["lengths"], path)
    else:
        raise DataError(f"{path} holds {', '.join(arrays) or 'nothing'}; expected X, or values and lengths")
    return Sequences(
        x,
        y=_targets(arrays.get("y"), x),
        ids=arrays["ids"].tolist() if "ids" in arrays else [],
        groups=arrays.get("groups"),
        features=arrays["features"].tolist() if "features" in arrays else [],
        target=["y"] if "y" in arrays else [],
    )


def _targets(y: NDArray[np.generic] | None, x: list[NDArray[np.floating]]) -> NDArray[Any] | None:
    """The targets: those of all steps, as values has them, and (N, T, K), become one array for each sequence."""
    lengths = [len(steps) for steps in x]
    if y is None or (y.ndim < 3 and (len(y) == len(x) or len(y) != sum(lengths))):
        return y
    parts = list(y) if y.ndim == 3 and len(y) == len(x) else np.split(y, np.cumsum(lengths)[:-1])
    for n, part in enumerate(parts):
        if len(part) != lengths[n]:
            raise DataError(f"y has shape {y.shape}; expected targets for the {lengths[n]} steps of sequence {n}")
    return as_objects(parts)


def _arrays(file: ZipFile, path: Path) -> dict[str, NDArray[np.generic]]:
    """All arrays, once what they declare is known to be there and to fit into memory."""
    members = {member.filename.removesuffix(".npy"): member for member in file.infolist()}
    for key in members:
        if key not in KEYS:
            raise DataError(f"{path} holds an array {key!r}; expected some of {', '.join(KEYS)}")
    if len(members) < len(file.infolist()):
        raise DataError(f"{path} holds two arrays of one name; expected each once")
    stored = path.stat().st_size
    for key, member in members.items():
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise DataError(f"{path}: {key} is compressed in a way that NumPy does not write")
        most = 1 if member.compress_type == ZIP_STORED else RATIO
        if member.compress_size > stored or member.file_size > most * member.compress_size:
            raise DataError(f"{path}: {member.filename} declares {member.file_size:,} bytes, more than the file holds")
    check_decoded(path, sum(member.file_size for member in members.values()))
    return {key: _load(file, member, key, path) for key, member in members.items()}


def _load(file: ZipFile, member: ZipInfo, key: str, path: Path) -> NDArray[np.generic]:
    with file.open(member) as content:
        version = _npy.read_magic(content)
        header = _npy.read_array_header_1_0 if version == (1, 0) else _npy.read_array_header_2_0
        shape, _, dtype = header(content)
        held = member.file_size - content.tell()
    if dtype.hasobject:
        raise DataError(
            f"{path}: {key} holds Python objects, which are not loaded; expected numbers, and for sequences of "
            "unequal length values (all steps, I) and lengths (N,)"
        )
    # An array without bytes may have an axis as long as it likes: none may be longer than the bytes that are there.
    if (
        prod(shape) * dtype.itemsize != held
        or dtype.itemsize == 0
        or not all(0 <= n <= member.file_size for n in shape)
    ):
        raise DataError(f"{path}: {key} declares shape {shape} of {dtype}, its content has {held:,} bytes")
    if dtype.kind not in KINDS or (key in FLAT and len(shape) != 1):
        expected = "one axis of numbers or text" if key in FLAT else "numbers or text"
        raise DataError(f"{path}: {key} has shape {shape} and dtype {dtype}; expected {expected}")
    with file.open(member) as content:
        array: NDArray[np.generic] = _npy.read_array(content, allow_pickle=False)
    if dtype.kind == "U":
        letters = np.ascontiguousarray(array).reshape(-1).view(np.dtype("u4").newbyteorder(dtype.byteorder))
        if (letters > sys.maxunicode).any():
            raise DataError(f"{path}: {key} holds codes that are no letters; expected text")
    return array


def _cut(values: NDArray[np.generic], lengths: NDArray[np.generic], path: Path) -> list[NDArray[np.floating]]:
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2:
        raise DataError(f"{path}: values has shape {values.shape}; expected (all steps, channels)")
    if lengths.dtype.kind not in "iu" or not len(lengths) or lengths.min() < 1:
        raise DataError(f"{path}: lengths must be whole numbers of steps, at least 1, one per sequence")
    if (total := sum(lengths.tolist())) != len(values):  # of Python's numbers, which do not wrap
        raise DataError(f"{path}: lengths add up to {total} steps, values has {len(values)}")
    return as_sequences(np.split(values, np.cumsum(lengths)[:-1]), name=f"{path}: values", dtype=None)
