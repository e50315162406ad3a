"""Each private name of torch that gruvy uses does what it is used for: what a new torch changes fails here first."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import gruvy
from gruvy.nn import GRU, torch_private


def test_in_transform():
    seen = []
    torch.func.vmap(lambda t: seen.append(torch_private.in_transform()) or t)(torch.zeros(2))
    assert (seen, torch_private.in_transform()) == ([True], False)


def test_in_forward_mode():
    with torch.autograd.forward_ad.dual_level():
        assert torch_private.in_forward_mode()
        assert torch_private.transformed()
        assert not torch_private.in_transform()
    assert not torch_private.in_forward_mode()
    assert not torch_private.transformed()


def test_a_transform_counts_as_transformed():
    seen = []
    torch.func.grad(lambda t: seen.append(torch_private.transformed()) or t)(torch.tensor(1.0))
    assert seen == [True]


def test_dispatched():
    assert not torch_private.dispatched()
    with TorchDispatchMode():
        assert torch_private.dispatched()


@pytest.mark.filterwarnings("ignore:.torch.jit.trace")
def test_traced():
    seen = []
    torch.jit.trace(lambda t: seen.append(torch_private.traced()) or t + 1, torch.zeros(2), check_trace=False)
    assert seen
    assert all(seen)
    assert not torch_private.traced()


def test_unwrapped():
    t, seen = torch.arange(6.0).reshape(2, 3), []
    torch.func.vmap(torch.func.vmap(lambda x: seen.append(torch_private.unwrapped(x)) or x))(t)
    assert torch.equal(seen[0], t)
    assert torch_private.unwrapped(t) is t


def test_is_batched():
    seen = []

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, dy):
            seen.append(torch_private.is_batched(dy))
            return 2 * dy

    for batched, dy in ((True, torch.eye(3)), (False, torch.ones(3))):
        x = torch.zeros(3, requires_grad=True)
        torch.autograd.grad(Twice.apply(x), x, dy, is_grads_batched=batched)
    assert seen == [True, False]


def test_version():
    t = torch.zeros(2)
    before = torch_private.version(t)
    t[0].add_(1)  # through a view too
    assert torch_private.version(t) == before + 1


def test_weight_names_are_the_parameters_in_order():
    for layer in (torch.nn.GRU(2, 3, 2, bidirectional=True), GRU(2, 3, bias=False)):
        assert torch_private.weight_names(layer) == [name for name, _ in layer.named_parameters()]


@pytest.mark.parametrize("compiling", [False, True])
def test_parameters_of(monkeypatch: pytest.MonkeyPatch, compiling: bool):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    layer = GRU(2, 3)
    names = ["weight_hh_l0", "bias_ih_l0"]
    found = torch_private.parameters_of(layer, names)
    assert found[0] is layer.weight_hh_l0
    assert found[1] is layer.bias_ih_l0
    # What took a parameter's place is found too.
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    found = torch_private.parameters_of(layer, names)
    assert torch.equal(found[0], layer.weight_hh_l0)
    assert found[1] is layer.bias_ih_l0
    stand_in = torch.ones(9)
    seen = []
    monkeypatch.setattr(GRU, "forward", lambda self: seen.append(torch_private.parameters_of(self, names)[1]))
    torch.func.functional_call(layer, {"bias_ih_l0": stand_in}, ())
    assert seen[0] is stand_in


def test_copy_all():
    targets, sources = [torch.zeros(2), torch.zeros(3)], [torch.ones(2), torch.arange(3.0)]
    torch_private.copy_all(targets, sources)
    assert all(torch.equal(t, s) for t, s in zip(targets, sources, strict=True))


# Private but spelled `_` by torch for everybody's use, or ours to override.
OVERRIDDEN = {"_save_to_state_dict", "_load_from_state_dict"}


def private_names(source: str) -> set[str]:
    """Names with one leading underscore that a source asks of what it has from torch, and modules of torch."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id == "torch":
                found.add(node.attr)
            if node.attr in ("_version", "_parameters", "_flat_weights", "_flat_weights_names", "_all_weights"):
                found.add(node.attr)
    return found - OVERRIDDEN


def test_no_other_file_uses_a_private_name():
    root = Path(gruvy.__file__).parent
    used = {str(p.relative_to(root)): private_names(p.read_text()) for p in sorted(root.rglob("*.py"))}
    assert {name for name, found in used.items() if found} == {"nn/torch_private.py"}
    assert "_are_functorch_transforms_active" in used["nn/torch_private.py"]


def test_that_check_sees_one():
    assert private_names("torch._C._functorch.x\nt._version\ntorch.nn.GRU") == {"_C", "_functorch", "_version"}


def test_multiplies_bfloat16():
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        pytest.skip("no /proc/cpuinfo")
    if "vendor_id" not in flags:  # no x86
        assert not torch_private.multiplies_bfloat16()
    else:
        assert torch_private.multiplies_bfloat16() == ("avx512_bf16" in flags or "amx_tile" in flags)
