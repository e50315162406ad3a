"""Everybody who can compute the same GRU: each builds a `run` to be timed and a `result` to be checked.

A contestant is made for one problem and one mode, with torch's convention unless its name says otherwise, and pays in
`run` for all that a user pays on every call: in training the weights have just changed, so nothing packed is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .problem import Array, Mode, Problem, answer, load_into, torch_answer, weights


class Ready(NamedTuple):
    """A contestant set up for one problem: `run` is timed, `result` gives what the last run computed."""

    run: Callable[[], Any]
    result: Callable[[], dict[str, Array]]


class Contestant(NamedTuple):
    """A name, the modes it can do, how it is set up, the right answer, and the error that rounding allows."""

    name: str
    modes: tuple[Mode, ...]
    prepare: Callable[[Problem, Mode, int], Ready]
    answer: Callable[[Problem, Mode], dict[str, Array]] = answer
    limit: float = 1e-4


def _torch(layer: Any, problem: Problem, mode: Mode) -> Ready:
    import torch

    load_into(layer, problem)
    x = torch.tensor(problem.x, requires_grad=mode == "train")
    dy = torch.from_numpy(problem.dy)
    last: dict[str, Any] = {}

    def train() -> None:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        last["y"] = layer(x)[0]
        last["y"].backward(dy)

    def infer() -> None:
        with torch.inference_mode():
            last["y"] = layer(x)[0]

    def result() -> dict[str, Array]:
        found = {"y": last["y"].detach().numpy()}
        if mode == "train":
            found |= {"dx": x.grad.numpy(), "dU": layer.weight_hh_l0.grad.numpy()}  # type: ignore[union-attr]
        return found

    return Ready(train if mode == "train" else infer, result)


def _gruvy(problem: Problem, mode: Mode, threads: int) -> Ready:
    from ..nn import GRU

    return _torch(GRU(problem.shape.I, problem.shape.H), problem, mode)


def _gruvy_before(problem: Problem, mode: Mode, threads: int) -> Ready:
    from ..nn import GRU

    return _torch(GRU(problem.shape.I, problem.shape.H, convention="tutorial"), problem, mode)


def _torch_gru(problem: Problem, mode: Mode, threads: int) -> Ready:
    import torch

    return _torch(torch.nn.GRU(problem.shape.I, problem.shape.H), problem, mode)


def _torch_lstm(problem: Problem, mode: Mode, threads: int) -> Ready:
    import torch

    return _torch(torch.nn.LSTM(problem.shape.I, problem.shape.H), problem, mode)


def _lstm_answer(problem: Problem, mode: Mode) -> dict[str, Array]:
    import torch

    return torch_answer(torch.nn.LSTM(problem.shape.I, problem.shape.H, dtype=torch.float64), problem, mode)


def _before_answer(problem: Problem, mode: Mode) -> dict[str, Array]:
    return answer(problem, mode, "tutorial")


def _onednn(problem: Problem, mode: Mode, threads: int) -> Ready:
    from .onednn import OneDNN

    gru = OneDNN(problem, mode)
    return Ready(gru.run, gru.result)


def _keras(problem: Problem, mode: Mode, threads: int) -> Ready:
    import os

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    H = problem.shape.H
    layer = keras.layers.GRU(H, return_sequences=True, reset_after=True)
    x = tf.constant(problem.x.transpose(1, 0, 2))
    dy = tf.constant(problem.dy.transpose(1, 0, 2))
    layer.build(x.shape)

    def columns(a: Array) -> Array:  # Keras: (I, 3H) in the order z, r, h
        return np.concatenate([a[H : 2 * H], a[:H], a[2 * H :]]).T

    s = problem.state
    biases = np.stack([columns(s["bias_ih_l0"]), columns(s["bias_hh_l0"])])
    layer.set_weights([columns(s["weight_ih_l0"]), columns(s["weight_hh_l0"]), biases])

    def infer() -> Any:
        return (layer(x),)

    def train() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        variables = [v.value for v in layer.trainable_variables]
        return y, *tape.gradient(y, [x, *variables], output_gradients=dy)

    call = tf.function(train if mode == "train" else infer)
    last: dict[str, Any] = {}

    def run() -> None:
        last["out"] = call()

    def result() -> dict[str, Array]:
        out = [np.asarray(a) for a in last["out"]]
        found = {"y": out[0].transpose(1, 0, 2)}
        if mode == "train":
            z, r, h = np.split(out[3].T, 3)
            found |= {"dx": out[1].transpose(1, 0, 2), "dU": np.concatenate([r, z, h])}
        return found

    return Ready(run, result)


def jax_weights(problem: Problem) -> tuple[Any, ...]:
    """W, U, b, c as JAX's arrays on the CPU."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_platforms", "cpu")
    return tuple(jnp.asarray(a) for a in weights(problem, "torch").merged().cells[0][0])


def jax_step(h: Any, a: Any, U: Any, c: Any) -> Any:
    """The next state; a is what the input gives, x W' + b."""
    import jax
    import jax.numpy as jnp

    (a_r, a_z, a_n), (q_r, q_z, q_n) = jnp.split(a, 3, -1), jnp.split(h @ U.T, 3, -1)
    r, z = jax.nn.sigmoid(a_r + q_r), jax.nn.sigmoid(a_z + q_z)
    return (1 - z) * jnp.tanh(a_n + r * (q_n + c)) + z * h


def _jax(problem: Problem, mode: Mode, threads: int) -> Ready:
    import jax
    import jax.numpy as jnp

    arrays = jax_weights(problem)
    x, dy = jnp.asarray(problem.x), jnp.asarray(problem.dy)
    h = jnp.zeros(problem.dy.shape[1:])

    def states(x: Any, W: Any, U: Any, b: Any, c: Any) -> Any:
        def step(h: Any, a: Any) -> Any:
            h = jax_step(h, a, U, c)
            return h, h

        return jax.lax.scan(step, h, x @ W.T + b)[1]

    def train(x: Any, dy: Any, arrays: Any) -> Any:
        y, pull = jax.vjp(states, x, *arrays)
        return y, *pull(dy)

    call = jax.jit(train) if mode == "train" else jax.jit(lambda x, dy, arrays: (states(x, *arrays),))
    last: dict[str, Any] = {}

    def run() -> None:
        last["out"] = jax.block_until_ready(call(x, dy, arrays))

    def result() -> dict[str, Array]:
        out = [np.asarray(a) for a in last["out"]]
        return {"y": out[0]} if mode == "infer" else {"y": out[0], "dx": out[1], "dU": out[3]}

    return Ready(run, result)


BOTH: tuple[Mode, ...] = ("train", "infer")
OURS = Contestant("gruvy", BOTH, _gruvy, limit=2e-6)
CONTESTANTS = (
    OURS,
    Contestant('gruvy, reset "before"', BOTH, _gruvy_before, _before_answer, limit=2e-6),
    Contestant("torch.nn.GRU", BOTH, _torch_gru),
    Contestant("torch.nn.LSTM", BOTH, _torch_lstm, _lstm_answer),
    Contestant("oneDNN lbr_gru", BOTH, _onednn),
    Contestant("Keras on TensorFlow", BOTH, _keras),
    Contestant("JAX scan", BOTH, _jax),
)
