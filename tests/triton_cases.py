"""Random problems for the Triton engine on Triton's interpreter, against float64 torch operations; and planted faults.

    TRITON_INTERPRET=1 PYTHONPATH=tests python tests/triton_cases.py 0 500         # problems 0 to 499
    TRITON_INTERPRET=1 PYTHONPATH=tests python tests/triton_cases.py faults        # each fault, and who sees it
    PYTHONPATH=tests python tests/triton_cases.py 0 500 cuda                       # on a GPU, where there is one

The interpreter has to be asked for before the kernels are imported, hence a process of its own. It prints JSON.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from compare import error, limit
from gruvy import Convention
from gruvy.nn import plain, triton
from gruvy.reference import Cell, Steps

SIZES = {"B": (1, 3, 17), "H": (1, 5, 16, 33, 64), "T": tuple(range(10))}
F64 = torch.float64
# The largest error against float64 that passes, of each dtype.
LIMITS = {
    "float32": limit("float32 in Triton"),
    "float16": limit("float16 in Triton"),
    "bfloat16": limit("bfloat16 in Triton"),
}
# Each is planted into the source of the kernels: the text that is there, and what stands in its place.
FAULTS = {
    "the reset gate is left out": ("product(r * h, U_n, none", "product(h, U_n, none"),
    "the reset gate acts before the bias": ("return tanh(a_n + r * q)", "return tanh(a_n + q)"),
    "the update gate is turned round": ("return (1 - z) * n + z * h", "return (1 - z) * h + z * n"),
    "the weights are not transposed": ("col[:, None] + col[None, :] * H", "col[:, None] * H + col[None, :]"),
    "the candidate's bias is left out": ("q_0 += part(c + col[None, :], cols)", "q_0 += 0"),
    "a masked step changes the state": ("h = tl.where(v, new, h)\n            new", "h = new\n            new"),
    "a restart is overlooked": ("h = tl.where(flag(restarts, rows), 0.0, h)\n        r = ", "r = "),
    "a restart is overlooked going back": ("h = tl.where(flag(restarts, rows), 0.0, h)\n        new", "new"),
    "a gradient crosses a restart": ("dh = tl.where(flag(restarts, rows), 0.0, dh)\n        dy", "dy"),
    "no derivative of tanh": ("dn * (1 - n * n)", "dn"),
    "no gradient through the reset state": ("dh_old += drh * r", "dh_old += 0 * drh"),
    "no gradient through q": ("dh_old = product(dq_own, U_n, dh_old, PRECISION, WIDE)", "dh_old += 0"),
    "no gradient through z": ("product(da_z, U_z, dh_old, PRECISION, WIDE)", "dh_old"),
    "the gradient of a masked step": ("d = tl.where(v, d, 0.0)\n        h", "h"),
    "read: the states do not take turns": ("old, new = new, old", "old, new = old, new"),
    "read: the last tile is left out": ("for k in range(0, H, DEEP):", "for k in range(0, H - DEEP + 1, DEEP):"),
    "read: no gradient through the reset state": ("inside) + drh * r,", "inside),"),
    "read: no gradient through q": ("here), U_n, dh, PRECISION, WIDE)", "here), 0 * U_n, dh, PRECISION, WIDE)"),
    "read: a restart is overlooked": ("p = tl.where(cut, 0.0, part(old", "p = (part(old"),
}  # fmt: skip


class Case(NamedTuple):
    """What one problem has; `read`: by the kernels that read the weights at every step, in small tiles."""

    seed: int
    T: int
    B: int
    H: int
    convention: str
    dtype: str
    lengths: bool
    mask: bool
    restarts: bool
    bias: bool
    reverse: bool
    read: bool
    dy: bool
    dh: bool
    views: bool


def case(seed: int) -> Case:
    rng = random.Random(seed)
    of = f"{rng.choice(('before', 'after'))},{rng.choice(('adds', 'keeps'))}"
    T, B, H = (rng.choice(SIZES[axis]) for axis in "TBH")
    flags = [rng.random() < share for share in (0.4, 0.4, 0.4, 0.7, 0.5, 0.3, 0.8, 0.8, 0.4)]
    dtype = rng.choice(("float32",) * 6 + ("float16", "bfloat16"))
    return Case(seed, T, B, H, of, dtype, *flags)


def made(c: Case, device: str) -> tuple[Tensor, Tensor, Cell, Convention, Steps, Tensor | None, Tensor | None]:
    """Inputs of the engine, some of them views with strides of their own."""
    torch.manual_seed(c.seed)
    dtype, of, I = getattr(torch, c.dtype), Convention.of(c.convention), random.Random(-c.seed - 1).choice((1, 4, 7))

    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape).to(device, dtype)

    def weights(*shape: int) -> Tensor:
        return ((2 * torch.rand(*shape) - 1) * c.H**-0.5).to(device, dtype)

    def timed(t: Tensor) -> Tensor:
        return t.transpose(0, 1).contiguous().transpose(0, 1) if c.views else t

    has_c = c.bias and of.reset == "after"
    biases = weights(3 * c.H) if c.bias else None, weights(c.H) if has_c else None
    cell = Cell(weights(3 * c.H, I), weights(3 * c.H, c.H), *biases)
    steps = Steps(
        torch.randint(0, c.T + 1, (c.B,)).to(device) if c.lengths else None,
        timed((torch.rand(c.T, c.B) > 0.3).to(device)) if c.mask else None,
        timed((torch.rand(c.T, c.B) > 0.7).to(device)) if c.restarts else None,
    )
    dy = numbers(c.T, 1, c.H).expand(c.T, c.B, c.H) if c.views else numbers(c.T, c.B, c.H)
    x, h, dh = timed(numbers(c.T, c.B, I)), numbers(c.B, c.H), numbers(c.B, c.H)
    return x, h, cell, of, steps, dy if c.dy else None, dh if c.dh else None


def run(c: Case, device: str = "cpu") -> dict[str, float]:
    """The error of each result, as `compare.error` has it; of the biases' gradients in torch's tensors."""
    x, h, cell, of, steps, dy, dh = made(c, device)
    holds, tiles = triton.holds, (triton.COLS, triton.DEEP)
    if c.read:
        triton.holds, triton.COLS, triton.DEEP = (lambda x, H: False), 16, 16
    try:
        out = x.new_full((c.T, c.B, 2 * c.H), torch.nan)[..., c.H :] if c.views else None
        y, last, gates = triton.forward(x, h, cell, of, steps, reverse=c.reverse, keep=True, out=out)
        assert gates is not None
        back = triton.backward(dy, dh, x, h, cell, y, gates, of, steps, reverse=c.reverse)
    finally:
        triton.holds, (triton.COLS, triton.DEEP) = holds, tiles

    def wide(t: Any) -> Any:
        return t if t is None else t.to(F64)

    wide_cell = Cell(*map(wide, cell))
    y_, last_, gates_ = plain.forward(wide(x), wide(h), wide_cell, of, steps, reverse=c.reverse, keep=True)
    assert gates_ is not None
    back_ = plain.backward(
        wide(dy), wide(dh), wide(x), wide(h), wide_cell, y_, gates_, of, steps, reverse=c.reverse
    )  # fmt: skip

    def named(y: Any, last: Any, gates: Any, back: Any) -> dict[str, Any]:
        dx, dh, (dW, dU, db, dc) = back
        found = {"y": y, "last": last, "gates": gates, "dx": dx, "dh": dh, "dW": dW, "dU": dU, "bias_ih": db}
        return found if dc is None else found | {"bias_hh": torch.cat([db[: 2 * c.H], dc])}

    expected = named(y_, last_, gates_, back_)
    return {n: error(wide(t), expected[n]) for n, t in named(y, last, gates, back).items()}


def faulty(name: str) -> None:
    """Kernels with this fault from here on."""
    old, new = FAULTS[name]
    home = Path(tempfile.mkdtemp()) / f"faulty_{list(FAULTS).index(name)}"
    home.mkdir()
    (home / "__init__.py").touch()
    planted = 0
    for file in ("parts", "held", "read"):
        text = Path(triton.__file__).with_name(f"{file}.py").read_text(encoding="utf-8")
        if name.startswith("read: ") == (file == "read") or file == "parts":
            planted += text.count(old)
            text = text.replace(old, new)
        (home / f"{file}.py").write_text(text, encoding="utf-8")
    assert planted, f"no such text: {old}"
    sys.path.insert(0, str(home.parent))
    triton._kernels = lambda file: importlib.import_module(f"{home.name}.{file}")


def first_seen() -> dict[str, int | None]:
    """For each fault the first problem in float32 that sees it."""
    found: dict[str, int | None] = {}
    real = triton._kernels
    for name in FAULTS:
        faulty(name)
        cases = (c for c in map(case, range(400)) if c.dtype == "float32" and c.read == name.startswith("read: "))
        found[name] = next((c.seed for c in cases if c.T > 2 and max(run(c).values()) > LIMITS[c.dtype]), None)
        triton._kernels = real
    return found


def main(argv: list[str]) -> int:
    torch.set_num_threads(1)
    assert triton.installed()[0], triton.installed()[1]
    assert triton._kernels("parts").INTERPRETED or argv[2:] == ["cuda"]
    if argv[0] == "faults":
        print(json.dumps(first_seen()))
        return 0
    first, count = map(int, argv[:2])
    print(json.dumps([[case(seed)._asdict(), run(case(seed), *argv[2:])] for seed in range(first, first + count)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
