"""What every conversion needs: rows in another order, biases folded and said so, a read-out or none, checked arrays."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConventionError, InputError, InputTypeError
from ..model.model import Model
from ..model.quantiles import Quantiles
from ..model.task import Labels, Numbers
from ..weights import Cell, Weights, both_biases

Array = np.ndarray[Any, Any]


class ConversionWarning(UserWarning):
    """Something was merged, or left out, in a conversion: what is computed stays the same."""


class Cells(NamedTuple):
    """What a peer that has cells alone gets: `layers[layer][direction]`, each a cell, and the read-out or None."""

    layers: list[tuple[Any, ...]]
    dense: Any = None


def array(name: str, value: Any) -> Array:
    """An array of finite float32 or float64, other kinds of float as float32.

    Raises:
        InputError, InputTypeError: it is none.
    """
    detach = getattr(value, "detach", None)
    a = np.asarray(value if detach is None else detach().cpu().numpy())
    if a.dtype.kind != "f" and a.dtype.name != "bfloat16":
        raise InputTypeError(f"{name}: dtype {a.dtype}, expected float32 or float64")
    if a.dtype not in (np.float32, np.float64):
        a = a.astype(np.float32)
    if not np.isfinite(a).all():
        raise InputError(f"{name}: holds NaN or infinity, expected finite numbers")
    return a


def rows(a: Array, given: str, wanted: str) -> Array:
    """The three blocks of rows, in the order `given`, put into the order `wanted`: "rzn" is gruvy's."""
    if a.shape[0] % 3:
        raise InputError(f"weights: {a.shape[0]} rows, expected 3 blocks of the same height")
    blocks = dict(zip(given, np.split(a, 3), strict=True))
    return np.concatenate([blocks[g] for g in wanted])


def model(layers: Any, convention: str, V: Any = None, b_y: Any = None, target: Any = None) -> Model:
    """A model of cells, checked, with or without a read-out.

    Raises:
        InputError: shapes do not fit each other.
    """
    weights = Weights(convention, layers)
    if min(weights.input_units, weights.hidden_units) < 1:
        raise InputError("weights: no units, expected at least 1 that comes in and 1 that is remembered")
    if V is None:
        return Model(weights=weights)
    width = weights.directions * weights.hidden_units
    if V.ndim != 2 or V.shape[1] != width or not len(V) or (b_y is not None and b_y.shape != (len(V),)):
        bias = "none" if b_y is None else str(b_y.shape)
        raise InputError(f"read-out: weights {V.shape} and bias {bias}, expected (O, {width}) and (O,)")
    b_y = np.zeros(len(V), V.dtype) if b_y is None else b_y
    if not V.dtype == b_y.dtype == weights.dtype:
        raise InputTypeError(f"read-out: dtype {V.dtype}, expected the recurrence's {weights.dtype}")
    if isinstance(target, Labels) and len(V) not in target.units:
        raise InputError(f"read-out: {len(V)} units, expected {target.units[0]} for as many classes")
    return Model(weights=weights, V=V, b_y=b_y, target=target)


def merged(weights: Weights, peer: str) -> Weights:
    """The weights with one bias where the peer has one; a sum that changes a number is told as a warning."""
    one = weights.merged()
    added = False
    for before, after in zip(weights.cells, one.cells, strict=True):
        for old, new in zip(before, after, strict=True):
            if old.c is not None and (new.c is None or len(old.c) != len(new.c)):
                added |= bool(old.c[: len(old.c) if new.c is None else -len(new.c)].any())
    if added:
        told = "r and z" if weights.convention.reset == "after" else "r, z and the candidate"
        say(
            f"{peer} has one bias for {told}: the input's and the recurrent one were added up; the function is the same"
        )
    return one


def say(text: str) -> None:
    """A `ConversionWarning` at the caller of the conversion."""
    warnings.warn(text, ConversionWarning, stacklevel=3)


def after_only(weights: Weights, peer: str) -> Weights:
    """In torch's convention, for a peer that resets after the product alone.

    Raises:
        ConventionError: the weights reset before it.
    """
    if weights.convention.reset != "after":
        raise ConventionError(
            f'convention "{weights.convention}": {peer} only has reset="after"; no weights make the two equal'
        )
    return weights.convert("torch")


def one_bias(cell: Cell) -> tuple[Array, Array]:
    """The bias (3H,) and the candidate's recurrent one (H,) of a merged cell, zeros where there are none."""
    b, c = both_biases(cell)
    return b, c[2 * len(c) // 3 :]


def readout(given: Model, peer: str) -> tuple[Array, Array] | None:
    """V and b_y, or None where the answer is the state itself.

    Raises:
        InputError: the model scales its inputs or targets, or reads a mean or a maximum, which the peer does not.
    """
    if given.scaler is not None and (given.scaler.mean.any() or (given.scaler.scale != 1).any()):
        raise InputError(
            f"model: scales its inputs, which {peer} has no place for; give gruvy.Weights or the network alone"
        )
    target = given.target
    if isinstance(target, (Numbers, Quantiles)) and (target.mean.any() or (target.scale != 1).any()):
        raise InputError(f"model: scales its targets, which {peer} has no place for; give the network alone")
    if given.pooling != "last":
        raise InputError(f'model: pooling="{given.pooling}", which {peer} has no place for; expected "last"')
    if given.V is None or given.b_y is None:
        return None
    itself = len(given.V) == given.V.shape[1] and bool((np.eye(len(given.V)) == given.V).all())
    if target is None and itself and not given.b_y.any():
        return None
    return given.V, given.b_y
