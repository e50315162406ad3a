"""The lab's runner: resuming, what it leaves behind, its page, and bad input by exact text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("jinja2")

from rich.console import Console

import gruvy
from compare import assert_apart, assert_close, limit
from gruvy import lab
from gruvy.lab import binary, cost, gates, gradients, memory, relation, runner, store
from gruvy.lab.claims import Claim, Source
from gruvy.lab.experiment import Experiment, show
from gruvy.lab.verdict import Verdict

QUIET = Console(quiet=True)
run = partial(lab.run, console=QUIET)


CLAIM = Claim("c", "A claim.", (Source("Somebody 1999", "A book", "it is so", "https://example.org/a"),))


@pytest.fixture
def counted(monkeypatch):
    """The lab with one experiment of three parts, and the list of the parts measured; part 2 fails while `broken`."""
    calls, broken = [], []

    def part(k, factor):
        calls.append(k)
        if k in broken:
            raise KeyboardInterrupt
        return {"k": k, "value": k * factor}

    def rule(numbers):
        """Holds: at most 3. Holds only when: never. Else it does not hold."""
        return Verdict("holds" if max(r["value"] for r in numbers.values()) <= 3 else "does not hold", "<b>text</b>")

    experiment = Experiment(
        name="counted", claim=CLAIM, prediction="p", method="m", quick={"factor": 1}, full={"factor": 2},
        budget=(0, 0), parts=lambda s, seed: {f"part {k}": partial(part, k, s["factor"]) for k in (1, 2, 3)}, rule=rule,
        figures=lambda numbers: [], table=lambda numbers: (["k"], [[str(r["k"])] for r in numbers.values()]),
    )  # fmt: skip
    monkeypatch.setattr(runner, "EXPERIMENTS", {"counted": experiment})
    return calls, broken


def test_a_stopped_run_resumes_at_the_part_it_was_stopped_in(counted, tmp_path):
    calls, broken = counted
    broken.append(2)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert calls == [1, 2]
    assert not (tmp_path / "lab.html").exists()
    assert json.loads((tmp_path / "lab.json").read_text()) == {"finished": False}
    broken.clear()
    report = run(tmp_path)
    assert calls == [1, 2, 2, 3]
    assert report.results[0].verdict.outcome == "holds"
    assert list(report.results[0].numbers) == ["part 1", "part 2", "part 3"]
    run(tmp_path)
    assert calls == [1, 2, 2, 3]
    run(tmp_path, resume=False)
    assert calls == [1, 2, 2, 3, 1, 2, 3]


def test_other_settings_or_seeds_or_versions_are_measured_anew(counted, tmp_path, monkeypatch):
    calls, _ = counted
    run(tmp_path)
    assert run(tmp_path, quick=False).results[0].verdict.outcome == "does not hold"
    run(tmp_path, seed=1)
    assert calls == [1, 2, 3] * 3
    run(tmp_path)
    assert calls == [1, 2, 3] * 3
    monkeypatch.setattr(gruvy, "__version__", "99")
    run(tmp_path)
    assert calls == [1, 2, 3] * 4


def test_quick_marks_what_it_reduced_and_full_does_not(counted, tmp_path):
    quick = run(tmp_path)
    assert quick.results[0].reduced == ["factor 1 (full: 2)"]
    page = quick.page.read_text()
    assert "Reduced: counted." in page
    assert "Quick mode, reduced:</strong> factor 1 (full: 2)." in page
    full = run(tmp_path, quick=False)
    assert full.results[0].reduced == []
    assert "reduced" not in full.page.read_text()


def test_the_page_asks_nothing_of_any_network_and_escapes_text(counted, tmp_path):
    page = run(tmp_path).page.read_text()
    assert not re.search(r"<(script|img|iframe)[^>]*\ssrc=", page)
    assert re.findall(r"<link[^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert "&lt;b&gt;text&lt;/b&gt;" in page
    assert page.count("<!doctype html>") == 1


def test_the_numbers_are_json_with_verdict_rule_and_settings(counted, tmp_path):
    found = json.loads(run(tmp_path).numbers.read_text())
    assert found["finished"] is True
    assert found["quick"] is True
    one = found["experiments"][0]
    assert one["verdict"] == {"outcome": "holds", "text": "<b>text</b>", "condition": ""}
    assert one["settings"] == {"factor": 1}
    assert one["numbers"]["part 2"] == {"k": 2, "value": 2}
    assert one["rule"] == "Holds: at most 3. Holds only when: never. Else it does not hold."
    assert found["claims"] == [
        {"claim": "A claim.", "verdict": {"outcome": "holds", "text": "counted: holds.", "condition": ""}}
    ]


def test_what_the_quick_mode_leaves_to_the_full_mode(counted, tmp_path, monkeypatch):
    calls, _ = counted
    e = replace(runner.EXPERIMENTS["counted"], only_full="it takes long.")
    monkeypatch.setattr(runner, "EXPERIMENTS", {"counted": e})
    quick = run(tmp_path)
    assert calls == []
    assert quick.verdicts()[0]["verdict"] == "not run"
    assert quick.verdicts()[0]["note"] == "in full mode alone: it takes long."
    assert "in full mode alone: it takes long." in quick.page.read_text()
    assert run(tmp_path, quick=False).results[0].verdict is not None
    assert calls == [1, 2, 3]


def test_a_claim_is_one_card_with_its_sources_and_one_verdict(counted, tmp_path, monkeypatch):
    e = runner.EXPERIMENTS["counted"]

    def never(numbers):
        """Holds: never. Holds only when: never. Does not hold: always. Cannot tell: never."""
        return Verdict("does not hold", "no")

    other = replace(e, name="other", rule=never)
    monkeypatch.setattr(runner, "EXPERIMENTS", {"counted": e, "other": other})
    report = run(tmp_path)
    ((claim, verdict, results),) = report.claims()
    assert (str(claim), len(results)) == ("A claim.", 2)
    assert str(verdict) == "holds only when the task is counted, not other"
    page = report.page.read_text()
    assert page.count('class="card" aria-labelledby="h-c"') == 1
    assert '<a href="https://example.org/a" rel="noreferrer">Somebody 1999</a>, A book: it is so.' in page
    assert "An experiment that cannot tell, or was not run, has no vote." in page
    assert [page.count(f'id="{name}"') for name in ("c", "counted", "other")] == [1, 1, 1]


def test_repetitions_of_one_seed_are_no_other_seeds():
    for e in lab.EXPERIMENTS.values():
        if e.identity:
            continue
        drawn = [{key.rpartition("seed ")[2] for key in e.parts(e.quick, s) if "seed " in key} for s in (0, 1)]
        assert len(drawn[0]) == e.quick["seeds"]
        assert not drawn[0] & drawn[1]


def test_an_experiment_whose_data_are_missing_is_left_out_and_says_so(counted, tmp_path, monkeypatch):
    def absent():
        raise gruvy.MissingExtraError("no data")

    e = runner.EXPERIMENTS["counted"]
    monkeypatch.setattr(
        runner, "EXPERIMENTS", {"counted": lab.Experiment(**vars(e) | {"parts": lambda s, k: {"a": absent}})}
    )
    report = run(tmp_path)
    assert report.results[0].verdict is None
    assert report.results[0].missing == "no data"
    assert "not run" in report.page.read_text()


def test_an_unknown_experiment_lists_the_names(tmp_path):
    with pytest.raises(gruvy.InputError) as error:
        run(tmp_path, only=["squash", "memroy"])
    assert str(error.value) == (
        "only: there is no experiment 'memroy'; there are adding, order, copy, speech, gradients, early, answer, lstm, "
        "cost, gates, squash, binary"
    )
    with pytest.raises(gruvy.InputError, match=r"^only: empty; expected some of adding, "):
        run(tmp_path, only=[])


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(gruvy.InputError) as error:
        run(tmp_path / "file" / "lab", only=["squash"])
    assert str(error.value) == f"out: {tmp_path}/file/lab/parts cannot be made (Not a directory)"
    (tmp_path / "lab" / "lab.json").mkdir(parents=True)
    with pytest.raises(gruvy.InputError) as error:
        run(tmp_path / "lab", only=["squash"])
    assert str(error.value) == f"out: {tmp_path}/lab/lab.json cannot be written (Is a directory)"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    store.write(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.files.os, "replace", fail)
    with pytest.raises(gruvy.InputError, match="No space left on device"):
        store.write(path, "new")
    assert path.read_text() == "old"


@pytest.mark.parametrize("text", ["{", "[]", '{"parts": {}}', '{"parts": [1], "seconds": 1}', ""])
def test_a_damaged_file_to_resume_from(counted, tmp_path, text):
    run(tmp_path)
    path = tmp_path / "parts" / "counted-quick-seed0.json"
    path.write_text(text)
    with pytest.raises(gruvy.DataError) as error:
        run(tmp_path)
    assert str(error.value) == f"{path} is damaged: delete it, or start anew with resume=False"
    run(tmp_path, resume=False)
    assert json.loads(path.read_text())["parts"]["part 1"] == {"k": 1, "value": 1}


@pytest.mark.parametrize(("module", "extra"), [("torch", "train"), ("jinja2", "plots")])
def test_a_missing_extra_is_named(module, extra):
    code = f"""
