"""Tensors whose memory does not hold their numbers as they are: negated lazily, zeros without memory, misaligned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from compare import assert_close
from gruvy.convention import Convention
from gruvy.engines import native
from gruvy.errors import InputError
from gruvy.nn import GRU
from gruvy.reference import Cell, Steps

pytestmark = pytest.mark.skipif(not native.available()[0], reason="needs the native core")
T, B, I, H = 9, 5, 3, 7


def negated(t):
    """The numbers of t, as the imaginary part of a conjugate: torch keeps the other sign in memory, and a mark."""
    lazy = torch.complex(torch.zeros_like(t), -t).conj().imag
    assert lazy.is_neg()
    assert torch.equal(lazy, t)
    # Alone in its memory, as one channel of a spectrum is: nothing else would make it plain.
    alone = torch._neg_view(-t)
    assert alone.is_neg()
    assert alone.is_contiguous()
    return alone


def misaligned(t):
    """The same numbers at an address that is no multiple of their size."""
    raw = bytearray(b"\0" + t.numpy().tobytes())
    odd = torch.frombuffer(raw, dtype=t.dtype, offset=1).view(t.shape)
    assert odd.data_ptr() % t.element_size()
    return odd


def numbers(seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*s, generator=generator).to(dtype) for s in [(T, B, I), (1, B, H), (T, B, H), (1, B, H)]]


def everything(layer, x, h, dy, dh):
    """Output, last state, and the gradient of everything that has one."""
    layer.zero_grad()
    x, h = (t.detach().requires_grad_() for t in (x, h))
    y, last = layer(x, h)
    found = torch.autograd.grad([y, last], [x, h, *layer.parameters()], [dy, dh])
    return [y.detach(), last.detach(), *found]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("form", [negated, misaligned], ids=["negated", "misaligned"])
@pytest.mark.parametrize("which", ["x", "h", "dy", "dh", "weights", "all"])
def test_the_numbers_count_not_the_memory(which, form, dtype):
    torch.manual_seed(0)
    layer, expected = GRU(I, H, dtype=dtype), torch.nn.GRU(I, H, dtype=torch.float64)
    expected.load_state_dict(layer.state_dict())
    args = numbers(1, dtype)
    want = everything(expected, *(t.double() for t in args))
    if which in ("weights", "all"):
        for name, p in list(layer.named_parameters()):
            setattr(layer, name, torch.nn.Parameter(form(p.detach())))
    given = [form(t) if which in (name, "all") else t for name, t in zip(("x", "h", "dy", "dh"), args, strict=True)]
    assert layer.path(given[0], given[1]).name == "native"
    for got, w in zip(everything(layer, *given), want, strict=True):
        assert_close(got, w.to(dtype), "gradient")
    with torch.inference_mode(), layer.frozen():
        assert_close(layer(given[0], given[1])[0], want[0].to(dtype))


def test_one_channel_of_a_spectrum():
    torch.manual_seed(0)
    layer, expected = GRU(1, H), torch.nn.GRU(1, H, dtype=torch.float64)
    expected.load_state_dict(layer.state_dict())
    s = torch.randn(12, 4, 1, dtype=torch.complex64)
    x = s.conj().imag
    with torch.no_grad():
        assert_close(layer(x)[0], expected(x.double())[0].float())


def test_zeros_without_memory():
    torch.manual_seed(0)
    layer, expected = GRU(I, H), torch.nn.GRU(I, H, dtype=torch.float64)
    expected.load_state_dict(layer.state_dict())
    x, h, dy, dh = numbers(2, torch.float32)
    zero = torch._efficientzerotensor
    for given in ([zero(T, B, I), h, dy, dh], [x, zero(1, B, H), dy, dh], [x, h, zero(T, B, H), dh],
                  [x, h, dy, zero(1, B, H)]):  # fmt: skip
        want = everything(expected, *(torch.zeros(t.shape) + t for t in map(torch.Tensor.double, given)))
        for got, w in zip(everything(layer, *given), want, strict=True):
            assert_close(got, w.float(), "gradient")


def test_the_core_itself_reads_them_right_and_writes_into_none():
    rng = np.random.default_rng(0)
    x, h, W, U = (torch.from_numpy(rng.normal(size=s)) for s in [(T, B, I), (B, H), (3 * H, I), (3 * H, H)])
    lengths = torch.tensor([9, 0, 3, 5, 1])
    mask = torch.from_numpy(rng.random((T, B)) < 0.7)
    torch_ = Convention.of("torch")
    cell, steps = Cell(W.numpy(), U.numpy(), None, None), Steps(lengths.numpy(), mask.numpy())
    want, last = native.forward(x.numpy(), h.numpy(), cell, torch_, steps)
    for form in (negated, misaligned):
        y, h_last = torch.empty(T, B, H, dtype=torch.float64), torch.empty(B, H, dtype=torch.float64)
        lazy = torch._neg_view(-lengths) if form is negated else misaligned(lengths)
        cell, steps = Cell(form(W), form(U), None, None), Steps(lazy, mask)
        native.forward_into(form(x), form(h), cell, torch_, steps, h_last=h_last, y=y)
        assert np.array_equal(y.numpy(), want)
        assert np.array_equal(h_last.numpy(), last)
    for out, text in [
        (negated(torch.zeros(T, B, H, dtype=torch.float64)),
         "y: a tensor that is negated lazily, expected plain memory"),
        (torch._efficientzerotensor(T, B, H, dtype=torch.float64),
         "y: a tensor without memory, expected plain memory"),
        (misaligned(torch.zeros(T, B, H, dtype=torch.float64)), "y: expected aligned memory"),
    ]:  # fmt: skip
        h_last = torch.empty(B, H, dtype=torch.float64)
        with pytest.raises(InputError) as caught:
            native.forward_into(x, h, Cell(W, U, None, None), torch_, h_last=h_last, y=out)
        assert str(caught.value) == text
