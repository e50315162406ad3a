"""Every rule of the lab, with numbers for each of its four verdicts: one that no data can turn round says nothing."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from scipy.stats import t as student

from compare import assert_close
from gruvy.lab import EXPERIMENTS, binary, cost, gates, gradients, memory, relation, speech, squash, weigh
from gruvy.lab.experiment import points, spread
from gruvy.lab.figures import curve, row
from gruvy.lab.nets import KINDS, STARTS
from gruvy.lab.verdict import Verdict, decide, join

SEEDS = (0, 1, 2)
TELL = "cannot tell"
REMEMBER = "holds only when the gates start set to remember"


# How a margin is weighed, once for all rules.


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_interval_is_students(n):
    seed = random.randrange(2**31)
    print("seed", seed)
    values = np.random.default_rng(seed).standard_normal(n)
    found = weigh.interval(list(values))
    low, high = student.interval(0.90, n - 1, values.mean(), values.std(ddof=1) / math.sqrt(n))
    assert_close(np.array([found.mean, found.low, found.high]), np.array([values.mean(), low, high]), "four digits")


def test_each_end_of_the_interval_errs_one_time_in_twenty():
    draw = np.random.default_rng(0).standard_normal((20_000, 3))
    ends = [weigh.interval(list(three)) for three in draw]
    for wrong in (sum(e.low > 0 for e in ends), sum(e.high < 0 for e in ends)):
        # Three standard errors of a share of 0.05 among 20,000: 93.
        assert abs(wrong - 1000) < 93


def test_more_repetitions_than_the_table_has_err_on_the_side_of_not_knowing():
    values = [float(k % 3) for k in range(40)]
    found = weigh.interval(values)
    _, high = student.interval(0.90, 39, np.mean(values), np.std(values, ddof=1) / math.sqrt(40))
    assert found.high > high


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan, 1.0], [1.0, math.inf]])
def test_what_tells_nothing(values):
    found = weigh.interval(values)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert found.over(0.0) is None
    assert found.under(0.0) is None


@pytest.mark.parametrize(
    ("values", "at", "over", "under"),
    [
        ([1.0, 1.0, 1.0], 1.0, True, True),
        ([1.0, 1.0, 1.0], 0.9, True, False),
        ([1.0, 1.0, 1.0], 1.1, False, True),
        ([0.0, 1.0, 2.0], 0.9, None, None),
        ([0.0, 1.0, 2.0], -0.7, True, False),  # the interval is 1 ± 1.686
        ([0.0, 1.0, 2.0], -0.6, None, None),
    ],
)
def test_a_margin_within_the_spread_is_not_known(values, at, over, under):
    found = weigh.interval(values)
    assert (found.over(at), found.under(at)) == (over, under)


def test_what_is_not_known_counts_only_where_it_decides():
    assert weigh.every([True, True]) is True
    assert weigh.every([True, None]) is None
    assert weigh.every([False, None]) is False
    assert weigh.some([False, False]) is False
    assert weigh.some([False, None]) is None
    assert weigh.some([True, None]) is True


@pytest.mark.parametrize(
    ("holds", "partly", "verdict"),
    [
        (True, True, "holds"),
        (False, True, "holds only when c"),
        (False, False, "does not hold"),
        (None, True, TELL),
        (None, None, TELL),
        (False, None, TELL),
    ],
)
def test_the_four_outcomes(holds, partly, verdict):
    assert str(decide("text", holds, partly, "c")) == verdict


def test_a_spread_is_said():
    assert spread([0.5, 0.5]) == "50.0 %"
    assert spread([0.5, 0.51, 0.52]) == "51.0 % (49.3 % to 52.7 %)"
    assert spread([0.0, 0.01, 0.02]) == "1.0 % (0.0 % to 2.7 %)"
    assert spread([0.0, 0.01, 0.02], points) == "1.0 points (-0.7 points to 2.7 points)"


# RNNs have a short memory; LSTM and GRU are the answer.


def attempts(solved, lags=(10, 20, 40), by=("units",)):
    """An attempt a lag, net, start, size and seed; `solved` gives each seed's longest lag solved by (kind, start)."""
    return {
        f"{lag} {kind} {start} {size} {seed}": {
            "lag": lag, "kind": kind, "start": start, "by": size, "seed": seed, "units": 8, "rate": 0.01, "steps": 10,
            "error": 0.01 if lag <= solved[kind, start][seed] else 0.9, "right": 0.0,
        }
        for lag in lags for kind in KINDS for start in STARTS for size in by for seed in SEEDS
    }  # fmt: skip


