"""A trained model as C99: one step of a stream without allocation, with scaler, pooling, read-out and a self-test."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import files as disk
from .._version import __version__
from ..checks import whole
from ..errors import InputError
from ..model.model import Model
from ..model.task import Labels, Numbers
from .c_text import array, c_name, text
from .eight_bits import in_8_bits, levels, rounded
from .single import exportable, single

Array = np.ndarray[Any, Any]

SEQUENCES, STEPS = 2, 12  # of the self-test


class CFiles(NamedTuple):
    """What `to_c` wrote: the files, the net's own first.

    Of the net: bytes of the weights (flash) and of the state (RAM), multiply-adds a step, and what should be known;
    and the model whose answers the code gives, in float32 or with its weights rounded to 8 bits.
    """

    files: list[Path]
    weights: int
    state: int
    multiply_adds: int
    notes: list[str]
    model: Model


def to_c(model: Any, folder: str | os.PathLike[str], *, name: str = "net", int8: bool = False, seed: int = 0) -> CFiles:
    """Write a model as C99 that does one step of a stream: ``NAME.h`` and ``NAME.c``.

    Beside them are ``selftest.c`` with stored inputs and answers, ``example.c``, a ``Makefile`` and a
    ``CMakeLists.txt``. The code answers what `Model.stream` does after each step, in float32; it allocates nothing and
    uses nothing of the C library but math.h.

    Args:
        model: what `Model.of` takes: a loaded model, a fitted estimator, a `gruvy.GRU`, a layer, `Weights`.
        folder: made if it is not there.
        name: begins every name in the code; what C does not accept in names becomes ``_``.
        int8: matrices in 8 bits with a scale for each row, sums in 32 bits: a quarter of the size, and a little off.
        seed: of the self-test's inputs.

    Raises:
        InputError: the model is bidirectional or a forecaster, a number in it is not finite in float32, or a class is
            too long for C. OSError: a file cannot be written.

    Example:
        >>> import tempfile, gruvy
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     done = to_c(gruvy.GRU(2, 4, 1), folder)
        ...     print([path.name for path in done.files])
        ...     print(done.weights, done.state, done.multiply_adds)
        ['net.h', 'net.c', 'selftest.c', 'example.c', 'Makefile', 'CMakeLists.txt']
        356 48 76
    """
    model = exportable(model)
    if model.weights.directions == 2:
        raise InputError(
            "the model is bidirectional: it reads each sequence from its end too, so C cannot do it step by step; "
            "train with bidirectional=False"
        )
    whole("seed", seed, 0)
    net, notes = single(model, "the precision of the C code")
    name, folder = c_name(name), Path(folder)
    said, size = _net(net, int8)
    said |= {"name": name, "NAME": name.upper(), "version": __version__}
    allowed = 1e-3 if int8 else 1e-5  # in 8 bits the stored answers are those of the rounded weights
    model = rounded(net) if int8 else net
    said |= {"vectors": _vectors(model, seed, allowed), "allowed": repr(allowed)}
    said |= {"sequences": str(SEQUENCES), "steps": str(STEPS)}
    said |= _spoken(net, name)
    named = {
        "net.h": f"{name}.h", "net.c": f"{name}.c", "selftest.c": "selftest.c", "example.c": "example.c",
        "Makefile": "Makefile", "CMakeLists.txt": "CMakeLists.txt",
    }  # fmt: skip
    written = {folder / path: _filled(template, said) for template, path in named.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in written.items():
        disk.write(path, content)
    return CFiles(list(written), *size, notes, model)


def _filled(template: str, said: dict[str, str]) -> str:
    """A template with every @word@ in it replaced."""
    form = (files(__package__) / "c" / f"{template}.in").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda found: said[found[1]], form)


def _net(net: Model, int8: bool) -> tuple[dict[str, str], tuple[int, int, int]]:
    """What the templates say of the net; its bytes of weights and of state, and its multiply-adds a step."""
    w = net.weights.merged()
    L, I, H, after = w.layers, w.input_units, w.hidden_units, w.convention.reset == "after"
    constants: list[tuple[str, Array]] = []
    rows = []

    def matrix(label: str, a: Array) -> str:
        """Enters it among the constants; gives what C calls it."""
        if not int8:
            constants.append((label, a))
            return f"{{{label}, {a.shape[1]}}}"
        constants.extend(zip((label, f"{label}_scales"), in_8_bits(a), strict=True))
        return f"{{{label}, {label}_scales, {a.shape[1]}}}"

    for k, ((W, U, b, c),) in enumerate(w.cells):
        matrices = f"{matrix(f'W{k}', W)}, {matrix(f'U{k}', U)}"
        constants.append((f"b{k}", np.zeros(3 * H, np.float32) if b is None else b))
        if after:
            constants.append((f"c{k}", np.zeros(H, np.float32) if c is None else c))
        rows.append(f"    {{{matrices}, b{k}{f', c{k}' if after else ''}}},\n")
    read_outs, V = 0 if net.V is None else len(net.V), ""
    if net.V is not None:
        V = matrix("V_rows", net.V)
        constants += [("b_y", np.zeros(read_outs, np.float32) if net.b_y is None else net.b_y)]
    if net.scaler is not None:
        constants += [("input_mean", net.scaler.mean), ("input_scale", net.scaler.scale)]
    if isinstance(net.target, Numbers):
        constants += [("target_mean", net.target.mean), ("target_scale", net.target.scale)]
    for label, a in constants:
        if not np.isfinite(a).all():
            raise InputError(f"{label}: holds NaN or infinity; expected finite numbers")
    pooling = _pooling(net)
    doubles = 1 + H if pooling == "mean" else 0
    floats = L * H + 2 * H + (H if pooling == "max" else 0) + (I if net.scaler is not None else 0)
    shorts = max(I, H) + H if int8 else 0
    state = 8 * doubles + 4 * floats + 2 * shorts
    state += -state % 4
    state += -state % 8 if doubles else 0  # a struct with doubles ends where the next could begin
    products = sum(W.size + U.size for ((W, U, _, _),) in w.cells) + (0 if net.V is None else net.V.size)
    said = {
        "title": f"A GRU: convention {w.convention}, {_answer(net)}",
        "answer": _answer(net),
        "inputs": str(I), "hidden": str(H), "layers": str(L), "outputs": str(_outputs(net)),
        "read_outs": str(read_outs),
        "reset_after": str(int(after)), "update_keeps": str(int(w.convention.keeps)),
        "scaled": str(int(net.scaler is not None)),
        "mean_pooled": str(int(pooling == "mean")), "max_pooled": str(int(pooling == "max")),
        "probabilities": str(int(isinstance(net.target, Labels))),
        "numbers": str(int(isinstance(net.target, Numbers))),
        "weights": "".join(array(label, a) for label, a in constants),
        "table": "".join(rows), "V": V,
        "int8": str(int(int8)), "levels": f"{levels(max(I, H))}.0f",
        "stdint": "#include <stdint.h>\n\n" if int8 else "",
        "rounded": f"    int16_t rounded_x[{max(I, H)}], rounded_h[{H}];\n" if int8 else "",
    }  # fmt: skip
    return said, (sum(a.nbytes for _, a in constants), state, products)


def _pooling(net: Model) -> str:
    return "last" if net.task == "tag" else net.pooling


def _outputs(net: Model) -> int:
    return net.outputs if net.classes is None else len(net.classes)


def _answer(net: Model) -> str:
    per_step = net.task == "tag"
    if isinstance(net.target, Labels):
        return "probabilities of the classes" + (" of this step" if per_step else "")
    if isinstance(net.target, Numbers):
        return "numbers on their own scale"
    return "the state of the last layer" if net.V is None else "read-outs"


def _spoken(net: Model, name: str) -> dict[str, str]:
    """The parts that depend on classes and pooling."""
    NAME, pooling = name.upper(), _pooling(net)
    said = {"pooled": "", "seen": "", "classes": "", "class_names": "", "said": "", "spoken": ""}
    if pooling == "mean":
        said["pooled"] = f"    double steps, sum[{NAME}_HIDDEN]; /* since the last reset */\n"
    elif pooling == "max":
        said["pooled"] = f"    float highest[{NAME}_HIDDEN]; /* since the last reset */\n"
    if net.scaler is not None:
        said["seen"] = f"    float seen[{NAME}_INPUTS];\n"
    if net.classes is not None:
        said["class_names"] = "".join(f"    {text(str(label))},\n" for label in net.classes)
        said["said"], said["spoken"] = ",%s", f", {name}_classes[{name}_likeliest(answer)]"
        said["classes"] = (
            f"\n/* Names of the classes (UTF-8), in the order of the answer; and the place of the likeliest. */\n"
            f"extern const char *const {name}_classes[{NAME}_OUTPUTS];\n"
            f"int {name}_likeliest(const float answer[{NAME}_OUTPUTS]);\n"
        )
    return said


def _vectors(net: Model, seed: int, allowed: float) -> str:
    """Inputs like the model's own, what the stream answers to them, and where it ends; how far an answer may be off."""
    rng, w = np.random.default_rng(seed), net.weights
    x = rng.normal(size=(SEQUENCES, STEPS, w.input_units))
    if net.scaler is not None:
        x = net.scaler.back(x)
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    answers, states = [], []
    for sequence in x:
        stream = net.stream()
        answers.append([np.reshape(stream.push(row), -1) for row in sequence])
        states.append(stream.state.hidden[:, 0])
    y = np.array(answers)
    unit = np.abs(net.target.scale) if isinstance(net.target, Numbers) else np.ones(y.shape[-1])
    most = allowed * unit + allowed / 10 * np.abs(y).max(axis=(0, 1))
    found = {"inputs": x, "answers": y, "states": np.array(states), "allowed": most}
    with np.errstate(over="ignore"):
        found = {label: a.astype(np.float32) for label, a in found.items()}
    if not all(np.isfinite(a).all() for a in found.values()):
        raise InputError("the model has inputs or answers beyond float32; expected numbers below 1e38")
    return "".join(array(label, a, shaped=True) for label, a in found.items())
