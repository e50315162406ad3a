"""`gruvy demo`: what it shows is what it measured, and it owns up when something fails."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import gruvy
import gruvy.cli.demo.acts
from cli_help import call, rows, shell
from gruvy.cli.app import out
from gruvy.cli.demo import addition as act_one
from gruvy.cli.demo import inside
from gruvy.data import addition, load, random_sums


@pytest.mark.slow
def test_the_demo_and_what_it_says_to_type_next(tmp_path: Path) -> None:
    done = shell("demo", cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr
    told = done.stdout

    assert "\n" + gruvy.GRU(2, 16, 1).equations().text + "\n" in told
    assert "it has 100% of them right" in told
    assert "  1024 + 16 = 1040\n" in told
    share = re.search(r"of 10,000 random sums, ([\d.]+)% are right in every one of their 21 bits", told)
    assert share
    assert float(share[1]) >= 99

    accuracy = {name: float(re.search(rf"^{name} +([\d.]+)%", told, re.MULTILINE)[1])  # type: ignore[index]
                for name in ("gruvy's GRU", "torch's tanh RNN", "torch's LSTM", "majority vote")}  # fmt: skip
    assert accuracy["gruvy's GRU"] >= 98.5
    assert accuracy["majority vote"] == 10.0  # 60 of each digit are held out
    assert 50 < accuracy["torch's tanh RNN"] < accuracy["gruvy's GRU"]
    assert accuracy["torch's LSTM"] > 95

    # The model that was saved is the one that was judged, and the table shows its answers.
    unseen = load("spoken-digits").test
    answers = gruvy.load(tmp_path / "spoken-digits.safetensors").predict(unseen.x)
    assert round(100 * np.mean(answers == unseen.y), 1) == accuracy["gruvy's GRU"]
    table = [line.split()[1:] for line in told.splitlines() if re.match(r" \d +[\d·]", line)]
    counts = np.array([[int(cell.replace("·", "0")) for cell in row] for row in table])
    assert counts.shape == (10, 10)
    assert counts.sum(axis=1).tolist() == [60] * 10
    assert np.trace(counts) == np.sum(answers == unseen.y)

    assert len(re.findall(r"^     unit +\d+    [ ░▒▓█]+$", told, re.MULTILINE)) == 2 * inside.ROWS

    commands = [shlex.split(line) for line in told.partition("Most worth typing next")[2].strip().splitlines()]
    assert [words[1] for words in commands] == ["explain", "train", "predict"]
    for words in commands:
        assert words[0] == "gruvy"
        again = shell(*words[1:], cwd=tmp_path)
        assert again.returncode == 0, again.stderr
    assert (tmp_path / "digits.html").stat().st_size > 100_000
    assert [row[1] for row in rows((tmp_path / "predictions.csv").read_text())[1:]] == [str(a) for a in answers]


def test_every_bit_counts() -> None:
    """One wrong bit makes a sum wrong."""

    class Adder:
        """Adds, but gets the bits at these places wrong."""

        def __init__(self, wrong: list[tuple[int, int]]) -> None:
            self.wrong = wrong

        def predict(self, x: list[np.ndarray]) -> list[np.ndarray]:
            bits = [np.array([int(d) for d in np.binary_repr(int(a @ p) + int(b @ p), len(p))[::-1]])
                    for a, b in (s.T.astype(int) for s in x) for p in [1 << np.arange(len(x[0]))]]  # fmt: skip
            for i, step in self.wrong:
                bits[i][step] ^= 1
            return bits

    sums = random_sums(5, 20, seed=3)
    assert act_one.every_bit(Adder([]), sums).tolist() == [True] * 5  # type: ignore[arg-type]
    assert act_one.every_bit(Adder([(1, 0), (4, 20)]), sums).tolist() == [True, False, True, True, False]  # type: ignore[arg-type]
    assert addition([1024], [16], 20).y.tolist() == [[int(d) for d in f"{1040:021b}"[::-1]]]  # type: ignore[union-attr]


def test_shades_can_be_read_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    gate = np.array([[0.0, 0.19, 0.21, 0.5, 0.7, 0.85, 1.0]]).T
    inside.heat_map(out(), "z", gate, np.array([5]))
    told = capsys.readouterr().out
    assert told.splitlines()[:2] == ["  z", "     unit  5        ░░▒▒▓▓████"]
    assert "░░ 0.2-0.4  ▒▒ 0.4-0.6  ▓▓ 0.6-0.8  ██ 0.8-1.0" in told
    assert "\x1b" not in told


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_owns_up(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gruvy.cli.demo.acts, "learn_to_add", lambda page: ["1024 + 16 came out as 16"])
    monkeypatch.setattr(gruvy.cli.demo.acts, "learn_speech", lambda page, model: [])
    monkeypatch.setattr(gruvy.cli.demo.acts, "look_inside", lambda page, model: ["the gates are not there"])
    done = call("demo")
    assert done.exit_code == 1
    assert done.stderr == (
        "gruvy: the demo did not come out right: 1024 + 16 came out as 16\n"
        "gruvy: the demo did not come out right: the gates are not there\n"
    )


def test_a_net_that_cannot_add_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act one with almost no training: its own judgement must turn."""
    fit = gruvy.GRU.fit

    def hardly(self: gruvy.GRU, X: object, y: object, **settings: object) -> gruvy.GRU:
        return fit(self, X, y, **{**settings, "max_epochs": 1, "progress": False})  # type: ignore[arg-type]

    monkeypatch.setattr(gruvy.GRU, "fit", hardly)
    trouble = act_one.learn_to_add(out())
    assert trouble[-1] == "0.00% of the long sums are right; it should be 99% or more"


def test_ctrl_c_ends_the_demo(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The training loop ends in good order at Ctrl-C; the demo must not go on with half a net."""
    from gruvy.training import History

    def stopped(self: gruvy.GRU, *_: object, **__: object) -> gruvy.GRU:
        self.history = History([], "interrupted", 0)
        return self

    monkeypatch.setattr(gruvy.GRU, "fit", stopped)
    done = call("demo")
    assert (done.exit_code, done.stderr) == (1, "gruvy: stopped\n")
    assert list(here.iterdir()) == []