def everywhere(**nets):
    """``rnn=10``: in each seed and from either start; ``gru_remember=(10, 20, 40)``: in each seed, so started."""
    found = {(kind, start): (0, 0, 0) for kind in KINDS for start in STARTS}
    for name, lag in nets.items():
        kind, _, only = name.partition("_")
        for start in STARTS:
            if only in ("", start):
                found[kind, start] = lag if isinstance(lag, tuple) else (lag,) * 3
    return found


@pytest.mark.parametrize("by", [("units",), ("units", "parameters")])
@pytest.mark.parametrize(
    ("solved", "verdict"),
    [
        (everywhere(rnn=10, lstm=20, gru=40), "holds"),
        (everywhere(lstm=10, gru=10), "holds"),
        (everywhere(rnn=10, lstm_remember=40, gru_remember=20), REMEMBER),
        # The LSTM is as far from torch's start, the GRU is not: only the better start of both will do.
        (everywhere(rnn=10, lstm=40, gru_remember=40), REMEMBER),
        # Every net takes its better start, not the RNN alone: the gated nets their plain one, the RNN the other.
        (everywhere(rnn_remember=10, lstm_plain=20, gru_plain=20), "holds"),
        (everywhere(rnn_remember=20, lstm=20, gru=20), "does not hold"),
        (everywhere(rnn_remember=20, lstm=40, gru=20), "does not hold"),
        (everywhere(rnn=40, lstm=20, gru=20), "does not hold"),
        # Within the spread over the seeds.
        (everywhere(rnn=10, lstm=(10, 20, 40), gru=40), TELL),
        (everywhere(rnn=(10, 20, 10), lstm=40, gru=(20, 40, 20)), TELL),
        # No gated net, or one of them, solved the shortest lag: the budget says nothing about memory.
        (everywhere(), TELL),
        (everywhere(rnn=20), TELL),
        (everywhere(rnn=10, gru=40), TELL),
        (everywhere(rnn=10, gru=40, lstm=(0, 0, 40)), TELL),
        # All solve all: only longer lags could tell.
        (everywhere(rnn=40, lstm=40, gru=40), TELL),
    ],
)
def test_memory(solved, verdict, by):
    numbers = attempts(solved, by=by)
    assert str(memory.rule(numbers)) == verdict
    small = "The budget is too small" in memory.rule(numbers).text
    assert small == any(not any(solved[kind, start][k] for start in STARTS) for kind in ("lstm", "gru") for k in (0, 1))
    assert len(memory.figures("title", numbers)) == 2
    assert len(memory.table(numbers)[1]) == (6 if len(by) == 1 else 10)


def test_a_lag_beyond_an_unsolved_one_does_not_count():
    numbers = attempts(everywhere(gru_plain=40))
    numbers["20 gru plain units 0"]["error"] = 0.06
    assert memory.reaches(numbers, "gru", "plain") == [10, 40, 40]
    numbers["20 gru plain units 0"]["error"] = 0.05
    assert memory.reaches(numbers, "gru", "plain") == [40, 40, 40]


def test_doublings_by_hand():
    numbers = attempts(everywhere())
    assert memory.doublings(numbers, [40, 10, 0, 10], [10, 0, 0, 40]) == [2.0, 1.0, 0.0, -2.0]
    assert math.isnan(memory.doublings(numbers, [40], [40])[0])


