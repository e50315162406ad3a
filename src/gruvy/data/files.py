"""A file or a folder, whatever its kind, to sequences."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from pathlib import Path

from gruvy.data.collection import Sequences
from gruvy.data.folder import read_folder
from gruvy.data.long_form import long_form
from gruvy.data.npz import read_npz
from gruvy.data.options import Options
from gruvy.data.table_files import TABLES, read_table
from gruvy.data.wide_form import wide_form
from gruvy.errors import DataError


def read(
    path: str | Path,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | Ordered[str] | None = None,
    features: Ordered[str] | None = None,
    group: str | None = None,
    ignore: Ordered[str] = (),
    wide: bool = False,
    window: int | None = None,
    step: int | None = None,
    missing: str = "error",
    target_at: str = "constant",
) -> Sequences:
    """The sequences in a file or a folder.

    A .csv, .tsv or .parquet file holds one row per step (long form), or one row per sequence with wide=True.
    A folder holds one such file per recording; the labels are the names of its subfolders, or stand in a labels.csv
    beside the recordings (a column `file` or `id`, and the target), or in a column of every recording.
    A .npz file holds X, an array (N, T, I) or (N, T), or values (all steps, I) and lengths (N,); and if given
    y (N,) or (N, K), ids (N,), groups (N,), features (I,). It is never unpickled.

    Arguments:
        path: the file or folder.
        others: as for `gruvy.sequences`.

    Raises:
        DataError: the path does not exist or is empty, or a .npz or .parquet file decodes to more bytes than a quarter
            of the memory (or the environment variable GRUVY_MAX_DATA_BYTES); else as for `gruvy.sequences`.
        MissingExtraError: polars is not installed, and the path is not a .npz file.
    """
    path = Path(path)
    options = Options(id, time, target, features, group, ignore, wide, window, step, missing, target_at)
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if path.suffix.lower() == ".npz":
        for option in ("id", "time", "target", "features", "group", "window"):
            value = getattr(options, option)
            if value is not None:
                raise DataError(f"{option}={value!r} has no meaning for {path}: a .npz file holds whole sequences")
        return read_npz(path)
    if path.is_dir():
        return read_folder(path, options)
    if path.suffix.lower() not in TABLES:
        raise DataError(f"{path} has an unknown ending; expected .csv, .tsv, .parquet, .npz or a folder")
    return (wide_form if wide else long_form)(read_table(path), options)
