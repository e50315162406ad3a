"""The Triton engine: the kernels in an interpreter, when it is chosen, and calls where it is missing or broken."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gruvy import EngineError
from gruvy.cli import app
from gruvy.convention import Convention
from gruvy.engines.choose import choose
from gruvy.nn import engine, route, triton
from gruvy.nn.check import Call
from gruvy.reference import Steps
from triton_cases import FAULTS, LIMITS

TESTS = Path(__file__).parent
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="needs triton, whose wheels are for Linux")


def interpreted(*argv: str) -> str:
    """What a process with Triton's interpreter prints."""
    here = {"PYTHONPATH": str(TESTS), "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *argv], env={**os.environ, **here}, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def problems(first: int, count: int) -> list[dict[str, Any]]:
    """These random problems, none of them with an error above the limit."""
    found = json.loads(interpreted(str(TESTS / "triton_cases.py"), str(first), str(count)))
    wrong = [(c, errors) for c, errors in found if max(errors.values()) > LIMITS[c["dtype"]]]
    assert not wrong, wrong[0]
    assert len(found) == count
    return [c for c, _ in found]


@needs_triton
def test_values_and_gradients_of_random_problems() -> None:
    cases = problems(0, 40)
    for name, values in {"B": (1, 3, 17), "H": (1, 5, 16, 33, 64), "T": range(10)}.items():
        assert {c[name] for c in cases} == set(values)
    assert {c["convention"] for c in cases} == {f"{r},{u}" for r in ("before", "after") for u in ("adds", "keeps")}
    assert {c["dtype"] for c in cases} == {"float32", "float16", "bfloat16"}
    for name in ("lengths", "mask", "restarts", "bias", "reverse", "read", "dy", "dh", "views"):
        assert {c[name] for c in cases} == {False, True}


@needs_triton
@pytest.mark.slow
def test_values_and_gradients_of_700_random_problems() -> None:
    """500 of them in float32."""
    cases = problems(0, 700)
    assert sum(c["dtype"] == "float32" for c in cases) >= 500


@needs_triton
def test_every_planted_fault_is_seen() -> None:
    found = json.loads(interpreted(str(TESTS / "triton_cases.py"), "faults"))
    assert list(found) == list(FAULTS)
    assert None not in found.values(), found


def run_tests(*argv: str) -> None:
    """Tests of layers in a process with the interpreter, whose NumPy warns where a GPU would not."""
    told = interpreted("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning", *argv)
    assert " passed" in told
    assert "skipped" not in told


LAYERS, EVERY_ENGINE = str(TESTS / "interpreted_triton.py"), str(TESTS / "test_nn_conventions.py")


@needs_triton
def test_layers_and_the_edges_of_every_engine() -> None:
    """Of the tests of every engine, one convention; one kind of padding."""
    some = "interpreted or (triton and tutorial and not inf and not 300 and not 7.0)"
    run_tests(LAYERS, EVERY_ENGINE, "-k", some)


@needs_triton
@pytest.mark.slow
def test_all_edges_and_gradients_of_every_engine() -> None:
    run_tests(EVERY_ENGINE, "-k", "triton")


def on_gpu(dtype: torch.dtype = torch.float32) -> Any:
    """As much of an input on a GPU as the choice of an engine looks at."""
    device = SimpleNamespace(type="cuda")
    of = {"is_cuda": True, "is_cpu": False, "is_meta": False, "requires_grad": False}
    return SimpleNamespace(**of, device=device, dtype=dtype, shape=(4, 2, 3), element_size=lambda: dtype.itemsize)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Triton is there, not interpreted, and the GPU has compute capability 8.0."""
    monkeypatch.setattr(triton, "installed", lambda: (True, "triton 3"))
    monkeypatch.setattr(triton, "_kernels", lambda _: SimpleNamespace(INTERPRETED=False))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    return monkeypatch


def test_the_engine_for_a_gpu(gpu: pytest.MonkeyPatch) -> None:
    assert engine.choose(on_gpu(), None) == (engine.TRITON, "triton 3")
    assert engine.choose(on_gpu(torch.bfloat16), "triton") == (engine.TRITON, "triton 3")
    assert engine.choose(on_gpu(), "reference")[0] is engine.PLAIN
    with pytest.raises(EngineError, match=r"engine 'native' \(GRUVY_ENGINE\) cannot serve: it has the CPU, not cuda"):
        engine.choose(on_gpu(), "native")
    wide = "it has float32, float16 and bfloat16, not float64"
    assert engine.choose(on_gpu(torch.float64), None) == (engine.PLAIN, f"no triton engine: {wide}")
    for forced in (torch.float32, torch.float64):
        with pytest.raises(EngineError, match=r"engine 'triton' \(GRUVY_ENGINE\) cannot serve: it has"):
            engine.choose(torch.empty(1, dtype=forced), "triton")
    assert engine.choose(torch.empty(1), None)[0] is not engine.TRITON
    gpu.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    old = "it has GPUs from compute capability 8.0 on, not 7.5"
    assert engine.choose(on_gpu(), None) == (engine.PLAIN, f"no triton engine: {old}")
    gpu.setattr(torch.version, "hip", "6.4")
    assert engine.choose(on_gpu(), None)[1] == "no triton engine: it has NVIDIA's GPUs, not AMD's"


def way(convention: str, mask: Any = None, *, gates: bool = False) -> tuple[str, str]:
    call = Call(on_gpu(), on_gpu(), Steps(None, mask, None), True, False, None, None)
    return route.path_of(call, route.route(call, [], Convention.of(convention), False, gates))


def test_torchs_own_convention_goes_to_cudnn_on_a_gpu(gpu: pytest.MonkeyPatch) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triton, "installed", lambda: pytest.fail("Triton was asked for"))
        assert way("torch") == ("torch kernel", "nothing that torch.nn.GRU lacks is asked for")
    assert way("torch", True) == ("triton", "mask; triton 3")
    assert way("torch", gates=True) == ("triton", "return_gates; triton 3")
    assert way("tutorial") == ("triton", 'convention "tutorial"; triton 3')
    gpu.setenv("GRUVY_ENGINE", "triton")
    assert way("torch") == ("triton", "GRUVY_ENGINE=triton; triton 3")


@pytest.mark.parametrize(
    ("dtype", "H", "shared", "held"),
    [
        (torch.float32, 64, 101376, True),
        (torch.float32, 65, 232448, False),
        (torch.float16, 128, 101376, False),  # as on a GPU of compute capability 8.6
        (torch.bfloat16, 128, 166912, True),
        (torch.bfloat16, 129, 232448, False),
    ],
)
def test_whether_a_block_holds_the_weights(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, H: int, shared: int, held: bool
) -> None:
    device = SimpleNamespace(shared_memory_per_block_optin=shared)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: device)
    assert triton.holds(on_gpu(dtype), H) == held


def test_tf32_where_torch_allows_it(gpu: pytest.MonkeyPatch) -> None:
    def rounding(dtype: torch.dtype) -> str:
        return str(triton._precision(on_gpu(dtype))["PRECISION"])

    assert rounding(torch.float32) == "ieee"
    backends: Any = torch.backends
    for owner in (backends.cuda.matmul, backends):
        before = owner.fp32_precision
        owner.fp32_precision = "tf32"
        try:
            assert (rounding(torch.float32), rounding(torch.bfloat16)) == ("tf32", "ieee")
        finally:
            owner.fp32_precision = before
    assert rounding(torch.float32) == "ieee"
    gpu.setattr(backends.cuda, "matmul", SimpleNamespace(allow_tf32=True))  # as before torch 2.9
    assert rounding(torch.float32) == "tf32"


def test_arrays_are_refused_where_it_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRUVY_ENGINE", "triton")
    text = "engine 'triton' (GRUVY_ENGINE) cannot serve: it has torch's tensors, not NumPy's arrays"
    with pytest.raises(EngineError) as error:
        choose()
    assert str(error.value) == text
    assert f"no engine: {text}" in doctor()


TRAIN = """
import torch, gruvy
for convention in ("torch", "tutorial"):
    layer = gruvy.nn.GRU(3, 5, convention=convention, dtype=torch.float16)
    layer(torch.randn(4, 2, 3).half(), lengths=[4, 2])[0].sum().backward()
    gruvy.nn.GRU(3, 5, convention=convention)(torch.randn(4, 2, 3))[0].sum().backward()
"""


def told(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_call_on_the_cpu_does_not_import_triton() -> None:
    assert (
        told(f"{TRAIN}\nimport sys; print('triton' in sys.modules, 'gruvy.nn.triton' in sys.modules)") == "False True\n"
    )


CHOOSE = f"""
import sys; sys.path.insert(0, {str(TESTS)!r})
from gruvy.nn.engine import choose
from test_nn_triton import on_gpu
print(*choose(on_gpu(), None))
"""


def test_without_triton() -> None:
    missing = "import sys; sys.modules['triton'] = None\n"
    assert told(missing + TRAIN) == ""
    assert told(missing + CHOOSE).endswith("no triton engine: triton is not installed\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "triton", None)
        patch.setattr(triton, "installed", functools.cache(triton.installed.__wrapped__))
        said = doctor()
    assert "for all else torch operations step by step, since triton is not installed" in said


def test_with_a_broken_triton(tmp_path: Path) -> None:
    (tmp_path / "triton.py").write_text("raise OSError('libcuda.so.1: no such file')\n")
    broken = {"PYTHONPATH": str(tmp_path)}
    assert told(TRAIN, **broken) == ""
    assert told(CHOOSE, **broken).endswith(
        "no triton engine: triton does not import: OSError: libcuda.so.1: no such file\n"
    )
    assert "since triton does not import: OSError" in told("from gruvy.cli import app; app(['doctor'])", **broken)


@needs_triton
def test_the_doctor_names_the_version() -> None:
    assert f"for all else {triton.installed()[1]}" in doctor()


def doctor() -> str:
    from typer.testing import CliRunner

    return " ".join(CliRunner().invoke(app, ["doctor"]).stdout.split())
