"""The playground's nets: losses, gradients, optimiser and the gradient over the lag, against references in float64."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare import assert_apart, assert_close  # noqa: E402
from gruvy.inside.gradients import gradient_norms  # noqa: E402
from gruvy.lab.cells import log_norms  # noqa: E402
from gruvy.lab.nets import KINDS, Net, set_to_remember  # noqa: E402
from gruvy.reference import Cell  # noqa: E402
from gruvy.weights import Weights  # noqa: E402
from playground_nets import DIMENSIONS, Drawn, batch, expected, loss_of, node, planted  # noqa: E402
from small_nets import CONVENTIONS  # noqa: E402

HELD = {
    "rnn": [{}],
    "lstm": [{}, {"i": 1}, {"f": 1}, {"f": 0.9, "o": 1}, {"i": 0.5, "f": 0, "o": 0.25}],
    "gru": [{}, {"z": 1}, {"r": 1}, {"z": 0.05}, {"z": 0.3, "r": 0}],
}
CASES = [(kind, task, held) for kind in KINDS for task in DIMENSIONS for held in HELD[kind]]


def compared(net, seed, source=None, B=3, T=9):
    """Node's gradients and those expected, by name."""
    x, y = batch(net.task, B, T, seed)
    job = ("loss", {**net.given, "x": x, "y": y, "B": B, "T": T})
    (found,) = node(job) if source is None else node(job, source=source)
    loss, gradient = expected(net, x, y)
    return (found["loss"], net.split(found["gradient"])), (loss, gradient)


def check(net, seed, **more):
    (loss, found), (true_loss, gradient) = compared(net, seed, **more)
    assert_close(np.float64(loss), np.float64(true_loss), "derivative", "loss")
    for name, value in gradient.items():
        if value.size:
            for rows in net.own() if name in ("W", "U", "b") else []:
                assert not found[name][rows].any(), f"{name}: a held gate learns"
            assert_close(found[name], value, "derivative", f"{net.kind}, {net.task}, {net.held}, {name}")


@pytest.mark.parametrize(("kind", "task", "held"), CASES)
def test_gradients_are_the_references(kind, task, held):
    check(Drawn(kind, task, 6, seed=3, held=held), seed=4)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("held", HELD["gru"])
def test_every_convention_of_the_gru(convention, held):
    check(Drawn("gru", "clue", 5, seed=5, convention=convention, held=held), seed=6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("units", "T"), [(4, 1), (32, 60)])
def test_the_smallest_and_the_largest(kind, units, T):
    check(Drawn(kind, "clue", units, seed=7), seed=8, T=T)


