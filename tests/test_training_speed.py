"""What training leaves out or does in another way to be quick changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gruvy
from gruvy.engines import native, threads
from gruvy.model.task import Labels
from gruvy.network.fit import fit_task
from gruvy.nn import engine
from gruvy.training import Settings
from gruvy.training.judging import asked_for
from gruvy.training.loop import SMALL
from gruvy.training.processes import Alone
from native_cases import ran

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_without_the_read_out_of_every_step_all_else_is_the_same(pooling, dropout):
    torch.manual_seed(0)
    net = gruvy.GRU(3, 4, 2, pooling=pooling, dropout=dropout)
    x, lengths = torch.randn(3, 9, 3), torch.tensor([9, 4, 1])
    torch.manual_seed(1)
    full = net(x, lengths=lengths)
    torch.manual_seed(1)
    short = net(x, lengths=lengths, outputs=False)
    for name in ("last", "hidden", "state"):
        assert torch.equal(getattr(full, name), getattr(short, name))
    assert full.outputs.shape == (3, 9, 2)
    assert short.outputs.shape == ((3, 0, 2) if dropout == 0 else (3, 9, 2))


class Plain(torch.nn.Module):
    def forward(self, x, *, lengths=None):
        return x


def test_only_a_module_that_can_leave_them_out_is_asked_to():
    net = gruvy.GRU(1, 2, 1)
    x = torch.zeros(1, 3, 1)
    assert asked_for(False, net)(x).outputs.shape == (1, 0, 1)
    assert asked_for(True, net)(x).outputs.shape == (1, 3, 1)
    assert asked_for(False, Plain())(x) is x


@pytest.mark.parametrize("norm", [0.1, 1e3])
def test_clipping_is_torchs_bit_for_bit(norm):
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.zeros(s)) for s in ((192, 64), (192, 13), (192,), (10, 64), (10,), ())]
    for p in parameters[:-1]:  # the last one has no gradient
        p.grad = torch.randn_like(p)
    twins = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    for p, twin in zip(parameters, twins, strict=True):
        twin.grad = None if p.grad is None else p.grad.clone()
    Alone(CPU).clip(parameters, norm)
    torch.nn.utils.clip_grad_norm_(twins, norm)
    for p, twin in zip(parameters[:-1], twins[:-1], strict=True):
        assert torch.equal(p.grad, twin.grad)
    assert parameters[-1].grad is None


def test_a_scaled_loss_has_scaled_gradients():
    a, b = torch.nn.Parameter(torch.tensor([3.0])), torch.nn.Parameter(torch.tensor([3.0]))
    Alone(CPU).backward(a.square().sum(), 0.7)
    (b.square().sum() * 0.7).backward()
    assert torch.equal(a.grad, b.grad)


def threads_seen(monkeypatch, hidden=4, on_epoch=None):
    """Torch's threads and those of the core while a network trains."""
    seen = set()
    forward = gruvy.GRU.forward

    def spy(self, x, **given):
        core = engine._threads(torch.empty(500, 64, 64), torch.empty(64, 64))
        seen.add((torch.get_num_threads(), core))
        return forward(self, x, **given)

    monkeypatch.setattr(gruvy.GRU, "forward", spy)
    X = [np.zeros((3, 1), np.float32), np.ones((2, 1), np.float32)]
    settings = Settings(max_epochs=1, seed=0, progress=False, on_epoch=on_epoch)
    fit_task(gruvy.GRU(1, hidden, 2), Labels.of(list("ab")), X, list("ab"), None, None, settings, in_core=True)
    return seen


def test_a_small_network_trains_with_torch_in_one_thread(monkeypatch):
    if engine.choose(torch.zeros(1), engine.asked())[0].name != "native":
        pytest.skip("no native engine")
    monkeypatch.setattr(threads, "threads", lambda: 2)
    after = []
    assert threads_seen(monkeypatch, on_epoch=lambda row: after.append(torch.get_num_threads())) == {(1, 2)}
    assert after == [2]
    assert torch.get_num_threads() == 2


def test_a_large_network_or_another_engine_keeps_torchs_threads(monkeypatch):
    hidden = int((SMALL / 3) ** 0.5) + 1
    assert {seen[0] for seen in threads_seen(monkeypatch, hidden)} == {2}
    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    assert {seen[0] for seen in threads_seen(monkeypatch)} == {2}


def test_threads_come_back_after_an_error():
    def fail():
        with engine.torch_in_one_thread():
            with engine.torch_in_one_thread():
                assert engine._share.get() == 2
            assert (torch.get_num_threads(), engine._share.get()) == (1, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (torch.get_num_threads(), engine._share.get()) == (2, None)


@pytest.mark.skipif(not native.available()[0], reason="no native engine")
def test_the_core_runs_on_the_threads_that_torch_has_or_had(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 2)  # on one processor too
    layer, x = gruvy.nn.GRU(64, 64), torch.randn(200, 64, 64)
    with torch.no_grad():
        for count in (2, 1):
            torch.set_num_threads(count)
            layer(x)
            ran(count)
        torch.set_num_threads(2)
        with engine.torch_in_one_thread():
            layer(x)
            ran(2)
