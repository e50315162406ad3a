"""The Triton kernels compiled for GPUs that need not be there: registers that do not suffice, and shared memory."""

from __future__ import annotations

import itertools
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gruvy.convention import Convention
from gruvy.nn import triton as engine
from gruvy.reference import Cell, Steps

pytestmark = [
    pytest.mark.skipif(find_spec("triton") is None, reason="needs triton, whose wheels are for Linux"),
    # from pybind11, at each use of a compiler
    pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION:UserWarning"),
]
INTEGERS = {"T", "B", "H", "a_t", "a_b", "s_t", "y_t", "y_b", "g_t", "b_t", "da_t", "dy_t", "dy_b"}
WHOLE = {"T", "B", "H", "s_t"}  # any number; the others are multiples of 16 where H is
KERNELS = [("held", "forward"), ("held", "backward"), ("read", "forward"), ("read", "backward")]
# As torch gives them: kind of number, how products round, the most units that a block holds, and bytes of a number.
NUMBERS = {
    "float16": ("fp16", "ieee", 128, 2),
    "bfloat16": ("bf16", "ieee", 128, 2),
    "float32": ("fp32", "ieee", 64, 4),
    "TF32": ("fp32", "tf32", 64, 4),
}
# Bytes that a thread keeps in memory for want of registers: a few numbers of the many hundreds that it works on.
STACK = 96


def compiled(target: int, file: str, name: str, number: str, *, cols: int | None = None, **switches: bool) -> Any:
    """A kernel for this compute capability, and the bytes of its stack."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = getattr(engine._kernels(file), name)
    kind, precision, held, _ = NUMBERS[number]
    constants = dict.fromkeys(("AFTER", "KEEPS", "BIAS", "VALID", "RESTARTS", "KEEP", "DY"), True) | switches
    constants |= {"PRECISION": precision, "WIDE": False, "ROWS": engine.ROWS, "DEEP": engine.DEEP}  # type: ignore[dict-item]
    constants["COLS"] = cols or (held if file == "held" and name != "begun" else engine.COLS)  # type: ignore[assignment]

    def of(argument: str) -> str:
        if argument in constants:
            return "constexpr"
        if argument in INTEGERS:
            return "i32"
        if argument in ("valid", "restarts"):
            return "*i1"
        return "*fp32" if argument in ("old", "new", "dstates") else f"*{kind}"

    names = kernel.arg_names
    aligned = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if n not in constants and n not in WHOLE}
    source = ASTSource(
        fn=kernel,
        signature={n: of(n) for n in names},
        constexprs={n: constants[n] for n in names if n in constants},
        attrs=aligned,
    )
    found = triton.compile(source, target=GPUTarget("cuda", target, 32), options=engine.OPTIONS)
    binary = Path(triton.knobs.cache.dir) / f"{file}.{name}.cubin"
    binary.write_bytes(found.asm["cubin"])
    looks = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    told = subprocess.run([looks, "-res-usage", binary], capture_output=True, text=True, check=True).stdout
    return found, int(re.findall(r"STACK:(\d+)", told)[0])


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


# Each kernel for each GPU, numbers and places of the reset gate in turns; all of them among the slow tests.
EACH = list(itertools.product((80, 90), KERNELS, (True, False)))
SOME = [(*each, list(NUMBERS)[i // 2 % 4]) for i, each in enumerate(EACH) if (i + i // 8) % 2 == 0]
REST = [(*each, number) for each in EACH for number in NUMBERS if (*each, number) not in SOME]


@pytest.mark.parametrize(
    ("target", "kernel", "after", "number"), [*SOME, *(pytest.param(*p, marks=pytest.mark.slow) for p in REST)]
)
def test_registers_and_shared_memory_suffice(target: int, kernel: tuple[str, str], after: bool, number: str) -> None:
    found, stack = compiled(target, *kernel, number, AFTER=after)
    assert stack <= STACK
    _, _, held, size = NUMBERS[number]
    if kernel[0] == "held":
        weights = 3 * held**2 * size
        assert weights == engine._HELD if size == 2 else 2 * weights == engine._HELD
        assert weights < found.metadata.shared <= weights + engine._BESIDE
    else:
        assert found.metadata.shared <= 96 << 10  # of 99 KiB that the smallest such GPUs have
    assert "atom" not in found.asm["ptx"]
    assert not re.search(r"\bred\.", found.asm["ptx"])


@pytest.mark.parametrize("target", [80, 90])
def test_the_states_that_steps_start_from(target: int) -> None:
    found, stack = compiled(target, "held", "begun", "float32")
    assert (stack, found.metadata.shared) == (0, engine.ROWS * engine.COLS * 4)


@pytest.mark.slow
def test_without_masks_restarts_biases_and_gates() -> None:
    bare = dict.fromkeys(("KEEPS", "BIAS", "VALID", "RESTARTS", "KEEP", "DY"), False)
    for kernel in KERNELS:
        assert compiled(80, *kernel, "bfloat16", **bare)[1] <= STACK


@pytest.mark.slow
def test_twice_the_units_would_not_fit() -> None:
    """That the stack is measured at all, and why a block holds no more."""
    assert compiled(90, "held", "forward", "float32", cols=128)[1] > 1000


class NoGpu:
    """As much of Triton's driver as compiling asks for."""

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 80, 32)

    def get_current_device(self) -> int:
        return -1  # whose kernels no GPU will ever find

    def get_current_stream(self, device: int) -> int:
        return 0


