"""The memory that training calls hand on: used again, and never while anything refers to it."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
import torch

from compare import assert_close
from gruvy.nn import GRU, memory

MANY = memory.LARGE // 4 + 5  # float32 numbers of a large block


@pytest.fixture(autouse=True)
def _own_blocks(monkeypatch):
    monkeypatch.setattr(memory, "_blocks", [])


def test_a_large_block_is_used_again_once_nothing_refers_to_it():
    like = torch.empty(1)
    a = memory.empty(like, MANY)
    at, part = a.data_ptr(), a[3:5]
    del a
    assert memory.empty(like, MANY).data_ptr() != at  # a view of it lives
    del part
    gc.collect()
    held = [memory.empty(like, MANY) for _ in range(3)]
    places = {t.data_ptr() for t in held}
    assert len(places) == 3
    assert at in places


def test_whatever_looks_at_a_block_keeps_it():
    like = torch.empty(1)

    def looks(t):
        yield t[5:7]
        yield t.numpy()
        yield np.from_dlpack(t.detach())
        yield memoryview(t.numpy())[3:]
        yield t.untyped_storage()
        yield t.clone().requires_grad_().mul(t)  # its graph has saved t

    for k in range(6):
        t = memory.empty(like, MANY).fill_(k)
        at, look = t.data_ptr(), [*looks(t)][k]
        del t
        gc.collect()
        assert memory._blocks == [] or memory._blocks[0].ctypes.data != at
        assert memory.empty(like, MANY).data_ptr() != at
        del look
        assert at in [block.ctypes.data for block in memory._blocks]


def test_a_block_comes_back_from_a_thread_that_never_took_one():
    tensors = [memory.empty(torch.empty(1), MANY)]
    thread = threading.Thread(target=tensors.clear)
    thread.start()
    thread.join()
    assert len(memory._blocks) == 1


def test_shape_and_dtype_are_those_asked_for_and_small_tensors_are_torchs_own():
    t = memory.empty(torch.empty(1, dtype=torch.float64), 3, MANY)
    assert t.shape == (3, MANY)
    assert t.dtype == torch.float64
    assert t.is_contiguous()
    assert memory.empty(torch.empty(1), 7).shape == (7,)
    assert memory.empty(torch.empty(1, device="meta"), 3, MANY).device.type == "meta"
    assert memory._blocks == []
    del t
    assert len(memory._blocks) == 1


def test_idle_blocks_beyond_what_is_kept_are_forgotten(monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 3 * memory.LARGE)
    held = [memory.empty(torch.empty(1), MANY) for _ in range(5)]
    del held
    memory.empty(torch.empty(1), 9 * MANY)  # fits none of them
    assert sum(b.nbytes for b in memory._blocks) <= 3 * memory.LARGE + 11 * 4 * MANY
    assert len(memory._blocks) <= 4


def test_two_graphs_and_threads_keep_their_own_gates():
    """Gradients of calls that overlap in time, against torch's own layer."""
    torch.manual_seed(0)
    T, B, I, H = 60, 80, 4, 64  # gates of 4.9 MB
    ours, theirs = GRU(I, H), torch.nn.GRU(I, H, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    xs = [torch.randn(T, B, I) for _ in range(4)]

    def gradients(layer, dtype, meet=None):
        inputs = [x.to(dtype, copy=True).requires_grad_() for x in xs]
        outputs = [layer(x)[0].square().sum() for x in inputs]  # all graphs live at once
        if meet is not None:
            meet.wait(60)  # and those of the other threads
        for y in reversed(outputs):
            y.backward(retain_graph=True)
        outputs[0].backward()
        return [x.grad.double().numpy() for x in inputs]

    expected = gradients(theirs, torch.float64)
    for actual, e in zip(gradients(ours, torch.float32), expected, strict=True):
        assert_close(actual, e, "gradient of float32")
    found: dict[int, list[np.ndarray]] = {}
    meet = threading.Barrier(3)

    def work(k):
        found[k] = gradients(ours, torch.float32, meet)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(found) == [0, 1, 2]
    for k in range(3):
        for actual, e in zip(found[k], expected, strict=True):
            assert_close(actual, e, "gradient of float32")
    assert memory._blocks
