"""Weights kept packed: only inside `frozen`, with the same bits, and never in what is copied or trained."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest
import torch

import gruvy
from compare import assert_close
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


def test_overlapping_blocks_of_two_threads_leave_the_layer_as_it_was():
    """A begins, B begins, A ends, B ends: with other weights at each beginning."""
    layer, x = make(*KINDS[0]), torch.randn(12, 4, 3)
    inside, end = (threading.Event(), threading.Event()), (threading.Event(), threading.Event())
    answers: dict[str, torch.Tensor] = {}

    @torch.inference_mode()
    def answer():
        return layer(x)[0].clone()

    def block(k):
        with torch.inference_mode(), layer.frozen():
            inside[k].set()
            assert end[k].wait(60)
            answers["AB"[k]] = layer(x)[0].clone()

    first = answer()
    threads = [threading.Thread(target=block, args=(k,)) for k in (0, 1)]
    threads[0].start()
    assert inside[0].wait(60)
    assert torch.equal(answer(), first)  # a call from elsewhere, while the only block lasts
    layer.weight_hh_l0.data.mul_(2)
    assert torch.equal(answer(), first)
    threads[1].start()
    assert inside[1].wait(60)
    layer.weight_hh_l0.data.mul_(2)
    end[0].set()
    threads[0].join(60)
    while_b = answer()
    end[1].set()
    threads[1].join(60)
    after = answer()
    assert torch.equal(answers["A"], first)
    assert torch.equal(answers["B"], while_b)
    assert not torch.equal(while_b, first)
    assert not torch.equal(after, while_b)  # the weights as they are now, no block's
    expected = torch.nn.GRU(3, 5, dtype=torch.float64)
    expected.load_state_dict(layer.state_dict())
    with torch.no_grad():
        assert_close(after, expected(x.double())[0].float())
    assert layer.path(x).reason != "frozen"


def test_many_threads_enter_and_leave_at_once():
    layer, x = make(*KINDS[0]), torch.randn(12, 4, 3)
    with torch.inference_mode():
        want = layer(x)[0]
    right = []
    meet = threading.Barrier(4)

    def loop():
        with torch.inference_mode():
            for k in range(100):
                if k % 10 == 0:
                    meet.wait(60)  # all four enter at once
                with layer.frozen():
                    right.append(torch.equal(layer(x)[0], want))
                    if k % 10 == 0:
                        meet.wait(60)  # and are inside together

    threads = [threading.Thread(target=loop) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert len(right) == 400
    assert all(right)
    assert layer._frozen == ()
