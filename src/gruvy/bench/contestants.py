"""Everybody who can compute the same GRU: each builds a `run` to be timed and a `result` to be checked.

A contestant is made for one problem and one mode, with torch's convention unless its name says otherwise, and pays in
`run` for all that a user pays on every call: in training the weights have just changed, so nothing packed is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .problem import (
    Array,
    Mode,
    Problem,
    Ready,
    answer,
    load_into,
    ready,
    tensors,
    torch_answer,
    torch_job,
    update_first,
    weights,
)


class Contestant(NamedTuple):
    """A name, the modes it can do, how it is set up, the right answer, and the error that rounding allows."""

    name: str
    modes: tuple[Mode, ...]
    prepare: Callable[[Problem, Mode, int], Ready]
    answer: Callable[[Problem, Mode], dict[str, Array]] = answer
    limit: float = 1e-4


def _layer(name: str, problem: Problem, mode: Mode, threads: int) -> Ready:
    """A torch layer: gruvy's in torch's or, with reset "before", the tutorial's convention, or one of `torch.nn`."""
    import torch

    from ..nn import GRU

    sizes = problem.shape.I, problem.shape.H
    if name.startswith("gruvy"):
        layer: Any = GRU(*sizes, convention="torch" if name == "gruvy" else "tutorial")
    else:
        layer = getattr(torch.nn, name.removeprefix("torch.nn."))(*sizes)
    return torch_job(load_into(layer, problem), *tensors(problem, torch.float32), mode)


def _lstm_answer(problem: Problem, mode: Mode) -> dict[str, Array]:
    import torch

    return torch_answer(torch.nn.LSTM(problem.shape.I, problem.shape.H, dtype=torch.float64), problem, mode)


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

    W, U, b, c = (a.T for a in update_first(problem))  # Keras: (I, 3H) in the order z, r, h
    layer.set_weights([W, U, np.stack([b, c])])

    def infer() -> Any:
        return (layer(x),)

    def train() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        variables = [v.value for v in layer.trainable_variables]
        return y, *tape.gradient(y, [x, *variables], output_gradients=dy)

    def read(last: Any) -> dict[str, Array]:
        out = [np.asarray(a) for a in last]
        found = {"y": out[0].transpose(1, 0, 2)}
        if mode == "train":
            z, r, h = np.split(out[3].T, 3)
            found |= {"dx": out[1].transpose(1, 0, 2), "dU": np.concatenate([r, z, h])}
        return found

    return ready(tf.function(train if mode == "train" else infer), read)


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

    def read(last: Any) -> dict[str, Array]:
        out = [np.asarray(a) for a in last]
        return {"y": out[0]} if mode == "infer" else {"y": out[0], "dx": out[1], "dU": out[3]}

    return ready(lambda: jax.block_until_ready(call(x, dy, arrays)), read)


BOTH: tuple[Mode, ...] = ("train", "infer")
_BEFORE = 'gruvy, reset "before"'
CONTESTANTS = (
    Contestant("gruvy", BOTH, partial(_layer, "gruvy"), limit=2e-6),
    Contestant(_BEFORE, BOTH, partial(_layer, _BEFORE), partial(answer, convention="tutorial"), limit=2e-6),
    Contestant("torch.nn.GRU", BOTH, partial(_layer, "torch.nn.GRU")),
    Contestant("torch.nn.LSTM", BOTH, partial(_layer, "torch.nn.LSTM"), _lstm_answer),
    Contestant("oneDNN lbr_gru", BOTH, _onednn),
    Contestant("Keras on TensorFlow", BOTH, _keras),
    Contestant("JAX scan", BOTH, _jax),
)
