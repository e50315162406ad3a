"""LSTM and GRU as one scan in JAX: two nets that the same compiler makes of equations written alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..extras import need


@cache
def compiled(kind: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The states (T, B, H) of weights and inputs; and the gradients of their mean square by the weights.

    Both take the weights of a torch layer, in torch's names and order, and x (T, B, I). The products with x are one
    product for all steps; what is left of a step is a product with h, and the gates.

    Source: the equations of torch.nn.LSTM and torch.nn.GRU.

    Raises:
        MissingExtraError: JAX is not installed.
    """
    jax = need("jax")
    jnp, sigmoid = jax.numpy, jax.nn.sigmoid

    def lstm(state: Any, a: Any, U: Any, c: Any) -> Any:
        h, cell = state
        i, f, g, o = jnp.split(a + h @ U.T + c, 4, axis=-1)
        cell = sigmoid(f) * cell + sigmoid(i) * jnp.tanh(g)
        return sigmoid(o) * jnp.tanh(cell), cell

    def gru(state: Any, a: Any, U: Any, c: Any) -> Any:
        (h,) = state
        (a_r, a_z, a_n), (q_r, q_z, q_n) = jnp.split(a, 3, axis=-1), jnp.split(h @ U.T + c, 3, axis=-1)
        z, n = sigmoid(a_z + q_z), jnp.tanh(a_n + sigmoid(a_r + q_r) * q_n)
        return ((1 - z) * n + z * h,)

    step, carried = {"lstm": (lstm, 2), "gru": (gru, 1)}[kind]

    def states(weights: dict[str, Any], x: Any) -> Any:
        U, c = weights["weight_hh_l0"], weights["bias_hh_l0"]
        before = (jnp.zeros((x.shape[1], U.shape[1]), x.dtype),) * carried

        def one(state: Any, a: Any) -> Any:
            state = step(state, a, U, c)
            return state, state[0]

        return jax.lax.scan(one, before, x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"])[1]

    return jax.jit(states), jax.jit(jax.grad(lambda weights, x: (states(weights, x) ** 2).mean()))


def training_step(layer: Any, x: Any) -> Callable[[], None]:
    """One forward and backward pass over x (T, B, I) with the weights of a torch LSTM or GRU, ready to be called."""
    jax = need("jax")
    _, gradients = compiled(type(layer).__name__.lower())
    weights = {name: jax.numpy.asarray(p.detach().numpy()) for name, p in layer.named_parameters()}
    given = jax.numpy.asarray(x.numpy())
    return lambda: jax.block_until_ready(gradients(weights, given))
