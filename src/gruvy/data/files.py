"""Files and folders to sequences: CSV and Parquet, long or wide; one file a recording; NumPy archives."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence as Ordered
from dataclasses import replace
from pathlib import Path
from typing import Any

from gruvy.data.archive import read_npz
from gruvy.data.collection import Sequences
from gruvy.data.frames import long_form, wide_form
from gruvy.data.limit import check_decoded
from gruvy.data.parquet import decoded_size
from gruvy.data.recordings import Options
from gruvy.data.table import LABEL, RECORDING, Table, openable, shown
from gruvy.data.text import read_csv
from gruvy.errors import DataError
from gruvy.extras import need

TABLES = (".csv", ".tsv", ".parquet")
LABELS = "labels.csv"
FILE_NAMES = ("file", "filename", "path", "id", "recording", "name")
TARGET_NAMES = ("label", "target", "class", "y")


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

    A .csv, .tsv or .parquet file holds one row a step (long form), or one row a sequence with wide=True.
    A folder holds one such file a recording; the labels are the names of its subfolders, or stand in a labels.csv
    beside the recordings (a column `file` or `id`, and the target), or in a column of every recording.
    A .npz file holds X, an array (N, T, I) or (N, T), or values (all steps, I) and lengths (N,); and if wanted
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
    options = Options(missing, window, step, target_at)
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if path.suffix.lower() == ".npz":
        given = {"id": id, "time": time, "target": target, "features": features, "group": group, "window": window}
        for option, value in given.items():
            if value is not None:
                raise DataError(f"{option}={value!r} has no meaning for {path}: a .npz file holds whole sequences")
        return read_npz(path)
    if path.is_dir():
        if wide:
            raise DataError(f"wide=True has no meaning for the folder {path}, where a file is a recording")
        return _read_folder(
            path, options, id=id, time=time, target=target, features=features, group=group, ignore=ignore
        )
    if path.suffix.lower() not in TABLES:
        raise DataError(f"{path} has an unknown ending; wanted .csv, .tsv, .parquet, .npz or a folder")
    table = read_table(path)
    form = wide_form if wide else long_form
    return form(table, options, id=id, time=time, target=target, features=features, group=group, ignore=ignore)


def read_table(path: Path) -> Table:
    """The table in a .csv, .tsv or .parquet file."""
    if path.suffix.lower() != ".parquet":
        return read_csv(path)
    pl = need("polars")
    try:
        check_decoded(path, decoded_size(path))
        frame = pl.read_parquet(openable(path), glob=False)
    except DataError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
        raise DataError(f"{path} is not a Parquet file that can be read ({_first_line(problem)})") from problem
    if frame.height == 0:
        raise DataError(f"{path} has no rows; at least 1 is wanted")
    return Table(frame, shown(path), lambda row: f"{shown(path)}, row {row}")


def _first_line(problem: BaseException) -> str:
    return str(problem).partition("\n")[0]


def _read_folder(
    folder: Path,
    options: Options,
    *,
    id: str | None,
    time: str | None,
    target: str | Ordered[str] | None,
    features: Ordered[str] | None,
    group: str | None,
    ignore: Ordered[str],
) -> Sequences:
    """One recording a file; targets from labels.csv, from the columns of the recordings or from subfolders."""
    if id is not None and not (folder / LABELS).is_file():
        raise DataError(f"id={id!r} has no meaning for the folder {folder}, where a file is a recording")
    paths = _recordings(folder)
    names = [shown(path.relative_to(folder).with_suffix("")).replace(os.sep, "/") for path in paths]
    table = _together(folder, paths, names)
    added: dict[str, list[Any]] = {}
    if (folder / LABELS).is_file():
        targets, added = _labels(folder, paths, names, id, target, group)
    elif target is None and any("/" in name for name in names):
        for path, name in zip(paths, names, strict=True):
            if name.count("/") != 1:
                raise DataError(f"{path} lies beside or below the subfolders whose names are the labels")
        targets, added = [LABEL], {LABEL: [name.partition("/")[0] for name in names]}
    else:
        targets = [target] if isinstance(target, str) else list(target or ())
        if any(name not in table.columns for name in targets) and any("/" in name for name in names):
            raise DataError(
                f"the recordings in {folder} have no column {', '.join(targets)}; without target= (--target) "
                "the names of the subfolders are the labels"
            )
    if added:
        pl = need("polars")
        extra = pl.DataFrame({RECORDING: names, **added})
        frame = table.frame.drop([name for name in added if name in table.frame.columns])
        table = Table(frame.join(extra, on=RECORDING, how="left", maintain_order="left"), table.source, table.place)
    made = long_form(
        table, options, id=RECORDING, time=time, target=targets, features=features, group=group, ignore=ignore
    )
    return replace(made, target=["label"]) if targets == [LABEL] else made


def _recordings(folder: Path) -> list[Path]:
    """Every table under the folder, but for labels.csv and what is hidden."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in TABLES
        and path.is_file()
        and path != folder / LABELS
        and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise DataError(f"the folder {folder} holds no recordings; wanted .csv, .tsv or .parquet files")
    return paths


