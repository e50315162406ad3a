"""A folder to sequences: one recording per file, with labels by subfolder, by labels.csv or in the recordings."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence as Ordered
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gruvy.arrays import as_objects
from gruvy.data.collection import Sequences, some
from gruvy.data.columns import FILE_NAMES, LABELS, TARGET_NAMES
from gruvy.data.intervals import TRACK, Tracks, tracks_of
from gruvy.data.long_form import long_form
from gruvy.data.options import Options
from gruvy.data.sound import SOUNDS, sequences_of, settings_for
from gruvy.data.table import LABEL, RECORDING, Table, ending, labels, shown, without_ending
from gruvy.data.table_files import TABLES, read_csv, read_table
from gruvy.errors import DataError
from gruvy.extras import need

Array = np.ndarray[Any, Any]


def read_folder(folder: Path, options: Options) -> Sequences:
    """One recording per file; targets from labels.csv, from the columns of the recordings or from subfolders."""
    id, target = options.id, options.target
    if options.wide:
        raise DataError(f"wide=True has no meaning for the folder {folder}, where a file is a recording")
    if id is not None and not (folder / LABELS).is_file():
        raise DataError(f"id={id!r} has no meaning for the folder {folder}, where a file is a recording")
    paths = _recordings(folder)
    sounds = [path for path in paths if ending(path) in SOUNDS]
    if sounds and len(sounds) < len(paths):
        other = next(path for path in paths if path not in sounds)
        raise DataError(f"{folder} holds sound, {sounds[0].name}, and tables, {other.name}; expected one kind")
    if options.sound is not None and not sounds:
        raise DataError(f"sound= has no meaning for the folder {folder}, whose recordings are tables")
    names = _named(folder, paths)
    if sounds:
        return _sounds(folder, paths, names, options)
    tracks = tracks_of(options, folder, names)
    table = _together(folder, paths, names, options)
    targets: list[str] = []
    added: dict[str, list[Any]] = {}
    if tracks is None and (folder / LABELS).is_file():
        targets, added, notes = _labels(folder, paths, names, options)
        table = replace(table, notes=[*table.notes, *notes])
    elif tracks is None and target is None and any("/" in name for name in names):
        targets, added = [LABEL], {LABEL: _subfolders(paths, names)}
    elif tracks is None:
        targets = options.targets
        if any(name not in table.columns for name in targets) and any("/" in name for name in names):
            raise DataError(
                f"the recordings in {folder} have no column {', '.join(targets)}; without target= (--target) "
                "the names of the subfolders are the labels"
            )
    if added:
        pl = need("polars")
        extra = pl.DataFrame({RECORDING: names, **added})
        frame = table.frame.drop([name for name in added if name in table.frame.columns])
        table = replace(table, frame=frame.join(extra, on=RECORDING, how="left", maintain_order="left"))
    made = long_form(table, replace(options, id=RECORDING, target=targets or None), tracks)
    return replace(made, target=["label"]) if targets == [LABEL] else made


def read_one_sound(path: Path, options: Options) -> Sequences:
    """One recording of sound: a sequence without a target, but for a label track."""
    _only_sound(path, options, ("target", "group"))
    made = _made([path], [shown(without_ending(path)).rpartition(os.sep)[2]], options)
    return _tagged(made, tracks_of(options, path.with_suffix(TRACK)))


def read_words(folder: Path, options: Options) -> tuple[list[Path], Array, Array | None]:
    """The recordings of sound in a folder, the label of each and, where labels.csv has the column, its group.

    Labels are those of labels.csv or the names of subfolders; in a folder without either, the beginning of each file's
    name up to the first "_".
    """
    paths = _recordings(folder)
    tables = [path for path in paths if ending(path) not in SOUNDS]
    if tables:
        raise DataError(f"{folder} holds {tables[0].name}; expected recordings of sound, {', '.join(SOUNDS)}")
    names = _named(folder, paths)
    if (folder / LABELS).is_file():
        _, y, groups, _ = _labelled(folder, paths, names, options)
        return paths, y.astype(str), groups
    _only_sound(folder, options, ("target", "group"))
    if any("/" in name for name in names):
        return paths, np.array(_subfolders(paths, names)), None
    for path, name in zip(paths, names, strict=True):
        if "_" not in name:
            raise DataError(f"{path}: expected labels.csv, subfolders named for words, or names such as 7_ann_1.wav")
    return paths, np.array([name.partition("_")[0] for name in names]), None


def _sounds(folder: Path, paths: list[Path], names: list[str], options: Options) -> Sequences:
    """The features of each recording; targets from labels.csv or from subfolders, where there are any."""
    tracks = tracks_of(options, folder, names)
    has_labels = (folder / LABELS).is_file() and tracks is None
    _only_sound(folder, options, () if has_labels else ("target", "group"))
    made = _made(paths, names, options)
    if tracks is not None:
        return _tagged(made, tracks)
    if not has_labels:
        if not any("/" in name for name in names):
            return made
        return replace(made, y=np.array(_subfolders(paths, names)), target=["label"])
    targets, y, groups, notes = _labelled(folder, paths, names, options)
    return replace(made, y=y, target=targets, groups=groups, notes=notes)


def _labelled(
    folder: Path, paths: list[Path], names: list[str], options: Options
) -> tuple[list[str], Array, Array | None, list[str]]:
    """What labels.csv says of recordings of sound: names of the targets, targets, groups, and what was decided."""
    pl = need("polars")
    targets, added, notes = _labels(folder, paths, names, options)
    if options.group is not None and options.group not in added:
        raise DataError(f"group={options.group!r}: there is no such column in {folder / LABELS}")
    columns = [labels(pl.Series(name, added[name])) for name in targets]
    groups = None if options.group is None else np.array([str(name) for name in added[options.group]])
    return targets, columns[0] if len(columns) == 1 else np.column_stack(columns), groups, notes


def _made(paths: list[Path], names: list[str], options: Options) -> Sequences:
    settings = settings_for(paths, options.sound)
    if options.chosen and options.chosen != settings.names:
        raise DataError(
            f"features={some(options.chosen, 3)}: the features of sound are {some(settings.names, 3)}; expected all"
        )
    x = sequences_of(paths, settings)
    return Sequences(list(x), ids=names, features=settings.names, found={"sound": asdict(settings)})


def _tagged(made: Sequences, tracks: Tracks | None) -> Sequences:
    """With the label of each step: its time is when it is known, the end of its window."""
    if tracks is None:
        return made
    tracks.check(made.ids)
    settings = made.found["sound"]
    times = (settings["window"] + settings["step"] * np.arange(len(x)) for x in made.x)
    y = [tracks.at(name, t, len(made) == 1) for name, t in zip(made.ids, times, strict=True)]
    return replace(made, y=as_objects(y), target=["label"], found={**made.found, "background": tracks.background})


def _only_sound(path: Path, options: Options, others: Ordered[str]) -> None:
    """Refuse options that are about tables."""
    for name in ("time", "wide", "window", "step", "indicator", "one_hot", *others):
        value = getattr(options, name)
        if value not in (None, False, (), []):
            raise DataError(f"{name}={value!r} has no meaning for sound, {path}")


def _subfolders(paths: list[Path], names: list[str]) -> list[str]:
    """The label of each recording: the name of its subfolder."""
    for path, name in zip(paths, names, strict=True):
        if name.count("/") != 1:
            raise DataError(f"{path} lies beside or below the subfolders whose names are the labels")
    return [name.partition("/")[0] for name in names]


def _recordings(folder: Path) -> list[Path]:
    """Every table under the folder, but for labels.csv and what is hidden."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if ending(path) in (*TABLES, *SOUNDS)
        and path.is_file()
        and path != folder / LABELS
        and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise DataError(f"the folder {folder} holds no recordings; expected .csv, .tsv, .parquet or sound files")
    return paths


