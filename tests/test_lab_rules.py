"""Every rule of the lab, with numbers for each of its verdicts: a rule that no data can turn round says nothing."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("plotly")

from compare import assert_close
from gruvy.lab import EXPERIMENTS, binary, cost, gates, gradients, memory, relation, speech, squash
from gruvy.lab.nets import KINDS, STARTS


def attempts(solved, lags=(10, 20, 40), by=("units",)):
    """One attempt a lag, net, start and size; `solved` gives the longest lag solved by (kind, start)."""
    return {
        f"{lag} {kind} {start} {size}": {
            "lag": lag, "kind": kind, "start": start, "by": size, "seed": 0, "units": 8, "rate": 0.01, "steps": 10,
            "error": 0.01 if lag <= solved[kind, start] else 0.9, "right": 0.0,
        }
        for lag in lags for kind in KINDS for start in STARTS for size in by
    }  # fmt: skip


NONE = {(kind, start): 0 for kind in KINDS for start in STARTS}


@pytest.mark.parametrize("by", [("units",), ("units", "parameters")])
@pytest.mark.parametrize(
    ("solved", "verdict"),
    [
        ({("rnn", "plain"): 10, ("lstm", "plain"): 20, ("gru", "plain"): 40}, "holds"),
        ({("lstm", "plain"): 10, ("gru", "plain"): 10}, "holds"),
        ({("rnn", "plain"): 10, ("gru", "plain"): 40, ("lstm", "remember"): 40, ("gru", "remember"): 20},
         "holds only when the gates start set to remember"),
        ({("rnn", "remember"): 20, ("lstm", "remember"): 20, ("gru", "remember"): 20}, "does not hold"),
        ({("rnn", "remember"): 20, ("lstm", "remember"): 40, ("gru", "remember"): 20}, "does not hold"),
        ({}, "does not hold"),
    ],
)  # fmt: skip
def test_memory(solved, verdict, by):
    numbers = attempts(NONE | solved, by=by)
    assert str(memory.rule(numbers)) == verdict
    assert ("No net solves even the shortest lag" in memory.rule(numbers).text) == (not solved)
    assert memory.figures("title", numbers)[0].data
    assert len(memory.table(numbers)[1]) == (6 if len(by) == 1 else 10)


def test_a_lag_beyond_an_unsolved_one_does_not_count():
    numbers = attempts(NONE | {("gru", "plain"): 40})
    numbers["20 gru plain units"]["error"] = 0.06
    assert memory.reach(numbers, "gru", "plain") == 10
    numbers["20 gru plain units"]["error"] = 0.05
    assert memory.reach(numbers, "gru", "plain") == 40


def test_seeds_are_averaged():
    numbers = attempts(NONE | {("gru", "plain"): 10})
    numbers["more"] = numbers["10 gru plain units"] | {"seed": 1, "error": 0.2}
    assert_close(memory.errors(numbers, "gru", "plain")[10], 0.105, "equation")


def recordings(drops):
    return {
        f"{kind} {start} {frames}": {
            "data": "vowels", "frames": frames, "kind": kind, "start": start, "seed": 0, "guess": 0.1,
            "right": 0.95 - (drops[kind, start] if frames else 0),
        }
        for kind in KINDS for start in STARTS for frames in (0, 60)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rnn", "plain", "remember", "verdict"),
    [
        (0.5, 0.2, 0.1, "holds"),
        (0.5, 0.3, 0.2, "holds only when the gates start set to remember"),
        (0.5, 0.3, 0.3, "does not hold"),
        (0.05, 0.0, 0.0, "does not hold"),
    ],
)
def test_speech(rnn, plain, remember, verdict):
    drops = {(k, s): rnn if k == "rnn" else plain if s == "plain" else remember for k in KINDS for s in STARTS}
    numbers = recordings(drops)
    assert str(speech.rule(numbers)) == verdict
    assert len(speech.figures(numbers)) == 1
    assert len(speech.table(numbers)[1]) == 6


def test_speech_needs_every_corpus():
    numbers = recordings({(k, s): 0.6 if k == "rnn" else 0.1 for k in KINDS for s in STARTS})
    other = recordings({(k, s): 0.0 for k in KINDS for s in STARTS})
    numbers |= {f"digits {key}": row | {"data": "digits"} for key, row in other.items()}
    assert speech.rule(numbers).outcome == "does not hold"


@pytest.mark.parametrize(
    ("rnn", "untrained", "remember", "trained", "verdict"),
    [
        (-20, -1, -1, -1, "holds"),
        (-20, -20, -1, -1,
         "holds only when the gates are set to remember: an untrained LSTM and GRU lose their gradient too"),
        (-20, -20, -1, -20, "does not hold"),
        (-20, -20, -20, -1, "does not hold"),
        (-5.9, -1, -1, -1, "does not hold"),
    ],
)  # fmt: skip
def test_gradients(rnn, untrained, remember, trained, verdict):
    at = dict(zip(gradients.STAGES, (untrained, remember, trained), strict=True))
    numbers = {
        f"{kind} {stage}": {
            "kind": kind, "stage": stage, "seed": 0, "log10": [0.0, rnn if kind == "rnn" else at[stage]],
        }
        for kind in KINDS for stage in gradients.STAGES
    }  # fmt: skip
    assert str(gradients.rule_gradients(numbers)) == verdict
    assert len(gradients.figures_gradients(numbers)[0].data) == 9


@pytest.mark.parametrize(
    ("early", "early_remember", "late", "share", "verdict"),
    [
        (0.25, 0.25, 0.9, 1e-9, "holds"),
        (0.25, 0.9, 0.9, 1e-9, "holds only when the RNN starts as torch starts it"),
        (0.9, 0.9, 0.9, 1e-9, "does not hold"),
        (0.25, 0.25, 0.5, 1e-9, "does not hold"),
        (0.25, 0.25, 0.9, 0.1, "does not hold"),
    ],
)
def test_early(early, early_remember, late, share, verdict):
    numbers = {
        f"{kind} {start} {is_late}": {
            "kind": kind, "start": start, "late": is_late, "seed": 0, "first_tenth": share, "share": [share] * 10,
            "right": late if is_late else early if start == "plain" else early_remember,
        }
        for kind in KINDS for start in STARTS for is_late in (False, True)
    }  # fmt: skip
    assert str(gradients.rule_early(numbers)) == verdict
    assert len(gradients.figures_early(numbers)) == 2


@pytest.mark.parametrize(
    ("exact", "needed", "same", "verdict"),
    [
        (0.0, 0.5, 0.95, "holds"),
        (0.0, 0.5, 0.90, "holds only when the equations are meant; trained nets answer differently"),
        (1e-3, 0.5, 0.95, "does not hold"),
        (0.0, 1e-9, 0.95, "does not hold"),
    ],
)
def test_lstm(exact, needed, same, verdict):
    numbers = {"all": {"what": "identity", "left_out": None, "difference": exact}}
    numbers |= {c: {"what": "identity", "left_out": c, "difference": needed} for c in relation.CONDITIONS}
    for second in KINDS:
        numbers[second] = {
            "what": "agreement", "first": "gru", "second": second, "seed": 0, "by_chance": 0.9,
            "same": same if second == "lstm" else 0.96,
        }  # fmt: skip
    assert str(relation.rule(numbers)) == verdict
    assert len(relation.figures(numbers)) == 2


def costs(times, gru_parameters=75):
    row = {"products": 8, "sigmoids": 2, "tanhs": 1, "additions": 3, "multiplications": 4}
    numbers = {
        "rnn": {"what": "count", "kind": "rnn", "carried": 1, "gates": 0, "parameters": 25, **row},
        "lstm": {"what": "count", "kind": "lstm", "carried": 2, "gates": 3, "parameters": 100, **row, "products": 20},
        "gru": {"what": "count", "kind": "gru", "carried": 1, "gates": 2, "parameters": gru_parameters, **row},
    }
    ms = dict(zip(cost.CONTESTANTS, (1.0, 1.0, *times), strict=True))
    numbers["time"] = {
        "what": "time", "shape": [1, 1, 1, 1], "threads": 1, "ms": ms, "calls": dict.fromkeys(ms, 5),
        "paths": {"gruvy GRU": "a", "gruvy GRU, tutorial": "b"},
    }  # fmt: skip
    return numbers


@pytest.mark.parametrize(
    ("times", "parameters", "verdict"),
    [
        ((0.9, 0.8, 0.9), 75, "holds"),
        ((2.0, 0.8, 0.9), 75, "holds only when the kernel is that of gruvy GRU and gruvy GRU, tutorial"),
        ((2.0, 2.0, 2.0), 75, "does not hold"),
        ((0.9, 0.8, 0.9), 100, "does not hold"),
    ],
)
def test_cost(times, parameters, verdict):
    numbers = costs(times, parameters)
    assert str(cost.rule(numbers)) == verdict
    assert len(cost.figures(numbers)) == 4
    assert len(cost.table(numbers)[1]) == 5


@pytest.mark.parametrize(
    ("miss", "scaled", "z", "r", "verdict"),
    [
        (0.0, 0.5, 0.3, 0.3, "holds"),
        (0.0, 0.5, 0.3, 0.0, "holds only when the equations are meant: in these nets a constant r does as well"),
        (0.0, 0.5, 0.0, 0.0, "holds only when the equations are meant: in these nets a constant z and r does as well"),
        (1e-3, 0.5, 0.3, 0.3, "does not hold"),
        (0.0, 0.6, 0.3, 0.3, "does not hold"),
    ],
)
def test_gates(miss, scaled, z, r, verdict):
    numbers = {"identities": {"what": "identity", "z = 0": miss}}
    for at, value in ((0.0, 0.0), (0.5, scaled)):
        numbers[f"z {at}"] = {"what": "scale", "z": at, "by_input": value, "by_state": 1.0, "from_identity": value}
    drops = (0.0, z, 0.9, r, 0.5, 0.9)
    for freeze, drop in zip(gates.FREEZES, drops, strict=True):
        numbers[freeze] = {
            "what": "ablation",
            "task": "t",
            "freeze": freeze,
            "seed": 0,
            "right": 0.95 - drop,
            "guess": 0,
        }
    assert str(gates.rule(numbers)) == verdict
    assert len(gates.figures(numbers)) == 2


@pytest.mark.parametrize(
    ("sigma", "tanh", "verdict"),
    [
        ((0.0, 1.0), (0.0, 1.0), "holds"),
        ((0.0, 1.0), (-1.0, 1.0), "holds only when σ is meant, not tanh"),
        ((-0.1, 1.0), (0.0, 1.0), "holds only when tanh is meant, not σ"),
        ((0.0, 1.1), (-1.0, 1.0), "does not hold"),
    ],
)
def test_squash(sigma, tanh, verdict):
    numbers = {
        name: {"name": name, "smallest": low, "largest": high, "at_0": 0.5, "a": [0.0], "y": [0.5]}
        for name, (low, high) in (("sigma", sigma), ("tanh", tanh))
    }
    assert str(squash.rule(numbers)) == verdict
    assert len(squash.figures(numbers)[0].data) == 2


@pytest.mark.parametrize(
    ("few", "all_pairs", "asked", "verdict"),
    [
        (1.0, 1.0, 1040, "holds"),
        (0.98, 0.99, 1040, "holds only when it learns from all 256 pairs"),
        (0.98, 0.98, 1040, "does not hold"),
        (1.0, 1.0, 1041, "does not hold"),
    ],
)
def test_binary(few, all_pairs, asked, verdict):
    numbers = {
        f"{kind} {which}": {
            "kind": kind, "set": which, "seed": 0, "loss": 0.1, "right": right,
            "1024 + 16": asked if kind == "gru" else 7,
        }
        for kind in KINDS for which, right in zip(binary.SETS, (few, all_pairs), strict=True)
    }  # fmt: skip
    assert str(binary.rule(numbers)) == verdict
    assert len(binary.figures(numbers)[0].data) == 3
    assert len(binary.table(numbers)[1]) == 6


def test_every_rule_has_been_turned_round_here():
    tested = {
        memory.rule, speech.rule, gradients.rule_gradients, gradients.rule_early, relation.rule, cost.rule, gates.rule,
        squash.rule, binary.rule,
    }  # fmt: skip
    assert {e.rule for e in EXPERIMENTS.values()} == tested


def test_every_experiment_says_what_a_reader_needs():
    for e in EXPERIMENTS.values():
        assert "Holds:" in e.rule_text
        assert "Holds only when" in e.rule_text
        assert "not hold" in e.rule_text
        assert set(e.quick) == set(e.full)
        assert len(e.parts(e.full, 0)) >= len(e.parts(e.quick, 0))
    assert sum(e.budget[0] for e in EXPERIMENTS.values()) <= 7
    assert 20 <= sum(e.budget[1] for e in EXPERIMENTS.values()) <= 60
