"""Every attack of `make soak` sees the fault that it is there for, planted here."""

from __future__ import annotations

import argparse
import ctypes
import io
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import gruvy.training
import native_cases
from gruvy.engines import native
from gruvy.errors import InputError
from gruvy.model import file as model_file
from small_nets import CONVENTIONS, random_weights
from soak import __main__ as command
from soak import binding, bits, disk, files, kills, report, samples, threads
from soak.attacks import ATTACKS, Kind
from soak.counts import Broken, Counts
from soak.workers import MB, Attack, Place, memory_from_here, run

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the soak forks and reads /proc, as on Linux"),
    pytest.mark.skipif(not native.available()[0], reason="no native engine"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # several threads, and a fork
]


def attacked(attack, tmp_path, count, first=0):
    counts = run(attack, Place(tmp_path / "scratch", tmp_path / "kept"), seconds=60, first=first, count=count)
    return counts, {what: failure.times for what, failure in counts.failures.items()}


def test_a_worker_that_fails_crashes_hangs_or_eats_memory(tmp_path):
    def one(k, folder):
        if k == 1:
            raise InputError("refused")
        if k == 2:
            {}["x"]
        if k == 3:
            ctypes.string_at(0)
        if k == 4:
            time.sleep(1000)
        if k == 5:
            bytearray(200 * MB)
        if k == 6:
            bytearray(2**44)
        if k == 7:
            os._exit(3)
        if k == 8:
            bytearray(200 * MB)
            memory_from_here()  # what went before was not the case's own
        return "good ones"

    attack = Attack(name="planted", run=one, seconds=4, memory=100 * MB, keep=lambda k: (f"{k}-file", b"%d" % k))
    counts, failed = attacked(attack, tmp_path, 12)
    assert (counts.tried, counts.refused, counts.seen["good ones"]) == (12, 1, 6)
    places = {what.partition(" at ")[0]: times for what, times in failed.items()}
    assert places == {
        "KeyError": 1, "crash: SIGSEGV": 1, "hang: more than 4 s": 1, "memory over the bound": 1,
        "memory over the bound: MemoryError": 1, "crash: exit code 3": 1,
    }  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "kept" / "planted").iterdir()) == [
        f"{k}-file" for k in (2, 3, 4, 5, 6, 7)
    ]


def test_ctrl_c_keeps_the_counts_and_leaves_no_worker(tmp_path):
    def stop(tried, failed):
        if tried > 5:
            raise KeyboardInterrupt

    children = Path("/proc/thread-self/children")
    before = children.read_text()
    place = Place(tmp_path / "scratch", tmp_path / "kept", stop)
    attack = Attack(name="planted", run=lambda k, folder: time.sleep(0.02) or "good ones")
    with pytest.raises(KeyboardInterrupt):
        run(attack, place, seconds=60)
    (counts,) = place.scores
    assert counts.tried == counts.accepted > 5
    assert children.read_text() == before


def test_a_reader_that_raises_what_is_not_ours(tmp_path, monkeypatch):
    counts, _ = attacked(files.attack("npz", 1), tmp_path, 20)
    assert counts.accepted
    assert counts.refused
    monkeypatch.setattr(gruvy.data.files, "read_npz", lambda path: {}["x"])
    counts, failed = attacked(files.attack("npz", 1), tmp_path, 20)
    assert counts.failed == sum(failed.values()) == 20
    assert all(what.startswith("KeyError") for what in failed)


def test_damage_is_the_same_for_the_same_number_and_reaches_what_it_should():
    for kind in ("npz", "csv"):
        attack = files.attack(kind, 3)
        drawn = [attack.keep(k) for k in range(60)]
        assert drawn == [attack.keep(k) for k in range(60)]
        assert len({content for _, content in drawn}) > 40
        assert any(content not in samples.of(kind) for _, content in drawn)


@pytest.mark.parametrize("name", ["dW", "y"])
def test_one_flipped_bit(tmp_path, monkeypatch, name):
    right = native_cases.actual

    def wrong(*args, **how):
        result = right(*args, **how)
        if how["threads"] == 2:
            result[name] = result[name].copy()
            result[name].reshape(-1).view(np.uint8)[0] ^= 1
        return result

    monkeypatch.setattr(native_cases, "actual", wrong)
    _, failed = attacked(bits.attack("", 1), tmp_path, 1)
    assert [what.rpartition(" ")[2] for what in failed] == [name]


def test_a_core_that_writes_beside_an_array_crashes_or_raises(tmp_path, monkeypatch):
    def beside(**args):
        for a in args.values():
            if isinstance(a, np.ndarray) and a.flags.writeable and isinstance(a.base, np.ndarray):
                a.base.reshape(-1).view(np.uint8)[-1] ^= 1

    isas = native._core.isas
    for act, what in (
        (beside, "the native core wrote beside an array"),
        (lambda **args: ctypes.string_at(0), "crash: SIGSEGV"),
        (lambda **args: {}["x"], "KeyError"),
    ):
        core = SimpleNamespace(isas=isas, **dict.fromkeys(("forward", "backward", "readout", "Packed"), act))
        monkeypatch.setattr(native, "_core", core)
        _, failed = attacked(binding.attack("", 1), tmp_path, 3)
        assert any(found.startswith(what) for found in failed), failed


