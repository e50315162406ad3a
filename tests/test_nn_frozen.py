"""Weights kept packed: only inside `frozen`, with the same bits, and never in what is copied or trained."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import gruvy
from gruvy.engines import native

pytestmark = pytest.mark.skipif(not native.available()[0], reason="needs the native core")
KINDS = [
    ("torch", 1, False, True),
    ("tutorial", 2, True, True),
    ("onnx", 1, False, False),
    ("after,adds", 2, False, True),
]


def make(convention, layers, bidirectional, bias):
    torch.manual_seed(1)
    return gruvy.nn.GRU(3, 5, layers, bias=bias, bidirectional=bidirectional, convention=convention)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("steps", [1, 12])
def test_the_same_bits(kind, steps):
    layer = make(*kind)
    x, lengths = torch.randn(steps, 4, 3), torch.tensor([steps, 0, 1, steps])
    with torch.inference_mode():
        plain = layer(x, lengths=lengths)
        with layer.frozen():
            assert layer.path(x).name == "native"
            frozen = layer(x, lengths=lengths)
    for a, b in zip(plain, frozen, strict=True):
        assert torch.equal(a, b)


def test_it_is_the_weights_at_the_start_and_only_inside():
    layer, x = make(*KINDS[0]), torch.randn(12, 4, 3)
    with torch.inference_mode():
        before = layer(x)[0]
        with layer.frozen():
            for p in layer.parameters():
                p.data.mul_(2)
            assert torch.equal(layer(x)[0], before)
            after = copy.deepcopy(layer)(x)[0]
            assert torch.equal(pickle.loads(pickle.dumps(layer))(x)[0], after)
        assert not torch.equal(after, before)
        assert torch.equal(layer(x)[0], after)


def test_nesting_and_errors_leave_it_as_it_was():
    layer, x = make(*KINDS[0]), torch.randn(12, 4, 3)
    with layer.frozen(), pytest.raises(gruvy.EngineError) as error:
        layer(x)
    assert str(error.value) == "frozen: this call would record gradients; run it under torch.inference_mode()"
    layer(x)[0].sum().backward()
    with torch.inference_mode():
        with layer.frozen():
            with layer.frozen():
                pass
            layer.weight_hh_l0.data.zero_()
            still = layer(x)[0]
        assert not torch.equal(still, layer(x)[0])
