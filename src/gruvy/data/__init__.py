"""Files, frames and arrays to sequences; splits that keep a group on one side; data sets by name.

The way of the data: `files` takes any path, and has a folder read by `folder`, a table by `table_files` (text through
`text_files`), an archive by `npz`; `frames` takes a frame; `sound` has recordings of sound, `intervals` the labels of
stretches of time. A `table` and its `options` go through `long_form`, with `categories`, or `wide_form` to `steps`, of
which `assembly`, with `gaps`, makes the `Sequences` of `collection`. Tables need polars, `splits` scikit-learn, a data
set its package; all else has NumPy alone.
`fetched` brings the one that lies on the internet. Nothing else here writes a file.
"""

from __future__ import annotations

from gruvy.arrays import as_sequences, check_targets
from gruvy.data.collection import Sequences
from gruvy.data.fetched import fetch
from gruvy.data.files import read
from gruvy.data.frames import sequences
from gruvy.data.intervals import labels_at
from gruvy.data.named import Dataset, Entry, load, names
from gruvy.data.shard_files import Shards, shards
from gruvy.data.sound import OnlineFeatures, Sound, features_of, read_sound
from gruvy.data.splits import guess_task, split, split_in_time
from gruvy.data.synthetic import adding, addition, all_sums, from_bits, random_sums, to_bits
from gruvy.model.sound import SoundFeatures

__all__ = [
    "Dataset",
    "Entry",
    "OnlineFeatures",
    "Sequences",
    "Shards",
    "Sound",
    "SoundFeatures",
    "adding",
    "addition",
    "all_sums",
    "as_sequences",
    "check_targets",
    "features_of",
    "fetch",
    "from_bits",
    "guess_task",
    "labels_at",
    "load",
    "names",
    "random_sums",
    "read",
    "read_sound",
    "sequences",
    "shards",
    "split",
    "split_in_time",
    "to_bits",
]
