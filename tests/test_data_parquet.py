"""Parquet: one file, and a folder of them."""

from __future__ import annotations

import pytest

from gruvy.data import read
from test_data_files import values

pl = pytest.importorskip("polars")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_parquet(tmp_path):
    frame = pl.DataFrame({"id": ["a", "a", "b"], "x": [1, 2, 3], "label": [1, 1, 0]})
    frame.write_parquet(tmp_path / "data.parquet")
    made = read("data.parquet", target="label")
    assert (values(made), made.y.tolist()) == ([[[1], [2]], [[3]]], [1, 0])


def test_folder_of_parquet_with_different_number_types(tmp_path):
    (tmp_path / "d").mkdir()
    pl.DataFrame({"x": [1, 2]}).write_parquet(tmp_path / "d" / "a.parquet")
    pl.DataFrame({"x": [0.5]}).write_parquet(tmp_path / "d" / "b.parquet")
    (tmp_path / "d" / "c.csv").write_text("x\n7\n")
    assert values(read("d")) == [[[1], [2]], [[0.5]], [[7]]]
