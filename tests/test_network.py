"""`gruvy.GRU`, the tutorial's class: what it computes, says of itself, refuses, and learns."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
import torch

import gruvy
from compare import assert_apart, assert_close, numpy
from gruvy.engines import stack as recurrence
from gruvy.errors import ConventionError, InputError, InputTypeError
from small_nets import CONVENTIONS, irregular

STEPS = ["none", "irregular"]


def network(convention="tutorial", seed=0, **kind):
    torch.manual_seed(seed)
    kind = {"dtype": torch.float64, "init": "uniform", **kind}
    return gruvy.GRU(3, 4, 2, convention=convention, **kind)


def batch(steps, seed=0):
    x, given, valid = irregular(np.random.default_rng(seed))
    if steps == "none":
        x, given, valid = np.nan_to_num(x), {}, np.ones(x.shape[:2], bool)
    return x, given, valid


def tensors(given):
    return {name: torch.tensor(a) for name, a in given.items()}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_it_is_the_reference_and_a_matrix(convention, bidirectional, layers, steps):
    net = network(convention, layers=layers, bidirectional=bidirectional)
    x, given, valid = batch(steps)
    h = np.random.default_rng(1).normal(size=(layers * net.directions, 3, 4))
    out = net(torch.tensor(x), state=torch.tensor(h), **tensors(given))
    run = recurrence.run(net.weights(), x, h, engine="reference", **given)
    V, b_y = numpy(net.V), numpy(net.b_y)
    assert_close(out.hidden, run.hidden, name="hidden")
    assert_close(out.state, run.state, name="state")
    assert_close(out.outputs, np.where(valid[..., None], run.hidden @ V.T + b_y, 0), name="outputs")
    top = run.state[-net.directions :].transpose(1, 0, 2).reshape(3, -1)
    assert_close(out.last, top @ V.T + b_y, name="last")


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooling_reads_the_steps_that_count_since_the_last_restart(pooling, steps):
    net = network(pooling=pooling, bidirectional=True)
    x, given, valid = batch(steps)
    out = net(torch.tensor(x), **tensors(given))
    hidden = numpy(out.hidden)
    final = numpy(out.state).transpose(1, 0, 2).reshape(3, -1)
    for b in range(3):
        flags = given["restarts"][b] if given else np.zeros(9, bool)
        start = max([0, *np.flatnonzero(flags)])
        steps_read = [hidden[b, t] for t in range(start, 9) if valid[b, t]]
        pool = {"mean": np.mean, "max": np.max}[pooling]
        pooled = pool(steps_read, axis=0) if steps_read else final[b]
        assert_close(out.last[b], numpy(net.V) @ pooled + numpy(net.b_y), name=f"last[{b}]")
    assert_apart(out.last, network(bidirectional=True)(torch.tensor(x), **tensors(given)).last, "another")


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_edges(pooling):
    net = network(pooling=pooling)
    empty = net(torch.zeros(2, 0, 3, dtype=torch.float64))
    assert empty.outputs.shape == (2, 0, 2)
    assert_close(empty.last, np.tile(numpy(net.b_y), (2, 1)), "exact", "the read-out of no step is b_y")
    nobody = net(torch.zeros(0, 5, 3, dtype=torch.float64))
    assert [t.shape for t in nobody] == [(0, 5, 2), (0, 2), (0, 5, 4), (1, 0, 4)]
    x = torch.full((1, 4, 3), torch.nan, dtype=torch.float64)
    state = torch.ones(1, 1, 4, dtype=torch.float64)
    silent = net(x, lengths=[0], state=state)
    assert silent.outputs.abs().max() == 0
    assert_close(silent.last, numpy(net.V).sum(1)[None] + numpy(net.b_y), name="the read-out of the initial state")


def test_padding_reaches_no_gradient():
    net = network()
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    gradients = []
    for fill in (0.0, torch.nan):
        x[1, 2:] = fill
        net.zero_grad()
        out = net(x, lengths=[5, 2])
        (out.outputs.square().sum() + out.last.square().sum()).backward()
        gradients.append([p.grad.clone() for p in net.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert_close(a, b, "exact")


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_no_redundant_parameter(convention):
    # The tutorial's GRU has 3 gates of H (I + H + 1) numbers and O (H + 1) for the read-out; with the reset gate after
    # the product the candidate has a second bias of H.
    I, H, O = 5, 7, 2
    wanted = 3 * H * (I + H + 1) + O * (H + 1) + (H if convention.reset == "after" else 0)
    net = gruvy.GRU(I, H, O, convention=convention)
    assert sum(p.numel() for p in net.parameters()) == wanted
    x = torch.randn(4, 6, I)
    net(x).last.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters())


def test_equations_are_those_of_the_object():
    said = str(gruvy.GRU(2, 16, 1).equations())
    assert said == (
        "z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                 update gate\n"
        "r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                 reset gate\n"
        "h̃_t = tanh(W_h x_t + U_h (r_t ∘ h_{t-1}) + b_h)      candidate\n"
        "h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ h̃_t                state\n"
        "y_t = V h_t + b_y                                    read-out\n"
        "x_t: 2 numbers, h_t: 16, y_t: 1"
    )
    net = gruvy.GRU(2, 16, 1, convention="torch", layers=3, bidirectional=True, pooling="max")
    said = net.equations()
    assert "r_t ∘ (U_h h_{t-1} + c_h)" in said.text
    assert "(1 - z_t) ∘ h̃_t + z_t ∘ h_{t-1}" in said.text
    assert "3 layers" in said.text
    assert "both directions" in said.text
    assert "maximum of h_t" in said.text
    assert said._repr_latex_().startswith("$$\\begin{aligned}")
    assert said.latex.endswith("\\end{aligned}")
    assert said.latex.count("{") == said.latex.count("}")
    assert repr(said) == said.text


def test_repr_shows_the_convention():
    assert repr(gruvy.GRU(2, 16, 1)) == 'GRU(2, 16, 1, convention="tutorial")'
    net = gruvy.GRU(2, 16, 1, layers=2, dropout=0.5, pooling="max", convention="torch", bidirectional=True)
    assert repr(net) == (
        "GRU(2, 16, 1, layers=2, bidirectional=True, dropout=0.5, pooling='max', convention=\"torch\")"
    )


def test_state_dict_names_its_convention():
    net, other = network("onnx", seed=0), network("onnx", seed=1)
    state = net.state_dict()
    assert set(state) == {"W_l0", "U_l0", "b_l0", "V", "b_y", "convention_name"}
    other.load_state_dict(state)
    assert_close(other.W_l0, net.W_l0, "exact")
    wanted = 'state dict: weights of convention "onnx", this network has convention "tutorial"'
    with pytest.raises(ConventionError, match=f"^{re.escape(wanted)}$"):
        network("tutorial").load_state_dict(state)


def test_a_state_dict_whose_convention_is_no_name_is_refused():
    net = gruvy.GRU(1, 2, 1)
    state = net.state_dict()
    for bytes_ in ([255, 254], [], [0]):
        state["convention_name"] = torch.tensor(bytes_, dtype=torch.uint8)
        with pytest.raises(ConventionError, match=r'this network has convention "tutorial"$'):
            net.load_state_dict(state)


def test_weights_go_to_another_network_and_convention():
    net = network("onnx", layers=2, bidirectional=True)
    other = network("tutorial", layers=2, bidirectional=True, seed=1).load_weights(net.weights())
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    assert_close(other(x).hidden, net(x).hidden)
    wanted = (
        "weights: Weights(tutorial, input 3, hidden 4, layers 2, directions 2, float64), expected those of "
        'GRU(3, 4, 2, convention="tutorial")'
    )
    with pytest.raises(InputError, match=f"^{re.escape(wanted)}$"):
        network().load_weights(net.weights())


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies(twin):
    net = network("torch", dropout=0.2, layers=2).eval()
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    same = twin(net)
    assert_close(same(x).last, net(x).last, "exact")
    with torch.no_grad():
        same.V.zero_()
    assert net.V.abs().max() > 0


def test_dropout_acts_in_training_alone_and_warns_never():
    net = network(dropout=0.5)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    assert not torch.equal(net(x).last, net(x).last)
    net.eval()
    assert_close(net(x).last, net(x).last.detach(), "exact")


def test_functional_transforms():
    net = network()
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    x = torch.randn(4, 5, 3, dtype=torch.float64)

    def loss(parameters, x):
        return torch.func.functional_call(net, parameters, (x[None],)).last.square().sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, x)
    for i in range(4):
        net.zero_grad()
        net(x[i : i + 1]).last.square().sum().backward()
        for name, p in net.named_parameters():
            assert_close(each[name][i], p.grad, "gradient", name)


def test_trace_is_of_this_network():
    net = network(layers=2)
    x, given, _ = batch("irregular")
    found = net.trace(torch.tensor(x), **tensors(given))
    assert found.update.shape == (2, 3, 9, 4)
    assert_close(found.state[1], net(torch.tensor(x), **tensors(given)).hidden)


CALL = "gruvy.GRU(input_units, hidden_units, output_units) is a network with a read-out"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: gruvy.GRU(12, 64, input_size=12),
            InputTypeError,
            "gruvy.GRU: input_size is an argument of torch.nn.GRU; gruvy.nn.GRU is the layer that takes those, " + CALL,
        ),
        (
            lambda: gruvy.GRU(12, 64),
            InputTypeError,
            f"gruvy.GRU: output_units is missing; {CALL}, gruvy.nn.GRU(input_size, hidden_size) the layer without",
        ),
        (lambda: gruvy.GRU(1, 2, 3, size=2), InputTypeError, "gruvy.GRU: unexpected keyword argument 'size'"),
        (lambda: gruvy.GRU(0, 2, 3), InputError, "input_units=0: expected a whole number of at least 1"),
        (lambda: gruvy.GRU(1, 2.5, 3), InputError, "hidden_units=2.5: expected a whole number of at least 1"),
        (lambda: gruvy.GRU(1, 2, -1), InputError, "output_units=-1: expected a whole number of at least 1"),
        (lambda: gruvy.GRU(1, 2, 3, layers=True), InputError, "layers=True: expected a whole number of at least 1"),
        (lambda: gruvy.GRU(1, 2, 3, dropout=1), InputError, "dropout=1: expected a number from 0 to below 1"),
        (lambda: gruvy.GRU(1, 2, 3, pooling="sum"), InputError, 'pooling=\'sum\': expected "last", "mean" or "max"'),
        (
            lambda: gruvy.GRU(1, 2, 3, init="remember:0"),
            InputError,
            'init=\'remember:0\': expected "glorot", "uniform" or "remember:n", n steps above 0',
        ),
        (
            lambda: gruvy.GRU(1, 2, 3, init="glorot:2"),
            InputError,
            'init=\'glorot:2\': expected "glorot", "uniform" or "remember:n", n steps above 0',
        ),
        (
            lambda: gruvy.GRU(1, 2, 3, convention="keras"),
            ConventionError,
            'convention=\'keras\': expected "tutorial", "torch", "onnx" or a gruvy.Convention',
        ),
        (lambda: network()(np.zeros((1, 2, 3))), InputTypeError, "x: ndarray, expected a tensor (batch, time, 3)"),
        (
            lambda: network()(torch.zeros(1, 2, 3)),
            InputTypeError,
            "x: dtype torch.float32, expected torch.float64 like the network's parameters",
        ),
        (
            lambda: gruvy.GRU(3, 4, 2)(torch.zeros(1, 2, 3), state=torch.zeros(1, 4)),
            InputError,
            "state: shape (1, 4), expected (layers * directions, batch, hidden units) = (1, 1, 4)",
        ),
        (
            lambda: gruvy.GRU(3, 4, 2)(torch.zeros(1, 2, 3), state=0),
            InputTypeError,
            "state: int, expected a tensor (1, 1, 4)",
        ),
        (
            lambda: gruvy.GRU(3, 4, 2)(torch.zeros(1, 2, 3), state=torch.zeros(1, 1, 4).double()),
            InputTypeError,
            "state: dtype torch.float64, expected torch.float32 like x",
        ),
        (
            lambda: gruvy.GRU(3, 4, 2)(torch.zeros(1, 2, 3), lengths=[3]),
            InputError,
            "lengths: 3 at index 0, expected 0 to 2, the number of steps in the input",
        ),
        (lambda: network()(torch.zeros(2, 3)), InputError, "x: shape (2, 3), expected (batch, time, 3)"),
        (lambda: network()(torch.zeros(1, 2, 4)), InputError, "x: shape (1, 2, 4), expected (batch, time, 3)"),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        make()


# fit and predict


FIT = {"max_epochs": 1}


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda n: n.fit(np.zeros((2, 4, 3)), [0, 1], task="sort"), InputError,
         "task='sort': expected \"classify\", \"regress\" or \"tag\""),
        (lambda n: n.fit(np.zeros((3, 4, 3)), [0, 1, 2]), InputError,
         "y has 3 classes, the network output_units=2; expected output_units=3"),
        (lambda n: n.fit(np.zeros((3, 4, 3)), np.zeros((3, 3)), task="regress"), InputError,
         "y has 3 targets per sequence, the network output_units=2; expected output_units=3"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [[0, 1], [0, 1]]), InputError,
         'y: shape (2, 2), expected one label per sequence; task="tag" has one per step'),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [[0, 1], [0, 1]], task="tag"), InputError,
         "y[0] has shape (2,), X[0] has 4 steps; expected one label per step"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [0, 1, 1]), InputError,
         "y has 3 targets, X has 2 sequences; expected one target per sequence"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [1, 1]), InputError,
         "y has one class, 1; expected at least 2 classes"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), ["a", "b"], task="regress"), InputTypeError, "y: expected numbers"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [0, np.inf], task="regress"), InputError,
         "y: inf for sequence 1; expected finite numbers"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), np.zeros((2, 1, 1)), task="regress"), InputError,
         "y: shape (2, 1, 1), expected (sequences,) or (sequences, targets)"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [0, 1], epochs=3), InputTypeError,
         "fit: unknown setting 'epochs'; there are max_epochs, batch_size, learning_rate, weight_decay, clip_norm, "
         "schedule, patience, seed, device, progress, checkpoint, checkpoint_seconds, on_epoch, snapshots"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [0, 1], validation=3), InputTypeError,
         "validation: expected a pair (X, y)"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [0, 1], validation=(np.zeros((1, 4, 3)), [7]), **FIT), InputError,
         "y holds 7, a class that the training data do not have"),
        (lambda n: n.predict(np.zeros((2, 4, 3))), InputError,
         "the network has no task yet: call fit first, or the network itself for its read-outs"),
        (lambda n: n.fit(np.zeros((2, 4, 3)), [[0, 1]] * 2, task="regress", **FIT).predict_proba(np.zeros((2, 4, 3))),
         InputError, 'task="regress" has no probabilities; predict gives its numbers'),
    ],
)  # fmt: skip
def test_fit_and_predict_refuse(act, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        act(gruvy.GRU(3, 4, 2))


def test_one_exported_program_runs_at_any_size():
    net = gruvy.GRU(3, 4, 2, pooling="mean").eval()
    B, T = torch.export.Dim("B"), torch.export.Dim("T", min=2)
    program = torch.export.export(
        net, (torch.zeros(4, 6, 3),), {"lengths": torch.tensor([6, 3, 2, 1])},
        dynamic_shapes={"x": {0: B, 1: T}, "lengths": {0: B}},
    )  # fmt: skip
    for size, lengths in ((2, [9, 4]), (3, [5, 5, 1])):
        x = torch.randn(size, lengths[0], 3)
        lengths = torch.tensor(lengths)
        assert_close(program.module()(x, lengths=lengths).last, net(x, lengths=lengths).last)
