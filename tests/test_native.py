"""The native engine against the float64 reference, which the complex step has checked: every convention and edge."""

from __future__ import annotations

import re
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import assert_close
from gruvy import reference
from gruvy.convention import Convention
from gruvy.engines import native
from gruvy.engines.threads import set_threads
from gruvy.errors import InputError, InputTypeError
from gruvy.reference import Cell, Steps
from native_cases import CONVENTIONS, actual, assert_agree, builds, expected, gradients, problem, whole

pytestmark = pytest.mark.skipif(not native.available()[0], reason="no native engine")

DTYPES = [np.float32, np.float64]
TORCH, TUTORIAL = Convention.of("torch"), Convention.of("tutorial")


def losses(args, seed, y=True, last=True):
    rng = np.random.default_rng(seed + 1)
    T, B, _ = args["x"].shape
    H, dtype = args["h"].shape[1], args["x"].dtype
    dy, dh = rng.normal(size=(T, B, H)).astype(dtype), rng.normal(size=(B, H)).astype(dtype)
    return dy if y else None, dh if last else None


@pytest.mark.parametrize("isa", builds())
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_all_edges_at_once(convention, dtype, isa):
    args, options = problem(convention, dtype, 9, 11, 5, 19, lengths=True, holes=True, restarts=True)
    dy, dh = losses(args, 0)
    dy[~np.isfinite(args["x"][:, :, 0])] = np.nan  # not read at steps that don't count
    for reverse in (False, True):
        got = actual(convention, args, options, dy, dh, reverse, isa=isa, threads=2)
        want = expected(convention, args, options, np.nan_to_num(dy), dh, reverse)
        assert_agree(got, want, dtype)
        assert np.all(got["y"][np.isnan(args["x"][:, :, 0])] == 0)
        assert np.all(got["dx"][np.isnan(args["x"][:, :, 0])] == 0)


@given(
    st.sampled_from(CONVENTIONS), st.sampled_from(DTYPES), st.integers(0, 6), st.integers(0, 9), st.integers(1, 9),
    st.integers(1, 35), st.integers(0, 2**20), st.integers(0, 2**7 - 1), st.integers(1, 3),
)  # fmt: skip
def test_any_problem(convention, dtype, T, B, I, H, seed, bits, threads):
    lengths, holes, restarts, biases, reverse, loss_y, loss_h = (bool(bits >> k & 1) for k in range(7))
    args, options = problem(
        convention, dtype, T, B, I, H, seed, lengths=lengths, holes=holes, restarts=restarts, biases=biases
    )
    dy, dh = losses(args, seed, loss_y, loss_h)
    got = actual(convention, args, options, dy, dh, reverse, threads=threads)
    assert_agree(got, expected(convention, args, options, dy, dh, reverse), dtype)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(90, 33, 3, 24), (900, 2, 3, 72)], ids=str)
@pytest.mark.parametrize("convention", [TORCH, TUTORIAL], ids=str)
def test_a_hole_longer_than_the_rows_that_are_summed_together(convention, shape, threads):
    """The backward pass takes some hundreds of rows at a time: what a sequence left there is needed much later."""
    args, options = problem(convention, np.float32, *shape)
    T, B = shape[:2]
    options["mask"] = np.ones((T, B), bool)
    options["mask"][4 : T - 4, 0] = False
    options["mask"][T // 4 : T // 3, 1] = False
    dy, dh = losses(args, 0)
    got = actual(convention, args, options, dy, dh, False, threads=threads)
    assert_agree(got, expected(convention, args, options, dy, dh, False), np.float32)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_second_bias_in_torch_s_form(convention, dtype, threads):
    args, options = problem(convention, dtype, 7, 9, 3, 13, lengths=True)
    H, rng = 13, np.random.default_rng(1)
    second = rng.normal(size=3 * H).astype(dtype)
    dy, dh = losses(args, 0)
    alone = slice(2 * H, 3 * H) if convention.reset == "after" else slice(0)  # the candidate's is not added
    added = second.copy()
    added[alone] = 0
    merged = args | {"b": args["b"] + added, "c": second[alone] if convention.reset == "after" else None}
    want = expected(convention, merged, options, dy, dh, False)
    want["dc"] = np.concatenate([want["db"][: 2 * H], want["dc"] if want["dc"] is not None else want["db"][2 * H :]])
    got = actual(convention, args | {"c": second}, options, dy, dh, False, threads=threads)
    assert got["dc"].shape == (3 * H,)
    assert_agree(got, want, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(40, 33, 65, 70), (300, 1, 20, 130), (3, 150, 1, 24)], ids=str)