def by_chance():
    """Goes on from nothing: other numbers each time."""
    Path(kills.RUN).write_bytes(b"")
    time.sleep(0.05)
    Path(kills.RUN).unlink()
    Path(kills.MODEL).write_bytes(os.urandom(8))


def by_halves():
    """Writes over the old model."""
    Path(kills.RUN).write_bytes(b"")
    with Path(kills.MODEL).open("wb") as file:
        for part in (b"half", b"half"):
            file.write(part)
            file.flush()
            time.sleep(0.1)
    Path(kills.RUN).unlink()


@pytest.mark.parametrize(
    ("way", "what"),
    [(by_chance, "other bits than that of a run left alone"), (by_halves, "neither the old file nor the new one")],
)
def test_a_run_that_does_not_survive_a_kill(tmp_path, monkeypatch, way, what):
    monkeypatch.setattr(kills, "WAYS", [way])
    monkeypatch.setattr(kills, "safe_open", lambda *args, **how: (tmp_path / "checkpoint").open("w"))
    _, failed = attacked(kills.attack("", 1), tmp_path, 12)
    assert any(what in found for found in failed), failed


def test_a_full_disk_that_loses_what_was_there(tmp_path, monkeypatch):
    model = model_file.Model(
        weights=random_weights(np.random.default_rng(0), CONVENTIONS[0]), V=np.zeros((1, 4)), b_y=np.zeros(1)
    )
    model_file.write(tmp_path / "m", model)
    content = {"model.safetensors": (tmp_path / "m").read_bytes()}
    content |= dict.fromkeys(("model.history.csv", "predictions.csv", "data.csv"), b"a,b\n1,2\n")
    monkeypatch.setattr(disk, "content", lambda: content)

    def over():
        Path("model.safetensors").write_bytes(b"")
        return "written over"

    def left():
        Path(".part").write_bytes(b"")
        return "left"

    def told():
        disk._judge(1, "gruvy: one line\ngruvy: and another", ())

    for job, what in ((over, "is damaged"), (left, "a temporary file is left"), (told, "in 2 lines")):
        monkeypatch.setattr(disk, "JOBS", [job])
        _, failed = attacked(disk.attack("", 1), tmp_path, 1)
        assert any(what in found for found in failed), failed


def test_threads_that_disturb_each_other_and_a_child_that_hangs(tmp_path, monkeypatch):
    seen = []

    def race():
        seen.append(1)
        return np.array([len(seen)])

    monkeypatch.setattr(threads, "without_torch", lambda r: {"race": race})
    monkeypatch.setattr(threads, "with_torch", lambda r: ({}, lambda: None))
    _, failed = attacked(threads.attack("", 1), tmp_path, 1)
    assert list(failed) == ["race: another result among 16 threads than alone"]
    _, failed = attacked(threads.attack("", 1), tmp_path, 1, first=3)
    assert list(failed) == ["a forked child: other numbers"]
    monkeypatch.setattr(threads, "ENDING", "import os; {how}; os.abort()")
    _, failed = attacked(threads.attack("", 1), tmp_path, 1, first=1)
    assert [found.partition(": ")[2] for found in failed] == ["exit code -6, ''"]


def test_the_command_fails_where_a_case_fails_and_the_page_says_so(tmp_path, monkeypatch):
    page = tmp_path / "docs" / "reliability.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- soak: begin -->\nold\n<!-- soak: end -->\nafter\n")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "KEPT", tmp_path / "kept")
    asked = argparse.Namespace(what=["one"], minutes=0.01, seed=3, write=True)
    for failures, code in ((0, 0), (2, 1)):
        counts = Counts("one", tried=5)
        if failures:
            counts.fail("it broke", failures)
        monkeypatch.setitem(ATTACKS, "one", Kind(lambda s, seed, place, c=counts: [c], 1.0, bits.attack))
        assert command.soak(asked, Console(file=io.StringIO()), tmp_path) == code
        text = page.read_text()
        assert text.startswith("before\n<!-- soak: begin -->\n")
        assert text.endswith("\n<!-- soak: end -->\nafter\n")
        assert f"| one | 5 | 0 | 0 | {failures} |  |" in text
        assert ("- one: 2 × it broke" in text) == bool(failures)
        assert "make soak MINUTES=0.01 SEED=3" in text
    page.write_text("no markers")
    with pytest.raises(ValueError, match="expected the lines"):
        report.write(page, [], 1, 1)


def test_the_name_of_a_failure_is_the_same_each_time():
    from soak.counts import name_of

    names = set()
    for value in ("a", "b" * 300):
        try:
            gruvy.Weights(None, value)
        except Exception as error:
            names.add(name_of(error))
    assert len(names) == 1
    assert name_of(Broken("a promise")) == "a promise"