def _together(folder: Path, paths: list[Path], names: list[str]) -> Table:
    """All recordings in one table, with a column that says which is which."""
    pl = need("polars")
    tables = [read_table(path) for path in paths]
    columns = tables[0].frame.columns
    frames = []
    for path, name, table in zip(paths, names, tables, strict=True):
        _refuse_own(table)
        if set(table.frame.columns) != set(columns):
            raise DataError(
                f"{path} has the columns {', '.join(table.frame.columns)}; {paths[0]} has {', '.join(columns)}"
            )
        frames.append(table.frame.select(pl.lit(name).alias(RECORDING), *columns))
    starts = [0]
    for frame in frames[:-1]:
        starts.append(starts[-1] + frame.height)

    def place(row: int) -> str:
        n = bisect_right(starts, row) - 1
        return tables[n].place(row - starts[n])

    try:
        whole = pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError:  # numbers in one file, text in another
        whole = pl.concat([frame.cast(pl.String) for frame in frames])
    return Table(whole, str(folder), place)


def _refuse_own(table: Table) -> None:
    """Refuse the names of the columns that are added to a folder's recordings."""
    for name in (RECORDING, LABEL):
        if name in table.frame.columns:
            raise DataError(f"{table.source} has a column {name!r}, a name kept for gruvy; expected another")


def _labels(
    folder: Path,
    paths: list[Path],
    names: list[str],
    id: str | None,
    target: str | Ordered[str] | None,
    group: str | None,
) -> tuple[list[str], dict[str, list[Any]]]:
    """The targets (and groups) that labels.csv gives to each recording."""
    table = read_csv(folder / LABELS)
    _refuse_own(table)
    have = table.frame.columns
    key = id or next((column for name in FILE_NAMES for column in have if column.lower() == name), have[0])
    table.require([key], "id")
    if target is None:
        others = [column for column in have if column not in (key, group)]
        named = [column for name in TARGET_NAMES for column in others if column.lower() == name]
        if not named and len(others) != 1:
            raise DataError(f"{table.source}: target= (--target) must name one of its columns {', '.join(others)}")
        targets = named[:1] or others
    else:
        targets = [target] if isinstance(target, str) else list(target)
    table.require(targets, "target")
    keys = table.names(key, "id").to_list()
    rows: dict[str, int] = {}
    for row, name in enumerate(keys):
        known = Path(name).with_suffix("").as_posix() if Path(name).suffix.lower() in TABLES else name
        if known in rows:
            raise DataError(f"{table.place(row)}: {name!r} is listed a second time")
        rows[known] = row
    chosen = []
    for path, name in zip(paths, names, strict=True):
        row = rows.get(name, rows.get(Path(name).name, -1))
        if row < 0:
            raise DataError(f"{path} is not listed in {table.source}, column {key!r}")
        chosen.append(row)
    unused = sorted(set(range(len(keys))) - set(chosen))
    if unused:
        raise DataError(f"{table.place(unused[0])}: there is no recording {keys[unused[0]]!r} in {folder}")
    columns = [*targets, *([group] if group in have else [])]
    return targets, {name: table.frame[name].gather(chosen).to_list() for name in columns if name is not None}
