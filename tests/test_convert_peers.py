"""What the peers compute of unequal lengths, and their gradients, of numbers that came from us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compare import assert_apart, assert_close
from gruvy import convert
from gruvy.engines.stack import run
from peer_nets import double, inputs
from test_convert_cells import suited

HERE = Path(__file__).parent


def lengths_of(seed: int, x: np.ndarray) -> np.ndarray:
    """From 1 on: flax takes the state before the first step from the end of an empty sequence."""
    return np.random.default_rng(seed).integers(1, x.shape[1] + 1, len(x))


def flax_layers(name: str, layers: list[tuple[Any, ...]], x: Any, lengths: np.ndarray) -> tuple[Any, Any]:
    """Every layer by flax's own RNN: the states (B, T, D*H) and the last ones (D, B, H) of the last layer."""
    import flax.linen as linen
    import jax.numpy as jnp
    from flax import nnx

    n, last = jnp.asarray(lengths), []
    for layer in layers:
        ways, last = [], []
        for d, cell in enumerate(layer):
            how: dict[str, Any] = {"seq_lengths": n, "return_carry": True, "reverse": d == 1, "keep_order": True}
            if name == "linen":
                rnn = linen.RNN(linen.GRUCell(len(cell["hn"]["bias"])))
                carry, y = rnn.apply({"params": {"cell": cell}}, x, **how)
            else:
                carry, y = nnx.RNN(cell)(x, **how)
            ways.append(y)
            last.append(carry)
        x = jnp.concatenate(ways, -1)
    return x, jnp.stack(last)


@pytest.mark.parametrize("name", ["linen", "nnx"])
@pytest.mark.parametrize("count", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_flax_runs_unequal_lengths_as_we_do(name: str, count: int) -> None:
    for seed in range(count):
        m = suited(name, seed)
        x = inputs(seed, m, T=6)
        n = lengths_of(seed, x)
        y, last = flax_layers(name, getattr(convert, f"to_{name}")(m).layers, x, n)
        ours, within = run(double(m).weights, x, lengths=n), np.arange(6) < n[:, None]
        top = ours.state[-m.weights.directions :]
        assert_close(np.where(within[..., None], np.asarray(y), 0), ours.hidden.astype(np.float32), "peer")
        assert_close(np.asarray(last), top.astype(np.float32), "peer")
    whole = run(double(m).weights, x).state[-m.weights.directions :]
    assert_apart(np.asarray(last), whole.astype(np.float32), "peer")  # the lengths matter


def torch_gradients(m: Any, x: np.ndarray) -> tuple[Any, list[Any]]:
    """Of the sum of squares of all states: by torch's own GRU, in float64. x's, and [layer][direction] of (W, U)."""
    gru = double(m).weights.to_torch(batch_first=True)
    given = torch.tensor(x.astype(np.float64), requires_grad=True)
    (gru(given)[0] ** 2).sum().backward()
    ways = [("", "_reverse")[: m.weights.directions]] * m.weights.layers
    found = [
        [(getattr(gru, f"weight_ih_l{k}{w}").grad, getattr(gru, f"weight_hh_l{k}{w}").grad) for w in way]
        for k, way in enumerate(ways)
    ]
    return given.grad, found


def mlx_gradients(m: Any, x: np.ndarray) -> tuple[Any, list[Any]]:
    import mlx.core as mx

    layers = convert.to_mlx(m).layers

    def loss(x: Any, numbers: Any) -> Any:
        for layer, given in zip(layers, numbers, strict=True):
            ways = []
            for d, (cell, (W, U)) in enumerate(zip(layer, given, strict=True)):
                cell.Wx, cell.Wh = W, U
                ways.append(cell(x[:, ::-1])[:, ::-1] if d else cell(x))
            x = mx.concatenate(ways, axis=-1)
        return (x**2).sum()

    numbers = [[(cell.Wx, cell.Wh) for cell in layer] for layer in layers]
    dx, found = mx.grad(loss, argnums=(0, 1))(mx.array(x), numbers)
    return np.array(dx), [[tuple(map(np.array, pair)) for pair in layer] for layer in found]


def nnx_gradients(m: Any, x: np.ndarray) -> tuple[Any, list[Any]]:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    split = [[nnx.split(cell) for cell in layer] for layer in convert.to_nnx(m).layers]

    def loss(x: Any, states: Any) -> Any:
        for layer, given in zip(split, states, strict=True):
            ways = [
                nnx.RNN(nnx.merge(graph, state))(x, reverse=d == 1, keep_order=True)
                for d, ((graph, _), state) in enumerate(zip(layer, given, strict=True))
            ]
            x = jnp.concatenate(ways, -1)
        return (x**2).sum()

    dx, found = jax.grad(loss, (0, 1))(jnp.asarray(x), [[state for _, state in layer] for layer in split])
    pairs = [
        [tuple(np.asarray(s[part]["kernel"][...]).T for part in ("dense_i", "dense_h")) for s in layer]
        for layer in found
    ]
    return np.asarray(dx), pairs


@pytest.mark.parametrize("gradients", [mlx_gradients, nnx_gradients])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_those_of_torch(gradients: Any, seed: int) -> None:
    m = suited("nnx" if gradients is nnx_gradients else "mlx", seed)
    x = inputs(seed, m, T=4)
    dx, found = gradients(m, x)
    wanted_dx, wanted = torch_gradients(m, x)
    assert_close(dx, wanted_dx.float(), "peer gradient")
    for layer, other in zip(found, wanted, strict=True):
        for pair, like in zip(layer, other, strict=True):
            for grad, right in zip(pair, like, strict=True):
                assert_close(grad, right.float(), "peer gradient")


KERAS = """
import sys
sys.path[:0] = [{here!r}]
import numpy as np
import torch
import gruvy
import keras
from compare import assert_close
from gruvy import convert
from gruvy.engines.stack import run
from peer_nets import double, inputs, net
for seed in range({count}):
    m = net(seed, "onnx" if seed % 3 == 0 else "torch", tall=seed % 3 != 0)
    x = inputs(seed, m, T=3 + seed % 4)
    made, D = convert.to_keras(m), m.weights.directions
    made(x)
    n = np.random.default_rng(seed).integers(0, x.shape[1] + 1, len(x))
    y, mask = keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(np.arange(x.shape[1]) < n[:, None])
    for layer in made.layers[:-1]:
        y = layer(y, mask=mask)
    top = np.concatenate(list(run(double(m).weights, x, lengths=n).state[-D:]), 1).astype(np.float32)
    assert_close(np.asarray(keras.ops.convert_to_numpy(y)), top, "peer")

    ours = gruvy.GRU.of(double(m))
    given = torch.tensor(x.astype(np.float64), requires_grad=True)
    (ours(given).last ** 2).sum().backward()
    if keras.backend.backend() == "torch":
        theirs = torch.tensor(x, requires_grad=True)
        (made(theirs) ** 2).sum().backward()
        found = theirs.grad.numpy()
    else:
        import jax
        parts = [[v.value for v in part] for part in (made.trainable_variables, made.non_trainable_variables)]
        found = np.asarray(jax.grad(lambda x: (made.stateless_call(*parts, x)[0] ** 2).sum())(jax.numpy.asarray(x)))
    assert_close(found, given.grad.float().numpy(), "peer gradient")
print("ran", {count})
"""


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_keras_runs_unequal_lengths_and_has_our_gradients(backend: str, count: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", KERAS.format(here=str(HERE), count=count)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"ran {count}" in ran.stdout, ran.stderr[-2000:]
