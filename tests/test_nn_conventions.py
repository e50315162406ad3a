"""`gruvy.nn.GRU` in every convention against the NumPy reference, and the table of edges."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from compare import assert_close
from gruvy import Convention, Weights, reference
from gruvy.engines import stack as recurrence
from gruvy.nn import GRU
from gruvy.reference import Steps
from paths import OWN, force

CONVENTIONS = ["torch", "tutorial", "onnx", "after,adds"]
T, B, I, H = 6, 5, 3, 4
F64 = torch.float64


@pytest.fixture(params=OWN)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    force(monkeypatch, request.param)
    if request.param == "triton":  # which has no float64
        monkeypatch.setattr(sys.modules[__name__], "F64", torch.float32)
    return str(request.param)


def make(convention: str, **options: Any) -> GRU:
    torch.manual_seed(11)
    return GRU(I, H, convention=convention, batch_first=True, dtype=F64, **options)


def steps(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "lengths": torch.tensor([6, 3, 0, 5, 6]),
        "mask": torch.rand(B, T, generator=generator) > 0.3,
        "restarts": torch.rand(B, T, generator=generator) > 0.7,
    }


def layer_by_hand(layer: GRU, x: Tensor, h: Tensor, dy: Tensor, dlast: Tensor, cuts: dict[str, Tensor]) -> Any:
    """One layer of one direction through `gruvy.reference`, forward and backward."""
    [[cell]] = Weights.from_torch(layer).merged().cells
    of, shape = layer.convention, (T, B, layer.convention.gates, H)
    gates = np.zeros(shape, x.numpy().dtype)
    given = Steps(**{n: v.numpy() if n == "lengths" else v.numpy().T for n, v in cuts.items()})
    xs, h0 = x.numpy().transpose(1, 0, 2), h[0].numpy()
    y, last = reference.forward(xs, h0, cell, of, given, gates=gates)
    dx, dh, dcell = reference.backward(
        dy.numpy().transpose(1, 0, 2), dlast[0].numpy(), xs, h0, cell, y, gates, of, given
    )
    return y.transpose(1, 0, 2), last[None], gates, (dx, dh, *dcell)


@pytest.mark.parametrize("asked", ["nothing", "lengths", "mask", "restarts", "all"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_one_layer_is_the_reference(path: str, convention: str, asked: str) -> None:
    layer = make(convention)
    cuts = steps() if asked == "all" else {n: v for n, v in steps().items() if n == asked}
    x, h = torch.randn(B, T, I, dtype=F64), torch.randn(1, B, H, dtype=F64)
    dy, dlast = torch.randn(B, T, H, dtype=F64), torch.randn(1, B, H, dtype=F64)
    y, last, gates, (dx, dh, dW, dU, db, dc) = layer_by_hand(layer, x, h, dy, dlast, cuts)
    x.requires_grad_(), h.requires_grad_()
    output, h_n, seen = layer(x, h, return_gates=True, **cuts)
    assert_close(output, y)
    assert_close(h_n, last)
    for k, part in enumerate((seen.reset, seen.update, seen.candidate)):
        assert_close(part[0].transpose(0, 1), gates[:, :, k])
    if layer.convention.reset == "after":
        assert_close(seen.recurrent[0].transpose(0, 1), gates[:, :, 3])
    else:
        assert seen.recurrent is None
    ((output * dy).sum() + (h_n * dlast).sum()).backward()
    second = db if dc is None else np.concatenate([db[: 2 * H], dc])
    expected = {"weight_ih_l0": dW, "weight_hh_l0": dU, "bias_ih_l0": db, "bias_hh_l0": second}
    for name, value in expected.items():
        assert_close(getattr(layer, name).grad, value, "gradient", name)
    assert_close(x.grad, dx.transpose(1, 0, 2), "gradient", "x")
    assert_close(h.grad, dh[None], "gradient", "h")


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_stacks_are_those_of_numpy(path: str, convention: str, bias: bool) -> None:
    layer = make(convention, num_layers=3, bidirectional=True, bias=bias)
    x, h = torch.randn(B, T, I, dtype=F64), torch.randn(6, B, H, dtype=F64)
    cuts = steps(3)
    run = recurrence.run(
        Weights.from_torch(layer), x.numpy(), h.numpy(), gates=True, engine="reference",
        **{n: v.numpy() for n, v in cuts.items()},
    )  # fmt: skip
    output, h_n, gates = layer(x, h, return_gates=True, **cuts)
    assert_close(output, run.hidden)
    assert_close(h_n, run.state)
    assert run.gates is not None
    for i in range(6):
        assert_close(gates.update[i].transpose(0, 1), run.gates[i][:, :, 1])
    assert_close(torch.cat([gates.state[4], gates.state[5]], dim=-1), run.hidden)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_gates_can_be_differentiated(convention: str) -> None:
    """The backward pass written by hand takes gradients of the gates: equal to torch's own through the plain path."""
    layer = make(convention, num_layers=2, bidirectional=True)
    x, cuts = torch.randn(B, T, I, dtype=F64), steps(1)

    def gradients(name: str) -> list[Tensor]:
        with pytest.MonkeyPatch.context() as patch:
            force(patch, name)
            result = layer(x, return_gates=True, **cuts)
        parts = [result.output, *(g for g in result.gates if g is not None)]
        generator = torch.Generator().manual_seed(2)
        loss = sum((p * torch.randn(p.shape, generator=generator, dtype=F64)).sum() for p in parts)
        return list(torch.autograd.grad(loss, list(layer.parameters())))

    for actual, expected in zip(gradients("torch operations"), gradients("plain"), strict=True):
        assert_close(actual, expected, "gradient")


