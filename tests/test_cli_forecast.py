"""`gruvy train --task forecast` and `gruvy forecast`: real files in, forecasts out."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

import gruvy
from cli_help import call, shell_without

pytest.importorskip("polars", reason="polars is not installed")

SHOPS = ["--target", "sold", "--id", "shop", "--time", "day", "--known-ahead", "open", "--horizon", "3"]
QUICK = ["--hidden-units", "2", "--max-epochs", "1"]


def write(path: Path, rows: list[list[object]]) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def shop_rows(ahead: int) -> list[list[object]]:
    """Two shops, 50 days and so many more of which only is known whether they are open."""
    rows: list[list[object]] = [["shop", "day", "sold", "open"]]
    for shop in ("north", "south"):
        for d in range(50 + ahead):
            sold = 20 + d % 7 + 3 * d % 5 if d < 50 else ""
            rows.append([shop, f"{date(2024, 1, 1) + timedelta(d):%d/%m/%Y}", sold, int(d % 7 != 6)])
    return rows


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with shops.csv, a forecaster of it and what its training said."""
    here = tmp_path_factory.mktemp("shops")
    write(here / "shops.csv", shop_rows(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        done = call("train", "shops.csv", "--task", "forecast", *SHOPS, "--season", "7", *QUICK)
        assert done.exit_code == 0, done.output
        (here / "said.txt").write_text(done.stdout)
    return here


def test_training_shows_the_simple_forecasts_beside(trained: Path) -> None:
    said = (trained / "said.txt").read_text()
    assert "shops.csv: 2 series of 50 steps; target sold; known ahead open" in said
    assert "Judged on the last 10 steps, trained on those before:" in said
    names = [line.split("  ")[0] for line in said.splitlines()]
    assert {"gruvy", "last value", "seasonal last value", "drift"} <= set(names)
    assert "gruvy forecast model.safetensors shops.csv -o forecast.csv" in said
    assert (trained / "model.history.csv").is_file()


def test_forecast_answers_as_python_does(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    done = call("forecast", "model.safetensors", "shops.csv", "-o", "out.csv")
    assert done.exit_code == 0, done.output
    assert done.stderr == "3 steps of 2 series forecast in out.csv, with intervals that hold 80 %\n"
    with open("out.csv") as file:
        head, *rows = list(csv.reader(file))
    assert head == ["id", "step", "time", "sold", "sold_lower", "sold_upper"]
    # of 50 days, 31 lie in January and 19 in February
    assert [row[:3] for row in rows[:3]] == [["north", str(k), f"2024-02-{19 + k}"] for k in (1, 2, 3)]
    f = gruvy.GRUForecaster.load("model.safetensors")
    found = gruvy.forecast.panel("shops.csv", target="sold", id="shop", time="day", known=["open"])
    said = f.predict(found)
    expected = np.stack([said.median, said.lower, said.upper], axis=-1).reshape(-1, 3)
    assert [row[3:] for row in rows] == [[f"{v:.7g}" for v in row] for row in expected]


def test_json_holds_what_is_printed(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    done = call("train", "shops.csv", "--task", "forecast", *SHOPS, *QUICK, "-o", "j.safetensors", "--json")
    assert "shops.csv: 2 series of 50 steps" in done.stderr
    told = json.loads(done.stdout)
    assert (told["task"], told["series"], told["test"]["steps"], told["model"]) == ("forecast", 2, 10, "j.safetensors")
    assert set(told["test"]["mase"]) == {"gruvy", "last value", "drift"}
    assert told["test"]["interval"][0] <= told["test"]["coverage"] <= told["test"]["interval"][1]
    table = list(csv.DictReader(call("forecast", "model.safetensors", "shops.csv").stdout.splitlines()))
    packed = gzip.compress((trained / "shops.csv").read_bytes())
    (trained / "shops.csv.gz").write_bytes(packed)
    answers = json.loads(call("forecast", "model.safetensors", "shops.csv.gz", "--json").stdout)["forecasts"]
    assert [(one["id"], str(one["step"]), one["time"]) for one in answers] == [
        (row["id"], row["step"], row["time"]) for row in table
    ]
    assert [one["sold_upper"] for one in answers] == [float(row["sold_upper"]) for row in table]
    told = json.loads(call("forecast", "model.safetensors", "shops.csv", "--json", "-o", "j.csv").stdout)
    assert (told["output"], told["level"], "forecasts" in told) == ("j.csv", 0.8, False)


def test_forecasts_need_no_torch(trained: Path) -> None:
    done = shell_without(["torch", "sklearn"], "forecast", "model.safetensors", "shops.csv", cwd=trained)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "id,step,time,sold,sold_lower,sold_upper"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["train", "shops.csv", "--task", "forecast", "--horizon", "3"],
         "--task forecast: name the column to forecast with --target"),
        (["train", "shops.csv", "--task", "forecast", "--target", "sold"],
         "--task forecast: say how many steps to forecast with --horizon"),
        (["train", "shops.csv", "--task", "forecast", *SHOPS, "--bidirectional"],
         "--bidirectional has no meaning with --task forecast"),
        (["train", "shops.csv", "--target", "sold", "--season", "7"],
         "--season has no meaning without --task forecast"),
        (["train", "shops.csv", "--task", "forecast", "--target", "sold", "--time", "day", "--horizon", "3"],
         "shops.csv, line 55: series 'shops' has two rows of one time, 01/01/2024; expected one, and the column that "
         "tells series apart as --id"),
        (["train", "here", "--task", "forecast", *SHOPS],
         "here: expected a file of series to forecast from, .csv, .tsv, .csv.gz, .tsv.gz, .parquet"),
        (["forecast", "model.safetensors", "shops.csv", "--horizon", "9"],
         "--horizon 9: longer than trained; expected at most 3"),
        (["forecast", "model.safetensors", "short.csv"],
         "known: series 'north' has the values of 2 steps to come; expected 3"),
        (["forecast", "model.safetensors", "model.safetensors"],
         "model.safetensors: expected a file of series to forecast from, .csv, .tsv, .csv.gz, .tsv.gz, .parquet"),
        (["predict", "model.safetensors", "shops.csv"],
         "model.safetensors is a forecaster: `gruvy forecast` answers with it"),
        (["stream", "model.safetensors"], "model.safetensors is a forecaster: `gruvy forecast` answers with it"),
        (["forecast", "model.safetensors", "shops.csv", "-o", "shops.csv"],
         "--output shops.csv would overwrite the data"),
    ],
)  # fmt: skip
def test_what_is_refused(trained: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], text: str) -> None:
    monkeypatch.chdir(trained)
    write(trained / "short.csv", shop_rows(2))
    done = call(*arguments)
    assert done.exit_code == 1
    assert done.stderr == f"gruvy: {text}\n"