def _named(folder: Path, paths: list[Path]) -> list[str]:
    """What the recordings are called: their paths in the folder, without endings."""
    return [shown(without_ending(path.relative_to(folder))).replace(os.sep, "/") for path in paths]


def _together(folder: Path, paths: list[Path], names: list[str], options: Options) -> Table:
    """All recordings in one table, with a column that says which is which."""
    pl = need("polars")
    tables = [read_table(path, encoding=options.encoding, decimal=options.decimal) for path in paths]
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
    notes: dict[str, list[str]] = {}
    for table in tables:
        for note in table.notes:
            notes.setdefault(note, []).append(table.source)
    said = [f"{note} ({some(sources, 1)})" for note, sources in notes.items()]
    comma = next((table for table in tables if table.decimal == ","), tables[0])
    return Table(whole, str(folder), place, comma.decimal, said, comma.found)


def _refuse_own(table: Table) -> None:
    """Refuse the names of the columns that are added to a folder's recordings."""
    for name in (RECORDING, LABEL):
        if name in table.frame.columns:
            raise DataError(f"{table.source} has a column {name!r}, a name kept for gruvy; expected another")


def _labels(
    folder: Path, paths: list[Path], names: list[str], options: Options
) -> tuple[list[str], dict[str, list[Any]], list[str]]:
    """The targets (and groups) that labels.csv gives to each recording, and what was decided in reading it."""
    table = read_csv(folder / LABELS, encoding=options.encoding, decimal=options.decimal)
    _refuse_own(table)
    have = table.frame.columns
    key, group = options.id, options.group
    key = key or next((column for name in FILE_NAMES for column in have if column.lower() == name), have[0])
    table.require([key], "id")
    if options.target is None:
        others = [column for column in have if column not in (key, group)]
        named = [column for name in TARGET_NAMES for column in others if column.lower() == name]
        if not named and len(others) != 1:
            raise DataError(f"{table.source}: target= (--target) must name one of its columns {', '.join(others)}")
        targets = named[:1] or others
    else:
        targets = options.targets
    table.require(targets, "target")
    keys = table.names(key, "id").to_list()
    rows: dict[str, int] = {}
    for row, name in enumerate(keys):
        known = without_ending(Path(name)).as_posix() if ending(Path(name)) in (*TABLES, *SOUNDS) else name
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
    added = {name: table.frame[name].gather(chosen).to_list() for name in columns if name is not None}
    return targets, added, [f"{note} ({table.source})" for note in table.notes]
