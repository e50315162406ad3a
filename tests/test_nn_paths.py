"""Which way a call of `gruvy.nn.GRU` goes and why, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from gruvy import ConventionError, EngineError, InputError, InputTypeError
from gruvy.engines import native
from gruvy.nn import GRU, GRUCell, Path
from test_nn_module import ALL, F64, B, H, I, X, make


def test_jit_script_is_refused() -> None:
    with (
        pytest.warns(DeprecationWarning, match=r"torch\.jit\.script"),
        pytest.raises(InputTypeError) as error,
    ):
        torch.jit.script(torch.nn.Sequential(make()))
    assert str(error.value) == (
        "torch.jit.script: gruvy.nn.GRU is not TorchScript; torch.export keeps it whole, and "
        "gruvy.nn.revert_gru(model) makes it a torch.nn.GRU"
    )


@pytest.mark.filterwarnings("ignore:gruvy runs without its native core")
def test_paths_and_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make()
    long = X.repeat(2, 1, 1)  # 8 steps
    packed = pack_sequence([long[:, 0], long[:2, 1]])
    kernel = Path("torch kernel", "nothing that torch.nn.GRU lacks is asked for")
    monkeypatch.setattr(native, "available", lambda: (True, "there"))
    assert layer.path(long) == layer.path(packed) == Path("native", "faster than torch's kernel; there")
    for units, few, few_trained in ((64, 1, 1), (65, 2, 2), (128, 2, 2), (129, 8, 4)):  # so many steps are faster
        net = GRU(I, units)
        for recorded, least in ((True, few_trained), (False, few)):
            with torch.set_grad_enabled(recorded):
                assert net.path(long[:least]).name == "native"
                assert least == 1 or net.path(long[: least - 1]).name == "torch kernel"
    for units, recorded, name in ((64, False, "native"), (64, True, "torch kernel"), (65, False, "torch kernel")):
        with torch.set_grad_enabled(recorded):
            assert GRUCell(I, units).path(long[0]).name == name
    monkeypatch.setattr(native, "available", lambda: (False, "not built"))
    assert layer.path(long) == layer.path(packed) == kernel
    with torch.autograd.forward_ad.dual_level():
        assert layer.path(X) == Path("plain", "a functorch transform or a forward-mode level is active")
    monkeypatch.setattr(native, "available", lambda: (False, "not built"))
    why = "no native engine: not built"
    assert layer.path(X, **ALL) == Path("torch operations", f"mask; {why}")
    lengths = torch.tensor([3, 1])
    assert layer.path(X, lengths=lengths, return_gates=True) == Path(
        "torch operations", f"lengths, return_gates; {why}"
    )
    assert make("onnx").path(packed) == Path("torch operations", f'convention "onnx"; {why}')
    assert layer.path(X[:0]) == Path("torch operations", f"no steps; {why}")
    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    assert layer.path(X) == Path("torch operations", "GRUVY_ENGINE=reference")
    monkeypatch.setenv("GRUVY_ENGINE", "native")
    with pytest.raises(EngineError, match=r"engine 'native' \(GRUVY_ENGINE\) cannot serve: not built"):
        layer(X)
    with torch.autograd.forward_ad.dual_level(), pytest.raises(EngineError, match="a functorch transform"):
        layer(X)
    monkeypatch.setattr(native, "available", lambda: (True, "there"))
    assert layer.path(X) == Path("native", "GRUVY_ENGINE=native; there")
    monkeypatch.setenv("GRUVY_ENGINE", "fast")
    with pytest.raises(
        EngineError, match=r"engine 'fast' \(GRUVY_ENGINE\): expected \"native\", \"reference\" or \"triton\""
    ):
        layer(X)


BAD: list[tuple[Callable[[GRU], Any], type[Exception], str]] = [
    (lambda g: g([1.0]), InputTypeError, "input: list, expected a tensor or a PackedSequence"),
    (lambda g: g(X[0, 0]), InputError, "input: shape (3,), expected (time, batch, 3), or (time, 3) for one sequence"),
    (
        lambda g: g(X[..., :2]),
        InputError,
        "input: shape (4, 2, 2), expected (time, batch, 3), or (time, 3) for one sequence",
    ),
    (
        lambda g: GRU(I, H, batch_first=True)(X[..., :2]),
        InputError,
        "input: shape (4, 2, 2), expected (batch, time, 3), or (time, 3) for one sequence",
    ),
    (lambda g: g(pack_sequence([X[:, 0, :2]])), InputError, "input: packed steps of shape (2,), expected (3,)"),
    (
        lambda g: g(X.double()),
        InputTypeError,
        "input: dtype torch.float64, expected torch.float32 like the layer's weights",
    ),
    (lambda g: g(X, [0.0]), InputTypeError, "hx: list, expected a tensor"),
    (
        lambda g: g(X, torch.zeros(1, 1, H)),
        InputError,
        "hx: shape (1, 1, 5), expected (layers * directions, batch, hidden_size) = (1, 2, 5)",
    ),
    (
        lambda g: g(X[:, 0], torch.zeros(1, 1, H)),
        InputError,
        "hx: shape (1, 1, 5), expected (layers * directions, hidden_size) = (1, 5)",
    ),
    (
        lambda g: g(X, torch.zeros(1, B, H, dtype=F64)),
        InputTypeError,
        "hx: dtype torch.float64, expected torch.float32 like the input",
    ),
    (lambda g: g(X, lengths=torch.tensor([4])), InputError, "lengths: shape (1,), expected (batch,) = (2,)"),
    (lambda g: g(X[:, 0], lengths=[4]), InputError, "lengths: shape (1,), expected () for one sequence"),
    (lambda g: g(X, lengths=[4.0, 2.0]), InputTypeError, "lengths: dtype torch.float32, expected whole numbers"),
    (
        lambda g: g(X, lengths=[4, 5]),
        InputError,
        "lengths: 5 at index 1, expected 0 to 4, the number of steps in the input",
    ),
    (
        lambda g: g(X, lengths=[-1, 4]),
        InputError,
        "lengths: -1 at index 0, expected 0 to 4, the number of steps in the input",
    ),
    (
        lambda g: g(pack_sequence([X[:, 0]]), lengths=[4]),
        InputError,
        "lengths: not together with a PackedSequence, which has its own lengths",
    ),
    (
        lambda g: g(pack_sequence([X[:, 0]]), mask=ALL["mask"]),
        InputError,
        "mask: not together with a PackedSequence, which has its own lengths",
    ),
    (lambda g: g(X, mask=ALL["mask"].T), InputError, "mask: shape (2, 4), expected (time, batch) = (4, 2)"),
    (
        lambda g: GRU(I, H, batch_first=True)(X.transpose(0, 1), restarts=ALL["mask"]),
        InputError,
        "restarts: shape (4, 2), expected (batch, time) = (2, 4)",
    ),
    (lambda g: g(X[:, 0], mask=ALL["mask"]), InputError, "mask: shape (4, 2), expected (time,) = (4,)"),
    (
        lambda g: g(X, mask=ALL["mask"].float()),
        InputTypeError,
        "mask: dtype torch.float32, expected a tensor of booleans",
    ),
    (lambda g: g(X, restarts=[[True]]), InputTypeError, "restarts: list, expected a tensor of booleans"),
    (
        lambda g: GRU(I, H, convention="cho"),
        ConventionError,
        "convention='cho': expected \"tutorial\", \"torch\", \"onnx\" or a gruvy.Convention",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "text"), BAD, ids=[text for _, _, text in BAD])
def test_bad_input(call: Callable[[GRU], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as error:
        call(make())
    assert str(error.value) == text


def test_projections_are_refused() -> None:
    with pytest.raises(TypeError, match="proj_size"):
        GRU(I, H, proj_size=2)
