"""NumPy archives to sequences, with NumPy alone."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gruvy.arrays import as_sequences
from gruvy.data.collection import Sequences
from gruvy.errors import DataError

KEYS = ("X", "values", "lengths", "y", "ids", "groups", "features")


def read_npz(path: Path) -> Sequences:
    """The sequences of a .npz file: X, or values and lengths; and if there, y, ids, groups, features."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: _load(file, key, path) for key in file.files}
    except (BadZipFile, ValueError, OSError, EOFError) as problem:
        if isinstance(problem, DataError):
            raise
        raise DataError(f"{path} is not a .npz file that can be read") from problem
    for key in arrays:
        if key not in KEYS:
            raise DataError(f"{path} holds an array {key!r}; wanted some of {', '.join(KEYS)}")
    if "X" in arrays:
        if "values" in arrays or "lengths" in arrays:
            raise DataError(f"{path} holds X and values or lengths; wanted one or the other")
        x = as_sequences(arrays["X"], name=f"{path}: X", dtype=None)
    elif "values" in arrays and "lengths" in arrays:
        x = _cut(arrays["values"], arrays["lengths"], path)
    else:
        raise DataError(f"{path} holds {', '.join(arrays) or 'nothing'}; wanted X, or values and lengths")
    return Sequences(
        x,
        y=arrays.get("y"),
        ids=arrays["ids"].tolist() if "ids" in arrays else [],
        groups=arrays.get("groups"),
        features=arrays["features"].tolist() if "features" in arrays else [],
        target=["y"] if "y" in arrays else [],
    )


def _load(file: np.lib.npyio.NpzFile, key: str, path: Path) -> NDArray[np.generic]:
    try:
        array: NDArray[np.generic] = file[key]
    except ValueError as problem:
        if "allow_pickle" in str(problem):
            raise DataError(
                f"{path}: {key} holds Python objects, which are not loaded; wanted numbers, and for sequences of "
                "unequal length values (all steps, I) and lengths (N,)"
            ) from problem
        raise
    return array


def _cut(values: NDArray[np.generic], lengths: NDArray[np.generic], path: Path) -> list[NDArray[np.floating]]:
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.ndim != 2:
        raise DataError(f"{path}: values has shape {values.shape}; wanted (all steps, channels)")
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not len(lengths) or lengths.min() < 1:
        raise DataError(f"{path}: lengths must be whole numbers of steps, at least 1, one a sequence")
    if lengths.sum() != len(values):
        raise DataError(f"{path}: lengths add up to {lengths.sum()} steps, values has {len(values)}")
    return as_sequences(np.split(values, np.cumsum(lengths)[:-1]), name=f"{path}: values", dtype=None)