@pytest.mark.parametrize("update", ["adds", "keeps"])
def test_update_converts_to_rounding(path: str, update: str) -> None:
    """An independent formula: the other update is the negated gate."""
    layer = make(str(Convention("before", update)))  # type: ignore[arg-type]
    other = Convention("before", "keeps" if update == "adds" else "adds")
    twin = make(str(other))
    state = Weights.from_torch(layer).convert(other).to_state_dict()
    for name, value in state.items():
        getattr(twin, name).data.copy_(torch.tensor(value))
    x = torch.randn(B, T, I, dtype=F64)
    assert_close(twin(x)[0], layer(x)[0])


def run_all(layer: GRU, x: Tensor, h: Tensor | None = None, **cuts: Tensor) -> dict[str, Tensor]:
    x = x.clone().requires_grad_()
    layer.zero_grad()
    output, h_n = layer(x, h, **cuts)
    (output.sin().sum() + h_n.cos().sum()).backward()
    grads = {n: p.grad.clone() for n, p in layer.named_parameters() if p.grad is not None}
    assert x.grad is not None
    return {"output": output.detach(), "h_n": h_n.detach(), "x": x.grad, **grads}


def same(a: dict[str, Tensor], b: dict[str, Tensor], kind: str = "exact") -> None:
    for name, value in b.items():
        assert_close(a[name], value, kind, name)


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("convention", ["torch", "tutorial"])
class TestEdges:
    def test_no_steps(self, path: str, convention: str, two: bool) -> None:
        layer, h = make(convention, bidirectional=two), torch.randn(1 + two, B, H, dtype=F64)
        output, h_n = layer(torch.empty(B, 0, I, dtype=F64), h)
        assert output.shape == (B, 0, H * (1 + two))
        assert_close(h_n, h, "exact")
        found = run_all(layer, torch.empty(B, 0, I, dtype=F64))
        assert not any(found[n].any() for n in dict(layer.named_parameters()) if n in found)

    def test_no_sequences(self, path: str, convention: str, two: bool) -> None:
        layer = make(convention, bidirectional=two)
        found = run_all(layer, torch.empty(0, T, I, dtype=F64), lengths=torch.empty(0, dtype=torch.int64))
        assert found["output"].shape == (0, T, H * (1 + two))
        assert found["h_n"].shape == (1 + two, 0, H)
        assert all(not found[n].any() for n in dict(layer.named_parameters()))

    def test_length_zero(self, path: str, convention: str, two: bool) -> None:
        layer, h = make(convention, bidirectional=two), torch.randn(1 + two, B, H, dtype=F64)
        found = run_all(layer, torch.randn(B, T, I, dtype=F64), h, lengths=torch.tensor([6, 0, 3, 0, 6]))
        assert_close(found["h_n"][:, [1, 3]], h[:, [1, 3]], "exact")
        assert not found["output"][[1, 3]].any()
        assert not found["x"][[1, 3]].any()

    @pytest.mark.parametrize("padding", [float("nan"), float("inf"), -1e300, 7.0])
    def test_padding_has_no_effect(self, path: str, convention: str, two: bool, padding: float) -> None:
        layer, cuts = make(convention, num_layers=2, bidirectional=two), steps(4)
        x = torch.randn(B, T, I, dtype=F64)
        valid = cuts["mask"] & (torch.arange(T) < cuts["lengths"][:, None])
        clean = run_all(layer, torch.where(valid[..., None], x, 0.0), **cuts)
        padding = max(padding, torch.finfo(F64).min)
        same(run_all(layer, torch.where(valid[..., None], x, padding), **cuts), clean)
        assert not clean["output"][~valid].any()
        assert not clean["x"][~valid].any()

    def test_lengths_are_shorter_sequences(self, path: str, convention: str, two: bool) -> None:
        layer, x, h = make(convention, bidirectional=two), torch.randn(B, T, I, dtype=F64), torch.randn(1 + two, B, H)
        h = h.to(F64)
        lengths = torch.tensor([6, 3, 0, 5, 1])
        output, h_n = layer(x, h, lengths=lengths)
        for b, n in enumerate(lengths.tolist()):
            alone, last = layer(x[b : b + 1, :n], h[:, b : b + 1])
            assert_close(output[b : b + 1, :n], alone)
            assert_close(h_n[:, b : b + 1], last)

    def test_holes_are_cut_out(self, path: str, convention: str, two: bool) -> None:
        layer, x, mask = make(convention, bidirectional=two), torch.randn(B, T, I, dtype=F64), steps(5)["mask"]
        output, h_n = layer(x, mask=mask)
        for b in range(B):
            alone, last = layer(x[b : b + 1, mask[b]])
            assert_close(output[b : b + 1, mask[b]], alone)
            assert_close(h_n[:, b : b + 1], last)

    def test_segments_are_sequences_of_their_own(self, path: str, convention: str, two: bool) -> None:
        layer, x = make(convention, bidirectional=two), torch.randn(1, T, I, dtype=F64)
        restarts = torch.tensor([[False, False, True, False, False, True]])
        h = torch.randn(1 + two, 1, H, dtype=F64)
        output, h_n = layer(x, h, restarts=restarts)
        zero = torch.zeros_like(h)
        first, middle, last = (
            layer(x[:, a:b], torch.cat([start[:1], end[1:]]))
            for a, b, start, end in ((0, 2, h, zero), (2, 5, zero, zero), (5, 6, zero, h))
        )
        assert_close(output, torch.cat([first[0], middle[0], last[0]], dim=1))
        assert_close(h_n, torch.cat([last[1][:1], first[1][1:]]))

    def test_a_restart_applies_at_a_masked_step(self, path: str, convention: str, two: bool) -> None:
        layer, h = make(convention, bidirectional=two), torch.randn(1 + two, 1, H, dtype=F64)
        restarts, mask = torch.zeros(1, T, dtype=torch.bool), torch.zeros(1, T, dtype=torch.bool)
        restarts[0, 3] = True
        _, h_n = layer(torch.full((1, T, I), torch.nan, dtype=F64), h, mask=mask, restarts=restarts)
        assert_close(h_n, torch.zeros_like(h), "exact")

    def test_no_gradient_crosses_a_restart(self, path: str, convention: str, two: bool) -> None:
        layer = make(convention, bidirectional=two)
        x = torch.randn(1, T, I, dtype=F64, requires_grad=True)
        restarts = torch.zeros(1, T, dtype=torch.bool)
        restarts[0, 3] = True
        layer(x, restarts=restarts)[0][:, 3:].sum().backward()
        assert x.grad is not None
        assert not x.grad[:, :3].any()
        assert x.grad[:, 3:].all()

    def test_nan_in_a_valid_step_stays_in_its_row(self, path: str, convention: str, two: bool) -> None:
        layer, x = make(convention, bidirectional=two), torch.randn(B, T, I, dtype=F64)
        expected = layer(x)
        x[2, 1, 0] = torch.nan
        output, h_n = layer(x)
        others = [0, 1, 3, 4]
        assert output[2, 1:].isnan().any()
        assert_close(output[others], expected[0][others], "exact")
        assert_close(h_n[:, others], expected[1][:, others], "exact")