def test_larger_shapes(shape, dtype):
    for convention in (TUTORIAL, TORCH):
        args, options = problem(convention, dtype, *shape, lengths=shape[0] == 40)
        dy, dh = losses(args, 0)
        got = actual(convention, args, options, dy, dh, False, threads=2)
        assert_agree(got, expected(convention, args, options, dy, dh, False), dtype)


@pytest.mark.parametrize("convention", [TUTORIAL, TORCH], ids=str)
def test_memory_as_it_lies(convention):
    # batch first, two directions side by side in one array, flags transposed, weights in Fortran order: no copies of x.
    args, options = problem(convention, np.float32, 6, 5, 4, 7, lengths=True, holes=True, restarts=True)
    T, B, I, H = 6, 5, 4, 7
    plain, last = native.forward(**whole(args | options), convention=convention)
    both, gates = np.full((B, T, 2 * H), np.nan, np.float32), np.full((B, T, convention.gates, H), np.nan, np.float32)
    x = np.full((B, T, I + 3), np.nan, np.float32)
    x[:, :, 1 : 1 + I] = args["x"].transpose(1, 0, 2)
    moved = {**args, "x": x.transpose(1, 0, 2)[:, :, 1 : 1 + I]}
    moved["W"], moved["U"] = np.asfortranarray(args["W"]), np.asfortranarray(args["U"])
    options = {k: v if k == "lengths" else np.asfortranarray(v) for k, v in options.items()}
    out = both.transpose(1, 0, 2)[:, :, H:]
    given = {**whole(moved | options), "convention": convention, "gates": gates.transpose(1, 0, 2, 3)}
    y, last2 = native.forward(**given, out=out, threads=2)
    assert y is out
    assert np.array_equal(y, plain)
    assert np.array_equal(last, last2)
    assert np.isnan(both[:, :, :H]).all()
    dy = np.zeros((B, T, 2 * H), np.float32)
    dy[:, :, H:] = np.random.default_rng(5).normal(size=(B, T, H))
    got = gradients(native.backward(dy.transpose(1, 0, 2)[:, :, H:], None, **given, y=y))
    want = expected(convention, args, options, dy.transpose(1, 0, 2)[:, :, H:], None, False)
    assert_agree(got, {n: want[n] for n in got}, np.float32)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_step_packed_and_readout(convention):
    args, options = problem(convention, np.float32, 8, 3, 5, 21, lengths=True, holes=True)
    x, h = args.pop("x"), args.pop("h")
    cell, steps = whole(args)["cell"], Steps(**options)
    packed = native.Packed(cell, convention)
    y, last = native.forward(x, h, cell, convention, steps)
    y2, last2 = packed.forward(x, h, steps)
    assert np.array_equal(y, y2)
    assert np.array_equal(last, last2)
    x = np.nan_to_num(x)
    want = reference.step(x[0], h, cell, convention)
    for got in (native.step(x[0], h, cell, convention), packed.step(x[0], h)):
        assert_close(got, want, "engine")
    V, b = np.random.default_rng(2).normal(size=(4, 21)).astype("f"), np.arange(4, dtype="f")
    want = y.astype(float) @ V.T.astype(float) + b
    assert_close(native.readout(y, V, b), want.astype("f"), "engine")


