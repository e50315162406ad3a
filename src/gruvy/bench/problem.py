"""What is computed: the grid of shapes, one random problem for each, and its answer in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ..convention import Convention
from ..export import nodes
from ..weights import Weights

Array = np.ndarray[Any, Any]
Mode = Literal["train", "infer"]


class Shape(NamedTuple):
    """T steps, B sequences, I input units, H hidden units."""

    T: int
    B: int
    I: int
    H: int

    def operations(self, mode: Mode) -> int:
        """Floating-point operations of the products: the floor of any implementation."""
        return (18 if mode == "train" else 6) * self.T * self.B * self.H * (self.I + self.H)

    def __str__(self) -> str:
        return f"({', '.join(map(str, self))})"


GRID = tuple(
    Shape(*s)
    for s in (
        (100, 1, 64, 64),
        (100, 32, 64, 64),
        (100, 32, 128, 128),
        (100, 64, 256, 256),
        (50, 64, 512, 512),
        (200, 16, 256, 256),
        (50, 128, 1024, 1024),
        (500, 1, 256, 256),
        (784, 32, 1, 128),
        (128, 32, 40, 32),
    )
)


class Problem(NamedTuple):
    """One problem: weights with torch's keys, inputs (T, B, I), the gradient of the states (T, B, H); float32."""

    shape: Shape
    state: dict[str, Array]
    x: Array
    dy: Array


class Ready(NamedTuple):
    """A contestant set up for one problem: `run` is timed, `result` gives what the last run computed."""

    run: Callable[[], Any]
    result: Callable[[], dict[str, Array]]


def ready(compute: Callable[[], Any], read: Callable[[Any], dict[str, Array]]) -> Ready:
    """`run` keeps what was computed last, and `result` reads the answer off it."""
    last: list[Any] = [None]

    def run() -> None:
        last[0] = compute()

    return Ready(run, lambda: read(last[0]))


def make(shape: Shape, seed: int = 0) -> Problem:
    """A random problem with torch's own initialisation, uniform in ±1/sqrt(H)."""
    rng = np.random.default_rng(seed)
    T, B, I, H = shape
    sizes = {"weight_ih_l0": (3 * H, I), "weight_hh_l0": (3 * H, H), "bias_ih_l0": (3 * H,), "bias_hh_l0": (3 * H,)}
    state = {name: (rng.uniform(-1, 1, size) / np.sqrt(H)).astype(np.float32) for name, size in sizes.items()}
    x = rng.normal(size=(T, B, I)).astype(np.float32)
    return Problem(shape, state, x, rng.normal(size=(T, B, H)).astype(np.float32))


def update_first(problem: Problem) -> list[Array]:
    """The state's W, U, b, c with their rows in the order z, r, n, which most others have."""
    return [nodes.update_first(a) for a in problem.state.values()]


def weights(problem: Problem, convention: str) -> Weights:
    """The problem's numbers read as weights of a convention."""
    return Weights.from_state_dict(problem.state, convention)


def answer(problem: Problem, mode: Mode, convention: str = "torch") -> dict[str, Array]:
    """The answer in float64: states and, in training, the gradients of input and recurrent weights.

    From torch's own float64 kernel where torch has the convention, from the reference where it has not.
    """
    if Convention.of(convention).name == "torch":
        import torch

        layer = torch.nn.GRU(problem.shape.I, problem.shape.H, dtype=torch.float64)
        return torch_answer(layer, problem, mode)
    from .. import reference

    w = weights(problem, convention).astype(np.float64).merged()
    cell = w.cells[0][0]
    T, B, _, H = problem.shape
    h = np.zeros((B, H))
    gates = np.empty((T, B, w.convention.gates, H))
    x, dy = problem.x.astype(np.float64), problem.dy.astype(np.float64)
    y, _ = reference.forward(x, h, cell, w.convention, gates=gates)
    if mode == "infer":
        return {"y": y}
    dx, _, dcell = reference.backward(dy, None, x, h, cell, y, gates, w.convention)
    assert dx is not None
    return {"y": y, "dx": dx, "dU": dcell.U}


def torch_answer(layer: Any, problem: Problem, mode: Mode) -> dict[str, Array]:
    """What a torch layer with float64 parameters computes, and its gradients by torch."""
    import torch

    job = torch_job(load_into(layer, problem), *tensors(problem, torch.float64), mode)
    job.run()
    return job.result()


def torch_job(layer: Any, x: Any, dy: Any, mode: Mode, call: Callable[[Any], Any] | None = None) -> Ready:
    """A torch layer's states and, in training, its gradients; `call` gives the states for x in another way."""
    import torch

    call = call or (lambda x: layer(x)[0])
    x = x.clone().requires_grad_(mode == "train")

    def train() -> Any:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        y = call(x)
        y.backward(dy)
        return y

    def infer() -> Any:
        with torch.inference_mode():
            return call(x)

    def read(y: Any) -> dict[str, Array]:
        found = {"y": y.detach().numpy()}
        if x.grad is not None:
            found |= {"dx": x.grad.numpy(), "dU": layer.weight_hh_l0.grad.numpy()}
        return found

    return ready(train if mode == "train" else infer, read)


def tensors(problem: Problem, dtype: Any) -> tuple[Any, Any]:
    """Inputs and the gradient of the states as torch's."""
    import torch

    return torch.tensor(problem.x, dtype=dtype), torch.tensor(problem.dy, dtype=dtype)


def load_into(layer: Any, problem: Problem) -> Any:
    """The layer with the problem's numbers copied into it; an LSTM, with four gates, repeats the last."""
    import torch

    with torch.no_grad():
        for name, value in problem.state.items():
            parameter, H = getattr(layer, name), problem.shape.H
            repeated = np.concatenate([value, value[2 * H :]]) if len(parameter) == 4 * H else value
            parameter.copy_(torch.from_numpy(repeated))
    return layer


def error(actual: dict[str, Array], expected: dict[str, Array]) -> float:
    """The worst max|a - b| / max|b| over the tensors; infinite where one is missing, misshapen or not finite."""
    worst = 0.0
    for name, e in expected.items():
        a = actual.get(name)
        if a is None or a.shape != e.shape or not np.isfinite(a).all():
            return float("inf")
        worst = max(worst, float(np.abs(a - e).max() / np.abs(e).max()))
    return worst