FAULTS = {
    "rnn": [("cells.js", "ds[dsAt + u] * (1 - h * h)", "ds[dsAt + u] * (1 - h)")],
    "lstm": [
        ("cells.js", "dh * o * (1 - squashed * squashed)", "dh * o"),
        ("cells.js", "dc * s[sAt + H + u] * f * (1 - f)", "dc * s[sAt + u] * f * (1 - f)"),
        ("cells.js", "old[H + u] = dc * f;", "old[H + u] = ds[dsAt + H + u] * f;"),
    ],
    "gru": [
        ("step.js", "keeps ? old - candidate : candidate - old", "keeps ? candidate - old : old - candidate"),
        ("step.js", "+= after ? drh[u] : drh[u] * reset;", "+= drh[u];"),
        ("cells.js", "rh[u] = after ? s[sAt + u] : saved[at + u] * s[sAt + u]", "rh[u] = s[sAt + u]"),
        ("nets.js", "ds[u] += d * V[o * H + u];", "ds[u] = d * V[o * H + u];"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "fault"), [(kind, i) for kind in KINDS for i in range(len(FAULTS[kind]))])
def test_a_planted_fault_is_seen(kind, fault, tmp_path):
    source = planted(tmp_path / "src", *FAULTS[kind][fault])
    with pytest.raises(AssertionError, match="limit"):
        check(Drawn(kind, "clue", 6, seed=3), seed=4, source=source)


def test_a_gate_that_is_held_and_learns_is_seen(tmp_path):
    source = planted(tmp_path / "src", "step.js", "fixed && fixed.z ? 0 : dz", "dz")
    with pytest.raises(AssertionError, match="a held gate learns"):
        check(Drawn("gru", "clue", 6, seed=3, held={"z": 0.3}), seed=4, source=source)


@pytest.mark.parametrize(("decay", "most"), [(0.0, None), (0.1, None), (0.0, 1.0), (0.1, 0.5)])
def test_the_optimiser_is_torchs(decay, most, tmp_path):
    rng = np.random.default_rng(9)
    start, gradients = rng.normal(size=12), rng.normal(size=(25, 12)) * rng.choice([1e-4, 0.3, 2], (25, 1))
    given = {"parameters": start, "gradients": gradients, "rate": 0.03, "decay": decay, "most": most}
    (found,) = node(("adam", given))
    p = torch.nn.Parameter(torch.tensor(start))
    adam, norms = torch.optim.AdamW([p], lr=0.03, weight_decay=decay), []
    for g in gradients:
        p.grad = torch.tensor(g)
        norms.append(torch.nn.utils.clip_grad_norm_([p], float("inf") if most is None else most).item())
        adam.step()
    assert_close(np.array(found["parameters"]), p, "derivative")
    assert_close(np.array(found["norms"]), np.array(norms), "derivative")
    source = planted(tmp_path / "src", "optimiser.js", "1 - beta2 ** this.steps", "1")
    assert_apart(np.array(node(("adam", given), source=source)[0]["parameters"]), p, "derivative")


def job_of(kind, task, **more):
    I, O = DIMENSIONS[task]
    return {"kind": kind, "task": "class", "units": 6, "inputs": I, "outputs": O, **more}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_over_the_lag_is_the_labs(kind, tmp_path):
    """Against Jacobians by torch's automatic differentiation, down to where float64 has no such small numbers."""
    drawn = Drawn(kind, "clue", 6, seed=10)
    drawn.U *= 0.05  # so that it vanishes: by 2 powers of ten a step
    lag = 400
    lab = Net(kind, 8, 6, 4, seed=0).double()
    with torch.no_grad():
        for name, value in (("weight_ih_l0", drawn.W), ("weight_hh_l0", drawn.U), ("bias_ih_l0", drawn.b)):
            lab.recurrent.get_parameter(name).copy_(torch.tensor(value))
        lab.recurrent.get_parameter("bias_hh_l0").zero_()
    x, _ = batch("clue", 1, lag, 11)
    job = ("overLag", {**drawn.given, "x": x, "T": lag})
    (found,) = node(job)
    expected = log_norms(lab, torch.tensor(x))[0]
    print(f"{kind}: down to {expected[-1]:.1f}")
    assert_close(np.array(found), expected, "norm")
    if kind == "gru":
        w = Weights(drawn.convention, [[Cell(drawn.W, drawn.U, drawn.b, None)]])
        assert_close(np.array(found), gradient_norms(w, x).state[0, 0], "norm")
    source = planted(tmp_path / "src", "nets.js", "const t = T - k;", "const t = k - 1;")
    assert_apart(np.array(node(job, source=source)[0]), expected, "norm")


def test_a_gradient_that_is_gone_is_said_to_be():
    """A GRU whose update gate is held at 1 and whose candidate looks at no state passes nothing on."""
    drawn = Drawn("gru", "clue", 4, seed=12, held={"z": 1, "r": 0})
    x, _ = batch("clue", 1, 3, 13)
    (found,) = node(("overLag", {**drawn.given, "x": x, "T": 3}))
    assert found[1:] == ["-Infinity"] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_set_to_remember_is_the_labs(kind):
    given = job_of(kind, "clue", seed=3)
    plain, found = node(("draw", {**given, "remember": 0}), ("draw", {**given, "remember": 37}))
    drawn = Drawn(kind, "clue", 6, seed=0)
    plain, found = drawn.split(plain), drawn.split(found)
    lab = Net(kind, 8, 6, 4, seed=0, remember=37)
    names = {"b": "bias_ih_l0"} | ({"U": "weight_hh_l0"} if kind == "rnn" else {})
    for name, of in names.items():
        assert_close(found[name], lab.recurrent.get_parameter(of).detach().double(), "rounded", name)
    for name in {"W", "U", "V", "b_y"} - set(names):
        np.testing.assert_array_equal(found[name], plain[name])
    bound = 1 / np.sqrt(6)
    everything = np.concatenate([a.ravel() for a in plain.values()])
    assert np.abs(everything).max() <= bound
    assert np.abs(everything).max() > 0.9 * bound
    assert set_to_remember is not None


SETTINGS = {"units": 5, "lag": 12, "seed": 2, "rate": 0.02, "remember": 0, "batch": 8, "decay": 0.0, "clip": 1.0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", DIMENSIONS)
def test_training_is_torchs(kind, task):
    """Ten steps on the batches that node drew: the losses and the weights of torch's layers and torch's optimiser."""
    lag = 4 if task == "addition" else 12
    decay, batch_size = (0.1, 256) if task == "addition" else (0.0, 8)
    more = {"lag": lag, "decay": decay, "batch": batch_size}
    (found,) = node(("learn", {**SETTINGS, **more, "kind": kind, "task": task, "held": {}, "steps": 10}))
    drawn = Drawn(kind, task, 5, seed=0)
    parameters = {k: torch.tensor(v, requires_grad=True) for k, v in drawn.split(found["start"]).items() if v.size}
    adam = torch.optim.AdamW(parameters.values(), lr=0.02, weight_decay=decay)
    losses = []
    for given in found["batches"]:
        x = torch.tensor(given["x"], dtype=torch.float64).view(given["B"], given["T"], -1)
        y = torch.tensor(given["y"], dtype=torch.float64).view(given["B"], -1)
        adam.zero_grad()
        raw = states(kind, parameters, x) @ parameters["V"].T + parameters["b_y"]
        loss = loss_of(task, raw, y if task == "addition" else y[:, 0])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        adam.step()
        losses.append(loss.item())
    assert_close(np.array(found["losses"]), np.array(losses), "trained")
    for name, value in drawn.split(found["end"]).items():
        if value.size:
            assert_close(value, parameters[name], "trained", name)


def states(kind, p, x):
    """The states (B, T, H) by the lab's equations, which torch differentiates."""
    from gruvy.convention import Convention
    from gruvy.lab import cells

    H, zero = p["U"].shape[1], torch.zeros_like(p["b"])
    given = (p["W"], p["U"], p["b"], zero)
    step = cells.gru(*given, Convention.of("tutorial")) if kind == "gru" else getattr(cells, kind)(*given)
    rows = []
    for row in x:
        s, found = torch.zeros(H * (2 if kind == "lstm" else 1), dtype=torch.float64), []
        for step_input in row:
            s = step(step_input, s)
            found.append(s[:H])
        rows.append(torch.stack(found))
    return torch.stack(rows)
