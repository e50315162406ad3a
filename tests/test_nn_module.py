"""`gruvy.nn.GRU` as a torch module: state dicts, copies, utilities, other devices and dtypes, and what it refuses."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import pack_sequence

from compare import assert_close
from gruvy import Convention, ConventionError
from gruvy.nn import GRU

T, B, I, H = 4, 2, 3, 5
F64 = torch.float64


def make(convention: str = "torch", **options: Any) -> GRU:
    torch.manual_seed(29)
    return GRU(I, H, convention=convention, **options)


X = torch.randn(T, B, I, generator=torch.Generator().manual_seed(1))
ALL = {"mask": torch.ones(T, B, dtype=torch.bool)}


@pytest.mark.parametrize("convention", ["tutorial", "onnx", "after,adds"])
def test_other_conventions_save_their_name(convention: str) -> None:
    layer = make(convention)
    state = layer.state_dict()
    assert list(state)[-1] == "convention_name"
    assert bytes(state["convention_name"].tolist()).decode() == convention
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    twin = GRU(I, H, convention=convention)
    twin.load_state_dict(torch.load(file, weights_only=True))
    assert_close(twin(X)[0], layer(X)[0], "exact")


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("saved", "here"), [("torch", "tutorial"), ("tutorial", "torch"), ("onnx", "after,adds")])
def test_loading_another_convention_is_an_error(saved: str, here: str, strict: bool) -> None:
    model = torch.nn.Sequential(make(here))
    before = model[0].weight_hh_l0.clone()
    with pytest.raises(ConventionError) as error:
        model.load_state_dict(torch.nn.Sequential(GRU(I, H, convention=saved)).state_dict(), strict=strict)
    assert str(error.value) == (f'state dict: weights of convention "{saved}", this layer has convention "{here}"')
    assert torch.equal(model[0].weight_hh_l0, before)


def test_a_state_dict_without_this_layer_is_no_mismatch() -> None:
    missing, _ = make("tutorial").load_state_dict({}, strict=False)
    assert "weight_hh_l0" in missing


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_copies(convention: str) -> None:
    layer = make(convention, num_layers=2, bidirectional=True)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.copy(layer)):
        assert twin.convention == Convention.of(convention)
        assert_close(twin(X)[0], layer(X)[0], "exact")
    own = copy.deepcopy(layer)
    own.weight_hh_l0.data.zero_()
    assert not torch.equal(own(X)[0], layer(X)[0])


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_the_meta_device_has_shapes_only(convention: str) -> None:
    layer = GRU(I, H, 2, bidirectional=True, convention=convention, device="meta")
    x = torch.empty(T, B, I, device="meta")
    for cuts in ({}, {"lengths": torch.empty(B, dtype=torch.int64, device="meta")}):
        output, h_n = layer(x, **cuts)
        assert (output.shape, h_n.shape, output.device.type) == ((T, B, 2 * H), (4, B, H), "meta")
    layer.to_empty(device="cpu")
    twin = make(convention, num_layers=2, bidirectional=True)
    layer.load_state_dict(twin.state_dict())
    twin.load_state_dict(layer.state_dict())
    assert_close(layer(X)[0], twin(X)[0], "exact")


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_edits_of_the_data_are_seen(convention: str) -> None:
    """There is no hidden copy of the weights."""
    layer = make(convention)
    before = layer(X, **ALL)[0]
    layer.weight_hh_l0.data.mul_(2)
    after = layer(X, **ALL)[0]
    assert not torch.equal(before, after)
    twin = GRU(I, H, convention=convention)
    twin.load_state_dict(layer.state_dict())
    assert_close(after, twin(X, **ALL)[0], "exact")


def pruned(layer: GRU) -> None:
    prune.l1_unstructured(layer, "weight_hh_l0", 0.5)


def normed(layer: GRU) -> None:
    parametrizations.weight_norm(layer, "weight_hh_l0")
    with torch.no_grad():
        layer.parametrizations.weight_hh_l0.original0.mul_(1.5)


class Symmetric(torch.nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        square = w.unflatten(0, (3, -1))
        return (square + square.transpose(1, 2)).flatten(0, 1) / 2


def parametrized(layer: GRU) -> None:
    torch.nn.utils.parametrize.register_parametrization(layer, "weight_hh_l0", Symmetric())


@pytest.mark.parametrize("cuts", [{}, ALL], ids=["nothing", "mask"])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("change", [pruned, normed, parametrized])
def test_weights_that_are_computed(change: Callable[[GRU], None], convention: str, cuts: Any) -> None:
    layer = make(convention)
    change(layer)
    plain = GRU(I, H, convention=convention)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        getattr(plain, name).data.copy_(getattr(layer, name))
    for _ in range(2):  # the second step sees what the optimizer did
        output = layer(X, **cuts)[0]
        for name in ("weight_ih_l0", "weight_hh_l0"):
            getattr(plain, name).data.copy_(getattr(layer, name))
        assert_close(output, plain(X, **ALL)[0])
        optimizer = torch.optim.SGD(layer.parameters(), 0.1)
        optimizer.zero_grad()
        output.sum().backward()
        assert all(p.grad is not None for p in layer.parameters())
        optimizer.step()
        for name in ("bias_ih_l0", "bias_hh_l0"):
            getattr(plain, name).data.copy_(getattr(layer, name))


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_functional_call_takes_other_weights(convention: str) -> None:
    layer, other = make(convention), GRU(I, H, convention=convention)
    for cuts in ({}, ALL):
        actual = torch.func.functional_call(layer, dict(other.named_parameters()), (X,), cuts)[0]
        assert_close(actual, other(X, **cuts)[0])


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("cuts", [{}, ALL], ids=["nothing", "mask"])
def test_autocast_leaves_the_recurrence_in_its_own_precision(convention: str, cuts: Any) -> None:
    layer, expected = make(convention), make(convention)
    x = X.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, h_n = layer(x, torch.zeros(1, B, H, dtype=torch.bfloat16), **cuts)
        output.sum().backward()
    assert output.dtype == h_n.dtype == torch.float32
    y = expected(x.float(), **ALL)[0]
    y.sum().backward()
    assert_close(output, y)
    assert_close(layer.weight_hh_l0.grad, expected.weight_hh_l0.grad)


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_callers_may_write_into_the_output(convention: str) -> None:
    layer, twin = make(convention), make(convention)
    output, h_n = layer(X, **ALL)
    output[0] = 0
    output.mul_(2)
    h_n.add_(1)
    output.sum().backward()
    (2 * twin(X, **ALL)[0][1:]).sum().backward()
    assert_close(layer.weight_ih_l0.grad, twin.weight_ih_l0.grad)
    # Bit for bit, in every gradient and through a view, as if nobody had written.
    for write in (lambda y: y.mul_(0), lambda y: y[2:, :1].fill_(7), lambda y: y.transpose(0, 1)[0].zero_()):
        found = []
        for net, touch in ((layer, write), (twin, lambda y: None)):
            net.zero_grad()
            output, h_n = net(X, **ALL)
            loss = h_n.square().sum() + output.square().sum()
            with torch.no_grad():
                touch(output)
            grads = torch.autograd.grad(h_n, list(net.parameters()), torch.ones_like(h_n), retain_graph=True)
            found.append(grads + torch.autograd.grad(h_n, list(net.parameters()), torch.ones_like(h_n)))
            assert torch.isfinite(loss)
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_the_input_s_gradient_lies_as_the_input_does(convention: str) -> None:
    """Else torch copies it, with threads that spin afterwards and slow the next call."""
    layer = GRU(I, H, batch_first=True, convention=convention)
    x = torch.randn(B, T, I, requires_grad=True)
    given: list[torch.Tensor] = []
    layer(x)[0].sum().backward(inputs=[x])
    x.register_hook(given.append)
    layer(x)[0].sum().backward(inputs=[x])
    assert given[0].stride() == x.stride()
    wide = torch.randn(B, T, 2 * I)[..., ::2].requires_grad_()  # no unit stride: runs on a copy
    (dx,) = torch.autograd.grad(layer(wide)[0].sum(), wide)
    (same,) = torch.autograd.grad(layer(wide.contiguous())[0].sum(), wide)
    assert torch.equal(dx, same)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_what_training_keeps(convention: str, layers: int) -> None:
    """At most 4 T B H numbers a layer beyond inputs, weights and the layers' states."""
    layer = GRU(I, H, layers, convention=convention)
    x = torch.randn(T, B, I)
    kept: dict[int, int] = {}
    known = {p.untyped_storage().data_ptr() for p in (x, *layer.parameters())}

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes() // t.element_size()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        output, _ = layer(x)
    node = output.grad_fn
    while not hasattr(node, "top"):
        node = node.next_functions[0][0]
    assert node.top.untyped_storage().data_ptr() == output.untyped_storage().data_ptr()  # the output itself, no copy
    states = (layers - 1) * T * B * H
    extra = sum(n for at, n in kept.items() if at not in known) - states - layers * B * H  # and the initial states
    assert 0 < extra <= 4 * T * B * H * layers


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_half_precision_layers(convention: str, dtype: torch.dtype) -> None:
    layer = make(convention, dtype=dtype)
    output, _ = layer(X.to(dtype), **ALL)
    assert output.dtype == dtype
    exact = make(convention, dtype=F64)
    exact.load_state_dict({n: v if n == "convention_name" else v.double() for n, v in layer.state_dict().items()})
    assert_close(output.double(), exact(X.to(dtype).double(), **ALL)[0], str(dtype).removeprefix("torch."))


