"""Without torch: whole sequences with weights packed once, as the runtime runs them, and one step of one stream."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..export.nodes import bare
from .contestants import CONTESTANTS, Contestant, jax_step, jax_weights
from .problem import Array, Mode, Problem, Ready, Shape, ready, weights

STEP_SIZES = (64, 128, 256, 512, 1024)
STEPS = 50  # steps of one run: a single one is too short for the clock
READING = "reading its weights"


def _ours(problem: Problem, mode: Mode, threads: int) -> Ready:
    from ..engines import stack as recurrence
    from ..engines.threads import set_threads

    set_threads(threads)
    w = weights(problem, "torch")
    cells = recurrence.packed(w)
    x = np.ascontiguousarray(problem.x.transpose(1, 0, 2))
    run = partial(recurrence.run, w, x, engine="native", cells=cells)
    return ready(run, lambda last: {"y": last.hidden.transpose(1, 0, 2)})


def onnx_model(problem: Problem, state: bool = False) -> bytes:
    """The problem as an ONNX model of one GRU node; state: with an input h (1, B, H), the initial state."""
    return bare(weights(problem, "torch"), state)


def _session(model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _onnxruntime(problem: Problem, mode: Mode, threads: int) -> Ready:
    session = _session(onnx_model(problem), threads)
    return ready(lambda: session.run(None, {"x": problem.x})[0], lambda y: {"y": y[:, 0]})


INFER: tuple[Mode, ...] = ("infer",)
DEPLOYED = (
    Contestant("gruvy", INFER, _ours, limit=2e-6),
    Contestant("ONNX Runtime", INFER, _onnxruntime),
    *(c for c in CONTESTANTS if c.name in ("oneDNN lbr_gru", "torch.nn.GRU")),
)


def step_shapes() -> list[Shape]:
    """One sequence of `STEPS` steps, fed one by one."""
    return [Shape(STEPS, 1, H, H) for H in STEP_SIZES]


def _steps(problem: Problem, step: Callable[[Array, Any], tuple[Array, Any]], start: Any) -> Ready:
    """step(x (1, I), state) -> (h (1, H), state), once for each step of the problem."""
    xs = [np.ascontiguousarray(x) for x in problem.x]

    def run() -> list[Array]:
        state, seen = start(), []
        for x in xs:
            h, state = step(x, state)
            seen.append(h)
        return seen

    return ready(run, lambda seen: {"y": np.stack([np.asarray(h).reshape(1, -1) for h in seen])})


def _our_step(problem: Problem, mode: Mode, threads: int) -> Ready:
    from ..engines import stack as recurrence
    from ..engines.threads import set_threads

    set_threads(threads)
    ((packed,),) = recurrence.packed(weights(problem, "torch"))
    xs = [np.ascontiguousarray(x) for x in problem.x]
    h = np.zeros((1, problem.shape.H), np.float32)  # overwritten at each step, as a stream does

    def run() -> None:
        h[...] = 0
        for x in xs:
            packed.step_into(x, h, h)

    def result() -> dict[str, Array]:
        seen, h = [], np.zeros((1, problem.shape.H), np.float32)
        for x in xs:
            packed.step_into(x, h, h)
            seen.append(h.copy())
        return {"y": np.stack(seen)}

    return Ready(run, result)


def _torch_step(problem: Problem, mode: Mode, threads: int) -> Ready:
    import torch

    I, H = problem.shape.I, problem.shape.H
    cell = torch.nn.GRUCell(I, H)
    cell.load_state_dict({name.removesuffix("_l0"): torch.from_numpy(a) for name, a in problem.state.items()})
    xs = [torch.from_numpy(np.ascontiguousarray(x)) for x in problem.x]

    def run() -> list[Any]:
        h, seen = torch.zeros(1, H), []
        with torch.inference_mode():
            for x in xs:
                h = cell(x, h)
                seen.append(h)
        return seen

    return ready(run, lambda seen: {"y": np.stack([h.numpy() for h in seen])})


def _onnxruntime_step(problem: Problem, mode: Mode, threads: int) -> Ready:
    session = _session(onnx_model(problem, state=True), threads)

    def step(x: Array, h: Array) -> tuple[Array, Array]:
        h = session.run(None, {"x": x[None], "h": h})[0][0]
        return h, h

    return _steps(problem, step, lambda: np.zeros((1, 1, problem.shape.H), np.float32))


def _jax_step(problem: Problem, mode: Mode, threads: int) -> Ready:
    import jax
    import jax.numpy as jnp

    W, U, b, c = jax_weights(problem)
    call = jax.jit(lambda x, h, W, U, b, c: jax_step(h, x @ W.T + b, U, c))

    def step(x: Array, h: Any) -> tuple[Any, Any]:
        h = jax.block_until_ready(call(x, h, W, U, b, c))
        return h, h

    return _steps(problem, step, lambda: jnp.zeros((1, problem.shape.H)))


def reading(problem: Problem) -> Callable[[], Any]:
    """The floor of a step: every weight read once a step, and nothing computed."""
    from ..engines import stack as recurrence

    ((packed,),) = recurrence.packed(weights(problem, "torch"))
    return lambda: packed.read(STEPS)


STEP = (
    Contestant("gruvy", INFER, _our_step, limit=2e-6),
    Contestant("torch.nn.GRUCell", INFER, _torch_step),
    Contestant("ONNX Runtime", INFER, _onnxruntime_step),
    Contestant("JAX", INFER, _jax_step),
)
