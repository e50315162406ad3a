"""Targets at every step in training: losses, gradients and weights against float64 PyTorch, sequence by sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import gruvy
from compare import assert_close
from gruvy.model.task import Labels, Numbers, task_of_steps
from gruvy.model.yes_no import YesNo
from gruvy.network.fit import batches_for
from gruvy.training.judging import judge
from gruvy.training.losses import losses

LENGTHS = (4, 1, 7)
KINDS = ("classes", "two classes", "numbers", "yes-no")


def made(kind, seed=0):
    """Sequences, targets, a task and a float64 network for it."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(T, 2)) for T in LENGTHS]
    draw = {
        "classes": lambda T: rng.integers(0, 3, T),
        "two classes": lambda T: rng.integers(0, 2, T),
        "numbers": lambda T: rng.normal(5, 3, (T, 2)),
        "yes-no": lambda T: rng.integers(0, 2, (T, 3)),
    }[kind]
    y = [draw(T) for T in LENGTHS]
    y[2][:3] = [[0, 1, 1], [1, 0, 0], [0, 0, 0]] if kind == "yes-no" else y[2][:3]
    task = task_of_steps(y)
    torch.manual_seed(seed)
    return x, y, task, gruvy.GRU(2, 4, task.units[-1], dtype=torch.float64, bidirectional=kind == "classes")


def by_hand(kind, raw, y, task):
    """The loss of each step of one sequence (T,), or of each yes and no (T, K), by PyTorch's own functions."""
    if kind == "classes":
        return F.cross_entropy(raw, torch.tensor(y), reduction="none")
    if kind == "two classes":
        return F.softplus(torch.where(torch.tensor(y) == 1, -raw[:, 0], raw[:, 0]))
    if kind == "numbers":
        return ((raw - (torch.tensor(y) - torch.tensor(task.mean)) / torch.tensor(task.scale)) ** 2).mean(-1)
    return -(torch.tensor(y) * F.logsigmoid(raw) + (1 - torch.tensor(y)) * F.logsigmoid(-raw))


def poisoned(data):
    """What pads a batch is anything but nothing."""
    data.flat[-1] = float("nan")
    data.targets[-1] = 2 if not data.targets.is_floating_point() and data.targets.max() > 1 else 1
    return data


