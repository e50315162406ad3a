"""What the benchmark measures the engine against: the peak of multiply-adds, and the packed weights read once."""

from __future__ import annotations

import numpy as np
import pytest

from gruvy.bench import machine
from gruvy.convention import Convention
from gruvy.engines import core, native
from gruvy.weights import Cell
from native_cases import builds, problem

pytestmark = pytest.mark.skipif(not native.available()[0], reason="no native engine")

LANES = {"generic": (4, 8, 16), "avx2": (8,), "avx512": (16,), "wide": (16, 32)}  # float32 numbers of a register


def test_the_peak_counts_what_it_does():
    """Twelve chains of a register's numbers, two operations each: 24 a lane and round."""
    (once, more) = (native.peak(rounds)[1] for rounds in (1, 1000))
    assert once / 24 in LANES[native.info().isa]
    assert more == 1000 * once
    assert native.peak(0)[1] == 0


def test_the_peak_is_operations_over_the_time_that_passed(monkeypatch):
    now = iter([5.0, 5.25])
    monkeypatch.setattr(core.time, "perf_counter", lambda: next(now))
    rate, operations = native.peak(10)
    assert rate == operations / 0.25


def test_the_machine_s_peak_is_the_best_of_its_runs(monkeypatch):
    monkeypatch.setattr(machine.native, "peak", lambda rounds: (1e9, 240.0 * rounds))
    clock = iter(np.cumsum([0, 1, 0, 4, 0, 2, 0, 8, 0, 1, 0, 0.5, 0, 2, 0, 2.0]).tolist())
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    rounds = int(1e9 * 0.2 / 8 / 240)
    assert machine.peak(1, 0.2) == 240 * rounds / 0.5
    monkeypatch.setattr(machine.native, "available", lambda: (False, "none"))
    assert machine.peak(1) is None


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["tutorial", "torch"])
def test_packed_weights_are_read_so_many_times(name, dtype, isa):
    """`read` gives the exclusive or of all words of all rounds: an even number of rounds leaves nothing."""
    convention = Convention.of(name)
    args = problem(convention, dtype, 1, 1, 5, 21)[0]
    cell = Cell(*(args[k] for k in ("W", "U", "b", "c")))
    packed = native.Packed(cell, convention, isa)
    once = packed.read(1)
    assert once != 0
    assert [packed.read(rounds) for rounds in range(6)] == [0, once] * 3
    numbers = sum(a.size for a in cell if a is not None)
    assert packed.core.bytes >= numbers * np.dtype(dtype).itemsize
    assert packed.core.isa == isa