class Compiling:
    """A kernel whose launch ends when it is compiled for the arguments that came."""

    def __init__(self, kernel: Any, made: list[Any]) -> None:
        self.kernel, self.made = kernel, made

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        return lambda *given, **how: self.made.append(self.kernel.warmup(*given, grid=grid, **how))


@pytest.mark.parametrize(
    ("convention", "H", "dtype"),
    [
        ("torch", 1, torch.float32),  # Triton takes sizes of 1 for constants
        ("tutorial", 130, torch.bfloat16),
        pytest.param("torch", 64, torch.float32, marks=pytest.mark.slow),
        pytest.param("tutorial", 5, torch.float16, marks=pytest.mark.slow),
    ],
)
def test_the_engines_own_calls_compile(
    monkeypatch: pytest.MonkeyPatch, convention: str, H: int, dtype: torch.dtype
) -> None:
    """Through Triton's own reading of the arguments: all but the launch."""
    import triton

    made: list[Any] = []
    kernels = {file: SimpleNamespace() for file in ("held", "read")}
    for file, name in [*KERNELS, ("held", "begun")]:
        setattr(kernels[file], name, Compiling(getattr(engine._kernels(file), name), made))
    monkeypatch.setattr(triton.runtime.driver, "_active", NoGpu())
    monkeypatch.setattr(engine, "_kernels", lambda file: kernels.get(file) or SimpleNamespace(INTERPRETED=False))
    of, T, B = Convention.of(convention), 4, 3
    x, h = torch.randn(T, B, 2).to(dtype), torch.randn(B, H).to(dtype)
    weights = (torch.randn(size).to(dtype) for size in ((3 * H, 2), (3 * H, H), (3 * H,), (H,)))
    cell = Cell(*weights) if of.reset == "after" else Cell(*weights)._replace(c=None)
    steps = Steps(torch.tensor([4, 2, 0]), None, torch.ones(T, B, dtype=torch.bool))
    for reverse in (False, True):
        y, _, gates = engine.forward(x, h, cell, of, steps, reverse=reverse, keep=True)
        assert gates is not None
        dy = torch.ones(1, dtype=dtype).expand(T, B, H)
        engine.backward(dy, None, x, h, cell, y, gates, of, steps, reverse=reverse)
    assert len(made) == 6
    assert {(k.metadata.num_warps, k.metadata.num_stages) for k in made} == {(8, 2)}
    assert "atom" not in "".join(k.asm["ptx"] for k in made)