def test_packed_pickles_and_does_not_follow_the_weights():
    import copy
    import pickle

    args, _ = problem(TORCH, np.float64, 4, 2, 3, 6)
    x, h = args.pop("x"), args.pop("h")
    packed = native.Packed(whole(args)["cell"], TORCH)
    y, _ = packed.forward(x, h)
    args["U"] *= 2
    for other in (packed, pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed)):
        assert np.array_equal(other.forward(x, h)[0], y)


def test_torch_tensors_without_a_copy():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    args, options = problem(TORCH, np.float32, 5, 4, 3, 8, lengths=True, poison=False)
    y, last = native.forward(**whole(args | options), convention=TORCH)
    t = {k: torch.nn.Parameter(torch.from_numpy(v)) for k, v in args.items()}
    out, state = torch.full((4, 5, 8), torch.nan), torch.empty(4, 8)
    lengths = torch.from_numpy(options["lengths"])
    native.forward_into(**whole({**t, "lengths": lengths}), convention=TORCH, h_last=state, y=out.transpose(0, 1))
    assert np.array_equal(out.transpose(0, 1).numpy(), y)
    assert np.array_equal(state.numpy(), last)
    with pytest.raises(InputTypeError, match=r"^x: dtype another, expected float32 or float64$"):
        native.forward_into(**whole({**t, "x": t["x"].half()}), convention=TORCH, h_last=state)
    with pytest.raises(InputTypeError, match=r"^x: expected memory of the CPU$"):
        native.forward_into(**whole({**t, "x": t["x"].to("meta")}), convention=TORCH, h_last=state)


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"x": np.zeros((5, 4, 2), "f")}, InputError, "x: shape (5, 4, 2), expected (T, B, I) = (5, 4, 3)"),
        ({"x": np.zeros((4, 3), "f")}, InputError, "x: 2 axes, expected (T, B, I)"),
        ({"x": np.zeros((5, 4, 3))}, InputTypeError, "W: dtype float32, expected float64"),
        ({"x": np.zeros((5, 4, 3), int)}, InputTypeError, "x: dtype int64, expected float32 or float64"),
        ({"x": np.zeros((5, 4, 3), ">f4")}, InputTypeError, "x: dtype another, expected float32 or float64"),
        ({"h": np.zeros((4, 7), "f")}, InputError, "h: shape (4, 7), expected (B, H) = (4, 8)"),
        ({"W": np.zeros((23, 3), "f")}, InputError, "W: shape (23, 3), expected (3H, I) = (24, 3)"),
        ({"U": np.zeros((23, 8), "f")}, InputError, "U: shape (23, 8), expected (3H, H) = (24, 8)"),
        ({"b": np.zeros(8, "f")}, InputError, "b: shape (8,), expected (3H,) = (24,)"),
        ({"c": np.zeros(7, "f")}, InputError, "c: shape (7,), expected (H,) = (8,)"),
        ({"lengths": np.zeros(4, np.int32)}, InputTypeError, "lengths: dtype another, expected int64"),
        ({"lengths": np.full(4, 6)}, InputError, "lengths: 6 at index 0, expected 0 to 5"),
        ({"lengths": np.full(4, -1)}, InputError, "lengths: -1 at index 0, expected 0 to 5"),
        ({"lengths": np.zeros(3, int)}, InputError, "lengths: shape (3,), expected (B,) = (4,)"),
        ({"mask": np.ones((4, 5), bool)}, InputError, "mask: shape (4, 5), expected (T, B) = (5, 4)"),
        ({"mask": np.ones((5, 4), np.uint8)}, InputTypeError, "mask: dtype another, expected bool"),
        ({"restarts": np.ones((5, 3), bool)}, InputError, "restarts: shape (5, 3), expected (T, B) = (5, 4)"),
        ({"out": np.zeros((5, 4, 9), "f")}, InputError, "y: shape (5, 4, 9), expected (T, B, H) = (5, 4, 8)"),
        ({"out": np.zeros((5, 4, 16), "f")[:, :, ::2]}, InputError,
         "y: expected unit strides after the first two axes"),
        ({"gates": np.zeros((5, 4, 3, 8), "f")}, InputError,
         "gates: shape (5, 4, 3, 8), expected (T, B, G, H) = (5, 4, 4, 8)"),
        ({"threads": -1}, InputError, "threads: -1, expected a whole number of at least 1"),
        ({"isa": "mmx"}, InputError, "isa 'mmx': unknown instruction set, this build has "),
        ({"convention": TUTORIAL}, InputError,
         "c: expected None or (3H,), since the reset gate acts before the product"),
        ({"x": np.frombuffer(bytes(241), np.uint8)[1:].view("f").reshape(5, 4, 3)}, InputError,
         "x: expected aligned memory"),
    ],
    ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
)  # fmt: skip
def test_errors_name_the_argument(change, kind, text):
    args, options = problem(TORCH, np.float32, 5, 4, 3, 8)
    with pytest.raises(kind) as caught:
        native.forward(**whole({**args, **options, "convention": TORCH, **change}))
    assert str(caught.value).startswith(text)
    assert text.endswith(" ") or str(caught.value) == text


