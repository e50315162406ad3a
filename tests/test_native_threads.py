"""The engine's threads: several callers, fork, worker processes, exit; and what forces an instruction set."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from gruvy.convention import Convention
from gruvy.engines import native, threads
from gruvy.engines.held import hold
from gruvy.errors import InputError
from native_cases import problem, ran, whole
from small_nets import random_weights

pytestmark = [pytest.mark.skipif(not native.available()[0], reason="no native engine"), pytest.mark.timeout(120)]

TORCH = Convention.of("torch")


def work(seed=0, count=2, alone=False):
    """One call that uses two threads, split by rows and by units."""
    rows = problem(TORCH, np.float32, 20, 16, 8, 32, seed)[0]
    units = problem(TORCH, np.float32, 20, 1, 8, 256, seed)[0]
    a = native.forward(**whole(rows), convention=TORCH, threads=count)[1]
    b = native.forward(**whole(units), convention=TORCH, threads=count)[1]
    if alone:  # another caller may have the threads, and the call then runs without
        ran(count)
    return np.concatenate([a.ravel(), b.ravel()])


def test_several_python_threads_at_once():
    want = [work(seed, 1) for seed in range(4)]
    wrong = []

    def loop(seed):
        wrong.extend(i for i in range(30) if not np.array_equal(work(seed), want[seed]))

    threads = [threading.Thread(target=loop, args=(seed,)) for seed in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(100)
    assert not any(t.is_alive() for t in threads)
    assert wrong == []


def test_other_python_threads_run_meanwhile():
    args = problem(TORCH, np.float32, 4000, 16, 64, 64)[0]
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(1)
            stop.wait(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    native.forward(**whole(args), convention=TORCH, threads=1)
    stop.set()
    thread.join()
    assert len(ticks) > 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_after_parallel_work():
    want = work(alone=True)
    for _ in range(3):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                same = all(np.array_equal(work(alone=True), want) for _ in range(3))
                os.write(write, b"same" if same else b"other")
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            assert answer.read() == b"same"
        assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(work(), want)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    want = [work(seed, 1) for seed in range(4)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        for got, w in zip(pool.map(work, range(4)), want, strict=True):
            assert np.array_equal(got, w)


def python(code, **environment):
    """Run a snippet in a fresh interpreter: (exit code, output, errors)."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GRUVY_")} | environment
    r = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=100, check=False)
    return r.returncode, r.stdout.strip(), r.stderr.strip()


def test_a_clean_exit_with_sleeping_and_with_busy_threads():
    code = """
import threading, numpy as np
from gruvy.engines import native
from gruvy.convention import Convention
from gruvy.reference import Cell
x, h, W, U = np.ones((200, 8, 8), "f"), np.zeros((8, 64), "f"), np.ones((192, 8), "f"), np.ones((192, 64), "f")
def loop():
    while True:
        native.forward(x, h, Cell(W, U, None, None), Convention.of("torch"), threads=2)
native.forward(x, h, Cell(W, U, None, None), Convention.of("torch"), threads=2)
if BUSY:
    threading.Thread(target=loop, daemon=True).start()
"""
    for busy in ("False", "True"):
        assert python(code.replace("BUSY", busy)) == (0, "", "")


def test_the_environment_forces_an_instruction_set():
    show = "from gruvy.engines import native; print(native.info().isa, '|', native.info().reason)"
    assert python(show, GRUVY_ISA="generic") == (0, "generic | GRUVY_ISA=generic", "")
    code, _, err = python(show, GRUVY_ISA="mmx")
    assert code == 1
    assert "gruvy.errors.EngineError: GRUVY_ISA=mmx: this build has " in err
    if not dict(native.info().builds).get("avx512", True):
        code, _, err = python("from gruvy.engines.choose import choose; choose()", GRUVY_ISA="avx512")
        assert code == 1
        assert err.endswith("GRUVY_ISA=avx512: this processor lacks AVX-512 (F, DQ, VL, BW)")


def test_a_missing_core_is_said_and_required_is_an_error():
    hide = "import sys; sys.modules['gruvy._core'] = None; from gruvy.engines import native; print(native.available())"
    code, out, err = python(hide)
    assert (code, err) == (0, "")
    assert out == "(False, 'this build has no native core')"
    code, _, err = python(hide, GRUVY_NATIVE="require")
    assert code == 1
    assert err.endswith("gruvy.errors.EngineError: GRUVY_NATIVE=require: this build has no native core")


@pytest.mark.parametrize("use", ["choose()", "import torch, gruvy; gruvy.nn.GRU(2, 3)(torch.ones(4, 1, 2))"])
def test_what_runs_without_the_core_says_so_once(use):
    hide = "import sys; sys.modules['gruvy._core'] = None; from gruvy.engines.choose import choose; "
    code, _, err = python(f"{hide}{use}\n{use}")
    told = "UserWarning: gruvy runs without its native core, slowly: this build has no native core; see `gruvy doctor`"
    assert (code, err.count(told)) == (0, 1)
    assert python(f"{hide}{use}", GRUVY_ENGINE="reference") == (0, "", "")


def test_threads_by_default():
    try:
        threads.set_threads(3)
        assert threads.threads() == native.info().threads == 3
        forward()
        ran(3)
    finally:
        threads.set_threads(None)
    assert threads.threads() >= 1


def forward(**how):
    """A call large enough that it is shared unless told otherwise."""
    args = problem(TORCH, np.float32, 80, 16, 64, 64)[0]
    return native.forward(**whole(args), convention=TORCH, **how)


