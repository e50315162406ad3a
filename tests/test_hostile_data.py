"""Data files made to harm: each is refused in one line, before it costs anything."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruvy.data import read
from gruvy.data.parquet_size import decoded_size
from gruvy.errors import DataError, Error
from mutations import KINDS, STEPS, mutated, npy, npz

pl = pytest.importorskip("polars")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refuses(path, text, **options):
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        read(path, **options)


def archive(members, how=zipfile.ZIP_STORED):
    with zipfile.ZipFile("a.npz", "w", how) as file:
        for name, content in members:
            file.writestr(name, content)
    return Path("a.npz")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (npy((5 * 10**11,), "<U0"), "X declares shape (500000000000,) of <U0, its content has 0 bytes"),
        (npy((10**9, 1)), "X declares shape (1000000000, 1) of float64, its content has 0 bytes"),
        (npy((10**12, 0)), "X declares shape (1000000000000, 0) of float64, its content has 0 bytes"),
        (npy((-1, -1), content=bytes(8)), "X declares shape (-1, -1) of float64, its content has 8 bytes"),
        (npy((1, 1), content=bytes(80)), "X declares shape (1, 1) of float64, its content has 80 bytes"),
        (npy((1, 1), "<V8", bytes(8)), "X has shape (1, 1) and dtype |V8; expected numbers or text"),
        (
            npy((1,), "|O", b"cos\nsystem\n(S'touch harmed'\ntR."),
            "X holds Python objects, which are not loaded; expected numbers, and for sequences of unequal length "
            "values (all steps, I) and lengths (N,)",
        ),
    ],
    ids=["no bytes", "absent", "no steps", "negative", "too many", "bytes", "objects"],
)
def test_npz_that_declares_what_is_not_there(content, text):
    archive([("X.npy", content)])
    refuses("a.npz", f"a.npz: {text}")
    archive([("X.npy", content)], zipfile.ZIP_DEFLATED)
    refuses("a.npz", f"a.npz: {text}")
    assert not Path("harmed").exists()


def test_npz_bombs(monkeypatch):
    Path("a.npz").write_bytes(npz(X=np.zeros((1000, 100))))
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", "800000")
    said = "a.npz decodes to 800,128 bytes, expected at most 800,000; set GRUVY_MAX_DATA_BYTES to read it all the same"
    refuses("a.npz", said)
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", "800128")
    assert len(read("a.npz")) == 1000
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", "much")
    with pytest.raises(Error, match=r"^GRUVY_MAX_DATA_BYTES='much': expected a number of bytes$"):
        read("a.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_npz_oddities():
    good = npy((1, 1), content=bytes(8))
    archive([("X.npy", good), ("X.npy", good)])
    refuses("a.npz", "a.npz holds two arrays of one name; expected each once")
    archive([("X.npy", good)], zipfile.ZIP_BZIP2)
    refuses("a.npz", "a.npz: X is compressed in a way that NumPy does not write")
    archive([("X.npy", b"nothing")])
    refuses("a.npz", "a.npz is not a .npz file that can be read")
    np.savez("a.npz", X=np.zeros((1, 1)), ids=np.array(3))
    refuses("a.npz", "a.npz: ids has shape () and dtype int64; expected one axis of numbers or text")
    np.savez("a.npz", values=np.zeros(2), lengths=np.array([2**63, 2**63 + 2], np.uint64))
    refuses("a.npz", "a.npz: lengths add up to 18446744073709551618 steps, values has 2")
    content = bytearray(npz(X=np.random.default_rng(0).normal(size=(9, 9))))
    content[120:160] = b"\xff" * 40
    Path("a.npz").write_bytes(content)
    refuses("a.npz", "a.npz is not a .npz file that can be read")
    with zipfile.ZipFile("a.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("X.npy", good)
    content = Path("a.npz").read_bytes()
    at = content.index(b"PK\x01\x02") + 24
    Path("a.npz").write_bytes(content[:at] + (2**31).to_bytes(4, "little") + content[at + 4 :])
    refuses("a.npz", "a.npz: X.npy declares 2,147,483,648 bytes, more than the file holds")


LONG = "1" * 5000


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        ("id," + "x" * 200_000 + "\na,1\n", {},
         "a.csv: its first line cannot be divided into cells (field larger than field limit (131072))"),
        (b"id,x\0\na,1\n", {}, "a.csv is not text: its first line holds control characters"),
        (f"id,x\na,{LONG}\n", {},
         "a.csv, line 2: sequence 'a' has infinity at step 0, feature 'x'; every value must be finite"),
        (f"id,x,y\na,1,1\nb,1,{LONG}\n", {"target": "y"},
         "a.csv, line 3: sequence 'b' has infinity as target 'y'; every value must be finite"),
        ("id,x\ra,1\r", {}, "a.csv has lines that end as on an old Macintosh; expected them to end with a line feed"),
        ('id,x\n"a,1\n', {}, 'a.csv has a cell with a quotation mark (") at one end alone'),
        ("id,x\na,1\n".encode("utf-16"), {},
         'a.csv is not UTF-8 text but UTF-16: say encoding="utf-16" (--encoding utf-16)'),
        (",,,\n1,2,3,4\n", {"wide": True}, "a.csv has two columns called ''"),
    ],
)  # fmt: skip
def test_csv(content, options, text):
    Path("a.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    refuses("a.csv", text, **options)


def test_a_column_with_a_number_of_5000_digits():
    Path("a.csv").write_text(f"id,x_{LONG}\na,1\n")
    assert read("a.csv", wide=True).x[0].tolist() == [[1]]


def test_a_compressed_csv_is_not_unpacked():
    import zlib

    packed = zlib.compressobj(0)
    Path("a.csv").write_bytes(packed.compress(b"id,x\na,1\n") + packed.flush())
    with pytest.raises(DataError, match=r"^a\.csv is not (UTF-8 )?text"):
        read("a.csv")


@pytest.mark.parametrize("column", ["(recording)", "(label)"])
@pytest.mark.parametrize("name", ["u/a.csv", "labels.csv"])
def test_columns_named_as_our_own(column, name):
    os.makedirs("d/u")
    Path("d/u/a.csv").write_text("x\n1\n")
    Path("d", name).write_text(f"id,{column}\na,1\n")
    refuses("d", f"d/{name} has a column {column!r}, a name kept for gruvy; expected another")


def test_names_that_are_no_utf8():
    strange = os.fsdecode(b"\xff")
    pl.DataFrame({"id": ["a"], "x": [1]}).write_parquet("good.parquet")
    os.rename("good.parquet", f"{strange}.parquet")
    Path(f"{strange}.csv").write_text("id,x\na,1\n")
    os.mkdir("d")
    Path(f"d/{strange}.csv").write_text("x\n1\ntwo\n")
    for name in (f"{strange}.csv", f"{strange}.parquet"):
        assert read(name).x[0].tolist() == [[1]]
    refuses("d", r"d/\xff.csv, line 3, column 'x': 'two' is not a number; if it means a gap: na= (--na)")
    Path(f"d/{strange}.csv").write_text("x\n1\n")
    assert read("d").ids == [r"\xff"]


def test_a_name_with_a_star_is_one_file():
    for name in ("a*.csv", "ab.csv"):
        Path(name).write_text("id,x\na,1\n")
    assert len(read("a*.csv").x[0]) == 1


def test_a_folder_in_itself():
    os.mkdir("d")
    Path("d/a.csv").write_text("x\n1\n")
    os.symlink(".", "d/loop")
    assert read("d").ids == ["a"]


@pytest.mark.parametrize("values", [[[1], [2]], [b"\xff", b"a"], [{"a": 1}, {"a": 2}]], ids=["lists", "bytes", "dicts"])
@pytest.mark.parametrize(("column", "option"), [("id", "id"), ("y", "target"), ("t", "time")])
def test_parquet_with_cells_that_are_no_single_value(values, column, option):
    frame = pl.DataFrame({"id": ["a", "b"], "t": [1, 2], "x": [1, 2], "y": [1, 2], column: values})
    frame.write_parquet("a.parquet")
    said = f"a.parquet, column {column!r} ({option}) holds {frame[column].dtype}; expected one number or text per row"
    refuses("a.parquet", said, target="y")


def parquet(**options):
    frame = pl.DataFrame({"id": ["aaaa"] * 99 + ["bbbb"], "x": np.arange(100.0), "y": [True, False] * 50})
    frame.write_parquet("a.parquet", **options)
    return Path("a.parquet")


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "uncompressed"])
def test_parquet_says_what_it_decodes_to(compression):
    size = decoded_size(parquet(compression=compression, row_group_size=30))
    assert 100 * (16 + 8 + 1) <= size <= 100 * 3 * 16 + 8 * 4000


def test_parquet_bombs(monkeypatch):
    n = 10**6
    pl.DataFrame({"id": ["a"] * n, "x": np.zeros(n)}).write_parquet("a.parquet")
    assert Path("a.parquet").stat().st_size < 10**5
    monkeypatch.setenv("GRUVY_MAX_DATA_BYTES", str(8 * n))
    with pytest.raises(DataError, match=r"^a\.parquet decodes to [\d,]+ bytes, expected at most 8,000,000; set GRUVY_"):
        read("a.parquet")


def test_parquet_with_text_that_is_no_utf8():
    path = parquet(compression="uncompressed")
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"a\xff\xfea"))
    with pytest.raises(DataError, match=r"^a\.parquet is not a Parquet file that can be read \("):
        read("a.parquet")


def test_memory_stays_near_the_size_of_the_file():
    archive([("X.npy", npy((10**9, 1)))])
    zeros = io.BytesIO()
    np.lib.format.write_array(zeros, np.zeros((2 * 10**7, 1)))
    archive([("X.npy", zeros.getvalue())], zipfile.ZIP_DEFLATED).rename("bomb.npz")
    del zeros
    n = 4 * 10**6
    frame = pl.DataFrame({"id": ["a"] * n, **{f"x{i}": np.zeros(n) for i in range(4)}})
    frame.write_parquet("bomb.parquet")
    program = """if True:
        import resource, sys
        import polars
        from gruvy.data import read
        from gruvy.errors import DataError
        polars.DataFrame({"x": [1]}).write_parquet("small.parquet")
        polars.read_parquet("small.parquet")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for name in sys.argv[1:]:
            try:
                read(name)
            except DataError as error:
                print(error)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    run = subprocess.run(
        [sys.executable, "-c", program, "a.npz", "bomb.npz", "bomb.parquet"],
        capture_output=True, text=True, check=True, env={**os.environ, "GRUVY_MAX_DATA_BYTES": "100000000"},
    )  # fmt: skip
    *said, megabytes = run.stdout.splitlines()
    assert len(said) == 3
    assert int(megabytes) < 100


CHANGES = st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=200)
@given(kind=st.sampled_from(["csv", "npz", "parquet"]), changes=CHANGES)
def test_mutated_data(tmp_path_factory, kind, changes):
    os.chdir(tmp_path_factory.mktemp("m"))
    if kind == "csv":
        Path("a.csv").write_text(STEPS)
    elif kind == "npz":
        Path("a.npz").write_bytes(
            npz(values=np.arange(6.0).reshape(3, 2), lengths=[2, 1], y=["u", "v"], ids=["p", "q"])
        )
    else:
        parquet(compression="uncompressed")
    path = Path(f"a.{kind}")
    path.write_bytes(mutated(path.read_bytes(), changes))
    options = {
        "csv": {"target": "label", "target_at": "last"},
        "npz": {},
        "parquet": {"target": "y", "target_at": "last"},
    }
    try:
        made = read(path, **options[kind])
    except Error:
        return
    assert len(made) == len(made.ids)
