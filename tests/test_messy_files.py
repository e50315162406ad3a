"""Thirty files as people have them: each is read as a table written by hand, or refused in one clear line."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from gruvy.data import read
from gruvy.errors import DataError

pytest.importorskip("polars")

TABLE = {"a": [[1.5, 2], [3, -4]], "b": [[5, 60]]}  # x and y at the steps of each sequence
PLAIN = "id,t,x,y,label\na,0,1.5,2,up\na,1,3,-4,up\nb,0,5,60,down\n"
ON = {"a": [[1, 1], [2, 0]], "b": [[3, 1]]}
COLOURS = {"a": [[1, 0, 1], [2, 1, 0]], "b": [[3, 0, 1]]}
GAPS = "id,t,x,y,label\na,0,{},2,up\na,1,{},3,up\na,2,{},4,up\nb,0,7,5,down\n"
ONE, TWO = [[7, 5]], "is taken as the id"


def filled(*x: float) -> dict[str, Any]:
    """GAPS with these values of x in sequence a."""
    return {"a": [[value, 2 + t] for t, value in enumerate(x)], "b": ONE}


def latin(text: str) -> bytes:
    return text.encode("latin-1")


# name of the file, its content, the options; the table and the note, or the error
FILES: dict[str, tuple[str, str | bytes, dict[str, Any], dict[str, Any] | str, str]] = {
    "commas": ("f.csv", PLAIN, {}, TABLE, TWO),
    "semicolons": ("f.csv", PLAIN.replace(",", ";"), {}, TABLE, TWO),
    "tabs": ("f.tsv", PLAIN.replace(",", "\t"), {}, TABLE, TWO),
    "a byte order mark": ("f.csv", "\ufeff" + PLAIN, {}, TABLE, TWO),
    "Windows line ends": ("f.csv", PLAIN.replace("\n", "\r\n"), {}, TABLE, TWO),
    "blank lines": ("f.csv", "\n" + PLAIN.replace("\n", "\n\n") + " \n", {}, TABLE, TWO),
    "quoted cells": ("f.csv", '"id","t","x","y","label"\n' + "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in PLAIN.splitlines()[1:]), {}, TABLE, TWO),
    "a comma and a line end in quotes": (
        "f.csv", PLAIN.replace("up", '"up, and\nup"').replace("label", '"the ""label"""'),
        {"target": 'the "label"'}, TABLE, TWO),
    "spaces around cells": ("f.csv", PLAIN.replace(",", " , "), {}, TABLE, TWO),
    "separators at the end of each line": (
        "f.csv", PLAIN.replace("\n", ",,\n"), {}, TABLE, "2 columns at the end without a name or a value left out"),
    "separators at the end of the rows alone": (
        "f.csv", PLAIN.replace("\n", ",\n").replace("label,", "label"), {},
        "f.csv has a row with more cells than its first line has, 5", ""),
    "packed": ("f.csv.gz", gzip.compress(PLAIN.encode()), {}, TABLE, TWO),
    "packed and cut short": (
        "f.csv.gz", gzip.compress(PLAIN.encode())[:40], {},
        "f.csv.gz is not a gzip file that can be read (Compressed file ended before the end-of-stream marker was "
        "reached)", ""),
    "standard input": ("-", PLAIN, {}, TABLE, TWO),
    "an index column": (
        "f.csv", "".join(f"{n},{line}\n" for n, line in zip(["", 0, 1, 2], PLAIN.splitlines(), strict=True)), {}, TABLE,
        "column '', which counts the rows, is left out"),
    "an index column written twice and one by name": (
        "f.csv", "Unnamed: 0.1,Unnamed: 0,index,id,x,y,label\n" + "".join(
            f"{n},{n},{n},{row}\n" for n, row in enumerate(("a,1.5,2,up", "a,3,-4,up", "b,5,60,down"))), {}, TABLE,
        "column 'index', which counts the rows, is left out"),
    "a column called index that does not count": (
        "f.csv", "id,index,y,label\na,1.5,2,up\na,3,-4,up\nb,5,60,down\n", {}, TABLE, TWO),
    "an index column and nothing else": (
        "f.csv", ",id,label\n0,a,up\n1,a,up\n", {},
        "f.csv has no column left for features; its columns are , id, label", ""),
    "times with a point where numbers have a comma": (
        "f.csv", "id;t;x\na;1.5;2,5\n", {"decimal": ",", "target": None},
        "f.csv, column 't' (time): '1.5' is neither a number nor part of a column of dates or times", ""),
    "decimal commas": (
        "f.csv", "id;t;x;y;label\na;0;1,5;2;up\na;1;3,0;-4;up\nb;0;5;6e1;down\n", {}, TABLE,
        "its numbers are read with a decimal comma"),
    "decimal commas in the only column": (
        "f.csv", "x\n0,5\n\n2\n", {"target": None, "window": 9, "missing": "linear"}, {"f[0:3]": [[0.5], [1.25], [2]]},
        "its numbers are read with a decimal comma"),
    "decimal commas or thousands": (
        "f.csv", "id;x\na;1,500\na;2,250\n", {"target": None},
        "f.csv, line 2, column 'x': '1,500' is not a number; decimal=',' (--decimal ,) reads it as one", ""),
    "decimal commas by word": (
        "f.csv", "id;x;z\na;1,500;u\na;2,250;v\n", {"decimal": ",", "target": None, "drop": "z"},
        {"a": [[1.5], [2.25]]}, TWO),
    "Latin-1": (
        "f.csv", latin(PLAIN.replace("a,", "\xe4,").replace("b,", "\xdf,")), {},
        {"\xe4": TABLE["a"], "\xdf": TABLE["b"]}, "it is not UTF-8 and is read as Latin-1 (--encoding names another)"),
    "UTF-16": (
        "f.csv", PLAIN.encode("utf-16"), {},
        'f.csv is not UTF-8 text but UTF-16: say encoding="utf-16" (--encoding utf-16)', ""),
    "booleans in mixed case": (
        "f.csv", "id,x,on,label\na,1,True,up\na,2,FALSE,up\nb,3,true,down\n", {}, ON,
        "true and false in column 'on' are read as 1 and 0"),
    "text columns": (
        "f.csv", "id,x,colour,label\na,1,red,up\na,2,blue,up\nb,3,red,down\n", {"one_hot": "colour"}, COLOURS, TWO),
    "text columns without a word": (
        "f.csv", "id,x,colour,label\na,1,red,up\na,2,blue,up\nb,3,red,down\n", {},
        "f.csv, column 'colour' holds text such as 'red', and features are numbers: say that it is the target "
        "(--target) or the group (--group), leave it out (--drop), make one channel of each text (--one-hot), or "
        "choose the features (--features)", ""),
    "dates out of order": (
        "f.csv", "id,date,x,y,label\na,2024-03-01,3,-4,up\nb,2024-01-01,5,60,down\na,2024-02-28,1.5,2,up\n", {}, TABLE,
        "column 'date' is taken as the time"),
    "a column person_id": ("f.csv", PLAIN.replace("id,", "person_id,", 1), {}, TABLE,
        "column 'person_id' is taken as the id, as no other ends in _id"),
    "two columns _id": (
        "f.csv", "person_id,case_id,x\n1,1,2\n", {"target": None},
        "f.csv has no column that tells sequences apart: name it with id= (--id), or say wide=True (--wide) for one "
        "sequence per row, or window= (--window) to cut one long recording", ""),
    "a name twice": ("f.csv", PLAIN.replace("y", "x"), {}, "f.csv has two columns called 'x'", ""),
    "an empty column": (
        "f.csv", "id,x,z,label\na,1,,up\na,2,,up\n", {"missing": "forward"},
        "f.csv, column 'z' holds no value: drop='z' (--drop z) leaves it out, missing=\"zero\" (--missing zero) "
        "takes 0", ""),
    "one row an id": ("f.csv", "id,x,y,label\na,1.5,2,up\nb,5,60,down\n", {}, {"a": [[1.5, 2]], "b": [[5, 60]]}, TWO),
    "gaps at the start": ("f.csv", GAPS.format("", "NA", 9), {"missing": "backward"}, filled(9, 9, 9), TWO),
    "gaps in the middle": ("f.csv", GAPS.format(1, "?", 9), {"missing": "linear"}, filled(1, 5, 9), TWO),
    "gaps at the end": (
        "f.csv", GAPS.format(1, 2, "-999.0"), {"missing": "mean", "na": "-999"}, filled(1, 2, 1.5), TWO),
    "gaps at the start and no way": (
        "f.csv", GAPS.format("", 2, 3), {"missing": "forward"},
        "f.csv, line 2: sequence 'a' has no value at step 0, feature 'x', and none before it to carry forward; "
        'missing="linear", "mean" or "zero" (--missing) fills it, "drop" leaves the sequence out', ""),
    "gaps and no wish to fill them": (
        "f.csv", GAPS.format(1, "", 3), {"missing": "drop"}, {"b": ONE},
        "1 of 2 sequences left out for their gaps: a"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_messy_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, text, options, wanted, note = FILES[name]
    content = text if isinstance(text, bytes) else text.encode()
    if file == "-":
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    else:
        Path(file).write_bytes(content)
    options = {"target": "label", **options}
    if isinstance(wanted, str):
        with pytest.raises(DataError) as refusal:
            read(file, **options)
        assert str(refusal.value) == wanted
        return
    made = read(file, **options)
    assert made.ids == list(wanted)
    for x, values in zip(made.x, wanted.values(), strict=True):
        assert x.tolist() == values
    assert any(note in told for told in made.notes)
    labels = {"a": "up", "b": "down", "\xe4": "up", "\xdf": "down"}
    if made.y is not None and "line end" not in name:
        assert made.y.tolist() == [labels[id] for id in wanted]


def test_there_are_thirty() -> None:
    assert len(FILES) >= 30