@pytest.mark.parametrize("kind", KINDS)
def test_losses_and_gradients_are_those_of_each_sequence_alone(kind):
    x, y, task, net = made(kind)
    weight = np.array([1.0, 3.0, 0.5])
    data = poisoned(batches_for(net, task, x, y, weight))
    batch = data.take(np.arange(3))
    each = losses(task, net(batch.x, lengths=batch.lengths), batch.target)
    total = torch.dot(each.flatten(), batch.weight.flatten()) / data.amounts.sum()
    total.backward()
    got = {name: p.grad.numpy().copy() for name, p in net.named_parameters()}
    net.zero_grad()
    hand, amount = torch.zeros((), dtype=torch.float64), 0.0
    for i, w in enumerate(weight):
        loss = by_hand(kind, net(torch.tensor(x[i])[None]).outputs[0], y[i], task)
        hand, amount = hand + w * loss.sum(), amount + w * loss.numel()
    (hand / amount).backward()
    # Numbers are rounded to float32 when they are encoded.
    how = "float32" if kind == "numbers" else "same"
    assert_close(total.item(), (hand / amount).item(), how)
    for name, p in net.named_parameters():
        assert_close(got[name], p.grad.numpy(), "gradient of float32" if kind == "numbers" else "gradient", name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_an_epoch_is_judged_alike(kind):
    x, y, task, net = made(kind, seed=1)
    loss, score = judge(net, task, poisoned(batches_for(net, task, x, y)))
    raw = [net(torch.tensor(s)[None]).outputs[0].detach() for s in x]
    hand = torch.cat([by_hand(kind, r, t, task).flatten() for r, t in zip(raw, y, strict=True)]).mean().item()
    assert_close(loss, hand, "float32" if kind == "numbers" else "same")
    flat, truth = torch.cat(raw).numpy(), np.concatenate(y)
    answers = task.answers(flat)
    if kind == "numbers":
        error = np.mean((answers - truth) ** 2, 0) / truth.var(0)
        assert_close(score, np.mean(1 - error), "float32")
    else:
        assert_close(score, np.mean(answers == truth), "same")


def test_weights_of_steps():
    """Of each step as it is, also where there are as many steps as sequences would need."""
    x, y, task, net = made("classes")
    flat = np.arange(12.0)
    data = batches_for(net, task, x, y, flat)
    assert data.amounts.tolist() == [6.0, 4.0, 56.0]
    batch = data.take(np.array([1, 0]))
    assert batch.weight.tolist() == [[4, 0, 0, 0], [0, 1, 2, 3]]


def test_weights_of_yes_and_no():
    x, y, task, net = made("yes-no")
    flat = np.arange(36.0).reshape(12, 3)
    data = batches_for(net, task, x, y, flat)
    assert data.amounts.tolist() == [66.0, 39.0, 525.0]
    assert data.take(np.array([1])).weight.tolist() == [[[12, 13, 14]]]


def test_what_a_constant_answer_loses():
    """The least loss of one answer for all steps, found by a search."""
    rng = np.random.default_rng(0)
    truth, weight = rng.integers(0, 2, (50, 2)).astype(float), rng.random((50, 2))
    grid = np.linspace(1e-3, 1 - 1e-3, 999)
    least = sum(
        min(-(weight[:, k] * np.log(np.where(truth[:, k] > 0, p, 1 - p))).sum() for p in grid) for k in range(2)
    )
    assert_close(YesNo(2).blind(truth, weight), least / weight.sum(), "integral")
    assert YesNo(1).blind(np.zeros((3, 1)), np.ones((3, 1))) == 0


def test_probabilities_of_yes():
    raw = np.array([-800.0, -30.0, -1.0, 0.0, 1.0, 30.0, 800.0])[:, None]
    task = YesNo(1)
    assert_close(task.probabilities(raw), torch.sigmoid(torch.tensor(raw)).numpy(), "equation")
    assert_close(task.log_probabilities(raw), F.logsigmoid(torch.tensor(raw)).numpy(), "equation")
    assert task.answers(raw).ravel().tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert YesNo(2, np.array([0.2, 0.9])).answers(np.array([[-1.0, 1.0]])).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("y", "answers", "kind"),
    [
        ([["a", "b"]], "auto", Labels),
        ([[0, 1], [2]], "auto", Labels),
        ([[0.0, 1.0]], "auto", Labels),
        ([[0.5, 1.0]], "auto", Numbers),
        ([[[0, 1]], [[1, 0]]], "auto", YesNo),
        ([[[0.0, 1.0]]], "auto", YesNo),
        ([[[0, 2]]], "auto", Numbers),
        ([[True, False]], "auto", Labels),
        ([[True, False]], "yes-no", YesNo),
        ([[0, 1], [2]], "numbers", Numbers),
        ([[[0, 1]]], "numbers", Numbers),
    ],
)
def test_what_targets_ask_for(y, answers, kind):
    task = task_of_steps(y, answers)
    assert isinstance(task, kind)
    assert (task.name, task.per_step) == ("tag", True)


@pytest.mark.parametrize(
    ("y", "answers", "text"),
    [
        ([["a", "b"]], "numbers", 'y: holds text; expected other targets for answers="numbers"'),
        ([[0, 1, 2]], "yes-no", 'y: holds other numbers than 0 and 1; expected other targets for answers="yes-no"'),
        ([[[0, 1]]], "classes", 'y: holds 2 targets per step; expected other targets for answers="classes"'),
        ([[0, 1]], "tags", "answers='tags': expected auto, classes, numbers or yes-no"),
    ],
)
def test_what_targets_cannot_be(y, answers, text):
    with pytest.raises(gruvy.InputError) as refusal:
        task_of_steps(y, answers)
    assert str(refusal.value) == text