def recordings(drops, first=0.95):
    """`drops`: each seed's drop by (kind, start)."""
    return {
        f"{kind} {start} {frames} {seed}": {
            "data": "vowels", "frames": frames, "kind": kind, "start": start, "seed": seed, "guess": 0.1,
            "right": first - (drops[kind, start][seed] if frames else 0),
        }
        for kind in KINDS for start in STARTS for frames in (0, 60) for seed in SEEDS
    }  # fmt: skip


def dropping(rnn, plain, remember):
    """Each net's drop in each seed; the RNN's from either start."""
    given = {True: rnn, "plain": plain, "remember": remember}
    found = {(k, s): given[True if k == "rnn" else s] for k in KINDS for s in STARTS}
    return {of: drop if isinstance(drop, tuple) else (drop,) * 3 for of, drop in found.items()}


@pytest.mark.parametrize(
    ("rnn", "plain", "remember", "verdict"),
    [
        (0.5, 0.2, 0.1, "holds"),
        (0.5, 0.3, 0.2, REMEMBER),
        (0.5, 0.3, 0.3, "does not hold"),
        (0.05, 0.0, 0.0, "does not hold"),
        (0.5, (0.1, 0.2, 0.4), 0.1, TELL),
        (0.5, 0.3, (0.1, 0.2, 0.4), TELL),
        ((0.05, 0.1, 0.3), 0.0, 0.0, TELL),
        # A net of each kind may take its better start: from the other one the drop is the RNN's.
        (0.5, 0.2, 0.5, "holds"),
    ],
)
def test_speech(rnn, plain, remember, verdict):
    numbers = recordings(dropping(rnn, plain, remember))
    assert str(speech.rule(numbers)) == verdict
    assert len(speech.figures(numbers)) == 2
    assert len(speech.table(numbers)[1]) == 6


def test_speech_takes_the_rnns_better_start_too():
    numbers = recordings(dropping(0.5, 0.2, 0.2) | {("rnn", "remember"): (0.1, 0.1, 0.1)})
    assert speech.rule(numbers).outcome == "does not hold"


def test_speech_needs_every_corpus_and_nets_that_have_learned():
    numbers = recordings(dropping(0.6, 0.1, 0.1))
    other = recordings(dropping(0.0, 0.0, 0.0))
    both = numbers | {f"digits {key}": row | {"data": "digits"} for key, row in other.items()}
    assert speech.rule(both).outcome == "does not hold"
    verdict = speech.rule(recordings(dropping(0.4, 0.1, 0.1), first=0.5))
    assert verdict.outcome == TELL
    assert "The budget is too small" in verdict.text


# Gradients, and the early steps.


@pytest.mark.parametrize(
    ("rnn", "untrained", "remember", "trained", "right", "verdict"),
    [
        (-20, -1, -1, -1, (0.25, 1.0), "holds"),
        (-20, -20, -1, -1, (0.25, 1.0),
         "holds only when the gates are set to remember: an untrained LSTM and GRU lose their gradient too"),
        (-20, -20, -1, -20, (0.25, 1.0), "does not hold"),
        (-20, -20, -20, -1, (0.25, 1.0), "does not hold"),
        (-5.9, -1, -1, -1, (0.25, 1.0), "does not hold"),
        # Started alike, the RNN learns it too; or nobody does.
        (-20, -20, -1, -1, (1.0, 1.0), "does not hold"),
        (-20, -20, -1, -1, (0.25, 0.25), "does not hold"),
        (-20, -20, -1, -1, ((0.2, 0.5, 0.9), 1.0), TELL),
        (-20, -20, -1, -1, (0.25, (0.2, 0.5, 0.9)), TELL),
        (-20, -20, (-1, -4, -9), -1, (0.25, 1.0), TELL),
        (-20, (-5, -6, -7), -1, -1, (0.25, 1.0), TELL),
        ((-5, -6, -7), -1, -1, -1, (0.25, 1.0), TELL),
        # What is not known does not matter: the RNN's is not lost.
        (-1, (-5, -6, -7), -1, -1, (0.25, 1.0), "does not hold"),
    ],
)  # fmt: skip
def test_gradients(rnn, untrained, remember, trained, right, verdict):
    def of(value, seed):
        return value[seed] if isinstance(value, tuple) else value

    at = dict(zip(gradients.STAGES, (untrained, remember, trained), strict=True))
    numbers = {
        f"{kind} {stage} {seed}": {
            "kind": kind, "stage": stage, "seed": seed, "log10": [0.0, of(rnn if kind == "rnn" else at[stage], seed)],
            "right": of(right[kind != "rnn"], seed) if stage == gradients.STAGES[2] else None,
        }
        for kind in KINDS for stage in gradients.STAGES for seed in SEEDS
    }  # fmt: skip
    assert str(gradients.rule_gradients(numbers)) == verdict
    assert [len(figure.curves) for figure in gradients.figures_gradients(numbers)] == [3, 3, 3]


