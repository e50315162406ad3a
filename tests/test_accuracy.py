"""The study of the defaults: its data, what it compares with, how it chooses, and that it goes on where it ended."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from accuracy import contestants, page, sets, study
from accuracy.page import Rule
from accuracy.study import Job
from compare import assert_close


def test_what_is_chosen_by_is_of_the_training_part_alone_and_on_one_side():
    data = sets.load("UnitTest")
    whole = {x.tobytes() for x in data.train.x}
    assert len(whole) == 20
    for seed in (0, 1):
        learn, judge = ({x.tobytes() for x in part.x} for part in data.chosen_by(seed))
        assert (len(learn), len(judge)) == (14, 6)
        assert learn | judge == whole


def test_the_halves_hold_every_set_once():
    assert sorted((*sets.HALVES[0], *sets.HALVES[1])) == sorted(sets.NAMES)
    assert len(sets.NAMES) == 15


def test_statistics_by_hand():
    found = contestants.statistics([np.array([[1.0, 5], [2, 5], [6, 5]])])
    # of the first channel and of the second: mean, deviation, least, largest, first, last, slope over -1, 0, 1; length
    assert_close(found, [[3, 5, np.sqrt(14 / 3), 0, 1, 5, 6, 5, 1, 5, 6, 5, 2.5, 0, 3]], "equation")


@pytest.mark.parametrize("task", ["classify", "regress"])
@pytest.mark.parametrize(
    "what",
    ["gruvy's default", "torch by hand", "linear on statistics", pytest.param("MiniRocket", marks=pytest.mark.slow)],
)
def test_every_contestant_learns_an_easy_set(what, task):
    rng = np.random.default_rng(0)
    level = np.repeat([0.0, 1.0], 40)
    x = [
        (rng.normal(size=(T, 2)) / 4 + k).astype(np.float32)
        for k, T in zip(level, rng.integers(9, 14, 80), strict=True)
    ]
    y = np.array(["low", "high"])[level.astype(int)] if task == "classify" else level + rng.normal(size=80) / 10
    part = sets.Part(x, y)
    data = sets.Set("easy", task, part, part)
    assert study.score(data, y, contestants.JUDGED[what](data, part, part, 0)) > 0.7


def test_scores_are_the_share_of_right_answers_and_r2():
    part = sets.Part([], np.array([]))
    assert study.score(sets.Set("", "classify", part, part), np.array(["a", "b"]), np.array(["a", "a"])) == 0.5
    numbers = sets.Set("", "regress", part, part)
    assert study.score(numbers, np.array([1.0, 2, 3]), np.array([1.0, 2, 2])) == 0.5


def planted(monkeypatch, best_below, best_above):
    """Scores of three sets of 10, 60 and 200 steps, on which one setting each is best."""
    steps = {"digits": 10, "mnist1d": 60, "OSULeaf": 200}
    monkeypatch.setattr(page, "steps_of", steps.__getitem__)
    scores = {}
    for name, T in steps.items():
        best = best_below if T < 50 else best_above
        for setting in contestants.grid():
            what = contestants.name_of(setting)
            for seed in (0, 1):
                scores[Job(name, "choose", what, seed)] = {"score": 0.9 if what == best else 0.5, "seconds": 1}
    return scores, list(steps)


def test_the_rule_follows_the_scores(monkeypatch):
    scores, names = planted(monkeypatch, "last remember", "mean remember")
    assert page.best_rule(scores, names) == Rule(32, "mean", "remember")
    assert page.worth(scores, Rule(32, "mean", "remember"), names) > 0.89
    scores, names = planted(monkeypatch, "max uniform", "max uniform")
    assert page.best_rule(scores, names) == Rule(0, "max", "uniform")
    scores, names = planted(monkeypatch, "last uniform both ways", "last uniform both ways")  # may not be shipped
    assert page.worth(scores, page.best_rule(scores, names), names) == 0.5


def test_jobs_that_are_done_are_not_done_again(tmp_path):
    kept = tmp_path / "results.jsonl"
    every = study.jobs({}, ("UnitTest",))
    assert len(every) == 12 * 2 + 3 * study.SEEDS + 1
    kept.write_text("".join(json.dumps({**job._asdict(), "score": 0.5, "seconds": 1}) + "\n" for job in every[:-2]))
    assert study.jobs(study.read(kept), ("UnitTest",))[:2] == every[-2:]
    console = Console(file=io.StringIO())
    assert study.run(0, console, ("UnitTest",), path=kept) == 2 + study.SEEDS  # and what the grid chose
    assert study.run(0, console, ("UnitTest",), "choose", path=kept) == 0


def test_a_job_is_what_its_words_say():
    import gruvy

    data = sets.load("UnitTest")
    learn, judge = data.chosen_by(1)
    clf = gruvy.GRUClassifier(pooling="mean", init="remember:6", bidirectional=True, random_state=1)
    right = float((clf.fit(learn.x, learn.y).predict(judge.x) == judge.y).mean())
    assert study.do(Job("UnitTest", "choose", "mean remember both ways", 1))["score"] == right
