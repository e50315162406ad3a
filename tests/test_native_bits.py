"""The same bits, whatever batch, padding, threads, chunks, steps and instruction set; gradients that repeat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gruvy.engines import native
from gruvy.reference import Steps
from native_cases import CONVENTIONS, SIZES, actual, assert_same_bits, builds, differing, problem, ran, trial, whole

pytestmark = pytest.mark.skipif(not native.available()[0], reason="no native engine")

DTYPES = [np.float32, np.float64]


def run(args, convention, options, **how):
    T, B, _ = args["x"].shape
    gates = np.empty((T, B, convention.gates, args["h"].shape[1]), args["x"].dtype)
    y, last = native.forward(**whole(args | options), convention=convention, gates=gates, **how)
    return {"y": y, "last": last, "gates": gates}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_instruction_sets_and_threads(convention, dtype):
    # The last has more tiles than are fetched at once, and rows for two chunks.
    for shape in [(9, 13, 5, 37), (40, 1, 3, 70), (6, 35, 1, 16), (5, 3, 40, 8), (45, 13, 7, 150)]:
        args, options = problem(convention, dtype, *shape, lengths=True, holes=True, restarts=True)
        first = run(args, convention, options, isa="generic", threads=1)
        for name, runs in native.info().builds:
            for threads in (1, 2, 3, 7) if runs else ():
                assert_same_bits(run(args, convention, options, isa=name, threads=threads), first)
                if threads <= 3 and shape[3] != 8:  # too small for more than one
                    ran(threads)


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_batch_padding_chunks_and_steps(convention, dtype, isa):
    T, B, I, H = 23, 10, 6, 33
    args, options = problem(convention, dtype, T, B, I, H, lengths=True)
    all_of_it = run(args, convention, options, isa=isa, threads=2)
    packed = native.Packed(whole(args)["cell"], convention, isa)
    y, last = packed.forward(args["x"], args["h"], Steps(**options), threads=2)
    assert_same_bits({"y": y, "last": last}, {"y": all_of_it["y"], "last": all_of_it["last"]})
    for b, n in enumerate(options["lengths"]):
        # Alone, without its padding.
        alone = {**args, "x": args["x"][:n, b : b + 1], "h": args["h"][b : b + 1]}
        got = run(alone, convention, {}, isa=isa)
        assert_same_bits(
            {"y": got["y"], "last": got["last"]},
            {"y": all_of_it["y"][:n, b : b + 1].copy(), "last": all_of_it["last"][b : b + 1]},
        )
        # In two chunks, then step by step on packed weights.
        cut, h = n // 3, alone["h"]
        for part in (slice(0, cut), slice(cut, n)):
            chunk = whole({**alone, "x": alone["x"][part], "h": h})
            _, h = native.forward(**chunk, convention=convention, isa=isa)
        assert np.array_equal(h, got["last"])
        h = alone["h"].copy()
        for t in range(n):
            packed.step_into(alone["x"][t], h, h)
            assert np.array_equal(h, got["y"][t])


def test_small_and_large_batches_of_the_same_rows():
    for convention in CONVENTIONS:
        args, _ = problem(convention, np.float32, 7, 130, 9, 40)
        all_of_it = run(args, convention, {}, threads=2)
        for size in (1, 2, 3, 5, 8, 31, 64):
            part = {**args, "x": args["x"][:, 17 : 17 + size], "h": args["h"][17 : 17 + size]}
            got = run(part, convention, {}, threads=2)
            want = {"y": all_of_it["y"][:, 17 : 17 + size], "last": all_of_it["last"][17 : 17 + size]}
            assert_same_bits({k: got[k] for k in want}, {k: np.ascontiguousarray(v) for k, v in want.items()})


@pytest.mark.parametrize("isa", builds())
def test_the_readout_too(isa):
    rng = np.random.default_rng(0)
    for O, H in [(1, 5), (10, 64), (37, 33)]:
        h, V, b = (rng.normal(size=s).astype("f") for s in [(6, 11, H), (O, H), (O,)])
        first = native.readout(h, V, b, isa="generic", threads=1)
        assert np.array_equal(native.readout(h, V, b, isa=isa, threads=3), first)
        for t, k in [(0, 0), (5, 10), (3, 4)]:
            assert np.array_equal(native.readout(h[t : t + 1, k : k + 1], V, b, isa=isa)[0, 0], first[t, k])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_gradients_repeat_with_any_number_of_threads(convention, dtype):
    rng = np.random.default_rng(1)
    for T, B, I, H in [(12, 9, 5, 20), (60, 1, 30, 66), (20, 40, 2, 24)]:
        args, options = problem(convention, dtype, T, B, I, H, lengths=True, holes=True, restarts=True)
        dy, dh = rng.normal(size=(T, B, H)).astype(dtype), rng.normal(size=(B, H)).astype(dtype)
        first = actual(convention, args, options, dy, dh, False, threads=1)
        for threads in (1, 2, 3, 5):
            assert_same_bits(actual(convention, args, options, dy, dh, False, threads=threads), first)
            if threads <= (2 if B == 9 else 3):  # nine rows are not shared by three
                ran(threads)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_everything_of_any_problem_on_any_instruction_set(seed):
    assert differing(trial(seed), (1 + seed % 3,))[1] == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_gradients_of_many_rows_for_sizes_on_both_sides_of_every_lane_count(convention, dtype):
    """More rows than are summed together: how many these are must not depend on the lanes."""
    rng = np.random.default_rng(2)
    for H in (15, 16, 17, 20, 24, 33, 40, 49, 56, 65):
        assert H in SIZES
        args, options = problem(convention, dtype, 40, 32, 3, H)
        dy, dh = rng.normal(size=(40, 32, H)).astype(dtype), None
        first = actual(convention, args, options, dy, dh, False, threads=1)
        for threads, (isa, runs) in enumerate(native.info().builds, 1):
            if runs and isa != "generic":  # without an instruction for fma it takes its time: only one size
                assert_same_bits(actual(convention, args, options, dy, dh, False, isa=isa, threads=threads), first)
                ran(threads)
        if H == 20:
            assert_same_bits(actual(convention, args, options, dy, dh, False, isa="generic", threads=2), first)


def test_gradients_through_the_layer_on_every_instruction_set(monkeypatch):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from gruvy.nn import GRU

    torch.manual_seed(0)
    layer, x = GRU(3, 20), torch.randn(20, 32, 3)
    found = []
    for isa in [name for name, runs in native.info().builds if runs]:
        monkeypatch.setattr(native, "_isa", lambda isa=isa: isa)
        layer.zero_grad()
        layer(x)[0].square().sum().backward()
        found.append({name: p.grad.numpy().copy() for name, p in layer.named_parameters()})
    for other in found[1:]:
        assert_same_bits(other, found[0])


@given(st.sampled_from(CONVENTIONS), st.integers(1, 12), st.integers(1, 12), st.integers(1, 20), st.integers(1, 50),
       st.integers(0, 2**20), st.integers(1, 4))  # fmt: skip
def test_any_shape_on_any_instruction_set(convention, T, B, I, H, seed, threads):
    args, options = problem(convention, np.float32, T, B, I, H, seed, lengths=bool(seed & 1), restarts=bool(seed & 2))
    first = run(args, convention, options)
    for name, runs in native.info().builds:
        if runs:
            assert_same_bits(run(args, convention, options, isa=name, threads=threads), first)


def test_the_comparison_sees_one_flipped_bit():
    args, options = problem(CONVENTIONS[0], np.float32, 3, 2, 2, 5)
    first = run(args, CONVENTIONS[0], options)
    other = {k: v.copy() for k, v in first.items()}
    other["y"].view(np.uint32)[1, 1, 1] ^= 1
    with pytest.raises(AssertionError, match="y: other bits"):
        assert_same_bits(other, first)
    other = {**first, "last": np.negative(np.zeros_like(first["last"]))}
    with pytest.raises(AssertionError, match="last: other bits"):
        assert_same_bits(other, {**first, "last": np.zeros_like(first["last"])})
