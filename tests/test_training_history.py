"""The history as a file, and the bar."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from gruvy.training import history as reports
from test_training import fitted, problem


def test_history_goes_to_a_file(tmp_path):
    X, y = problem(20, seed=1)
    _, history = fitted(validation=(X, y))
    history.write_csv(tmp_path / "history.csv")
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "val_score", "learning_rate", "seconds"]
    assert [float(r["val_loss"]) for r in rows] == history["val_loss"]
    _, history = fitted()
    history.write_csv(tmp_path / "history.csv")
    assert next(iter(csv.DictReader((tmp_path / "history.csv").read_text().splitlines())))["val_loss"] == ""


@pytest.mark.parametrize(
    ("terminal", "progress", "wanted"),
    [
        (True, None, ["epoch", "20/20", "loss"]),
        (True, "GRU", ["GRU", "20/20", "loss"]),
        (True, False, []),
        (False, None, []),
        (False, False, []),
        (False, True, ["epoch 2/20  loss", "epoch 20/20  loss"]),
        (False, "GRU", ["GRU 20/20  loss"]),
    ],
)
def test_the_bar_knows_where_it_is(monkeypatch, terminal, progress, wanted):
    page = io.StringIO()
    made = SimpleNamespace(last=None)

    def console(stderr):
        assert stderr
        made.last = Console(file=page, force_terminal=terminal, width=120)
        return made.last

    monkeypatch.setattr(reports, "Console", console)
    fitted(max_epochs=20, progress=progress)
    shown = page.getvalue()
    assert all(text in shown for text in wanted)
    assert bool(shown) == bool(wanted)
    if not terminal and wanted:
        assert len(shown.splitlines()) == 10
        assert "\x1b" not in shown