@pytest.mark.parametrize(
    ("early", "early_remember", "late", "share", "verdict"),
    [
        (0.25, 0.25, 0.9, 1e-9, "holds"),
        (0.25, 0.9, 0.9, 1e-9, "holds only when the RNN starts as torch starts it"),
        (0.9, 0.9, 0.9, 1e-9, "does not hold"),
        (0.25, 0.25, 0.9, 0.1, "does not hold"),
        (0.25, (0.3, 0.5, 0.9), 0.9, 1e-9, TELL),
        ((0.3, 0.5, 0.9), 0.9, 0.9, 1e-9, TELL),
        (0.25, 0.9, (0.7, 0.8, 0.9), 1e-9, TELL),
        (0.25, 0.9, 0.9, (1e-2, 1e-3, 1e-4), TELL),
        # The RNN learns nothing in this budget, wherever the clue is.
        (0.25, 0.25, 0.5, 1e-9, TELL),
    ],
)
def test_early(early, early_remember, late, share, verdict):
    def of(value, seed):
        return value[seed] if isinstance(value, tuple) else value

    numbers = {
        f"{kind} {start} {is_late} {seed}": {
            "kind": kind, "start": start, "late": is_late, "seed": seed,
            "first_tenth": of(share, seed), "share": [of(share, seed)] * 10,
            "right": of(late if is_late else early if start == "plain" else early_remember, seed),
        }
        for kind in KINDS for start in STARTS for is_late in (False, True) for seed in SEEDS
    }  # fmt: skip
    assert str(gradients.rule_early(numbers)) == verdict
    assert len(gradients.figures_early(numbers)) == 3


# The GRU beside the LSTM: what it is, what it costs.


@pytest.mark.parametrize(
    ("exact", "needed", "same", "verdict"),
    [
        (0.0, 0.5, 0.95, "holds"),
        (0.0, 0.5, 0.90, "holds only when the equations are meant; trained nets answer differently"),
        (1e-3, 0.5, 0.95, "does not hold"),
        (0.0, 1e-9, 0.95, "does not hold"),
        (0.0, 0.5, (0.91, 0.93, 0.96), TELL),
    ],
)
def test_lstm(exact, needed, same, verdict):
    numbers = {"all": {"what": "identity", "left_out": None, "difference": exact}}
    numbers |= {c: {"what": "identity", "left_out": c, "difference": needed} for c in relation.CONDITIONS}
    for second in KINDS:
        for seed in SEEDS:
            found = same[seed] if isinstance(same, tuple) else same
            numbers[f"{second} {seed}"] = {
                "what": "agreement", "first": "gru", "second": second, "seed": seed, "by_chance": 0.9,
                "same": found if second == "lstm" else 0.96,
            }  # fmt: skip
    assert str(relation.rule(numbers)) == verdict
    assert len(relation.figures(numbers)[0].rows) == 6
    assert "Checked in float64" in relation.algebra(numbers)


