"""flax.linen, flax.nnx, Equinox and MLX, each running the numbers that came from us, and giving the same ones back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from compare import assert_close
from gruvy import convert
from gruvy.engines.stack import run
from gruvy.errors import ConventionError, InputError
from gruvy.weights import Cell, Weights
from peer_nets import double, inputs, net, same

PEERS = ("linen", "nnx", "equinox", "mlx")


def suited(name: str, seed: int) -> Any:
    """A random model as the peer holds it: nnx has no recurrent bias."""
    m = net(seed, tall=False)
    if name != "nnx":
        return m
    cells = [[Cell(c.W, c.U, c.b, None) for c in layer] for layer in m.weights.cells]
    return type(m)(weights=Weights("torch", cells), V=m.V, b_y=m.b_y)


def stepped(name: str, cell: Any, x: Any) -> Any:
    """A peer's cell over x (B, T, I), step after step: (B, T, H)."""
    if name == "mlx":
        import mlx.core as mx

        return np.array(cell(mx.array(np.ascontiguousarray(x))))
    import jax
    import jax.numpy as jnp

    if name == "linen":
        import flax.linen as nn

        H = len(cell["hn"]["bias"])
        step = lambda h, x_t: nn.GRUCell(H).apply({"params": cell}, h, x_t)[0]  # noqa: E731
    elif name == "nnx":
        H = cell.hidden_features
        step = lambda h, x_t: cell(h, x_t)[0]  # noqa: E731
    else:
        H = cell.hidden_size
        step = lambda h, x_t: jax.vmap(cell)(x_t, h)  # noqa: E731
    h = jnp.zeros((x.shape[0], H), x.dtype)
    states = []
    for t in range(x.shape[1]):
        h = step(h, x[:, t])
        states.append(h)
    return jnp.stack(states, 1)


def stack(name: str, layers: list[tuple[Any, ...]], x: Any) -> Any:
    join, flip = np.concatenate, lambda a: a[:, ::-1]
    if name != "mlx":
        import jax.numpy as jnp

        join = jnp.concatenate
    for layer in layers:
        ways = [stepped(name, c, flip(x) if d else x) for d, c in enumerate(layer)]
        x = join([flip(y) if d else y for d, y in enumerate(ways)], axis=-1)
    return x


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("count", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_a_peer_runs_our_numbers_and_gives_them_back(name: str, count: int) -> None:
    for seed in range(count):
        m = suited(name, seed)
        x = inputs(seed, m, T=5)
        cells = getattr(convert, f"to_{name}")(m)
        ours = run(double(m).weights, x).hidden.astype(np.float32)
        assert_close(np.asarray(stack(name, cells.layers, x)), ours, "peer")
        back = getattr(convert, f"from_{name}")(cells.layers, cells.dense)
        assert same(back.weights.merged(), m.weights), seed
        assert back.V.tobytes() == m.V.tobytes()
        assert back.b_y.tobytes() == m.b_y.tobytes()


@pytest.mark.parametrize("name", ["linen", "equinox"])
def test_gradients_are_those_of_torch(name: str) -> None:
    import jax
    import torch

    m = net(1, tall=False)
    x = inputs(1, m, T=4)
    cells = getattr(convert, f"to_{name}")(m)
    dx, dcells = jax.grad(lambda x, c: (stack(name, c, x) ** 2).sum(), (0, 1))(
        jax.numpy.asarray(x), _leaves(cells.layers)
    )
    gru, xt = m.weights.to_torch(batch_first=True), torch.tensor(x, requires_grad=True)
    (gru(xt)[0] ** 2).sum().backward()
    assert_close(np.asarray(dx), xt.grad, "peer gradient")
    found = getattr(convert, f"from_{name}")(dcells).weights.to_state_dict()
    for key, grad in found.items():
        wanted, H = dict(gru.named_parameters())[key].grad, m.weights.hidden_units
        part = slice(2 * H, None) if "bias_hh" in key else slice(None)
        assert_close(grad[part], wanted[part], "peer gradient", key)


def _leaves(layers: Any) -> Any:
    import jax

    return jax.tree_util.tree_map(lambda a: jax.numpy.asarray(a) if isinstance(a, np.ndarray) else a, layers)


@pytest.mark.parametrize("name", PEERS)
def test_what_a_peer_does_not_have_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(ConventionError, match='only has reset="after"; no weights make the two equal'):
        getattr(convert, f"to_{name}")(net(0, "tutorial", tall=False))
    if name == "nnx":
        with pytest.raises(
            InputError, match=r"the candidate has a recurrent bias, which flax.nnx.GRUCell has no place"
        ):
            convert.to_nnx(net(0, tall=False))


@pytest.mark.parametrize("name", ["linen", "equinox", "mlx"])
def test_a_merge_is_told_and_is_one_sum(name: str) -> None:
    m = net(3)
    with pytest.warns(convert.ConversionWarning, match="one bias for r and z"):
        cells = getattr(convert, f"to_{name}")(m)
    back = getattr(convert, f"from_{name}")(cells.layers).weights
    H = m.weights.hidden_units
    for old, new in zip(m.weights.cells, back.cells, strict=True):
        for a, b in zip(old, new, strict=True):
            assert a.W.tobytes() == b.W.tobytes()
            assert a.U.tobytes() == b.U.tobytes()
            assert a.c[2 * H :].tobytes() == b.c.tobytes()
            np.testing.assert_array_max_ulp(b.b[: 2 * H], a.b[: 2 * H] + a.c[: 2 * H], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(convert, f"to_{name}")(net(3, tall=False))  # nothing to merge, nothing told


def test_another_activation_of_nnx_is_refused() -> None:
    from flax import nnx

    cell = nnx.GRUCell(2, 3, activation_fn=nnx.relu, rngs=nnx.Rngs(0))
    with pytest.raises(InputError, match="activation_fn is relu"):
        convert.from_nnx(cell)