import sys
sys.modules["{module}"] = None
try:
    import gruvy.lab
except ImportError as error:
    print(type(error).__name__, error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("MissingExtraError")
    assert f"{module}" in said
    assert f'pip install "gruvy[{extra}]"' in said


def test_the_lab_needs_no_plotly(tmp_path):
    code = f"""
import sys
sys.modules["plotly"] = None
from rich.console import Console
from gruvy import lab
print(lab.run({str(tmp_path)!r}, only=["squash"], console=Console(quiet=True)).page.stat().st_size < 1_000_000)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_a_seed_that_is_none(tmp_path):
    with pytest.raises(gruvy.InputError) as error:
        run(tmp_path, seed=-1)
    assert str(error.value) == "seed=-1: expected a whole number, 0 or more"


def test_show():
    assert show([[1, 2], [3, 4]]) == "(1, 2), (3, 4)"
    assert show({"a": 1, "b": 0.5}) == "a 1, b 0.5"


SMALL = {
    "memory": (memory.EXPERIMENTS[2],
               {"equal": ["units", "parameters"], "symbols": 2, "lags": [3], "units": 4, "steps": 2,
                "learning_rates": [0.01], "seeds": 2}),
    "gradients": (gradients.EXPERIMENTS[0],
                  {"units": 4, "lag": 6, "sequences": 2, "steps": 2, "learning_rates": [0.01], "seeds": 2}),
    "early": (gradients.EXPERIMENTS[1],
              {"units": 4, "lag": 10, "steps": 2, "steps_watched": 2, "learning_rate": 0.01, "seeds": 2}),
    "cost": (cost.EXPERIMENTS[0], {"inputs": 3, "units": 4, "repeats": 2, "shapes": [[5, 2, 3, 4]], "seeds": 2}),
    "gates": (gates.EXPERIMENTS[0],
              {"units": 4, "lag": 10, "steps": 2, "epochs": 1, "tasks": ["temporal order"], "seeds": 2}),
    "binary": (binary.EXPERIMENTS[0], {"nets": ["gru", "rnn"], "units": 4, "steps": 2, "sums": 20, "seeds": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_every_experiment_runs_from_measurement_to_figure(name):
    e, settings = SMALL[name]
    numbers = {key: json.loads(json.dumps(part())) for key, part in e.parts(settings, 0).items()}
    assert e.rule(numbers).outcome in ("holds", "holds only when", "does not hold", "cannot tell")
    for figure in e.figures(numbers):
        assert figure.title
        assert figure.x.label
        assert figure.curves or figure.rows
        json.dumps(figure.drawn(), allow_nan=False)
    head, rows = e.table(numbers)
    assert all(len(row) == len(head) for row in rows)


def test_speech_runs_from_measurement_to_figure():
    pytest.importorskip("aeon")
    from gruvy.lab import speech

    e = speech.EXPERIMENTS[0]
    s = {"units": 4, "noise_frames": [0, 5], "epochs": {"japanese-vowels": 1}, "seeds": 2}
    numbers = {key: part() for key, part in e.parts(s, 0).items()}
    assert len(numbers) == 24
    assert e.rule(numbers)
    assert e.figures(numbers)


def test_the_tied_lstm_is_the_gru_only_under_its_four_conditions():
    s = {"steps": 50, "units": 8}
    assert relation.identity(None, s, 0)["difference"] <= limit("equation")
    for left_out in relation.CONDITIONS:
        assert relation.identity(left_out, s, 0)["difference"] > limit("another"), left_out


def test_frozen_gates_at_their_own_values_change_nothing():
    import torch

    from gruvy.weights import Weights

    torch.manual_seed(0)
    layer = torch.nn.GRU(3, 5, batch_first=True).double()
    x = np.random.default_rng(0).standard_normal((2, 9, 3))
    w = Weights.from_torch(layer)
    seen = gates.run(w, x, {})
    states, z, r = seen.state[0], 1 - seen.keep[0], seen.reset[0]
    with torch.no_grad():
        expected = layer(torch.from_numpy(x))[0].numpy()
    assert_close(states, expected)
    np.testing.assert_array_equal(gates.run(w, x, {"z": 0.0}).state, 0)
    assert 0 < z.min() < z.max() < 1
    assert 0 < r.min() < r.max() < 1
    changed = gates.run(w, x, {"r": 0.0})
    np.testing.assert_array_equal(changed.reset, 0)
    assert_apart(changed.state[0], states, "another")


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_scan_is_torchs_layer(kind):
    jax = pytest.importorskip("jax")
    import torch

    from gruvy.lab.scan import compiled

    torch.manual_seed(3)
    layer = getattr(torch.nn, kind.upper())(3, 5)
    x = torch.randn(7, 2, 3)
    weights = {name: jax.numpy.asarray(p.detach().numpy()) for name, p in layer.named_parameters()}
    states, gradients = compiled(kind)
    y = layer(x)[0]
    y.square().mean().backward()
    assert_close(np.asarray(states(weights, x.numpy())), y.detach().numpy(), "answer")
    for name, found in gradients(weights, x.numpy()).items():
        assert_close(np.asarray(found), layer.get_parameter(name).grad.numpy(), "peer gradient")


def test_without_onednn_torch_runs_its_own_operators_and_has_it_back_afterwards():
    import torch

    layer, x = torch.nn.LSTM(3, 4), torch.randn(5, 2, 3)
    before = torch.backends.mkldnn.enabled
    counts = [cost.operations(cost.torch_step(layer, x, onednn=on)) for on in (True, False)]
    assert counts[1] > 5 * 10
    assert counts[0] < counts[1]
    assert torch.backends.mkldnn.enabled is before


def test_counts_are_the_textbooks():
    s = {"inputs": 5, "units": 7}
    rnn, lstm, gru = (cost.count(kind, s) for kind in ("rnn", "lstm", "gru"))
    for row, blocks in ((rnn, 1), (lstm, 4), (gru, 3)):
        assert row["products"] == 2 * blocks * 7 * (5 + 7)
        assert row["parameters"] == blocks * 7 * (5 + 7 + 2)
    assert (lstm["sigmoids"], lstm["tanhs"], gru["sigmoids"], gru["tanhs"]) == (21, 14, 14, 7)
    assert (lstm["gates"], gru["gates"]) == (3, 2)


@pytest.mark.parametrize("processes", [0, True, 1.5])
def test_processes_that_are_none(tmp_path, processes):
    with pytest.raises(gruvy.InputError) as error:
        run(tmp_path, processes=processes)
    assert str(error.value) == f"processes={processes!r}: expected a whole number, 1 or more"