def costs(torchs, jaxs, gru_parameters=75):
    """A GRU's time over the LSTM's in each seed, by torch's operators and by JAX's scan (None: not installed)."""
    row = {"products": 8, "sigmoids": 2, "tanhs": 1, "additions": 3, "multiplications": 4}
    numbers = {
        "rnn": {"what": "count", "kind": "rnn", "carried": 1, "gates": 0, "parameters": 25, **row},
        "lstm": {"what": "count", "kind": "lstm", "carried": 2, "gates": 3, "parameters": 100, **row, "products": 20},
        "gru": {"what": "count", "kind": "gru", "carried": 1, "gates": 2, "parameters": gru_parameters, **row},
    }
    ours = {"torch.nn.LSTM": 1.0, "torch.nn.GRU": 9.0, "gruvy GRU": 0.5, "gruvy GRU, tutorial": 0.5}
    for seed in SEEDS:
        ms = dict(ours)
        for family, ratio in zip(cost.FAMILIES, (torchs, jaxs), strict=True):
            if ratio is not None:
                ms |= {
                    f"{family}, LSTM": 2.0,
                    f"{family}, GRU": 2.0 * (ratio[seed] if isinstance(ratio, tuple) else ratio),
                }
        numbers[f"time {seed}"] = {
            "what": "time", "shape": [1, 1, 1, 1], "seed": seed, "threads": 1, "ms": ms,
            "calls": dict.fromkeys(ours, 5), "paths": {"gruvy GRU": "a", "gruvy GRU, tutorial": "b"},
        }  # fmt: skip
    return numbers


@pytest.mark.parametrize(
    ("torchs", "jaxs", "parameters", "verdict"),
    [
        (0.9, 0.8, 75, "holds"),
        (0.9, None, 75, "holds"),
        (1.2, 0.8, 75, "holds only when both are computed by JAX's scan"),
        (0.8, 1.2, 75, "holds only when both are computed by torch's operators"),
        (1.2, 1.3, 75, "does not hold"),
        (0.9, 0.9, 100, "does not hold"),
        ((0.9, 1.0, 1.1), 0.8, 75, TELL),
        ((0.9, 1.0, 1.1), 1.2, 75, TELL),
        ((0.9, 1.0, 1.1), None, 75, TELL),
    ],
)
def test_cost(torchs, jaxs, parameters, verdict):
    numbers = costs(torchs, jaxs, parameters)
    assert str(cost.rule(numbers)) == verdict
    assert [len(figure.rows) for figure in cost.figures(numbers)] == [2 if jaxs else 1, 3]
    assert len(cost.table(numbers)[1]) == (8 if jaxs else 6)
    assert ("JAX's scan: not installed" in cost.rule(numbers).text) == (jaxs is None)


# Gates, σ and tanh, and sums.


@pytest.mark.parametrize(
    ("miss", "scaled", "z", "r", "verdict"),
    [
        (0.0, 0.5, 0.3, 0.3, "holds"),
        (0.0, 0.5, 0.3, 0.0, "holds only when the equations are meant: in these nets a constant r does as well"),
        (0.0, 0.5, 0.0, 0.0, "holds only when the equations are meant: in these nets a constant z and r does as well"),
        (1e-3, 0.5, 0.3, 0.3, "does not hold"),
        (0.0, 0.6, 0.3, 0.3, "does not hold"),
        (0.0, 0.5, 0.3, (0.0, 0.1, 0.2), TELL),
        # One gate is idle for sure: whatever the other does, the claim holds only for the equations.
        (0.0, 0.5, 0.0, (0.0, 0.1, 0.2),
         "holds only when the equations are meant: in these nets a constant z does as well"),
    ],
)  # fmt: skip
def test_gates(miss, scaled, z, r, verdict):
    numbers = {"identities": {"what": "identity", "z = 0": miss}}
    for at, value in ((0.0, 0.0), (0.5, scaled)):
        numbers[f"z {at}"] = {"what": "scale", "z": at, "by_input": value, "by_state": 1.0, "from_identity": value}
    drops = (0.0, z, 0.9, r, 0.5, 0.9)
    for freeze, drop in zip(gates.FREEZES, drops, strict=True):
        for seed in SEEDS:
            right = 0.95 - (drop[seed] if isinstance(drop, tuple) else drop)
            row = {"what": "ablation", "task": "t", "freeze": freeze, "seed": seed, "right": right, "guess": 0.25}
            numbers[f"{freeze} {seed}"] = row
    assert str(gates.rule(numbers)) == verdict
    assert len(gates.figures(numbers)[0].rows) == 6
    assert "Checked in float64" in gates.algebra(numbers)