def test_the_core_takes_no_bare_positions_after_the_parameters():
    args, _ = problem(TORCH, np.float32, 2, 2, 3, 4)
    x, h, W, U, b, c = (args[name] for name in "xhWUbc")
    y, last = np.zeros((2, 2, 4), "f"), np.zeros((2, 4), "f")
    named = {"lengths": None, "mask": None, "restarts": None, "reverse": False, "y": y, "gates": None, "h_last": last}
    rest = {**named, "threads": 1, "isa": native.info().isa}
    native._core.forward(x, h, W, U, b, c, after=True, keeps=True, **rest)
    assert y.any()
    with pytest.raises(TypeError, match="incompatible function arguments"):
        native._core.forward(x, h, W, U, b, c, True, True, **rest)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        native._core.forward(x, h, W, U, b, c, after=True, keep=True, **rest)


@pytest.mark.parametrize("x", [np.ones((), "f"), np.ones(3, "f"), None], ids=["no axes", "one axis", "None"])
def test_too_few_axes_are_named(x):
    """Sizes are read of these arrays before the core sees them."""
    cell, h = Cell(np.ones((6, 1), "f"), np.ones((6, 2), "f"), None, None), np.zeros((1, 2), "f")
    said = "NoneType, expected an array" if x is None else f"{x.ndim} axes, expected"
    calls = [
        ("x: %s (T, B, I)", lambda: native.forward(x, h, cell, TORCH)),
        ("x: %s (T, B, I)", lambda: native.backward(None, h, x, h, cell, h, h, TORCH)),
        ("x: %s (T, B, I)", lambda: native.Packed(cell, TORCH).forward(x, h)),
        ("x: %s (B, I)", lambda: native.step(x, h, cell, TORCH)),
        ("h: %s (T, B, H)", lambda: native.readout(x, np.ones((1, 2), "f"), None)),
    ]
    for text, call in calls:
        with pytest.raises((InputError, InputTypeError), match=f"^{re.escape(text % said)}$"):
            call()


def test_a_mask_is_copied_after_all_shapes_are_known_to_fit():
    """More steps than memory, all in one number: to copy the mask of a call that is refused would take petabytes."""
    T, B, I, H = 2**45, 1, 2, 3
    numbers = [np.zeros(shape) for shape in ((3 * H, I), (3 * H, H), 3 * H, H)]
    x, mask = np.broadcast_to(np.zeros((1, B, I)), (T, B, I)), np.broadcast_to(True, (T, B))
    with pytest.raises(InputError, match=r"^y: shape"):
        native._core.forward(
            x, np.zeros((B, H)), *numbers, after=True, keeps=True, lengths=None, mask=mask, restarts=None,
            reverse=False, y=np.zeros((5, B, H)), gates=None, h_last=np.zeros((B, H)), threads=1, isa=native.info().isa
        )  # fmt: skip


