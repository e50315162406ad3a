"""`gruvy.nn.GRU` in torch's convention against `torch.nn.GRU`, whichever way the call goes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from compare import assert_close
from gruvy.nn import GRU, recur
from paths import ALL, OWN, force

T, B, I, H = 4, 4, 3, 5


def pair(**options: Any) -> tuple[torch.nn.GRU, GRU]:
    torch.manual_seed(3)
    theirs = torch.nn.GRU(I, H, dtype=torch.float64, **options)
    ours = GRU(I, H, dtype=torch.float64, **options)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def results(layer: torch.nn.GRU, x: Tensor, h: Tensor | None, packed: bool) -> dict[str, Tensor]:
    """Output, h_n and every gradient of a loss that weighs each number differently."""
    x = x.clone().requires_grad_()
    h = None if h is None else h.clone().requires_grad_()
    lengths = torch.tensor([3, 4, 1, 4])
    given = pack_padded_sequence(x, lengths, layer.batch_first, enforce_sorted=False) if packed else x
    output, h_n = layer(given, h)
    if packed:
        assert isinstance(output, PackedSequence)
        parts = {f: getattr(output, f) for f in ("data", "batch_sizes", "sorted_indices", "unsorted_indices")}
    else:
        parts = {"output": output}
    first = next(iter(parts.values()))
    generator = torch.Generator().manual_seed(5)
    loss = sum((t * torch.randn(t.shape, generator=generator, dtype=torch.float64)).sum() for t in (first, h_n))
    wanted = {"x": x} | ({} if h is None else {"h": h}) | dict(layer.named_parameters())
    gradients = torch.autograd.grad(loss, list(wanted.values()))
    return parts | {"h_n": h_n} | {f"d{n}": g for n, g in zip(wanted, gradients, strict=True)}


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(
    ("layers", "two", "bias", "first", "packed"),
    [pytest.param(*v, id="layers{}-two{:d}-bias{:d}-first{:d}-packed{:d}".format(*v)) for v in itertools.product(
        (1, 2), (False, True), (False, True), (False, True), (False, True))],
)  # fmt: skip
def test_equal(monkeypatch: pytest.MonkeyPatch, path: str, layers: int, two: bool, bias: bool, first: bool,
               packed: bool) -> None:  # fmt: skip
    theirs, ours = pair(num_layers=layers, bidirectional=two, bias=bias, batch_first=first)
    force(monkeypatch, path)
    x = torch.randn((B, T, I) if first else (T, B, I), dtype=torch.float64)
    for h in (None, torch.randn(layers * (1 + two), B, H, dtype=torch.float64)):
        expected, actual = results(theirs, x, h, packed), results(ours, x, h, packed)
        assert list(actual) == list(expected)
        for name, value in expected.items():
            assert_close(actual[name], value, "same" if value.is_floating_point() else "exact", name)


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize("two", [False, True])
def test_unbatched(monkeypatch: pytest.MonkeyPatch, path: str, two: bool) -> None:
    theirs, ours = pair(num_layers=2, bidirectional=two)
    force(monkeypatch, path)
    x, h = torch.randn(T, I, dtype=torch.float64), torch.randn(2 * (1 + two), H, dtype=torch.float64)
    for actual, expected in zip(ours(x, h), theirs(x, h), strict=True):
        assert_close(actual, expected)


@pytest.mark.parametrize("path", ALL)
def test_names_of_the_arguments_are_those_of_torch(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    theirs, ours = pair()
    force(monkeypatch, path)
    x, h = torch.randn(T, B, I, dtype=torch.float64), torch.randn(1, B, H, dtype=torch.float64)
    assert_close(ours(input=x, hx=h)[0], theirs(input=x, hx=h)[0])


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}], ids=str)
def test_state_dict_both_ways(options: dict[str, Any]) -> None:
    theirs, ours = pair(**options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for p in ours.parameters():
        p.data.mul_(-0.5)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert_close(ours(x, lengths=torch.full((B,), T))[0], theirs(x)[0])


def test_it_is_a_torch_gru() -> None:
    layer = GRU(3, 5, 2, bidirectional=True)
    assert isinstance(layer, torch.nn.GRU)
    layer.flatten_parameters()
    assert layer.all_weights[0][0] is layer.weight_ih_l0
    names = list(torch.nn.GRU(3, 5, 2, bidirectional=True).state_dict())
    assert list(dict(layer.named_parameters())) == names


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("path", OWN)
def test_dropout_is_between_layers_and_scales(monkeypatch: pytest.MonkeyPatch, path: str, seed: int) -> None:
    """Two layers with dropout are two layers of torch with the same multipliers between them."""
    torch.manual_seed(seed)
    ours = GRU(I, H, 2, dropout=0.4, dtype=torch.float64)
    noise: list[Tensor] = []
    make = recur._noise
    monkeypatch.setattr(recur, "_noise", lambda *given: noise.append(make(*given)) or noise[-1])
    force(monkeypatch, path)
    x = torch.randn(T, B, I, dtype=torch.float64)
    output, h_n = ours(x)
    output.square().sum().backward()
    assert {round(v, 12) for v in noise[0].flatten().tolist()} == {0.0, round(1 / 0.6, 12)}
    assert 0.1 < (noise[0] == 0).double().mean() < 0.7
    lower, upper = torch.nn.GRU(I, H, dtype=torch.float64), torch.nn.GRU(H, H, dtype=torch.float64)
    state = ours.state_dict()
    lower.load_state_dict({n: v for n, v in state.items() if n.endswith("l0")})
    upper.load_state_dict({n.replace("l1", "l0"): v for n, v in state.items() if n.endswith("l1")})
    y, h_0 = lower(x)
    y, h_1 = upper(y * noise[0][0])
    y.square().sum().backward()
    assert_close(output, y)
    assert_close(h_n, torch.cat([h_0, h_1]))
    assert ours.weight_hh_l0.grad is not None
    assert_close(ours.weight_hh_l0.grad, lower.weight_hh_l0.grad)
    assert_close(ours.weight_ih_l1.grad, upper.weight_ih_l0.grad)
    ours.eval()
    ours(x)
    assert noise[-1] is None


def test_dropout_of_one_layer_warns_as_torch_does() -> None:
    with pytest.warns(UserWarning, match="dropout") as theirs:
        torch.nn.GRU(3, 5, dropout=0.2)
    with pytest.warns(UserWarning, match="dropout") as ours:
        GRU(3, 5, dropout=0.2)
    assert str(ours[0].message) == str(theirs[0].message)
