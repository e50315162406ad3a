"""Conventions by name and by switch, and weights in every layout that we read and write."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_close
from gruvy import reference
from gruvy.convention import PRESETS, Convention
from gruvy.engines.stack import run
from gruvy.weights import Cell, Weights


def random_weights(convention, layers=2, directions=2, I=3, H=4, seed=0, c="whole", dtype=np.float64):
    rng = np.random.default_rng(seed)
    c_size = {"whole": 3 * H, "merged": H, None: None}[c]
    return Weights(
        convention,
        [
            [
                Cell(
                    rng.normal(size=(3 * H, I if k == 0 else directions * H)).astype(dtype),
                    rng.normal(size=(3 * H, H)).astype(dtype),
                    rng.normal(size=3 * H).astype(dtype),
                    None if c_size is None else rng.normal(size=c_size).astype(dtype),
                )
                for _ in range(directions)
            ]
            for k in range(layers)
        ],
    )


def test_equations_say_the_switches():
    text = {name: c.text() for name, c in PRESETS.items()}
    assert "U_h (r_t ∘ h_{t-1}) + b_h" in text["tutorial"]
    assert "(1 - z_t) ∘ h_{t-1} + z_t ∘ h̃_t" in text["tutorial"]
    assert "r_t ∘ (U_h h_{t-1} + c_h)" in text["torch"]
    assert "(1 - z_t) ∘ h̃_t + z_t ∘ h_{t-1}" in text["torch"]
    assert "U_h (r_t ∘ h_{t-1}) + b_h" in text["onnx"]
    assert "(1 - z_t) ∘ h̃_t + z_t ∘ h_{t-1}" in text["onnx"]
    assert Convention().latex(readout=True).endswith("y_t &= V h_t + b_y && \\text{read-out}\n\\end{aligned}")


def test_every_convention_has_a_name_that_leads_back():
    for reset, update in itertools.product(("before", "after"), ("adds", "keeps")):
        convention = Convention(reset, update)
        assert Convention.of(str(convention)) == convention


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Convention.of("keras"),
            'convention=\'keras\': expected "tutorial", "torch", "onnx" or a gruvy.Convention',
        ),
        (lambda: Convention("after", "add"), 'update=\'add\': expected "adds" or "keeps"'),
        (lambda: Convention("none"), 'reset=\'none\': expected "before" or "after"'),
        (
            lambda: random_weights("torch").convert("tutorial"),
            'convention "torch" has reset="after" and "tutorial" has reset="before": these are different functions '
            "and no weights make them equal; train again",
        ),
        (
            lambda: random_weights("tutorial").to_torch(),
            'convention "tutorial": torch.nn.GRU only has reset="after"; gruvy.nn.GRU has both',
        ),
    ],
)
def test_convention_errors(make, text):
    with pytest.raises(gruvy.ConventionError) as error:
        make()
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("cell", "kind", "text"),
    [
        ((np.zeros((3, 2)), np.zeros((3, 2)), None, None), gruvy.InputError,
         "cells[0][0].W: shape (3, 2), expected (6, 2)"),
        ((np.zeros((6, 2)), np.zeros((6, 2)), np.zeros(2), None), gruvy.InputError,
         "cells[0][0].b: shape (2,), expected (6,)"),
        ((np.zeros((6, 2)), np.zeros((6, 2)), None, np.zeros(2)), gruvy.InputError,
         "cells[0][0].c: shape (2,), expected (6,)"),
        ((np.zeros((6, 2), int), np.zeros((6, 2)), None, None), gruvy.InputTypeError,
         "cells[0][0].W: dtype int64, expected float32 or float64"),
        ((np.zeros((6, 2), np.float32), np.zeros((6, 2)), None, None), gruvy.InputTypeError,
         "cells: dtypes float32 and float64, expected one dtype for all"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(cell, kind, text):
    with pytest.raises(kind) as error:
        Weights("tutorial", [[cell]])
    assert str(error.value) == text


def test_weights_are_frozen_copies():
    W = np.zeros((6, 2))
    w = Weights("tutorial", [[Cell(W, np.zeros((6, 2)), None, None)]])
    W[:] = 1
    assert not w.cells[0][0].W.any()
    with pytest.raises(ValueError, match="read-only"):
        w.cells[0][0].W[0, 0] = 1


@pytest.mark.parametrize(
    ("layers", "bidirectional", "bias"), list(itertools.product((1, 3), (False, True), (False, True)))
)
def test_torch_round_trip_keeps_every_bit(layers, bidirectional, bias):
    torch.manual_seed(layers)
    module = torch.nn.GRU(3, 5, layers, bias=bias, bidirectional=bidirectional, dtype=torch.float64)
    again = Weights.from_torch(module).to_torch()
    assert module.state_dict().keys() == again.state_dict().keys()
    for name, value in module.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize(
    ("layers", "bidirectional", "bias"), list(itertools.product((1, 2), (False, True), (False, True)))
)
def test_run_is_torch(layers, bidirectional, bias):
    torch.manual_seed(10 * layers + bias)
    module = torch.nn.GRU(3, 5, layers, bias=bias, bidirectional=bidirectional, batch_first=True, dtype=torch.float64)
    x = torch.randn(4, 6, 3, dtype=torch.float64)
    h0 = torch.randn(layers * (1 + bidirectional), 4, 5, dtype=torch.float64)
    expected = module(x, h0)
    for weights in (Weights.from_torch(module), Weights.from_torch(module).convert("after,adds")):
        got = run(weights, x.numpy(), h0.numpy(), engine="reference")
        for a, e in zip(got[:2], expected, strict=True):
            assert_close(a, e)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_run_with_lengths_is_torchs_packing(bidirectional):
    torch.manual_seed(3)
    module = torch.nn.GRU(3, 5, 2, bidirectional=bidirectional, batch_first=True, dtype=torch.float64)
    x, lengths = torch.randn(4, 6, 3, dtype=torch.float64), [6, 1, 4, 2]
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    y, state = module(packed)
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
    got = run(Weights.from_torch(module), x.numpy(), lengths=lengths, engine="reference")
    assert_close(got.hidden, y)
    assert_close(got.state, state)


@pytest.mark.parametrize("directions", [1, 2])
def test_restarts_make_separate_sequences(directions):
    """Both directions are cut at the boundary: each piece is as if it had been run alone."""
    w = random_weights("tutorial", directions=directions, c=None, layers=2)
    rng = np.random.default_rng(4)
    x, cut = rng.normal(size=(2, 7, 3)), 3
    restarts = np.zeros((2, 7), bool)
    restarts[:, cut] = True
    whole = run(w, x, restarts=restarts, engine="reference").hidden
    np.testing.assert_array_equal(whole[:, cut:], run(w, x[:, cut:], engine="reference").hidden)
    np.testing.assert_array_equal(whole[:, :cut], run(w, x[:, :cut], engine="reference").hidden)


@pytest.mark.parametrize("convention", ["torch", "tutorial"])
def test_merging_changes_no_result(convention):
    w = random_weights(convention)
    x = np.random.default_rng(5).normal(size=(2, 5, 3))
    merged = w.merged()
    assert {None if c is None else len(c) for layer in merged.cells for *_, c in layer} == (
        {4} if convention == "torch" else {None}
    )
    assert merged.merged() is merged
    assert_close(run(w, x).hidden, unmerged(w, x))


def unmerged(w, x):
    """A plain per-row loop with the biases as they came."""
    inputs = x
    for layer in w.cells:
        outputs = []
        for d, (W, U, b, c) in enumerate(layer):
            hidden = np.zeros((*inputs.shape[:2], w.hidden_units))
            for i, sequence in enumerate(inputs):
                h = np.zeros(w.hidden_units)
                order = range(len(sequence))
                for t in reversed(order) if d else order:
                    (a_r, a_z, a_n), (q_r, q_z, _) = np.split(W @ sequence[t] + b, 3), np.split(U @ h + c, 3)
                    r, z = 1 / (1 + np.exp(-a_r - q_r)), 1 / (1 + np.exp(-a_z - q_z))
                    U_n, c_n = np.split(U, 3)[2], np.split(c, 3)[2]
                    inner = r * (U_n @ h + c_n) if w.convention.reset == "after" else U_n @ (r * h) + c_n
                    n = np.tanh(a_n + inner)
                    h = (1 - z) * n + z * h if w.convention.keeps else (1 - z) * h + z * n
                    hidden[i, t] = h
            outputs.append(hidden)
        inputs = np.concatenate(outputs, axis=-1)
    return inputs


def test_update_converts_and_comes_back_bit_for_bit():
    for name in ("torch", "tutorial"):
        for c in ("whole", "merged") if name == "torch" else ("whole", None):
            w = random_weights(name, c=c)
            other = w.convert(Convention(w.convention.reset, "adds" if w.convention.keeps else "keeps"))
            x = np.random.default_rng(6).normal(size=(2, 5, 3))
            assert_close(run(w, x).hidden, run(other, x).hidden)
            for (_, _, a), (_, _, e) in zip(other.convert(w.convention).arrays(), w.arrays(), strict=True):
                np.testing.assert_array_equal(a, e)


def test_a_merged_bias_goes_to_torch_with_zeros_for_the_redundant_rows():
    w = random_weights("torch", c="merged", layers=1, directions=1)
    bias = w.to_torch().bias_hh_l0.detach().numpy()
    assert not bias[:8].any()
    np.testing.assert_array_equal(bias[8:], w.cells[0][0].c)


X = np.zeros((2, 4, 3))


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"x": np.zeros((2, 4))}, gruvy.InputError, "x: shape (2, 4), expected (batch, time, 3)"),
        ({"x": np.zeros((2, 4, 2))}, gruvy.InputError, "x: shape (2, 4, 2), expected (batch, time, 3)"),
        ({"lengths": [1]}, gruvy.InputError, "lengths: shape (1,), expected (batch,) = (2,)"),
        ({"lengths": [1, 5]}, gruvy.InputError, "lengths: 5 at index 1, expected 0 to 4, the number of steps in x"),
        ({"lengths": [1.0, 2.0]}, gruvy.InputTypeError, "lengths: dtype float64, expected whole numbers"),
        ({"mask": np.ones((4, 2), bool)}, gruvy.InputError, "mask: shape (4, 2), expected (batch, time) = (2, 4)"),
        ({"mask": np.ones((2, 4))}, gruvy.InputTypeError, "mask: dtype float64, expected booleans"),
        ({"restarts": np.ones(4, bool)}, gruvy.InputError, "restarts: shape (4,), expected (batch, time) = (2, 4)"),
        ({"state": np.ones((2, 4))}, gruvy.InputError,
         "state: shape (2, 4), expected (layers * directions, batch, hidden units) = (4, 2, 4)"),
        ({"engine": "cuda"}, gruvy.EngineError, "engine 'cuda' (asked for): expected \"native\" or \"reference\""),
    ],
)  # fmt: skip
def test_run_errors(options, kind, text):
    with pytest.raises(kind) as error:
        run(random_weights("torch"), **{"x": X, **options})
    assert str(error.value) == text


def test_a_forced_engine_by_environment(monkeypatch):
    from gruvy.engines.choose import choose

    monkeypatch.setenv("GRUVY_ENGINE", "reference")
    assert choose()[:2] == ("reference", "GRUVY_ENGINE")
    monkeypatch.setenv("GRUVY_ENGINE", "gpu")
    with pytest.raises(gruvy.EngineError, match="GRUVY_ENGINE"):
        choose()
    assert reference.step  # an engine is a module with forward, backward and step


@pytest.mark.parametrize("convention", ["torch", "tutorial", "onnx", "after,adds"])
def test_a_saved_layer_says_its_convention(convention):
    torch.manual_seed(7)
    layer = gruvy.nn.GRU(3, 5, 2, bidirectional=True, dtype=torch.float64, convention=convention)
    weights = Weights.from_state_dict(layer.state_dict())
    assert weights.convention == Convention.of(convention)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    hidden = run(weights, x.transpose(0, 1).numpy(), engine="reference").hidden
    assert_close(hidden, layer(x)[0].transpose(0, 1))
    assert Weights.from_state_dict(layer.state_dict(), convention).convention.name == convention
    nameless = {name: value for name, value in layer.state_dict().items() if name != "convention_name"}
    assert Weights.from_state_dict(nameless, convention).convention.name == convention
    assert Weights.from_state_dict(nameless).convention.name == "torch"


@pytest.mark.parametrize("given", ["torch", "onnx"])
def test_a_saved_layer_is_not_read_as_another_convention(given):
    state = gruvy.nn.GRU(3, 5, convention="tutorial").state_dict()
    with pytest.raises(gruvy.ConventionError) as error:
        Weights.from_state_dict(state, given)
    assert str(error.value) == f'state dict: weights of convention "tutorial", expected "{given}" as given'
    state["convention_name"] = torch.tensor([255, 254], dtype=torch.uint8)
    with pytest.raises(gruvy.ConventionError, match="convention="):
        Weights.from_state_dict(state)