def test_read_only_results_and_missing_arrays_are_refused():
    args, _ = problem(TORCH, np.float32, 2, 2, 3, 4)
    out = np.zeros((2, 2, 4), "f")
    out.flags.writeable = False
    with pytest.raises(InputTypeError, match=r"^y: expected an array that may be written to$"):
        native.forward(**whole(args), convention=TORCH, out=out)
    with pytest.raises(InputTypeError, match=r"^h_last: None, expected an array \(B, H\)$"):
        native.forward_into(**whole(args), convention=TORCH, h_last=None)
    with pytest.raises(InputTypeError, match=r"^x: list, expected a NumPy array or a torch tensor of the CPU$"):
        native.forward_into(**whole({**args, "x": [1.0]}), convention=TORCH, h_last=args["h"])
    with pytest.raises(InputError, match=r"^threads: 0, expected a whole number of at least 1$"):
        set_threads(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_no_units(convention, threads, dtype):
    """Nothing comes out and nothing goes back: the input's gradient is 0 everywhere."""
    args, options = problem(convention, dtype, 4, 13, 3, 0, lengths=True)
    got = actual(convention, args, options, np.zeros((4, 13, 0), dtype), None, False, threads=threads)
    sizes = {"y": (4, 13, 0), "last": (13, 0), "dh": (13, 0), "dW": (0, 3), "dU": (0, 0), "db": (0,)}
    assert {name: got[name].shape for name in sizes} == sizes
    assert np.array_equal(got["dx"], np.zeros((4, 13, 3), dtype))


@pytest.mark.parametrize("which", ["lengths", "mask", "restarts"])
def test_flags_that_change_during_a_call_are_those_of_its_beginning(which):
    """Every thread of the core asks for them at every step; each call must give one of the two answers, whole."""
    args, options = problem(TORCH, np.float32, 600, 3, 8, 96, lengths=True, holes=True, restarts=True, poison=False)
    options = {which: options[which]}
    want = native.forward(**whole(args | options), convention=TORCH, threads=1)[1]
    changing = options[which]
    before, answers = changing.copy(), []

    def write():
        time.sleep(0.001)  # the call has begun by now; if not, it gives the other answer
        changing[...] = 0 if which == "lengths" else ~before

    other = dict(options)
    other[which] = np.zeros_like(before) if which == "lengths" else ~before
    late = native.forward(**whole(args | other), convention=TORCH, threads=1)[1]
    for _ in range(20):
        changing[...] = before
        thread = threading.Thread(target=write)
        thread.start()
        answers.append(native.forward(**whole(args | options), convention=TORCH, threads=3)[1])
        thread.join(60)
    assert not np.array_equal(want, late)
    assert all(np.array_equal(a, want) or np.array_equal(a, late) for a in answers)
    assert any(np.array_equal(a, want) for a in answers)


@pytest.mark.parametrize("fault", ["swapped gates", "wrong sign", "stale bias", "one NaN", "other convention"])
def test_the_comparison_fails_on_planted_faults(fault):
    args, options = problem(TORCH, np.float32, 5, 4, 3, 8, lengths=True)
    dy, dh = losses(args, 0)
    want = expected(TORCH, args, options, dy, dh, False)
    wrong, convention = dict(args), TORCH
    if fault == "swapped gates":
        wrong["U"] = np.concatenate([args["U"][8:16], args["U"][:8], args["U"][16:]])
    elif fault == "wrong sign":
        wrong["c"] = -args["c"]
    elif fault == "stale bias":
        wrong["b"] = args["b"].copy()
        wrong["b"][3] += 1e-4
    elif fault == "other convention":
        convention = Convention("after", "adds")
    got = actual(convention, wrong, options, dy, dh, False)
    if fault == "one NaN":
        got["dW"][1, 1] = np.nan
    with pytest.raises(AssertionError, match=r"error .* limit"):
        assert_agree(got, want, np.float32)
