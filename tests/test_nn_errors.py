"""Whoever catches what `torch.nn.GRU` raises catches what gruvy raises: the same wrong calls to both, live."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

import gruvy
from gruvy.nn import GRU

T, B, I, H = 4, 2, 3, 5
F64 = torch.float64
X = torch.randn(T, B, I, generator=torch.Generator().manual_seed(1))
ONE = X[:, 0]
PACKED = pack_sequence([X[:, 0], X[:2, 1]])
UNSORTED = pack_sequence([X[:2, 0], X[:, 1]], enforce_sorted=False)

Call = Callable[[Any], Any]  # from the class, torch's or ours, to a result


def run(*given: Any, **options: Any) -> Call:
    return lambda cls: cls(I, H, **options)(*given)


def make(*given: Any, **options: Any) -> Call:
    return lambda cls: cls(*given, **options)


def h(*shape: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> torch.Tensor:
    return torch.zeros(*shape, dtype=dtype, device=device)


def autocast(*given: Any) -> Call:
    def call(cls: Any) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return cls(I, H)(*given)

    return call


WRONG_INPUTS = {
    "input of no axis": run(torch.tensor(1.0)),
    "input of one axis": run(X[0, 0]),
    "input of four axes": run(X[None]),
    "input too narrow": run(X[..., :2]),
    "input too narrow, batch first": run(X[..., :2], batch_first=True),
    "one sequence too narrow": run(ONE[:, :2]),
    "packed too narrow": run(pack_sequence([ONE[:, :2]])),
    "packed numbers": run(pack_sequence([ONE[:, 0]])),
    "packed matrices": run(pack_sequence([X])),
    "float64 input": run(X.double()),
    "float64, one sequence": run(ONE.double()),
    "float64 packed": run(pack_sequence([ONE.double()])),
    "float16 input": run(X.half()),
    "float32 into float64": run(X, dtype=F64),
    "whole numbers": run(X.long()),
    "complex input": run(X + 0j),
    "input of another device": run(X.to("meta")),
    "no input": run(),
    "too many arguments": run(X, None, None, None, None, None, None),
    "unknown argument": lambda cls: cls(I, H)(X, h0=h(1, B, H)),
}
WRONG_STATES = {
    "hx of another batch": run(X, h(1, 1, H)),
    "hx of another batch, batch first": run(X, h(1, B, H), batch_first=True),
    "hx of more layers": run(X, h(2, B, H)),
    "hx of one direction": run(X, h(1, B, H), bidirectional=True),
    "hx of fewer layers": run(X, h(2, B, H), num_layers=2, bidirectional=True),
    "hx of another size": run(X, h(1, B, 4)),
    "hx without batch": run(X, h(1, H)),
    "hx of four axes": run(X, h(1, 1, B, H)),
    "hx of a batch for one sequence": run(ONE, h(1, 1, H)),
    "hx of one axis for one sequence": run(ONE, h(H)),
    "hx of another size for one sequence": run(ONE, h(1, 4)),
    "hx of more layers for one sequence": run(ONE, h(2, H)),
    "hx of another batch, packed": run(PACKED, h(1, 1, H)),
    "hx without batch, packed": run(PACKED, h(1, H)),
    "hx of another size, packed": run(PACKED, h(1, B, 4)),
    "hx of another batch, packed and unsorted": run(UNSORTED, h(1, 1, H)),
    "hx of float64": run(X, h(1, B, H, dtype=F64)),
    "hx of float16": run(X, h(1, B, H, dtype=torch.float16)),
    "hx of whole numbers": run(X, h(1, B, H, dtype=torch.int64)),
    "hx of float64, packed": run(PACKED, h(1, B, H, dtype=F64)),
    "hx of float64 for one sequence": run(ONE, h(1, H, dtype=F64)),
    "hx of another device": run(X, h(1, B, H, device="meta")),
}
WRONG_LAYERS = {
    "proj_size": make(I, H, proj_size=2),
    "proj_size=0": make(I, H, proj_size=0),
    "num_layers=0": make(I, H, 0),
    "num_layers=-1": make(I, H, -1),
    "num_layers=1.5": make(I, H, 1.5),
    "num_layers of text": make(I, H, "2"),
    "dropout=2": make(I, H, 2, dropout=2),
    "dropout=-.1": make(I, H, 2, dropout=-0.1),
    "dropout=True": make(I, H, 2, dropout=True),
    "dropout of text": make(I, H, 2, dropout="half"),
    "dropout=None": make(I, H, 2, dropout=None),
    "dropout=nan": make(I, H, 2, dropout=float("nan")),
    "bias=1": make(I, H, bias=1),
    "bias=None": make(I, H, bias=None),
    "batch_first=1": make(I, H, batch_first=1),
    "input_size=0": make(0, H),
    "input_size=-1": make(-1, H),
    "input_size=1.5": make(1.5, H),
    "input_size=None": make(None, H),
    "hidden_size=0": make(I, 0),
    "hidden_size=-5": make(I, -5),
    "hidden_size=5.0": make(I, 5.0),
    "no sizes": make(),
    "one size": make(I),
    "unknown option": make(I, H, units=3),
    "dtype of whole numbers": make(I, H, dtype=torch.int64),
    "dtype of text": make(I, H, dtype="float"),
    "unknown device": make(I, H, device="nowhere"),
}
# Refused by torch itself, since the layer passes the argument on, or by Python.
NOT_OURS = {*WRONG_LAYERS, "no input", "too many arguments", "unknown argument"} - {"proj_size", "proj_size=0"}

RIGHT = {
    "batch": run(X),
    "batch first": run(X, batch_first=True),
    "one sequence": run(ONE),
    "one sequence, batch first": run(ONE, h(1, H), batch_first=True),
    "packed": run(PACKED, h(1, B, H)),
    "packed and unsorted": run(UNSORTED, h(1, B, H)),
    "hx": run(X, h(2, B, H), bidirectional=True),
    "hx by name": lambda cls: cls(I, H)(input=X, hx=h(1, B, H)),
    "hx of no rows": run(X[:, :0], h(1, 0, H)),
    "an empty batch": run(X[:, :0]),
    "float64": run(X.double(), h(1, B, H, dtype=F64), dtype=F64),
    "an expanded hx": run(X, h(1, 1, H).expand(1, B, H)),
    "autocast": autocast(X),
    "autocast of a half input": autocast(X.bfloat16(), h(1, B, H, dtype=torch.bfloat16)),
    "bidirectional=1": make(I, H, bidirectional=1),
    "input_size=True": make(True, H),
    "everything by position": make(I, H, 2, True, False, 0.5, True),
    "dropout of one layer": make(I, H, dropout=0.5),
}


def outcome(call: Call, cls: type) -> Exception | None:
    """What the call raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # dropout of one layer, of both
        try:
            call(cls)
        except Exception as error:  # whichever it is, is the question
            return error
    return None