@pytest.mark.parametrize(
    ("sigma", "tanh", "verdict"),
    [
        ((0.0, 1.0), (0.0, 1.0), "holds"),
        ((0.0, 1.0), (-1.0, 1.0), "holds only when σ is meant, not tanh"),
        ((-0.1, 1.0), (0.0, 1.0), "holds only when tanh is meant, not σ"),
        ((0.0, 1.1), (-1.0, 1.0), "does not hold"),
        ((0.0, math.nan), (-1.0, 1.0), TELL),
    ],
)
def test_squash(sigma, tanh, verdict):
    numbers = {
        name: {"name": name, "smallest": low, "largest": high, "at_0": 0.5, "a": [0.0], "y": [0.5]}
        for name, (low, high) in (("sigma", sigma), ("tanh", tanh))
    }
    assert str(squash.rule(numbers)) == verdict
    assert len(squash.figures(numbers)[0].curves) == 2


@pytest.mark.parametrize(
    ("few", "all_pairs", "asked", "verdict"),
    [
        (1.0, 1.0, 1040, "holds"),
        (0.98, 0.99, 1040, "holds only when it learns from all 256 pairs"),
        (0.98, 0.98, 1040, "does not hold"),
        (1.0, 1.0, 1041, "does not hold"),
        ((0.2, 1.0, 1.0), 1.0, 1040, TELL),
        (0.5, (0.2, 1.0, 1.0), 1040, TELL),
        (1.0, 1.0, (1040, 1040, 1041), TELL),
    ],
)
def test_binary(few, all_pairs, asked, verdict):
    def of(value, seed):
        return value[seed] if isinstance(value, tuple) else value

    numbers = {
        f"{kind} {which} {seed}": {
            "kind": kind, "set": which, "seed": seed, "loss": 0.1, "right": of(right, seed),
            "1024 + 16": of(asked, seed) if kind == "gru" else 7,
        }
        for kind in KINDS for which, right in zip(binary.SETS, (few, all_pairs), strict=True) for seed in SEEDS
    }  # fmt: skip
    assert str(binary.rule(numbers)) == verdict
    assert len(binary.figures(numbers)[0].rows) == 6
    assert len(binary.table(numbers)[1]) == 18


# One verdict of several experiments.

HOLDS, NOT, OPEN = Verdict("holds", ""), Verdict("does not hold", ""), Verdict(TELL, "")
WHEN = Verdict("holds only when", "", "it rains")


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [
        ([HOLDS, HOLDS, HOLDS, HOLDS], "holds"),
        ([HOLDS, HOLDS, OPEN, None], "holds"),
        ([HOLDS, OPEN, OPEN, OPEN], TELL),
        ([OPEN], TELL),
        ([None], TELL),
        ([NOT], "does not hold"),
        ([NOT, NOT, OPEN, NOT], "does not hold"),
        ([WHEN, HOLDS, OPEN, WHEN], "holds only when it rains"),
        ([WHEN, HOLDS, NOT, OPEN], "holds only when the task is a or b, not c and it rains"),
        ([HOLDS, NOT, NOT, NOT], "holds only when the task is a, not b or c or d"),
    ],
)
def test_one_verdict_of_all_experiments(votes, verdict):
    assert str(join(dict(zip("abcd", votes, strict=False)))) == verdict


# The tests themselves, and what every experiment has.


def test_every_rule_has_been_turned_round_here():
    tested = {
        memory.rule, speech.rule, gradients.rule_gradients, gradients.rule_early, relation.rule, cost.rule, gates.rule,
        squash.rule, binary.rule,
    }  # fmt: skip
    assert {e.rule for e in EXPERIMENTS.values()} == tested


PLANTED = [
    test_memory,
    test_speech,
    test_gradients,
    test_early,
    test_lstm,
    test_cost,
    test_gates,
    test_squash,
    test_binary,
]


