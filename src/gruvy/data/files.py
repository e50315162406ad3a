"""A file or a folder, whatever its kind, to sequences."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Ordered
from pathlib import Path
from typing import Any

from gruvy.data.collection import Sequences
from gruvy.data.folder import read_folder, read_one_sound
from gruvy.data.intervals import TRACK, tracks_of
from gruvy.data.long_form import long_form
from gruvy.data.npz import read_npz
from gruvy.data.options import Options
from gruvy.data.sound import SOUNDS
from gruvy.data.table import Table, ending, without_ending
from gruvy.data.table_files import TABLES, read_csv, read_table
from gruvy.data.text_files import STDIN
from gruvy.data.wide_form import wide_form
from gruvy.errors import DataError
from gruvy.model.sound import SoundFeatures

NOT_IN_ARCHIVES = (
    "id",
    "time",
    "target",
    "features",
    "group",
    "window",
    "drop",
    "indicator",
    "na",
    "one_hot",
    "labels",
    "background",
)


def read(
    path: str | Path,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | Ordered[str] | None = None,
    features: Ordered[str] | None = None,
    group: str | None = None,
    ignore: Ordered[str] = (),
    drop: str | Ordered[str] = (),
    wide: bool = False,
    window: int | None = None,
    step: int | None = None,
    missing: str = "error",
    indicator: bool | Ordered[str] = False,
    na: str | Ordered[str] = (),
    one_hot: str | Ordered[str] | Mapping[str, Ordered[str]] = (),
    decimal: str | None = None,
    encoding: str | None = None,
    target_at: str = "constant",
    sound: SoundFeatures | Mapping[str, Any] | None = None,
    labels: str | Path | None = None,
    background: str | None = None,
) -> Sequences:
    """The sequences in a file or a folder.

    A .csv, .tsv or .parquet file holds one row per step (long form), or one row per sequence with wide=True. Text may
    be packed as .csv.gz or .tsv.gz; the path "-" reads text from standard input.
    A folder holds one such file per recording; the labels are the names of its subfolders, or stand in a labels.csv
    beside the recordings (a column `file` or `id`, and the target), or in a column of every recording.
    Recordings of sound, .wav, .flac or .ogg, one or a folder with labels as above, become sequences of features; the
    settings that were taken are in `found` as "sound".
    A .npz file holds X, an array (N, T, I) or (N, T), or values (all steps, I) and lengths (N,); and if given
    y (N,) or (N, K), ids (N,), groups (N,), features (I,). It is never unpickled. Targets at every step are y (N, T) or
    (N, T, K) beside X, and (all steps,) or (all steps, K) beside values.

    Arguments:
        path: the file or folder, or "-".
        decimal: "." or ","; by default "," in a text file whose numbers cannot mean anything else, which a note says.
        encoding: that of text, such as "latin-1"; by default UTF-8, or else Latin-1, which a note says.
        sound: settings of the features of sound, see `gruvy.data.SoundFeatures`; by default log-mel in 32 bands, every
            10 ms, at the lowest rate of the recordings.
        labels: intervals of time with a label each, for target_at="each": Audacity's label track, or a table with the
            columns start, end and label, and for several recordings file or id. By default, without a target, the .txt
            beside the file, or beside each recording of a folder. A step is in an interval if its time is, see
            `gruvy.data.labels_at`: the number in the column of times, or of sound the end of its window, in seconds.
        background: the label of the steps in no interval, by default "background".
        others: as for `gruvy.sequences`.

    Raises:
        DataError: the path does not exist or is empty, or a .npz, .parquet or .gz file decodes to more bytes than a
            quarter of the memory (or the environment variable GRUVY_MAX_DATA_BYTES); else as for `gruvy.sequences`.
        MissingExtraError: polars is not installed, and the path is a table; or soundfile or kaldi-native-fbank, and it
            is sound.
    """
    stdin, path = str(path) == STDIN, Path(path)
    options = Options(
        id=id,
        time=time,
        target=target,
        features=features,
        group=group,
        ignore=ignore,
        drop=drop,
        wide=wide,
        window=window,
        step=step,
        missing=missing,
        indicator=indicator,
        na=na,
        one_hot=one_hot,
        decimal=decimal,
        encoding=encoding,
        target_at=target_at,
        sound=sound,
        labels=labels,
        background=background,
    )
    if sound is not None and (stdin or not (path.is_dir() or path.suffix.lower() in SOUNDS)):
        raise DataError(f"sound= has no meaning for {path}; expected {', '.join(SOUNDS)} or a folder of them")
    if stdin:
        return _sequences(read_csv(path, encoding=encoding, decimal=decimal), options, path)
    if not path.exists():
        raise DataError(f"{path} does not exist")
    if path.suffix.lower() == ".npz":
        for option in NOT_IN_ARCHIVES:
            value = getattr(options, option)
            if value not in (None, False, (), []):
                raise DataError(f"{option}={value!r} has no meaning for {path}: a .npz file holds whole sequences")
        return read_npz(path)
    if path.is_dir():
        return read_folder(path, options)
    if path.suffix.lower() in SOUNDS:
        return read_one_sound(path, options)
    if ending(path) not in TABLES:
        raise DataError(
            f"{path} has an unknown ending; expected .csv, .tsv, .csv.gz, .tsv.gz, .parquet, .npz, .wav, .flac, .ogg "
            "or a folder"
        )
    return _sequences(read_table(path, encoding=encoding, decimal=decimal), options, without_ending(path))


def _sequences(table: Table, options: Options, beside: Path) -> Sequences:
    """Those of a table; beside it may lie a label track."""
    if options.wide:
        return wide_form(table, options)
    return long_form(table, options, tracks_of(options, beside.with_name(f"{beside.name}{TRACK}")))