WRONG = WRONG_INPUTS | WRONG_STATES | WRONG_LAYERS


@pytest.mark.parametrize("name", WRONG)
def test_ours_is_what_torch_raises(name: str) -> None:
    theirs, ours = outcome(WRONG[name], torch.nn.GRU), outcome(WRONG[name], GRU)
    assert theirs is not None
    assert isinstance(ours, type(theirs)), (ours, theirs)
    assert isinstance(ours, gruvy.Error) == (name not in NOT_OURS)


@pytest.mark.parametrize("name", WRONG_INPUTS | WRONG_STATES)
def test_other_conventions_raise_the_same(name: str) -> None:
    theirs = outcome(WRONG[name], torch.nn.GRU)
    ours = outcome(WRONG[name], lambda *given, **options: GRU(*given, **options, convention="tutorial"))
    assert isinstance(ours, type(theirs)), (ours, theirs)


@pytest.mark.parametrize("name", RIGHT)
def test_what_torch_takes_is_taken(name: str) -> None:
    assert outcome(RIGHT[name], torch.nn.GRU) is None
    assert outcome(RIGHT[name], GRU) is None


def test_the_table_can_fail() -> None:
    """An error of another kind, and a call that succeeds, are no match."""
    assert not isinstance(outcome(run([1.0]), GRU), type(outcome(run([1.0]), torch.nn.GRU)))
    assert outcome(RIGHT["batch"], GRU) is None


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (run([1.0]), "input: list, expected a tensor or a PackedSequence"),
        (run(X, (h(1, B, H), h(1, B, H))), "hx: tuple, expected a tensor"),
    ],
)
def test_where_torch_fails_by_accident_ours_is_a_type_error(call: Call, text: str) -> None:
    assert isinstance(outcome(call, torch.nn.GRU), AttributeError)  # 'list' object has no attribute 'dim'
    ours = outcome(call, GRU)
    assert isinstance(ours, TypeError)
    assert str(ours) == text


def test_where_the_two_differ_on_purpose() -> None:
    """No steps: h_0 comes back. A state too many for an unsorted packed sequence: torch drops it in silence."""
    assert isinstance(outcome(run(X[:0]), torch.nn.GRU), RuntimeError)
    h_0 = torch.randn(1, B, H)
    output, h_n = GRU(I, H)(X[:0], h_0)
    assert output.shape == (0, B, H)
    assert torch.equal(h_n, h_0)
    assert outcome(run(UNSORTED, h(1, 3, H)), torch.nn.GRU) is None
    assert isinstance(outcome(run(UNSORTED, h(1, 3, H)), GRU), gruvy.InputError)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (WRONG["proj_size"], "proj_size: 2, expected none: a GRU has no projections, in torch as here"),
        (WRONG["packed matrices"], "input: packed steps of shape (2, 3), expected (3,)"),
        (WRONG["packed numbers"], "input: packed steps of shape (), expected (3,)"),
        (WRONG["input of another device"], "input: on meta, expected cpu like the layer's weights"),
        (WRONG["hx of another device"], "hx: on meta, expected cpu like the input"),
    ],
)
def test_texts(call: Call, text: str) -> None:
    assert str(outcome(call, GRU)) == text


def test_a_state_dict_of_another_convention_is_a_runtime_error_too() -> None:
    """As a state dict of another shape is, from torch."""
    with pytest.raises(RuntimeError) as theirs:
        GRU(I, H).load_state_dict(GRU(I, 4).state_dict())
    assert not isinstance(theirs.value, gruvy.Error)
    with pytest.raises(RuntimeError) as ours:
        GRU(I, H).load_state_dict(GRU(I, H, convention="tutorial").state_dict())
    assert isinstance(ours.value, gruvy.ConventionError)


@pytest.mark.parametrize("kind", [gruvy.InputError, gruvy.InputTypeError, gruvy.ConventionError])
def test_every_kind_of_wrong_argument(kind: type[Exception]) -> None:
    """One `except` for all of them, Python's or torch's."""
    for base in (gruvy.Error, gruvy.InputError, ValueError, RuntimeError):
        assert issubclass(kind, base)
    assert issubclass(kind, TypeError) == (kind is gruvy.InputTypeError)