@pytest.mark.parametrize("count", [1.5, 2.0, True, "2", 0, -1, np.float64(2)], ids=repr)
def test_a_number_of_threads_is_a_whole_number(count):
    text = f"threads: {count!r}, expected a whole number of at least 1"
    args, _ = problem(TORCH, np.float32, 3, 4, 2, 5)
    packed = native.Packed(whole(args)["cell"], TORCH)
    y, last, gates = np.empty((3, 4, 5), "f"), np.empty((4, 5), "f"), np.empty((3, 4, 4, 5), "f")
    for call in (
        lambda: threads.set_threads(count),
        lambda: native.forward(**whole(args), convention=TORCH, threads=count),
        lambda: native.backward(y, last, **whole(args), y=y, gates=gates, convention=TORCH, threads=count),
        lambda: native.readout(y, args["U"], None, threads=count),
        lambda: packed.forward(args["x"], args["h"], threads=count),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert str(caught.value) == text
    assert threads._threads is None
    native.forward(**whole(args), convention=TORCH, threads=np.int64(2))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system ties no process to a processor")
def test_the_default_is_no_more_than_the_processors_it_may_run_on():
    """Asked anew at every call; a number that is given is obeyed, and torch's own number is no way around it."""
    code = """
import os, numpy as np, torch
from gruvy.engines import native
from gruvy.convention import Convention
from gruvy.engines import threads
from gruvy.nn import GRU
from gruvy.reference import Cell
x, h, W, U = np.ones((80, 16, 64), "f"), np.zeros((16, 64), "f"), np.ones((192, 64), "f"), np.ones((192, 64), "f")
def call(**how):
    native.forward(x, h, Cell(W, U, None, None), Convention.of("torch"), **how)
    return native._core.team_size()
layer = GRU(64, 64)
def layered():
    with torch.inference_mode():
        layer(torch.from_numpy(x))
    return native._core.team_size()
before = threads.threads()
torch.set_num_threads(3)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(before, threads.threads(), call(), layered(), call(threads=3), call(threads=2), call())
threads.set_threads(3)
print(call(), layered())
"""
    own = min(len(os.sched_getaffinity(0)), threads._quota())
    assert python(code) == (0, f"{own} 1 1 1 3 2 1\n3 3", "")


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        ({"proc": "0::/a/b\n", "a/b/cpu.max": "150000 100000\n", "a/cpu.max": "max 100000\n"}, 1),
        ({"proc": "0::/a/b\n", "a/b/cpu.max": "max 100000\n", "a/cpu.max": "250000 100000\n"}, 2),
        ({"proc": "0::/elsewhere\n", "cpu.max": "20000 100000\n"}, 1),
        ({"proc": "4:memory:/m\n3:cpuacct,cpu:/a\n", "cpu/a/cpu.cfs_quota_us": "300000\n",
          "cpu/a/cpu.cfs_period_us": "100000\n"}, 3),
        ({"proc": "3:cpu:/a\n", "cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 64),
        ({"proc": "0::/a\n", "a/cpu.max": "nonsense\n"}, 64),
        ({}, 64),
    ],
)  # fmt: skip
def test_the_time_that_control_groups_grant(monkeypatch, tmp_path, files, processors):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 64)
    assert threads._granted(tmp_path / "proc", tmp_path) == processors


@pytest.mark.parametrize("format", [None, "float16", "int8"])
@pytest.mark.parametrize("convention", [TORCH, Convention.of("tutorial")], ids=str)
def test_a_step_shared_out_has_the_same_bits(convention, format):
    rng = np.random.default_rng(0)
    w = random_weights(rng, convention, I=37, H=530, dtype=np.float32, size=0.05).merged()
    cell = w.cells[0][0] if format is None else hold(w.cells[0][0], format)
    packed = native.Packed(cell, convention)
    for rows in (1, 3, 9):
        x, h = (rng.normal(size=(rows, n)).astype(np.float32) for n in (37, 530))
        want = np.empty_like(h)
        packed.core.step(x, h, want)
        for count in (2, 3, 5):
            for _ in range(20):
                found = h.copy()
                packed.core.step(x, found, found, count)
                assert np.array_equal(found, want)


def test_a_step_takes_as_many_threads_as_pay(monkeypatch):
    large, small = (
        native.Packed(
            random_weights(np.random.default_rng(0), TORCH, I=H, H=H, dtype=np.float32).merged().cells[0][0], TORCH
        )
        for H in (420, 64)
    )
    seen = []
    for H, packed in ((420, large), (64, small)):
        for rows, asked in ((1, 2), (1, 1), (40, 3)):
            threads.set_threads(asked)
            x, h = (np.zeros((rows, H), np.float32) for _ in range(2))
            native.forward(x[None], h, packed._plain, TORCH, threads=1)
            packed.step_into(x, h, h)
            seen.append(native._core.team_size())
    threads.set_threads(None)
    assert seen == [2, 1, 3, 1, 1, 1]


def test_steps_of_several_python_threads_at_once():
    packed = native.Packed(
        random_weights(np.random.default_rng(0), TORCH, I=420, H=420, dtype=np.float32, size=0.05).merged().cells[0][0],
        TORCH,
    )
    x = np.random.default_rng(1).normal(size=(4, 30, 1, 420)).astype(np.float32)
    want = [packed.forward(own, None, threads=1)[1] for own in x]
    found = [np.zeros((1, 420), np.float32) for _ in x]

    def loop(own, h):
        for step in own:
            packed.core.step(step, h, h, 2)

    runs = [threading.Thread(target=loop, args=each) for each in zip(x, found, strict=True)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(100)
    assert np.array_equal(found, want)
