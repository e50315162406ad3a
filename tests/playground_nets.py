"""The playground's nets, run in node, and what they must say: by `gruvy.reference`, by torch in float64."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gruvy import reference  # noqa: E402
from gruvy.convention import Convention  # noqa: E402
from gruvy.reference import Cell  # noqa: E402
from run_node import run_node  # noqa: E402

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "web" / "src"
BLOCKS = {"rnn": 1, "lstm": 4, "gru": 3}
ROWS = {"lstm": {"i": 0, "f": 1, "o": 3}, "gru": {"r": 0, "z": 1}}
DIMENSIONS = {"clue": (8, 4), "adding": (2, 1), "addition": (2, 1)}
KIND_OF = {"clue": "class", "adding": "number", "addition": "bits"}


def node(*jobs: tuple[str, dict[str, Any]], source: Path = SOURCE) -> list[Any]:
    """The results of some jobs of tests/run_playground.mjs."""
    script = ROOT / "tests" / "run_playground.mjs"
    found: list[Any] = run_node(script, str(source), asked=jobs, default=lambda a: a.tolist())
    return found


def planted(folder: Path, file: str, old: str, new: str) -> Path:
    """The modules with a fault in one of them."""
    shutil.copytree(SOURCE, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder


class Drawn:
    """A net with random weights in float64, as the page's parameters and as arrays."""

    def __init__(self, kind: str, task: str, units: int, seed: int, convention: Any = None, held: Any = None) -> None:
        self.kind, self.task, self.units = kind, task, units
        self.I, self.O = DIMENSIONS[task]
        self.convention = Convention("before", "adds") if convention is None else convention
        self.held = held or {}
        rng, H, rows = np.random.default_rng(seed), units, BLOCKS[kind] * units
        self.W, self.U, self.b = rng.normal(size=(rows, self.I)), rng.normal(size=(rows, H)), rng.normal(size=rows)
        self.U /= np.sqrt(H)
        self.c = rng.normal(size=H if kind == "gru" and self.convention.reset == "after" else 0)
        self.V, self.b_y = rng.normal(size=(self.O, H)), rng.normal(size=self.O)

    @property
    def given(self) -> dict[str, Any]:
        """For node."""
        parts = (self.W, self.U, self.b, self.c, self.V, self.b_y)
        return {
            "kind": self.kind, "task": KIND_OF[self.task], "units": self.units, "inputs": self.I, "outputs": self.O,
            "held": self.held, "convention": {"reset": self.convention.reset, "keeps": self.convention.keeps},
            "parameters": np.concatenate([a.ravel() for a in parts]),
        }  # fmt: skip

    def split(self, gradient: list[float]) -> dict[str, Any]:
        """A row of gradients by name; what a held gate's own rows hold is taken out and must be zero."""
        found, at = {}, 0
        for name in ("W", "U", "b", "c", "V", "b_y"):
            shape = getattr(self, name).shape
            size = int(np.prod(shape))
            found[name] = np.array(gradient[at : at + size], np.float64).reshape(shape)
            at += size
        assert at == len(gradient)
        return found

    def own(self) -> list[slice]:
        """The rows of the gates that are held."""
        H = self.units
        return [slice(ROWS[self.kind][g] * H, (ROWS[self.kind][g] + 1) * H) for g in self.held]

    def constant(self) -> tuple[Any, Any, Any]:
        """W, U and b with which the held gates are the constants that they are held at."""
        W, U, b = self.W.copy(), self.U.copy(), self.b.copy()
        for rows, value in zip(self.own(), self.held.values(), strict=True):
            W[rows], U[rows] = 0, 0
            b[rows] = {0: -800.0, 1: 800.0}[value] if value in (0, 1) else np.log(value / (1 - value))
        return W, U, b


def loss_of(task: str, raw: Any, y: Any) -> Any:
    """The mean loss of read-outs (B, T, O), by torch's functions."""
    F = torch.nn.functional
    if task == "clue":
        return F.cross_entropy(raw[:, -1], y.long())
    if task == "adding":
        return F.mse_loss(raw[:, -1, 0], (y - 1) * 6**0.5)
    return F.binary_cross_entropy_with_logits(raw[..., 0], y)


def expected(net: Drawn, x: Any, y: Any) -> tuple[float, dict[str, Any]]:
    """Loss and gradients: torch's RNN and LSTM; of the GRU `gruvy.reference`, with torch for the read-out alone."""
    W, U, b = net.constant()
    V, b_y = (torch.tensor(a, requires_grad=True) for a in (net.V, net.b_y))
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    if net.kind == "gru":
        cell = Cell(W, U, b, net.c if net.c.size else None)
        first, steps = np.zeros((len(x), net.units)), x.numpy().swapaxes(0, 1)
        gates = np.zeros((len(steps), len(x), 4 if net.c.size else 3, net.units))
        h, _ = reference.forward(steps, first, cell, net.convention, gates=gates)
        states = torch.tensor(h, requires_grad=True)
        loss = loss_of(net.task, states.transpose(0, 1) @ V.T + b_y, y)
        loss.backward()
        _, _, found = reference.backward(states.grad.numpy(), None, steps, first, cell, h, gates, net.convention)
        gradient = {"W": found.W, "U": found.U, "b": found.b, "c": np.zeros(0) if found.c is None else found.c}
    else:
        layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[net.kind](net.I, net.units, batch_first=True).double()
        with torch.no_grad():
            for name, value in (("weight_ih_l0", W), ("weight_hh_l0", U), ("bias_ih_l0", b), ("bias_hh_l0", 0 * b)):
                layer.get_parameter(name).copy_(torch.tensor(value))
        loss = loss_of(net.task, layer(x)[0] @ V.T + b_y, y)
        loss.backward()
        names = {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0"}
        gradient = {k: layer.get_parameter(v).grad.numpy() for k, v in names.items()} | {"c": np.zeros(0)}
    for rows in net.own():
        for name in ("W", "U", "b"):
            gradient[name][rows] = 0
    return loss.item(), gradient | {"V": V.grad.numpy(), "b_y": b_y.grad.numpy()}


def batch(task: str, B: int, T: int, seed: int) -> tuple[Any, Any]:
    """Random inputs and targets of a task's shape; not the task itself."""
    rng, (I, O) = np.random.default_rng(seed), DIMENSIONS[task]
    y = rng.integers(0, O, B) if task == "clue" else rng.integers(0, 2, (B, T)) if task == "addition" else rng.random(B)
    return rng.normal(size=(B, T, I)), y.astype(np.float64)