@pytest.mark.parametrize("convention", ["tutorial"])
def test_packed_in_packed_out(convention: str) -> None:
    layer = make(convention, bidirectional=True, dtype=F64)
    sequences = [torch.randn(n, I, dtype=F64) for n in (2, 4, 3)]
    h = torch.randn(2, 3, H, dtype=F64)
    packed, h_n = layer(pack_sequence(sequences, enforce_sorted=False), h)
    outputs = torch.nn.utils.rnn.unpack_sequence(packed)
    for b, sequence in enumerate(sequences):
        alone, last = layer(sequence, h[:, b])
        assert_close(outputs[b], alone)
        assert_close(h_n[:, b], last)
    _, _, gates = layer(pack_sequence(sequences, enforce_sorted=False), h, return_gates=True)
    assert_close(gates.update[0, :2, 0], layer(sequences[0], h[:, 0], return_gates=True).gates.update[0])


def test_lengths_of_any_kind() -> None:
    layer = make("tutorial")
    expected = layer(X, lengths=torch.tensor([3, 1]))[0]
    for lengths in ([3, 1], torch.tensor([3, 1], dtype=torch.int32), torch.tensor([3, 1], dtype=torch.uint8)):
        assert_close(layer(X, lengths=lengths)[0], expected, "exact")
    assert_close(layer(X[:, 0], lengths=torch.tensor(3))[0], expected[:, 0])
    mask = torch.tensor([True, False, True, True])
    assert not layer(X[:, 0], mask=mask, restarts=mask)[0][1].any()


def _train(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(GRU(I, H, convention="tutorial", dtype=F64))
    x = torch.randn(T, 4, I, dtype=F64, generator=torch.Generator().manual_seed(9))
    mine = x[:, 2 * rank : 2 * rank + 2]
    model(mine, lengths=torch.tensor([4, 2]))[0].sum().backward()
    torch.save({n: p.grad for n, p in model.module.named_parameters()}, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_share_their_gradients(tmp_path: File) -> None:
    torch.multiprocessing.spawn(_train, (str(tmp_path),), 2)
    torch.manual_seed(0)
    layer = GRU(I, H, convention="tutorial", dtype=F64)
    x = torch.randn(T, 4, I, dtype=F64, generator=torch.Generator().manual_seed(9))
    (layer(x, lengths=torch.tensor([4, 2, 4, 2]))[0].sum() / 2).backward()
    for rank in range(2):
        for name, grad in torch.load(tmp_path / f"{rank}.pt").items():
            assert_close(grad, dict(layer.named_parameters())[name].grad, "gradient", name)