@pytest.mark.parametrize("test", PLANTED, ids=lambda test: test.__name__)
def test_every_rule_was_given_all_four_outcomes(test):
    marks = [m for m in test.pytestmark if m.name == "parametrize" and "verdict" in m.args[0]]
    outcomes = {
        case[-1].split(" when ")[0].removesuffix(" only") + " when" * (" when " in case[-1])
        for case in marks[0].args[1]
    }
    assert outcomes == {"holds", "holds when", "does not hold", TELL}


# What a rule would say that took means alone, or let the RNN alone choose its start: planted, and seen to be wrong.


def test_a_rule_that_took_means_alone_would_decide(monkeypatch):
    def certain(values):
        found = weigh.Interval(sum(values) / len(values), 0, 0)
        return replace(found, low=found.mean, high=found.mean)

    numbers = attempts(everywhere(rnn=10, lstm=(10, 20, 40), gru=40))
    assert memory.rule(numbers).outcome == TELL
    monkeypatch.setattr(memory, "interval", certain)
    assert memory.rule(numbers).outcome == "holds"


def test_a_rule_that_let_the_rnn_alone_choose_its_start_would_differ(monkeypatch):
    numbers = attempts(everywhere(rnn=10, lstm_remember=40, gru_remember=40))
    assert str(memory.rule(numbers)) == REMEMBER
    chosen = memory.best

    def unfair(numbers, kind, starts, sizes):
        return chosen(numbers, kind, STARTS if kind == "rnn" else STARTS[:1], sizes)

    monkeypatch.setattr(memory, "best", unfair)
    assert memory.rule(numbers).outcome == TELL


def test_every_claim_names_who_said_it_before():
    """The two that no paper made are the tutorial's own."""
    claims = {e.claim.name: e.claim for e in EXPERIMENTS.values()}
    assert {name for name, claim in claims.items() if not claim.sources} == {"squashing", "sums"}
    sources = {source for claim in claims.values() for source in claim.sources}
    found = {f"{s.who.split(',')[0].split()[0]} {s.who.split()[-1]}" for s in sources}
    assert found >= {
        "Hochreiter 1991", "Bengio 1994", "Gers 2000", "Chung 2014", "Jozefowicz 2015", "Greff 2015", "Tallec 2018",
        "Zhou 2016", "Ravanelli 2018",
    }  # fmt: skip
    assert all(s.link.startswith("https://") for s in sources if s.who != "Hochreiter 1991")
    names = [*claims, *EXPERIMENTS]
    assert len(set(names)) == len(names), "two places of the page have one name"


def test_every_experiment_says_what_a_reader_needs():
    for e in EXPERIMENTS.values():
        for outcome in ("Holds:", "Holds only when", "Does not hold:", "Cannot tell:"):
            assert outcome in e.rule_text, e.name
        assert set(e.quick) == set(e.full)
        assert e.identity or e.quick["seeds"] >= 3
        assert len(e.parts(e.full, 0)) >= len(e.parts(e.quick, 0))
    assert sum(e.budget[0] for e in EXPERIMENTS.values()) <= 6
    assert 20 <= sum(e.budget[1] for e in EXPERIMENTS.values()) <= 60


def test_a_figure_is_said_in_words_and_numbers():
    one = curve([10, 20], [[0.0, 1.0, 2.0], [3.0, 3.0, 3.0]], "GRU", "green")
    assert one.dots == ((0.0, 1.0, 2.0), (3.0, 3.0, 3.0))
    assert one.y == [1.0, 3.0]
    assert one.high[1] == 3.0
    squashed = squash.figures(
        {key: part() for key, part in EXPERIMENTS["squash"].parts(EXPERIMENTS["squash"].quick, 0).items()}
    )[0]
    assert squashed.said == (
        "σ squashes to 0..1, tanh to −1..1. σ(a), the gates: 0.000335 at -8, 0.5 at 0, 1 at 8. "
        "tanh(a), the candidate: -1 at -8, 0 at 0, 1 at 8."
    )
    alone = row("n", [4.0], "s", "blue")
    assert (alone.low, alone.mean, alone.high) == (4.0, 4.0, 4.0)
