"""A folder of Parquet files read shard by shard: what a pass over it finds, what is refused, and training on it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gruvy
from compare import assert_close
from gruvy.data import Shards, shards
from gruvy.errors import DataError, InputError
from gruvy.model.scaler import Moments, Scaler
from gruvy.training import Batches, ShardBatches
from gruvy.training import batches as in_memory
from small_shards import frame, sequences, written

LABELS = {"id": "id", "target": "label", "ignore": ["number"]}
NUMBERS = {"id": "id", "target": "number", "ignore": ["label"]}
QUICK = {"hidden_units": 8, "max_epochs": 3, "batch_size": 4, "random_state": 0}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shards"


def same(a, b):
    return all((p == q).all() for p, q in zip(a.net_.parameters(), b.net_.parameters(), strict=True))


# The first pass


def test_a_pass_over_all_files_finds_what_one_over_all_sequences_does(folder):
    ids, X, labels, numbers = written(folder, [40, 7, 33])
    found = shards(folder, **LABELS)
    assert (len(found), found.steps) == (80, sum(map(len, X)))
    assert (found.features, found.target) == (["a", "b"], ["label"])
    assert found.classes == {"up": (labels == "up").sum(), "down": (labels == "down").sum()}
    flat = np.concatenate(X)
    assert_close(found.inputs.mean, flat.mean(0))
    assert_close(found.inputs.variance, flat.var(0))
    assert_close(np.stack(found.inputs.scaler()), np.stack([flat.mean(0), flat.std(0)]))
    assert found.notes == ["column 'time' is taken as the time"]
    assert [name for i in range(3) for name in found.read(i).ids] == ids
    assert repr(found) == f"Shards(80 sequences, {len(flat)} steps in 3 files; channels a, b; target label)"
    several = shards(folder, id="id", target=["number", "time"], target_at="last", ignore=["label"])
    assert several.classes is None
    assert_close(several.numbers.mean, np.array([numbers.mean(), np.mean([len(x) - 1 for x in X])]))
    assert len(found.select([0, 2])) == 73


def test_moments_far_from_zero_are_merged_without_loss():
    """The difference of two sums of squares would have lost every digit."""
    values = 1e9 + np.random.default_rng(0).normal(size=(1000, 1))
    parts = [Moments.of(part) for part in np.split(values, [1, 400])]
    merged = parts[0].merged(parts[1]).merged(parts[2])
    exact = np.var((values - 1e9).astype(np.longdouble), 0)
    assert_close(merged.variance, exact.astype(np.float64), "far moments")
    assert merged.amount == 1000
    constant = Moments.of(np.full((5, 1), 0.1)).merged(Moments.of(np.full((3, 1), 0.1)))
    assert constant.scaler().scale.tolist() == Scaler.of(np.full((8, 1), 0.1)).scale.tolist() == [1.0]


def test_whole_numbers_in_one_file_are_text_where_another_has_text(folder):
    written(folder, [6, 6])
    for i, label in enumerate(["7", "x7"]):
        path = folder / f"{i:02d}.parquet"
        pl.read_parquet(path).with_columns(pl.lit(label).alias("label")).write_parquet(path)
    found = shards(folder, **LABELS)
    assert found.classes == {"7": 6, "x7": 6}
    assert set(found.read(0).y) == {"7"}


# What is refused


def changed(path, **columns):
    pl.read_parquet(path).with_columns(**columns).write_parquet(path)


@pytest.mark.parametrize("what", ["columns", "missing", "empty", "twice", "kind", "text", "none", "damaged", "no id"])
def test_what_no_shards_can_be_made_of_is_refused(folder, what):
    written(folder, [5, 5])
    first, second = folder / "00.parquet", folder / "01.parquet"
    given = LABELS
    if what == "columns":
        changed(second, c=pl.lit(1.0))
        told = f"{second} has the features a, b, c; {first} has a, b"
    elif what == "missing":
        pl.read_parquet(second).drop("label").write_parquet(second)
        told = f"{second} has no column 'label' (target); its columns are id, time, a, b, number"
    elif what == "empty":
        pl.read_parquet(second).clear().write_parquet(second)
        told = f"{second} has no rows; at least 1 is expected"
    elif what == "twice":
        changed(second, id=pl.col("id").replace("s1002", "s3"))
        told = f"sequence 's3' is in {first} and in {second}; expected each sequence whole in one file"
    elif what == "kind":
        changed(second, label=pl.lit(True))
        told = f"{second} has booleans as targets, {first} has text; expected one kind in all files"
    elif what == "text":
        changed(second, b=pl.lit("?!"))
        told = f"{second}, column 'b' holds text such as '?!', and features are numbers: say that it is the target"
    elif what == "none":
        first.unlink()
        second.unlink()
        told = f"{folder} holds no .parquet files; expected a folder with at least one"
    elif what == "damaged":
        second.write_bytes(second.read_bytes()[:-20])
        told = f"{second} is not a Parquet file that can be read (no footer at its end)"
    else:
        given = LABELS | {"id": "name"}
        told = f"{first} has no column 'name' (id); its columns are id, time, a, b, label, number"
    with pytest.raises(DataError) as error:
        shards(folder, **given)
    assert str(error.value).startswith(told)


def test_recordings_cut_into_windows_are_whole_in_one_file_too(folder):
    written(folder, [5, 5])
    cut = LABELS | {"window": 2}
    assert len(shards(folder, **cut)) > 10
    changed(folder / "01.parquet", id=pl.col("id").replace("s1002", "s3"))
    with pytest.raises(DataError, match=r"^sequence 's3' is in "):
        shards(folder, **cut)


def test_columns_in_another_order_are_the_same_columns(folder):
    _, X, _, _ = written(folder, [5, 5])
    path = folder / "01.parquet"
    pl.read_parquet(path).select("b", "number", "label", "a", "time", "id").write_parquet(path)
    assert np.array_equal(shards(folder, **LABELS).read(1).x[0], X[5])


def test_a_file_too_large_alone_is_told_how_to_be_cut(folder, monkeypatch):
    written(folder, [5])
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", "100")
    with pytest.raises(DataError) as error:
        shards(folder, **LABELS)
    line = str(error.value).split("; or write smaller files, with whole sequences in each: ")[1]
    loop, body = line.split(": ", 1)
    smaller = folder / "shards"
    smaller.mkdir()
    monkeypatch.chdir(folder)
    exec(f"import polars\n{loop.replace('64', '3')}:\n    {body.replace('64', '3')}")
    monkeypatch.delenv("GRUVY_MAX_DATA_BYTES")
    assert len(shards(smaller, **LABELS)) == 5


def test_a_file_that_changes_later_is_refused(folder):
    written(folder, [5, 5])
    found = shards(folder, **LABELS)
    frame(*sequences(6)).write_parquet(folder / "01.parquet")
    with pytest.raises(DataError, match=r"01\.parquet changed while it was in use; expected the same sequences as at"):
        found.read(1)


@pytest.mark.parametrize(
    ("fit", "told"),
    [
        (lambda s: gruvy.GRUClassifier(class_weight="balanced").fit(s), "class_weight: given with shards"),
        (lambda s: gruvy.GRUClassifier().fit(s, [1]), "y: given with shards, which bring all there is to learn from"),
        (lambda s: gruvy.GRUClassifier(validation_fraction=0.2).fit(s), "validation_fraction, patience: shards are"),
        (lambda s: gruvy.GRUClassifier(batch_size=None).fit(s), "batch_size=None: shards are read one at a time"),
        (lambda s: gruvy.GRURegressor().fit(s), "target 'label' holds text; expected numbers"),
        (lambda s: gruvy.GRU(3, 4, 2).fit(s), "X has 2 channels, the network input_units=3"),
        (lambda s: gruvy.GRU(2, 4, 2).fit(s, task="tag"), 'task=\'tag\': expected "classify" or "regress" for'),
        (lambda s: gruvy.GRU(2, 4, 2).fit(s, sample_weight=[1]), "sample_weight: given with shards"),
    ],
)
def test_what_shards_do_not_go_with(folder, fit, told):
    written(folder, [5, 5])
    with pytest.raises(InputError) as error:
        fit(shards(folder, **LABELS))
    assert str(error.value).startswith(told)


# Training


def test_one_shard_trains_as_the_same_sequences_in_memory_in_the_same_order(folder, monkeypatch):
    _, X, labels, numbers = written(folder, [45])
    real = in_memory.shuffled

    def of_one_shard(lengths, size, rng):
        rng.permutation(1)
        return real(lengths, size, np.random.default_rng(int(rng.integers(2**63, size=1)[0])))

    for estimator, given, y in ((gruvy.GRUClassifier, LABELS, labels), (gruvy.GRURegressor, NUMBERS, numbers)):
        streamed = estimator(**QUICK, dropout=0.2).fit(shards(folder, **given))
        with monkeypatch.context() as patched:
            patched.setattr(in_memory, "shuffled", of_one_shard)
            whole = estimator(**QUICK, dropout=0.2).fit(X, y)
        assert streamed.history_["loss"] == whole.history_["loss"]
        assert same(streamed, whole)
        assert (streamed.predict(X) == whole.predict(X)).all()


def test_shards_train_alike_for_a_seed_and_the_model_is_as_any(folder, tmp_path):
    _, X, labels, _ = written(folder, [20, 11, 9])
    a, b, c = (
        gruvy.GRUClassifier(**QUICK | {"random_state": seed}).fit(shards(folder, **LABELS)) for seed in (3, 3, 4)
    )
    assert a.history_["loss"] == b.history_["loss"] != c.history_["loss"]
    assert same(a, b)
    a.save(tmp_path / "model")
    assert (gruvy.load(tmp_path / "model").predict(X) == a.predict(X)).all()
    net = gruvy.GRU(2, 8, 2).fit(shards(folder, **LABELS), validation=(X, labels), max_epochs=3, seed=0, progress=False)
    assert net.history["val_score"][net.history.best - 1] > 0.4
    assert isinstance(shards(folder, **LABELS), Shards)


def numbered(counts):
    """Shards of sequences of unequal length that hold their own number."""
    ends = np.cumsum(counts)

    def load(i):
        rows = range(ends[i] - counts[i], ends[i])
        return Batches([np.full((1 + row % 5, 1), row, np.float32) for row in rows], np.zeros(counts[i], np.int64))

    return ShardBatches(counts, load, [], int(sum(counts)))


@pytest.mark.parametrize("counts", [[7], [5, 1, 30, 8], [3] * 6])
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_every_sequence_comes_once_in_as_many_steps_of_all_processes(counts, processes, size):
    data = numbered(counts)
    if processes > len(counts):
        with pytest.raises(
            InputError, match=rf"^{processes} processes for {len(counts)} shards; expected a shard for "
        ):
            data.steps(size, np.random.default_rng(0), 0, processes)
        return
    rngs = [np.random.default_rng(0) for _ in range(processes)]
    drawn = [data.steps(size, rng, rank, processes) for rank, rng in enumerate(rngs)]
    together = [list(steps) for _, steps in drawn]
    rows = [step.batch.x[:, 0, 0].int().tolist() for steps in together for step in steps if step.counts]
    assert sorted(row for batch in rows for row in batch) == list(range(sum(counts)))
    assert {len(steps) for steps in together} == {count for count, _ in drawn}
    assert len({c for c, _ in drawn}) == 1
    for each in zip(*together, strict=True):
        assert {step.amount for step in each} == {sum(len(step.batch.x) for step in each if step.counts)}
        assert size < processes or each[0].amount <= size
    assert len({rng.bit_generator.state["state"]["state"] for rng in rngs}) == 1
    for skip in (1, len(together[0]) // 2, len(together[0])):
        for rank in range(processes):
            rest = list(data.steps(size, np.random.default_rng(0), rank, processes, skip)[1])
            wanted = together[rank][skip:]
            assert [s.batch.x.tolist() for s in rest] == [s.batch.x.tolist() for s in wanted]
            assert [(s.amount, s.counts) for s in rest] == [(s.amount, s.counts) for s in wanted]


def test_two_shards_at_most_are_held_and_what_is_skipped_is_not_read():
    data, loaded = numbered([4] * 6), []
    load = data.load
    data.load = lambda i: (loaded.append(i), load(i))[1]
    _, steps = data.steps(2, np.random.default_rng(0), 0, 1, skip=7)
    next(steps)
    steps.close()
    assert 1 <= len(loaded) <= 2
