"""JAX's and MLX's cells: flax.linen, flax.nnx, Equinox, MLX. Their numbers in and out; no peer is imported to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, InputTypeError
from ..extras import need
from ..model.model import Model
from ..weights import Cell
from .parts import Array, Cells, after_only, array, merged, model, one_bias, readout

_LINEN = "rzn"


def _layers(layers: Any) -> list[Sequence[Any]]:
    """One cell, a list of cells, or a list of cells and pairs (forward, backward)."""
    given = layers if isinstance(layers, list) else [layers]
    return [layer if isinstance(layer, tuple) and not hasattr(layer, "_fields") else (layer,) for layer in given]


def _read(layers: Any, read: Callable[[str, Any], Cell], dense: tuple[Any, Any] | None) -> Model:
    cells = [
        [read(f"layers[{k}]" + (f"[{d}]" if len(layer) > 1 else ""), cell) for d, cell in enumerate(layer)]
        for k, layer in enumerate(_layers(layers))
    ]
    V, b_y = (None, None) if dense is None else dense
    return model(cells, "torch", V, b_y)


def _dense(dense: Any, weight: Any, bias: Any, *, turned: bool) -> tuple[Array, Array | None] | None:
    if dense is None:
        return None
    V = array("dense", weight)
    return (V.T.copy() if turned else V), None if bias is None else array("dense bias", bias)


def from_linen(layers: Any, dense: Any = None) -> Model:
    """From the parameters of `flax.linen.GRUCell`s with the default activations (parameters do not tell them).

    Args:
        layers: ``variables["params"]`` of one cell, or a list with an entry a layer: a cell's, or a tuple of the
            forward and the backward one's.
        dense: the parameters of the `flax.linen.Dense` that reads the last layer, or None.

    Returns:
        A model of torch's convention.

    Raises:
        InputError: names or shapes are not those of a GRU.

    Example:
        >>> import numpy as np
        >>> gates = {name: {"kernel": np.zeros((2, 4)), "bias": np.zeros(4)} for name in ("ir", "iz", "in")}
        >>> gates |= {name: {"kernel": np.zeros((4, 4))} for name in ("hr", "hz")}
        >>> from_linen(gates | {"hn": {"kernel": np.zeros((4, 4)), "bias": np.zeros(4)}}).weights
        Weights(torch, input 2, hidden 4, layers 1, directions 1, float64)
    """

    def read(name: str, cell: Any) -> Cell:
        wanted = {kind + gate for kind in "ih" for gate in _LINEN}
        if not isinstance(cell, Mapping) or set(cell) != wanted:
            keys = sorted(cell) if isinstance(cell, Mapping) else type(cell).__name__
            raise InputError(f"{name}: {keys}, expected the parameters {sorted(wanted)} of a flax.linen.GRUCell")
        W, U = (
            np.concatenate([array(f"{name}.{kind}{g}.kernel", cell[kind + g]["kernel"]).T for g in _LINEN])
            for kind in "ih"
        )
        b = np.concatenate([array(f"{name}.i{g}.bias", cell["i" + g]["bias"]) for g in _LINEN])
        return Cell(W, U, b, array(f"{name}.hn.bias", cell["hn"]["bias"]))

    told = dense and _dense(dense, dense.get("kernel"), dense.get("bias"), turned=True)
    return _read(layers, read, told)


def to_linen(given: Any) -> Cells:
    """As parameters of `flax.linen.GRUCell`s and of the `Dense` behind them.

    Args:
        given: `gruvy.Weights`, a model, network, layer or estimator.

    Raises:
        ConventionError: reset "before". InputError: scaling or pooling, which linen's layers do not have.
    """
    m = Model.of(given)
    w = merged(after_only(m.weights, "flax.linen.GRUCell"), "flax.linen.GRUCell")
    H = w.hidden_units

    def write(cell: Cell) -> dict[str, Any]:
        b, c = one_bias(cell)
        said: dict[str, Any] = {}
        for k, gate in enumerate(_LINEN):
            part = slice(k * H, (k + 1) * H)
            said["i" + gate] = {"kernel": cell.W[part].T, "bias": b[part]}
            said["h" + gate] = {"kernel": cell.U[part].T}
        said["hn"]["bias"] = c
        return said

    read = readout(m, "flax.linen")
    dense = None if read is None else {"kernel": read[0].T, "bias": read[1]}
    return Cells([tuple(map(write, layer)) for layer in w.cells], dense)


def from_nnx(layers: Any, dense: Any = None) -> Model:
    """From `flax.nnx.GRUCell`s: one, or a list of cells and tuples (forward, backward); dense a `flax.nnx.Linear`.

    Raises:
        InputError, InputTypeError: another module, or another activation than sigmoid and tanh.
    """

    def read(name: str, cell: Any) -> Cell:
        if type(cell).__name__ != "GRUCell" or not hasattr(cell, "dense_i"):
            raise InputTypeError(f"{name}: {type(cell).__name__}, expected a flax.nnx.GRUCell")
        jax = need("jax")
        for kind, wanted in (("gate_fn", jax.nn.sigmoid), ("activation_fn", jax.numpy.tanh)):
            _activation(name, kind, getattr(cell, kind), wanted)
        i, h = cell.dense_i, cell.dense_h
        b = None if i.bias is None or i.bias[...] is None else array(f"{name}.dense_i.bias", i.bias[...])
        W, U = (array(f"{name}.kernel", part.kernel[...]).T for part in (i, h))
        return Cell(W, U, b, None)

    bias = None if dense is None or dense.bias is None else dense.bias[...]
    return _read(layers, read, _dense(dense, dense and dense.kernel[...], bias, turned=True))


def _activation(name: str, kind: str, given: Any, wanted: Any) -> None:
    probe = np.linspace(-4, 4, 9, dtype=np.float32)
    if given is not wanted and not np.array_equal(np.asarray(given(probe)), np.asarray(wanted(probe))):
        raise InputError(
            f"{name}: {kind} is {getattr(given, '__name__', given)}, expected sigmoid for the gates and tanh"
        )


def to_nnx(given: Any) -> Cells:
    """As `flax.nnx.GRUCell`s and a `flax.nnx.Linear`, in single precision unless JAX has 64 bits on.

    Raises:
        ConventionError: reset "before". InputError: the candidate has a recurrent bias, which nnx has no place for.
    """
    m = Model.of(given)
    peer = "flax.nnx.GRUCell"
    w = merged(after_only(m.weights, peer), peer)
    H = w.hidden_units
    if any(one_bias(cell)[1].any() for layer in w.cells for cell in layer):
        raise InputError(f"weights: the candidate has a recurrent bias, which {peer} has no place for; flax.linen has")
    nnx, read = need("flax.nnx"), readout(m, peer)

    def write(cell: Cell) -> Any:
        made = nnx.GRUCell(cell.W.shape[1], H, rngs=nnx.Rngs(0), param_dtype=w.dtype)
        made.dense_i.kernel[...] = np.asarray(cell.W.T)
        made.dense_i.bias[...] = one_bias(cell)[0]
        made.dense_h.kernel[...] = np.asarray(cell.U.T)
        return made

    dense = None
    if read is not None:
        V, b_y = read
        dense = nnx.Linear(V.shape[1], len(V), rngs=nnx.Rngs(0), param_dtype=w.dtype)
        dense.kernel[...], dense.bias[...] = V.T, b_y
    return Cells([tuple(map(write, layer)) for layer in w.cells], dense)


def from_equinox(layers: Any, dense: Any = None) -> Model:
    """From `equinox.nn.GRUCell`s: one, or a list of cells and tuples (forward, backward); dense an `equinox.nn.Linear`.

    Raises:
        InputError, InputTypeError: another module, or shapes that do not fit.
    """

    def read(name: str, cell: Any) -> Cell:
        if not hasattr(cell, "bias_n") or not hasattr(cell, "weight_hh"):
            raise InputTypeError(f"{name}: {type(cell).__name__}, expected an equinox.nn.GRUCell")
        return _four(name, cell.weight_ih, cell.weight_hh, cell.bias, cell.bias_n)

    return _read(layers, read, _dense(dense, dense and dense.weight, dense and dense.bias, turned=False))


def from_mlx(layers: Any, dense: Any = None) -> Model:
    """From `mlx.nn.GRU`s: one, or a list of them and tuples (forward, backward); dense an `mlx.nn.Linear`.

    Raises:
        InputError, InputTypeError: another module, or shapes that do not fit.
    """

    def read(name: str, cell: Any) -> Cell:
        if not hasattr(cell, "Wx") or not hasattr(cell, "bhn"):
            raise InputTypeError(f"{name}: {type(cell).__name__}, expected an mlx.nn.GRU")
        return _four(name, cell.Wx, cell.Wh, cell.b, cell.bhn)

    bias = None if dense is None else dense.get("bias")
    return _read(layers, read, _dense(dense, dense and dense.weight, bias, turned=False))


def _four(name: str, W: Any, U: Any, b: Any, c: Any) -> Cell:
    return Cell(
        array(f"{name}.W", W),
        array(f"{name}.U", U),
        None if b is None else array(f"{name}.b", b),
        None if c is None else array(f"{name}.c", c),
    )


def to_equinox(given: Any) -> Cells:
    """As `equinox.nn.GRUCell`s and an `equinox.nn.Linear`; float64 needs JAX's 64 bits.

    Raises:
        ConventionError: reset "before". InputError: scaling or pooling.
    """
    m = Model.of(given)
    peer = "equinox.nn.GRUCell"
    w = merged(after_only(m.weights, peer), peer)
    eqx, jax = need("equinox"), need("jax")
    jnp, key, read = jax.numpy, jax.random.PRNGKey(0), readout(m, peer)
    biased = any(name in "bc" for _, name, _ in w.arrays())
    H = w.hidden_units

    def write(cell: Cell) -> Any:
        made = eqx.nn.GRUCell(cell.W.shape[1], H, use_bias=biased, dtype=w.dtype, key=key)
        values = [cell.W, cell.U, *(one_bias(cell) if biased else ())]

        def where(it: Any) -> list[Any]:
            return [it.weight_ih, it.weight_hh, *([it.bias, it.bias_n] if biased else [])]

        return eqx.tree_at(where, made, [jnp.asarray(a) for a in values])

    dense = None
    if read is not None:
        dense = eqx.nn.Linear(read[0].shape[1], len(read[0]), dtype=w.dtype, key=key)
        dense = eqx.tree_at(lambda it: [it.weight, it.bias], dense, [jnp.asarray(a) for a in read])
    return Cells([tuple(map(write, layer)) for layer in w.cells], dense)


def to_mlx(given: Any) -> Cells:
    """As `mlx.nn.GRU`s and an `mlx.nn.Linear`, in float32: MLX computes in no other on every device.

    Raises:
        ConventionError: reset "before". InputError: float64 numbers, scaling or pooling.
    """
    m = Model.of(given)
    peer = "mlx.nn.GRU"
    w = merged(after_only(m.weights, peer), peer)
    if w.dtype != np.float32:
        raise InputError(f"weights: {w.dtype}, expected float32 for MLX; give weights.astype('float32')")
    mlx, nn, read = need("mlx.core"), need("mlx.nn"), readout(m, peer)
    biased = any(name in "bc" for _, name, _ in w.arrays())
    H = w.hidden_units

    def write(cell: Cell) -> Any:
        made = nn.GRU(cell.W.shape[1], H, bias=biased)
        made.Wx, made.Wh = mlx.array(cell.W), mlx.array(cell.U)
        if biased:
            made.b, made.bhn = map(mlx.array, one_bias(cell))
        return made

    dense = None
    if read is not None:
        dense = nn.Linear(read[0].shape[1], len(read[0]))
        dense.weight, dense.bias = mlx.array(read[0]), mlx.array(read[1])
    return Cells([tuple(map(write, layer)) for layer in w.cells], dense)
